//! The list of crates that `cargo auditable` links into a program (section `.dep-v0`): JSON in a
//! zlib stream.
//!
//! Where the section lies is said at the end of the file, after it has gone by. So the stream is
//! found by what it is: a zlib stream whose text begins like such a list.

use super::window::Window;
use crate::collect::Collected;
use api_vocab::{Ecosystem, Family, Package, PackageError, ProblemCode};
use flate2::{Decompress, FlushDecompress, Status};
use serde::Deserialize;
use std::io;

/// What the text of a list begins with.
const LIST_STARTS: [&[u8]; 2] = [b"{\"packages\":[{\"", b"{\"format\":"];
/// What is decompressed to see whether a stream is a list.
const PROBE_IN: usize = 512;
const PROBE_OUT: usize = 32;
/// A gigabyte of noise has a quarter as many places that look like a stream's start.
const MAX_PROBES: usize = 1 << 18;
/// The largest lists known are 20 KiB, and 200 KiB when decompressed.
const MAX_COMPRESSED: usize = 1 << 20;
const MAX_LIST: usize = 4 << 20;
/// Lists in one file: its own, and those of programs that were embedded in it.
const MAX_LISTS: usize = 16;

/// What the pass over a binary has found of Rust.
pub(super) struct Rust {
    inflate: Decompress,
    probes: usize,
    lists: usize,
}

#[derive(Deserialize)]
struct Audit {
    packages: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    source: String,
    #[serde(default)]
    kind: Option<String>,
}

impl Default for Rust {
    fn default() -> Self {
        Rust { inflate: Decompress::new(true), probes: 0, lists: 0 }
    }
}

impl Rust {
    /// Read the list at `at`, if it is one.
    pub(super) fn read_stream(
        &mut self,
        window: &mut Window<'_>,
        at: usize,
        found: &mut Collected<'_>,
    ) -> io::Result<()> {
        self.probes += 1;
        if self.probes > MAX_PROBES || self.lists > MAX_LISTS || !self.is_list(window.peek(at, PROBE_IN)?) {
            return Ok(());
        }
        self.lists += 1;
        if self.lists <= MAX_LISTS {
            match self.inflate_list(window.peek(at, MAX_COMPRESSED)?) {
                Ok(list) => push_packages(&list, found),
                Err(code) => found.problem(code, "list of crates cannot be decompressed"),
            }
        }
        Ok(())
    }

    fn is_list(&mut self, stream: &[u8]) -> bool {
        let mut start = [0; PROBE_OUT];
        self.inflate.reset(true);
        // Noise fails sooner or later; what counts is the text that came out before.
        let _ = self.inflate.decompress(stream, &mut start, FlushDecompress::Sync);
        LIST_STARTS.iter().any(|list| start.starts_with(list))
    }

    fn inflate_list(&mut self, stream: &[u8]) -> Result<Vec<u8>, ProblemCode> {
        let mut list = Vec::with_capacity(MAX_COMPRESSED.min(stream.len().saturating_mul(8)));
        self.inflate.reset(true);
        loop {
            let consumed = usize::try_from(self.inflate.total_in()).unwrap_or(usize::MAX);
            let rest = stream.get(consumed..).unwrap_or_default();
            let before = (consumed, list.len());
            match self.inflate.decompress_vec(rest, &mut list, FlushDecompress::None) {
                Ok(Status::StreamEnd) => return Ok(list),
                Err(_) => return Err(ProblemCode::Malformed),
                Ok(_) if list.len() >= MAX_LIST => return Err(ProblemCode::TooLarge),
                Ok(_) if list.len() == list.capacity() => list.reserve(list.len().max(PROBE_IN)),
                Ok(_) => {
                    let after = usize::try_from(self.inflate.total_in()).unwrap_or(usize::MAX);
                    if before == (after, list.len()) {
                        return Err(ProblemCode::Truncated);
                    }
                }
            }
        }
    }

    /// Say what was not looked at.
    pub(super) fn finish(self, found: &mut Collected<'_>) {
        if self.probes > MAX_PROBES {
            found.problem(ProblemCode::TooManyEntries, "more compressed streams than we look into");
        }
        if self.lists > MAX_LISTS {
            found.problem(ProblemCode::TooManyEntries, "more lists of crates than we read");
        }
    }
}

fn push_packages(list: &[u8], found: &mut Collected<'_>) {
    match serde_json::from_slice::<Audit>(list) {
        Ok(audit) => audit.packages.iter().filter_map(package).for_each(|p| found.package(p.map(Into::into))),
        Err(error) => found.problem(ProblemCode::Malformed, format!("list of crates: {error}")),
    }
}

/// A crate that was linked in and came from crates.io: other sources have other advisories, if any.
fn package(listed: &Crate) -> Option<Result<Package, PackageError>> {
    let linked = listed.kind.as_deref().is_none_or(|kind| kind == "runtime");
    (linked && listed.source == "crates.io")
        .then(|| Package::new(Ecosystem::of(Family::CratesIo), &listed.name, &listed.version))
}
