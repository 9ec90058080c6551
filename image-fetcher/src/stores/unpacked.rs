//! Unpacked folders as layers: a folder of a runtime's storage becomes the archive that it was
//! unpacked from, or one that means the same.
//!
//! Nothing is written, no link is followed, and nothing above the folder can be reached. What
//! comes out cannot be compared with a digest: it is marked as reconstructed.

mod archive;
mod difference;
mod folder;
mod overlay;

pub(super) use folder::Folder;
pub(super) use overlay::Dialect;

use crate::error::ReadError;
use crate::tarball::send::Sink;
use api_vocab::Digest;
use api_wire::fetcher::LayerStart;
use api_wire::image_source::LayerEvent;
use archive::Archive;

/// As in the scanner's budget.
const MAX_ENTRIES: u64 = 10_000_000;
const MAX_DEPTH: usize = 256;
const MAX_PATH: usize = 4096;

/// A layer that lies unpacked.
pub(super) enum Unpacked {
    /// As overlayfs keeps it: what it adds, and marks for what it removes.
    Upper(Folder, Dialect),
    /// With all beneath it; what lies beneath, if anything does.
    Whole(Folder, Option<Folder>),
}

/// Send an unpacked layer as an archive; it is complete if it `is_there` still in the end.
///
/// # Errors
/// It cannot be read, is being removed, is over a limit, holds what no layer can say, or nobody
/// reads any more.
pub(super) fn send_unpacked(
    layer: &Unpacked,
    diff_id: &Digest,
    is_there: &dyn Fn() -> Result<bool, ReadError>,
    sink: Sink<'_>,
) -> Result<(), ReadError> {
    let start = LayerStart { diff_id: diff_id.clone(), size: 0, reconstructed: true };
    sink(LayerEvent::Start(start))?;
    let mut archive = Archive::new(sink);
    match layer {
        Unpacked::Upper(folder, dialect) => overlay::walk(folder, *dialect, &mut archive)?,
        Unpacked::Whole(folder, beneath) => difference::walk(folder, beneath.as_ref(), &mut archive)?,
    }
    archive.finish()?;
    if !is_there()? {
        return Err(ReadError::NotFound(format!("unpacked layer {diff_id} any more: it")));
    }
    sink(LayerEvent::End)
}

#[cfg(test)]
#[path = "unpacked/tests.rs"]
mod tests;
