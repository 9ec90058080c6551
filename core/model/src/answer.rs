//! What the model answers.

use crate::{Event, PackageId};
use api_vocab::{Digest, LeaseId, Package, Platform, SourceId, Timestamp};
use std::sync::Arc;

/// A command that was applied: its answer, and what changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// For whoever asked.
    pub answer: Answer,
    /// For the store, then for readers; in the order in which they happened.
    pub events: Vec<Event>,
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is done.
    Done,
    /// Observations were taken.
    Observed(Observed),
    /// A lease, or no work.
    Lease(Option<Box<Grant>>),
    /// The lease goes on.
    Renewed {
        /// Until when.
        until: Timestamp,
    },
    /// Which layers to extract.
    Layers(LayerAnswer),
    /// The inventory was taken.
    Reported {
        /// The image's key; differs from the lease's if it turned out to be known content.
        image: Arc<Digest>,
        /// Whether the inventory is the image's from now on, to be stored under its key; not so
        /// if the image turned out to be content of which a better one is known.
        kept: bool,
        /// Packages nobody has matched yet: match them, then [`crate::Command::Match`].
        unmatched: Vec<(PackageId, Arc<Package>)>,
    },
    /// Time was taken into account.
    Swept {
        /// When sweeping will next change something, if nothing else happens.
        next: Option<Timestamp>,
        /// Whether scanners that wait may be given something that was kept for others until now.
        opened: bool,
    },
    /// How many images were queued.
    Requeued(usize),
    /// Packages to match against the revision in force, then [`crate::Command::Match`].
    Unmatched(Vec<(PackageId, Arc<Package>)>),
}

/// What was taken of a batch of observations, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// How many were taken.
    pub accepted: usize,
    /// Those that were not: place in the batch from 0, and why.
    pub refused: Vec<(usize, ObservationRefusal)>,
}

/// Why an observation was not taken; the others of its batch were.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObservationRefusal {
    /// More containers than a pod may have.
    #[error("pod {pod} has {count} containers; at most {max} are taken")]
    TooManyContainers {
        /// Which pod.
        pod: Box<str>,
        /// How many it has.
        count: usize,
        /// How many are taken.
        max: usize,
    },
    /// A text is longer than we keep.
    #[error("{field} of pod {pod} has {length} bytes; at most {max} are taken")]
    TooLong {
        /// Which pod.
        pod: Box<str>,
        /// Which text.
        field: &'static str,
        /// How long it is.
        length: usize,
        /// How long it may be.
        max: usize,
    },
    /// More of something that surrounds the pod than we keep.
    #[error("pod {pod} has {count} {what}; at most {max} are taken")]
    TooMany {
        /// Which pod.
        pod: Box<str>,
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many are taken.
        max: usize,
    },
    /// Labels and surroundings that are larger together than we keep.
    #[error("pod {pod} has {bytes} bytes of labels and annotations; at most {max} are taken")]
    TooLarge {
        /// Which pod.
        pod: Box<str>,
        /// How large they are.
        bytes: usize,
        /// How large they may be.
        max: usize,
    },
    /// More references of an image than we keep.
    #[error("image {image} has {count} references; at most {max} are taken")]
    TooManyNames {
        /// Which image.
        image: Box<str>,
        /// How many it has.
        count: usize,
        /// How many are taken.
        max: usize,
    },
    /// A reference of an image that is longer than we keep.
    #[error("a reference of image {image} has {length} bytes; at most {max} are taken")]
    LongName {
        /// Which image.
        image: Box<str>,
        /// How long it is.
        length: usize,
        /// How long it may be.
        max: usize,
    },
    /// More labels than we keep.
    #[error("pod {pod} has {count} labels; at most {max} are taken")]
    TooManyLabels {
        /// Which pod.
        pod: Box<str>,
        /// How many it has.
        count: usize,
        /// How many are taken.
        max: usize,
    },
}

/// The right to scan one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What all further commands name.
    pub lease: LeaseId,
    /// The image's key.
    pub image: Arc<Digest>,
    /// Other digests of the same content.
    pub aliases: Vec<Digest>,
    /// References under which pods asked for it, as written.
    pub references: Vec<Arc<str>>,
    /// `repository@digest` forms from which it can be pulled.
    pub pulls: Vec<Arc<str>>,
    /// Sources that ran it.
    pub sources: Vec<Arc<SourceId>>,
    /// What it was built for, where known.
    pub platform: Option<Platform>,
    /// What the nodes are that run it: of those that the scanner reads, its own node's, else that of
    /// most pods.
    pub runs_on: Option<Platform>,
    /// Secrets that pods which run it are pulled with, sorted; not all where there are many.
    pub pull_secrets: Vec<PullSecret>,
    /// From 1.
    pub attempt: u32,
    /// Until when, unless renewed.
    pub until: Timestamp,
}

/// The name of a secret that images are pulled with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PullSecret {
    /// Where.
    pub source: Arc<SourceId>,
    /// In which namespace.
    pub namespace: Box<str>,
    /// What it is called.
    pub name: Box<str>,
}

/// Which layers a scanner is to extract.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayerAnswer {
    /// Unknown: granted to this lease until it ends.
    pub unknown: Vec<Digest>,
    /// Known already.
    pub known: Vec<Digest>,
    /// Granted to another lease.
    pub busy: Vec<Digest>,
    /// The image turned out to be content that is scanned already: the lease is ended, nothing
    /// is left to do.
    pub settled: bool,
}

impl Grant {
    /// All references from which a fetcher may try to read the image: pulls first.
    pub fn places(&self) -> impl Iterator<Item = &Arc<str>> {
        self.pulls.iter().chain(&self.references)
    }
}
