//! Everything that can be asked of the model.

use crate::{Named, PackageFindings, PodContext, Registration};
use api_vocab::{
    ContainerKind, Digest, Distro, ExtractorSet, ImageRef, LeaseId, Owner, Package, Platform, PodKey,
    PodPhase, Problem, ReportedImage, RevisionId, ScannerName, SourceId, Timestamp,
};
use std::sync::Arc;
use std::time::Duration;

/// A command; [`crate::Model::apply`] answers it with an [`crate::Answer`] of the kind named here,
/// or with a refusal that changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// A perceiver saw changes. → `Observed`
    Observe {
        /// Where.
        source: SourceId,
        /// What, in the order in which it happened.
        observations: Vec<Observation>,
    },
    /// A perceiver lists all there is, and no images; what is not named is gone. → `Observed`
    ObserveAll {
        /// Where.
        source: SourceId,
        /// All pods.
        pods: Vec<ObservedPod>,
    },
    /// A perceiver has listed all there is in [`Command::Observe`]s before this; what is not
    /// named here is gone. → `Done`
    ObserveRest {
        /// Where.
        source: SourceId,
        /// All pods that it listed, taken or refused.
        named: Named,
        /// All images that it listed, taken or refused.
        images: Vec<Digest>,
    },
    /// A perceiver is alive and saw nothing new. → `Done`
    Heartbeat {
        /// Whose.
        source: SourceId,
    },
    /// An operator removes a source with all its pods. → `Done`
    ForgetSource {
        /// Which.
        source: SourceId,
    },
    /// A scanner starts. → `Done`
    RegisterScanner(Registration),
    /// A scanner asks for work. → `Lease`
    Lease {
        /// Who asks.
        scanner: ScannerName,
        /// Digests that its node's store holds.
        holds: Vec<Digest>,
        /// The id that the lease will have if one is granted: random bits of the caller's.
        id: LeaseId,
    },
    /// A scanner is still at work. → `Renewed`
    Renew {
        /// Under which lease.
        lease: LeaseId,
    },
    /// A scanner knows the image's layers and asks which to extract. → `Layers`
    AskLayers {
        /// Under which lease.
        lease: LeaseId,
        /// What the image turned out to be.
        identity: Identity,
        /// Diff-ids, bottom first.
        layers: Vec<Digest>,
        /// The scanner's extractors.
        extractor_set: ExtractorSet,
    },
    /// A layer was extracted; its inventory is stored with the events. → `Done`
    LayerExtracted {
        /// Under which lease.
        lease: LeaseId,
        /// Its diff-id.
        diff_id: Digest,
        /// By which extractors.
        extractor_set: ExtractorSet,
    },
    /// A scan succeeded; ends the lease. → `Reported`
    Report {
        /// Under which lease.
        lease: LeaseId,
        /// What was learned.
        report: Box<Report>,
    },
    /// A scan failed. Ends the lease. → `Done`
    Fail {
        /// Under which lease.
        lease: LeaseId,
        /// Why, and whether another attempt may work.
        failure: Failure,
    },
    /// Time passed: expire leases, queue what is due, retire and forget. → `Swept`
    Sweep,
    /// An operator asks for another scan. → `Done`
    Rescan {
        /// Any digest of the image.
        image: Digest,
    },
    /// These extractors are wanted from now on; images scanned by others are queued. → `Requeued`
    WantExtractors {
        /// Which.
        extractor_set: ExtractorSet,
    },
    /// Packages were matched against the advisories in force. → `Done`
    Match {
        /// The revision they were matched against; refused if it is not in force.
        revision: RevisionId,
        /// All findings of each package named.
        findings: Vec<PackageFindings>,
    },
    /// Other advisories are in force. → `Unmatched`
    ChangeRevision {
        /// Which.
        revision: RevisionId,
        /// All packages below this number were looked at: those not named in `findings` keep
        /// what they have; those from it on are answered, to be matched.
        below: u32,
        /// All findings of each package whose findings changed.
        findings: Vec<PackageFindings>,
    },
}

/// One thing that a perceiver saw.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all are pods: a box each would only cost")]
pub enum Observation {
    /// A pod is there, as described; replaces what was known of it.
    PodPresent(ObservedPod),
    /// A pod is no longer there.
    PodGone(PodKey),
    /// An image is listed, whether pods run it or not.
    ImagePresent(ObservedImage),
    /// An image is listed no longer.
    ImageGone(Digest),
}

/// An image that a source lists, as an image stream or a registry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedImage {
    /// The digest by which it is listed.
    pub digest: Digest,
    /// References that lead to it, as written.
    pub references: Vec<Box<str>>,
    /// `repository@digest` forms from which it can be pulled.
    pub repo_digests: Vec<ImageRef>,
}

/// A pod as its platform describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedPod {
    /// What it is called.
    pub key: PodKey,
    /// The platform's own id.
    pub uid: Box<str>,
    /// Its node.
    pub node: Option<Box<str>>,
    /// Its workload.
    pub owner: Option<Owner>,
    /// Where it is in its life.
    pub phase: PodPhase,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// Labels that the perceiver was told to send.
    pub labels: Vec<(Box<str>, Box<str>)>,
    /// What surrounds it.
    pub context: PodContext,
    /// Its containers.
    pub containers: Vec<ObservedContainer>,
}

/// A container as its platform describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedContainer {
    /// Its name within the pod.
    pub name: Box<str>,
    /// The part it plays.
    pub kind: ContainerKind,
    /// The image reference that was asked for, as written.
    pub reference: Box<str>,
    /// What the runtime says is running; nothing until it says so.
    pub reported: Option<ReportedImage>,
    /// `repository@digest` forms that the runtime knows for that image.
    pub repo_digests: Vec<ImageRef>,
}

/// What an image turned out to be, once its manifest and config were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// The digest of its config.
    pub config: Option<Digest>,
    /// The digest of its manifest.
    pub manifest: Option<Digest>,
    /// The digest of the index it was chosen from.
    pub index: Option<Digest>,
    /// What it was built for.
    pub platform: Option<Platform>,
}

/// What a successful scan learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What the image turned out to be.
    pub identity: Identity,
    /// Diff-ids, bottom first.
    pub layers: Vec<Digest>,
    /// Its packages; repetitions are dropped.
    pub packages: Vec<Package>,
    /// Its distribution.
    pub distro: Option<Distro>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// The extractors that were used.
    pub extractor_set: ExtractorSet,
    /// The engine that read it, as `native`.
    pub engine: Arc<str>,
    /// Where the layers came from, as `docker`.
    pub fetched_from: Arc<str>,
}

/// Why a scan failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whether another attempt may work.
    pub kind: FailureKind,
    /// What happened, for people.
    pub reason: Arc<str>,
    /// How long another attempt is no use, where that is known.
    pub retry_after: Option<Duration>,
    /// Whether it says nothing of the image, only that it is not within this scanner's reach, or
    /// only damaged: others may have it.
    pub out_of_reach: bool,
}

/// Whether another attempt may work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// It may work later.
    Transient,
    /// It will not.
    Permanent,
}
