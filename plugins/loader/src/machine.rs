//! For which machine a library was built, read from its head before it is loaded: the
//! system's own messages on this are hard to read.

use std::path::Path;

use crate::Error;

/// Refuses what is no library, and what is one for another machine.
pub(crate) fn refuse_others(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let no_library = |why: &str| Error::NoLibrary { path: path.to_owned(), why: why.to_owned() };
    let other = |theirs: &str| Error::OtherMachine {
        path: path.to_owned(),
        theirs: theirs.to_owned(),
        ours: format!("Linux on {}", std::env::consts::ARCH),
    };
    if bytes.is_empty() {
        return Err(no_library("the file is empty"));
    }
    if !bytes.starts_with(b"\x7fELF") {
        let magic = bytes.get(..4).unwrap_or_default();
        return Err(match magic {
            [0xcf, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe] => other("macOS"),
            [b'M', b'Z', ..] => other("Windows"),
            _ => no_library("it doesn't begin as one (a plugin is a `cdylib`, a .so file)"),
        });
    }
    let (Some(&class), Some(&order), Some(kind), Some(machine)) =
        (bytes.get(4), bytes.get(5), half(bytes, 16), half(bytes, 18))
    else {
        return Err(no_library("it is cut off"));
    };
    if class != 2 || order != 1 {
        return Err(other("a machine that is not 64-bit little-endian"));
    }
    if machine != ours() {
        let name = NAMES.iter().find(|(number, _)| *number == machine);
        return Err(other(&match name {
            Some((_, name)) => format!("Linux on {name}"),
            None => format!("machine number {machine}"),
        }));
    }
    match kind {
        3 if is_whole(bytes) => Ok(()),
        3 => Err(no_library("it is cut off")),
        1 => Err(no_library("it is an object file that was not linked")),
        2 => Err(no_library("it is a program")),
        _ => Err(no_library("it is some other file of the linker")),
    }
}

const NAMES: [(u16, &str); 6] = [
    (3, "x86"),
    (40, "arm"),
    (62, "x86_64"),
    (183, "aarch64"),
    (21, "powerpc64"),
    (243, "riscv64"),
];

fn ours() -> u16 {
    let arch = std::env::consts::ARCH;
    NAMES.iter().find(|(_, name)| *name == arch).map_or(0, |(number, _)| *number)
}

/// Whether all that is to be mapped is there: the system maps what is missing as well, and
/// ends the process that touches it.
fn is_whole(bytes: &[u8]) -> bool {
    let long =
        |at: usize| Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?));
    let part_ends =
        |part: usize| long(part.checked_add(8)?)?.checked_add(long(part.checked_add(32)?)?);
    let whole = || {
        let (at, size, count) = (long(32)?, half(bytes, 54)?, half(bytes, 56)?);
        let parts = (0..usize::from(count)).map(|number| {
            part_ends(usize::try_from(at).ok()?.checked_add(number * usize::from(size))?)
        });
        let end = parts.collect::<Option<Vec<u64>>>()?.into_iter().max()?;
        Some(end <= bytes.len() as u64)
    };
    whole().unwrap_or(false)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}
