//! A plugin in a process of its own.
//!
//! What ends the process (a crash, `exit()`, being too slow) fails what it was asked, and the
//! next call starts it again; what was created in it is created again, from the same settings.
//! One that keeps ending rests longer and longer before it is started, and meanwhile what it
//! would be asked fails at once.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use crate::Error;

#[cfg(not(unix))]
pub(crate) use elsewhere::Child;
#[cfg(unix)]
pub(crate) use unix::Child;

/// So many ends in a row are followed by a start at once: as many as it takes to find the one
/// user of a cohort whom the plugin can't bear.
const FREE_STARTS: u32 = 12;
const FIRST_REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// How long to rest after so many ends in a row.
fn rest(ends: u32) -> Duration {
    match ends.checked_sub(FREE_STARTS) {
        None => Duration::ZERO,
        Some(more) => LONGEST_REST.min(FIRST_REST * 2_u32.saturating_pow(more.min(16))),
    }
}

#[cfg(unix)]
mod unix {
    use std::io::{self, Read, Write};
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::net::UnixStream;
    use std::os::unix::process::ExitStatusExt;
    use std::path::PathBuf;
    use std::process::{Command, ExitStatus, Stdio};
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
    use std::time::Instant;

    use flowrun_sdk::plugin::abi::PluginKind;

    use super::*;
    use crate::frames::{Frame, op, went};
    use crate::port::{CallError, Head, Instance, Port};

    /// What a plugin's process gets of the environment: nothing that may be a secret.
    const ENVIRONMENT: [&str; 9] = [
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TZ",
        "TMPDIR",
        "LD_LIBRARY_PATH",
        "RUST_BACKTRACE",
        "USER",
    ];

    pub(crate) struct Child {
        head: Head,
        place: Arc<Place>,
    }

    /// Where the process is, or will be.
    struct Place {
        path: PathBuf,
        command: Vec<OsString>,
        patience: Duration,
        state: Mutex<State>,
    }

    struct State {
        running: Option<Running>,
        /// Counts the starts: what was created in an earlier one is gone.
        start: u64,
        ends_in_a_row: u32,
        not_before: Instant,
    }

    struct Running {
        process: std::process::Child,
        socket: UnixStream,
    }

    impl Child {
        pub(crate) fn open(
            path: &Path,
            command: &[OsString],
            patience: Duration,
        ) -> Result<Child, Error> {
            let unreadable = |error: io::Error| Error::Unreadable {
                path: path.to_owned(),
                why: error.to_string(),
            };
            let full = path.canonicalize().map_err(unreadable)?;
            crate::machine::refuse_others(path, &std::fs::read(&full).map_err(unreadable)?)?;
            let state =
                State { running: None, start: 0, ends_in_a_row: 0, not_before: Instant::now() };
            let (command, state) = (command.to_owned(), Mutex::new(state));
            let place = Arc::new(Place { path: full, command, patience, state });
            let head = {
                let mut state = place.lock();
                let (running, head) = place.begin().map_err(|error| match error {
                    CallError::Said(why) => Error::NotLoaded { path: path.to_owned(), why },
                    CallError::Died(how) => {
                        let why = format!("opening it ended its process {how}");
                        Error::NotLoaded { path: path.to_owned(), why }
                    }
                    CallError::Stopped(patience) => Error::took_too_long(path, patience),
                    other => Error::NoProcess { why: other.to_string() },
                })?;
                (state.running, state.start) = (Some(running), 1);
                head
            };
            Ok(Child { head, place })
        }
    }

