//! The file as tables of rows: what is read, and what each mistake is told.

use std::ffi::OsString;
use std::fs;

use super::*;
use crate::simulation::outbound::Secret;

const SECRET: &str = "hunter2";

/// Reads a text beside a few variables and files; a fault begins with its place.
fn reading(text: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "hunter2\r\n").unwrap();
    fs::write(folder.path().join("nothing"), "\n").unwrap();
    fs::write(folder.path().join("bytes"), b"hunter2\xff").unwrap();
    let variable = |name: &str| match name {
        "CRM_PASSWORD" => Some(OsString::from(SECRET)),
        "EMPTY" => Some(OsString::new()),
        _ => None,
    };
    let secrets = Secrets { variable: &variable, folder: folder.path() };
    match read(text, &secrets) {
        Ok(config) => Ok(format!("{:?}", config.egress)),
        Err(fault) => Err(format!("{}: {}", place(text, fault.at), fault.said)),
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
fn secrets_are_what_their_names_lead_to() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = Secrets { variable: &|_| Some(SECRET.into()), folder: folder.path() };
    for (content, expected) in
        [("hunter2", SECRET), ("hunter2\n", SECRET), ("hunter2\r\n", SECRET), ("a\n\n", "a\n")]
    {
        fs::write(folder.path().join("s"), content).unwrap();
        assert_eq!(secrets.find("value", "file:s"), Ok(Secret::new(expected)), "{content:?}");
    }
    let whole = format!("file:{}", folder.path().join("s").display());
    assert_eq!(secrets.find("value", &whole), Ok(Secret::new("a\n")));
    assert_eq!(secrets.find("value", "env:NAME"), Ok(Secret::new(SECRET)));
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    for (text, expected) in [
        ("\n[backend]\nurl = 'x'", "2:2: `backend` is not in this version: writes go to"),
        ("backend = 'memory'", "1:1: `backend` is not in this version"),
        ("[channel.email]\ntype = 'file'", "1:2: `channel` is not in this version: messages are"),
        ("[egres]\n", "1:2: `egres` is unknown in flowrun.toml: did you mean `egress`?"),
        ("[serve]\n", "1:2: `serve` is unknown in flowrun.toml: this version knows `egress`"),
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
        ("user = 'a'\npassword = 'env:NONE'", "the environment variable `NONE` is not set"),
        ("user = 'a'\npassword = 'env:EMPTY'", "the environment variable `EMPTY` is empty"),
        ("user = 'a'\npassword = 'env:hunter2!'", "after `env:` comes the name of an environment"),
        ("user = 'a'\npassword = 'env:'", "after `env:` comes the name"),
        ("user = 'a'\npassword = 'file:none'", "can't read the file `none`: there is no such file"),
        ("user = 'a'\npassword = 'file:nothing'", "can't read the file `nothing`: it is empty"),
        ("user = 'a'\npassword = 'file:bytes'", "can't read the file `bytes`: it is not UTF-8"),
        ("user = 'a'\npassword = 'file:'", "can't read the file ``: it is a folder"),
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
