//! The file as tables of rows: what is read, and what each mistake is told.

use std::ffi::OsString;
use std::fs;

use super::*;
use crate::simulation::outbound::Secret;

const SECRET: &str = "hunter2";

fn secrets() -> Secrets {
    let variable = |name: &str| match name {
        "CRM_PASSWORD" => Some(OsString::from(SECRET)),
        "EMPTY" => Some(OsString::new()),
        _ => None,
    };
    Secrets { variable: Arc::new(variable), folder: PathBuf::new() }
}

/// Reads a text; faults begin with their places, each on a line.
fn reading(text: &str) -> Result<String, String> {
    let said = |fault: &Fault| format!("{}: {}", place(text, fault.at), fault.said);
    match read(text, &secrets()) {
        Ok(config) => Ok(format!("{config:?}")),
        Err(faults) => Err(faults.iter().map(said).collect::<Vec<_>>().join("\n")),
    }
}

/// A mistake hides no other, and they come in the order of the file.
#[test]
fn all_faults_in_one_go() {
    let text = "[egress]\nallow_hosts = ['*', 'a.com', 1]\nproxy = ''\nports = [0, 80, 'x']\n\
                [egress.credentials.crm]\nuser = 5\npassword = 'hunter2'\n\
                [backend]\nurl = 'ftp://x'\ncommit = 'soon'\n\
                [channel.email]\ntype = 'file'\n[chanel.push]\n";
    let said = reading(text).unwrap_err();
    let places: Vec<&str> = said.lines().map(|line| line.split(": ").next().unwrap()).collect();
    let expected =
        ["2:16", "2:30", "3:1", "4:10", "4:17", "6:8", "7:12", "9:7", "10:10", "11:10", "13:2"];
    assert_eq!(places, expected, "{said}");
    assert!(!said.contains(SECRET), "{said}");
}

#[test]
fn a_backend_and_channels_are_read() {
    for (text, expected) in [
        ("[backend]\nurl = 'memory'", "url: Some(Memory)"),
        ("[backend]\nurl = 'embedded:state'", "url: Some(Embedded(\"state\"))"),
        ("[backend]\nurl = 'plugin:crm'", "url: Some(Plugin(\"crm\"))"),
        ("[backend]\nurl = 'https://rest.example.com/x'", "Http(\"https://rest.example.com/x\")"),
        ("[backend]\napi_key = 'env:NONE'", "api_key: Some(…)"),
        (
            "[backend]\nobjects_per_request = { attributes = 75, events = 10 }",
            "Each { attributes: Some(75), events: Some(10), purchases: None }",
        ),
        ("[backend]\nobjects_per_request = { combined = 75 }", "Combined(75)"),
        (
            "[backend]\nrequests_per_minute = 50_000\ncommit = 'applied'",
            "Some(50000), commit: Some(Applied)",
        ),
        ("[channel.email]\ntype = 'file'\npath = 'out.ndjson'", "\"email\": File(\"out.ndjson\")"),
        (
            "[channel.a]\n[channel.b]\ntype = 'webhook'\nurl = 'https://a.com/x'",
            "{\"a\": Console, \"b\": Webhook(Webhook { url: Some(",
        ),
        (
            "[channel.webhook]\ntype = 'webhook'\ncredential = 'crm'",
            "Webhook { url: None, credential: Some(\"crm\") }",
        ),
        ("[channel.a]\ntype = 'plugin'\nplugin = 'b'", "\"a\": Plugin(\"b\")"),
        ("[channel.a]\ntype = 'plugin'", "\"a\": Plugin(\"a\")"),
    ] {
        let read = reading(text).unwrap();
        assert!(read.contains(expected), "{text}: {read}");
    }
}

#[test]
fn what_is_written_is_allowed() {
    let basic = "[egress.credentials.crm]\nuser = 'me'\npassword = 'env:CRM_PASSWORD'\n";
    let header =
        "[egress.credentials.crm]\nheader = 'X-Key'\nvalue = 'file:secret'\nhosts = ['a.com']\n";
    for (text, expected) in [
        ("", &["allow_hosts: []", "http: false", "ports: [80, 443]", "credentials: {}"][..]),
        ("# nothing\n[egress]\n", &["allow_hosts: []"]),
        ("[egress]\nallow_hosts = ['*.a.com', 'B.com']", &["Below(\"a.com\")", "\"b.com\""]),
        ("[egress]\nallow_cidrs = ['10.0.0.0/8']", &["10.0.0.0"]),
        (
            "[egress]\nhttp = true\nports = [443, 8_443, 0x1f90]",
            &["http: true", "[443, 8443, 8080]"],
        ),
        ("egress.http = true\negress.ports = []", &["http: true", "ports: []"]),
        (basic, &["\"crm\": Basic { user: \"me\", password: …, hosts: [] }"]),
        (header, &["Header { name: \"X-Key\", value: …, hosts: [Exact("]),
    ] {
        let read = reading(text).unwrap();
        assert!(expected.iter().all(|part| read.contains(part)), "{text}: {read}");
        assert!(!read.contains(SECRET), "{text}: {read}");
    }
}

