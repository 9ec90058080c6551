//! What a layer gives: the packages of its files, and what it hides of the layers beneath.

use crate::extractor::{ExtractedPackage, Extractor};
use crate::gather::Gather;
use crate::owned::OwnedFiles;
use crate::weight;
use api_vocab::{Digest, Distro, Problem};
use scanner_rootfs::{Budget, Clock, Kind, LayerReader};
use std::io::Read;

/// A layer with more entries than this is not worth remembering.
const MEMOISABLE: usize = 1_000_000;

/// What was found in one layer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayerInventory {
    /// SHA-256 of the layer after decompression, where it could be read to its end.
    pub diff_id: Option<Digest>,
    /// SHA-256 of the layer as it came, where it could be read to its end.
    pub digest: Option<Digest>,
    /// Bytes after decompression.
    pub size: u64,
    /// What each extractor made of the files it wanted, in the order of the layer. Files that
    /// gave nothing are left out.
    pub files: Vec<FileRecord>,
    /// Paths that the layer removes, sorted.
    pub whiteouts: Vec<Box<str>>,
    /// Folders whose earlier content it hides, sorted; the root is empty.
    pub opaques: Vec<Box<str>>,
    /// Symbolic links on the way to package databases, and their targets.
    pub links: Vec<(Box<str>, Box<str>)>,
    /// A hash of each entry's path, sorted: the first eight bytes of the SHA-256 of the path, and
    /// for a folder of the path with a slash after it. An entry that is not a folder hides what
    /// lower layers have at its path and below; a folder hides only what is not one.
    pub shadows: Vec<u64>,
    /// Why the layer as a whole is partial.
    pub problems: Vec<Problem>,
}

/// What one extractor made of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// Where the file is, no leading slash.
    pub path: Box<str>,
    /// The extractor.
    pub extractor: Box<str>,
    /// The packages it found.
    pub packages: Vec<ExtractedPackage>,
    /// Files that the distribution's packages own, where it is a database that says so.
    pub owned: Vec<OwnedFiles>,
    /// The distribution it found.
    pub distro: Option<Distro>,
    /// What it could not read.
    pub problems: Vec<Problem>,
}

impl LayerInventory {
    /// Whether the result is worth keeping under the layer's diff-id: there is one, the result is
    /// not too large, and it was not cut short by time or by a crash, which another run may not
    /// meet again.
    pub fn is_memoisable(&self) -> bool {
        use api_vocab::ProblemCode::{ExtractorCrashed, TimeExceeded};
        let lasting = |problem: &Problem| !matches!(problem.code, TimeExceeded | ExtractorCrashed);
        self.diff_id.is_some()
            && self.shadows.len() <= MEMOISABLE
            && self.problems.iter().all(lasting)
            && self.files.iter().flat_map(|file| &file.problems).all(lasting)
    }

    /// Roughly, the memory that it takes, in bytes.
    pub fn weight(&self) -> usize {
        weight::of_layer(self)
    }
}

/// Reads a layer once, from start to end: a tar archive, plain or compressed by gzip or zstd.
///
/// Never fails: what is wrong is among the problems. Compare `diff_id` or `digest` with what the
/// image's configuration or manifest says.
pub fn extract_layer<R: Read>(
    source: R,
    extractors: &[Box<dyn Extractor>],
    budget: &Budget,
    clock: Clock<'_>,
) -> LayerInventory {
    let mut gather = Gather::new(extractors, budget, clock);
    let mut reader = LayerReader::open(source, budget.clone(), clock);
    while let Some(mut entry) = reader.next_entry() {
        let path = entry.path;
        match entry.kind {
            Kind::File { size, executable } => gather.file(path, size, executable, &mut entry.content),
            Kind::Dir => gather.folder(path),
            Kind::Symlink { target } => gather.symlink(path, target),
            Kind::Hardlink { target } => gather.hard_link(path, target),
            Kind::Other => gather.other(path),
            Kind::Whiteout { path } => gather.whiteout(path),
            Kind::Opaque { dir } => gather.opaque(dir),
            Kind::Metadata => {}
        }
    }
    let summary = reader.finish();
    let gathered = gather.finish();
    LayerInventory {
        diff_id: summary.diff_id,
        digest: summary.digest,
        size: summary.bytes,
        problems: [summary.problems, gathered.problems].concat(),
        ..gathered
    }
}
