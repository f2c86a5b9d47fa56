//! `flowrun dead-letters`: what could not be done for good: listed, shown, exported, discarded.
//! Doing it again is [`replay`].

pub mod replay;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use crate::commands::status::{cut, shortened};
use crate::console::{Console, Look, Palette, printable};
use crate::exit::Exit;
use crate::folder::said;
use crate::moment;
use crate::operations::Desk;
use crate::operations::protocol::{Letter, LetterAt, Payloads, Wanted};
use crate::plugins::Plugins;

/// Dead letters are asked for so many at a time.
const PAGE: usize = 200;
/// Listed for people; `--json` and `export` have all.
const LISTED: usize = 100;

const EXAMPLES: &str = "\
Examples:
  flowrun dead-letters --state data                          the first 100, with reasons
  flowrun dead-letters --state data --canvas vip --step mark_vip
  flowrun dead-letters show 2-17 --state data                one of them, with its payload
  flowrun dead-letters export failed.ndjson --state data     all of them, with payloads
  flowrun dead-letters discard 2-17 2-18 --yes --state data  not needed any more
  flowrun replay --all --state data                          do them again, after a fix";

/// List, show, export or discard what could not be done
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DeadLetters {
    #[command(subcommand)]
    deed: Option<Deed>,

    /// The state folder, as `flowrun serve` or `flowrun run --clock real` was given it
    #[arg(long, value_name = "DIR", global = true)]
    state: Option<PathBuf>,

    #[command(flatten)]
    which: Which,

    /// Print them as JSON
    #[arg(long, global = true)]
    json: bool,

    #[command(flatten)]
    plugins: Plugins,
}

/// Which of them.
#[derive(Args, Clone, Debug)]
pub struct Which {
    /// Only those of this Canvas
    #[arg(long, value_name = "CANVAS", global = true)]
    pub canvas: Option<String>,

    /// Only those of this step
    #[arg(long, value_name = "STEP", global = true)]
    pub step: Option<String>,
}

#[derive(Subcommand, Debug)]
enum Deed {
    /// Show one with its payload
    Show {
        #[arg(value_name = "ID")]
        id: LetterAt,
    },
    /// Write them all with their payloads to a file, as NDJSON (`-`: standard output)
    Export {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Drop them for good
    Discard {
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<LetterAt>,
        /// All of them, or those of --canvas and --step
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        /// They are really to be dropped
        #[arg(long)]
        yes: bool,
    },
}

impl DeadLetters {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let Some(state) = &self.state else { bail!("name the state folder: --state DIR") };
        let mut desk = Desk::at(state, &self.plugins, console)?;
        match &self.deed {
            None => self.list(&mut desk, console),
            Some(Deed::Show { id }) => self.show(*id, &mut desk, console),
            Some(Deed::Export { file }) => self.export(file, &mut desk, console),
            Some(Deed::Discard { ids, yes, .. }) => {
                let ids = match ids.is_empty() {
                    false => ids.clone(),
                    true => all(&mut desk, &self.which)?.iter().map(|letter| letter.id).collect(),
                };
                if !yes {
                    bail!(
                        "{} would be dropped for good: add --yes; `flowrun dead-letters export \
                         FILE` keeps what they hold",
                        counted(ids.len() as u64)
                    )
                }
                self.discard(&ids, &mut desk, console)
            }
        }
    }

    fn list(&self, desk: &mut Desk, console: &mut Console) -> anyhow::Result<Exit> {
        if self.json {
            let letters = all(desk, &self.which)?;
            console.line(&serde_json::to_string_pretty(&letters)?)?;
            return Ok(Exit::Done);
        }
        let mut letters = Vec::new();
        each(desk, &self.which, Payloads::Without, LISTED + 1, &mut |letter| {
            letters.push(letter);
            Ok(())
        })?;
        let count = desk.overview()?.dead_letters.count;
        let palette = console.palette;
        console.print(&told(&letters, palette))?;
        match (letters.len() > LISTED, self.which.canvas.is_some() || self.which.step.is_some()) {
            (true, _) => console.line("and more: --json and `export FILE` have all"),
            (false, true) => console.line(&format!("{} of {count}", letters.len())),
            (false, false) => console.line(&counted(count)),
        }?;
        Ok(Exit::Done)
    }

