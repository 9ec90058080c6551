//! Import: feeds into one index file, which takes the former one's place only when it is whole.

use super::feed::{Feed, FeedError, Feeds};
use crate::metrics::CoreMetrics;
use api_chassis::clock::Clock;
use api_vocab::{Family, Timestamp};
use core_advisories::{Index, IndexBuilder, IndexError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the index file in the data folder.
pub const INDEX: &str = "advisories.index";

/// The index of a data folder: the one imported last, else the one that is compiled in.
pub fn open_index(folder: Option<&Path>) -> Result<Index, IndexError> {
    let Some(path) = folder.map(|folder| folder.join(INDEX)).filter(|path| path.exists()) else {
        return Index::builtin();
    };
    Index::open(&path).or_else(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "advisory index not used");
        Index::builtin()
    })
}

/// An import that changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Feeds could not be brought, and nothing else is new; the log has the reason.
    #[error("advisory feeds could not be brought")]
    NotBrought,
    /// A feed could not be kept.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The index could not be made.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The thread that made it died.
    #[error("the import ended early")]
    Ended,
}

/// Brings feeds and makes indexes of them.
pub struct Importer {
    feeds: Feeds,
    index: PathBuf,
    clock: Arc<dyn Clock>,
    metrics: CoreMetrics,
    /// Folders are read where they are: what they looked like when they were read last.
    seen: BTreeMap<Family, Timestamp>,
    imported: BTreeSet<Family>,
}

/// A feed that is to be read.
struct Source {
    family: Family,
    path: PathBuf,
    is_new: bool,
}

impl Importer {
    /// An importer of `feeds` into `folder`.
    pub fn new(feeds: Feeds, folder: &Path, clock: Arc<dyn Clock>, metrics: CoreMetrics) -> Self {
        Importer {
            feeds,
            index: folder.join(INDEX),
            clock,
            metrics,
            seen: BTreeMap::new(),
            imported: BTreeSet::new(),
        }
    }

    /// Bring the feeds of `families`; a new index, or none where nothing has changed.
    pub async fn import(&mut self, families: &BTreeSet<Family>) -> Result<Option<Index>, ImportError> {
        let mut sources = Vec::new();
        let mut failures = BTreeMap::new();
        for family in families {
            match self.bring(*family).await {
                Ok(source) => sources.extend(source),
                Err(error) => {
                    failures.insert(*family, error);
                    sources.extend(self.kept(*family));
                }
            }
        }
        tell(&failures);
        let has_new = sources.iter().any(|source| source.is_new);
        let read: BTreeSet<Family> = sources.iter().map(|source| source.family).collect();
        if sources.is_empty() || (!has_new && read == self.imported) {
            return if failures.is_empty() { Ok(None) } else { Err(ImportError::NotBrought) };
        }
        let index = self.build(sources).await?;
        self.imported = read;
        Ok(Some(index))
    }

    async fn bring(&mut self, family: Family) -> Result<Option<Source>, FeedError> {
        let feed = self.feeds.fetch(family).await;
        self.metrics.feed(match &feed {
            Ok(Feed::New(_)) => "new",
            Ok(Feed::Unchanged(_)) => "unchanged",
            Ok(Feed::Absent) => "absent",
            Err(_) => "failed",
        });
        Ok(match feed? {
            Feed::Absent => None,
            Feed::Unchanged(path) => Some(Source { family, path, is_new: false }),
            Feed::New(path) => {
                let is_new = self.seen.insert(family, stamp(&path)) != Some(stamp(&path));
                Some(Source { family, path, is_new })
            }
        })
    }

    fn kept(&self, family: Family) -> Option<Source> {
        let path = self.feeds.kept(family);
        path.exists().then_some(Source { family, path, is_new: false })
    }

    /// Make the index. A feed that cannot be read is left out, its kept predecessor read instead.
    async fn build(&self, mut sources: Vec<Source>) -> Result<Index, ImportError> {
        loop {
            let (builder, rest, bad) = read(self.feeds.origin(), sources).await.ok_or(ImportError::Ended)?;
            sources = rest;
            if let Some(at) = bad {
                let bad = sources.swap_remove(at);
                self.metrics.feed("broken");
                sources.extend(self.kept(bad.family).filter(|kept| kept.path != bad.path));
                continue;
            }
            let (path, now) = (self.index.clone(), self.clock.now());
            let written = tokio::task::spawn_blocking(move || builder.write(&path, now)).await;
            let index = written.map_err(|_| ImportError::Ended)??;
            for source in sources.iter().filter(|source| source.is_new) {
                self.feeds.keep(source.family).await?;
            }
            return Ok(index);
        }
    }
}

/// Without a network no feed comes, and one line says it; the level `debug` has the others.
fn tell(failures: &BTreeMap<Family, FeedError>) {
    for (family, error) in failures {
        tracing::debug!(%family, error = error as &dyn std::error::Error, "advisory feed not brought");
    }
    if let Some(error) = failures.values().next() {
        let families = failures.keys().map(|family| family.as_str()).collect::<Vec<_>>().join(", ");
        tracing::warn!(families, error = error as &dyn std::error::Error, "advisory feeds not brought");
    }
}

/// Read all sources; the place of the first one that cannot be read.
async fn read(origin: String, sources: Vec<Source>) -> Option<(IndexBuilder, Vec<Source>, Option<usize>)> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut builder = IndexBuilder::new(&origin).only(sources.iter().map(|source| source.family));
        let bad = sources.iter().position(|source| match builder.import_path(&source.path) {
            Ok(imported) => {
                let (family, records, broken) = (source.family, imported.records, imported.broken);
                tracing::info!(%family, records, broken, "advisories read");
                false
            }
            Err(error) => {
                let family = source.family;
                tracing::error!(%family, error = &error as &dyn std::error::Error, "advisory feed not readable");
                true
            }
        });
        (builder, sources, bad)
    });
    reading.await.ok()
}

fn stamp(path: &Path) -> Timestamp {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    Timestamp::from_millis(since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or_default())
}
