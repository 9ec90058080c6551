//! Lists what the reader makes of a layer, one line an entry.

#![allow(dead_code, reason = "each test uses a part")]

use api_vocab::{Algorithm, Digest, ProblemCode};
use scanner_rootfs::{Budget, Kind, LayerReader, LayerSummary};
use std::io::Read;
use std::time::Duration;

/// Entries as lines, and the summary.
pub fn list(source: impl Read, budget: Budget) -> (Vec<String>, LayerSummary) {
    let clock = || Duration::ZERO;
    let mut reader = LayerReader::open(source, budget, &clock);
    let mut lines = Vec::new();
    while let Some(mut entry) = reader.next_entry() {
        let path = entry.path.to_owned();
        lines.push(match entry.kind {
            Kind::File { executable, .. } => {
                let mark = if executable { "program" } else { "file" };
                let mut content = Vec::new();
                match entry.content.read_to_end(&mut content) {
                    Ok(_) => format!("{mark} {path} {}", shown(&content)),
                    Err(error) => format!("{mark} {path} ! {error}"),
                }
            }
            Kind::Dir => format!("dir {path}"),
            Kind::Symlink { target } => format!("symlink {path} -> {target}"),
            Kind::Hardlink { target } => format!("hardlink {path} = {target}"),
            Kind::Other => format!("other {path}"),
            Kind::Whiteout { path } => format!("whiteout {path}"),
            Kind::Opaque { dir } => format!("opaque {dir}"),
            Kind::Metadata => format!("metadata {path}"),
        });
    }
    (lines, reader.finish())
}

/// Content, or of long content without text the hash, as `testdata/make.py` shows it.
fn shown(content: &[u8]) -> String {
    if content.len() < 1000 || !content.contains(&0) {
        return String::from_utf8_lossy(content).into_owned();
    }
    Digest::of(Algorithm::Sha256, content).hex()
}

/// The entries of a layer that has no problems.
#[track_caller]
pub fn clean(bytes: &[u8]) -> Vec<String> {
    let (lines, summary) = list(bytes, Budget::default());
    assert_eq!(summary.problems, []);
    assert!(summary.diff_id.is_some());
    lines
}

/// The entries of a layer, and the codes of its problems.
pub fn partial(bytes: &[u8]) -> (Vec<String>, Vec<ProblemCode>) {
    let (lines, summary) = list(bytes, Budget::default());
    (lines, summary.problems.iter().map(|problem| problem.code).collect())
}
