//! Writing an image as an archive: an OCI layout that is also what `docker save` gives.

use crate::error::ReadError;
use crate::image::{StoredImage, blob_name};
use api_vocab::Digest;
use api_wire::image_source::{ByteStream, FetchError, LayerEvent, LayerStream};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::json;
use std::collections::HashMap;

const BLOCK: u64 = 512;

/// A manifest or config, as it came.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its media type.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Bytes,
}

/// The archive of `image`, whose `layers` are all of its layers, each once.
///
/// # Errors
/// The image cannot be described.
pub fn write_archive(
    image: &StoredImage,
    manifest: &Document,
    config: &Document,
    layers: LayerStream,
) -> Result<ByteStream, ReadError> {
    let mut head = Vec::new();
    for (name, bytes) in documents(image, manifest, config)? {
        head.push(header(&name, u64::try_from(bytes.len()).unwrap_or(u64::MAX))?);
        let padding = padding(u64::try_from(bytes.len()).unwrap_or(0));
        head.push(bytes);
        head.push(padding);
    }
    let names = image.layers.iter().map(|layer| (layer.diff_id.clone(), layer.name.clone())).collect();
    let mut entries = LayerEntries { names, size: 0 };
    let layers = layers.map(move |event| entries.bytes_of(event?));
    // Two empty blocks end an archive; a layer that failed ends the stream before.
    let end = stream::iter([Ok(Bytes::from_static(&[0; 1024]))]);
    let all = stream::iter(head.into_iter().map(Ok)).chain(layers).chain(end);
    Ok(until_error(all.boxed()))
}

fn documents(
    image: &StoredImage,
    manifest: &Document,
    config: &Document,
) -> Result<Vec<(String, Bytes)>, ReadError> {
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {"mediaType": manifest.media_type, "digest": manifest.digest, "size": manifest.bytes.len()},
        ],
    });
    let layers: Vec<&str> = image.layers.iter().map(|layer| layer.name.as_str()).collect();
    let saved =
        json!([{"Config": blob_name(&config.digest), "RepoTags": image.references, "Layers": layers}]);
    let rendered = |name: &str, value: &serde_json::Value| {
        let bytes = serde_json::to_vec(value).map_err(|error| ReadError::Bug(format!("{name}: {error}")))?;
        Ok::<_, ReadError>((name.to_owned(), Bytes::from(bytes)))
    };
    Ok(vec![
        ("oci-layout".to_owned(), Bytes::from_static(br#"{"imageLayoutVersion":"1.0.0"}"#)),
        rendered("index.json", &index)?,
        rendered("manifest.json", &saved)?,
        (blob_name(&manifest.digest), manifest.bytes.clone()),
        (blob_name(&config.digest), config.bytes.clone()),
    ])
}

struct LayerEntries {
    names: HashMap<Digest, String>,
    size: u64,
}

impl LayerEntries {
    fn bytes_of(&mut self, event: LayerEvent) -> Result<Bytes, FetchError> {
        match event {
            LayerEvent::Start(start) => {
                self.size = start.size;
                let unknown = || ReadError::Bug(format!("layer {} was not asked for", start.diff_id));
                let name = self.names.get(&start.diff_id).ok_or_else(unknown)?;
                Ok(header(name, start.size)?)
            }
            LayerEvent::Chunk(chunk) => Ok(chunk),
            LayerEvent::End => Ok(padding(self.size)),
        }
    }
}

fn header(name: &str, size: u64) -> Result<Bytes, ReadError> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).map_err(|error| ReadError::Bug(format!("write {name}: {error}")))?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    Ok(Bytes::copy_from_slice(header.as_bytes()))
}

fn padding(size: u64) -> Bytes {
    let over = usize::try_from(size % BLOCK).unwrap_or(0);
    let missing = if over == 0 { 0 } else { 512 - over };
    Bytes::from(vec![0; missing])
}

/// The stream up to its first error, which is its last item.
fn until_error(bytes: ByteStream) -> ByteStream {
    bytes
        .scan(false, |has_failed, item| {
            let item = (!*has_failed).then_some(item);
            *has_failed |= matches!(item, Some(Err(_)));
            std::future::ready(item)
        })
        .filter(|item| std::future::ready(!matches!(item, Ok(bytes) if bytes.is_empty())))
        .boxed()
}
