//! What was asked for.
//!
//! `flowrun FLOW.yaml` is short for `flowrun run FLOW.yaml`: the first argument that is
//! neither an option nor a command, but looks like a Canvas, stands for both.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::dead_letters::{self, replay};
use crate::commands::{
    check, completions, delete, eval, explain, graph, list, new, pause, plugin, run, schema, serve,
    simulate, status, test,
};
use crate::console::{ColorChoice, Console, aside, printable};
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  flowrun flows/vip.yaml                       run a Canvas with the users beside it
  flowrun check flows                          all faults of all Canvases
  flowrun test flows                           the tests of all Canvases (*.test.yaml)
  flowrun graph flows/vip.yaml --format svg    the picture
  flowrun explain flows/vip.yaml --user ada    why ada went where she went
  flowrun serve flows --state data             for good; then `flowrun status --state data`

`flowrun COMMAND --help` says more about a command.";

/// Customer journeys as code
#[derive(Parser, Debug)]
#[command(name = "flowrun", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(override_usage = "flowrun FLOW.yaml [--users FILE]\n       flowrun COMMAND …")]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub color: ColorChoice,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    Run(run::Run),
    Check(check::Check),
    Test(test::Test),
    Graph(graph::Graph),
    Explain(explain::Explain),
    Eval(eval::Eval),
    List(list::List),
    Serve(serve::Serve),
    Status(status::Status),
    DeadLetters(dead_letters::DeadLetters),
    Replay(replay::Replay),
    Pause(pause::Pause),
    Resume(pause::Resume),
    Delete(delete::Delete),
    Schema(schema::Schema),
    New(new::New),
    Simulate(simulate::Simulate),
    Plugin(plugin::Plugin),
    Completions(completions::Completions),
    /// Serve a plugin over standard input, for this program itself
    #[command(hide = true)]
    PluginHost {
        file: PathBuf,
    },
}

impl Command {
    pub fn carry_out(&self, console: &mut Console) -> anyhow::Result<Exit> {
        match self {
            Command::Run(run) => run.run(console),
            Command::Check(check) => check.run(console),
            Command::Test(test) => test.run(console),
            Command::Graph(graph) => graph.run(console),
            Command::Explain(explain) => explain.run(console),
            Command::Eval(eval) => eval.run(console),
            Command::List(list) => list.run(console),
            Command::Serve(serve) => serve.run(console),
            Command::Status(status) => status.run(console),
            Command::DeadLetters(letters) => letters.run(console),
            Command::Replay(replay) => replay.run(console),
            Command::Pause(pause) => pause.run(console),
            Command::Resume(resume) => resume.run(console),
            Command::Delete(delete) => delete.run(console),
            Command::Schema(schema) => schema.run(console),
            Command::New(new) => new.run(console),
            Command::Simulate(simulate) => simulate.run(console),
            Command::Plugin(plugin) => plugin.run(console),
            Command::Completions(completions) => completions.run(console),
            Command::PluginHost { file } => {
                flowrun_loader::host::serve(file)?;
                Ok(Exit::Done)
            }
        }
    }
}

/// Reads the command line; on a mistake says what is wrong and ends the program.
pub fn read() -> Args {
    match Args::try_parse_from(with_run(std::env::args_os().collect())) {
        Ok(args) => args,
        Err(error) => match slip(&error) {
            Some(said) => {
                aside(&format!("error: {said}\n\nFor more information, try 'flowrun --help'."));
                std::process::exit(Exit::Usage as i32)
            }
            None => leave(&error),
        },
    }
}

/// Says what clap has to say. Help that can't be written is no help: unless the reader has
/// seen enough, that is an error as with any other result.
fn leave(said: &clap::Error) -> ! {
    let written = said.print().and_then(|()| io::stdout().flush());
    let code = match written {
        Err(error) if !said.use_stderr() && error.kind() != io::ErrorKind::BrokenPipe => {
            aside(&format!("error: can't write to standard output: {error}"));
            Exit::Usage as i32
        }
        _ => said.exit_code(),
    };
    std::process::exit(code)
}

/// What to say to a command that there is not.
fn slip(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(written)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let commands = Args::command();
    let near = commands
        .get_subcommands()
        .map(|command| {
            (strsim::damerau_levenshtein(written, command.get_name()), command.get_name())
        })
        .min()
        .filter(|(far, name)| *far <= (name.len() / 3).max(1));
    let written = printable(written);
    Some(match near {
        Some((_, name)) => format!("there is no command `{written}`: did you mean `{name}`?"),
        None => format!("`{written}` is no command, and there is no such file to run"),
    })
}

/// Puts `run` before the arguments if they begin with a Canvas instead of a command.
fn with_run(mut args: Vec<OsString>) -> Vec<OsString> {
    // A word in front is a command, if perhaps not one of ours.
    let is_word = |arg: &OsString| !arg.to_string_lossy().starts_with('-') && !is_canvas(arg);
    if args.get(1).is_some_and(is_word) {
        return args;
    }
    let commands = Args::command();
    let is_command = |arg: &OsStr| {
        arg == "help" || commands.get_subcommands().any(|command| arg == command.get_name())
    };
    let first = args.iter().skip(1).find(|arg| is_command(arg) || is_canvas(arg));
    if first.is_some_and(|first| !is_command(first)) {
        args.insert(1, "run".into());
    }
    args
}

fn is_canvas(arg: &OsStr) -> bool {
    let path = Path::new(arg);
    let option = arg.to_string_lossy().starts_with('-');
    !option
        && (path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
            || path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_canvas_in_place_of_a_command_is_run() {
        for (given, expected) in [
            ("vip.yaml", "run vip.yaml"),
            ("vip.yml --seed 3", "run vip.yml --seed 3"),
            ("--seed 3 vip.yaml", "run --seed 3 vip.yaml"),
            ("--color never vip.yaml", "run --color never vip.yaml"),
            ("check vip.yaml", "check vip.yaml"),
            ("help run", "help run"),
            ("vpi", "vpi"),
            ("simulate vip.yaml", "simulate vip.yaml"),
            ("chekc vip.yaml --json", "chekc vip.yaml --json"),
            ("--help", "--help"),
            ("", ""),
        ] {
            let words =
                |text: &str| text.split_whitespace().map(OsString::from).collect::<Vec<_>>();
            let mut args = words(given);
            args.insert(0, "flowrun".into());
            assert_eq!(with_run(args)[1..], words(expected), "{given}");
        }
    }
}
