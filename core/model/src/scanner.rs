//! Scanners as the core knows them.

use api_vocab::{ExtractorSet, Platform, ScannerName, SourceId, Timestamp};
use std::sync::Arc;

/// What a scanner says of itself when it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its name, unique among those of one core.
    pub name: ScannerName,
    /// The program's version.
    pub version: Arc<str>,
    /// What its extractors are.
    pub extractor_set: ExtractorSet,
    /// The node whose store it reads.
    pub node: Option<Arc<str>>,
    /// The sources whose images it reaches; empty: any image's.
    pub sources: Vec<SourceId>,
    /// The platforms it reads; empty: all.
    pub platforms: Vec<Platform>,
    /// How many leases it may hold at once.
    pub max_leases: u32,
    /// Which images its fetcher can read.
    pub reach: Reach,
}

/// Which images a scanner's fetcher can read, besides those that its node runs or holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// All of its sources, at once.
    Sources,
    /// Those that a registry has: once no scanner of a node that runs them can be waited for.
    Registry,
    /// None.
    Node,
}

impl Registration {
    /// Whether it reads images of this platform.
    pub(crate) fn reads(&self, platform: &Platform) -> bool {
        self.platforms.is_empty() || self.platforms.contains(platform)
    }

    /// Whether it reads images of this source.
    pub(crate) fn reaches(&self, source: &SourceId) -> bool {
        self.sources.is_empty() || self.sources.contains(source)
    }
}

/// A registered scanner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanner {
    /// What it said of itself.
    pub registration: Registration,
    /// When it was last heard; lags by at most [`crate::Settings::last_seen_step`].
    pub last_seen: Timestamp,
}
