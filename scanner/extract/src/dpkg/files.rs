//! Lists of a package's files: `info/<package>.list`, one path a line, and `<package>.md5sums`, one
//! checksum and path a line, which images keep that have thrown the lists away.

use super::STATUS_FOLDER;
use crate::collect::Collected;
use crate::extractor::{Extracted, OpenFile};
use crate::lines::{Line, Lines};
use crate::owned::Paths;

const FOLDER: &str = "var/lib/dpkg/info/";
/// As long as a path may be, with a checksum before it.
const LONGEST_LINE: usize = 4096 + 34;
/// Hexadecimal digits of MD5.
const DIGITS: usize = 32;

/// The package whose files are listed at `path`.
pub(super) fn owner(path: &str) -> Option<&str> {
    let name = match (path.strip_prefix(FOLDER), path.strip_prefix(STATUS_FOLDER)) {
        (Some(file), _) => file.strip_suffix(".list").or_else(|| file.strip_suffix(".md5sums"))?,
        (_, Some(file)) => file.strip_suffix(".md5sums")?,
        _ => return None,
    };
    // Packages of several architectures are told apart by a colon.
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

/// Those of `owner`'s files that tell of packages.
pub(super) fn extract(owner: &str, file: &mut OpenFile<'_>) -> Extracted {
    let mut collected = Collected::new(file.path);
    let has_sums = file.path.ends_with(".md5sums");
    let mut lines = Lines::new(file.content, LONGEST_LINE);
    let mut paths = Paths::default();
    loop {
        match lines.next_line() {
            Ok(Some(line)) => paths.add("", path_of(line, has_sums).unwrap_or_default()),
            Ok(None) => break,
            Err(error) => {
                collected.failed(crate::budget::problem_of(file.path, &error));
                break;
            }
        }
    }
    collected.owned(owner, paths);
    collected.finish()
}

fn path_of(line: Line<'_>, has_sums: bool) -> Option<&str> {
    let text = std::str::from_utf8(line.text).ok().filter(|_| !line.cut)?;
    if has_sums { text.get(DIGITS..)?.strip_prefix("  ") } else { Some(text) }
}
