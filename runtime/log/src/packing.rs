//! Bytes made shorter before they are stored, and as they were when they are read.
//!
//! They are cut into blocks, each packed by itself: `length | packed length | packed`, both
//! lengths as 32 bits. A block that does not get shorter is stored as it is, with two equal
//! lengths. Whoever stores packed bytes says so beside them, under the same checksum: nothing
//! in the bytes themselves tells packed ones from others.
//!
//! What is read may have been written by anybody. No block is longer than [`BLOCK`], none
//! longer than its packed bytes can stand for, and room for the whole is made only when the
//! lengths of all blocks are known to fit what is there: so a lie about a length costs
//! nothing. The whole is no longer than [`MOST`], and than [`MOST_TIMES`] what is stored.
//!
//! The method is LZ4: packing and unpacking go at the pace of memory beside the disk's, and
//! `lz4_flex` with `safe-encode` and `safe-decode` is one crate, without `unsafe` and without
//! C. Records come to 0.43 of their length and snapshots to 0.30. `deflate` brings both to
//! 0.2, at three times the processor time; `zstd` wants a C compiler.

use std::fmt;

use lz4_flex::block::get_maximum_output_size;
use lz4_flex::block::{CompressTable, compress_into_with_table, decompress_into};

/// The longest block: four times as far as the method looks back.
const BLOCK: usize = 256 << 10;

/// Both lengths of a block.
const HEAD: usize = 8;

/// Shorter bytes are left as they are: they share a page of the disk with others, or have one
/// anyway.
const LEAST: usize = 1 << 10;

/// One packed byte stands for no more than so many.
const MOST_TIMES: usize = 255;

/// The longest whole.
const MOST: usize = 16 << 30;

/// What packing works in: used again from one time to the next, since room that is made anew
/// each time is room that the system clears each time.
#[derive(Default)]
pub struct Packer {
    table: CompressTable,
    /// A byte for a mark, then what is packed.
    room: Vec<u8>,
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

/// Room that is kept from one time to the next.
pub(crate) const KEPT: usize = 4 << 20;

impl Packer {
    /// The bytes packed, if they are an eighth shorter so at least.
    pub fn packed(&mut self, bytes: &[u8]) -> Option<&[u8]> {
        let len = self.pack(bytes)?;
        Some(&self.room[1..1 + len])
    }

    /// The bytes as they are to be stored where nothing else says whether they are packed.
    pub fn marked(&mut self, bytes: &[u8]) -> &[u8] {
        let (mark, len) = match self.pack(bytes) {
            Some(len) => (PACKED, len),
            None => {
                self.make_room(1 + bytes.len());
                self.room[1..1 + bytes.len()].copy_from_slice(bytes);
                (PLAIN, bytes.len())
            }
        };
        self.room[0] = mark;
        &self.room[..1 + len]
    }

    /// Packs into the room, behind the mark; how much of it is filled, if that pays.
    fn pack(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.room.capacity() > KEPT {
            self.room = Vec::new();
        }
        if bytes.len() < LEAST || bytes.len() > MOST {
            return None;
        }
        // Half of it is left as a rule: growing step by step would take twice that for a while.
        self.room.reserve((bytes.len() / 2).saturating_sub(self.room.len()));
        let mut at = 1;
        for block in bytes.chunks(BLOCK) {
            let body = at + HEAD;
            self.make_room(body + get_maximum_output_size(block.len()));
            let room = &mut self.room[body..];
            let len = match compress_into_with_table(block, room, &mut self.table) {
                Ok(len) if len < block.len() => len,
                _ => {
                    room[..block.len()].copy_from_slice(block);
                    block.len()
                }
            };
            let lengths = [block.len(), len].map(|len| u32::try_from(len).map(u32::to_le_bytes));
            for (place, length) in self.room[at..body].chunks_exact_mut(4).zip(lengths) {
                place.copy_from_slice(&length.ok()?);
            }
            at = body + len;
        }
        let len = at - 1;
        (len <= bytes.len() - bytes.len() / 8).then_some(len)
    }

    fn make_room(&mut self, len: usize) {
        if self.room.len() < len {
            self.room.resize(len, 0);
        }
    }
}

/// The bytes as they were; or says what is wrong.
pub fn unpacked(packed: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    unpack(packed, &mut bytes)?;
    Ok(bytes)
}

/// Puts the bytes as they were behind others. After a fault anything may be there.
fn unpack(packed: &[u8], bytes: &mut Vec<u8>) -> Result<(), &'static str> {
    let mut whole = 0;
    let mut rest = packed;
    while !rest.is_empty() {
        whole += block(&mut rest)?.0;
        if whole > MOST {
            return Err("it would be longer than anything that is packed");
        }
    }
    let before = bytes.len();
    bytes.resize(before + whole, 0);
    let (mut room, mut rest) = (&mut bytes[before..], packed);
    while !rest.is_empty() {
        let (len, stored) = block(&mut rest)?;
        let (here, behind) = room.split_at_mut(len);
        if stored.len() == len {
            here.copy_from_slice(stored);
        } else if !matches!(decompress_into(stored, here), Ok(filled) if filled == len) {
            return Err("a packed block can't be unpacked");
        }
        room = behind;
    }
    Ok(())
}

