//! Images that tests build, in each layout that tools write.

#![allow(dead_code)] // Each test file uses some of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests.

use api_vocab::{Algorithm, Digest};
use api_wire::fetcher::ResolveRequest;
use api_wire::image_source::{FetchError, ImageSource, LayerEvent};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;

pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// What lies in an archive, in the order of the names, as engines write it.
pub type Files = BTreeMap<String, Content>;

#[derive(Clone)]
pub enum Content {
    File(Vec<u8>),
    Link(String),
}

pub fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

/// A layer of one file.
pub fn a_layer(path: &str, content: &[u8]) -> Vec<u8> {
    tar(&Files::from([(path.to_owned(), Content::File(content.to_vec()))]))
}

pub fn tar(files: &Files) -> Vec<u8> {
    tar_of(files.iter())
}

pub fn tar_of<'a>(files: impl Iterator<Item = (&'a String, &'a Content)>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        // Written as bytes: the crate refuses the hostile names that some tests are about.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        match content {
            Content::File(bytes) => {
                header.set_size(bytes.len() as u64);
                header.set_cksum();
                builder.append(&header, bytes.as_slice()).unwrap();
            }
            Content::Link(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                header.as_gnu_mut().unwrap().linkname[..target.len()].copy_from_slice(target.as_bytes());
                header.set_cksum();
                builder.append(&header, &[][..]).unwrap();
            }
        }
    }
    builder.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

pub fn config(layers: &[Vec<u8>], architecture: &str) -> Vec<u8> {
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| sha256(layer)).collect();
    let config = json!({
        "architecture": architecture, "os": "linux", "config": {"Env": []},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    serde_json::to_vec(&config).unwrap()
}

/// The legacy layout of `docker save`, as engine 20.10 writes it; equal layers are links.
pub fn saved(layers: &[Vec<u8>], tag: &str) -> Files {
    let config = config(layers, "amd64");
    let config_name = format!("{}.json", sha256(&config).hex());
    let ids = legacy_ids(layers);
    let mut files = Files::new();
    for (at, ((id, json), layer)) in ids.iter().zip(layers).enumerate() {
        // The first in the order of names is the file, as when the engine walks its folder.
        let same = ids
            .iter()
            .zip(layers)
            .enumerate()
            .find(|(other, (_, content))| *other != at && *content == layer);
        let content = match same {
            Some((other, ((target, _), _))) if other < at => Content::Link(format!("../{target}/layer.tar")),
            _ => Content::File(layer.clone()),
        };
        files.insert(format!("{id}/VERSION"), Content::File(b"1.0".to_vec()));
        files.insert(format!("{id}/json"), Content::File(json.clone()));
        files.insert(format!("{id}/layer.tar"), content);
    }
    let names: Vec<String> = ids.iter().map(|(id, _)| format!("{id}/layer.tar")).collect();
    let manifest = json!([{"Config": config_name, "RepoTags": [tag], "Layers": names}]);
    files.insert(config_name, Content::File(config));
    files.insert("manifest.json".to_owned(), Content::File(manifest.to_string().into_bytes()));
    files.insert("repositories".to_owned(), Content::File(b"{}".to_vec()));
    files
}

/// Ids and `json` of the legacy layout: written out here as the engine's source has it.
fn legacy_ids(layers: &[Vec<u8>]) -> Vec<(String, Vec<u8>)> {
    let mut ids: Vec<(String, Vec<u8>)> = Vec::new();
    let mut chain = String::new();
    for (at, layer) in layers.iter().enumerate() {
        let diff_id = sha256(layer).to_string();
        chain = if chain.is_empty() {
            diff_id
        } else {
            sha256(format!("{chain} {diff_id}").as_bytes()).to_string()
        };
        let is_top = at + 1 == layers.len();
        let mut v1 = json!({"created": "1970-01-01T00:00:00Z", "container_config": {"Cmd": null}});
        if is_top {
            v1["config"] = json!({"Env": ["A=<b>"]});
            v1["os"] = json!("linux");
        }
        let parent = ids.last().map(|(id, _)| id.clone());
        let mut hashed = v1.clone();
        hashed["layer_id"] = json!(chain);
        if let Some(parent) = &parent {
            hashed["parent"] = json!(format!("sha256:{parent}"));
        }
        let id = sha256(hashed.to_string().as_bytes()).hex();
        v1["id"] = json!(id);
        if let Some(parent) = parent {
            v1["parent"] = json!(parent);
        }
        v1["os"] = json!("linux");
        ids.push((id, v1.to_string().into_bytes()));
    }
    ids
}

pub fn blob(files: &mut Files, bytes: Vec<u8>) -> Digest {
    let digest = sha256(&bytes);
    files.insert(format!("blobs/sha256/{}", digest.hex()), Content::File(bytes));
    digest
}

pub fn descriptor(media_type: &str, digest: &Digest, size: usize) -> Value {
    json!({"mediaType": media_type, "digest": digest, "size": size})
}

/// An image as an OCI layout; `stored` are the layers as they lie there.
pub fn oci_manifest(files: &mut Files, layers: &[Vec<u8>], stored: &[Vec<u8>], architecture: &str) -> Value {
    let config = config(layers, architecture);
    let size = config.len();
    let config = blob(files, config);
    let mut descriptors = Vec::new();
    for bytes in stored {
        let media_type = match bytes.as_slice() {
            [0x1f, 0x8b, ..] => format!("{LAYER}+gzip"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => format!("{LAYER}+zstd"),
            _ => LAYER.to_owned(),
        };
        let size = bytes.len();
        let digest = blob(files, bytes.clone());
        descriptors.push(descriptor(&media_type, &digest, size));
    }
    json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": descriptors,
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config, size),
    })
}

