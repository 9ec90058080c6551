//! All of a model, as records: what a store gives back, and what two models are compared by.

use crate::{Image, Matched, PackageId, Pod, Scanner, Source};
use api_vocab::{Digest, ExtractorSet, Package, RevisionId, SourceId};
use std::sync::Arc;

/// All records, each list in ascending order of its keys.
///
/// Which lease was granted which layers is not among them: after a restart a layer may be
/// extracted twice, which costs time and nothing else.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// The id of the last event.
    pub last_event: u64,
    /// The number that the next new package gets.
    pub next_package: u32,
    /// The advisories in force.
    pub revision: Option<RevisionId>,
    /// The extractors that are wanted.
    pub extractor_set: Option<ExtractorSet>,
    /// By id.
    pub sources: Vec<Arc<Source>>,
    /// By name.
    pub scanners: Vec<Arc<Scanner>>,
    /// By source, then key.
    pub pods: Vec<Arc<Pod>>,
    /// Images that sources list, by source, then digest.
    pub listings: Vec<(Arc<SourceId>, Digest)>,
    /// By key; each with its last scan.
    pub images: Vec<Arc<Image>>,
    /// By number.
    pub packages: Vec<(PackageId, Arc<Package>)>,
    /// By package; packages that were never matched are not named.
    pub findings: Vec<(PackageId, Matched)>,
    /// By diff-id: the extractor sets whose inventories of the layer are stored, sorted.
    pub layers: Vec<(Arc<Digest>, Vec<Arc<ExtractorSet>>)>,
}
