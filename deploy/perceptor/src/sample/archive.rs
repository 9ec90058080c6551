//! Builds an OCI archive (OCI image layout specification, in a tar) from file trees.

use api_vocab::{Algorithm, Digest};
use serde_json::{Value, json};
use std::io::{self, Write};

/// One file of a layer.
pub struct File {
    /// Path within the image, no leading slash.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
    /// Whether it may be executed.
    pub executable: bool,
}

/// A layer: its files, in order.
pub type Layer = Vec<File>;

/// An image as an archive, and the digest of its manifest.
pub struct Archive {
    /// The tar.
    pub bytes: Vec<u8>,
    /// The manifest's digest: what the image is known by.
    pub manifest: Digest,
}

/// Build the archive of an image with these layers, bottom first. The same input gives the same
/// bytes on every machine.
///
/// # Errors
/// Only if a path is not one that a tar can hold.
pub fn build(reference: &str, layers: &[Layer]) -> io::Result<Archive> {
    let mut blobs = Vec::new();
    let mut descriptors = Vec::new();
    let mut diff_ids = Vec::new();
    for layer in layers {
        let tar = layer_tar(layer)?;
        diff_ids.push(digest_of(&tar).to_string());
        let compressed = gzip(&tar)?;
        descriptors.push(descriptor("application/vnd.oci.image.layer.v1.tar+gzip", &compressed));
        blobs.push(compressed);
    }
    let config = serde_json::to_vec(&json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }))?;
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": descriptors,
    }))?;
    let mut named = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
    if let Some(fields) = named.as_object_mut() {
        fields.insert("annotations".into(), json!({"org.opencontainers.image.ref.name": reference}));
    }
    let index = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [named],
    }))?;
    let digest = digest_of(&manifest);
    blobs.extend([config, manifest]);
    Ok(Archive { bytes: layout_tar(&index, &blobs)?, manifest: digest })
}

fn digest_of(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

fn descriptor(media_type: &str, blob: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest_of(blob).to_string(), "size": blob.len()})
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn layer_tar(layer: &Layer) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for file in layer {
        append(&mut tar, &file.path, if file.executable { 0o755 } else { 0o644 }, &file.content)?;
    }
    tar.into_inner()
}

fn layout_tar(index: &[u8], blobs: &[Vec<u8>]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    append(&mut tar, "oci-layout", 0o644, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    append(&mut tar, "index.json", 0o644, index)?;
    for blob in blobs {
        append(&mut tar, &format!("blobs/sha256/{}", digest_of(blob).hex()), 0o644, blob)?;
    }
    tar.into_inner()
}

fn append(tar: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    tar.append_data(&mut header, path, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(content: &[u8]) -> Archive {
        let file = File { path: "etc/x".into(), content: content.to_vec(), executable: false };
        build("sample/x:1", &[vec![file]]).unwrap()
    }

    #[test]
    fn archive_of_the_same_tree_is_the_same() {
        assert_eq!(image(b"a").bytes, image(b"a").bytes);
        assert_ne!(image(b"a").manifest, image(b"b").manifest);
    }
}
