//! `flowrun.toml`: which one is taken, what is said of a wrong one, and what it opens.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use crate::Stage;
use crate::stage::Done;

/// `flowrun:open sesame` as `Authorization` has it.
const HEADER: &str = "authorization: Basic Zmxvd3J1bjpvcGVuIHNlc2FtZQ==";

fn with_password(stage: &Stage, args: &[&str]) -> Done {
    Done::of(stage.command(args).env("CRM_PASSWORD", "open sesame").output().unwrap())
}

#[test]
fn it_is_taken_from_beside_the_canvas_or_as_named() {
    let stage = Stage::new();
    for name in ["weather.yaml", "weather.users.ndjson", "weather.fixtures.yaml"] {
        stage.write(&format!("flows/{name}"), stage.read(name));
    }
    stage.write("flows/flowrun.toml", "[beside]").write("named.toml", "[named]");
    stage.write("good.toml", "[egress]\nallow_hosts = ['api.example.com']");
    for (args, expected) in [
        (&["run", "flows/weather.yaml"][..], "flows/flowrun.toml:1:2: `beside` is unknown"),
        (&["run", "flows/weather.yaml", "tour.yaml"], "flows/flowrun.toml:1:2: `beside`"),
        (&["explain", "flows/weather.yaml", "--user", "bo"], "flows/flowrun.toml:1:2: `beside`"),
        (&["run", "weather.yaml", "--config", "named.toml"], "named.toml:1:2: `named` is unknown"),
        (&["run", "flows/weather.yaml", "--config", "named.toml"], "named.toml:1:2: `named`"),
        (&["eval", "x", "--config", "named.toml"], "named.toml:1:2: `named`"),
        (&["eval", "--batch", "--config", "named.toml"], "named.toml:1:2: `named`"),
        (
            &["eval", "x", "--config", "none.toml"],
            "can't read the configuration `none.toml`: there is no such file",
        ),
        (&["explain", "weather.yaml", "--user", "bo", "--trace", "t", "--config", "c"], "'--trace"),
    ] {
        let done = stage.run(args);
        assert!(done.err.contains(expected), "{args:?}: {}", done.err);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{args:?}");
    }
    for args in [
        &["eval", "x"][..],
        &["weather.yaml"],
        &["flows/weather.yaml", "--config", "good.toml"],
        &["explain", "flows/weather.yaml", "--user", "bo", "--config", "good.toml"],
    ] {
        let done = stage.run(args);
        assert_eq!((done.code, done.err.as_str()), (0, ""), "{args:?}");
    }
    stage.write("flowrun.toml", "[here]");
    let done = stage.run(&["eval", "x"]);
    assert!(done.err.contains("flowrun.toml:1:2: `here` is unknown"), "{}", done.err);
}

#[test]
fn a_secret_is_never_printed() {
    let stage = Stage::new();
    for (password, expected) in [
        ("ENV:open sesame", "flowrun.toml:3:12: `password` is written out"),
        ("open sesame", "flowrun.toml:3:12: `password` is written out"),
        // What ends the text too early is no reason to show it.
        ("'\nsesame", "flowrun.toml:4:8: "),
    ] {
        let text = format!("[egress.credentials.crm]\nuser = 'flowrun'\npassword = '{password}'");
        stage.write("flowrun.toml", text);
        for args in [&["weather.yaml"][..], &["eval", "x"]] {
            let mut command = stage.command(args);
            let done = Done::of(command.env_remove("CRM_PASSWORD").output().unwrap());
            assert!(done.err.contains(expected), "{args:?}: {}", done.err);
            assert!(!done.err.contains("sesame"), "{}", done.err);
            assert_eq!((done.code, done.out.as_str()), (2, ""), "{args:?}");
        }
    }
}

