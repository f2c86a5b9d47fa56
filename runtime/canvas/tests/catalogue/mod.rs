//! A small catalogue for tests: kinds with every sort of setting that the loader knows,
//! and files that lie beside the Canvas. The built-in steps are above this crate.
#![allow(dead_code)]

use std::sync::LazyLock;

use flowrun_canvas::{Files, Loaded, Source, load};
use flowrun_sdk::schemars::{self, JsonSchema};
use flowrun_sdk::serde::Deserialize;
use flowrun_sdk::settings::{Condition, Door, Text, TextFile, Tree};
use flowrun_sdk::{
    Catalogue, Decision, Declaration, Exits, Fault, Kind, Objects, Step, Update, Visit,
};
use serde_json::json;

/// Made once: a fuzzer asks for it thousands of times.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(build);
    &CATALOGUE
}

fn build() -> Catalogue {
    let mut catalogue = Catalogue::default();
    for kind in [
        Kind::of::<Message>(),
        Kind::of::<Delay>(),
        Kind::of::<UserUpdate>(),
        Kind::of::<Context>(),
        Kind::of::<DecisionSplit>(),
        Kind::of::<AudiencePaths>(),
        Kind::of::<ExperimentPaths>(),
        Kind::of::<Webhook>(),
        Kind::of::<Exit>(),
        broken(),
    ] {
        catalogue.add(kind).expect("every kind once");
    }
    catalogue
}

/// Loads as `flows/NAME`.
pub fn load_text(text: &str) -> Loaded {
    let source = Source { path: "flows/test.yaml".to_owned(), text: text.to_owned() };
    load(source, catalogue(), &Beside)
}

/// What lies beside every test Canvas.
pub struct Beside;

impl Files for Beside {
    fn read(&self, relative: &str) -> Result<String, String> {
        match relative {
            "hello.liquid" => Ok("Hello {{${first_name}}},\nwelcome.\n".to_owned()),
            "bad.liquid" => Ok("Hello,\n{{${first_name}\n".to_owned()),
            "nickname.liquid" => Ok("Hello\n{{${nickname}}} and\n{{ tier }}.\n".to_owned()),
            "reserved.liquid" => Ok("all fine\nbut DRAFT here\n".to_owned()),
            _ => Err("there is no such file".to_owned()),
        }
    }

    fn block(&self, name: &str) -> Option<String> {
        match name {
            "badge" => Some("{{${badge}}}".to_owned()),
            "footer" => Some("Yours, {{${first_name}}}".to_owned()),
            "outer" => Some("{{content_blocks.${middle}}}".to_owned()),
            "middle" => Some("{{content_blocks.${footer}}}".to_owned()),
            _ => None,
        }
    }

    fn block_names(&self) -> Vec<String> {
        ["badge", "footer", "middle", "outer"].map(str::to_owned).to_vec()
    }
}

macro_rules! goes_on {
    () => {
        fn decide(&self, visit: Visit<'_>) -> Decision {
            Decision::Go(visit.next())
        }
    };
}

/// A channel.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "flowrun_sdk::serde", rename_all = "snake_case")]
enum Channel {
    Email,
    Push,
    /// A text message.
    Sms,
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "flowrun_sdk::serde", deny_unknown_fields)]
struct MessageSettings {
    /// Where it goes out.
    channel: Channel,
    subject: Option<Text>,
    /// The text of the message.
    body: Option<Text>,
    body_file: Option<TextFile>,
    /// How important it is, from 1 to 5.
    #[schemars(range(min = 1, max = 5))]
    priority: Option<u8>,
    #[serde(default)]
    silent: bool,
}

struct Message;

impl Step for Message {
    type Settings = MessageSettings;

    fn declare() -> Declaration {
        Declaration::new("message", "Send a message.")
            .example("Hello", "message: { channel: email, body: Hello }")
    }

    fn create(settings: MessageSettings) -> Result<Message, Vec<Fault>> {
        let _ = (settings.channel, settings.subject, settings.priority, settings.silent);
        let file = settings.body_file.map(|file| file.0);
        let mut faults = Vec::new();
        for (at, text) in [("/body", &settings.body), ("/body_file", &file)] {
            let Some(text) = text else { continue };
            if let Some(start) = text.source.find("DRAFT") {
                let fault = Fault::error(at, "this is not written yet");
                faults.push(fault.span(start..start + 5).hint("write it"));
            }
        }
        match (settings.body, file) {
            (None, None) => {
                faults.push(Fault::error("", "there is no `body`").code("FR0502"));
            }
            (Some(_), Some(_)) => faults.push(Fault::error("/body_file", "there is a `body` too")),
            _ => {}
        }
        if faults.is_empty() { Ok(Message) } else { Err(faults) }
    }

