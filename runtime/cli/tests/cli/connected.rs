//! Connected Content on the command line: fixtures, the network, and neither.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::Stage;

const SKY: &str = "{% connected_content https://weather.example.com/today?city=London :save sky %}\
                   {{sky.text}} {{sky.__http_status_code__}}";

#[test]
fn fixtures_beside_a_canvas_answer_it() {
    let done = Stage::new().run(&["weather.yaml"]);
    for line in ["“Ada: rain”", "“Bo: snow”", "“Cy: look out of the window”"] {
        assert!(done.out.contains(line), "{line}: {}", done.out);
    }
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    let explained = Stage::new().run(&["explain", "weather.yaml", "--user", "bo"]);
    assert!(explained.out.contains("“Bo: snow”"), "{}", explained.out);
}

#[test]
fn named_fixtures_take_the_place_of_those_beside() {
    let stage = Stage::new();
    stage.write("sun.json", "[{\"url\": \"*\", \"json\": {\"text\": \"sun\"}}]");
    for args in [
        &["weather.yaml", "--fixtures", "sun.json"][..],
        &["explain", "weather.yaml", "--user", "ada", "--fixtures", "sun.json"],
    ] {
        let done = stage.run(args);
        assert!(done.out.contains("“Ada: sun”"), "{args:?}: {}", done.out);
    }
    let both = stage.run(&["eval", SKY, "--fixtures", "sun.json"]);
    assert_eq!((both.out.as_str(), both.code), ("sun 200\n", 0));
    let batch = format!("{{\"template\": {SKY:?}}}\n{{\"template\": \"x\"}}");
    let batch = stage.run_with(&["eval", "--batch", "--fixtures", "sun.json"], batch);
    assert_eq!(batch.out, "{\"text\":\"sun 200\"}\n{\"text\":\"x\"}\n");
    let condition = "{% connected_content https://a.test :save s %}";
    let condition = stage.run(&["eval", "--condition", condition, "--fixtures", "sun.json"]);
    assert_ne!(condition.code, 0, "a condition has no tags: {}", condition.out);
}

#[test]
fn without_an_answer_it_is_said_what_is_missing() {
    let stage = Stage::new();
    let expected = "no fixture answers GET https://weather.example.com/today?city=London: give one \
                    with --fixtures FILE, or fetch it with --allow-host HOST, or with \
                    [egress] allow_hosts in flowrun.toml";
    let eval = stage.run(&["eval", SKY]);
    assert!(eval.err.contains(expected), "{}", eval.err);
    assert_eq!((eval.code, eval.out.as_str()), (1, ""));
    let batch = stage.run_with(&["eval", "--batch"], format!("{{\"template\": {SKY:?}}}"));
    assert!(batch.json()["error"].as_str().is_some_and(|said| said == expected), "{}", batch.out);
    std::fs::remove_file(stage.path().join("weather.fixtures.yaml")).unwrap();
    let run = stage.run(&["run", "weather.yaml", "--json"]);
    assert_eq!(run.code, 3, "the visits fail");
    assert_eq!(run.json()["dead_letters"][0]["reason"], expected);
}

#[test]
fn fixtures_that_are_wrong_say_where() {
    let stage = Stage::new();
    stage.write("wrong.yaml", "- url: a\n- url: b\n  satus: 200").write("bytes.yaml", b"\xff");
    for (file, expected) in [
        ("wrong.yaml", "wrong.yaml:3:3: unknown field `satus`"),
        ("none.yaml", "can't read the fixtures `none.yaml`: there is no such file"),
        ("bytes.yaml", "they are not UTF-8"),
        (".", "it is a folder"),
    ] {
        for args in
            [&["run", "weather.yaml", "--fixtures", file], &["eval", "x", "--fixtures", file]]
        {
            let done = stage.run(args);
            assert!(done.err.contains(expected), "{args:?}: {}", done.err);
            assert_eq!(done.code, 2, "{args:?}");
        }
    }
}

/// Answers so many requests with the same JSON, and says its port.
fn serving(requests: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(requests) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"text\":\"ok\"}");
        }
    });
    port.to_string()
}

#[test]
fn only_what_is_allowed_is_fetched() {
    let stage = Stage::new();
    let port = serving(1);
    let template =
        format!("{{% connected_content http://127.0.0.1:{port}/ :save x %}}{{{{x.text}}}}");
    let host = ["--allow-host", "127.0.0.1"];
    let (http, cidr) = (["--allow-http"], ["--allow-cidr", "127.0.0.0/8"]);
    let open = ["--allow-port", &port];
    for (args, expected) in [
        (host.to_vec(), "write https, or allow it with --allow-http"),
        ([&host[..], &http].concat(), "allow it with --allow-port"),
        ([&host[..], &http, &open].concat(), "allow it with --allow-cidr 127.0.0.1"),
        (
            vec!["--allow-host", "*.example.com", "--allow-http"],
            "allow it with --allow-host 127.0.0.1",
        ),
    ] {
        let done = stage.run(&[&["eval", &template][..], &args].concat());
        assert!(done.err.contains(expected), "{args:?}: {}", done.err);
        assert_eq!(done.code, 1, "{args:?}");
    }
    let all = [&["eval", &template][..], &host, &http, &open, &cidr].concat();
    let done = stage.run(&all);
    assert_eq!((done.out.as_str(), done.code), ("ok\n", 0), "{}", done.err);
    for (args, expected) in [
        (&["--allow-host", "https://a.com"][..], "write the host alone"),
        (&["--allow-cidr", "10.0.0.0/8"], "--allow-host <HOST>"),
        (&["--allow-host", "a.com", "--allow-cidr", "10.0.0.1/8"], "write 10.0.0.0/8"),
    ] {
        let done = stage.run(&[&["eval", "x"], args].concat());
        assert!(done.err.contains(expected), "{args:?}: {}", done.err);
        assert_eq!(done.code, 2, "{args:?}");
    }
}
