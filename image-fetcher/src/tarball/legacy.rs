//! Which layer a folder of the legacy `docker save` layout holds, known before its bytes come.
//!
//! Engines up to 24 write `<id>/json` before `<id>/layer.tar`, and the `manifest.json` that
//! orders the layers last. The id is a hash of that json, the parent's id and the chain of
//! diff-ids so far; so trying each place of the chain tells which one it is. A layer found this
//! way is still verified by its own digest.

use api_vocab::{Algorithm, Digest};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The chain ids of an image's layers.
#[derive(Debug)]
pub struct LegacyIds {
    places: Vec<(Digest, Digest)>,
}

type Fields = BTreeMap<String, Box<RawValue>>;

impl LegacyIds {
    /// For an image with these diff-ids, bottom first.
    pub fn new(diff_ids: &[Digest]) -> Self {
        let mut places: Vec<(Digest, Digest)> = Vec::with_capacity(diff_ids.len());
        for diff_id in diff_ids {
            let chain = match places.last() {
                None => diff_id.clone(),
                Some((below, _)) => sha256(format!("{below} {diff_id}").as_bytes()),
            };
            places.push((chain, diff_id.clone()));
        }
        LegacyIds { places }
    }

    /// The diff-id of the layer in folder `id`, whose `json` is given.
    pub fn identify(&self, id: &str, json: &[u8]) -> Option<Digest> {
        let mut fields: Fields = serde_json::from_slice(json).ok()?;
        fields.remove("id")?;
        if let Some(parent) = fields.remove("parent") {
            let parent: String = serde_json::from_str(parent.get()).ok()?;
            fields.insert("parent".to_owned(), text(&format!("sha256:{parent}"))?);
        }
        // The operating system is filled in after the id of a lower layer was made.
        self.find(id, &mut fields).or_else(|| {
            fields.remove("os")?;
            self.find(id, &mut fields)
        })
    }

    fn find(&self, id: &str, fields: &mut Fields) -> Option<Digest> {
        self.places.iter().find_map(|(chain, diff_id)| {
            fields.insert("layer_id".to_owned(), text(&chain.to_string())?);
            let hashed = sha256(&serde_json::to_vec(&fields).ok()?);
            (hashed.hex() == id).then(|| diff_id.clone())
        })
    }
}

fn text(text: &str) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(text).ok()
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}
