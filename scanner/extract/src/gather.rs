//! Gathers a layer from its entries, wherever these come from.

use crate::extractor::{Extracted, Extractor, FileInPair};
use crate::layer::{FileRecord, LayerInventory};
use crate::pairs::Pairs;
use crate::run;
use crate::{places, shadow, weight};
use api_vocab::{Problem, ProblemCode};
use scanner_rootfs::{Budget, Clock, Problems};
use std::collections::{HashMap, HashSet};
use std::io::Read;

/// Files of which we remember that they were looked at, for hard links to them.
const EXAMINED: usize = 500_000;

/// A layer in the making.
pub(crate) struct Gather<'e> {
    extractors: &'e [Box<dyn Extractor>],
    limits: run::Limits<'e>,
    files: Vec<Option<FileRecord>>,
    /// Records by the hash of their path.
    at: HashMap<u64, Vec<usize>>,
    /// Hashes of paths that every extractor that wants them has looked at.
    examined: HashSet<u64>,
    whiteouts: Vec<Box<str>>,
    opaques: Vec<Box<str>>,
    links: Vec<(Box<str>, Box<str>)>,
    shadows: Vec<u64>,
    pairs: Pairs,
    problems: Problems,
    /// Memory that may still be taken, roughly.
    left: u64,
    full: bool,
}

impl<'e> Gather<'e> {
    pub(crate) fn new(extractors: &'e [Box<dyn Extractor>], budget: &Budget, clock: Clock<'e>) -> Self {
        Gather {
            extractors,
            limits: run::Limits { file_time: budget.file_time, file: budget.file, clock },
            files: Vec::new(),
            at: HashMap::new(),
            examined: HashSet::new(),
            whiteouts: Vec::new(),
            opaques: Vec::new(),
            links: Vec::new(),
            shadows: Vec::new(),
            pairs: Pairs::default(),
            problems: Problems::at_most(budget.problems),
            left: budget.kept,
            full: false,
        }
    }

    /// A problem of the layer as a whole.
    pub(crate) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(crate) fn folder(&mut self, path: &str) {
        self.replace(shadow::of_path(path), path);
        self.shadows.push(shadow::of_folder(path));
    }

    pub(crate) fn other(&mut self, path: &str) {
        self.entry(path);
    }

    pub(crate) fn file(&mut self, path: &str, size: u64, executable: bool, content: &mut dyn Read) {
        let hash = self.entry(path);
        let extractors = self.extractors;
        let mut wanting = extractors.iter().filter(|extractor| extractor.wants(path)).peekable();
        let Some(first) = wanting.next() else { return };
        let file = run::File { path, size, executable };
        if wanting.peek().is_none() {
            if let Some(role) = first.role(path)
                && self.pairs.have_room(size)
            {
                return self.file_in_pair(hash, file, first.as_ref(), role, content);
            }
            let extracted = run::extract(first.as_ref(), file, content, self.limits);
            return self.keep(hash, path, first.as_ref(), extracted);
        }
        let bytes = run::read_shared(file, content, self.limits);
        for extractor in std::iter::once(first).chain(wanting) {
            let extracted = match &bytes {
                Ok(bytes) => run::extract(extractor.as_ref(), file, &mut bytes.as_slice(), self.limits),
                Err(problem) => Extracted::failed(problem.clone()),
            };
            self.keep(hash, path, extractor.as_ref(), extracted);
        }
    }

    /// A file that says less, or something else, without another one.
    fn file_in_pair(
        &mut self,
        hash: u64,
        file: run::File<'_>,
        extractor: &dyn Extractor,
        role: FileInPair<'_>,
        content: &mut dyn Read,
    ) {
        let path = file.path;
        let base = if let FileInPair::Log { base } = role { self.pairs.take(base) } else { None };
        if let Some(base) = base {
            let extracted = run::extract_pair(extractor, base, file, content, self.limits);
            return self.keep(hash, path, extractor, extracted);
        }
        let bytes = match run::read_whole(file, content) {
            Ok(bytes) => bytes,
            Err(problem) => return self.keep(hash, path, extractor, Extracted::failed(problem)),
        };
        let extracted = run::extract(extractor, file, &mut bytes.as_slice(), self.limits);
        self.keep(hash, path, extractor, extracted);
        let Some((log, changes)) = self.pairs.take_log(path, |path| extractor.role(path)) else {
            return self.pairs.hold(path, bytes);
        };
        let size = changes.len() as u64;
        let file = run::File { path: &log, size, executable: false };
        let extracted = run::extract_pair(extractor, bytes, file, &mut changes.as_slice(), self.limits);
        let hash = shadow::of_path(&log);
        self.forget(hash);
        self.keep(hash, &log, extractor, extracted);
    }

    pub(crate) fn symlink(&mut self, path: &str, target: &str) {
        self.entry(path);
        if places::is_on_the_way(path) && self.affords(path.len() + target.len()) {
            self.links.push((path.into(), target.into()));
        }
    }

    /// The content of a hard link came with its target, if the same extractor wanted that too.
    pub(crate) fn hard_link(&mut self, path: &str, target: &str) {
        let hash = self.entry(path);
        let extractors = self.extractors;
        for extractor in extractors.iter().filter(|extractor| extractor.wants(path)) {
            let extracted = self.extracted_at(target, extractor.as_ref()).unwrap_or_else(|| {
                let detail = format!("a hard link to {target}, which was not read");
                Extracted::failed(Problem::new(ProblemCode::LinkUnresolved, path, detail))
            });
            self.keep(hash, path, extractor.as_ref(), extracted);
        }
    }