#[test]
fn secrets_are_what_their_names_lead_to_once_they_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = Secrets { folder: folder.path().to_owned(), ..secrets() };
    let got = |name: &str| {
        let late = secrets.find("value", name)?;
        late.get().cloned().map_err(str::to_owned)
    };
    for (content, expected) in
        [("hunter2", SECRET), ("hunter2\n", SECRET), ("hunter2\r\n", SECRET), ("a\n\n", "a\n")]
    {
        fs::write(folder.path().join("s"), content).unwrap();
        assert_eq!(got("file:s"), Ok(Secret::new(expected)), "{content:?}");
    }
    let whole = format!("file:{}", folder.path().join("s").display());
    assert_eq!(got(&whole), Ok(Secret::new("a\n")));
    assert_eq!(got("env:CRM_PASSWORD"), Ok(Secret::new(SECRET)));
    fs::write(folder.path().join("nothing"), "\n").unwrap();
    fs::write(folder.path().join("bytes"), b"hunter2\xff").unwrap();
    for (name, expected) in [
        ("env:NONE", "`value`: the environment variable `NONE` is not set"),
        ("env:EMPTY", "the environment variable `EMPTY` is empty"),
        ("file:none", "can't read the file `none`: there is no such file"),
        ("file:nothing", "can't read the file `nothing`: it is empty"),
        ("file:bytes", "can't read the file `bytes`: it is not UTF-8"),
    ] {
        let said = got(name).unwrap_err();
        assert!(said.contains(expected) && !said.contains(SECRET), "{name}: {said}");
    }
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    for (text, expected) in [
        ("\n[backend]\nurl = 'x'", "3:7: a backend is \"memory\", \"embedded:DIR\""),
        ("[backend]\nurl = 'https://'", "2:7: a backend is"),
        ("[backend]\nurl = 'https://me:hunter2@a.com'", "2:7: the backend's address holds no user"),
        ("[backend]\nurl = 'embedded:'", "2:7: a backend is"),
        ("[backend]\napi_key = 'hunter2'", "2:11: `api_key` is written out"),
        ("[backend]\nurls = 'x'", "2:1: `urls` is unknown in [backend]: did you mean `url`?"),
        ("[backend]\nrequests_per_minute = 0", "2:23: `requests_per_minute` is from 1 to"),
        ("[backend]\ncommit = 'later'", "2:10: `commit` is one of \"accepted\", \"applied\""),
        (
            "[backend]\nobjects_per_request = { combined = 1, events = 1 }",
            "2:1: `combined` is for all objects together",
        ),
        (
            "[backend]\nobjects_per_request = 75",
            "2:23: `objects_per_request`: a table belongs here",
        ),
        ("backend = 'memory'", "1:11: `backend`: a table belongs here"),
        ("[channel.email]\ntype = 'file'", "1:10: [channel.email] of this `type` needs a `path`"),
        ("[channel.email]\npath = 'x'", "2:8: [channel.email] of this `type` has no `path`"),
        ("[channel.email]\ntype = 'smtp'", "2:8: `type` is one of \"console\", \"file\""),
        (
            "[channel.a]\ntype = 'webhook'\nurl = 'https://me:hunter2@a.com'",
            "3:7: `url` holds no user",
        ),
        ("[channel.a]\ntype = 'webhook'", "1:10: [channel.a] of this `type` needs a `url`"),
        ("[channel.a]\ntype = 'plugin'\npath = 'a.so'", "3:8: [channel.a] of this `type` has no"),
        ("[channel]\nemail = 'file'", "2:9: `email`: a table belongs here"),
        ("[egres]\n", "1:2: `egres` is unknown in flowrun.toml: did you mean `egress`?"),
        (
            "[cloud]\n",
            "1:2: `cloud` is unknown in flowrun.toml: this version knows `backend`, `channel`, `egr",
        ),
        ("[serve]\nkey = 1", "2:1: `key` is unknown in [serve]: did you mean `keys`?"),
        (
            "[serve.keys.shop]\nhash = 'hunter2'\npermissions = ['*']",
            "2:8: a key is given by its SHA-256",
        ),
        ("[serve.keys.shop]\npermissions = ['*']", "1:13: key 'shop' has 0 tokens"),
        (
            "[serve.keys.shop]\nhash = '0000000000000000000000000000000000000000000000000000000000000000'\npermissions = ['fly']",
            "1:13: 'fly' is no permission",
        ),
        ("egress = 1", "1:10: `egress`: a table belongs here, and this is a number"),
        (
            "[egress]\n  allow_host = []",
            "2:3: `allow_host` is unknown in [egress]: did you mean `allow_hosts`?",
        ),
        ("[egress]\nproxy = ''", "2:1: `proxy` is unknown in [egress]: this version knows `allow_"),
        ("[egress]\nallow_hosts = 'a.com'", "2:15: `allow_hosts`: a list belongs here"),
        ("[egress]\nallow_hosts = [1]", "2:16: `allow_hosts`: a text belongs here"),
        ("[egress]\nallow_hosts = ['é.com', '*']", "2:25: `*` is no host to allow"),
        (
            "[egress]\nallow_hosts = ['https://me:hunter2@a.com']",
            "2:16: `allow_hosts` holds hosts alone, without a user",
        ),
        ("[egress]\nallow_cidrs = ['10.0.0.1/8']", "2:16: `10.0.0.1/8` begins inside its block"),
        ("[egress]\nhttp = 'yes'", "2:8: `http`: true or false belongs here, and this is a text"),
        ("[egress]\nports = [0]", "2:10: `ports` holds numbers from 1 to 65535"),
        ("[egress]\nports = [80, 65536]", "2:14: `ports` holds numbers from 1 to 65535"),
        ("[egress]\nports = ['80']", "2:10: `ports` holds numbers"),
        ("[egress]\nhttp = true\nhttp = true", "3:1: duplicate key"),
        ("[egress\nhttp = true", "1:8: "),
        ("[egress.credentials]\ncrm = 'hunter2'", "2:7: `crm`: a table belongs here"),
    ] {
        let said = reading(text).unwrap_err();
        assert!(said.starts_with(expected), "{text}: {said}");
        assert!(!said.contains(SECRET), "{text}: {said}");
    }
}

