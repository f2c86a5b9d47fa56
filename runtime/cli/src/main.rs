//! The binary `flowrun`: customer journeys as code, on the command line.
//!
//! `args` reads what was asked for, `commands` has one file for each thing that can be
//! asked, and everything they print goes through `console`. Results are on standard
//! output; progress, notes and errors on standard error; the exit code says how it went.

mod answers;
mod args;
mod backend;
mod canvases;
mod channels;
mod commands;
mod config;
mod console;
mod exit;
mod folder;
mod interrupt;
mod live;
mod logging;
mod moment;
mod narrator;
mod operations;
mod picture;
mod plugin_backend;
mod plugins;
mod progress;
mod reading;
mod report;
mod report_page;
mod scene;
mod table;
mod timeline;
mod trace;
mod users;
mod versions;
mod watch;

use std::io::Write as _;
use std::process::ExitCode;

use flowrun_simulation as simulation;
use flowrun_simulation::core::{self, sdk, template, track};
use flowrun_simulation::profiles;

use crate::console::Console;
use crate::exit::Exit;

/// Runs make and drop many small things at once, which this allocator is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = args::read();
    let mut console = Console::new(args.color);
    let result = args.command.carry_out(&mut console).and_then(|exit| {
        console.flush()?;
        Ok(exit)
    });
    let exit = match result {
        Ok(exit) => exit,
        Err(error) => {
            let _ = console.flush();
            console.error(&format!("{error:#}"));
            Exit::Usage
        }
    };
    flowrun_loader::leave_what_hangs(exit as u8);
    exit.into()
}
