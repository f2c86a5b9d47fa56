//! `connected_content`: asks a web address, in two phases.
//!
//! The tag's address and options are small templates of their own. Rendering puts a request
//! together; if the host has its answer the render goes on with it, else it stops and says what it
//! needs. Nothing here touches the network.

use crate::compile::Compiler;
use crate::fault::{Fault, FaultCode, Span};
use crate::node::{Body, ConnectedContent, Node};
use crate::render::{Flow, Halt, Renderer};
use crate::request::{Answer, Caching, Method, Request};
use crate::scan::{Tag, is_space};
use crate::stop::Stop;
use crate::value::Value;
use serde_json::Value as Json;

/// Braze keeps answers between five minutes and four hours.
const CACHE_SECONDS: std::ops::RangeInclusive<u32> = 300..=14_400;

const OPTIONS: [&str; 10] = [
    ":save",
    ":method",
    ":headers",
    ":body",
    ":content_type",
    ":basic_auth",
    ":auth_credentials",
    ":cache_max_age",
    ":no_cache",
    ":retry",
];

impl Compiler<'_> {
    pub(crate) fn connected_content(&mut self, body: &mut Body, tag: &Tag) -> Result<(), Fault> {
        let words = self.words(tag.markup.clone());
        let Some((url, options)) = words.split_first() else {
            let fault = Fault::syntax(tag.span.clone(), "`connected_content` needs an address");
            return Err(fault.hint("write {% connected_content https://… :save name %}"));
        };
        let span = self.outer(tag.span.clone());
        self.findings.uses.connected_content.push(span);
        let mut node = ConnectedContent {
            url: self.quiet_part(url.clone()),
            method: Method::Get,
            headers: None,
            body: None,
            content_type: None,
            basic_auth: None,
            auth_credentials: None,
            caching: Caching::Usual,
            retry: false,
            slot: 0,
            place: tag.span.clone().into(),
        };
        let mut saved = "connected";
        let mut at = 0;
        while let Some(option) = options.get(at) {
            at += 1;
            let name = self.slice(option);
            match name {
                ":no_cache" => node.caching = Caching::Never,
                ":retry" => node.retry = true,
                _ if !name.starts_with(':') => {
                    let fault = Fault::new(
                        option.clone(),
                        FaultCode::Argument,
                        "an option starts with `:`",
                    );
                    let hint = "an address and a body can't have spaces outside of `{{ }}`";
                    return Err(fault.hint(hint));
                }
                _ if !OPTIONS.contains(&name) => {
                    let message = format!("`connected_content` has no option `{name}`");
                    let fault = Fault::new(option.clone(), FaultCode::Argument, message);
                    return Err(fault.meant(name, OPTIONS));
                }
                _ => {
                    let Some(value) = options.get(at) else {
                        let message = format!("`{name}` needs a value");
                        return Err(Fault::new(option.clone(), FaultCode::Argument, message));
                    };
                    at += 1;
                    if name == ":save" {
                        saved = self.slice(value);
                    } else {
                        self.option(&mut node, name, value)?;
                    }
                }
            }
        }
        node.slot = self.slot(saved);
        body.blank = false;
        body.nodes.push(Node::ConnectedContent(Box::new(node)));
        Ok(())
    }

    fn option(
        &mut self,
        node: &mut ConnectedContent,
        name: &str,
        value: &Span,
    ) -> Result<(), Fault> {
        let text = self.slice(value);
        let wrong = |message: String| Err(Fault::new(value.clone(), FaultCode::Argument, message));
        match name {
            ":method" if text.eq_ignore_ascii_case("get") => node.method = Method::Get,
            ":method" if text.eq_ignore_ascii_case("post") => node.method = Method::Post,
            ":method" => return wrong(format!("the method is `get` or `post`, not `{text}`")),
            ":headers" => node.headers = Some(self.quiet_part(value.clone())),
            ":body" => node.body = Some(self.quiet_part(value.clone())),
            ":content_type" => node.content_type = Some(self.quiet_part(value.clone())),
            ":basic_auth" => node.basic_auth = Some(text.into()),
            ":auth_credentials" => node.auth_credentials = Some(text.into()),
            _ => match text.parse() {
                Ok(seconds) if CACHE_SECONDS.contains(&seconds) => {
                    node.caching = Caching::Seconds(seconds);
                }
                Ok(_) => {
                    return wrong(format!(
                        "`:cache_max_age` is between {} and {} seconds",
                        CACHE_SECONDS.start(),
                        CACHE_SECONDS.end()
                    ));
                }
                Err(_) => return wrong(format!("`{text}` is no number of seconds")),
            },
        }
        Ok(())
    }

    /// Compiles a part without following it as text of the message.
    fn quiet_part(&mut self, span: Span) -> Body {
        let json = self.fork();
        let part = self.part(span);
        self.restart(json);
        part
    }

    /// Words between white space; braces, brackets and quotes inside `{}` keep theirs together.
    fn words(&self, markup: Span) -> Vec<Span> {
        let bytes = &self.source.as_bytes()[..markup.end];
        let mut words = Vec::new();
        let mut at = markup.start;
        while at < markup.end {
            if is_space(bytes[at]) {
                at += 1;
                continue;
            }
            let start = at;
            let mut open = 0usize;
            let mut quote = None;
            while at < markup.end && (open > 0 || !is_space(bytes[at])) {
                match bytes[at] {
                    b'\\' if quote.is_some() => at += 1,
                    q @ (b'"' | b'\'') if open > 0 && quote == Some(q) => quote = None,
                    q @ (b'"' | b'\'') if open > 0 && quote.is_none() => quote = Some(q),
                    b'{' => open += 1,
                    b'}' => open = open.saturating_sub(1),
                    _ => {}
                }
                at += 1;
            }
            at = at.min(markup.end);
            words.push(start..at);
        }
        words
    }
}

