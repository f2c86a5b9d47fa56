//! A plugin in this process, behind a watchdog.
//!
//! A call that doesn't end in time is taken to never end: the plugin is *hung*, for good. It
//! isn't asked again, because a step that hangs for one user would take a thread for each.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flowrun_sdk::plugin::abi::flags;

use crate::Error;
use crate::library::{Handle, Library, leave_what_hangs};
use crate::port::{CallError, Head, Instance, Port};
use crate::workers::{Late, Workers};

pub(crate) struct InProcess(Arc<Shared>);

struct Shared {
    library: Library,
    workers: Workers,
    patience: Duration,
    hung: AtomicBool,
}

impl InProcess {
    pub(crate) fn open(path: &Path, patience: Duration) -> Result<InProcess, Error> {
        let workers = Workers::default();
        let file = path.to_owned();
        wait_once();
        let opened = leave_if_all_hangs(patience);
        // Constructors run here, and may hang like anything else.
        let library = workers.run(patience, move || Library::open(&file)).map_err(|Late| {
            // Not taken back: whoever is still here then is not going to leave.
            std::mem::forget(opened.clone());
            Error::took_too_long(path, patience)
        })??;
        let hung = AtomicBool::new(false);
        Ok(InProcess(Arc::new(Shared { library, workers, patience, hung })))
    }
}

/// Waits as [`Workers::run`] does, for nothing. What a thread needs to wait at all (a thread-local
/// with a destructor) is made when it first does, and the system notes the destructor under the
/// lock that it holds while it opens a library: whoever then waits for the first time for a library
/// that hangs would wait for that lock, and no patience ends it.
fn wait_once() {
    let (_teller, told) = channel::<()>();
    let _ = told.recv_timeout(Duration::from_millis(1));
}

/// How long a process may take to tell of a library that hangs while it is opened.
const TO_TELL: Duration = Duration::from_secs(30);

/// A library that hangs in its constructors holds locks of the system's, and anybody may run
/// into one: then the whole process hangs. It is ended, unless all copies of what this returns
/// are dropped in time.
fn leave_if_all_hangs(patience: Duration) -> Sender<()> {
    let (opened, waits) = channel();
    std::thread::spawn(move || {
        if waits.recv_timeout(patience + TO_TELL) == Err(RecvTimeoutError::Timeout) {
            leave_what_hangs(2);
        }
    });
    opened
}

impl Shared {
    fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Library) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, CallError> {
        let hung = CallError::Hung(self.patience);
        if self.hung.load(Ordering::Acquire) {
            return Err(hung);
        }
        let library = self.library;
        self.workers.run(self.patience, move || call(&library)).unwrap_or_else(|Late| {
            self.hung.store(true, Ordering::Release);
            Err(hung)
        })
    }
}

impl Port for InProcess {
    fn head(&self) -> Head {
        let Library { kind, flags, abi, .. } = self.0.library;
        Head { kind, flags, abi }
    }

    fn describe(&self) -> Result<Vec<u8>, CallError> {
        self.0.run(Library::describe)
    }

    fn create(&self, settings: Vec<u8>) -> Result<(Box<dyn Instance>, Vec<u8>), CallError> {
        let (handle, said) = self.0.run(move |library| library.create(&settings))?;
        let concurrent = self.head().flags & flags::CONCURRENT != 0;
        let here = Here {
            shared: self.0.clone(),
            handle,
            turn: (!concurrent).then(Mutex::default),
            open: AtomicBool::new(true),
        };
        Ok((Box::new(here), said))
    }
}

/// What was created in this process.
struct Here {
    shared: Arc<Shared>,
    handle: Handle,
    /// Where only one call at a time is allowed.
    turn: Option<Mutex<()>>,
    open: AtomicBool,
}

impl Instance for Here {
    fn call(&self, request: Vec<u8>) -> Result<Vec<u8>, CallError> {
        let _turn =
            self.turn.as_ref().map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
        let handle = self.handle;
        self.shared.run(move |library| library.call(handle, &request))
    }

    fn close(&self) -> Result<(), CallError> {
        // What hangs may still use the handle.
        if !self.open.swap(false, Ordering::AcqRel) || self.shared.hung.load(Ordering::Acquire) {
            return Ok(());
        }
        let handle = self.handle;
        self.shared.run(move |library| library.destroy(handle))
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        // Nobody is left who could act on how it ends; `flowrun plugin check` closes by hand.
        let _ = self.close();
    }
}
