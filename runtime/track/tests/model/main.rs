//! Random requests: a batch equals its objects one by one, both equal a naive model, and nothing makes the crate panic.

mod naive;
mod requests;

use flowrun_track::{
    Array, Directory, Id, Memory, Object, Profile, compose, compose_value, export, identify,
    neighbours, track_batch,
};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

fn users(directory: &Directory<Memory>) -> Vec<Json> {
    let ids: Vec<Id> = directory.profiles.iter().map(|(id, _)| id).collect();
    ids.iter().map(|id| Json::Object(export::user(directory, *id, None).unwrap())).collect()
}

proptest! {
    #[test]
    fn a_batch_equals_its_objects_one_by_one_and_the_model(
        batches in prop::collection::vec(requests::body(), 1..4),
    ) {
        let mut whole = Directory::new(Memory::default());
        let mut single = Directory::new(Memory::with_seed(99));
        let mut model = naive::Users::default();
        for (number, body) in batches.iter().enumerate() {
            let now = 1_600_000_000_000 + number as i64 * 1000;
            let batch = track_batch(&mut whole, body.as_object().unwrap(), now).unwrap();
            for array in Array::ALL {
                for (index, object) in body[array.name()].as_array().unwrap().iter().enumerate() {
                    let one = json!({ array.name(): [object] });
                    let alone = track_batch(&mut single, one.as_object().unwrap(), now).unwrap();
                    let outcomes = batch.outcomes(array).unwrap();
                    prop_assert_eq!(&alone.outcomes(array).unwrap()[0], &outcomes[index]);
                    model.track(array.name(), object, now);
                }
            }
        }
        prop_assert_eq!(users(&whole), users(&single));
        let seen: Vec<Json> = users(&whole).into_iter().map(naive::comparable).collect();
        prop_assert_eq!(seen, model.shown());
    }

    #[test]
    fn a_profile_comes_back_from_a_store(batches in prop::collection::vec(requests::body(), 1..3)) {
        let mut directory = Directory::new(Memory::default());
        for body in &batches {
            track_batch(&mut directory, body.as_object().unwrap(), 1_600_000_000_000).unwrap();
        }
        for (_, profile) in directory.profiles.iter() {
            let text = serde_json::to_string(profile).unwrap();
            let back: Profile = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&back, profile);
            prop_assert_eq!(back.updated_ms(), profile.updated_ms());
            prop_assert_eq!(serde_json::to_string(&back).unwrap(), text);
        }
    }

    #[test]
    fn what_does_not_count_twice_is_the_same_twice(before in requests::attributes(), object in requests::attributes()) {
        let parse = |object: &Json| Object::parse(Array::Attributes, object.as_object().unwrap());
        let (Ok(before), Ok(parsed)) = (parse(&before), parse(&object)) else { return Ok(()) };
        if parsed.counts_twice() {
            return Ok(());
        }
        let mut once = Profile::new("u");
        let _ = before.apply(&mut once, 5);
        let _ = parsed.apply(&mut once, 5);
        let mut twice = once.clone();
        let _ = parsed.apply(&mut twice, 5);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn nothing_panics(json in requests::any_json(), text in requests::any_text()) {
        let _ = compose(&text);
        let _ = compose(&json.to_string());
        let _ = compose_value(json.clone());
        let object = match json {
            Json::Object(object) => object,
            other => Map::from_iter([("a".to_owned(), other)]),
        };
        let _ = identify(&object);
        let mut profile = Profile::new("u");
        for array in Array::ALL {
            if let Ok(parsed) = Object::parse(array, &object) {
                let _ = parsed.apply(&mut profile, 0);
                let _ = parsed.apply(&mut profile, i64::MAX);
            }
            let _ = compose_value(json!({ array.name(): object }));
        }
        let mut directory = Directory::new(Memory::default());
        let _ = track_batch(&mut directory, json!({"attributes": [object], "events": [object]}).as_object().unwrap(), 0);
        for body in [object.clone(), Map::from_iter([("merge_updates".to_owned(), json!([object]))]),
            Map::from_iter([("user_aliases".to_owned(), json!([object]))]),
            Map::from_iter([("aliases_to_identify".to_owned(), json!([object]))])] {
            neighbours::identify(&mut directory, &body);
            neighbours::merge(&mut directory, &body);
            neighbours::new_aliases(&mut directory, &body);
            neighbours::delete(&mut directory, &body);
            export::export(&directory, &body);
        }
    }

    #[test]
    fn composer_faults_stand_inside_the_text(text in requests::composer_text()) {
        if let Err(error) = compose(&text)
            && let Some(offset) = error.offset
        {
            prop_assert!(text.is_char_boundary(offset), "{} in {:?}", offset, text);
        }
    }

    #[test]
    fn dates_never_panic(text in "[-+0-9TZ:., /a-z]{0,40}") {
        if let Some(instant) = flowrun_track::date::parse(&text) {
            let again = flowrun_track::date::parse(&instant.iso());
            prop_assert!(instant.year.abs() > 9990 || instant.year < 1 || again.map(|i| i.micros) == Some(instant.micros));
        }
    }
}
