//! Archives as builders of images write them: everything is read, nothing is a problem.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests end where they go wrong")]

mod archive;
mod listing;

use api_vocab::{Algorithm, Digest};
use archive::{Archive, gnu, gzip, header, record, sign};
use listing::{clean, list};
use scanner_rootfs::Budget;

fn sha256(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).to_string()
}

fn every_kind() -> Vec<u8> {
    Archive::new()
        .dir("./")
        .dir("./a/")
        .file("./a/b", b"content")
        .program("a/p", b"#!")
        .symlink("a/s", "../x")
        .hard_link("a/h", "./a/b")
        .entry(b'3', b"a/c", b"", b"", |_| {})
        .entry(b'6', b"a/f", b"", b"", |_| {})
        .entry(b'0', b"/ko-app/x", b"", b"1", |_| {})
        .entry(0, b"v7", b"", b"2", |header| header[257..265].fill(0))
        .entry(0, b"v7dir/", b"", b"", |header| header[257..265].fill(0))
        .end()
}

const EVERY_KIND: [&str; 10] = [
    "dir a",
    "file a/b content",
    "program a/p #!",
    "symlink a/s -> ../x",
    "hardlink a/h = a/b",
    "other a/c",
    "other a/f",
    "file ko-app/x 1",
    "file v7 2",
    "dir v7dir",
];

#[test]
fn archive_ordinary_is_read() {
    assert_eq!(clean(&every_kind()), EVERY_KIND);
}

#[test]
fn archive_compressed_is_read() {
    let plain = every_kind();
    let (first, second) = plain.split_at(700);
    let members = [gzip(first), gzip(b""), gzip(second)].concat();
    let frames = [
        zstd::encode_all(first, 3).unwrap(),
        b"\x50\x2a\x4d\x18\x02\0\0\0xx".to_vec(),
        zstd::encode_all(second, 19).unwrap(),
    ];
    for stored in [gzip(&plain), members, zstd::encode_all(&plain[..], 3).unwrap(), frames.concat()] {
        assert_eq!(clean(&stored), EVERY_KIND);
        let (_, summary) = list(&stored[..], Budget::default());
        assert_eq!(summary.diff_id.unwrap().to_string(), sha256(&plain));
        assert_eq!(summary.digest.unwrap().to_string(), sha256(&stored));
        assert_eq!((summary.bytes, summary.stored_bytes), (plain.len() as u64, stored.len() as u64));
    }
}

#[test]
fn archive_plain_has_one_hash() {
    let (_, summary) = list(&every_kind()[..], Budget::default());
    assert_eq!(summary.diff_id.unwrap().to_string(), sha256(&every_kind()));
    assert_eq!(summary.digest.unwrap().to_string(), sha256(&every_kind()));
}

#[test]
fn archive_in_small_reads_is_the_same() {
    struct Trickle<'a>(&'a [u8]);
    impl std::io::Read for Trickle<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let count = out.len().min(7);
            self.0.read(&mut out[..count])
        }
    }
    for stored in [every_kind(), gzip(&every_kind())] {
        let (lines, summary) = list(Trickle(&stored), Budget::default());
        assert_eq!(lines, EVERY_KIND);
        assert_eq!(summary.diff_id.unwrap().to_string(), sha256(&every_kind()));
    }
}

#[test]
fn names_long_are_read() {
    let long = format!("{}/é/{}", "d".repeat(120), "f".repeat(120));
    let link = "l".repeat(200);
    let bytes = Archive::new()
        .long_name(long.as_bytes())
        .entry(b'0', b"cut", b"", b"1", gnu)
        .long_link(link.as_bytes())
        .long_name(b"s")
        .entry(b'2', b"cut", b"cut", b"", gnu)
        .pax(&[("path", &long), ("mtime", "1.5"), ("size", "1")])
        .file("cut", b"2")
        .pax(&[("linkpath", &link), ("SCHILY.xattr.user.x", "a=b")])
        .symlink("t", "cut")
        .entry(b'0', b"name", b"", b"3", |header| header[345..351].copy_from_slice(b"prefix"))
        .global(&[("comment", "0123")])
        .file("after", b"4")
        .end();
    let wanted = [
        format!("file {long} 1"),
        format!("symlink s -> {link}"),
        format!("file {long} 2"),
        format!("symlink t -> {link}"),
        "file prefix/name 3".to_owned(),
        "file after 4".to_owned(),
    ];
    assert_eq!(clean(&bytes), wanted);
}

#[test]
fn size_in_base_256_or_only_extended_is_read() {
    let base_256 = |header: &mut [u8; 512]| {
        header[124..136].copy_from_slice(b"\x80\0\0\0\0\0\0\0\0\0\0\x02");
    };
    assert_eq!(clean(&Archive::new().entry(b'0', b"a", b"", b"xy", base_256).end()), ["file a xy"]);
}

/// A file of nine gigabytes, as GNU tar and Go write it in the POSIX format; only its zeros are
/// made up.
#[test]
fn size_beyond_octal_is_taken_from_the_extension() {
    use std::io::Read;
    let size: u64 = 9 << 30;
    let start = Archive::new().entry(b'x', b"x", b"", &record("size", &size.to_string()), |_| {});
    let mut large = header(b'0', b"large", b"", 0);
    sign(&mut large);
    let head = [start.bytes, large.to_vec()].concat();
    let source = (&head[..]).chain(std::io::repeat(0).take(1 << 20));
    let clock = || std::time::Duration::ZERO;
    let mut reader = scanner_rootfs::LayerReader::open(source, Budget::default(), &clock);
    let entry = reader.next_entry().unwrap();
    assert_eq!(entry.kind, scanner_rootfs::Kind::File { size, executable: false });
    let codes: Vec<_> = reader.finish().problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, []);
}

#[test]
fn whiteouts_are_told_by_name() {
    let bytes = Archive::new()
        .file("a/.wh.b", b"")
        .file("a/.wh..wh..opq", b"")
        .file(".wh..wh..opq", b"")
        .dir(".wh..wh.plnk/")
        .file(".wh..wh.plnk/1.2", b"x")
        .entry(b'3', b".wh.dev", b"", b"", |_| {})
        .file("x.wh.y", b"")
        .end();
    let wanted = [
        "whiteout a/b",
        "opaque a",
        "opaque ",
        "metadata .wh..wh.plnk",
        "metadata .wh..wh.plnk/1.2",
        "whiteout dev",
        "file x.wh.y ",
    ];
    assert_eq!(clean(&bytes), wanted);
}

#[test]
fn archive_read_by_another_crate_is_the_same() {
    let mut builder = tar::Builder::new(Vec::new());
    let mut wanted = Vec::new();
    for length in [1, 50, 99, 100, 101, 155, 200, 255, 256, 300, 1000] {
        let path = format!("{}/{}", "d".repeat(length.min(200)), "n".repeat(length));
        let content = "c".repeat(length * 3);
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        builder.append_data(&mut header, &path, content.as_bytes()).unwrap();
        wanted.push(format!("program {path} {content}"));
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, "s", &path).unwrap();
        wanted.push(format!("symlink s -> {path}"));
    }
    assert_eq!(clean(&builder.into_inner().unwrap()), wanted);
}
