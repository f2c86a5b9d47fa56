//! What a plugin makes of a call. The macros put C functions around it.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::abi::PluginKind;
use super::{
    Asked, BackendDescription, CellBytes, ChannelDescription, Created, Malformed, StepDescription,
    json_of, lay_decisions, lay_outcomes, read_cohort,
};
use crate::backend::{Array, Backend, Batch, Object};
use crate::channel::{Channel, Letter, Post};
use crate::{Delivery, Fault, Kind, Message, Step};

/// Bytes of a result, or of the text that says why there is none.
pub type Said = Result<Vec<u8>, Vec<u8>>;

/// A plugin without its C functions.
pub trait Exported: Sized + Send + Sync + 'static {
    const KIND: PluginKind;

    fn describe() -> Said;

    /// The plugin at one place, and the JSON of [`Created`].
    fn create(settings: &[u8]) -> Result<(Self, Vec<u8>), Vec<u8>>;

    fn call(&self, request: &[u8]) -> Said;
}

/// A [`Step`] as a plugin.
pub struct StepPlugin<S> {
    step: S,
    reads: Vec<String>,
}

/// A [`Backend`] as a plugin.
pub struct BackendPlugin<B>(B);

/// A [`Channel`] as a plugin.
pub struct ChannelPlugin<C>(C, PhantomData<C>);

impl<S: Step> Exported for StepPlugin<S> {
    const KIND: PluginKind = PluginKind::Step;

    fn describe() -> Said {
        let Kind { declaration, settings, .. } = Kind::of::<S>();
        json(&StepDescription { declaration, settings })
    }

    fn create(settings: &[u8]) -> Result<(Self, Vec<u8>), Vec<u8>> {
        let step = S::create(read_settings(settings)?).map_err(|faults| faults_as_json(&faults))?;
        let reads = step.reads();
        let (warnings, sets) = (step.warnings(), step.sets());
        let said = Created { warnings, reads: Some(reads.clone()), sets, about: None };
        Ok((StepPlugin { step, reads }, json(&said)?))
    }

    fn call(&self, request: &[u8]) -> Said {
        let asked = Asked::read(request).map_err(text)?;
        let cohort = read_cohort(&asked, &self.reads).map_err(text)?;
        let mut decisions = Vec::with_capacity(cohort.len());
        self.step.decide_cohort(&cohort, &mut decisions);
        lay_decisions(&decisions).map_err(text)
    }
}

impl<B: Backend> Exported for BackendPlugin<B> {
    const KIND: PluginKind = PluginKind::Backend;

    fn describe() -> Said {
        let crate::backend::Declaration { name, summary, about } = B::declare();
        json(&BackendDescription { name, summary, settings: schema::<B::Settings>(), about })
    }

    fn create(settings: &[u8]) -> Result<(Self, Vec<u8>), Vec<u8>> {
        let backend =
            B::create(read_settings(settings)?).map_err(|faults| faults_as_json(&faults))?;
        let said = json(&Created { about: Some(backend.about()), ..Created::default() })?;
        Ok((BackendPlugin(backend), said))
    }

    fn call(&self, request: &[u8]) -> Said {
        let asked = Asked::read(request).map_err(text)?;
        let objects: Result<_, _> = (0..asked.rows).map(|row| object(&asked, row)).collect();
        let batch = Batch { now: asked.now, objects: objects.map_err(text)? };
        let reply = self.0.commit(&batch);
        lay_outcomes(&reply.outcomes, reply.pause).map_err(text)
    }
}

impl<C: Channel> Exported for ChannelPlugin<C> {
    const KIND: PluginKind = PluginKind::Channel;

    fn describe() -> Said {
        let crate::channel::Declaration { name, summary } = C::declare();
        json(&ChannelDescription { name, summary, settings: schema::<C::Settings>() })
    }

    fn create(settings: &[u8]) -> Result<(Self, Vec<u8>), Vec<u8>> {
        let channel =
            C::create(read_settings(settings)?).map_err(|faults| faults_as_json(&faults))?;
        Ok((ChannelPlugin(channel, PhantomData), Vec::new()))
    }

