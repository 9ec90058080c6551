//! The door that every extractor has: which paths it wants, and what it makes of a file.

use crate::owned::OwnedFiles;
use api_vocab::{Distro, Package, Problem};
use std::io::Read;

/// A reader of one kind of file. It parses what it is handed; opening, limiting and timing are
/// the caller's.
pub trait Extractor: Send + Sync {
    /// Its name, as `dpkg`: lower case, a folder of this crate.
    fn name(&self) -> &'static str;

    /// Raised whenever the same file would give another result.
    fn version(&self) -> u32;

    /// Whose packages these are.
    fn scope(&self) -> Scope;

    /// Whether a file at `path` is for this extractor. By path alone (no leading slash, `/`
    /// between parts), so that an upper layer's entry of any kind at that path is known to
    /// replace it.
    fn wants(&self, path: &str) -> bool;

    /// Packages and problems of one file. Foreign bytes: never panics, never trusts a length.
    fn extract(&self, file: &mut OpenFile<'_>) -> Extracted;

    /// The role of a file that is to be read together with another one. By path alone.
    fn role<'p>(&self, path: &'p str) -> Option<FileInPair<'p>> {
        let _ = path;
        None
    }

    /// What a database says together with its log; nothing where the log has nothing to add.
    fn extract_pair(&self, base: Vec<u8>, log: &mut OpenFile<'_>) -> Extracted {
        drop(base);
        self.extract(log)
    }
}

/// The role of a file in a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileInPair<'p> {
    /// A database.
    Base,
    /// Changes that the database at `base` does not have yet.
    Log {
        /// The database's path.
        base: &'p str,
    },
}

/// Whose packages an extractor finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The distribution's: filed under its ecosystem once the image's os-release is known.
    Distribution,
    /// A language's: the ecosystem is known at once.
    Language,
}

/// A regular file, open for one read from start to end.
pub struct OpenFile<'a> {
    /// Path within the image, no leading slash.
    pub path: &'a str,
    /// Size in bytes as the layer states it.
    pub size: u64,
    /// Whether any execute bit is set.
    pub executable: bool,
    /// The content; ends early with an error where the budget ends.
    pub content: &'a mut dyn Read,
}

/// What one file gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extracted {
    /// Packages, in the file's order. Those of scope [`Scope::Distribution`] carry their family
    /// without a release until the layers are stacked.
    pub packages: Vec<ExtractedPackage>,
    /// Files of the distribution's packages, from its databases only.
    pub owned: Vec<OwnedFiles>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// The distribution, from os-release only.
    pub distro: Option<Distro>,
}

/// A package, and what only its file knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtractedPackage {
    /// The package.
    pub package: Package,
    /// Where inside the file, for archives within archives: `lib/y.jar`.
    pub nested: Option<Box<str>>,
    /// Licences as stated.
    pub licenses: Vec<Box<str>>,
}

impl From<Package> for ExtractedPackage {
    fn from(package: Package) -> Self {
        ExtractedPackage { package, nested: None, licenses: Vec::new() }
    }
}

impl Extracted {
    /// Nothing but one problem.
    pub fn failed(problem: Problem) -> Self {
        Extracted { problems: vec![problem], ..Extracted::default() }
    }
}

impl OpenFile<'_> {
    /// Read everything, at most `max` bytes.
    ///
    /// # Errors
    /// A problem that names the file: too large, truncated, or whatever the budget says.
    pub fn read_all(&mut self, max: u64) -> Result<Vec<u8>, Problem> {
        crate::budget::read_all(self, max)
    }
}
