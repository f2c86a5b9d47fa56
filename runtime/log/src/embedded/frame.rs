//! How a record or a snapshot lies in the file: a head with a checksum, and pieces.
//!
//! The bytes are packed where that makes them shorter; the head says so. The checksum is of
//! what is stored, so that what has changed on the disk is found before it is unpacked; and it
//! covers the place as well, so that bytes that were written somewhere else are no record
//! here.

use flowrun_core::ShardId;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::packing::{self, Packer};

/// The longest run of pages that a piece is to fit into. The database keeps a value in a run
/// whose number of pages is a power of two.
const LONGEST_RUN: usize = 64 << 10;

const PAGE: usize = 4 << 10;

/// How much of a piece such a run has room for: the database's own head comes first.
const fn fits(run: usize) -> usize {
    run - 256
}

/// The head's bytes: epoch, length, checksum.
pub(super) const HEAD: usize = 24;

/// Where the form stands in the length's field. Format 1 had no forms, and has zeros there.
const FORM: u32 = 56;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Plain,
    Packed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub epoch: u64,
    /// The form, and how many bytes are stored.
    field: u64,
    pub checksum: u64,
}

/// What is stored of bytes.
pub(super) struct Stored<'a> {
    pub form: Form,
    pub bytes: &'a [u8],
}

impl<'a> Stored<'a> {
    pub fn new(bytes: &'a [u8], packer: &'a mut Packer) -> Stored<'a> {
        match packer.packed(bytes) {
            Some(bytes) => Stored { form: Form::Packed, bytes },
            None => Stored { form: Form::Plain, bytes },
        }
    }
}

impl Head {
    pub(super) fn of(shard: ShardId, place: u64, epoch: u64, stored: &Stored<'_>) -> Head {
        let form = u64::from(stored.form == Form::Packed) << FORM;
        Head::sealed(shard, place, epoch, form | stored.bytes.len() as u64, stored.bytes)
    }

    fn sealed(shard: ShardId, place: u64, epoch: u64, field: u64, bytes: &[u8]) -> Head {
        let mut seed = [0; 32];
        for (part, number) in seed.chunks_mut(8).zip([shard.0.into(), place, epoch, field]) {
            part.copy_from_slice(&number.to_le_bytes());
        }
        Head { epoch, field, checksum: xxh3_64_with_seed(bytes, xxh3_64(&seed)) }
    }

    /// Epoch, form and length, checksum.
    pub(super) fn fields(self) -> [u64; 3] {
        [self.epoch, self.field, self.checksum]
    }

    /// How many bytes are stored.
    pub(super) fn len(&self) -> u64 {
        self.field & ((1 << FORM) - 1)
    }

