//! The queue: who may have which image, and since when it waits.
//!
//! Images that wait under the same conditions stand in one line, the longest waiting first. Whoever
//! asks is given the best of the heads of the lines that concern it: no question looks at more.

use crate::{Reach, Registration, Settings};
use api_vocab::{Digest, Platform, SourceId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many of a line are passed over that are not for whoever asks.
const MAX_PASSED: usize = 32;

/// For whom an image is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hold {
    /// For nobody: no node runs it, or an attempt at it has failed, or somebody missed it.
    Free,
    /// For scanners of the nodes that run it, for a while: none of them has one.
    Lonely,
    /// For scanners of the nodes that run it.
    Staffed,
}

/// What images of one line have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) hold: Hold,
    pub(crate) running: bool,
    pub(crate) asked: bool,
    /// Whether somebody was asked and does not have it.
    pub(crate) missed: bool,
    pub(crate) platform: Option<Platform>,
}

impl Line {
    /// Since when an image counts as waiting that stands here since `since`.
    pub(crate) fn rank(&self, since: Timestamp, settings: &Settings) -> Timestamp {
        let mut rank = since;
        if self.running {
            rank = rank - settings.running_advantage;
        }
        if self.asked {
            rank = rank - settings.asked_advantage;
        }
        rank
    }

    /// Whether a scanner of no node near may have what stands here since `since`.
    fn is_open(&self, scanner: &Registration, since: Timestamp, now: Timestamp, settings: &Settings) -> bool {
        match (scanner.reach, self.hold) {
            (Reach::Sources, _) | (Reach::Registry, Hold::Free) => true,
            (Reach::Registry, Hold::Lonely) => since + settings.node_wait <= now,
            (Reach::Registry, Hold::Staffed) | (Reach::Node, _) => false,
        }
    }
}

/// An image's place: its line, and since when it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: Line,
    pub(crate) since: Timestamp,
}

type Standing = BTreeSet<(Timestamp, Arc<Digest>)>;

/// All that wait: once as a whole, and once for each source that a scanner may confine itself to.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    all: BTreeMap<Line, Standing>,
    of_source: BTreeMap<Arc<SourceId>, BTreeMap<Line, Standing>>,
}

impl Queue {
    pub(crate) fn insert(&mut self, place: &Place, sources: &[Arc<SourceId>], key: &Arc<Digest>) {
        let standing = || (place.since, Arc::clone(key));
        self.all.entry(place.line.clone()).or_default().insert(standing());
        for source in sources {
            let lines = self.of_source.entry(Arc::clone(source)).or_default();
            lines.entry(place.line.clone()).or_default().insert(standing());
        }
    }

    pub(crate) fn remove(&mut self, place: &Place, sources: &[Arc<SourceId>], key: &Arc<Digest>) {
        let standing = (place.since, Arc::clone(key));
        leave(&mut self.all, &place.line, &standing);
        for source in sources {
            let Some(lines) = self.of_source.get_mut(source) else { continue };
            leave(lines, &place.line, &standing);
            if lines.is_empty() {
                self.of_source.remove(source);
            }
        }
    }

    /// The image that a scanner may have wherever it runs, and since when it counts as waiting;
    /// of those that somebody missed, one that is offered to it.
    pub(crate) fn best_for(
        &self,
        scanner: &Registration,
        is_offered: impl Fn(&Digest) -> bool,
        now: Timestamp,
        settings: &Settings,
    ) -> Option<(Timestamp, &Arc<Digest>)> {
        if scanner.reach == Reach::Node {
            return None;
        }
        let reads = |line: &Line| line.platform.as_ref().is_none_or(|platform| scanner.reads(platform));
        let all = scanner.sources.is_empty().then_some(&self.all);
        let named = scanner.sources.iter().filter_map(|source| self.of_source.get(source));
        let lines = all.into_iter().chain(named).flatten().filter(|(line, _)| reads(line));
        let heads = lines.filter_map(|(line, standing)| {
            let (since, key) = match line.missed {
                true => standing.iter().take(MAX_PASSED).find(|(_, key)| is_offered(key))?,
                false => standing.first()?,
            };
            line.is_open(scanner, *since, now, settings).then(|| (line.rank(*since, settings), key))
        });
        heads.min()
    }

    /// When the next lonely image after `now` has waited long enough for a scanner of its nodes.
    pub(crate) fn next_open(&self, now: Timestamp, settings: &Settings) -> Option<Timestamp> {
        let later =
            self.lonely().filter_map(|standing| standing.range(after(now - settings.node_wait)..).next());
        later.map(|(since, _)| *since + settings.node_wait).min()
    }

    /// Whether one has done so after `before`, up to `now`.
    pub(crate) fn has_opened(&self, before: Timestamp, now: Timestamp, settings: &Settings) -> bool {
        let (from, to) = (after(before - settings.node_wait), after(now - settings.node_wait));
        from < to && self.lonely().any(|standing| standing.range(from.clone()..to.clone()).next().is_some())
    }

    fn lonely(&self) -> impl Iterator<Item = &Standing> {
        self.all.iter().filter(|(line, _)| line.hold == Hold::Lonely).map(|(_, standing)| standing)
    }

    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Line, Timestamp, &Arc<Digest>)> {
        let standing = |(line, standing)| -> Vec<(&Line, Timestamp, &Arc<Digest>)> {
            let standing: &Standing = standing;
            standing.iter().map(|(since, key)| (line, *since, key)).collect()
        };
        self.all.iter().flat_map(standing)
    }
}

/// The least place after a time.
fn after(time: Timestamp) -> (Timestamp, Arc<Digest>) {
    (time + std::time::Duration::from_millis(1), Arc::new(Digest::sha256([0; 32])))
}

fn leave(lines: &mut BTreeMap<Line, Standing>, line: &Line, standing: &(Timestamp, Arc<Digest>)) {
    let Some(all) = lines.get_mut(line) else { return };
    all.remove(standing);
    if all.is_empty() {
        lines.remove(line);
    }
}
