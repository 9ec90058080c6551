//! The fleet in numbers.

use crate::{Stage, Tally};
use api_vocab::{ExtractorSet, RevisionId};

/// The fleet in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Containers whose image is not known yet.
    pub unresolved_containers: u64,
    /// Images by stage, in the order of [`Stage::ALL`].
    pub images: [u64; Stage::ALL.len()],
    /// Findings of all images together.
    pub findings: Tally,
    /// The advisories in force.
    pub revision: Option<RevisionId>,
    /// The extractors that are wanted.
    pub extractor_set: Option<ExtractorSet>,
    /// The last event that was folded in.
    pub last_event: u64,
}

impl Totals {
    /// How many images are at this stage.
    pub fn images_at(&self, stage: Stage) -> u64 {
        self.images.get(stage.index()).copied().unwrap_or_default()
    }

    pub(crate) fn count_image(&mut self, stage: Stage, add: bool) {
        if let Some(count) = self.images.get_mut(stage.index()) {
            *count = if add { *count + 1 } else { count.saturating_sub(1) };
        }
    }
}
