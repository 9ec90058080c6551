//! Lists what our reader makes of each archive in a folder, into a file of the same name in another
//! one: only of those in which it sees nothing wrong. `fuzz/peer.sh` compares with another reader.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a tool for those who develop")]

use api_vocab::{Algorithm, Digest};
use scanner_rootfs::{Budget, Kind, LayerReader};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

fn main() {
    let mut folders = std::env::args().skip(1);
    let (from, to) = (folders.next().expect("a folder to read"), folders.next().expect("a folder to write"));
    let (mut seen, mut clean) = (0, 0);
    for entry in std::fs::read_dir(from).expect("read the folder") {
        let path = entry.expect("read the folder").path();
        let bytes = std::fs::read(&path).expect("read an archive");
        seen += 1;
        if let Some(listing) = listing(&bytes) {
            clean += 1;
            let name = path.file_name().expect("a name");
            std::fs::write(Path::new(&to).join(name), listing).expect("write a listing");
        }
    }
    println!("{seen} archives, {clean} of them without a problem");
}

/// One line an entry; nothing for an archive with problems.
fn listing(bytes: &[u8]) -> Option<String> {
    // What is packed is another matter.
    if bytes.starts_with(&[0x1f, 0x8b])
        || bytes.starts_with(&[0x28, 0xb5])
        || bytes.get(1..4) == Some(b"*M\x18")
    {
        return None;
    }
    let budget = Budget { bytes: 1 << 26, file: 1 << 26, ..Budget::default() };
    let clock = || Duration::ZERO;
    let mut reader = LayerReader::open(bytes, budget, &clock);
    let mut lines = String::new();
    while let Some(mut entry) = reader.next_entry() {
        let path = entry.path.to_owned();
        let line = match entry.kind {
            Kind::File { size, executable } => {
                let mut content = Vec::new();
                entry.content.read_to_end(&mut content).ok()?;
                let hash = Digest::of(Algorithm::Sha256, &content).hex();
                format!("file {} {size} {executable} {hash}", quoted(&path))
            }
            Kind::Dir => format!("dir {}", quoted(&path)),
            Kind::Symlink { target } => format!("symlink {} {}", quoted(&path), quoted(target)),
            Kind::Hardlink { target } => format!("hardlink {} {}", quoted(&path), quoted(target)),
            Kind::Other => format!("other {}", quoted(&path)),
            Kind::Whiteout { .. } | Kind::Opaque { .. } | Kind::Metadata => format!("mark {}", quoted(&path)),
        };
        lines.push_str(&line);
        lines.push('\n');
    }
    reader.finish().problems.is_empty().then_some(lines)
}

/// Anything but plain ASCII as its bytes, so that both readers write it alike.
fn quoted(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'!'..=b'~' if byte != b'\\' => char::from(byte).to_string(),
            _ => format!("\\x{byte:02x}"),
        })
        .collect()
}
