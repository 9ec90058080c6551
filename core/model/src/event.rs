//! Everything that can change, as it is told to the store and to readers.

use crate::{Image, Matched, PackageId, Pod, PodId, Scan, Scanner, Source, Stage, Tally};
use api_vocab::{Digest, ExtractorSet, Package, RevisionId, ScannerName, Severity, SourceId, Timestamp};
use std::sync::Arc;

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Ascending without gaps over the life of a store.
    pub id: u64,
    /// By the clock of whoever applied the command.
    pub at: Timestamp,
    /// What changed.
    pub change: Change,
}

/// What changed: complete new records, so that a store keeps rows and readers replace them.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A source appeared or changed.
    SourceChanged(Arc<Source>),
    /// A source was removed; its pods were gone before.
    SourceForgotten(SourceId),
    /// A scanner appeared or changed.
    ScannerChanged(Arc<Scanner>),
    /// A scanner was not heard for too long.
    ScannerForgotten(ScannerName),
    /// A pod appeared or changed.
    PodPresent(Arc<Pod>),
    /// A pod is gone; this is what was last known of it.
    PodGone(Arc<Pod>),
    /// A source lists an image; follows its `ImageChanged`, if it is new.
    ImageListed {
        /// Where.
        source: Arc<SourceId>,
        /// By which digest.
        digest: Digest,
    },
    /// A source lists an image no longer.
    ImageUnlisted {
        /// Where.
        source: Arc<SourceId>,
        /// By which digest.
        digest: Digest,
    },
    /// An image appeared or changed, its scan excepted.
    ImageChanged {
        /// The image.
        image: Arc<Image>,
        /// Its stage before; nothing if it is new.
        was: Option<Stage>,
    },
    /// An image's inventory was reported; follows its `ImageChanged`.
    ImageScanned {
        /// Its key.
        image: Arc<Digest>,
        /// What was learned.
        scan: Arc<Scan>,
    },
    /// Two images turned out to be one. Follows the `ImageChanged` of the one that stays;
    /// the pods of the other were re-pointed before.
    ImageMerged {
        /// The key that stays.
        image: Arc<Digest>,
        /// The key that is an alias now.
        alias: Arc<Digest>,
    },
    /// An image is forgotten, with its stored inventory.
    ImageRetired {
        /// Its key.
        image: Arc<Digest>,
    },
    /// Packages nobody had seen before.
    PackagesAdded(Vec<(PackageId, Arc<Package>)>),
    /// Packages that no image holds any more.
    PackagesForgotten(Vec<PackageId>),
    /// Matching says this of packages from now on.
    PackagesMatched(Vec<(PackageId, Matched)>),
    /// An image's findings changed.
    FindingsChanged {
        /// Its key.
        image: Arc<Digest>,
        /// Its findings in numbers, from now on.
        tally: Tally,
        /// New ones, the worst first, at most [`MAX_MENTIONS`].
        appeared: Vec<Mention>,
        /// How many are new.
        appeared_count: u32,
        /// Those that are gone, the worst first, at most [`MAX_MENTIONS`].
        disappeared: Vec<Mention>,
        /// How many are gone.
        disappeared_count: u32,
    },
    /// Other advisories are in force.
    RevisionChanged(RevisionId),
    /// Other extractors are wanted.
    ExtractorsWanted(ExtractorSet),
    /// A layer's inventory is stored.
    LayerKnown {
        /// Its diff-id.
        diff_id: Arc<Digest>,
        /// By which extractors.
        extractor_set: Arc<ExtractorSet>,
    },
    /// A layer's stored inventory is not needed any more.
    LayerForgotten {
        /// Its diff-id.
        diff_id: Arc<Digest>,
        /// By which extractors.
        extractor_set: Arc<ExtractorSet>,
    },
}

/// How many findings an event mentions.
pub const MAX_MENTIONS: usize = 50;

/// A finding, mentioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The vulnerability's id.
    pub id: Arc<str>,
    /// The package's name and version.
    pub package: Arc<Package>,
    /// How bad it is said to be.
    pub severity: Severity,
}

