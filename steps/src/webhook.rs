//! `webhook`: calls a URL for each user.
//!
//! The step doesn't call anything itself. It hands the request to the channel `webhook`,
//! which goes through the one guarded door to the network, retries, and releases the
//! user by `next` once the call was answered with success.
//!
//! Keys don't belong into a Canvas: headers that carry them are set for the channel in
//! `flowrun.toml`.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowrun_sdk::settings::Text;
use flowrun_sdk::{Decision, Declaration, Delivery, Fault, Message, Step, Visit, WrittenMessage};
use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::rules;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = looks)]
pub struct Settings {
    /// What to call: an `https://` address.
    url: Text,
    /// How to call it.
    #[serde(default)]
    method: Method,
    /// Headers of the request, by name.
    headers: Option<BTreeMap<String, Text>>,
    /// The body of the request.
    body: Option<Text>,
    /// What happens when it is unknown whether the call arrived: call again
    /// (`at_least_once`) or don't (`at_most_once`).
    #[serde(default)]
    delivery: Delivery,
}

fn looks(schema: &mut Schema) {
    rules::pattern(schema, "url", "^https?://[^/?#@ ]+([/?#][^ ]*)?$");
    if let Some(Json::Object(headers)) =
        schema.get_mut("properties").and_then(|all| all.get_mut("headers"))
    {
        let names = json!({ "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$" });
        headers.insert("propertyNames".to_owned(), names);
    }
}

/// The method of the request.
#[derive(Clone, Copy, Default, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Method {
    #[default]
    Post,
    Get,
    Put,
    Patch,
    Delete,
}

/// Calls a URL.
pub struct Webhook {
    settings: Settings,
    /// The headers as the message's fields call them.
    headers: Vec<(String, Text)>,
}

impl Step for Webhook {
    type Settings = Settings;

    fn declare() -> Declaration {
        Declaration::new("webhook", "Call a URL for the user.")
            .example(
                "Tell another system",
                "webhook:\n  url: https://example.com/members\n  headers: { Content-Type: application/json }\n  body: '{\"name\": {{${first_name} | as_json_string}}}'",
            )
            .example(
                "Delete something there",
                "webhook: { url: \"https://example.com/carts/{{context.${cart_id} | url_param_escape}}\", method: delete, delivery: at_most_once }",
            )
    }

    fn create(mut settings: Settings) -> Result<Webhook, Vec<Fault>> {
        let mut faults = Vec::new();
        if let Some(why) = settings.url.constant().and_then(bad_url) {
            faults.push(Fault::error("/url", why).hint("write it as https://example.com/path"));
        }
        let mut headers: Vec<(String, Text)> = Vec::new();
        for (name, value) in settings.headers.take().unwrap_or_default() {
            // JSON pointer has words of its own for these two.
            let at = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
            if !is_header(&name) {
                faults.push(Fault::error(&at, "this can't be the name of a header"));
            } else if value.constant().is_some_and(has_control) {
                faults.push(Fault::error(&at, "a header is one line"));
            }
            let field = format!("header.{name}");
            if headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(&field)) {
                faults.push(Fault::error(&at, "this header stands here twice"));
            }
            headers.push((field, value));
        }
        if faults.is_empty() { Ok(Webhook { settings, headers }) } else { Err(faults) }
    }

    fn warnings(&self) -> Vec<Fault> {
        let open = self.settings.url.source.trim_start().starts_with("http://");
        let text = "what is sent here can be read by others on its way";
        let warning = || Fault::warning("/url", text).hint("use https://");
        open.then(warning).into_iter().collect()
    }

    /// Without the headers, which may say more than a reader of the Canvas should know.
    fn messages(&self) -> Vec<WrittenMessage> {
        let Settings { url, method, body, .. } = &self.settings;
        let body = body.iter().map(|text| ("body".to_owned(), text.source.clone()));
        let call = [("url", url.source.as_str()), ("type", method.name())];
        let call = call.map(|(name, text)| (name.to_owned(), text.to_owned()));
        vec![WrittenMessage { channel: "webhook".into(), texts: body.chain(call).collect() }]
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        let url = visit.text(&self.settings.url).trim();
        if let Some(why) = bad_url(url) {
            return fail(why, url);
        }
        let mut fields = BTreeMap::from([
            ("url".to_owned(), url.to_owned()),
            ("method".to_owned(), self.settings.method.name().to_owned()),
        ]);
        for (field, value) in &self.headers {
            let value = visit.text(value).trim();
            // A line break in a name of somebody must not become a header of its own.
            if has_control(value) {
                return fail("a header is one line", value);
            }
            fields.insert(field.clone(), value.to_owned());
        }
        let body = self.settings.body.as_ref().map_or("", |body| visit.text(body));
        Decision::Send(Arc::new(Message {
            channel: "webhook".into(),
            body: body.into(),
            fields,
            delivery: self.settings.delivery,
            ..Default::default()
        }))
    }
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::Post => "POST",
            Method::Get => "GET",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

