//! The folder of installed plugins: a library and a manifest for each.
//!
//! A library runs code as soon as it is opened, so what a Canvas names is held against its
//! manifest before that. The manifest has all that tools want to know of a plugin; a library is
//! opened when a Canvas uses it, and not because it lies there.

use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

use flowrun_sdk::plugin::abi::PluginKind;
use flowrun_sdk::{Fault, Kind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::description::{Description, is_name};
use crate::plugin::{Options, Plugin};

/// What the name of a manifest ends in, after the plugin's name.
const ENDING: &str = ".plugin.json";
/// The longest manifest, in bytes.
const LONGEST: u64 = 2 << 20;

/// A folder that was found fit to hold plugins.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// A manifest as it stands in its file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    kind: PluginKind,
    /// Major and minor.
    abi: (u16, u16),
    /// The library, in the same folder.
    file: String,
    sha256: String,
    /// What the plugin says of itself, so that nobody has to open it for that.
    describes: Box<RawValue>,
}

/// A plugin of a folder, as its manifest has it; not opened.
#[derive(Clone, Debug)]
pub struct Installed {
    folder: PathBuf,
    file: PathBuf,
    sha256: String,
    abi: (u16, u16),
    description: Description,
}

impl Folder {
    /// Refuses a folder into which everybody may write.
    pub fn open(path: &Path) -> Result<Folder, Error> {
        let path = path.canonicalize().map_err(|error| unreadable(path, &error))?;
        if !path.is_dir() {
            return Err(not_trusted(&path, "it is no folder"));
        }
        refuse_if_open_to_all(&path)?;
        Ok(Folder { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All plugins in the order of their names; what is wrong with a manifest in its place.
    pub fn plugins(&self) -> Vec<Result<Installed, Error>> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(ENDING).map(str::to_owned))
            .collect();
        names.sort();
        names.iter().map(|name| self.manifest(name)).collect()
    }

    /// The plugin of this name, if its manifest is there.
    pub fn find(&self, name: &str) -> Option<Result<Installed, Error>> {
        let there = is_name(name) && self.path.join(format!("{name}{ENDING}")).exists();
        there.then(|| self.manifest(name))
    }

    fn manifest(&self, name: &str) -> Result<Installed, Error> {
        let path = self.path.join(format!("{name}{ENDING}"));
        let wrong = |why: String| not_trusted(&path, &why);
        let path = self.inside(&path)?;
        let length = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?.len();
        if length > LONGEST {
            return Err(wrong("its manifest is larger than 2 MiB".to_owned()));
        }
        let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        let written: Written = serde_json::from_str(&text)
            .map_err(|error| wrong(format!("its manifest is wrong: {error}")))?;
        let Written { name: said, kind, abi, file, sha256, describes } = written;
        let description = Description::read(kind, describes.get().as_bytes()).map_err(wrong)?;
        if said != name || description.name() != name {
            return Err(wrong(format!("its manifest is that of `{said}`")));
        }
        let file = PathBuf::from(file);
        let mut parts = file.components();
        if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
            return Err(wrong("its manifest names a file that is not beside it".to_owned()));
        }
        let file = self.path.join(file);
        Ok(Installed { folder: self.path.clone(), file, sha256, abi, description })
    }

    /// A file of the folder, refused if it is a link that leads out, or open to all.
    fn inside(&self, path: &Path) -> Result<PathBuf, Error> {
        inside(&self.path, path)
    }

    /// Copies the library of a plugin into the folder, which is made if need be, and writes its
    /// manifest.
    pub fn install(path: &Path, plugin: &Plugin) -> Result<Installed, Error> {
        let file = plugin.path();
        let bytes = fs::read(file).map_err(|error| unreadable(file, &error))?;
        fs::create_dir_all(path).map_err(|error| unreadable(path, &error))?;
        let folder = Folder::open(path)?;
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or("so");
        let name = plugin.name();
        let library = format!("{name}.{ending}");
        let describes = serde_json::value::to_raw_value(plugin.description())
            .map_err(|error| not_trusted(file, &error.to_string()))?;
        let written = Written {
            name: name.to_owned(),
            kind: plugin.kind(),
            abi: plugin.abi(),
            file: library.clone(),
            sha256: hash(&bytes),
            describes,
        };
        let manifest = serde_json::to_string_pretty(&written)
            .map_err(|error| not_trusted(file, &error.to_string()))?;
        folder.put(&library, &bytes)?;
        folder.put(&format!("{name}{ENDING}"), format!("{manifest}\n").as_bytes())?;
        folder.manifest(name)
    }