impl<'r> Renderer<'r> {
    pub(crate) fn connected_content_node(
        &mut self,
        node: &'r ConnectedContent,
        out: &mut String,
    ) -> Result<Flow, Halt> {
        let request = self.request(node)?;
        if self.requests_left == 0 {
            return Err(self.error(node.place, "too many Connected Content requests"));
        }
        self.requests_left -= 1;
        let view = self.view;
        let Some(answer) = view.answer(&request) else {
            return Err(Box::new(Stop::Needs(vec![request])));
        };
        if !answer.is_success() {
            self.set(node.slot, Value::Nil);
            return Ok(Flow::Next);
        }
        match answer.json() {
            Some(json) => {
                let saved = self.saved(json, answer);
                let saved = self.at(node.place, saved)?;
                self.set(node.slot, saved);
            }
            None => self.show(Value::Str(answer.body()), node.place, out)?,
        }
        Ok(Flow::Next)
    }

    /// An object also tells the status it came with.
    fn saved(
        &self,
        json: &'r Json,
        answer: &'r Answer,
    ) -> Result<Value<'r>, crate::arena::Refusal> {
        let Json::Object(object) = json else {
            return Ok(Value::json(json));
        };
        let mut entries: Vec<(&'r str, Value<'r>)> =
            object.iter().map(|(key, value)| (key.as_str(), Value::json(value))).collect();
        entries.push(("__http_status_code__", Value::Int(answer.status().into())));
        self.arena.map(&entries)
    }

    fn request(&mut self, node: &'r ConnectedContent) -> Result<Request, Halt> {
        let url = self.part(&node.url)?;
        if url.is_empty() {
            return Err(self.error(node.place, "the address of `connected_content` is empty"));
        }
        let headers = match &node.headers {
            Some(headers) => self.headers(headers, node)?,
            None => Vec::new(),
        };
        let content_type = node.content_type.as_ref().map(|t| self.part(t)).transpose()?;
        let body = match (&node.body, node.method) {
            (Some(body), Method::Post) => Some(self.part(body)?),
            _ => None,
        };
        Ok(Request {
            method: node.method,
            url,
            headers,
            body: body.map(|body| encoded(body, content_type.as_deref())),
            content_type,
            basic_auth: node.basic_auth.as_deref().map(str::to_owned),
            auth_credentials: node.auth_credentials.as_deref().map(str::to_owned),
            caching: node.caching,
            retry: node.retry,
        })
    }

    fn part(&mut self, body: &'r Body) -> Result<String, Halt> {
        let mut text = String::new();
        self.body(body, &mut text)?;
        Ok(text.trim().to_owned())
    }

    fn headers(
        &mut self,
        headers: &'r Body,
        node: &ConnectedContent,
    ) -> Result<Vec<(String, String)>, Halt> {
        let text = self.part(headers)?;
        match serde_json::from_str::<serde_json::Map<String, Json>>(&text) {
            Ok(map) => Ok(map
                .into_iter()
                .map(|(name, value)| match value {
                    Json::String(text) => (name, text),
                    other => (name, other.to_string()),
                })
                .collect()),
            Err(error) => {
                let message = format!("`:headers` is no JSON object: {error}");
                Err(self.error(node.place, message))
            }
        }
    }
}

/// A form body under a JSON content type is sent as a JSON object.
fn encoded(body: String, content_type: Option<&str>) -> String {
    let wants_json = content_type.is_some_and(|kind| kind.starts_with("application/json"));
    let is_json = body.trim_start().starts_with(['{', '[', '"']);
    if !wants_json || is_json || !body.contains('=') {
        return body;
    }
    let fields: serde_json::Map<String, Json> = body
        .split('&')
        .filter(|field| !field.is_empty())
        .map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            (name.to_owned(), Json::String(value.to_owned()))
        })
        .collect();
    Json::Object(fields).to_string()
}
