//! Values that rows repeat, read once: the records of a snapshot share them.

use api_vocab::Digest;
use core_model::{Image, Shared};
use std::collections::HashSet;
use std::sync::Arc;

/// What was read so far.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) shared: Shared,
    digests: HashSet<Arc<Digest>>,
}

impl Known {
    /// A digest as other records hold it.
    pub(crate) fn digest(&mut self, digest: Digest) -> Arc<Digest> {
        if let Some(known) = self.digests.get(&digest) {
            return Arc::clone(known);
        }
        let digest = Arc::new(digest);
        self.digests.insert(Arc::clone(&digest));
        digest
    }

    /// The same image with values that other records hold.
    pub(crate) fn image(&mut self, image: Image) -> Image {
        let references = image.references.iter().map(|text| self.shared.text(text)).collect();
        let sources = image.sources.iter().map(|source| self.shared.source(source)).collect();
        Image { references, sources, ..image }
    }
}
