//! The files beside a Canvas: what `body_file` and Content Blocks may name.
//!
//! A Canvas can't be used to read the rest of the machine: only files below its own
//! folder are read, links that lead out of it included, and only up to a size.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use flowrun_canvas::Files;

/// The largest file that is read beside a Canvas, and the largest Canvas, in bytes.
pub const LARGEST: u64 = 1 << 20;

const BLOCKS: &str = "content_blocks";
const BLOCK_ENDINGS: [&str; 4] = [".liquid", ".html", ".txt", ""];

/// The folder of a Canvas.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    pub fn of(canvas: &Path) -> Folder {
        let parent = canvas.parent().filter(|parent| !parent.as_os_str().is_empty());
        Folder { path: parent.unwrap_or(Path::new(".")).to_owned() }
    }

    pub fn at(path: &Path) -> Folder {
        Folder { path: path.to_owned() }
    }

    /// All Content Blocks with their texts, for templates that stand in no Canvas.
    pub fn blocks(&self) -> BTreeMap<String, String> {
        let names = self.block_names().into_iter();
        names.filter_map(|name| self.block(&name).map(|text| (name, text))).collect()
    }
}

impl Files for Folder {
    fn read(&self, relative: &str) -> Result<String, String> {
        let inside = Path::new(relative);
        if relative.is_empty() {
            return Err("the name of the file is empty".to_owned());
        }
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if !inside.components().all(plain) || relative.contains(['\\', '\0']) {
            return Err("only files in the folder of the Canvas or below it are read".to_owned());
        }
        let root = self.path.canonicalize().map_err(|error| said(&error))?;
        let path = root.join(inside).canonicalize().map_err(|error| said(&error))?;
        if !path.starts_with(&root) {
            return Err("it is a link that leads out of the folder of the Canvas".to_owned());
        }
        if !fs::metadata(&path).map_err(|error| said(&error))?.is_file() {
            return Err("it is not a file".to_owned());
        }
        text(&path)
    }

    fn block(&self, name: &str) -> Option<String> {
        // A block's name is a file's name, never a way.
        if name.contains('/') {
            return None;
        }
        let mut endings = BLOCK_ENDINGS.iter();
        endings.find_map(|ending| self.read(&format!("{BLOCKS}/{name}{ending}")).ok())
    }

    fn block_names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path.join(BLOCKS)) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .map(|name| {
                let endings = BLOCK_ENDINGS.iter().filter(|ending| !ending.is_empty());
                let stem = endings.into_iter().find_map(|ending| name.strip_suffix(ending));
                stem.map_or(name.clone(), str::to_owned)
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// A file of text that is not too large, or why there is none.
pub fn text(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| said(&error))?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| said(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err("it is larger than 1 MiB".to_owned());
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("it is not UTF-8 (byte {})", error.utf8_error().valid_up_to()))
}

/// An error of the system as the end of a sentence.
pub fn said(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "reading it is not permitted".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        std::io::ErrorKind::NotADirectory => "a part of the path is no folder".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_in_the_folder_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("flows");
        fs::create_dir_all(root.join(BLOCKS)).unwrap();
        fs::create_dir_all(root.join("texts")).unwrap();
        fs::write(dir.path().join("secret"), "no").unwrap();
        fs::write(root.join("texts/a.liquid"), "yes").unwrap();
        fs::write(root.join("binary"), [0xff, 0xfe]).unwrap();
        fs::write(root.join("large"), vec![b'x'; LARGEST as usize + 1]).unwrap();
        fs::write(root.join(BLOCKS).join("foot.html"), "foot").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(dir.path().join("secret"), root.join("link")).unwrap();
        let folder = Folder::of(&root.join("vip.yaml"));

        assert_eq!(folder.read("texts/a.liquid").as_deref(), Ok("yes"));
        assert_eq!(folder.read("./texts/a.liquid").as_deref(), Ok("yes"));
        for (path, expected) in [
            ("", "empty"),
            ("../secret", "only files in the folder"),
            ("texts/../../secret", "only files in the folder"),
            ("/etc/hostname", "only files in the folder"),
            ("..\\secret", "only files in the folder"),
            ("none", "no such file"),
            ("texts", "not a file"),
            ("binary", "not UTF-8"),
            ("large", "larger than 1 MiB"),
            #[cfg(unix)]
            ("link", "leads out"),
        ] {
            let error = folder.read(path).unwrap_err();
            assert!(error.contains(expected), "{path}: {error}");
        }
        assert_eq!(folder.block("foot").as_deref(), Some("foot"));
        assert_eq!(folder.block("../secret"), None);
        assert_eq!(folder.block_names(), ["foot"]);
    }
}