/// An event as the event stream tells it: names, no records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The event's id.
    pub id: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub news: News,
}

/// What the event stream tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A pod appeared or changed.
    PodPresent(Arc<PodId>),
    /// A pod is gone.
    PodGone(Arc<PodId>),
    /// An image came to another stage.
    ImageState {
        /// Its key.
        image: Digest,
        /// Which stage.
        stage: Stage,
        /// Why, where there is a reason.
        reason: Option<Box<str>>,
    },
    /// Two images turned out to be one.
    ImageMerged {
        /// The key that stays.
        image: Digest,
        /// The key that is an alias now.
        alias: Digest,
    },
    /// An image is forgotten.
    ImageRetired {
        /// Its key.
        image: Digest,
    },
    /// A source lists an image.
    ImageListed {
        /// Where.
        source: SourceId,
        /// By which digest.
        image: Digest,
    },
    /// A source lists an image no longer.
    ImageUnlisted {
        /// Where.
        source: SourceId,
        /// By which digest.
        image: Digest,
    },
    /// An image's findings changed; none are named where only what is known of them did, or how
    /// many advisories cannot be compared.
    FindingsChanged {
        /// Its key.
        image: Digest,
        /// New ones, at most [`MAX_MENTIONS`].
        appeared: Vec<Mention>,
        /// Those that are gone, at most [`MAX_MENTIONS`].
        disappeared: Vec<Mention>,
    },
    /// Other advisories are in force.
    RevisionChanged {
        /// Which.
        revision: RevisionId,
    },
}

impl Event {
    /// What the event stream tells of it; nothing where it is of no interest outside.
    pub fn notice(&self) -> Option<Notice> {
        self.change.news().map(|news| Notice { id: self.id, at: self.at, news })
    }
}

impl Change {
    fn news(&self) -> Option<News> {
        match self {
            Change::PodPresent(pod) => Some(News::PodPresent(Arc::clone(&pod.id))),
            Change::PodGone(pod) => Some(News::PodGone(Arc::clone(&pod.id))),
            Change::ImageChanged { image, was } => image_state(image, *was),
            Change::ImageMerged { image, alias } => {
                Some(News::ImageMerged { image: (**image).clone(), alias: (**alias).clone() })
            }
            Change::ImageRetired { image } => Some(News::ImageRetired { image: (**image).clone() }),
            Change::ImageListed { source, digest } => {
                Some(News::ImageListed { source: (**source).clone(), image: digest.clone() })
            }
            Change::ImageUnlisted { source, digest } => {
                Some(News::ImageUnlisted { source: (**source).clone(), image: digest.clone() })
            }
            // More is to come: the last packages to be matched tell of it.
            Change::FindingsChanged { appeared_count: 0, disappeared_count: 0, tally, .. }
                if tally.unmatched > 0 =>
            {
                None
            }
            Change::FindingsChanged { image, appeared, disappeared, .. } => Some(News::FindingsChanged {
                image: (**image).clone(),
                appeared: appeared.clone(),
                disappeared: disappeared.clone(),
            }),
            Change::RevisionChanged(revision) => Some(News::RevisionChanged { revision: revision.clone() }),
            Change::SourceChanged(_)
            | Change::SourceForgotten(_)
            | Change::ScannerChanged(_)
            | Change::ScannerForgotten(_)
            | Change::ImageScanned { .. }
            | Change::PackagesAdded(_)
            | Change::PackagesForgotten(_)
            | Change::PackagesMatched(_)
            | Change::ExtractorsWanted(_)
            | Change::LayerKnown { .. }
            | Change::LayerForgotten { .. } => None,
        }
    }
}

fn image_state(image: &Image, was: Option<Stage>) -> Option<News> {
    let stage = image.stage();
    (was != Some(stage)).then(|| News::ImageState {
        image: (*image.key).clone(),
        stage,
        reason: image.reason().map(Into::into),
    })
}
