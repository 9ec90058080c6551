//! What containerd's snapshotters unpacked: which folder holds which layer.
//!
//! The API tells folders only of snapshots that somebody writes to, and asking for another one
//! would make a view, which is a change. So the snapshotter's own database is read, beside its
//! owner and without its lock: [`bolt`] says how that is sound.

mod bolt;

use crate::error::ReadError;
use crate::stores::unpacked::{Dialect, Folder};
use api_vocab::{Algorithm, Digest};
use bolt::{Bucket, Value, View};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The kind of snapshot that is a finished layer.
const COMMITTED: u8 = 3;
/// How often a database that changes while it is read is read again.
const ATTEMPTS: usize = 20;

/// How a snapshotter keeps layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Each layer apart, as overlayfs wants it.
    Apart,
    /// Each with all that lies beneath it.
    Whole,
}

/// A snapshotter's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshotter {
    root: PathBuf,
    pub(super) keeping: Keeping,
}

/// The finished snapshots of one namespace: number by chain id.
pub(super) type Snapshots = HashMap<Digest, u64>;

impl Snapshotter {
    /// Those below containerd's root that are read.
    pub(super) fn all(root: &Path) -> [Self; 2] {
        [("overlayfs", Keeping::Apart), ("native", Keeping::Whole)].map(|(name, keeping)| Snapshotter {
            root: root.join(format!("io.containerd.snapshotter.v1.{name}")),
            keeping,
        })
    }

    /// Its finished snapshots in `namespace`; none if nobody uses this snapshotter.
    ///
    /// # Errors
    /// The database cannot be read, is malformed, or never stands still.
    pub(super) fn snapshots(&self, namespace: &str) -> Result<Snapshots, ReadError> {
        let failed = |error| ReadError::io(format!("read the snapshots of {}", self.root.display()), error);
        let folder = match Folder::open(&self.root) {
            Ok(folder) => folder,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Snapshots::new()),
            Err(error) => return Err(failed(error)),
        };
        let file = match folder.open_file(b"metadata.db") {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Snapshots::new()),
            Err(error) => return Err(failed(error)),
        };
        bolt::read_quietly(&file, ATTEMPTS, |view| committed(view, namespace)).map_err(failed)
    }

    /// Which marks count in its folders.
    ///
    /// # Errors
    /// They cannot be looked at.
    pub(super) fn dialect(&self) -> Result<Dialect, ReadError> {
        let found = Folder::open(&self.root).and_then(|root| Dialect::of(&root));
        found.map_err(|error| ReadError::io(format!("look at {}", self.root.display()), error))
    }

    /// The folder of a snapshot.
    ///
    /// # Errors
    /// It is not there, or cannot be opened.
    pub(super) fn open(&self, number: u64) -> std::io::Result<Folder> {
        let snapshot = Folder::open(&self.root)?.open_folder(b"snapshots")?;
        let snapshot = snapshot.open_folder(number.to_string().as_bytes())?;
        match self.keeping {
            Keeping::Apart => snapshot.open_folder(b"fs"),
            Keeping::Whole => Ok(snapshot),
        }
    }
}

/// Snapshots are called `<namespace>/<sequence>/<chain id>`. Where one was removed and made again,
/// the later one counts.
fn committed(view: &View<'_>, namespace: &str) -> std::io::Result<Snapshots> {
    let Some(version) = view.bucket(&view.root(), b"v1")? else { return Ok(Snapshots::new()) };
    let Some(all) = view.bucket(&version, b"snapshots")? else { return Ok(Snapshots::new()) };
    let mut latest: HashMap<Digest, (u64, u64)> = HashMap::new();
    view.visit(&all, &mut |key, value| {
        let Value::Bucket(snapshot) = value else { return Ok(()) };
        let Some((sequence, chain)) = parse_key(key, namespace) else { return Ok(()) };
        let Some(number) = finished(view, &snapshot)? else { return Ok(()) };
        let is_later = latest.get(&chain).is_none_or(|(known, _)| *known < sequence);
        if is_later {
            latest.insert(chain, (sequence, number));
        }
        Ok(())
    })?;
    Ok(latest.into_iter().map(|(chain, (_, number))| (chain, number)).collect())
}

fn parse_key(key: &[u8], namespace: &str) -> Option<(u64, Digest)> {
    let rest = std::str::from_utf8(key).ok()?.strip_prefix(namespace)?.strip_prefix('/')?;
    let (sequence, chain) = rest.split_once('/')?;
    Some((sequence.parse().ok()?, chain.parse().ok()?))
}

/// The number of a finished snapshot.
fn finished(view: &View<'_>, snapshot: &Bucket) -> std::io::Result<Option<u64>> {
    let (mut kind, mut number) = (None, None);
    view.visit(snapshot, &mut |key, value| {
        match (key, value) {
            (b"kind", Value::Bytes([byte])) => kind = Some(*byte),
            (b"id", Value::Bytes(bytes)) => number = parse_varint(bytes),
            _ => {}
        }
        Ok(())
    })?;
    Ok(number.filter(|_| kind == Some(COMMITTED)))
}

/// An unsigned number in seven bits a byte, the lowest first.
fn parse_varint(bytes: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        let shift = u32::try_from(at).ok()? * 7;
        if bits.checked_shl(shift)?.checked_shr(shift)? != bits {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// The chain ids of layers, bottom first: each names a layer with all that lies beneath it.
pub(super) fn chain_ids<'a>(diff_ids: impl IntoIterator<Item = &'a Digest>) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::new();
    for diff_id in diff_ids {
        let next = match chain.last() {
            None => diff_id.clone(),
            Some(below) => Digest::of(Algorithm::Sha256, format!("{below} {diff_id}")),
        };
        chain.push(next);
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varint_of_each_length_is_read() {
        for (bytes, number) in [
            (&[1][..], Some(1)),
            (&[0x80, 0x01], Some(128)),
            (&[0xff; 9], None),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Some(u64::MAX)),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], None),
            (&[], None),
        ] {
            assert_eq!(parse_varint(bytes), number, "{bytes:?}");
        }
    }

    #[test]
    fn key_of_another_namespace_or_of_a_container_is_passed_over() {
        let chain = Digest::sha256([7; 32]);
        let key = |text: String| parse_key(text.as_bytes(), "k8s.io");
        assert_eq!(key(format!("k8s.io/4/{chain}")), Some((4, chain.clone())));
        assert_eq!(key(format!("moby/4/{chain}")), None);
        assert_eq!(key("k8s.io/4/extract-1 sha256:00".to_owned()), None);
        assert_eq!(key(format!("k8s.io.x/4/{chain}")), None);
    }

    #[test]
    fn chain_of_layers_hashes_all_beneath() {
        let parse = |text: &str| text.parse::<Digest>().unwrap();
        // As containerd 1.6 named the snapshots of an image of these two layers.
        let layers = [
            parse("sha256:f52f3ac86b32cb31a32921956913cdd0d744308785090cdbcad6b5023c83280d"),
            parse("sha256:5cfafeae9582fae7265317463fe542c8db99d36a815bdca4b325d5216780021a"),
        ];
        let top = parse("sha256:7f547968c4494ea05eba13c96c24d5a7c2933c9368b5f02d970ebef8089caaff");
        assert_eq!(chain_ids(&layers), [layers[0].clone(), top]);
    }
}
