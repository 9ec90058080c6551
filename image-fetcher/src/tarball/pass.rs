//! One pass over an archive that can only be read from start to end: an engine's export, or a
//! compressed file. Wanted layers are sent as they come, documents are kept, the rest is skipped;
//! nothing is written to disk.

use super::entries::Entries;
use super::headers::Bounded;
use super::legacy::LegacyIds;
use super::send::{Origin, Outgoing, Sink, send_layer};
use crate::error::ReadError;
use crate::image::find::digest_in_name;
use crate::image::{MAX_DOCUMENT, Shelf, StoredImage};
use api_vocab::Digest;
use bytes::Bytes;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read};
use std::rc::Rc;

/// Documents kept of one pass, in bytes.
const MAX_KEPT: u64 = 64 << 20;

/// What is known of an image before the pass.
#[derive(Debug, Default)]
pub struct Known {
    names: HashMap<String, (Digest, Option<Digest>)>,
    diff_ids: BTreeSet<Digest>,
    legacy: Option<LegacyIds>,
}

impl Known {
    /// Only the diff-ids: names that say a digest, and the ids of the legacy layout, identify layers.
    pub fn by_diff_ids(diff_ids: &[Digest]) -> Self {
        Known {
            names: HashMap::new(),
            diff_ids: diff_ids.iter().cloned().collect(),
            legacy: Some(LegacyIds::new(diff_ids)),
        }
    }

    /// The image as an earlier pass found it.
    pub fn by_names(image: &StoredImage, documents: &Documents) -> Self {
        let place = |layer: &crate::image::StoredLayer| {
            let name =
                documents.entries.find_file(&layer.name).map_or(layer.name.as_str(), |(name, ..)| name);
            (name.to_owned(), (layer.diff_id.clone(), layer.digest.clone()))
        };
        Known { names: image.layers.iter().map(place).collect(), ..Known::default() }
    }
}

/// What a pass has kept.
#[derive(Debug, Default)]
pub struct Documents {
    entries: Entries,
    kept: HashMap<String, Bytes>,
    total: u64,
}

impl Documents {
    /// Let go of the documents' content; where entries lie stays known.
    pub(crate) fn forget_content(&mut self) {
        self.kept = HashMap::new();
    }
}

impl Shelf for Documents {
    fn read_document(&self, name: &str) -> Result<Option<Bytes>, ReadError> {
        match self.entries.find_file(name) {
            Some((_, _, size)) if size > MAX_DOCUMENT => {
                Err(ReadError::TooLarge { what: name.to_owned(), limit: "4 MiB" })
            }
            Some((name, ..)) => Ok(self.kept.get(name).cloned()),
            None => Ok(None),
        }
    }

    fn size_of(&self, name: &str) -> Option<u64> {
        self.entries.find_file(name).map(|(_, _, size)| size)
    }
}

/// How a pass ended.
pub struct Outcome {
    /// Wanted layers that did not come.
    pub missing: BTreeSet<Digest>,
    /// What was kept until then.
    pub documents: Documents,
}

/// Read the archive: send what is wanted and known; end early once that is done.
///
/// # Errors
/// The archive is malformed or cut, a layer is not what its digest says, or nobody reads any more.
pub fn read_archive(
    reader: impl Read,
    origin: Origin,
    known: &Known,
    wanted: BTreeSet<Digest>,
    sink: Sink<'_>,
) -> Result<Outcome, ReadError> {
    let fate = Rc::new(RefCell::new(Fate::default()));
    let watched = Watched { reader, fate: Rc::clone(&fate) };
    let (bounded, bound) = Bounded::new(watched);
    let mut archive = tar::Archive::new(bounded);
    let whole = "the archive";
    let explained = |error: io::Error| match std::mem::take(&mut *fate.borrow_mut()) {
        Fate::Failed(cause) => origin.failed(whole, cause),
        Fate::Ended => origin.ended_early(whole),
        Fate::Open => ReadError::malformed(whole, error),
    };
    let is_search = wanted.is_empty();
    let mut pass =
        Pass { known, origin, found: HashMap::new(), missing: wanted, documents: Documents::default() };
    for entry in archive.entries().map_err(explained)? {
        let mut entry = entry.map_err(explained)?;
        bound.pass(&entry);
        pass.read_entry(&mut entry, sink)?;
        if pass.missing.is_empty() && !is_search {
            break;
        }
    }
    Ok(Outcome { missing: pass.missing, documents: pass.documents })
}

