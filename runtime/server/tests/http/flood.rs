//! More connections than there is room for: whoever asks something is served beside them.

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::stage::{Stage, options, request};

const PATH: &str = "/users/track";

/// Descriptors that this process may have open.
fn descriptors() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    line.and_then(|line| line.split_whitespace().nth(3)?.parse().ok()).unwrap_or(1024)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_silent_connections_keep_nobody_out() {
    let mut settings = options();
    settings.limits.connections = 200;
    let stage = Stage::with(settings).await;
    // Where fewer can be opened, as many as can; always far more than there is room for.
    let count = 10_000.min(descriptors().saturating_sub(600));
    assert!(count > 300, "at least 1,000 open files are needed: ulimit -n 20000");
    let mut silent = Vec::with_capacity(count);
    for n in 0..count {
        silent.push(stage.connect().await);
        if n % 500 == 0 {
            let body = json!({"attributes": [{"external_id": format!("u{n}")}]});
            assert_eq!(stage.post(PATH, body).await.status, 201, "beside {n}");
        }
    }
    assert_eq!(stage.users(), count.div_ceil(500));
    let metrics = stage.get("/metrics").await.body;
    let value = |name: &str| -> usize {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(value("flowrun_http_connections ") <= 200);
    assert!(value("flowrun_http_connections_closed_total{reason=\"evicted\"}") >= count - 300);
    assert_eq!(value("flowrun_http_connections_closed_total{reason=\"turned_away\"}"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_and_bodies_make_room_as_well() {
    let mut settings = options();
    settings.limits.connections = 20;
    let stage = Stage::with(settings).await;
    let text = request(PATH, "", &json!({"attributes": [{"external_id": "slow"}]}).to_string());
    let mut slow = Vec::new();
    for n in 0..200 {
        let mut stream = stage.connect().await;
        // Half of them stop in the head, half in the body.
        let part = if n % 2 == 0 { 50 } else { text.len() - 1 };
        stream.write_all(&text.as_bytes()[..part]).await.unwrap();
        slow.push(stream);
    }
    for n in 0..5 {
        let body = json!({"attributes": [{"external_id": format!("quick{n}")}]});
        assert_eq!(stage.post(PATH, body).await.status, 201);
    }
    assert_eq!(stage.users(), 5);
}