    fn show(&self, id: LetterAt, desk: &mut Desk, console: &mut Console) -> anyhow::Result<Exit> {
        let wanted =
            Wanted { ids: vec![id], most: 1, payloads: Payloads::With, ..Wanted::default() };
        let letter = desk.letters(wanted)?.pop();
        let letter = letter.ok_or_else(|| anyhow!("there is no dead letter {id} (any more)"))?;
        if self.json {
            console.line(&serde_json::to_string_pretty(&letter)?)?;
            return Ok(Exit::Done);
        }
        let replay = match &letter.obstacle {
            None => format!("`flowrun replay {id}` does it again"),
            Some(why) => printable(why),
        };
        for (name, value) in [
            ("id", id.to_string()),
            ("came", format!("{} UTC", moment::long(letter.at.0))),
            ("user", letter.user),
            ("canvas", format!("{}, version {}", letter.canvas, letter.version)),
            ("step", letter.step),
            ("key", letter.key),
            ("reason", letter.reason),
            ("replay", replay),
        ] {
            let name = console.palette.paint(Look::Dim, &format!("{name:<8}"));
            console.line(&format!("{name}{}", printable(&value)))?;
        }
        console.line("")?;
        let payload = letter.payload.unwrap_or_default();
        let pretty = serde_json::from_str::<Json>(&payload);
        let pretty = pretty.and_then(|json| serde_json::to_string_pretty(&json)).unwrap_or(payload);
        for line in pretty.lines() {
            console.line(&printable(line))?;
        }
        Ok(Exit::Done)
    }

    fn export(&self, file: &Path, desk: &mut Desk, console: &mut Console) -> anyhow::Result<Exit> {
        let mut count = 0_u64;
        let shown = file.display();
        let cant = |error: io::Error| anyhow!("can't write `{shown}`: {}", said(&error));
        let mut write = |out: &mut dyn Write| {
            each(desk, &self.which, Payloads::With, usize::MAX, &mut |letter| {
                count += 1;
                serde_json::to_writer(&mut *out, &letter)?;
                Ok(out.write_all(b"\n")?)
            })
        };
        if file == Path::new("-") {
            write(console)?;
            return Ok(Exit::Done);
        }
        let mut out = BufWriter::new(File::create(file).map_err(cant)?);
        write(&mut out)?;
        out.into_inner().map_err(|error| cant(error.into_error()))?.sync_all().map_err(cant)?;
        console.note(&format!("`{shown}` has {}", counted(count)));
        Ok(Exit::Done)
    }

    fn discard(
        &self,
        ids: &[LetterAt],
        desk: &mut Desk,
        console: &mut Console,
    ) -> anyhow::Result<Exit> {
        let (mut dropped, mut kept) = (0_u64, Vec::new());
        for ids in ids.chunks(PAGE) {
            for verdict in desk.discard(ids.to_vec())? {
                match verdict.refused {
                    None => dropped += 1,
                    Some(why) => kept.push((verdict.id, why)),
                }
            }
        }
        if self.json {
            let kept = kept.iter().map(|(id, why)| json!({ "id": id, "refused": why }));
            let kept: Vec<Json> = kept.collect();
            console.line(&json!({ "discarded": dropped, "refused": kept }).to_string())?;
        } else {
            console.line(&format!("{dropped} discarded"))?;
            kept.iter().for_each(|(id, why)| console.note(&format!("{id}: {why}")));
        }
        Ok(if kept.is_empty() { Exit::Done } else { Exit::Usage })
    }
}

/// All of them, without payloads.
pub fn all(desk: &mut Desk, which: &Which) -> anyhow::Result<Vec<Letter>> {
    let mut letters = Vec::new();
    each(desk, which, Payloads::Without, usize::MAX, &mut |letter| {
        letters.push(letter);
        Ok(())
    })?;
    Ok(letters)
}

/// Gives up to so many dead letters, which are asked for page by page.
fn each(
    desk: &mut Desk,
    which: &Which,
    payloads: Payloads,
    most: usize,
    take: &mut dyn FnMut(Letter) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let Which { canvas, step } = which.clone();
    let mut wanted = Wanted { canvas, step, payloads, ..Wanted::default() };
    let mut left = most;
    loop {
        wanted.most = PAGE.min(left);
        let page = desk.letters(wanted.clone())?;
        let Some(last) = page.last() else { return Ok(()) };
        wanted.after = Some(last.id);
        let count = page.len();
        for letter in page {
            take(letter)?;
        }
        left -= count;
        if count < wanted.most || left == 0 {
            return Ok(());
        }
    }
}

fn counted(count: u64) -> String {
    match count {
        1 => "1 dead letter".to_owned(),
        count => format!("{count} dead letters"),
    }
}

fn told(letters: &[Letter], palette: Palette) -> String {
    let mut text = String::new();
    for letter in letters.iter().take(LISTED) {
        let id = palette.paint(Look::Accent, &format!("{:<7}", letter.id.to_string()));
        let place = format!("{}/{}", cut(&letter.canvas), cut(&letter.step));
        let user = shortened(&letter.user, 40);
        text.push_str(&format!("{id} {}  {place}  {user}\n", moment::long(letter.at.0)));
        text.push_str(&format!("        {}\n", shortened(&letter.reason, 200)));
        if let Some(why) = &letter.obstacle {
            text.push_str(&format!("        {}\n", palette.paint(Look::Note, why)));
        }
    }
    text
}