    impl Place {
        fn lock(&self) -> MutexGuard<'_, State> {
            self.state.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// Starts the process and hears what it has loaded.
        fn begin(&self) -> Result<(Running, Head), CallError> {
            let cant =
                |error: io::Error| CallError::Malformed(format!("can't be started: {error}"));
            let Some((program, arguments)) = self.command.split_first() else {
                return Err(CallError::Malformed("has no program to start".to_owned()));
            };
            let (ours, theirs) = UnixStream::pair().map_err(cant)?;
            // What a plugin prints is not a result of this program.
            let prints = io::stderr().as_fd().try_clone_to_owned().map_err(cant)?;
            let kept = ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
            let process = Command::new(program)
                .args(arguments)
                .arg(&self.path)
                .env_clear()
                .envs(kept)
                .stdin(Stdio::from(OwnedFd::from(theirs)))
                .stdout(Stdio::from(prints))
                .spawn()
                .map_err(cant)?;
            let mut running = Running { process, socket: ours };
            let hello = running.hear(self.patience)?;
            let number = |at: usize| {
                let bytes = hello.load.get(at..at + 4)?;
                Some(u32::from_le_bytes(bytes.try_into().ok()?))
            };
            if hello.word != went::OK {
                return Err(CallError::Said(String::from_utf8_lossy(&hello.load).into_owned()));
            }
            let head = (|| {
                let (kind, flags, abi) = (number(0)?, number(4)?, number(8)?);
                let kind = PluginKind::of(kind)?;
                Some(Head { kind, flags, abi: (abi as u16, (abi >> 16) as u16) })
            })();
            match head {
                Some(head) => Ok((running, head)),
                None => Err(CallError::Malformed("did not say hello".to_owned())),
            }
        }

        /// One question and its answer, in the process that is there or a new one.
        fn ask<T>(
            &self,
            question: impl FnOnce(&mut Conversation<'_>) -> Result<T, CallError>,
        ) -> Result<T, CallError> {
            let mut state = self.lock();
            if state.running.is_none() {
                self.begin_again(&mut state)?;
            }
            let start = state.start;
            let Some(running) = &mut state.running else {
                return Err(CallError::Died("it is not there".to_owned()));
            };
            let result = question(&mut Conversation { running, start, patience: self.patience });
            match &result {
                Err(CallError::Died(_) | CallError::Stopped(_)) => {
                    state.running = None;
                    state.ends_in_a_row += 1;
                    state.not_before = Instant::now() + rest(state.ends_in_a_row);
                }
                _ => state.ends_in_a_row = 0,
            }
            result
        }

        fn begin_again(&self, state: &mut State) -> Result<(), CallError> {
            let left = state.not_before.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                return Err(CallError::Resting(format!(
                    "ended {} times in a row and rests; it is started again in {} ms",
                    state.ends_in_a_row,
                    left.as_millis() + 1
                )));
            }
            match self.begin() {
                Ok((running, _)) => {
                    (state.running, state.start) = (Some(running), state.start + 1);
                    Ok(())
                }
                Err(error) => {
                    state.ends_in_a_row += 1;
                    state.not_before = Instant::now() + rest(state.ends_in_a_row);
                    Err(error)
                }
            }
        }
    }