/// What [`Packer::marked`] puts before bytes: they are as they were, or packed.
const PLAIN: u8 = 0;
const PACKED: u8 = 1;

/// The bytes that were marked; or says what is wrong.
pub fn unmarked(stored: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    unmark(stored, &mut bytes)?;
    Ok(bytes)
}

/// Puts the bytes that were marked behind others. After a fault anything may be there.
pub fn unmark(stored: &[u8], bytes: &mut Vec<u8>) -> Result<(), &'static str> {
    match stored {
        [PLAIN, plain @ ..] => bytes.extend_from_slice(plain),
        [PACKED, packed @ ..] => unpack(packed, bytes)?,
        _ => return Err("nothing says how it is stored"),
    }
    Ok(())
}

/// Takes the next block from what is left: its length, and its stored bytes.
fn block<'a>(rest: &mut &'a [u8]) -> Result<(usize, &'a [u8]), &'static str> {
    let (head, more) = rest.split_at_checked(HEAD).ok_or("a packed block is cut off")?;
    let mut lengths = head.chunks_exact(4).map(|length| {
        u32::from_le_bytes(length.try_into().expect("a length is as long as its number")) as usize
    });
    let (len, packed) = (lengths.next().unwrap_or(0), lengths.next().unwrap_or(0));
    if len == 0 || len > BLOCK || packed > len || len / MOST_TIMES > packed {
        return Err("a packed block has a length that none has");
    }
    let (stored, more) = more.split_at_checked(packed).ok_or("a packed block is cut off")?;
    *rest = more;
    Ok((len, stored))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(bytes: &[u8]) -> Option<Vec<u8>> {
        Packer::default().packed(bytes).map(<[u8]>::to_vec)
    }

    /// Bytes that nothing makes shorter.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn what_was_packed_comes_back_and_what_gets_no_shorter_is_left_alone() {
        let mixed = |len| [noise(len), vec![7; 5 * len], noise(len)].concat();
        let rows: [(&str, Vec<u8>, bool); 9] = [
            ("nothing", Vec::new(), false),
            ("short", vec![0; LEAST - 1], false),
            ("even", vec![0; LEAST], true),
            ("a block", vec![1; BLOCK], true),
            ("a block and a byte", vec![1; BLOCK + 1], true),
            ("many blocks", vec![2; 3 * BLOCK + 77], true),
            ("noise", noise(2 * BLOCK), false),
            ("blocks of noise among others", mixed(BLOCK), true),
            ("text", b"user-00000001 user-00000002 ".repeat(500), true),
        ];
        let mut packer = Packer::default();
        for (name, bytes, pays) in rows {
            // One after the other in the same room.
            let short = packer.packed(&bytes).map(<[u8]>::to_vec);
            assert_eq!(short.is_some(), pays, "{name}");
            assert_eq!(unmarked(packer.marked(&bytes)).as_ref(), Ok(&bytes), "{name}");
            let Some(short) = short else { continue };
            assert!(short.len() < bytes.len(), "{name}");
            assert_eq!(unpacked(&short), Ok(bytes), "{name}");
        }
    }

    #[test]
    fn lengths_that_lie_get_no_memory() {
        let head = |len: u32, packed: u32| [len.to_le_bytes(), packed.to_le_bytes()].concat();
        let rows = [
            (
                "longer than blocks are",
                [head(BLOCK as u32 + 1, 1 << 12), vec![0; 1 << 12]].concat(),
            ),
            ("as long as a number can be", head(u32::MAX, u32::MAX)),
            ("longer than its bytes stand for", [head(200_000, 9), vec![0; 9]].concat()),
            ("longer packed than not", [head(4, 5), vec![0; 5]].concat()),
            ("empty", head(0, 0)),
            ("cut off", head(8, 8)),
            ("half a head", vec![0; HEAD - 1]),
            ("no block of this method", [head(64, 9), vec![0xff; 9]].concat()),
        ];
        for (name, bytes) in rows {
            assert!(unpacked(&bytes).is_err(), "{name}");
        }
    }

    #[test]
    fn changed_bytes_are_other_bytes_or_a_fault_and_never_a_panic() {
        let bytes = [noise(500), b"the same again and again ".repeat(100)].concat();
        let short = packed(&bytes).unwrap();
        for at in 0..short.len() {
            for bit in 0..8 {
                let mut changed = short.clone();
                changed[at] ^= 1 << bit;
                let read = unpacked(&changed);
                assert!(read.is_err() || read.is_ok_and(|read| read.len() <= BLOCK));
            }
            let _ = unpacked(&short[..at]);
        }
    }
}