    goes_on!();
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "flowrun_sdk::serde", rename_all = "snake_case")]
enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "flowrun_sdk::serde", deny_unknown_fields)]
struct DelaySettings {
    /// How long.
    #[serde(rename = "for")]
    #[schemars(extend("format" = "duration"))]
    length: Option<String>,
    /// A clock time.
    at: Option<String>,
    #[schemars(extend("format" = "time-zone"))]
    zone: Option<String>,
    weekday: Option<Weekday>,
}

struct Delay;

impl Step for Delay {
    type Settings = DelaySettings;

    fn declare() -> Declaration {
        Declaration::new("delay", "Wait.").shorthand("for").example("Two days", "delay: 2d")
    }

    fn create(settings: DelaySettings) -> Result<Delay, Vec<Fault>> {
        let _ = (settings.zone, settings.weekday);
        if settings.length.is_none() && settings.at.is_none() {
            return Err(vec![Fault::error("", "say how long: `for`, or until when: `at`")]);
        }
        Ok(Delay)
    }

    goes_on!();
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "flowrun_sdk::serde", deny_unknown_fields)]
struct UpdateSettings {
    json: Option<Text>,
    attributes: Option<Tree>,
    events: Option<Tree>,
    #[schemars(extend("format" = "duration"))]
    timeout: Option<String>,
}

/// Says a little of what the real one says, under the real codes.
struct UserUpdate {
    json: Option<Text>,
    counts: bool,
}

impl Step for UserUpdate {
    type Settings = UpdateSettings;

    fn declare() -> Declaration {
        Declaration::new("user_update", "Write to the user's profile.")
            .exits(Exits::NextFailureOrTimeout)
    }

    fn create(settings: UpdateSettings) -> Result<UserUpdate, Vec<Fault>> {
        let _ = (settings.events, settings.timeout);
        let text = settings.json.as_ref().map(|json| json.source.clone()).unwrap_or_default();
        let refuse = |code: &str, at: &str, part: &str, text: &str, message: &str| {
            let start = text.find(part).unwrap_or_default();
            vec![Fault::error(at, message).code(code).span(start..start + part.len())]
        };
        if text.contains("[}") {
            return Err(refuse("FR0301", "/json", "}", &text, "invalid JSON: expected a value"));
        }
        if text.contains("[{}]") {
            return Err(refuse("FR0303", "/json", "{}", &text, "an event has a `name`"));
        }
        let tree = settings.attributes.map(|tree| tree.0).unwrap_or_default();
        if tree.get(0).is_some_and(|object| object.get("external_id").is_some()) {
            let fault = Fault::error("/attributes/0/external_id", "the step adds the user");
            return Err(vec![fault.code("FR0302")]);
        }
        Ok(UserUpdate { json: settings.json, counts: text.contains("\"inc\"") })
    }

    fn warnings(&self) -> Vec<Fault> {
        let warning = Fault::warning("/json", "may count twice on a backend without write keys");
        let counts = self.counts.then(|| warning.code("FR0310"));
        let text = self.json.as_ref().map_or("{}", |json| json.source.as_str());
        let nothing = text.is_empty().then(|| Fault::warning("", "writes nothing").code("FR0312"));
        let lost = text.contains("Atlantis");
        let lost = lost.then(|| Fault::warning("/json", "no such country").code("FR0313"));
        counts.into_iter().chain(nothing).chain(lost).collect()
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        let text = self.json.as_ref().map_or("{}", |json| visit.text(json));
        if let Err(error) =
            flowrun_sdk::serde_json::from_str::<flowrun_sdk::serde_json::Value>(text)
        {
            let reason =
                format!("invalid JSON: {}", error.to_string().replace(" at line", " (line"));
            return Decision::Fail { reason, payload: text.to_owned() };
        }
        if text.contains("\"level\": -1") {
            let reason = "invalid object: a level is not negative".to_owned();
            return Decision::Fail { reason, payload: text.to_owned() };
        }
        Decision::Update(Update { objects: Objects::default().into(), timeout: None })
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "flowrun_sdk::serde", deny_unknown_fields)]
struct ContextSettings {
    /// The variables by name.
    set: Tree,
}

struct Context(Tree);

impl Step for Context {
    type Settings = ContextSettings;

    fn declare() -> Declaration {
        Declaration::new("context", "Remember variables.")
    }

    fn create(settings: ContextSettings) -> Result<Context, Vec<Fault>> {
        Ok(Context(settings.set))
    }

    fn sets(&self) -> Vec<String> {
        self.0.0.as_object().into_iter().flat_map(|set| set.keys().cloned()).collect()
    }

    fn sets_in_order(&self) -> Vec<(String, Tree)> {
        let set = self.0.0.as_object().into_iter().flatten();
        set.map(|(name, value)| (name.clone(), Tree(value.clone()))).collect()
    }

    goes_on!();
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "flowrun_sdk::serde", deny_unknown_fields)]
struct SplitSettings {
    /// The question.
    #[serde(rename = "if")]
    condition: Condition,
    then: Option<Door>,
    #[serde(rename = "else")]
    otherwise: Option<Door>,
}

