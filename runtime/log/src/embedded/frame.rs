//! How a record or a snapshot lies in the file: a head with a checksum, and pieces.
//!
//! The checksum covers the place as well, so that bytes that were written somewhere else
//! are no record here.

use flowrun_core::ShardId;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The longest piece. The database keeps a value in a run of pages whose number is a power
/// of two: with its own head a piece just fits in 64 KiB, where a round one would take 128.
const PIECE: usize = (64 << 10) - 256;

/// The head's bytes: epoch, length, checksum.
pub(super) const HEAD: usize = 24;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub epoch: u64,
    pub len: u64,
    pub checksum: u64,
}

impl Head {
    pub(super) fn of(shard: ShardId, place: u64, epoch: u64, bytes: &[u8]) -> Head {
        let len = bytes.len() as u64;
        let mut seed = [0; 32];
        for (field, number) in seed.chunks_mut(8).zip([shard.0.into(), place, epoch, len]) {
            field.copy_from_slice(&number.to_le_bytes());
        }
        Head { epoch, len, checksum: xxh3_64_with_seed(bytes, xxh3_64(&seed)) }
    }

    pub(super) fn encode(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        for (field, number) in bytes.chunks_mut(8).zip([self.epoch, self.len, self.checksum]) {
            field.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<(Head, &[u8])> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let mut fields = head.chunks_exact(8).map(|field| {
            u64::from_le_bytes(field.try_into().expect("a field is as long as its number"))
        });
        let (epoch, len, checksum) = (fields.next()?, fields.next()?, fields.next()?);
        Some((Head { epoch, len, checksum }, rest))
    }

    /// Whether these are the bytes that the head was made for.
    pub(super) fn check(&self, shard: ShardId, place: u64, bytes: &[u8]) -> Result<(), String> {
        if bytes.len() as u64 != self.len {
            return Err(format!("{} bytes of {}", bytes.len(), self.len));
        }
        if *self != Head::of(shard, place, self.epoch, bytes) {
            return Err("its checksum is wrong".into());
        }
        Ok(())
    }
}

/// The bytes in pieces, with their numbers. The first has room for a head; and there is one
/// piece at least.
pub(super) fn pieces(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let (first, rest) = bytes.split_at(bytes.len().min(PIECE - HEAD));
    let rest = rest.chunks(PIECE).zip(1..).map(|(piece, number)| (number, piece));
    std::iter::once((0, first)).chain(rest)
}

/// How many of a stored value's bytes are a record's own.
pub(super) fn payload(number: u32, value: &[u8]) -> usize {
    if number == 0 { value.len().saturating_sub(HEAD) } else { value.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_whole_and_fit_their_pages() {
        for len in [0, 1, PIECE - HEAD, PIECE - HEAD + 1, PIECE, 5 * PIECE, 1 << 20] {
            let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let pieces: Vec<_> = pieces(&bytes).collect();
            let whole: Vec<u8> = pieces.iter().flat_map(|(_, piece)| piece.to_vec()).collect();
            assert_eq!(whole, bytes, "{len}");
            assert!(pieces.iter().zip(0..).all(|((number, _), at)| *number == at), "{len}");
            assert!(pieces.iter().all(|(_, piece)| piece.len() <= PIECE), "{len}");
            assert_eq!(pieces.len().max(1), (len + HEAD).div_ceil(PIECE), "{len}");
        }
    }

    #[test]
    fn a_head_knows_its_bytes_and_its_place() {
        let (shard, bytes) = (ShardId(3), b"record");
        let head = Head::of(shard, 7, 2, bytes);
        let stored = [&head.encode()[..], bytes].concat();
        assert_eq!(Head::decode(&stored), Some((head, &bytes[..])));
        assert_eq!(head.check(shard, 7, bytes), Ok(()));
        let faults = [
            (head.check(ShardId(4), 7, bytes), "its checksum is wrong"),
            (head.check(shard, 8, bytes), "its checksum is wrong"),
            (Head { epoch: 3, ..head }.check(shard, 7, bytes), "its checksum is wrong"),
            (head.check(shard, 7, b"Record"), "its checksum is wrong"),
            (head.check(shard, 7, b"recor"), "5 bytes of 6"),
        ];
        for (found, fault) in faults {
            assert_eq!(found, Err(fault.to_owned()));
        }
        assert_eq!(Head::decode(&stored[..HEAD - 1]), None);
    }
}