    /// With the process that runs now.
    struct Conversation<'c> {
        running: &'c mut Running,
        start: u64,
        patience: Duration,
    }

    impl Conversation<'_> {
        fn say(&mut self, word: u32, handle: u32, load: &[u8]) -> Result<Frame, CallError> {
            self.running.say(word, handle, load, self.patience)?;
            let Frame { word, handle, load } = self.running.hear(self.patience)?;
            let text = |load: Vec<u8>| String::from_utf8_lossy(&load).into_owned();
            match word {
                went::OK => Ok(Frame { word, handle, load }),
                went::SAID => Err(CallError::Said(text(load))),
                went::PANICKED => Err(CallError::Panicked(text(load))),
                _ => Err(CallError::Malformed(text(load))),
            }
        }
    }

    impl Running {
        fn say(
            &mut self,
            word: u32,
            handle: u32,
            load: &[u8],
            patience: Duration,
        ) -> Result<(), CallError> {
            let deadline = Instant::now() + patience;
            let mut socket = Timed { socket: &self.socket, deadline };
            let said = Frame::write_parts(word, handle, load, &mut socket);
            said.map_err(|error| self.ended(&error, patience))
        }

        fn hear(&mut self, patience: Duration) -> Result<Frame, CallError> {
            let deadline = Instant::now() + patience;
            let heard = Frame::read(&mut Timed { socket: &self.socket, deadline });
            heard.map_err(|error| self.ended(&error, patience))
        }

        /// What became of the process, now that it can't be talked to.
        fn ended(&mut self, error: &io::Error, patience: Duration) -> CallError {
            use io::ErrorKind::{TimedOut, WouldBlock};
            let late = matches!(error.kind(), TimedOut | WouldBlock);
            if late {
                let _ = self.process.kill();
                let _ = self.process.wait();
                return CallError::Stopped(patience);
            }
            // The pipe ended, so the process has, or is about to; or it only closed the pipe.
            let until = Instant::now() + Duration::from_secs(1);
            while let Ok(None) = self.process.try_wait()
                && Instant::now() < until
            {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            let _ = self.process.kill();
            let status = self.process.wait();
            CallError::Died(status.map_or_else(|error| error.to_string(), |status| how(&status)))
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            // Its plugin may not be listening.
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }

    fn how(status: &ExitStatus) -> String {
        match (status.code(), status.signal()) {
            (Some(code), _) => format!("with the exit code {code}"),
            (None, Some(11)) => "by a segmentation fault".to_owned(),
            (None, Some(6)) => "by an abort".to_owned(),
            (None, Some(signal)) => format!("by the signal {signal}"),
            (None, None) => "for no known reason".to_owned(),
        }
    }

    /// A socket on which everything has to be over by the deadline.
    struct Timed<'s> {
        socket: &'s UnixStream,
        deadline: Instant,
    }

    impl Timed<'_> {
        fn left(&self) -> io::Result<Duration> {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
        }
    }

    impl Read for Timed<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.socket.set_read_timeout(Some(self.left()?))?;
            self.socket.read(bytes)
        }
    }

    impl Write for Timed<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.socket.set_write_timeout(Some(self.left()?))?;
            self.socket.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Port for Child {
        fn head(&self) -> Head {
            self.head
        }

        fn describe(&self) -> Result<Vec<u8>, CallError> {
            self.place.ask(|talk| Ok(talk.say(op::DESCRIBE, 0, &[])?.load))
        }

        fn create(&self, settings: Vec<u8>) -> Result<(Box<dyn Instance>, Vec<u8>), CallError> {
            let place = self.place.clone();
            let (made, said) = self.place.ask(|talk| {
                let made = talk.say(op::CREATE, 0, &settings)?;
                Ok(((talk.start, made.handle), made.load))
            })?;
            let there = There { place, settings, made: Mutex::new(Some(made)) };
            Ok((Box::new(there), said))
        }
    }

    /// What was created in the process, and is created again in the next.
    struct There {
        place: Arc<Place>,
        settings: Vec<u8>,
        /// In which start, and under which number; nothing once it is closed.
        made: Mutex<Option<(u64, u32)>>,
    }

    impl Instance for There {
        fn call(&self, request: Vec<u8>) -> Result<Vec<u8>, CallError> {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((start, handle)) = &mut *made else {
                return Err(CallError::Malformed("is closed".to_owned()));
            };
            self.place.ask(|talk| {
                if *start != talk.start {
                    *handle = talk.say(op::CREATE, 0, &self.settings)?.handle;
                    *start = talk.start;
                }
                Ok(talk.say(op::CALL, *handle, &request)?.load)
            })
        }

        fn close(&self) -> Result<(), CallError> {
            let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some((start, handle)) = made else { return Ok(()) };
            // What was created in a process that has ended is gone with it.
            if self.place.lock().start != start || self.place.lock().running.is_none() {
                return Ok(());
            }
            self.place.ask(|talk| talk.say(op::DESTROY, handle, &[]).map(drop))
        }
    }

    impl Drop for There {
        fn drop(&mut self) {
            let _ = self.close();
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use super::*;
    use crate::port::{CallError, Head, Instance, Port};

    pub(crate) enum Child {}

    impl Child {
        pub(crate) fn open(_: &Path, _: &[OsString], _: Duration) -> Result<Child, Error> {
            Err(Error::NoProcess { why: "that takes a Unix".to_owned() })
        }
    }

    impl Port for Child {
        fn head(&self) -> Head {
            match *self {}
        }
        fn describe(&self) -> Result<Vec<u8>, CallError> {
            match *self {}
        }
        fn create(&self, _: Vec<u8>) -> Result<(Box<dyn Instance>, Vec<u8>), CallError> {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_ending_rests_longer_and_longer() {
        let rests: Vec<u128> =
            [1, 11, 12, 13, 14, 20, 21, 999].map(|ends| rest(ends).as_millis()).into();
        assert_eq!(rests, [0, 0, 100, 200, 400, 25_600, 30_000, 30_000]);
    }
}
