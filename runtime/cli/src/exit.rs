//! How the program ends, as a number that scripts and CI read.

use std::process::ExitCode;

/// The exit codes are a contract; see the command line's page in the manual.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// All that was asked for is done.
    Done = 0,
    /// What was checked is wrong: an invalid Canvas, a template that fails or aborts.
    Wrong = 1,
    /// The command can't be carried out as it was given.
    Usage = 2,
    /// The run ended, but dead letters remain.
    DeadLetters = 3,
    /// Stopped by Ctrl-C, after what had happened so far was reported.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
