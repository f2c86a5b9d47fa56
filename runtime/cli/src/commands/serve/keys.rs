//! Who may use the server: keys of the configuration, the one of the environment, or a new one.

use anyhow::{anyhow, bail};
use flowrun_server::keys::Stored;
use flowrun_server::{Keys, Token};

use crate::config::Config;
use crate::console::Console;

/// One key that may do everything.
const VARIABLE: &str = "FLOWRUN_SERVE_KEY";

pub fn find(config: &Config, console: &Console) -> anyhow::Result<Keys> {
    let written =
        Keys::new(config.keys.clone()).map_err(|error| anyhow!("flowrun.toml: {error}"))?;
    let full = match std::env::var(VARIABLE) {
        Ok(text) => {
            let token = Token::new(&text).map_err(|error| anyhow!("{VARIABLE}: {error}"))?;
            if token.is_weak() {
                console.note(&format!("the key in {VARIABLE} is short: fit for trying things out"));
            }
            Some(Keys::full(&token))
        }
        Err(std::env::VarError::NotPresent) => None,
        Err(std::env::VarError::NotUnicode(_)) => bail!("{VARIABLE} is not UTF-8"),
    };
    match full {
        Some(full) => Ok(written.and(full)?),
        None if !written.is_empty() => Ok(written),
        None => {
            let Stored { keys, made } = Stored::passing()?;
            if let Some(token) = made {
                // Not through a note's filter, and never again.
                eprintln!("key (shown this once, good until exit): {}", token.reveal());
            }
            Ok(keys)
        }
    }
}
