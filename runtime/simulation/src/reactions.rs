//! What users do about the messages they get: with some probability, and some time later,
//! their profile changes or they do something.
//!
//! A reaction follows from the seed, the user, the entry and the message alone, so that a
//! message that goes out twice is reacted to in the same way, and only once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flowrun_core::track::{Array, Object, Profile};
use flowrun_core::{Millis, Send, SendOutcome};

use crate::agenda::{Aftermath, Edit};
use crate::outside::Channel;
use crate::population::{After, Dice, Draws, Occasion, Purpose};

/// One way to react.
#[derive(Clone, Debug)]
pub struct Reaction {
    purpose: Purpose,
    probability: f64,
    after: After,
    set: Draws,
    /// `set`, where it is the same for everybody.
    object: Option<Arc<Object>>,
    event: Option<Occasion>,
    /// What may follow, counted from this.
    then: Vec<Reaction>,
}

impl Reaction {
    /// # Errors
    /// What User Track has against what is to be set.
    pub fn new(
        probability: f64,
        after: After,
        set: Draws,
        event: Option<Occasion>,
        then: Vec<Reaction>,
    ) -> Result<Reaction, String> {
        let sample = set.draw(&Dice::new(0, "", Purpose::of("")), &Profile::new(""));
        let object = Object::parse(Array::Attributes, &sample).map_err(|error| error.message)?;
        if let Some(warning) = object.warnings().first() {
            return Err(warning.to_string());
        }
        let object = (set.is_fixed() && !set.is_empty()).then(|| Arc::new(object));
        Ok(Reaction { purpose: Purpose::of(""), probability, after, set, object, event, then })
    }

    fn numbered(mut self, purpose: Purpose) -> Reaction {
        self.purpose = purpose;
        let then = std::mem::take(&mut self.then).into_iter().enumerate();
        self.then = then.map(|(number, then)| then.numbered(purpose.and(number as u64))).collect();
        self
    }

    fn react(&self, now: Millis, user: &str, dice: &Dice, aftermath: &mut Aftermath) {
        let own = dice.clone().apart(self.purpose);
        let mut chance = own.clone();
        if !chance.happens(self.probability) {
            return;
        }
        let at = whole_second(now + self.after.draw(&mut chance));
        if !self.set.is_empty() {
            let object = self.object.clone().or_else(|| {
                let drawn = self.set.draw(&own, &Profile::new(user));
                Object::parse(Array::Attributes, &drawn).ok().map(Arc::new)
            });
            let edit = object.map(|object| Edit { at, user: user.into(), object });
            aftermath.edits.extend(edit);
        }
        if let Some(event) = &self.event {
            let happening = event.happening(at, user, &own, &Profile::new(user));
            aftermath.happenings.push(happening);
        }
        self.then.iter().for_each(|then| then.react(at, user, dice, aftermath));
    }
}

fn whole_second(at: Millis) -> Millis {
    Millis((at.0 + 999).div_euclid(1000) * 1000)
}

/// All reactions, by the step whose message they are to.
#[derive(Clone, Debug, Default)]
pub struct Reactions {
    by_step: BTreeMap<Box<str>, Vec<Reaction>>,
}

impl Reactions {
    pub fn add(&mut self, step: &str, reaction: Reaction) {
        let known = self.by_step.entry(step.into()).or_default();
        let purpose = Purpose::of(step).and(known.len() as u64);
        known.push(reaction.numbered(purpose));
    }

    pub fn is_empty(&self) -> bool {
        self.by_step.is_empty()
    }

    /// A channel that takes messages as `inner` does, with users who react.
    pub fn behind<'a>(&'a self, seed: u64, inner: &'a mut dyn Channel) -> Reacting<'a> {
        let aftermath = Aftermath::default();
        Reacting { seed, reactions: self, inner, aftermath, seen: None }
    }
}

/// A channel with users behind it.
pub struct Reacting<'a> {
    seed: u64,
    reactions: &'a Reactions,
    inner: &'a mut dyn Channel,
    aftermath: Aftermath,
    /// Messages that were reacted to, where one may come again.
    seen: Option<BTreeSet<u128>>,
}

