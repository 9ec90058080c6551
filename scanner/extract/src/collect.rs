//! What one extractor has collected from one file, within bounds.

use crate::extractor::{Extracted, ExtractedPackage};
use crate::owned::OwnedFiles;
use api_vocab::{PackageError, Problem, ProblemCode};

/// More than any distribution has; a file that states more is not a package database.
const MAX_PACKAGES: usize = 200_000;
/// More files that tell of packages than any distribution has.
const MAX_OWNED: usize = 200_000;
/// One malformed file needs no more explanation than this.
const MAX_PROBLEMS: usize = 64;

/// Packages and problems of the file at a path.
pub(crate) struct Collected<'a> {
    path: &'a str,
    extracted: Extracted,
    owned: usize,
    full: bool,
}

impl<'a> Collected<'a> {
    /// Nothing yet.
    pub fn new(path: &'a str) -> Self {
        Collected { path, extracted: Extracted::default(), owned: 0, full: false }
    }

    /// Keep a package, or say why it is none.
    pub fn package(&mut self, package: Result<ExtractedPackage, PackageError>) {
        match package {
            Err(error) => self.problem(ProblemCode::Malformed, error),
            Ok(_) if self.extracted.packages.len() >= MAX_PACKAGES => {
                if !self.full {
                    self.full = true;
                    let problem = Problem::new(ProblemCode::TooManyEntries, self.path, "too many packages");
                    self.extracted.problems.push(problem);
                }
            }
            Ok(package) => self.extracted.packages.push(package),
        }
    }

    /// Keep what a package of the distribution owns.
    pub fn owned(&mut self, owner: &str, mut paths: Vec<Box<str>>) {
        let room = MAX_OWNED - self.owned;
        if paths.len() > room {
            // Files without a known owner count as nobody's, and what they tell of is matched.
            paths.truncate(room);
        }
        if !paths.is_empty() {
            self.owned += paths.len();
            self.extracted.owned.push(OwnedFiles { owner: owner.into(), paths });
        }
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
