//! Which objects were applied under their keys, so that a resend changes nothing twice.
//!
//! Writes of one user come in order, the next one after the former was settled; so of each user only the latest keys need
//! to be remembered, and what is remembered is bounded by the number of users. A few keys are kept rather than one, for
//! writers that put two writes of a user into one request.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};
use smallvec::SmallVec;

use super::Id;
use super::places::Places;

/// Latest writes that are remembered of one user. Our choice.
const WRITES: usize = 4;
/// Stretches of a write's objects that are remembered. A writer that sends its objects in order needs one, and one more for
/// each that was refused in between; beyond the limit the lowest numbers are forgotten.
const STRETCHES: usize = 4096;

/// Which write an object belongs to, and which of its objects it is.
///
/// As text: 32 hexadecimal digits, a full stop, a number of up to 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteKey {
    pub write: u128,
    pub object: u32,
}

impl FromStr for WriteKey {
    type Err = ();

    fn from_str(text: &str) -> Result<WriteKey, ()> {
        let (write, object) = text.split_once('.').ok_or(())?;
        let digits = |text: &str, hex: fn(&u8) -> bool| text.bytes().all(|byte| hex(&byte));
        let plain = !object.is_empty() && digits(object, u8::is_ascii_digit);
        if write.len() != 32 || !digits(write, u8::is_ascii_hexdigit) || !plain {
            return Err(());
        }
        let write = u128::from_str_radix(write, 16).map_err(|_| ())?;
        Ok(WriteKey { write, object: object.parse().map_err(|_| ())? })
    }
}

impl fmt::Display for WriteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}.{}", self.write, self.object)
    }
}

/// What was applied under its key, by profile.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    users: Places<Writes>,
}

/// Newest last; of most users one.
type Writes = SmallVec<[Write; 1]>;

#[derive(Clone, Debug)]
struct Write {
    key: u128,
    applied: Applied,
    source: Source,
}

/// Where it is known from that a write was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Witnessed,
    /// Put back: what was to follow from it may not have come about any more.
    Read,
}

/// Numbers of objects, as stretches without gaps between them: first and last, in order, never touching each other.
#[derive(Clone, Debug, Default)]
struct Applied(SmallVec<[(u32, u32); 1]>);

impl Applied {
    fn contains(&self, number: u32) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < number);
        self.0.get(at).is_some_and(|(first, _)| *first <= number)
    }

    fn insert(&mut self, number: u32) {
        let at = self.0.partition_point(|(_, last)| *last < number);
        if self.0.get(at).is_some_and(|(first, _)| *first <= number) {
            return;
        }
        let joins_former = at > 0 && self.0[at - 1].1.checked_add(1) == Some(number);
        let joins_next =
            self.0.get(at).is_some_and(|(first, _)| number.checked_add(1) == Some(*first));
        match (joins_former, joins_next) {
            (true, true) => {
                self.0[at - 1].1 = self.0[at].1;
                self.0.remove(at);
            }
            (true, false) => self.0[at - 1].1 = number,
            (false, true) => self.0[at].0 = number,
            (false, false) => self.0.insert(at, (number, number)),
        }
        if self.0.len() > STRETCHES {
            self.0.remove(0);
        }
    }
}

impl From<Remembered> for Write {
    fn from(Remembered { write, mut objects }: Remembered) -> Write {
        objects.truncate(STRETCHES);
        Write { key: write, applied: Applied(objects.into()), source: Source::Read }
    }
}

/// What is remembered of one write to a profile, as stores keep it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    pub write: u128,
    /// Numbers of its objects that were applied, as stretches: first and last.
    pub objects: Vec<(u32, u32)>,
}

struct Kept<'a>(&'a [Write]);

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(Lent::of))
    }
}

/// As [`Remembered`].
#[derive(Serialize)]
struct Lent<'a> {
    write: u128,
    objects: &'a [(u32, u32)],
}

impl Lent<'_> {
    fn of(write: &Write) -> Lent<'_> {
        Lent { write: write.key, objects: &write.applied.0 }
    }
}

impl Settled {
    /// All that is remembered of a profile's writes, the latest last.
    pub fn of(&self, id: Id) -> Vec<Remembered> {
        let writes = self.writes(id);
        let kept =
            |write: &Write| Remembered { write: write.key, objects: write.applied.0.to_vec() };
        writes.iter().map(kept).collect()
    }

    /// The same, lent: written as the list that [`Settled::of`] gives.
    pub fn kept(&self, id: Id) -> impl Serialize {
        Kept(self.writes(id))
    }

    fn writes(&self, id: Id) -> &[Write] {
        self.users.get(id).map_or(&[], SmallVec::as_slice)
    }

    /// Puts back what was remembered of a profile's writes, in place of what is.
    pub fn put_back(&mut self, id: Id, writes: Vec<Remembered>) {
        let writes: Writes = writes.into_iter().map(Write::from).collect();
        match writes.is_empty() {
            true => drop(self.users.take(id)),
            false => self.users.put(id, writes),
        }
    }

