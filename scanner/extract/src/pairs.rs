//! Files that are read in twos: a database, and the log of what is not yet in it.
//!
//! Either may come first in a layer, so that the first is held until the second is there. What the
//! two say together is filed under the log, and stands in an image as long as both of them do.

use crate::extractor::FileInPair;
use crate::layer::{FileRecord, LayerInventory};
use crate::rpm;
use api_vocab::{Problem, ProblemCode};

/// Bytes that are held of a layer. A larger file is read alone.
const HELD: usize = 48 << 20;

/// Files that wait for their other half.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    held: Vec<(Box<str>, Vec<u8>)>,
}

impl Pairs {
    /// Whether a file of this size could be held.
    pub(crate) fn have_room(&self, size: u64) -> bool {
        let held: usize = self.held.iter().map(|(_, bytes)| bytes.len()).sum();
        usize::try_from(size).is_ok_and(|size| size <= HELD.saturating_sub(held))
    }

    pub(crate) fn hold(&mut self, path: &str, bytes: Vec<u8>) {
        self.held.push((path.into(), bytes));
    }

    /// The file at `path`, if it is held; no longer.
    pub(crate) fn take(&mut self, path: &str) -> Option<Vec<u8>> {
        let at = self.held.iter().position(|(held, _)| **held == *path)?;
        Some(self.held.swap_remove(at).1)
    }

    /// The log of the database at `base`, if it is held; no longer.
    pub(crate) fn take_log(
        &mut self,
        base: &str,
        role: impl Fn(&str) -> Option<FileInPair<'_>>,
    ) -> Option<(Box<str>, Vec<u8>)> {
        let is_log = |path: &str| matches!(role(path), Some(FileInPair::Log { base: its }) if its == base);
        let at = self.held.iter().position(|(held, _)| is_log(held))?;
        Some(self.held.swap_remove(at))
    }
}

type InLayer<'l> = (&'l LayerInventory, &'l FileRecord);

/// The files of an image without the databases whose logs have newer packages. A log whose
/// database is no longer there is a problem.
pub(crate) fn settle(files: Vec<InLayer<'_>>) -> (Vec<InLayer<'_>>, Vec<Problem>) {
    let logs: Vec<(InLayer<'_>, &str)> = files
        .iter()
        .filter(|(_, file)| !file.packages.is_empty())
        .filter_map(|found| Some((*found, rpm::base_of_log(&found.1.path)?)))
        .collect();
    if logs.is_empty() {
        return (files, Vec::new());
    }
    let is_base = |base: &str, (layer, file): &InLayer<'_>, its: &InLayer<'_>| {
        std::ptr::eq(*layer, its.0) && *file.path == *base
    };
    let orphans: Vec<InLayer<'_>> = logs
        .iter()
        .filter(|(log, base)| !files.iter().any(|file| is_base(base, file, log)))
        .map(|(log, _)| *log)
        .collect();
    let problem = |(_, file): &InLayer<'_>| {
        let detail = "the log of a database that another layer has replaced";
        Problem::new(ProblemCode::Unsupported, &file.path, detail)
    };
    let problems = orphans.iter().map(problem).collect();
    let replaced = |file: &InLayer<'_>| logs.iter().any(|(log, base)| is_base(base, file, log));
    let orphaned = |file: &InLayer<'_>| orphans.iter().any(|orphan| std::ptr::eq(orphan.1, file.1));
    let kept = files.iter().filter(|file| !replaced(file) && !orphaned(file)).copied().collect();
    (kept, problems)
}
