//! Advisories: the index in force, and where newer ones come from.

mod feed;
mod import;
mod schedule;

pub use feed::{Feed, FeedError, Feeds, Origin};
pub use import::{INDEX, ImportError, Importer, open_index};
pub use schedule::Schedule;

use api_chassis::http::HttpError;
use api_vocab::Family;
use api_wire::revision::{AdvisorySet, EcosystemCount, Revision};
use arc_swap::ArcSwap;
use core_advisories::Index;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// The index in force, and a bell to ring for a newer one; clones are the same.
#[derive(Clone)]
pub struct Advisories(Arc<Inner>);

struct Inner {
    index: ArcSwap<Index>,
    bell: Notify,
    listened: bool,
    families: Mutex<BTreeSet<Family>>,
}

impl Advisories {
    /// The advisories of `index`; `listened`: whether anybody hears the bell.
    pub fn new(index: Index, listened: bool) -> Self {
        Advisories(Arc::new(Inner {
            index: ArcSwap::from_pointee(index),
            bell: Notify::new(),
            listened,
            families: Mutex::default(),
        }))
    }

    /// The index in force.
    pub fn index(&self) -> Index {
        (**self.0.index.load()).clone()
    }

    /// How the set in force looks on the wire.
    pub fn revision(&self) -> Revision {
        let index = self.0.index.load();
        let count = |count: &core_advisories::FamilyCount| EcosystemCount {
            ecosystem: count.family.as_str().to_owned(),
            advisories: count.advisories,
        };
        Revision { set: set_of(&index), ecosystems: index.families().iter().map(count).collect() }
    }

    /// The same in short, for what shows findings.
    pub fn set(&self) -> AdvisorySet {
        set_of(&self.0.index.load())
    }

    /// Have somebody look for newer advisories now.
    pub fn look(&self) -> Result<(), HttpError> {
        if !self.0.listened {
            return Err(HttpError::conflict("no place for advisories is configured; set advisories.origin"));
        }
        self.0.bell.notify_one();
        Ok(())
    }

    /// Wait until somebody wants newer advisories.
    pub(crate) async fn wanted(&self) {
        self.0.bell.notified().await;
    }

    /// Use `index` from now on.
    pub(crate) fn put(&self, index: Index) {
        self.0.index.store(Arc::new(index));
    }

    /// These ecosystems are in use; the bell rings for one that is new.
    pub(crate) fn note_families(&self, families: BTreeSet<Family>) {
        let mut known = self.0.families.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.len();
        known.extend(families);
        if known.len() > before {
            self.0.bell.notify_one();
        }
    }

    /// The ecosystems in use.
    pub(crate) fn families(&self) -> BTreeSet<Family> {
        self.0.families.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn set_of(index: &Index) -> AdvisorySet {
    AdvisorySet {
        id: index.revision().clone(),
        origin: index.origin().to_owned(),
        advisories: index.advisories(),
        newest: index.newest(),
        built_at: index.built_at(),
    }
}

#[cfg(test)]
mod tests;
