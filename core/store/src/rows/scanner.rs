//! Rows of sources and scanners; their names are columns of their own.

use api_vocab::{ExtractorSet, Platform, ScannerName, SourceId, Timestamp};
use core_model::{Reach, Registration, Scanner, Source, SourceHealth};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A source.
#[derive(Serialize, Deserialize)]
pub(crate) struct SourceRow {
    last_seen: i64,
    last_full_state: Option<i64>,
    stale: bool,
}

impl SourceRow {
    pub(crate) fn of(source: &Source) -> Self {
        SourceRow {
            last_seen: source.last_seen.as_millis(),
            last_full_state: source.last_full_state.map(Timestamp::as_millis),
            stale: source.health == SourceHealth::Stale,
        }
    }

    pub(crate) fn source(self, id: SourceId) -> Source {
        Source {
            id,
            last_seen: Timestamp::from_millis(self.last_seen),
            last_full_state: self.last_full_state.map(Timestamp::from_millis),
            health: if self.stale { SourceHealth::Stale } else { SourceHealth::Fresh },
        }
    }
}

/// A scanner.
#[derive(Serialize, Deserialize)]
pub(crate) struct ScannerRow {
    version: Arc<str>,
    extractor_set: ExtractorSet,
    node: Option<Arc<str>>,
    sources: Vec<SourceId>,
    platforms: Vec<Platform>,
    max_leases: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registry: Option<bool>,
    last_seen: i64,
}

impl ScannerRow {
    pub(crate) fn of(scanner: &Scanner) -> Self {
        let said = &scanner.registration;
        ScannerRow {
            version: Arc::clone(&said.version),
            extractor_set: said.extractor_set.clone(),
            node: said.node.clone(),
            sources: said.sources.clone(),
            platforms: said.platforms.clone(),
            max_leases: said.max_leases,
            registry: match said.reach {
                Reach::Sources => None,
                Reach::Registry => Some(true),
                Reach::Node => Some(false),
            },
            last_seen: scanner.last_seen.as_millis(),
        }
    }

    pub(crate) fn scanner(self, name: ScannerName) -> Scanner {
        let registration = Registration {
            name,
            version: self.version,
            extractor_set: self.extractor_set,
            node: self.node,
            sources: self.sources,
            platforms: self.platforms,
            max_leases: self.max_leases,
            reach: match self.registry {
                None => Reach::Sources,
                Some(true) => Reach::Registry,
                Some(false) => Reach::Node,
            },
        };
        Scanner { registration, last_seen: Timestamp::from_millis(self.last_seen) }
    }
}
