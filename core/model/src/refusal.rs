//! Why a command was not applied.

use api_vocab::{Digest, LeaseId, RevisionId, ScannerName, SourceId};

/// A command that does not fit the model's state; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such lease: it never was, it ended, or its image turned out to be another's content.
    #[error("lease {0} is not in force: it ended or never was")]
    LeaseLost(LeaseId),
    /// The lease's time is over.
    #[error("lease {0} has expired")]
    LeaseExpired(LeaseId),
    /// The id that the caller proposed is in use.
    #[error("lease {0} exists already")]
    LeaseExists(LeaseId),
    /// The scanner is not registered; register and ask again.
    #[error("scanner {0} is not registered")]
    UnknownScanner(ScannerName),
    /// The scanner holds as many leases as it said it could.
    #[error("scanner {scanner} holds {max} leases, as many as it may")]
    TooManyLeases {
        /// Who.
        scanner: ScannerName,
        /// How many it may hold.
        max: u32,
    },
    /// A registration without room for a lease, or for too many.
    #[error("scanner {scanner} asks for {asked} leases; 1 to {max} are possible")]
    LeasesOutOfRange {
        /// Who.
        scanner: ScannerName,
        /// How many it asked for.
        asked: u32,
        /// How many are possible.
        max: u32,
    },
    /// No image has this digest.
    #[error("no image has the digest {0}")]
    UnknownImage(Digest),
    /// No such source.
    #[error("source {0} is not known")]
    UnknownSource(SourceId),
    /// The image is being scanned.
    #[error("image {0} is being scanned already")]
    AlreadyLeased(Digest),
    /// The image waits for a scanner already.
    #[error("image {0} waits for a scanner already")]
    AlreadyQueued(Digest),
    /// More layers than an image may have.
    #[error("{count} layers; an image has at most {max}")]
    TooManyLayers {
        /// How many were named.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// Findings of advisories that are not in force.
    #[error("findings are of revision {given}; {} is in force", in_force.as_ref().map_or("none", |r| r.as_str()))]
    StaleRevision {
        /// The findings'.
        given: RevisionId,
        /// The one in force.
        in_force: Option<RevisionId>,
    },
}