struct Pass<'a> {
    known: &'a Known,
    origin: Origin,
    /// Layers identified on the way, by name.
    found: HashMap<String, Digest>,
    missing: BTreeSet<Digest>,
    documents: Documents,
}

impl Pass<'_> {
    fn read_entry<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
        sink: Sink<'_>,
    ) -> Result<(), ReadError> {
        let Some(name) = self.documents.entries.add(entry)? else { return Ok(()) };
        if !entry.header().entry_type().is_file() {
            return Ok(());
        }
        let size = entry.size();
        if let Some((diff_id, digest)) = self.identify(&name)
            && self.missing.remove(&diff_id)
        {
            let origin = self.origin;
            let layer = Outgoing { name: &name, diff_id: &diff_id, digest: digest.as_ref(), size, origin };
            return send_layer(entry, &layer, sink);
        }
        if size <= MAX_DOCUMENT && is_document_name(&name) {
            self.keep(entry, name, size)?;
        }
        Ok(())
    }

    /// The layer under this name: its diff-id, and its digest as stored if that is another.
    fn identify(&self, name: &str) -> Option<(Digest, Option<Digest>)> {
        if let Some(known) = self.known.names.get(name) {
            return Some(known.clone());
        }
        if let Some(found) = self.found.get(name) {
            return Some((found.clone(), None));
        }
        let named = digest_in_name(name).filter(|digest| self.known.diff_ids.contains(digest))?;
        Some((named, None))
    }

    fn keep(&mut self, entry: &mut dyn Read, name: String, size: u64) -> Result<(), ReadError> {
        let mut bytes = Vec::new();
        entry.take(MAX_DOCUMENT).read_to_end(&mut bytes).map_err(|error| self.origin.failed(&name, error))?;
        if u64::try_from(bytes.len()).unwrap_or(0) < size {
            return Err(self.origin.ended_early(&name));
        }
        if let Some(id) = name.strip_suffix("/json") {
            let diff_id = self.known.legacy.as_ref().and_then(|legacy| legacy.identify(id, &bytes));
            self.found.extend(diff_id.map(|diff_id| (format!("{id}/layer.tar"), diff_id)));
            return Ok(());
        }
        if !bytes.starts_with(b"{") && !bytes.starts_with(b"[") {
            return Ok(());
        }
        self.documents.total += size;
        if self.documents.total > MAX_KEPT {
            return Err(ReadError::TooLarge { what: "the archive's documents".to_owned(), limit: "64 MiB" });
        }
        self.documents.kept.insert(name, bytes.into());
        Ok(())
    }
}

/// Indices, manifests and configs lie under such names; small layers do as well.
fn is_document_name(name: &str) -> bool {
    name.ends_with(".json") || name.ends_with("/json") || name.starts_with("blobs/")
}

/// How reading ended, so that a cut connection is not taken for a malformed archive.
#[derive(Default)]
enum Fate {
    #[default]
    Open,
    Ended,
    Failed(io::Error),
}

struct Watched<R> {
    reader: R,
    fate: Rc<RefCell<Fate>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let outcome = self.reader.read(buffer);
        match &outcome {
            Ok(0) if !buffer.is_empty() => *self.fate.borrow_mut() = Fate::Ended,
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let system = error.raw_os_error().map(io::Error::from_raw_os_error);
                let copy = system.unwrap_or_else(|| io::Error::new(error.kind(), error.to_string()));
                *self.fate.borrow_mut() = Fate::Failed(copy);
            }
            _ => {}
        }
        outcome
    }
}