impl Reacting<'_> {
    /// Messages may come twice. Remembering them takes memory for each.
    #[must_use]
    pub fn once(self) -> Self {
        Reacting { seen: Some(BTreeSet::new()), ..self }
    }
}

impl Channel for Reacting<'_> {
    fn send(&mut self, now: Millis, message: &Send) -> SendOutcome {
        let outcome = self.inner.send(now, message);
        let Some(reactions) = self.reactions.by_step.get(&*message.key.step) else {
            return outcome;
        };
        if outcome != SendOutcome::Sent {
            return outcome;
        }
        let again = self.seen.as_mut().is_some_and(|seen| !seen.insert(message.key.digest()));
        if !again {
            let user = &*message.key.user;
            let dice =
                Dice::new(self.seed, user, Purpose::of("$reaction").and(message.key.entry.into()));
            for reaction in reactions {
                reaction.react(now, user, &dice, &mut self.aftermath);
            }
        }
        outcome
    }

    fn aftermath(&mut self) -> Option<Aftermath> {
        let Aftermath { happenings, edits } = &self.aftermath;
        let own = (!happenings.is_empty() || !edits.is_empty())
            .then(|| std::mem::take(&mut self.aftermath));
        let Some(inner) = self.inner.aftermath() else { return own };
        let mut both = own.unwrap_or_default();
        both.happenings.extend(inner.happenings);
        both.edits.extend(inner.edits);
        Some(both)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use flowrun_core::sdk::Message;
    use flowrun_core::{ItemId, ShardId, Version, WriteKey};

    use super::*;
    use crate::outside::Silent;
    use crate::population::Draw;

    fn message(user: usize) -> Send {
        let key = WriteKey {
            canvas: "c".into(),
            version: Version(1),
            user: format!("user-{user}").into(),
            entry: 1,
            step: "welcome".into(),
        };
        let message = Message {
            channel: "email".into(),
            subject: None,
            body: "hi".into(),
            fields: Default::default(),
            delivery: Default::default(),
        };
        let id = ItemId { slot: 0, use_no: 0 };
        Send { shard: ShardId(0), id, attempt: 1, key, message: Arc::new(message) }
    }

    fn reactions() -> Reactions {
        let set = |name: &str| Draws(vec![(name.into(), Draw::Fixed(true.into()))]);
        let after = After::between(Millis(3_600_000), Millis(7_200_000));
        let event = Occasion::new("clicked", Draws::default()).unwrap();
        let click = Reaction::new(0.5, after, set("clicked"), Some(event), Vec::new()).unwrap();
        let open = Reaction::new(0.4, after, set("opened"), None, vec![click]).unwrap();
        let mut reactions = Reactions::default();
        reactions.add("welcome", open);
        reactions
    }

    #[test]
    fn users_react_as_often_and_as_late_as_declared_and_in_turn() {
        let reactions = reactions();
        let mut silent = Silent;
        let mut channel = reactions.behind(1, &mut silent);
        for user in 0..10_000 {
            channel.send(Millis(0), &message(user));
        }
        let Aftermath { happenings, edits } = channel.aftermath().unwrap();
        assert!(channel.aftermath().is_none());
        let clicks = happenings.len();
        let opens = edits.len() - clicks;
        assert!(opens.abs_diff(4000) < 200 && clicks.abs_diff(2000) < 200, "{opens} {clicks}");
        for (edit, least) in edits.iter().map(|edit| (edit, 3_600_000)) {
            assert!((least..=4 * 3_600_000).contains(&edit.at.0), "{edit:?}");
        }
        assert!(happenings.iter().all(|click| click.at >= Millis(7_200_000)));
    }

    #[test]
    fn a_message_that_comes_again_is_reacted_to_once() {
        let reactions = reactions();
        let mut silent = Silent;
        let mut channel = reactions.behind(1, &mut silent).once();
        (0..100).for_each(|user| drop(channel.send(Millis(0), &message(user))));
        assert!(channel.aftermath().is_some());
        (0..100).for_each(|user| drop(channel.send(Millis(9), &message(user))));
        assert!(channel.aftermath().is_none());
    }
}
