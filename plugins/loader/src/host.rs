//! The child's side of the pipe: loads one library and does what it is told, until the pipe
//! ends. A program that offers [`Isolation::Process`](crate::Isolation) calls [`serve`] when
//! it was started for that.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::frames::{Frame, op, went};
use crate::library::{Handle, Library, leave_what_hangs};
use crate::port::CallError;

/// Serves the plugin over standard input, which is one end of a pair of sockets.
#[cfg(unix)]
pub fn serve(path: &Path) -> io::Result<()> {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    leave_with_parent();
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let library = Library::open(path);
    let hello = match &library {
        Ok(library) => {
            let (major, minor) = library.abi;
            let mut load = (library.kind as u32).to_le_bytes().to_vec();
            load.extend_from_slice(&library.flags.to_le_bytes());
            load.extend_from_slice(&major.to_le_bytes());
            load.extend_from_slice(&minor.to_le_bytes());
            Frame { word: went::OK, handle: 0, load }
        }
        Err(error) => Frame { word: went::SAID, handle: 0, load: error.to_string().into_bytes() },
    };
    hello.write(&mut socket)?;
    // What is wrong with the library was said.
    let Ok(library) = library else { return Ok(()) };
    let mut served = Served { library, handles: BTreeMap::new(), last: 0 };
    while let Ok(frame) = Frame::read(&mut socket) {
        if served.answer(frame).write(&mut socket).is_err() {
            break;
        }
    }
    Ok(())
}

/// Serves nothing: there are no pairs of sockets here.
#[cfg(not(unix))]
pub fn serve(_: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A plugin that hangs doesn't see the pipe end; nobody else would end it, then.
#[cfg(unix)]
fn leave_with_parent() {
    use std::os::unix::process::parent_id;
    let parent = parent_id();
    let watch = move || {
        while parent_id() == parent {
            std::thread::park_timeout(Duration::from_secs(1));
        }
        // It may hang while it is opened.
        leave_what_hangs(1);
        std::process::exit(1);
    };
    let _ = std::thread::Builder::new().name("parent".to_owned()).spawn(watch);
}

struct Served {
    library: Library,
    handles: BTreeMap<u32, Handle>,
    last: u32,
}

impl Served {
    fn answer(&mut self, frame: Frame) -> Frame {
        let Frame { word, handle, load } = frame;
        let done = match (word, self.handles.get(&handle).copied()) {
            (op::DESCRIBE, _) => self.library.describe().map(|load| (0, load)),
            (op::CREATE, _) => self.library.create(&load).map(|(made, said)| {
                self.last += 1;
                self.handles.insert(self.last, made);
                (self.last, said)
            }),
            (op::CALL, Some(made)) => self.library.call(made, &load).map(|load| (handle, load)),
            (op::DESTROY, Some(made)) => {
                self.handles.remove(&handle);
                self.library.destroy(made).map(|()| (handle, Vec::new()))
            }
            _ => Err(CallError::Malformed("was asked for what it doesn't have".to_owned())),
        };
        let (word, handle, load) = match done {
            Ok((handle, load)) => (went::OK, handle, load),
            Err(CallError::Said(said)) => (went::SAID, handle, said.into_bytes()),
            Err(CallError::Panicked(said)) => (went::PANICKED, handle, said.into_bytes()),
            Err(CallError::Malformed(said)) => (went::MALFORMED, handle, said.into_bytes()),
            Err(other) => (went::MALFORMED, handle, other.to_string().into_bytes()),
        };
        Frame { word, handle, load }
    }
}
