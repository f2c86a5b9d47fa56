//! `flowrun completions`: what a shell needs to complete the command line.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::console::Console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  flowrun completions bash > ~/.local/share/bash-completion/completions/flowrun
  flowrun completions zsh > ~/.zfunc/_flowrun
  flowrun completions fish > ~/.config/fish/completions/flowrun.fish";

/// Print the completion script of a shell
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let mut script = Vec::new();
        generate(self.shell, &mut crate::args::Args::command(), "flowrun", &mut script);
        console.print(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Done)
    }
}
