//! Long random histories on all profile stores side by side: whatever one answers, all
//! answer; and all hold the same at the end.

use flowrun_simulation::core::Outcome;
use flowrun_simulation::core::batcher::{Answers, Reply};
use flowrun_simulation::core::track::Profile;

use crate::dice::Dice;
use crate::profile_store::{Bench, event, outcomes, request, write};

const ATTRIBUTES: &[&str] = &[
    r#"{"n": {"inc": 1}}"#,
    r#"{"n": 0.1}"#,
    r#"{"tags": {"add": ["a", "b"]}}"#,
    r#"{"tags": {"remove": ["a"]}}"#,
    r#"{"first_name": "Ann", "score": 12.75}"#,
    r#"{"first_name": null}"#,
    r#"{"deep": {"a": [1, 2, {"b": null}]}}"#,
    r#"{"email": 5}"#,
    "not JSON",
];
const EVENTS: &[&str] = &[
    r#"{"name": "seen", "time": "2026-01-02T03:04:05Z"}"#,
    r#"{"name": "seen", "time": "2026-02-02T03:04:05Z", "properties": {"x": 1}}"#,
    r#"{"name": "seen"}"#,
];
const PURCHASES: &[&str] = &[
    r#"{"product_id": "p", "currency": "EUR", "price": 9.99, "time": "2026-01-02T03:04:05Z"}"#,
    r#"{"product_id": "p", "currency": "EUR"}"#,
];

fn pick<'a>(dice: &mut Dice, from: &[&'a str], most: u64) -> Vec<&'a str> {
    let count = dice.roll(most + 1);
    (0..count).map(|_| from[dice.roll(from.len() as u64) as usize]).collect()
}

fn call(benches: &mut [Bench], dice: &mut Dice, mark: u64) -> Vec<String> {
    let user = format!("user {}", dice.roll(12));
    match dice.roll(12) {
        0 => {
            benches.iter_mut().for_each(Bench::reopen);
            Vec::new()
        }
        1 => {
            let profile: Profile = serde_json::from_value(
                serde_json::json!({ "external_id": user, "n": mark, "f": mark as f64 / 7.0 }),
            )
            .expect("a profile");
            benches.iter_mut().for_each(|bench| bench.put(profile.clone()));
            Vec::new()
        }
        2 => {
            benches.iter_mut().for_each(|bench| bench.note(&user, &event("done")));
            Vec::new()
        }
        kind => {
            let writes = 1 + dice.roll(5);
            let writes = (0..writes).map(|_| {
                let user = format!("user {}", dice.roll(12));
                // Few steps: many writes come again under the same key.
                let step = format!("step {}", dice.roll(4));
                let attributes = pick(dice, ATTRIBUTES, 3);
                let (events, purchases) = (pick(dice, EVENTS, 2), pick(dice, PURCHASES, 1));
                write(&user, &step, [&attributes, &events, &purchases])
            });
            let writes: Vec<_> = writes.filter(|write| !write.objects.is_empty()).collect();
            if writes.is_empty() {
                return Vec::new();
            }
            let request = request(writes);
            if kind < 5 {
                let outcome = [Outcome::Accepted, Outcome::Refused("no".into())];
                let outcome = outcome[dice.roll(2) as usize].clone();
                let reply = Reply::new(Some(201), Answers::All(outcome));
                benches.iter_mut().for_each(|bench| bench.acknowledge(&request, &reply));
                return Vec::new();
            }
            let commit = |bench: &mut Bench| {
                let reply = bench.commit(&request);
                outcomes(&request, &reply)
            };
            benches.iter_mut().map(commit).collect()
        }
    }
}

#[test]
fn stores_answer_alike_over_random_histories() {
    let (mut applied, mut refused) = (0, 0);
    for seed in 0..8 {
        let (mut dice, mut benches) = (Dice::new(seed), Bench::all());
        for mark in 0..50 {
            benches.iter().for_each(|bench| bench.at(1_767_225_600_000 + mark as i64));
            let answers = call(&mut benches, &mut dice, mark);
            let first = answers.first().cloned().unwrap_or_default();
            assert!(answers.iter().all(|answer| *answer == first), "seed {seed}: {answers:#?}");
            applied += first.matches("applied").count();
            refused += first.matches("refused").count();
            let held: Vec<String> = benches.iter().map(Bench::all_profiles).collect();
            for (bench, held_there) in benches.iter().zip(&held) {
                let place = format!("{}, seed {seed}, after call {mark}", bench.name);
                assert_eq!(*held_there, held[0], "{place}");
            }
        }
    }
    assert!(applied > 500 && refused > 200, "much happened: {applied} {refused}");
}