/// What fixtures answer needs no credential; what is fetched does, and says so. Hosts that a
/// file opens which nobody named are told.
#[test]
fn a_credential_is_looked_up_when_a_request_needs_it() {
    let stage = Stage::new();
    stage.write(
        "flowrun.toml",
        "[egress]\nallow_hosts = ['a.test']\n[egress.credentials.crm]\nuser = 'me'\n\
         password = 'env:CRM_PASSWORD'\n",
    );
    stage.write("sun.json", r#"[{"url": "https://a.test", "body": "sun"}]"#);
    let template = "{% connected_content https://a.test :basic_auth crm %}";
    let run = |args: &[&str]| {
        let mut command = stage.command(&[&["eval", template][..], args].concat());
        Done::of(command.env_remove("CRM_PASSWORD").output().unwrap())
    };
    let told = "note: flowrun.toml lets templates call a.test (`--config none` closes it)\n";
    let done = run(&["--fixtures", "sun.json"]);
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "sun\n", told));
    let done = run(&[]);
    let why = "the credential `crm` can't be had: `password`: the environment variable \
               `CRM_PASSWORD` is not set";
    assert!(done.err.contains(why), "{}", done.err);
    let done = run(&["--config", "none"]);
    assert!(!done.err.contains("note:") && done.err.contains("no fixture answers"), "{}", done.err);
    let done = run(&["--config", "flowrun.toml", "--fixtures", "sun.json"]);
    assert_eq!(done.err, "", "whoever names the file knows it");
}

/// Answers so many requests, and hands on what was asked; says its port.
fn serving(requests: usize) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (asked, heard) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(requests) {
            let mut stream = stream.unwrap();
            let (mut request, mut part) = (Vec::new(), [0; 4096]);
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut part).unwrap() {
                    0 => break,
                    read => request.extend_from_slice(&part[..read]),
                }
            }
            asked.send(String::from_utf8(request).unwrap()).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        }
    });
    (port, heard)
}

#[test]
fn a_credential_arrives_where_the_configuration_lets_it() {
    let stage = Stage::new();
    let (port, heard) = serving(3);
    let template = format!(
        "{{% connected_content http://127.0.0.1:{port}/ :basic_auth crm :save x %}}{{{{x}}}}"
    );
    let credential =
        "[egress.credentials.crm]\nuser = 'flowrun'\npassword = 'env:CRM_PASSWORD'\nhosts = ";
    let open = format!("http = true\nports = [{port}]\nallow_cidrs = ['127.0.0.0/8']\n");
    let allowed = "[egress]\nallow_hosts = ['127.0.0.1']\n";
    stage.write("flowrun.toml", format!("{allowed}{open}{credential}['127.0.0.1']"));
    // The host is from an option alone, and so are the others.
    stage.write("host.toml", format!("[egress]\n{open}{credential}['127.0.0.1']"));
    stage.write("rest.toml", format!("{allowed}{credential}['127.0.0.1']"));
    stage.write("other.toml", format!("{allowed}{open}{credential}['other.example.com']"));
    let port = port.to_string();
    let host = &["--config", "host.toml", "--allow-host", "127.0.0.1"];
    let rest = &["--config", "rest.toml", "--allow-http", "--allow-port", &port];
    let rest = [&rest[..], &["--allow-cidr", "127.0.0.1"]].concat();
    for args in [&[][..], host, &rest] {
        let done = with_password(&stage, &[&["eval", &template][..], args].concat());
        assert_eq!((done.out.as_str(), done.code), ("ok\n", 0), "{args:?}: {}", done.err);
        let request = heard.recv().unwrap();
        assert!(request.lines().any(|line| line == HEADER), "{args:?}: {request}");
    }
    for (args, expected) in [
        (&["--config", "host.toml"][..], "or fetch it with --allow-host HOST"),
        (&["--config", "rest.toml"], "write https, or allow it with --allow-http"),
        (&["--config", "other.toml"], "the credential `crm` is not for `127.0.0.1`"),
    ] {
        let done = with_password(&stage, &[&["eval", &template][..], args].concat());
        assert!(done.err.contains(expected), "{args:?}: {}", done.err);
        assert_eq!(done.code, 1, "{args:?}");
    }
}
