//! What happens in a scan, told as it happens: for progress bars and logs.

use crate::ScanError;
use api_vocab::{Digest, Inventory};
use api_wire::fetcher::ResolvedImage;

/// Something that happened in the scan of an image.
#[derive(Debug)]
pub enum ScanEvent<'a> {
    /// The image was found; its layers are known.
    Resolved(&'a ResolvedImage),
    /// A layer need not be read: its inventory was known.
    LayerKnown(&'a Digest),
    /// A layer begins to be read.
    LayerStarted {
        /// Which.
        diff_id: &'a Digest,
        /// Bytes to come, as stored.
        size: u64,
    },
    /// More of the layer was read.
    LayerRead {
        /// Which.
        diff_id: &'a Digest,
        /// How many bytes came since the last such event.
        bytes: u64,
    },
    /// A layer is extracted.
    LayerDone {
        /// Which.
        diff_id: &'a Digest,
        /// How many packages it holds.
        packages: usize,
    },
    /// The inventory is complete.
    Finished(&'a Inventory),
    /// The scan did not work.
    Failed(&'a ScanError),
}

/// Told of scans. Called from the scans' own tasks: be quick.
pub trait ScanObserver: Send + Sync {
    /// Something happened in the scan of `image`: its key under a lease, else its name.
    fn observe(&self, image: &str, event: ScanEvent<'_>);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl ScanObserver for Silent {
    fn observe(&self, _: &str, _: ScanEvent<'_>) {}
}