    fn call(&self, request: &[u8]) -> Said {
        let asked = Asked::read(request).map_err(text)?;
        let letters: Result<_, _> = (0..asked.rows).map(|row| letter(&asked, row)).collect();
        let post = Post { now: asked.now, letters: letters.map_err(text)? };
        lay_outcomes(&self.0.send(&post), None).map_err(text)
    }
}

/// The columns of a batch of objects, by number.
pub mod object_column {
    pub const ARRAY: usize = 0;
    pub const KEY: usize = 1;
    pub const NUMBER: usize = 2;
    pub const ATTEMPT: usize = 3;
    pub const JSON: usize = 4;
    pub const COUNT: usize = 5;
}

/// The columns of messages, by number.
pub mod letter_column {
    pub const ID: usize = 0;
    pub const ATTEMPT: usize = 1;
    pub const CHANNEL: usize = 2;
    pub const SUBJECT: usize = 3;
    pub const BODY: usize = 4;
    pub const FIELDS: usize = 5;
    /// 0: at least once, 1: at most once.
    pub const DELIVERY: usize = 6;
    pub const COUNT: usize = 7;
}

const COLUMNS: Malformed = Malformed("the request has other columns than this version");

fn object<'a>(asked: &Asked<'a>, row: usize) -> Result<Object<'a>, Malformed> {
    use object_column as column;
    if asked.columns < column::COUNT {
        return Err(COLUMNS);
    }
    let array = Array::ALL.get(int(asked, row, column::ARRAY)? as usize).copied();
    Ok(Object {
        array: array.ok_or(Malformed("the request has an object of an unknown array"))?,
        user: asked.user(row)?,
        key: words(asked, row, column::KEY)?,
        number: int(asked, row, column::NUMBER)?,
        attempt: int(asked, row, column::ATTEMPT)?,
        json: words(asked, row, column::JSON)?,
    })
}

fn letter<'a>(asked: &Asked<'a>, row: usize) -> Result<Letter<'a>, Malformed> {
    use letter_column as column;
    if asked.columns < column::COUNT {
        return Err(COLUMNS);
    }
    let subject = match asked.cell(row, column::SUBJECT)? {
        CellBytes::Text(subject) => Some(subject.into()),
        _ => None,
    };
    let fields = serde_json::from_str(words(asked, row, column::FIELDS)?)
        .map_err(|_| Malformed("the fields of a message are no JSON object of texts"))?;
    Ok(Letter {
        user: asked.user(row)?,
        id: words(asked, row, column::ID)?,
        attempt: int(asked, row, column::ATTEMPT)?,
        message: Message {
            channel: words(asked, row, column::CHANNEL)?.into(),
            subject,
            body: words(asked, row, column::BODY)?.into(),
            fields,
            delivery: match int(asked, row, column::DELIVERY)? {
                0 => Delivery::AtLeastOnce,
                _ => Delivery::AtMostOnce,
            },
        },
    })
}

fn words<'a>(asked: &Asked<'a>, row: usize, column: usize) -> Result<&'a str, Malformed> {
    match asked.cell(row, column)? {
        CellBytes::Text(text) | CellBytes::Json(text) => Ok(text),
        _ => Err(COLUMNS),
    }
}

fn int(asked: &Asked<'_>, row: usize, column: usize) -> Result<u32, Malformed> {
    match asked.cell(row, column)? {
        CellBytes::Int(number) => u32::try_from(number).map_err(|_| COLUMNS),
        _ => Err(COLUMNS),
    }
}

fn read_settings<T: DeserializeOwned>(settings: &[u8]) -> Result<T, Vec<u8>> {
    let json = json_of(settings).map_err(text)?;
    serde_json::from_str(json)
        .map_err(|error| faults_as_json(&[Fault::error("", error.to_string())]))
}

fn schema<T: schemars::JsonSchema>() -> serde_json::Value {
    schemars::schema_for!(T).to_value()
}

fn faults_as_json(faults: &[Fault]) -> Vec<u8> {
    serde_json::to_vec(faults).unwrap_or_else(|error| error.to_string().into_bytes())
}

fn json(value: &impl Serialize) -> Said {
    serde_json::to_vec(value).map_err(|error| error.to_string().into_bytes())
}

fn text(why: Malformed) -> Vec<u8> {
    why.to_string().into_bytes()
}