fn fail(why: &str, payload: &str) -> Decision {
    Decision::Fail { reason: why.to_owned(), payload: payload.to_owned() }
}

/// Why this can't be called. What it leads to is the business of the door to the network.
fn bad_url(url: &str) -> Option<&'static str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Some("the URL doesn't begin with https://");
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match host {
        "" => Some("the URL names no host"),
        _ if host.contains('@') => Some("the URL holds a password"),
        _ if url.contains(|c: char| c.is_control() || c == ' ') => Some("a URL has no spaces"),
        _ => None,
    }
}

/// A token, as HTTP calls it.
fn is_header(name: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    (1..=100).contains(&name.len()) && name.bytes().all(token)
}

fn has_control(value: &str) -> bool {
    value.contains(|c: char| c.is_control() && c != '\t')
}

#[cfg(test)]
mod tests {
    use flowrun_sdk::testing::{Trial, User};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_request_is_the_one_that_is_written() {
        let settings = json!({
            "url": "https://example.com/{{context.${id}}}", "method": "patch",
            "headers": { "Content-Type": "text/plain", "X-User": "{{${user_id}}}" },
            "body": "{{${first_name}}}",
        });
        let user = User::new("u1").given("/url", "https://example.com/7");
        let user = user.given("/headers/X-User", "u1").given("/body", "Ada");
        let fields = [
            ("url", "https://example.com/7"),
            ("method", "PATCH"),
            ("header.Content-Type", "text/plain"),
            ("header.X-User", "u1"),
        ];
        let expected = Message {
            channel: "webhook".into(),
            body: "Ada".into(),
            fields: fields.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            ..Default::default()
        };
        let decision = Trial::of::<Webhook>(settings).unwrap().decide_one(&user);
        assert_eq!(decision, Decision::Send(Arc::new(expected)));
    }

    #[test]
    fn what_can_not_be_called_is_refused_at_load_or_fails_for_the_user() {
        for (url, why) in [
            ("https://example.com", None),
            ("https://example.com:8443/a?b=c#d", None),
            ("http://example.com/", None),
            ("example.com/hook", Some("the URL doesn't begin with https://")),
            ("ftp://example.com", Some("the URL doesn't begin with https://")),
            ("", Some("the URL doesn't begin with https://")),
            ("https:///path", Some("the URL names no host")),
            ("https://me:secret@example.com/", Some("the URL holds a password")),
            ("https://example.com/a b", Some("a URL has no spaces")),
            ("https://example.com/\r\nHost: x", Some("a URL has no spaces")),
        ] {
            let faults = Trial::of::<Webhook>(json!({ "url": url })).err().unwrap_or_default();
            let said = faults.first().map(|fault| (fault.at.as_str(), fault.message.as_str()));
            assert_eq!(said, why.map(|why| ("/url", why)), "{url:?}");

            let computed = Trial::of::<Webhook>(json!({ "url": "{{x}}" })).unwrap();
            let decision = computed.decide_one(&User::new("u").given("/url", url));
            let failed = match &decision {
                Decision::Fail { reason, .. } => Some(reason.as_str()),
                _ => None,
            };
            assert_eq!(failed, why, "{url:?}");
        }
    }

    #[test]
    fn headers_are_names_and_single_lines() {
        for (headers, places) in [
            (json!({ "X-A": "1", "x-a": "2" }), vec!["/headers/x-a"]),
            (json!({ "two words": "1" }), vec!["/headers/two words"]),
            (json!({ "a/b": "1" }), vec!["/headers/a~1b"]),
            (json!({ "X-A": "1\r\nX-B: 2" }), vec!["/headers/X-A"]),
            (json!({ "X-A": "{{x}}" }), vec![]),
        ] {
            let settings = json!({ "url": "https://example.com", "headers": headers });
            let faults = Trial::of::<Webhook>(settings).err().unwrap_or_default();
            let found: Vec<_> = faults.iter().map(|fault| fault.at.as_str()).collect();
            assert_eq!(found, places, "{headers}");
        }
        let settings = json!({ "url": "https://example.com", "headers": { "X-A": "{{x}}" } });
        let user = User::new("u").given("/headers/X-A", "Ada\r\nX-Admin: yes");
        let decision = Trial::of::<Webhook>(settings).unwrap().decide_one(&user);
        assert!(matches!(decision, Decision::Fail { .. }), "{decision:?}");
    }

    #[test]
    fn an_open_line_is_mentioned() {
        for (url, warnings) in [
            ("http://example.com", 1),
            ("http://{{x}}", 1),
            ("https://example.com", 0),
            ("{{x}}", 0),
        ] {
            let trial = Trial::of::<Webhook>(json!({ "url": url })).unwrap();
            assert_eq!(trial.warnings().len(), warnings, "{url}");
        }
    }
}
