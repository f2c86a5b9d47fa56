//! Where results go: standard output, in colours if a terminal wants them.
//!
//! A reader that has seen enough (`| head`) is no error: from then on nothing is written,
//! and the command ends as it would have ended.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use clap::ValueEnum;

/// When to use colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum ColorChoice {
    /// On terminals, unless NO_COLOR is set
    #[default]
    Auto,
    Always,
    Never,
}

/// A way for text to look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    Bold,
    Dim,
    Good,
    Bad,
    Note,
    Accent,
}

impl Look {
    fn code(self) -> &'static str {
        match self {
            Look::Bold => "1",
            Look::Dim => "2",
            Look::Good => "32",
            Look::Bad => "31",
            Look::Note => "33",
            Look::Accent => "36",
        }
    }
}

/// Paints text, or leaves it as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Palette {
    Colors,
    Plain,
}

impl Palette {
    pub fn choose(choice: ColorChoice, to: &impl IsTerminal) -> Palette {
        let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match choice {
            ColorChoice::Always => Palette::Colors,
            ColorChoice::Never => Palette::Plain,
            ColorChoice::Auto if asked_not_to || dumb || !to.is_terminal() => Palette::Plain,
            ColorChoice::Auto => Palette::Colors,
        }
    }

    pub fn has_colors(self) -> bool {
        self == Palette::Colors
    }

    pub fn paint(self, look: Look, text: &str) -> String {
        match self {
            Palette::Colors if !text.trim().is_empty() => {
                format!("\x1b[{}m{text}\x1b[0m", look.code())
            }
            _ => text.to_owned(),
        }
    }
}

/// Where notes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notes {
    /// To standard error, as lines for people.
    Terminal,
    /// Into the log, whose lines are all of one form.
    Log,
}

/// Standard output.
pub struct Console {
    out: BufWriter<Stdout>,
    pub palette: Palette,
    /// Looks for what goes to standard error.
    pub notes: Palette,
    pub notes_to: Notes,
    reader_left: bool,
}

impl Console {
    pub fn new(choice: ColorChoice) -> Console {
        Console {
            out: BufWriter::with_capacity(1 << 16, io::stdout()),
            palette: Palette::choose(choice, &io::stdout()),
            notes: Palette::choose(choice, &io::stderr()),
            notes_to: Notes::Terminal,
            reader_left: false,
        }
    }

    pub fn print(&mut self, text: &str) -> io::Result<()> {
        self.write_all(text.as_bytes())
    }

    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.print(text)?;
        self.print("\n")
    }

    /// Tells the person at the terminal something that is no result.
    pub fn note(&self, text: &str) {
        if self.notes_to == Notes::Log {
            return tracing::info!("{text}");
        }
        let word = self.notes.paint(Look::Note, "note:");
        aside(&format!("{word} {text}"));
    }

    /// Tells why the command ends. If even that can't be said, the exit code still can.
    pub fn error(&self, text: &str) {
        if self.notes_to == Notes::Log {
            return tracing::error!("{text}");
        }
        let word = self.notes.paint(Look::Bad, "error:");
        let _ = writeln!(io::stderr(), "{word} {text}");
    }

    /// Takes what a write has come to; a reader that left is remembered, not reported.
    fn forgive<T>(&mut self, result: io::Result<T>, otherwise: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.reader_left = true;
                Ok(otherwise)
            }
            Err(error) => {
                let said = format!("can't write to standard output: {error}");
                Err(io::Error::new(error.kind(), said))
            }
            result => result,
        }
    }
}

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.reader_left {
            return Ok(bytes.len());
        }
        let result = self.out.write(bytes);
        self.forgive(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.reader_left {
            return Ok(());
        }
        let result = self.out.flush();
        self.forgive(result, ())
    }
}

/// A line on standard error. If even that can't be said, there is nobody to say it to, and
/// no reason to end otherwise than without it.
pub fn aside(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Text from a file or a profile, made fit for a terminal: what would move the cursor or
/// change colours is shown instead of done.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if is_disguise(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Control characters, and those that reorder what stands around them.
fn is_disguise(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_take_over_a_terminal() {
        assert_eq!(printable("a\x1b[31mb\nc\u{202e}d 絵"), "a\u{fffd}[31mb c\u{fffd}d 絵");
    }

    #[test]
    fn plain_text_stays_plain() {
        assert_eq!(Palette::Plain.paint(Look::Bad, "x"), "x");
        assert_eq!(Palette::Colors.paint(Look::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
