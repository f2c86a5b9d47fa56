//! Where secrets are found: `env:NAME` is a variable, `file:PATH` a file. Messages name
//! the variable or the file, and never what stands in place of a name.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use crate::folder;
use crate::simulation::outbound::{LateSecret, Secret};

/// Looks an environment variable up.
pub type Variable = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// Where names lead.
#[derive(Clone)]
pub struct Secrets {
    pub variable: Arc<Variable>,
    /// What the paths of files begin at: the folder of the configuration.
    pub folder: PathBuf,
}

impl Secrets {
    /// What the value of a key names. Only the name is judged here: it is looked up when the
    /// secret is first used.
    pub fn find(&self, key: &str, name: &str) -> Result<LateSecret, String> {
        let (secrets, key) = (self.clone(), key.to_owned());
        if let Some(variable) = name.strip_prefix("env:") {
            let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
            // What can't be a name may be the secret.
            if variable.is_empty()
                || !variable.chars().all(letters)
                || variable.starts_with(char::is_numeric)
            {
                return Err(format!(
                    "`{key}`: after `env:` comes the name of an environment variable, such as \
                     CRM_PASSWORD"
                ));
            }
            let variable = variable.to_owned();
            return Ok(LateSecret::new(move || secrets.in_variable(&key, &variable)));
        }
        if let Some(path) = name.strip_prefix("file:") {
            if path.is_empty() {
                return Err(format!("`{key}`: after `file:` comes the path of a file"));
            }
            let path = path.to_owned();
            return Ok(LateSecret::new(move || secrets.in_file(&key, &path)));
        }
        Err(format!(
            "`{key}` is written out, and secrets are only named here: put it into an \
             environment variable and write \"env:NAME\", or into a file and write \
             \"file:PATH\""
        ))
    }

    fn in_variable(&self, key: &str, name: &str) -> Result<Secret, String> {
        let cant = |why| format!("`{key}`: the environment variable `{name}` {why}");
        let value = (self.variable)(name).ok_or_else(|| cant("is not set"))?;
        let value = value.into_string().map_err(|_| cant("is not UTF-8"))?;
        if value.is_empty() { Err(cant("is empty")) } else { Ok(Secret::new(value)) }
    }

    fn in_file(&self, key: &str, path: &str) -> Result<Secret, String> {
        let cant = |why| format!("`{key}`: can't read the file `{path}`: {why}");
        let mut value = folder::text(&self.folder.join(path)).map_err(cant)?;
        // Editors end the last line; the secret has no end of a line.
        let end =
            value.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text).len());
        value.truncate(end.unwrap_or(value.len()));
        if value.is_empty() {
            return Err(cant("it is empty".to_owned()));
        }
        Ok(Secret::new(value))
    }
}