    pub(super) fn encode(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        for (field, number) in bytes.chunks_mut(8).zip(self.fields()) {
            field.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<(Head, &[u8])> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let mut fields = head.chunks_exact(8).map(|field| {
            u64::from_le_bytes(field.try_into().expect("a field is as long as its number"))
        });
        Some((Head::from([fields.next()?, fields.next()?, fields.next()?]), rest))
    }

    /// The bytes as they were before they were stored, if these are the stored ones that the
    /// head was made for.
    pub(super) fn open(
        &self,
        shard: ShardId,
        place: u64,
        stored: Vec<u8>,
    ) -> Result<Vec<u8>, String> {
        if stored.len() as u64 != self.len() {
            return Err(format!("{} bytes of {}", stored.len(), self.len()));
        }
        if *self != Head::sealed(shard, place, self.epoch, self.field, &stored) {
            return Err("its checksum is wrong".into());
        }
        match self.field >> FORM {
            0 => Ok(stored),
            1 => packing::unpacked(&stored).map_err(str::to_owned),
            form => Err(format!("it is stored in form {form}, which nothing here writes")),
        }
    }
}

impl From<[u64; 3]> for Head {
    fn from([epoch, field, checksum]: [u64; 3]) -> Head {
        Head { epoch, field, checksum }
    }
}

/// The bytes in pieces, with their numbers. The first has room for a head; and there is one
/// piece at least.
pub(super) fn pieces(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = Some(bytes);
    (0..).map_while(move |number| {
        let left = rest?;
        let head = if number == 0 { HEAD } else { 0 };
        let len = (piece(left.len() + head) - head).min(left.len());
        let (piece, others) = left.split_at(len);
        rest = (!others.is_empty()).then_some(others);
        Some((number, piece))
    })
}

/// How much of so many bytes goes into the next piece: all of it if that fills three quarters of
/// its run of pages, or else as much as half the run has room for.
fn piece(len: usize) -> usize {
    let mut run = PAGE;
    while run < LONGEST_RUN && fits(run) < len {
        run *= 2;
    }
    if run == PAGE || len > run / 4 * 3 { fits(run) } else { fits(run / 2) }
}

/// How many of a stored value's bytes are a record's own.
pub(super) fn payload(number: u32, value: &[u8]) -> usize {
    if number == 0 { value.len().saturating_sub(HEAD) } else { value.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_whole_and_nearly_fill_their_pages() {
        let run = |len: usize| (len + 256).next_power_of_two().max(PAGE);
        let edges = (12..=17).flat_map(|power| {
            let run = fits(1 << power);
            [run - HEAD - 1, run - HEAD, run - HEAD + 1, run - 1, run, run + 1, run / 4 * 3]
        });
        for len in [0, 1, 40_000, 41_000, 5 * LONGEST_RUN, 1 << 20].into_iter().chain(edges) {
            let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let pieces: Vec<_> = pieces(&bytes).collect();
            let whole: Vec<u8> = pieces.iter().flat_map(|(_, piece)| piece.to_vec()).collect();
            assert_eq!(whole, bytes, "{len}");
            assert!(pieces.iter().zip(0..).all(|((number, _), at)| *number == at), "{len}");
            let heads = std::iter::once(HEAD).chain(std::iter::repeat(0));
            let runs = pieces.iter().zip(heads).map(|((_, piece), head)| run(piece.len() + head));
            let runs: Vec<usize> = runs.collect();
            assert!(runs.iter().all(|run| *run <= LONGEST_RUN), "{len}: {runs:?}");
            let taken: usize = runs.iter().sum();
            assert!(3 * taken <= 4 * len + 5 * PAGE, "{len} bytes in {runs:?}");
            assert!(pieces.len() <= 5 + len / fits(LONGEST_RUN), "{len}: {}", pieces.len());
        }
    }

    #[test]
    fn a_head_knows_its_bytes_and_its_place() {
        let (shard, long) = (ShardId(3), b"record ".repeat(1_000));
        for (bytes, form) in [(&b"record"[..], Form::Plain), (&long[..], Form::Packed)] {
            let mut packer = Packer::default();
            let stored = Stored::new(bytes, &mut packer);
            assert_eq!(stored.form, form);
            let head = Head::of(shard, 7, 2, &stored);
            let (there, len) = (stored.bytes.to_vec(), stored.bytes.len());
            assert_eq!(
                Head::decode(&[&head.encode()[..], &there].concat()),
                Some((head, &there[..]))
            );
            assert_eq!(head.open(shard, 7, there.clone()), Ok(bytes.to_vec()));
            let mut other = there.clone();
            other[len / 2] ^= 1;
            let of_form = |field| Head { field, ..head }.open(shard, 7, there.clone());
            let wrong = "its checksum is wrong".to_owned();
            let faults = [
                (head.open(ShardId(4), 7, there.clone()), wrong.clone()),
                (head.open(shard, 8, there.clone()), wrong.clone()),
                (Head { epoch: 3, ..head }.open(shard, 7, there.clone()), wrong.clone()),
                (head.open(shard, 7, other), wrong.clone()),
                (of_form(head.field ^ (1 << FORM)), wrong),
                (head.open(shard, 7, there[1..].to_vec()), format!("{} bytes of {len}", len - 1)),
            ];
            for (found, fault) in faults {
                assert_eq!(found, Err(fault));
            }
            assert_eq!(Head::decode(&head.encode()[1..]), None);
        }
    }

    #[test]
    fn what_format_1_has_stored_is_plain() {
        let stored = Stored { form: Form::Plain, bytes: b"record" };
        let head = Head::of(ShardId(0), 1, 1, &stored);
        assert_eq!(head.fields()[1], 6);
    }

    #[test]
    fn right_checksums_of_wrong_bytes_are_still_faults() {
        let with = |form: u64, bytes: &[u8]| {
            let field = form << FORM | bytes.len() as u64;
            Head::sealed(ShardId(0), 1, 1, field, bytes).open(ShardId(0), 1, bytes.to_vec())
        };
        assert_eq!(with(0, b"plain"), Ok(b"plain".to_vec()));
        assert!(with(1, &[255; 24]).is_err());
        assert!(with(2, b"plain").is_err_and(|fault| fault.contains("form 2")));
    }
}
