//! `flowrun plugin`: begin, check and install plugins.

mod check;
mod install;
mod new;

use clap::{Args, Subcommand};

use crate::console::Console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  flowrun plugin new tier_split                            a project with a step, its tests, a Canvas
  flowrun plugin new crm --kind backend                    the same with a profile backend
  flowrun plugin check target/release/libtier_split.so     is it fit to be used?
  flowrun plugin install target/release/libtier_split.so   use it in every Canvas

A plugin can do whatever you can do: install what you trust, and run what others wrote in
processes of their own (`--plugin-isolation process`).";

/// Begin, check and install plugins
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub struct Plugin {
    #[command(subcommand)]
    command: What,
}

#[derive(Subcommand, Debug)]
enum What {
    New(new::New),
    Check(check::Check),
    Install(install::Install),
}

impl Plugin {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        match &self.command {
            What::New(new) => new.run(console),
            What::Check(check) => check.run(console),
            What::Install(install) => install.run(console),
        }
    }
}