    /// Puts a file in its place at once: who has the old one open keeps it whole.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let (path, new) = (self.path.join(name), self.path.join(format!(".{name}.new")));
        let write = || -> io::Result<()> {
            let mut file = fs::File::create(&new)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&new, &path)
        };
        write().map_err(|error| unreadable(&path, &error))
    }
}

impl Installed {
    pub fn name(&self) -> &str {
        self.description.name()
    }

    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The library.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Major and minor version of the ABI that it was built for.
    pub fn abi(&self) -> (u16, u16) {
        self.abi
    }

    /// Opens the library, if it is the one that was installed.
    pub fn load(&self, options: &Options) -> Result<Plugin, Error> {
        let wrong = |why: String| not_trusted(&self.file, &why);
        let again = "install it again with `flowrun plugin install` if that is right";
        refuse_if_open_to_all(&self.folder)?;
        let file = inside(&self.folder, &self.file)?;
        let bytes = fs::read(&file).map_err(|error| unreadable(&file, &error))?;
        if hash(&bytes) != self.sha256 {
            let said = "its SHA-256 is not that of its manifest, so it is not what was installed";
            return Err(wrong(format!("{said}; {again}")));
        }
        let (major, minor) = self.abi;
        let ours = flowrun_sdk::plugin::abi::MAJOR;
        if major != ours {
            let ours = format!("{ours}.{}", flowrun_sdk::plugin::abi::MINOR);
            let theirs = format!("{major}.{minor}");
            return Err(Error::OtherAbi { path: file, theirs, ours });
        }
        let plugin = Plugin::open(&file, options)?;
        if *plugin.description() != self.description {
            return Err(wrong(format!("it is another than its manifest says; {again}")));
        }
        Ok(plugin)
    }

    /// The kind of step that it is; opened when the first one is created.
    pub fn step_kind(&self, options: &Options) -> Option<Kind> {
        let Description::Step(step) = &self.description else { return None };
        let (installed, options) = (self.clone(), options.clone());
        let opened: OnceLock<Result<Kind, String>> = OnceLock::new();
        let open = move || {
            let plugin = installed.load(&options).map_err(|error| error.to_string())?;
            Arc::new(plugin).step_kind().ok_or_else(|| "it is no step any more".to_owned())
        };
        let create = move |settings| match opened.get_or_init(&open) {
            Ok(kind) => kind.create(settings),
            Err(why) => Err(vec![Fault::error("", why.clone())]),
        };
        Some(Kind::new(step.declaration.clone(), step.settings.clone(), create))
    }
}

/// SHA-256, in hexadecimal digits.
pub(crate) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn inside(folder: &Path, path: &Path) -> Result<PathBuf, Error> {
    let full = path.canonicalize().map_err(|error| unreadable(path, &error))?;
    if !full.starts_with(folder) {
        return Err(not_trusted(path, "it is a link that leads out of the plugin folder"));
    }
    if !full.is_file() {
        return Err(not_trusted(path, "it is no file"));
    }
    refuse_if_open_to_all(&full)?;
    Ok(full)
}

#[cfg(unix)]
fn refuse_if_open_to_all(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).map_err(|error| unreadable(path, &error))?.permissions().mode();
    match mode & 0o002 {
        0 => Ok(()),
        _ => Err(not_trusted(path, "everybody may write to it: take that away with `chmod o-w`")),
    }
}

#[cfg(not(unix))]
fn refuse_if_open_to_all(_: &Path) -> Result<(), Error> {
    Ok(())
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::Unreadable { path: path.to_owned(), why: error.to_string() }
}

fn not_trusted(path: &Path, why: &str) -> Error {
    Error::NotTrusted { path: path.to_owned(), why: why.to_owned() }
}