    /// Whether a write is known only since it was put back: who applied it may have ended before telling anybody.
    pub fn is_in_doubt(&self, id: Id, key: WriteKey) -> bool {
        let writes = self.writes(id);
        writes.iter().any(|write| write.key == key.write && write.source == Source::Read)
    }

    /// What was to follow from a write has followed.
    pub fn clear_doubt(&mut self, id: Id, key: WriteKey) {
        let writes = self.users.get_mut(id).into_iter().flatten();
        for write in writes.filter(|write| write.key == key.write) {
            write.source = Source::Witnessed;
        }
    }

    pub fn contains(&self, id: Id, key: WriteKey) -> bool {
        let writes = self.writes(id);
        let write = writes.iter().rfind(|write| write.key == key.write);
        write.is_some_and(|write| write.applied.contains(key.object))
    }

    pub fn insert(&mut self, id: Id, key: WriteKey) {
        let writes = self.users.get_or_put(id, Writes::new);
        let at = writes.iter().rposition(|write| write.key == key.write).unwrap_or_else(|| {
            if writes.len() == WRITES {
                writes.remove(0);
            }
            let applied = Applied::default();
            writes.push(Write { key: key.write, applied, source: Source::Witnessed });
            writes.len() - 1
        });
        writes[at].applied.insert(key.object);
    }

    /// Users of whom something is remembered.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    pub fn is_empty(&self) -> bool {
        self.users.len() == 0
    }

    /// Forgets whoever is not kept: profiles that were removed, whose numbers never come again.
    pub fn retain(&mut self, mut kept: impl FnMut(Id) -> bool) {
        let gone: Vec<Id> = self.users.iter().map(|(id, _)| id).filter(|id| !kept(*id)).collect();
        gone.into_iter().for_each(|id| drop(self.users.take(id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_as_it_is_written() {
        for object in [0, 255, 256, u32::MAX] {
            let key = WriteKey { write: 0xabc, object };
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        let hex = "0".repeat(32);
        let wrong = ["", ".", "1.1", &hex, &format!("{hex}."), &format!("{hex}.4294967296")];
        let also = [format!("{hex}.+1"), format!("+{}.1", &hex[1..]), format!("é{}.1", &hex[2..])];
        for text in wrong.into_iter().chain(also.iter().map(String::as_str)) {
            assert_eq!(text.parse::<WriteKey>(), Err(()), "{text}");
        }
    }

    #[test]
    fn the_latest_writes_of_a_user_are_remembered() {
        let mut settled = Settled::default();
        let key = |write, object| WriteKey { write, object };
        for object in [0, 63, 64, 255, 256, u32::MAX] {
            settled.insert(Id(1), key(7, object));
            assert!(settled.contains(Id(1), key(7, object)));
        }
        assert!(!settled.contains(Id(1), key(7, 1)) && !settled.contains(Id(2), key(7, 0)));
        for write in 8..1_000 {
            settled.insert(Id(1), key(write, 0));
            assert!(settled.contains(Id(1), key(write, 0)));
        }
        assert!(settled.contains(Id(1), key(996, 0)) && !settled.contains(Id(1), key(995, 0)));
        let mut back = Settled::default();
        back.put_back(Id(1), settled.of(Id(1)));
        let [lent, given] = [
            serde_json::to_value(settled.kept(Id(1))).unwrap(),
            serde_json::to_value(settled.of(Id(1))).unwrap(),
        ];
        assert_eq!(lent, given);
        assert_eq!(back.of(Id(1)), settled.of(Id(1)));
        assert!(back.contains(Id(1), key(996, 0)) && !back.contains(Id(1), key(996, 1)));
        assert!(!settled.is_in_doubt(Id(1), key(996, 0)) && back.is_in_doubt(Id(1), key(996, 0)));
        back.clear_doubt(Id(1), key(996, 0));
        assert!(!back.is_in_doubt(Id(1), key(996, 0)) && back.is_in_doubt(Id(1), key(997, 0)));
        settled.retain(|_| false);
        assert!(settled.is_empty());
    }
    #[test]
    fn any_order_of_numbers_is_remembered_as_a_set_is() {
        let mut state = 7u64;
        let mut draw = |most: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u32 % most
        };
        for most in [3, 40, 700] {
            let (mut applied, mut set) = (Applied::default(), std::collections::BTreeSet::new());
            for _ in 0..2 * most {
                let number = draw(most);
                applied.insert(number);
                set.insert(number);
                let all =
                    (0..=most).all(|number| applied.contains(number) == set.contains(&number));
                assert!(all, "{applied:?} is not {set:?}");
            }
            let apart = applied.0.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0);
            assert!(apart, "{applied:?}");
        }
        let mut applied = Applied::default();
        for number in (0..=u32::MAX).step_by(1 << 18) {
            applied.insert(number);
        }
        assert!(applied.0.len() <= STRETCHES && !applied.contains(0), "bounded: the lowest go");
    }
}
