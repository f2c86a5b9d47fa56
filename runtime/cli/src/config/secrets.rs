//! Where secrets are found: `env:NAME` is a variable, `file:PATH` a file. Messages name
//! the variable or the file, and never what stands in place of a name.

use std::ffi::OsString;
use std::path::Path;

use crate::folder;
use crate::simulation::outbound::Secret;

/// Where names lead.
pub struct Secrets<'a> {
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// What the paths of files begin at: the folder of the configuration.
    pub folder: &'a Path,
}

impl Secrets<'_> {
    /// What the value of a key names.
    pub fn find(&self, key: &str, name: &str) -> Result<Secret, String> {
        let found = if let Some(variable) = name.strip_prefix("env:") {
            self.in_variable(key, variable)?
        } else if let Some(path) = name.strip_prefix("file:") {
            self.in_file(key, path)?
        } else {
            return Err(format!(
                "`{key}` is written out, and secrets are only named here: put it into an \
                 environment variable and write \"env:NAME\", or into a file and write \
                 \"file:PATH\""
            ));
        };
        Ok(Secret::new(found))
    }

    fn in_variable(&self, key: &str, name: &str) -> Result<String, String> {
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        // What can't be a name may be the secret.
        if name.is_empty() || !name.chars().all(letters) || name.starts_with(char::is_numeric) {
            return Err(format!(
                "`{key}`: after `env:` comes the name of an environment variable, such as \
                 CRM_PASSWORD"
            ));
        }
        let cant = |why| format!("`{key}`: the environment variable `{name}` {why}");
        let value = (self.variable)(name).ok_or_else(|| cant("is not set"))?;
        let value = value.into_string().map_err(|_| cant("is not UTF-8"))?;
        if value.is_empty() { Err(cant("is empty")) } else { Ok(value) }
    }

    fn in_file(&self, key: &str, path: &str) -> Result<String, String> {
        let cant = |why| format!("`{key}`: can't read the file `{path}`: {why}");
        let mut value = folder::text(&self.folder.join(path)).map_err(cant)?;
        // Editors end the last line; the secret has no end of a line.
        let end =
            value.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text).len());
        value.truncate(end.unwrap_or(value.len()));
        if value.is_empty() { Err(cant("it is empty".to_owned())) } else { Ok(value) }
    }
}