#[test]
fn what_is_wrong_in_a_credential_never_shows_it() {
    let pairs = "1:21: [egress.credentials.crm] has `user` and `password`, or `header` and `value`";
    for (text, expected) in [
        ("user = 'a'\npassword = 'hunter2'", "3:12: `password` is written out"),
        ("header = 'a'\nvalue = 'Bearer hunter2'", "write \"env:NAME\", or into a file"),
        ("user = 'a'\npassword = 'ENV:hunter2'", "3:12: `password` is written out"),
        ("user = 'a'\npassword = ''", "3:12: `password` is written out"),
        (
            "user = 'a'\npassword = ['hunter2']",
            "`password`: a text belongs here, and this is a list",
        ),
        ("user = 'a'\npassword = 'env:hunter2!'", "after `env:` comes the name of an environment"),
        ("user = 'a'\npassword = 'env:'", "after `env:` comes the name"),
        ("user = 'a'\npassword = 'file:'", "after `file:` comes the path of a file"),
        ("user = 'a:hunter2'\npassword = 'env:CRM_PASSWORD'", "2:8: `user` can't have a `:`"),
        (
            "user = 'a'\npasword = 'hunter2'",
            "3:1: `pasword` is unknown in [egress.credentials.crm]: did",
        ),
        ("user = 'a'\npassword = 'hunter2", "3:"),
        ("user = 'a'", pairs),
        ("", pairs),
        ("user = 'a'\nvalue = 'env:CRM_PASSWORD'", pairs),
        ("user = 'a'\npassword = 'env:CRM_PASSWORD'\nheader = 'b'", pairs),
        ("user = 'a'\npassword = 'env:CRM_PASSWORD'\nhosts = []", "4:9: `hosts` is empty: name"),
    ] {
        let said = reading(&format!("[egress.credentials.crm]\n{text}")).unwrap_err();
        assert!(said.contains(expected), "{text}: {said}");
        assert!(!said.contains(SECRET), "{text}: {said}");
    }
}
