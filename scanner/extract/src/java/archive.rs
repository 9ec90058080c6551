//! The walk over an archive and the archives within it, within budgets that hold for all of it
//! together.

use super::coordinates::{self, Evidence};
use super::manifest::Manifest;
use super::members::Member;
use super::properties::{Properties, short};
use super::zip::{Content, Entry, Zip};
use crate::collect::Collected;
use crate::extractor::ExtractedPackage;
use api_vocab::{Problem, ProblemCode};

/// Archives within archives.
const MAX_DEPTH: usize = 4;
/// Archives in one file; a large application server has a few thousand.
const MAX_ARCHIVES: usize = 20_000;
/// The longest name of a member, as of a path.
const MAX_NAME: usize = 4096;
/// Members of all of them; the largest have some hundred thousand.
const MAX_MEMBERS: usize = 4_000_000;
/// Bytes inflated or parsed for one file.
const MAX_READ: usize = 1 << 30;
/// Bytes of inflated archives held at once, besides the file itself.
const MAX_HELD: usize = 64 << 20;
/// Manifests list a digest of every member where the archive is signed.
const MAX_MANIFEST: usize = 8 << 20;
const MAX_PROPERTIES: usize = 64 << 10;
/// More places of models than any archive has that is no library collection.
const MAX_MODELS: usize = 1000;
/// More libraries than were ever shaded into one archive.
const MAX_LIBRARIES: usize = 10_000;
/// One malformed file needs no more explanation than this.
const MAX_PROBLEMS: usize = 64;
const UNREADABLE: &str = "member of the archive cannot be read";

/// Reads the packages of the archive at `path`, and of all within.
pub(super) fn read_archive(path: &str, bytes: &[u8], found: &mut Collected<'_>) {
    let mut walk = Walk {
        path,
        found,
        archives: MAX_ARCHIVES,
        members: MAX_MEMBERS,
        read: MAX_READ,
        held: MAX_HELD,
        problems: MAX_PROBLEMS,
    };
    walk.archive(bytes, &[]);
}

/// What is left of each budget.
struct Walk<'w, 'f> {
    path: &'w str,
    found: &'w mut Collected<'f>,
    archives: usize,
    members: usize,
    read: usize,
    held: usize,
    problems: usize,
}

impl Walk<'_, '_> {
    /// One archive, `within` the ones named.
    fn archive(&mut self, bytes: &[u8], within: &[&str]) {
        let Some(left) = self.archives.checked_sub(1) else {
            return self.problem(within, ProblemCode::TooManyEntries, "more archives than we read");
        };
        self.archives = left;
        let zip = match Zip::open(bytes) {
            Ok(zip) => zip,
            Err(code) => return self.problem(within, code, "archive without a readable directory"),
        };
        let mut evidence = Evidence::default();
        for entry in zip.entries() {
            let Some(left) = self.members.checked_sub(1) else {
                return self.problem(within, ProblemCode::TooManyEntries, "more members than we read");
            };
            self.members = left;
            match entry {
                Ok(entry) => self.member(&zip, &entry, within, &mut evidence),
                Err(code) => self.problem(within, code, "directory of the archive cannot be read to its end"),
            }
        }
        self.push(within, &evidence);
    }

    fn member(&mut self, zip: &Zip<'_>, entry: &Entry<'_>, within: &[&str], evidence: &mut Evidence) {
        if entry.name.len() > MAX_NAME {
            return self.problem(within, ProblemCode::PathTooLong, "member with a name longer than we read");
        }
        let name = String::from_utf8_lossy(entry.name);
        let Some(member) = Member::of(&name) else { return };
        let within: Vec<&str> = within.iter().copied().chain([&*name]).collect();
        match member {
            Member::Archive => self.nested(zip, entry, &within),
            Member::Manifest => {
                if let Some(content) = self.read(zip, entry, &within, MAX_MANIFEST) {
                    evidence.manifest = Manifest::parse(&content);
                }
            }
            Member::Model(place) if evidence.models.len() < MAX_MODELS => {
                evidence.models.push((short(place.group).to_owned(), short(place.artifact).to_owned()));
            }
            Member::Model(_) => {}
            Member::Properties(_) if evidence.properties.len() >= MAX_LIBRARIES => {
                self.problem(&within, ProblemCode::TooManyEntries, "more libraries than we read");
            }
            Member::Properties(place) => {
                if let Some(content) = self.read(zip, entry, &within, MAX_PROPERTIES) {
                    evidence.properties.push(Properties::parse(&content).or_placed(place));
                }
            }
        }
    }

    fn nested(&mut self, zip: &Zip<'_>, entry: &Entry<'_>, within: &[&str]) {
        if within.len() > MAX_DEPTH {
            return self.problem(within, ProblemCode::TooDeep, "archive nested deeper than we read");
        }
        if entry.is_stored() {
            // It lies in the archive around it: nothing more is held or inflated.
            match zip.read(entry, usize::MAX) {
                Ok(bytes) => self.archive(&bytes, within),
                Err(code) => self.problem(within, code, UNREADABLE),
            }
        } else if let Some(bytes) = self.read(zip, entry, within, self.held) {
            self.held = self.held.saturating_sub(bytes.len());
            self.archive(&bytes, within);
            self.held = self.held.saturating_add(bytes.len());
        }
    }

    /// A member's content, paid for.
    fn read<'z>(
        &mut self,
        zip: &Zip<'z>,
        entry: &Entry<'_>,
        within: &[&str],
        max: usize,
    ) -> Option<Content<'z>> {
        match zip.read(entry, max.min(self.read)) {
            Ok(content) => {
                self.read = self.read.saturating_sub(content.len());
                Some(content)
            }
            Err(code) => {
                // It may have been inflated nearly to its end before it turned out to be broken.
                if matches!(code, ProblemCode::Malformed | ProblemCode::Truncated) {
                    self.read = self.read.saturating_sub(entry.most_inflated());
                }
                self.problem(within, code, UNREADABLE);
                None
            }
        }
    }

    fn push(&mut self, within: &[&str], evidence: &Evidence) {
        let innermost = within.last().copied().unwrap_or(self.path);
        let file = innermost.rsplit('/').next().unwrap_or_default();
        let nested = (!within.is_empty()).then(|| within.join("!/").into_boxed_str());
        for package in coordinates::packages(file, evidence) {
            let licenses = evidence.licenses();
            self.found.package(package.map(|package| ExtractedPackage {
                package,
                nested: nested.clone(),
                licenses,
            }));
        }
    }

    fn problem(&mut self, within: &[&str], code: ProblemCode, detail: &str) {
        if let Some(left) = self.problems.checked_sub(1) {
            self.problems = left;
            let path: Vec<&str> = [self.path].into_iter().chain(within.iter().copied()).collect();
            self.found.failed(Problem::new(code, &path.join("!/"), detail));
        }
    }
}
