//! An attribute of synthetic users: what is drawn becomes part of a profile by the rules
//! of User Track.
//!
//! Options are judged and parsed once, not per user: a million users have few countries.

use flowrun_core::track::{Array, Field, Name, Object, Profile, Value};
use flowrun_core::{Context, Millis};
use serde_json::Value as Json;

use super::dice::{Dice, Purpose};
use super::draw::{Draw, Known};

/// An attribute and how it is drawn.
#[derive(Debug)]
pub struct Attribute {
    purpose: Purpose,
    form: Form,
}

/// A draw with everything prepared that doesn't depend on the user.
#[derive(Debug)]
enum Form {
    Options {
        draw: Draw,
        objects: Vec<Option<Object>>,
    },
    /// By an attribute drawn before.
    By {
        name: Box<str>,
        cases: Vec<(Value, Form)>,
        otherwise: Option<Box<Form>>,
    },
    Custom {
        name: Name,
        draw: Draw,
    },
    /// A standard field without options: judged as it is drawn.
    Field {
        name: Box<str>,
        draw: Draw,
    },
}

impl Attribute {
    /// # Errors
    /// What User Track has against a value that may be drawn.
    pub fn new(name: &str, draw: Draw) -> Result<Attribute, String> {
        Ok(Attribute { purpose: Purpose::of(name), form: Form::new(name, draw)? })
    }

    /// Draws the attribute for a user and puts it into the profile.
    pub fn give(&self, seed: u64, profile: &mut Profile, now: Millis) {
        let id = profile.external_id().expect("synthetic users have an id");
        let mut dice = Dice::new(seed, id, self.purpose);
        self.form.give(&mut dice, profile, now);
    }
}

/// What User Track makes of the value of an attribute.
///
/// # Errors
/// What it has against it.
pub fn object_of(name: &str, value: &Json) -> Result<Object, String> {
    let object = Context::from_iter([(name.to_owned(), value.clone())]);
    let object = Object::parse(Array::Attributes, &object).map_err(|error| error.message)?;
    // A profile would take something else or nothing: whoever declares it should know.
    match object.warnings().first() {
        Some(warning) => Err(warning.to_string()),
        None => Ok(object),
    }
}

impl Form {
    fn new(name: &str, draw: Draw) -> Result<Form, String> {
        if let Some(options) = draw.options() {
            let parse =
                |option: Option<&Json>| option.map(|json| object_of(name, json)).transpose();
            let objects = options.into_iter().map(parse).collect::<Result<_, _>>()?;
            return Ok(Form::Options { draw, objects });
        }
        if let Draw::By { name: other, cases, otherwise } = draw {
            let case = |(value, draw): (Json, Draw)| {
                Ok((as_kept(&other, &value)?, Form::new(name, draw)?))
            };
            let cases = cases.into_iter().map(case).collect::<Result<_, String>>()?;
            let otherwise = otherwise.map(|draw| Form::new(name, *draw)).transpose()?;
            return Ok(Form::By { name: other, cases, otherwise: otherwise.map(Box::new) });
        }
        let sample = draw.draw(&mut Dice::new(0, "", Purpose::of(name)), &Known::nothing());
        object_of(name, &sample.unwrap_or_default())?;
        Ok(match Field::named(name) {
            Some(_) => Form::Field { name: name.into(), draw },
            None => Form::Custom { name: Name::new(name), draw },
        })
    }

    fn give(&self, dice: &mut Dice, profile: &mut Profile, now: Millis) {
        match self {
            Form::Options { draw, objects } => {
                let option = draw.option(dice).and_then(|option| objects.get(option));
                if let Some(object) = option.and_then(Option::as_ref) {
                    let _ = object.apply(profile, now.0);
                }
            }
            Form::By { name, cases, otherwise } => {
                let known = profile.attribute(name);
                let case = cases.iter().find(|(value, _)| Some(value) == known);
                let form = case.map(|(_, form)| form).or(otherwise.as_deref());
                if let Some(form) = form {
                    form.give(dice, profile, now);
                }
            }
            Form::Custom { name, draw } => {
                let drawn = draw.draw(dice, &Known::nothing());
                profile.set_custom(name, drawn.as_ref().and_then(Value::from_json));
            }
            Form::Field { name, draw } => {
                let drawn = draw.draw(dice, &Known::nothing()).unwrap_or_default();
                if let Ok(object) = object_of(name, &drawn) {
                    let _ = object.apply(profile, now.0);
                }
            }
        }
    }
}

/// The value as a profile keeps it, to compare with.
fn as_kept(name: &str, value: &Json) -> Result<Value, String> {
    let mut scratch = Profile::new("");
    let _ = object_of(name, value)?.apply(&mut scratch, Millis::MAX.0);
    let kept = scratch.attribute(name).cloned();
    kept.ok_or_else(|| format!("no profile keeps this as its `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::draw::{Number, Shape, Weighted};

    fn options(options: &[(&str, f64)]) -> Draw {
        let mut weighted = Weighted::default();
        for (option, weight) in options {
            weighted.add(Some((*option).into()), *weight);
        }
        Draw::OneOf(weighted)
    }

    #[test]
    fn what_a_profile_would_refuse_is_refused_before_anyone_is_made() {
        let whole = Shape::Uniform { from: 0.0, to: 9.0 };
        let number = Draw::Number(Number { shape: whole, least: None, most: None, digits: 0 });
        for (name, draw, expected) in [
            ("country", options(&[("FR", 1.0), ("Atlantis", 1.0)]), "country"),
            ("first_name", number.clone(), "first_name"),
            ("tier", options(&[("gold", 1.0)]), ""),
            ("age", number, ""),
        ] {
            let said = Attribute::new(name, draw).err().unwrap_or_default();
            assert_eq!(said.is_empty(), expected.is_empty(), "{name}: {said}");
            assert!(said.contains(expected), "{said}");
        }
    }

    #[test]
    fn an_attribute_does_not_depend_on_what_else_is_declared() {
        let country = || Attribute::new("country", options(&[("FR", 1.0), ("US", 1.0)])).unwrap();
        let tier = Attribute::new("tier", options(&[("gold", 1.0), ("none", 1.0)])).unwrap();
        let mut different = 0;
        for user in 0..100 {
            let make = |attributes: &[&Attribute]| {
                let mut profile = Profile::new(&format!("user-{user}"));
                attributes.iter().for_each(|one| one.give(3, &mut profile, Millis(0)));
                profile
            };
            let (alone, after) = (make(&[&country()]), make(&[&tier, &country()]));
            assert_eq!(alone.attribute("country"), after.attribute("country"));
            different += usize::from(alone.attribute("country") == Some(&"FR".into()));
        }
        assert!((30..70).contains(&different), "{different}");
    }

    #[test]
    fn a_case_is_compared_as_profiles_keep_it() {
        // A profile keeps a gender by its letter.
        let cases = vec![("F".into(), Draw::Fixed("Ms".into()))];
        let by = Draw::By { name: "gender".into(), cases, otherwise: None };
        let gender = Attribute::new("gender", Draw::Fixed("female".into())).unwrap();
        let title = Attribute::new("title", by).unwrap();
        let mut profile = Profile::new("u");
        [gender, title].iter().for_each(|one| one.give(0, &mut profile, Millis(0)));
        assert_eq!(profile.attribute("title"), Some(&"Ms".into()));
    }
}