struct DecisionSplit(Door);

impl Step for DecisionSplit {
    type Settings = SplitSettings;

    fn declare() -> Declaration {
        Declaration::new("decision_split", "Send users one of two ways.").exits(Exits::Branches)
    }

    fn create(settings: SplitSettings) -> Result<DecisionSplit, Vec<Fault>> {
        let _ = (settings.condition, settings.otherwise);
        Ok(DecisionSplit(settings.then.expect("the loader fills every door in")))
    }

    fn decide(&self, _: Visit<'_>) -> Decision {
        Decision::Go(self.0)
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "flowrun_sdk::serde", deny_unknown_fields)]
struct AudiencePath {
    name: Option<String>,
    #[serde(rename = "if")]
    condition: Condition,
    next: Option<Door>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "flowrun_sdk::serde", deny_unknown_fields)]
struct AudienceSettings {
    #[schemars(length(min = 1, max = 8))]
    paths: Vec<AudiencePath>,
    #[serde(rename = "else")]
    otherwise: Option<Door>,
}

struct AudiencePaths;

impl Step for AudiencePaths {
    type Settings = AudienceSettings;

    fn declare() -> Declaration {
        Declaration::new("audience_paths", "Send users the first way that fits.")
            .exits(Exits::Branches)
    }

    fn create(settings: AudienceSettings) -> Result<AudiencePaths, Vec<Fault>> {
        let _ = settings.otherwise;
        for path in settings.paths {
            let _ = (path.name, path.condition, path.next);
        }
        Ok(AudiencePaths)
    }

    goes_on!();
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "flowrun_sdk::serde", deny_unknown_fields)]
struct ExperimentPath {
    name: String,
    #[schemars(range(min = 0, max = 100))]
    weight: f64,
    next: Option<Door>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "flowrun_sdk::serde", deny_unknown_fields)]
struct ExperimentSettings {
    paths: Vec<ExperimentPath>,
}

struct ExperimentPaths;

impl Step for ExperimentPaths {
    type Settings = ExperimentSettings;

    fn declare() -> Declaration {
        Declaration::new("experiment_paths", "Split users at random.").exits(Exits::Branches)
    }

    fn create(settings: ExperimentSettings) -> Result<ExperimentPaths, Vec<Fault>> {
        let sum: f64 = settings.paths.iter().map(|path| path.weight).sum();
        for path in settings.paths {
            let _ = (path.name, path.next);
        }
        if (sum - 100.0).abs() > 1e-6 {
            let message = format!("weights sum to {sum}, not 100");
            return Err(vec![Fault::error("/paths", message).code("FR0205")]);
        }
        Ok(ExperimentPaths)
    }

    goes_on!();
}

/// Who pays: one of several forms.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "flowrun_sdk::serde", tag = "type", rename_all = "snake_case")]
enum Login {
    Basic { user: String, named: String },
    Token { named: String },
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "flowrun_sdk::serde", deny_unknown_fields)]
struct WebhookSettings {
    url: Text,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, Text>,
    body: Option<Tree>,
    /// The body as text.
    raw: Option<Text>,
    login: Option<Login>,
    #[schemars(range(min = 1, max = 10))]
    attempts: Option<u32>,
}

struct Webhook;

impl Step for Webhook {
    type Settings = WebhookSettings;

    fn declare() -> Declaration {
        Declaration::new("webhook", "Call a server.")
    }

    fn create(settings: WebhookSettings) -> Result<Webhook, Vec<Fault>> {
        let _ = (settings.url, settings.headers, settings.body, settings.raw);
        let _ = settings.attempts;
        match settings.login {
            Some(Login::Basic { user, named }) => drop((user, named)),
            Some(Login::Token { named }) => drop(named),
            None => {}
        }
        Ok(Webhook)
    }

    goes_on!();
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "flowrun_sdk::serde", deny_unknown_fields)]
struct ExitSettings {
    /// Why the journey ends.
    reason: Option<String>,
}

struct Exit(String);

impl Step for Exit {
    type Settings = ExitSettings;

    fn declare() -> Declaration {
        Declaration::new("exit", "End the journey.").shorthand("reason").exits(Exits::None)
    }

    fn create(settings: ExitSettings) -> Result<Exit, Vec<Fault>> {
        Ok(Exit(settings.reason.unwrap_or_else(|| "completed".to_owned())))
    }

    fn decide(&self, _: Visit<'_>) -> Decision {
        Decision::Exit(self.0.clone())
    }
}

/// A kind of a careless plugin.
fn broken() -> Kind {
    let schema = json!({
        "type": "object",
        "properties": { "anything": { "$ref": "#/nowhere" }, "circle": { "$ref": "#/properties/circle" } },
    });
    let declaration = Declaration::new("broken", "Show what a wrong schema does.");
    Kind::new(declaration, schema, |_| Ok(Box::new(Delay)))
}
