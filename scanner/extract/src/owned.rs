//! Which files of a distribution's package matter: those from which packages of languages are read.

use crate::extractor::Extractor;
use crate::java::Java;
use crate::node::Node;
use crate::python::Python;
use crate::weight;
use std::borrow::Cow;

/// A distribution's package, and those of its files from which packages of languages are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedFiles {
    /// The package's name.
    pub owner: Box<str>,
    /// Paths of the files as the distribution writes them, no leading slash.
    pub paths: Vec<Box<str>>,
}

/// Longer paths are none of a real file.
const LONGEST: usize = 4096;
/// Memory, roughly, for the paths of one package.
const MAX_BYTES: usize = 16 << 20;

/// Those files of one package that matter, within bounds: a list repeats a folder's name with each
/// file, so that a short text could make a long list.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    list: Vec<Box<str>>,
    bytes: usize,
}

impl Paths {
    /// Keep the file `name` in `folder`, which ends with a slash or is empty, if it matters.
    pub(crate) fn add(&mut self, folder: &str, name: &str) {
        if folder.len().saturating_add(name.len()) > LONGEST {
            return;
        }
        let joined = if folder.is_empty() { Cow::from(name) } else { Cow::from(format!("{folder}{name}")) };
        let path = relative(&joined);
        let bytes = self.bytes.saturating_add(weight::of_text(path));
        if is_wanted(path) && bytes <= MAX_BYTES {
            self.bytes = bytes;
            self.list.push(path.into());
        }
    }
}

impl IntoIterator for Paths {
    type Item = Box<str>;
    type IntoIter = std::vec::IntoIter<Box<str>>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

/// Whether a package of a language may be read from the file at `path`. Programs are left out: what
/// is linked into one has versions of its own.
fn is_wanted(path: &str) -> bool {
    Python.wants(path) || Node.wants(path) || Java.wants(path)
}

/// Whether a file of this name, in whatever folder, may be wanted: spares putting paths together.
pub(crate) fn is_named_like_one(name: &str) -> bool {
    matches!(name, "METADATA" | "PKG-INFO" | "package.json")
        || name.ends_with(".egg-info")
        || Java.wants(name)
}

/// The path of a file as a distribution lists it, with or without the slash in front.
fn relative(path: &str) -> &str {
    path.trim_start_matches("./").trim_start_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_tell_of_packages_are_wanted_by_path_and_by_name() {
        for path in [
            "usr/lib/python3/dist-packages/six-1.16.0.egg-info",
            "usr/lib/python3/dist-packages/requests-2.28.1.egg-info/PKG-INFO",
            "usr/lib/python3.11/site-packages/idna-3.4.dist-info/METADATA",
            "usr/lib/node_modules/npm/package.json",
            "usr/share/java/commons-io-2.11.0.jar",
        ] {
            assert!(is_wanted(path) && is_named_like_one(path.rsplit('/').next().unwrap()), "{path}");
        }
        for path in ["usr/bin/docker", "usr/share/doc/six/METADATA", "usr/share/nodejs/a/package.json"] {
            assert!(!is_wanted(path), "{path}");
        }
    }
}