pub fn oci(layers: &[Vec<u8>], stored: &[Vec<u8>], tag: &str) -> Files {
    let mut files = Files::new();
    let manifest = oci_manifest(&mut files, layers, stored, "amd64");
    index(&mut files, &manifest, tag);
    files
}

/// Point `index.json` to this manifest.
pub fn index(files: &mut Files, manifest: &Value, tag: &str) {
    let bytes = manifest.to_string().into_bytes();
    let size = bytes.len();
    let digest = blob(files, bytes);
    let mut entry = descriptor(MANIFEST, &digest, size);
    entry["annotations"] = json!({"io.containerd.image.name": tag});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]});
    files.insert("index.json".to_owned(), Content::File(index.to_string().into_bytes()));
    files.insert("oci-layout".to_owned(), Content::File(br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()));
}

pub fn any() -> ResolveRequest {
    ResolveRequest::default()
}

pub fn named(reference: &str) -> ResolveRequest {
    ResolveRequest { references: vec![reference.to_owned()], ..ResolveRequest::default() }
}

/// Layers read from a source, by diff-id.
pub type Read = BTreeMap<Digest, Vec<u8>>;

/// Resolve, then read all layers.
pub async fn read_all(source: &dyn ImageSource, request: &ResolveRequest) -> Result<Read, FetchError> {
    let image = source.resolve(request).await?;
    let wanted: Vec<Digest> = image.layers.iter().map(|layer| layer.diff_id.clone()).collect();
    read_layers(source, &image.handle, &wanted).await
}

pub async fn read_layers(
    source: &dyn ImageSource,
    handle: &str,
    wanted: &[Digest],
) -> Result<Read, FetchError> {
    let mut stream = source.open_layers(handle, wanted).await?;
    let mut read = Read::new();
    let mut current: Option<(Digest, u64, Vec<u8>)> = None;
    while let Some(event) = stream.next().await {
        match event? {
            LayerEvent::Start(start) => current = Some((start.diff_id, start.size, Vec::new())),
            LayerEvent::Chunk(chunk) => current.as_mut().unwrap().2.extend_from_slice(&chunk),
            LayerEvent::End => {
                let (diff_id, size, bytes) = current.take().unwrap();
                assert_eq!(size, bytes.len() as u64);
                assert!(read.insert(diff_id, bytes).is_none(), "a layer came twice");
            }
        }
    }
    assert!(current.is_none(), "a layer came without its end");
    Ok(read)
}

pub fn expected(layers: &[Vec<u8>], stored: &[Vec<u8>]) -> Read {
    layers.iter().map(|layer| sha256(layer)).zip(stored.iter().cloned()).collect()
}
