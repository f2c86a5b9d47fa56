//! What goes over the pipe: a head of 16 bytes, and so many bytes of load.
//!
//! ```text
//! to the process     u32 what to do, u32 handle, u64 length; then the load
//! from the process   u32 how it went, u32 handle, u64 length; then the load
//! ```
//!
//! Little-endian. The load of a call is what the C functions would get and give.

use std::io::{self, Read, Write};

/// What a process is told to do.
pub(crate) mod op {
    pub(crate) const DESCRIBE: u32 = 1;
    pub(crate) const CREATE: u32 = 2;
    pub(crate) const CALL: u32 = 3;
    pub(crate) const DESTROY: u32 = 4;
}

/// How it went: the statuses of the ABI, and one more.
pub(crate) mod went {
    pub(crate) const OK: u32 = 0;
    pub(crate) const SAID: u32 = 1;
    pub(crate) const PANICKED: u32 = 2;
    pub(crate) const MALFORMED: u32 = 3;
}

/// The longest load.
const LONGEST: u64 = 1 << 32;

pub(crate) struct Frame {
    pub(crate) word: u32,
    pub(crate) handle: u32,
    pub(crate) load: Vec<u8>,
}

impl Frame {
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        Frame::write_parts(self.word, self.handle, &self.load, to)
    }

    pub(crate) fn write_parts(
        word: u32,
        handle: u32,
        load: &[u8],
        to: &mut impl Write,
    ) -> io::Result<()> {
        let mut head = [0; 16];
        head[0..4].copy_from_slice(&word.to_le_bytes());
        head[4..8].copy_from_slice(&handle.to_le_bytes());
        head[8..16].copy_from_slice(&(load.len() as u64).to_le_bytes());
        to.write_all(&head)?;
        to.write_all(load)
    }

    pub(crate) fn read(from: &mut impl Read) -> io::Result<Frame> {
        let mut head = [0; 16];
        from.read_exact(&mut head)?;
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let length = u64::from(word(8)) | u64::from(word(12)) << 32;
        if length > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too long"));
        }
        // Grows as it comes, so that a wrong length takes no memory.
        let mut load = Vec::with_capacity(length.min(1 << 20) as usize);
        from.take(length).read_to_end(&mut load)?;
        if load.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Frame { word: word(0), handle: word(4), load })
    }
}
