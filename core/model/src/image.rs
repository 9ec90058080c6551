//! Images as the core knows them, and their states (see the table of the crate's documentation).

use crate::{Miss, PackageIds};
use api_vocab::{Digest, Distro, ExtractorSet, LeaseId, Platform, Problem, ScannerName, SourceId, Timestamp};
use std::sync::Arc;

/// An image: content, its names, where it is in its life, and its last inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its key: the digest by which it was first known.
    pub key: Arc<Digest>,
    /// Other digests of the same content, sorted.
    pub aliases: Vec<Digest>,
    /// The digest of its config, once known: two images with different ones are different content.
    pub config: Option<Digest>,
    /// References under which pods asked for it, as written, sorted; at most [`MAX_REFERENCES`].
    pub references: Vec<Arc<str>>,
    /// `repository@digest` forms from which it can be pulled, sorted; at most [`MAX_REFERENCES`].
    pub pulls: Vec<Arc<str>>,
    /// Sources that ran it since it was first seen, sorted.
    pub sources: Vec<Arc<SourceId>>,
    /// What it was built for, where known.
    pub platform: Option<Platform>,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// Since when no pod refers to it; nothing while one does.
    pub unused_since: Option<Timestamp>,
    /// Where it is in its life.
    pub state: State,
    /// What the last successful scan learned; stays visible while the image is scanned again.
    pub scan: Option<Arc<Scan>>,
}

/// How many references and pulls are kept of an image.
pub const MAX_REFERENCES: usize = 32;

/// How many problems are kept of an image; all of them are in its stored inventory.
pub const MAX_PROBLEMS: usize = 100;

/// Where an image is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Waits for a scanner. Exits: Leased; retired.
    Queued {
        /// Since when.
        since: Timestamp,
        /// How many attempts failed before.
        failed: u32,
        /// Whether a person asked for it.
        asked: bool,
        /// Who was asked at this attempt and does not have it.
        missed: Vec<Miss>,
    },
    /// A scanner has it. Exits: Leased (renewed), Scanned, Backoff, Unscannable.
    Leased {
        /// The right to report.
        lease: LeaseId,
        /// Who has it.
        scanner: ScannerName,
        /// Until when, unless renewed.
        until: Timestamp,
        /// Which attempt this is, from 1.
        attempt: u32,
        /// Who was asked at this attempt before and does not have it.
        missed: Vec<Miss>,
    },
    /// An attempt failed; the next one comes. Exits: Queued; retired.
    Backoff {
        /// When the next one is due.
        until: Timestamp,
        /// How many attempts failed.
        failed: u32,
        /// Why the last one did.
        reason: Arc<str>,
    },
    /// Its inventory is [`Image::scan`]. Exits: Queued; retired.
    Scanned,
    /// It cannot be scanned. Exits: Queued; retired.
    Unscannable {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: Arc<str>,
    },
}

/// The word for where an image is in its life; a closed list, for the wire, metrics and policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Waits for a scanner.
    Queued,
    /// A scanner has it.
    Leased,
    /// Waits for another attempt.
    Backoff,
    /// Scanned, all of it could be read.
    Scanned,
    /// Scanned, some of it could not be read.
    Partial,
    /// Cannot be scanned.
    Unscannable,
}

/// What a successful scan learned of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// When it was reported.
    pub at: Timestamp,
    /// Unique packages.
    pub packages: PackageIds,
    /// Diff-ids, bottom first.
    pub layers: Box<[Arc<Digest>]>,
    /// The distribution.
    pub distro: Option<Distro>,
    /// What could not be read, at most [`MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// How many problems there are in all: not zero means partial.
    pub problem_count: u32,
    /// The extractors that were used.
    pub extractor_set: ExtractorSet,
    /// The engine that read it, as `native`.
    pub engine: Arc<str>,
    /// Where the layers came from, as `docker`.
    pub fetched_from: Arc<str>,
}

impl Scan {
    /// Whether something could not be read: such an inventory never counts as clean.
    pub const fn is_partial(&self) -> bool {
        self.problem_count > 0
    }
}

impl Image {
    /// The word for its state.
    pub fn stage(&self) -> Stage {
        match self.state {
            State::Queued { .. } => Stage::Queued,
            State::Leased { .. } => Stage::Leased,
            State::Backoff { .. } => Stage::Backoff,
            State::Scanned if self.scan.as_ref().is_some_and(|scan| scan.is_partial()) => Stage::Partial,
            State::Scanned => Stage::Scanned,
            State::Unscannable { .. } => Stage::Unscannable,
        }
    }

    /// Why it is in its state, where there is a reason.
    pub fn reason(&self) -> Option<&str> {
        match &self.state {
            State::Backoff { reason, .. } | State::Unscannable { reason, .. } => Some(reason),
            State::Queued { .. } | State::Leased { .. } | State::Scanned => None,
        }
    }

    /// The lease under which it is being scanned.
    pub fn lease(&self) -> Option<LeaseId> {
        match self.state {
            State::Leased { lease, .. } => Some(lease),
            _ => None,
        }
    }
}

impl Stage {
    /// Every stage, in the order of an image's life.
    pub const ALL: &'static [Stage] =
        &[Stage::Queued, Stage::Leased, Stage::Backoff, Stage::Scanned, Stage::Partial, Stage::Unscannable];

    /// Its place in [`Stage::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The word on the wire, in logs and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::Queued => "queued",
            Stage::Leased => "leased",
            Stage::Backoff => "backoff",
            Stage::Scanned => "scanned",
            Stage::Partial => "partial",
            Stage::Unscannable => "unscannable",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Stage {
    type Err = UnknownStage;

    fn from_str(word: &str) -> Result<Self, UnknownStage> {
        let found = Stage::ALL.iter().find(|stage| stage.as_str() == word);
        found.copied().ok_or_else(|| UnknownStage(word.chars().take(64).collect()))
    }
}

/// A word that is no stage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown image state {0:?}; expected one of: queued, leased, backoff, scanned, partial, unscannable")]
pub struct UnknownStage(String);
