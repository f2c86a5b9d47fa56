//! How held updates become requests, and how replies become outcomes of users.

use std::sync::Arc;

use flowrun_simulation::core::batcher::{
    Answers, Batcher, BatcherSettings, Limits, Reply, Request, Settlement,
};
use flowrun_simulation::core::sdk::Objects;
use flowrun_simulation::core::{
    CommitLevel, ItemId, Millis, Outcome, Progress, ShardId, Version, Write, WriteKey, WriteOutcome,
};

/// A write with so many attributes, events and purchases.
fn write(user: u32, shape: [usize; 3]) -> Write {
    let objects = |count: usize| (0..count).map(|n| format!("{{\"n\":{n}}}").into()).collect();
    let [attributes, events, purchases] = shape.map(objects);
    Write {
        shard: ShardId(0),
        id: ItemId { slot: user, use_no: 0 },
        attempt: 1,
        key: WriteKey {
            canvas: "c".into(),
            version: Version(1),
            user: format!("u{user}").into(),
            entry: 1,
            step: "s".into(),
        },
        objects: Arc::new(Objects { attributes, events, purchases }),
        done: Progress::default(),
        refused: None,
    }
}

fn settings() -> BatcherSettings {
    BatcherSettings { per_minute: None, ..BatcherSettings::default() }
}

fn shape(request: &Request) -> String {
    let objects = request.objects;
    format!("{}/{}/{}", objects.attributes, objects.events, objects.purchases)
}

fn shapes(requests: &[Request]) -> String {
    requests.iter().map(shape).collect::<Vec<_>>().join(" ")
}

#[test]
fn requests_are_filled_to_the_limits_and_not_beyond() {
    let combined = Limits { combined: Some(75), ..Limits::USER_TRACK };
    let track = Limits::USER_TRACK;
    let rows: Vec<(&str, Limits, usize, [usize; 3], &str)> = vec![
        ("one user needs no company", track, 1, [1, 1, 0], "1/1/0"),
        ("three full bins", track, 75, [1, 1, 1], "75/75/75"),
        ("the 76th opens another", track, 76, [1, 1, 1], "75/75/75 1/1/1"),
        ("two hundred", track, 200, [1, 0, 1], "75/0/75 75/0/75 50/0/50"),
        ("two attributes each: nobody is cut in two", track, 50, [2, 1, 0], "74/37/0 26/13/0"),
        ("counted together", combined, 50, [1, 1, 0], "37/37/0 13/13/0"),
        ("counted together, to the brim", combined, 76, [1, 0, 0], "75/0/0 1/0/0"),
        ("one write larger than a request comes in parts", track, 1, [76, 1, 0], "75/0/0"),
    ];
    for (name, limits, users, each, expected) in rows {
        let mut batcher = Batcher::new(BatcherSettings { limits, ..settings() });
        (0..users as u32).for_each(|user| batcher.push(Millis(0), write(user, each)));
        let mut requests = batcher.poll(Millis(0));
        // What is not full waits for company while others are under way.
        requests.extend(batcher.poll(Millis(50)));
        assert_eq!(shapes(&requests), expected, "{name}");
    }
}

#[test]
fn a_request_waits_for_company_only_while_others_are_under_way() {
    let mut batcher = Batcher::new(settings());
    let poll = |batcher: &mut Batcher, at| shapes(&batcher.poll(Millis(at)));
    batcher.push(Millis(0), write(1, [1, 0, 0]));
    assert_eq!(poll(&mut batcher, 0), "1/0/0", "nothing is under way: at once");
    batcher.push(Millis(10), write(2, [1, 0, 0]));
    assert_eq!(batcher.next_wake(), Some(Millis(60)));
    assert_eq!(poll(&mut batcher, 59), "", "one is under way: others may still come");
    batcher.push(Millis(59), write(3, [1, 0, 0]));
    assert_eq!(poll(&mut batcher, 60), "2/0/0", "linger counts from the first");
    batcher.push(Millis(61), write(4, [1, 0, 0]));
    for request in [1, 2] {
        let reply = Reply::new(None, Answers::All(Outcome::Applied));
        let _ = batcher.reply(Millis(62), request, &reply);
    }
    assert_eq!(poll(&mut batcher, 62), "1/0/0", "the line is free again");
}

#[test]
fn no_more_requests_are_under_way_than_the_backend_takes() {
    let mut batcher = Batcher::new(BatcherSettings { in_flight: 2, ..settings() });
    (0..300).for_each(|user| batcher.push(Millis(0), write(user, [1, 0, 0])));
    assert_eq!(batcher.poll(Millis(0)).len(), 2);
    assert_eq!(batcher.poll(Millis(1_000_000)).len(), 0);
    let reply = Reply::new(None, Answers::All(Outcome::Applied));
    let _ = batcher.reply(Millis(1_000_000), 1, &reply);
    assert_eq!(batcher.poll(Millis(1_000_000)).len(), 1);
}

#[test]
fn requests_keep_to_the_rate() {
    let mut batcher = Batcher::new(BatcherSettings {
        per_minute: Some(600),
        in_flight: usize::MAX,
        ..settings()
    });
    (0..75 * 100).for_each(|user| batcher.push(Millis(0), write(user, [1, 0, 0])));
    let mut moments = Vec::new();
    let mut now = Millis(0);
    while let Some(wake) = batcher.next_wake() {
        now = now.max(wake);
        moments.extend(batcher.poll(now).iter().map(|_| now.0));
    }
    assert_eq!(moments.len(), 100);
    let first_second = moments.iter().filter(|&&at| at < 1000).count();
    assert!(first_second <= 20, "a second's share, and one saved up: {first_second}");
    assert!((7_900..=10_000).contains(&moments[99]), "ten a second: {}", moments[99]);
}

