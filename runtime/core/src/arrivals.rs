//! Since when journeys stand where they are, as a snapshot has it: a column beside them, in the
//! order of their slots, each as the difference in seconds to the one before. Who came together
//! lies together, so that most take one byte.

use std::fmt;

use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserializer, Serialize, Serializer};

use crate::journey::{Journeys, Since};

/// The column, to be written.
pub(crate) struct Arrivals<'a>(pub &'a Journeys);

impl Serialize for Arrivals<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(Some(self.0.len()))?;
        let mut before = Since::default();
        for (_, journey) in self.0.iter() {
            list.serialize_element(&journey.since.after(before))?;
            before = journey.since;
        }
        list.end()
    }
}

/// Reads the column into the journeys that it is of.
pub(crate) struct IntoJourneys<'a>(pub &'a mut Journeys);

impl<'de> DeserializeSeed<'de> for IntoJourneys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for IntoJourneys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as many moments as there are journeys")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let count = self.0.len();
        let mut before = Since::default();
        for (at, journey) in self.0.iter_mut().enumerate() {
            let after =
                list.next_element()?.ok_or_else(|| A::Error::invalid_length(at, &"more"))?;
            journey.since = before.plus(after);
            before = journey.since;
        }
        match list.next_element::<i32>()? {
            None => Ok(()),
            Some(_) => Err(A::Error::invalid_length(count + 1, &"no more")),
        }
    }
}

#[cfg(test)]
mod tests {
    use flowrun_sdk::Millis;

    use super::*;
    use crate::journey::{Journey, State};
    use crate::{CanvasIx, JourneyIx, NodeIx, UserIx};

    fn journeys(since: &[i64]) -> Journeys {
        let mut journeys = Journeys::default();
        for since in since {
            let (user, canvas, node) = (UserIx(0), CanvasIx(0), NodeIx(0));
            let (state, since) = (State::Ready, Since::from(Millis(since * 1000 + 999)));
            let journey = Journey { user, canvas, node, entry: 1, state, context: None, since };
            journeys.insert(journeys.vacant(), journey.clone());
            journeys.insert(journeys.vacant(), journey);
        }
        // Every other slot is vacant.
        (0..since.len()).for_each(|at| drop(journeys.remove(JourneyIx(2 * at as u32))));
        journeys
    }

    fn read(bytes: &[u8], into: &mut Journeys) -> postcard::Result<usize> {
        let mut from = postcard::Deserializer::from_bytes(bytes);
        IntoJourneys(into).deserialize(&mut from)?;
        from.finalize().map(<[u8]>::len)
    }

    #[test]
    fn the_column_is_read_as_it_was_written() {
        const LAST: i64 = u32::MAX as i64;
        for since in [
            &[][..],
            &[0],
            &[1_800_000_000, 1_800_000_000, 1_800_000_001, 1_799_000_000],
            &[LAST, 0, LAST, 1 << 31, 0, 1 << 31, (1 << 31) + 1],
        ] {
            let bytes = postcard::to_allocvec(&Arrivals(&journeys(since))).unwrap();
            let mut others = journeys(&vec![7; since.len()]);
            assert_eq!(read(&bytes, &mut others), Ok(0), "{since:?}");
            let found: Vec<Millis> = others.iter().map(|found| found.1.since.moment()).collect();
            let expected: Vec<Millis> = since.iter().map(|since| Millis(since * 1000)).collect();
            assert_eq!(found, expected);
            for other in [since.len() + 1, since.len().wrapping_sub(1)] {
                let mut others = journeys(&vec![7; other.min(9)]);
                assert!(other > 9 || read(&bytes, &mut others).is_err(), "{other} of {since:?}");
            }
        }
    }

    #[test]
    fn who_came_together_takes_a_byte() {
        let together = journeys(&[1_800_000_000; 100]);
        assert_eq!(postcard::to_allocvec(&Arrivals(&together)).unwrap().len(), 1 + 5 + 99);
    }

    #[test]
    fn moments_outside_the_range_are_at_its_ends() {
        for (at, since) in [(-1, 0), (i64::MIN, 0), (1_999, 1_000), (i64::MAX, 4_294_967_295_000)] {
            assert_eq!(Since::from(Millis(at)).moment(), Millis(since), "{at}");
        }
    }
}
