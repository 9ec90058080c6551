//! A directory on disk, read as if it were a layer: for images that someone has unpacked.

use crate::extractor::Extractor;
use crate::gather::Gather;
use crate::layer::LayerInventory;
use api_vocab::{Problem, ProblemCode};
use scanner_rootfs::{Budget, Clock};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// What the kernel shows below the root of a running system is not on its disk.
const NOT_ON_DISK: [&str; 3] = ["dev", "proc", "sys"];

/// Reads the tree below `root`. Links are never followed, neither out of the root nor within it;
/// what cannot be opened is a problem of the result.
///
/// # Errors
/// `root` is not a directory that can be read.
pub fn extract_directory(
    root: &Path,
    extractors: &[Box<dyn Extractor>],
    budget: &Budget,
    clock: Clock<'_>,
) -> io::Result<LayerInventory> {
    // A link to the root itself is the caller's own, and is followed.
    let root = fs::canonicalize(root)?;
    let first = names(&root)?;
    let gather = Gather::new(extractors, budget, clock);
    let mut walk = Walk { root: &root, budget, clock, gather, entries: 0, bytes: 0, open: Vec::new() };
    walk.open.push((String::new(), first));
    while walk.step() {}
    Ok(LayerInventory { size: walk.bytes, ..walk.gather.finish() })
}

struct Walk<'w> {
    root: &'w Path,
    budget: &'w Budget,
    clock: Clock<'w>,
    gather: Gather<'w>,
    entries: u64,
    bytes: u64,
    /// Folders on the way down, and the names in each that are still to be visited, the next last.
    open: Vec<(String, Vec<String>)>,
}

impl Walk<'_> {
    /// Visits one entry; false at the end.
    fn step(&mut self) -> bool {
        let Some((folder, left)) = self.open.last_mut() else { return false };
        let Some(name) = left.pop() else {
            self.open.pop();
            return true;
        };
        if folder.is_empty() && NOT_ON_DISK.contains(&name.as_str()) {
            return true;
        }
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if let Some((code, detail)) = self.over_budget() {
            self.gather.problem(Problem::new(code, "", detail));
            return false;
        }
        if let Err(error) = self.visit(&path) {
            self.gather.problem(Problem::new(ProblemCode::Malformed, &path, format!("cannot read: {error}")));
        }
        true
    }

    fn over_budget(&mut self) -> Option<(ProblemCode, &'static str)> {
        self.entries += 1;
        if self.entries > self.budget.entries {
            return Some((ProblemCode::TooManyEntries, "more entries than we read"));
        }
        if self.bytes > self.budget.bytes {
            return Some((ProblemCode::TooLarge, "more bytes than we read"));
        }
        let late = (self.clock)() > self.budget.time;
        late.then_some((ProblemCode::TimeExceeded, "takes longer than a layer may"))
    }

    fn visit(&mut self, path: &str) -> io::Result<()> {
        if path.len() > self.budget.path || self.open.len() > self.budget.depth {
            self.gather.problem(Problem::new(ProblemCode::PathTooLong, path, "too long or too deep"));
            return Ok(());
        }
        let full = self.root.join(path);
        let seen = fs::symlink_metadata(&full)?;
        if seen.is_dir() {
            self.gather.folder(path);
            self.open.push((path.to_owned(), names(&full)?));
        } else if seen.is_symlink() {
            self.gather.symlink(path, &fs::read_link(&full)?.to_string_lossy());
        } else if seen.is_file() {
            self.file(path, &full, &seen)?;
        } else {
            self.gather.other(path);
        }
        Ok(())
    }

    fn file(&mut self, path: &str, full: &Path, seen: &Metadata) -> io::Result<()> {
        let mut content = Lazy { path: full, seen, file: None, read: 0, limit: self.budget.file };
        let executable = seen.permissions().mode() & 0o111 != 0;
        self.gather.file(path, seen.len(), executable, &mut content);
        self.bytes = self.bytes.saturating_add(content.read);
        Ok(())
    }
}

/// The names in a folder, in reverse order; those that are not UTF-8 as well as they can be shown.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

/// A file that is opened when it is first read: most never are.
struct Lazy<'f> {
    path: &'f Path,
    seen: &'f Metadata,
    file: Option<File>,
    read: u64,
    limit: u64,
}

impl Read for Lazy<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.read > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open_same(self.path, self.seen)?),
        };
        let count = file.read(out)?;
        self.read += count as u64;
        Ok(count)
    }
}

/// Opens the file that was seen, and not what someone has put in its place since.
fn open_same(path: &Path, seen: &Metadata) -> io::Result<File> {
    let file = File::open(path)?;
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) == (seen.dev(), seen.ino()) {
        Ok(file)
    } else {
        Err(io::Error::other("was replaced while it was read"))
    }
}