/// The outcome of each write, in order of users: `+` committed, `~` accepted, `-why`
/// refused, `?` again.
fn outcomes(mut settled: Vec<Settlement>) -> String {
    settled.sort_by_key(|one| one.write.slot);
    let words = settled.iter().map(|one| match &one.outcome {
        WriteOutcome::Committed(CommitLevel::Applied) => "+".to_owned(),
        WriteOutcome::Committed(CommitLevel::Accepted) => "~".to_owned(),
        WriteOutcome::Refused(why) => format!("-{why}"),
        WriteOutcome::Again { after, refused, .. } => {
            let after = after.map_or(String::new(), |after| after.0.to_string());
            format!("?{after}{}", refused.as_deref().unwrap_or(""))
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn each_write_gets_the_outcome_of_its_own_objects() {
    let applied = || Outcome::Applied;
    let refused = |why: &str| Outcome::Refused(why.into());
    let retry =
        |after: Option<i64>| Outcome::Retry { after: after.map(Millis), cause: "429".into() };
    let unknown = || Outcome::Unknown("cut".into());
    let each = |attributes: Vec<Outcome>, events: Vec<Outcome>| Answers::Each {
        attributes,
        events,
        purchases: Vec::new(),
    };
    // Three users, an attribute and an event each.
    let rows: Vec<(&str, Answers, &str)> = vec![
        ("all in", Answers::All(applied()), "+ + +"),
        ("all queued", Answers::All(Outcome::Accepted), "~ ~ ~"),
        ("all unknown", Answers::All(unknown()), "? ? ?"),
        (
            "one refused: the neighbours are in",
            each(vec![applied(), refused("bad"), applied()], vec![applied(), applied(), applied()]),
            "+ -bad +",
        ),
        (
            "the index counts inside its array",
            each(
                vec![applied(), applied(), applied()],
                vec![refused("e0"), applied(), refused("e2")],
            ),
            "-e0 + -e2",
        ),
        (
            "one object queued makes the write queued",
            each(
                vec![applied(), applied(), Outcome::Accepted],
                vec![applied(), applied(), applied()],
            ),
            "+ + ~",
        ),
        (
            "no answer about an object is no commit",
            each(vec![applied(), applied()], vec![applied(), applied(), applied()]),
            "+ + ?",
        ),
        (
            "the longest wait that is asked for counts",
            each(
                vec![retry(Some(5)), retry(Some(7)), applied()],
                vec![retry(Some(9)), applied(), applied()],
            ),
            "?9 ?7 +",
        ),
        (
            "a refusal is not forgotten when the other object comes again",
            each(vec![refused("bad"), applied(), applied()], vec![unknown(), applied(), applied()]),
            "?bad + +",
        ),
    ];
    for (name, answers, expected) in rows {
        let mut batcher = Batcher::new(settings());
        (0..3).for_each(|user| batcher.push(Millis(0), write(user, [1, 1, 0])));
        let requests = batcher.poll(Millis(0));
        assert_eq!(shapes(&requests), "3/3/0");
        let reply = Reply::new(None, answers);
        let settled = batcher.reply(Millis(1), requests[0].number, &reply);
        assert_eq!(outcomes(settled), expected, "{name}");
        assert_eq!(batcher.writes(), 0, "{name}: nothing stays behind");
    }
}

#[test]
fn what_is_done_is_not_sent_again_and_what_was_refused_stays_refused() {
    let mut batcher = Batcher::new(settings());
    let mut again = write(1, [2, 1, 0]);
    again.done.insert(0);
    again.refused = Some("bad".into());
    batcher.push(Millis(0), again);
    let requests = batcher.poll(Millis(0));
    assert_eq!(shapes(&requests), "1/1/0");
    let part = &requests[0].parts[0];
    assert_eq!(part.texts(0).collect::<Vec<_>>(), [(1, "{\"n\":1}")]);
    let reply = Reply::new(None, Answers::All(Outcome::Applied));
    let settled = batcher.reply(Millis(1), 1, &reply);
    assert_eq!(settled[0].done.count(), 3);
    assert_eq!(outcomes(settled), "-bad", "the whole write is refused, though the rest is in");
}

#[test]
fn a_write_in_parts_is_settled_once_after_the_last() {
    let mut batcher = Batcher::new(settings());
    batcher.push(Millis(0), write(1, [160, 10, 0]));
    let mut seen = Vec::new();
    let mut settled = Vec::new();
    while let Some(request) = batcher.poll(Millis(0)).pop() {
        seen.push(shape(&request));
        assert!(settled.is_empty(), "not before the last part");
        let reply = Reply::new(None, Answers::All(Outcome::Applied));
        settled = batcher.reply(Millis(0), request.number, &reply);
    }
    assert_eq!(seen, ["75/0/0", "75/0/0", "10/10/0"], "attributes come before events");
    assert_eq!(settled[0].done.count(), 170);
    assert_eq!(outcomes(settled), "+");
}

#[test]
fn replies_nobody_waits_for_are_dropped() {
    let mut batcher = Batcher::new(settings());
    batcher.push(Millis(0), write(1, [1, 0, 0]));
    let number = batcher.poll(Millis(0))[0].number;
    let reply = Reply::new(None, Answers::All(Outcome::Applied));
    assert!(batcher.reply(Millis(1), number + 1, &reply).is_empty());
    assert_eq!(batcher.reply(Millis(1), number, &reply).len(), 1);
    assert!(batcher.reply(Millis(1), number, &reply).is_empty(), "a second reply");
}
