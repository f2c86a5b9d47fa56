//! Where answers to Connected Content come from, as the command line says it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;

use crate::config::Config;
use crate::console::aside;
use crate::core::Millis;
use crate::core::template::{Answer, Request};
use crate::folder::said;
use crate::interrupt::Interrupt;
use crate::simulation::outbound::{Cidr, Egress, Fixtures, HostPattern};
use crate::simulation::{Answers, Fetch};

/// The largest file of fixtures, in bytes.
const LARGEST: u64 = 16 << 20;

/// Endings of the fixtures that are taken when none are named, in this order.
const BESIDE: [&str; 2] = ["yaml", "json"];

/// Answers until somebody asks to stop: then nothing more is fetched.
pub struct Until<'a> {
    pub answers: &'a mut Answers,
    pub interrupt: &'a Interrupt,
}

impl Fetch for Until<'_> {
    fn answer(&mut self, now: Millis, request: &Request) -> Result<Answer, String> {
        self.answers.answer(now, request)
    }

    fn is_closed(&self) -> bool {
        self.interrupt.asked()
    }
}

/// What answers Connected Content; without any of it nothing does.
#[derive(Args, Clone, Debug, Default)]
pub struct Source {
    /// What Connected Content is answered with: a list of `{ url, method?, status?, json? or
    /// body? or error? }` as YAML or JSON, first match wins [default for a Canvas:
    /// NAME.fixtures.yaml beside it]
    #[arg(long, value_name = "FILE")]
    fixtures: Option<PathBuf>,

    /// Fetch for real what no fixture answers, from this host alone (or `*.example.com`); may
    /// be given several times
    #[arg(long = "allow-host", value_name = "HOST", value_parser = HostPattern::parse)]
    hosts: Vec<HostPattern>,

    /// Addresses that are not public and may be connected to all the same, such as
    /// 127.0.0.0/8
    #[arg(long = "allow-cidr", value_name = "CIDR")]
    cidrs: Vec<Cidr>,

    /// Ports that may be called beside 80 and 443
    #[arg(long = "allow-port", value_name = "PORT")]
    ports: Vec<u16>,

    /// Allow http beside https
    #[arg(long = "allow-http")]
    http: bool,

    /// What may be called, and with which credentials, as a file says it; the options here
    /// add to it; `none` for no file [default: flowrun.toml beside the first Canvas, or in
    /// this folder]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Source {
    /// The configuration that was named.
    pub fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// What answers for these Canvases: the fixtures named, else those beside each of them.
    pub fn open<'a>(&self, canvases: impl Iterator<Item = &'a Path>) -> anyhow::Result<Answers> {
        let mut canvases = canvases.peekable();
        let config = Config::open(self.config.as_deref(), canvases.peek().copied())?;
        let (fixtures, egress) = self.parts(canvases, &config)?;
        Answers::new(fixtures, egress).context("can't fetch")
    }

    /// What answers are made from, for whoever answers in another way.
    pub fn parts<'a>(
        &self,
        canvases: impl Iterator<Item = &'a Path>,
        config: &Config,
    ) -> anyhow::Result<(Fixtures, Egress)> {
        if let Some(said) = opened(config) {
            aside(&format!("note: {said}"));
        }
        let egress = self.egress(config.egress.clone())?;
        let files: Vec<PathBuf> = match &self.fixtures {
            Some(file) => vec![file.clone()],
            None => canvases.filter_map(beside).collect(),
        };
        let mut fixtures = Fixtures::default();
        for file in files {
            fixtures.append(read(&file)?);
        }
        Ok((fixtures, egress))
    }

    /// The configuration, named or beside the Canvas.
    pub fn configuration(&self, canvas: Option<&Path>) -> anyhow::Result<Config> {
        Config::open(self.config.as_deref(), canvas)
    }

    /// What may be called.
    pub fn allowed(&self, config: &Config) -> anyhow::Result<Egress> {
        self.egress(config.egress.clone())
    }

    /// What the configuration allows, and what the options allow beside it.
    fn egress(&self, mut egress: Egress) -> anyhow::Result<Egress> {
        egress.allow_hosts.extend_from_slice(&self.hosts);
        egress.allow_cidrs.extend_from_slice(&self.cidrs);
        egress.ports.extend_from_slice(&self.ports);
        egress.http |= self.http;
        let given = [
            ("--allow-cidr", !self.cidrs.is_empty()),
            ("--allow-port", !self.ports.is_empty()),
            ("--allow-http", self.http),
        ];
        match given.iter().find(|(_, given)| *given && egress.allow_hosts.is_empty()) {
            Some((option, _)) => bail!(
                "{option} opens nothing without a host: name one with --allow-host <HOST>, or in `allow_hosts` of flowrun.toml"
            ),
            None => Ok(egress),
        }
    }
}

/// What is opened by a file that nobody named: it may have come with a stranger's Canvas.
fn opened(config: &Config) -> Option<String> {
    let file = config.found.as_ref().filter(|_| !config.egress.allow_hosts.is_empty())?;
    let hosts: Vec<String> = config.egress.allow_hosts.iter().map(ToString::to_string).collect();
    let shown = crate::console::printable(&file.display().to_string());
    Some(format!("{shown} lets templates call {} (`--config none` closes it)", hosts.join(", ")))
}

fn beside(canvas: &Path) -> Option<PathBuf> {
    let named = |ending: &&str| canvas.with_extension(format!("fixtures.{ending}"));
    BESIDE.iter().map(named).find(|path| path.is_file())
}

fn read(path: &Path) -> anyhow::Result<Fixtures> {
    let shown = path.display();
    let cant = |why: String| anyhow!("can't read the fixtures `{shown}`: {why}");
    let file = File::open(path).map_err(|error| cant(said(&error)))?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| cant(said(&error)))?;
    if bytes.len() as u64 > LARGEST {
        bail!(cant("they are larger than 16 MiB".to_owned()))
    }
    let text = String::from_utf8(bytes).map_err(|_| cant("they are not UTF-8".to_owned()))?;
    Fixtures::parse(&text)
        .map_err(|wrong| anyhow!("{shown}:{}", crate::console::printable(&wrong.to_string())))
}