    pub(crate) fn whiteout(&mut self, path: &str) {
        if self.affords(path.len()) {
            self.whiteouts.push(path.into());
        }
    }

    pub(crate) fn opaque(&mut self, dir: &str) {
        if self.affords(dir.len()) {
            self.opaques.push(dir.into());
        }
    }

    /// The layer without what only its bytes tell.
    pub(crate) fn finish(mut self) -> LayerInventory {
        self.shadows.sort_unstable();
        self.shadows.dedup();
        self.whiteouts.sort_unstable();
        self.opaques.sort_unstable();
        let files: Vec<FileRecord> = std::mem::take(&mut self.files).into_iter().flatten().collect();
        for file in &files {
            self.check_visible(&file.path);
        }
        LayerInventory {
            files,
            whiteouts: self.whiteouts,
            opaques: self.opaques,
            links: self.links,
            shadows: self.shadows,
            problems: self.problems.into_vec(),
            ..LayerInventory::default()
        }
    }

    /// Notes that there is an entry that is no folder at `path`.
    fn entry(&mut self, path: &str) -> u64 {
        let hash = shadow::of_path(path);
        self.replace(hash, path);
        self.shadows.push(hash);
        hash
    }

    /// The last of several entries at a path counts, as it does for the runtimes.
    fn replace(&mut self, hash: u64, path: &str) {
        let held = self.pairs.take(path).is_some();
        let linked = self.forget_link(path);
        if self.forget(hash) || held || linked {
            let detail = "two entries for one path";
            self.problems.push(Problem::new(ProblemCode::AmbiguousArchive, path, detail));
        }
    }

    /// Drops what was found at a path; false if nothing was.
    fn forget(&mut self, hash: u64) -> bool {
        self.examined.remove(&hash);
        let Some(before) = self.at.remove(&hash) else { return false };
        for index in before {
            if let Some(slot) = self.files.get_mut(index) {
                *slot = None;
            }
        }
        true
    }

    /// Drops the link at a path; false if there was none. There are few places on whose way a link
    /// can be, so that the list is short.
    fn forget_link(&mut self, path: &str) -> bool {
        let at = self.links.iter().position(|(link, _)| **link == *path);
        at.map(|at| self.links.swap_remove(at)).is_some()
    }

    fn keep(&mut self, hash: u64, path: &str, extractor: &dyn Extractor, extracted: Extracted) {
        if self.examined.len() < EXAMINED {
            self.examined.insert(hash);
        }
        if extracted == Extracted::default() || !self.affords(weight::of_extracted(path, &extracted)) {
            return;
        }
        self.at.entry(hash).or_default().push(self.files.len());
        self.files.push(Some(FileRecord {
            path: path.into(),
            extractor: extractor.name().into(),
            packages: extracted.packages,
            owned: extracted.owned,
            distro: extracted.distro,
            problems: extracted.problems,
        }));
    }

    /// What `extractor` made of `path`, if it has looked at it.
    fn extracted_at(&mut self, path: &str, extractor: &dyn Extractor) -> Option<Extracted> {
        let hash = shadow::of_path(path);
        if !self.examined.contains(&hash) || !extractor.wants(path) {
            return None;
        }
        let records = self.at.get(&hash).into_iter().flatten();
        let mut records = records.filter_map(|index| self.files.get(*index)?.as_ref());
        let Some(record) = records.find(|record| *record.extractor == *extractor.name()) else {
            return Some(Extracted::default());
        };
        // What will not be kept is not copied either: there may be millions of links to it.
        let cost = weight::of_record(record);
        if u64::try_from(cost).is_ok_and(|cost| cost > self.left) {
            self.overflow();
            return Some(Extracted::default());
        }
        Some(Extracted {
            packages: record.packages.clone(),
            owned: record.owned.clone(),
            problems: record.problems.clone(),
            distro: record.distro.clone(),
        })
    }

    fn affords(&mut self, bytes: usize) -> bool {
        // What surrounds each thing that is kept: pointers, lengths, the allocator's own.
        let cost = (bytes as u64).saturating_add(64);
        if let Some(left) = self.left.checked_sub(cost) {
            self.left = left;
            return true;
        }
        self.overflow();
        false
    }

    /// Something is not kept: said once.
    fn overflow(&mut self) {
        if !std::mem::replace(&mut self.full, true) {
            let detail = "more was found than is kept of a layer";
            self.problems.push(Problem::new(ProblemCode::TooManyEntries, "", detail));
        }
    }

    /// A file below something that is no folder, or that the same layer removes, is there for
    /// some readers only.
    fn check_visible(&mut self, path: &str) {
        let below_link = shadow::lineage(path)
            .skip(1)
            .any(|folder| self.shadows.binary_search(&shadow::of_path(folder)).is_ok());
        let removed =
            shadow::lineage(path).any(|one| self.whiteouts.binary_search_by(|w| (**w).cmp(one)).is_ok());
        let reason = match (below_link, removed) {
            (true, _) => "lies below an entry that is no folder",
            (_, true) => "is removed by the layer that holds it",
            _ => return,
        };
        self.problems.push(Problem::new(ProblemCode::AmbiguousArchive, path, reason));
    }
}
