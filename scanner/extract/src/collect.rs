//! What one extractor has collected from one file, within bounds.

use crate::extractor::{Extracted, ExtractedPackage};
use crate::owned::{OwnedFiles, Paths};
use crate::weight;
use api_vocab::{PackageError, Problem, ProblemCode};

/// More than any distribution has; a file that states more is not a package database.
const MAX_PACKAGES: usize = 100_000;
/// More files that tell of packages than any distribution has.
const MAX_OWNED: usize = 200_000;
/// Memory, roughly, that packages of one file may take: a layer keeps no more by default.
const MAX_PACKAGE_BYTES: usize = 32 << 20;
/// Memory, roughly, for the paths of files that they own.
const MAX_OWNED_BYTES: usize = 16 << 20;
/// One malformed file needs no more explanation than this.
const MAX_PROBLEMS: usize = 64;

/// Packages and problems of the file at a path.
pub(crate) struct Collected<'a> {
    path: &'a str,
    extracted: Extracted,
    owned: usize,
    /// Memory that packages and paths may still take.
    package_bytes: usize,
    owned_bytes: usize,
    full: bool,
}

impl<'a> Collected<'a> {
    /// Nothing yet.
    pub fn new(path: &'a str) -> Self {
        Collected {
            path,
            extracted: Extracted::default(),
            owned: 0,
            package_bytes: MAX_PACKAGE_BYTES,
            owned_bytes: MAX_OWNED_BYTES,
            full: false,
        }
    }

    /// Keep a package, or say why it is none.
    pub fn package(&mut self, package: Result<ExtractedPackage, PackageError>) {
        match package {
            Err(error) => self.problem(ProblemCode::Malformed, error),
            Ok(package) => self.keep(package),
        }
    }

    fn keep(&mut self, package: ExtractedPackage) {
        let left = self.package_bytes.checked_sub(weight::of_package(&package));
        match left.filter(|_| !self.full && self.extracted.packages.len() < MAX_PACKAGES) {
            Some(left) => {
                self.package_bytes = left;
                self.extracted.packages.push(package);
            }
            None if self.full => {}
            None => {
                self.full = true;
                let problem = Problem::new(ProblemCode::TooManyEntries, self.path, "too many packages");
                self.extracted.problems.push(problem);
            }
        }
    }

    /// Keep what a package of the distribution owns.
    pub fn owned(&mut self, owner: &str, paths: Paths) {
        let room = MAX_OWNED - self.owned;
        // Files without a known owner count as nobody's, and what they tell of is matched.
        let paths: Vec<Box<str>> = paths.into_iter().take(room).map_while(|path| self.afford(path)).collect();
        if !paths.is_empty() {
            self.owned += paths.len();
            self.extracted.owned.push(OwnedFiles { owner: owner.into(), paths });
        }
    }

    fn afford(&mut self, path: Box<str>) -> Option<Box<str>> {
        self.owned_bytes = self.owned_bytes.checked_sub(weight::of_text(&path))?;
        Some(path)
    }

    /// Note a problem; past the first few they only count as being there.
    pub fn problem(&mut self, code: ProblemCode, detail: impl std::fmt::Display) {
        if self.extracted.problems.len() < MAX_PROBLEMS {
            self.extracted.problems.push(Problem::new(code, self.path, detail));
        }
    }

    /// Note a problem that is already worded.
    pub fn failed(&mut self, problem: Problem) {
        self.extracted.problems.push(problem);
    }

    /// Whether nothing more is kept.
    pub const fn is_full(&self) -> bool {
        self.full
    }

    /// All of it.
    pub fn finish(self) -> Extracted {
        self.extracted
    }
}
