//! The key that is made where nobody brought one: its hash stays in the state folder, the token is shown once.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::{Digest, Error, Keys, Token};
use crate::keys::{Key, Permissions};

/// The file in the state folder.
const FILE: &str = "serve.key.sha256";

/// A key that may do everything, kept in a folder.
#[derive(Debug)]
pub struct Stored {
    pub keys: Keys,
    /// The token, if it was made just now. This is the only time that anybody can see it.
    pub made: Option<Token>,
}

impl Stored {
    /// Reads the key of a state folder; makes one if there is none. Deleting the file makes a new one at the next start.
    pub fn open(state: &Path) -> Result<Stored, Error> {
        let path = state.join(FILE);
        let wrong = |cause: String| Error::Stored { path: path.display().to_string(), cause };
        match fs::read_to_string(&path) {
            Ok(text) => {
                let digest = Digest::from_hex(text.trim()).map_err(|_| {
                    wrong("it holds no SHA-256; delete it, and a new key is made".into())
                })?;
                Ok(Stored { keys: keys(digest)?, made: None })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = Token::random()?;
                store(state, &path, &token.digest()).map_err(|error| wrong(error.to_string()))?;
                Ok(Stored { keys: keys(token.digest())?, made: Some(token) })
            }
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    /// A key for a server without a state folder: it lasts as long as the process.
    pub fn passing() -> Result<Stored, Error> {
        let token = Token::random()?;
        Ok(Stored { keys: Keys::full(&token), made: Some(token) })
    }
}

fn keys(digest: Digest) -> Result<Keys, Error> {
    Keys::new(vec![Key::new("stored", vec![digest], Permissions::all())?])
}

/// The file is complete before it has its name, and nobody else may read it.
fn store(state: &Path, path: &Path, digest: &Digest) -> io::Result<()> {
    fs::create_dir_all(state)?;
    let half = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&half)?;
    writeln!(file, "{}", digest.hex())?;
    file.sync_all()?;
    fs::rename(&half, path)?;
    File::open(state)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_hash_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let first = Stored::open(&state).unwrap();
        let token = first.made.expect("one was made");
        let again = Stored::open(&state).unwrap();
        assert!(again.made.is_none());
        assert!(again.keys.of(token.reveal().as_bytes()).is_some());
        let kept = fs::read_to_string(state.join(FILE)).unwrap();
        assert!(!kept.contains(token.reveal()));
        fs::write(state.join(FILE), "nonsense").unwrap();
        let error = Stored::open(&state).unwrap_err().to_string();
        assert!(error.contains("delete it") && !error.contains("nonsense"), "{error}");
    }
}
