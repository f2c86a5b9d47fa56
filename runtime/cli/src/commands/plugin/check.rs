//! `flowrun plugin check`: is a library fit to be used?
//!
//! The library is opened by this program started once more, so that a plugin that takes the
//! process with it is a finding, too.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};
use clap::Args;
use flowrun_loader::check::{Effort, Finding, Report, Verdict, check};
use serde_json::json;

use crate::console::{Console, Look, printable};
use crate::exit::Exit;
use crate::folder;
use crate::plugins::Plugins;

const EXAMPLES: &str = "\
Examples:
  flowrun plugin check target/release/libtier_split.so
  flowrun plugin check libcrm.so --settings crm.json   a backend or channel, by writing samples

A step is created from its examples and asked about many users: whether it decides the same
twice, alone and together; what it makes of odd users and wrong settings; whether memory grows
over 100,000 calls.";

/// Check a plugin for all that its author can get wrong
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Check {
    /// The library
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Settings as JSON, with which a backend or channel is tried: it then writes samples
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,

    /// Calls in the search for leaks
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    calls: u32,

    /// Print the findings as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    plugins: Plugins,

    /// In this process
    #[arg(long, hide = true)]
    here: bool,
}

impl Check {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        if !self.here {
            return self.elsewhere(console);
        }
        let settings = self.settings.as_deref().map(|path| {
            let shown = path.display();
            let text = folder::text(path)
                .map_err(|why| anyhow::anyhow!("can't read the settings `{shown}`: {why}"))?;
            serde_json::from_str(&text).with_context(|| format!("the settings `{shown}`"))
        });
        let effort = Effort { calls: self.calls, settings: settings.transpose()? };
        let report = check(&self.file, &self.plugins.options()?, &effort);
        self.tell(&report, console)?;
        Ok(if report.verdict() == Verdict::Bad { Exit::Wrong } else { Exit::Done })
    }

    fn elsewhere(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let program = std::env::current_exe().context("can't find this program")?;
        let mut again = Command::new(program);
        again.args(std::env::args_os().skip(1)).arg("--here");
        let status = again.status().context("can't start this program again")?;
        match status.code() {
            Some(0) => Ok(Exit::Done),
            Some(1) => Ok(Exit::Wrong),
            Some(2) => bail!("the plugin was not checked"),
            _ => {
                let said = format!("it ended the process that checked it ({status})");
                let finding = Finding { verdict: Verdict::Bad, what: "crash", said };
                self.tell(&Report { findings: vec![finding] }, console)?;
                Ok(Exit::Wrong)
            }
        }
    }

    fn tell(&self, report: &Report, console: &mut Console) -> anyhow::Result<()> {
        let word = |verdict| match verdict {
            Verdict::Good => "ok",
            Verdict::Fair => "note",
            Verdict::Bad => "bad",
        };
        if self.json {
            let findings: Vec<_> = report.findings.iter().map(|finding| {
                json!({ "verdict": word(finding.verdict), "what": finding.what, "said": finding.said })
            }).collect();
            let json = json!({ "verdict": word(report.verdict()), "findings": findings });
            console.line(&serde_json::to_string_pretty(&json)?)?;
            return Ok(());
        }
        let width = report.findings.iter().map(|finding| finding.what.len()).max().unwrap_or(0);
        for Finding { verdict, what, said } in &report.findings {
            let look = match verdict {
                Verdict::Good => Look::Good,
                Verdict::Fair => Look::Note,
                Verdict::Bad => Look::Bad,
            };
            let word = console.palette.paint(look, &format!("{:4}", word(*verdict)));
            console.line(&format!("{word} {what:width$}  {}", printable(said)))?;
        }
        let (look, said) = match report.verdict() {
            Verdict::Good => (Look::Good, "fit to be used"),
            Verdict::Fair => (Look::Good, "fit to be used; see the notes"),
            Verdict::Bad => (Look::Bad, "not fit to be used"),
        };
        let said = console.palette.paint(look, said);
        console.line(&format!("{}: {said}", printable(&self.file.display().to_string())))?;
        Ok(())
    }
}
