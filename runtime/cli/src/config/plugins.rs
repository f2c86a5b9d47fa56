//! The tables `[plugin.NAME]`: how a plugin is run, and the settings of a backend or channel.
//!
//! Settings are the plugin's own business, and handed over as they stand, but for texts that
//! name a secret: what `env:NAME` and `file:PATH` name is put in when the plugin is created.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value as Json;

use super::secrets::Secrets;
use super::table::{Faults, Table};
use crate::folder;
use crate::plugins::{Isolated, patience};

const KEYS: [&str; 3] = ["isolation", "timeout", "settings"];

/// What the file says of one plugin.
#[derive(Clone)]
pub struct Plugin {
    pub isolation: Option<Isolated>,
    pub timeout: Option<Duration>,
    /// With the names of secrets in place of secrets.
    settings: Json,
    secrets: Secrets,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plugin { isolation, timeout, settings, .. } = self;
        write!(
            f,
            "Plugin {{ isolation: {isolation:?}, timeout: {timeout:?}, settings: {settings} }}"
        )
    }
}

impl Plugin {
    /// The settings, with the secrets that they name.
    pub fn settings(&self) -> Result<Json, String> {
        let mut settings = self.settings.clone();
        self.put_in(&mut settings)?;
        Ok(settings)
    }

    fn put_in(&self, settings: &mut Json) -> Result<(), String> {
        match settings {
            Json::Array(items) => items.iter_mut().try_for_each(|item| self.put_in(item)),
            Json::Object(object) => object.values_mut().try_for_each(|value| self.put_in(value)),
            Json::String(text) => {
                if let Some(name) = text.strip_prefix("env:") {
                    let value = (self.secrets.variable)(name)
                        .and_then(|value| value.into_string().ok())
                        .ok_or_else(|| {
                            format!("the environment variable `{name}` is not set, or no text")
                        })?;
                    *text = value;
                } else if let Some(path) = text.strip_prefix("file:") {
                    let found = folder::text(&self.secrets.folder.join(path))
                        .map_err(|why| format!("can't read the file `{path}`: {why}"))?;
                    *text = found.trim_end_matches(['\r', '\n']).to_owned();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

pub fn read(all: &Table<'_>, secrets: &Secrets, faults: &mut Faults) -> BTreeMap<String, Plugin> {
    let mut plugins = BTreeMap::new();
    for one in &all.values {
        let Some(table) = faults.take(one.table(format!("[plugin.{}]", one.key))) else {
            continue;
        };
        let (mut isolation, mut timeout) = (None, None);
        let mut settings = Json::Object(serde_json::Map::new());
        for value in &table.values {
            match value.key {
                "isolation" => {
                    let words = [("none", Isolated::None), ("process", Isolated::Process)];
                    isolation = faults.take(value.one_of(&words));
                }
                "timeout" => timeout = faults.take(value.parsed(patience)),
                "settings" => {
                    let name = format!("[plugin.{}.settings]", one.key);
                    if faults.take(value.table(name)).is_some() {
                        settings = faults.take(value.json()).unwrap_or(settings);
                    }
                }
                _ => faults.push(table.unknown(value, &KEYS)),
            }
        }
        let secrets = secrets.clone();
        plugins.insert(one.key.to_owned(), Plugin { isolation, timeout, settings, secrets });
    }
    plugins
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::sync::Arc;

    use super::super::{Config, read};
    use super::*;

    fn reading(text: &str) -> Result<Config, String> {
        let variable = |name: &str| (name == "CRM_KEY").then(|| OsString::from("hunter2"));
        let secrets = Secrets { variable: Arc::new(variable), folder: "".into() };
        read(text, &secrets).map_err(|faults| {
            faults.into_iter().map(|fault| fault.said).collect::<Vec<_>>().join("\n")
        })
    }

    #[test]
    fn a_plugin_is_run_as_the_file_says_and_given_its_secrets_when_it_is_created() {
        let text = "[plugin.crm]\nisolation = 'process'\ntimeout = '2s'\n\
                    [plugin.crm.settings]\nkey = 'env:CRM_KEY'\nretries = 3\nrate = 0.5\non = true\n\
                    hosts = ['a', 'env:CRM_KEY']\n[plugin.crm.settings.deep]\nx = 'y'\n";
        let config = reading(text).unwrap();
        let crm = &config.plugins["crm"];
        assert_eq!(crm.isolation, Some(Isolated::Process));
        assert_eq!(crm.timeout, Some(Duration::from_secs(2)));
        let expected = serde_json::json!({
            "key": "hunter2", "retries": 3, "rate": 0.5, "on": true,
            "hosts": ["a", "hunter2"], "deep": { "x": "y" },
        });
        assert_eq!(crm.settings().unwrap(), expected);
        assert!(!format!("{crm:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, expected) in [
            ("[plugin.crm]\nisolation = 'vm'", "`isolation` is one of \"none\", \"process\""),
            ("[plugin.crm]\ntimeout = 'soon'", "is not a duration"),
            ("[plugin.crm]\ntimeout = '0s'", "a plugin needs some time"),
            ("[plugin.crm]\nsettings = 5", "a table belongs here"),
            ("[plugin.crm]\nsetings = {}", "did you mean `settings`?"),
            ("[plugin.crm.settings]\nat = 2026-01-01", "a moment"),
        ] {
            let said = reading(text).unwrap_err();
            assert!(said.contains(expected), "{text}: {said}");
        }
        let config = reading("[plugin.crm.settings]\nkey = 'env:NONE'").unwrap();
        assert!(config.plugins["crm"].settings().unwrap_err().contains("`NONE` is not set"));
    }
}
