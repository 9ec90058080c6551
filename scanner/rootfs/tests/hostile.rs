//! Archives that lie: each gives what is sound, and says that the layer is partial.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests end where they go wrong")]

mod archive;
mod listing;

use api_vocab::ProblemCode::{
    self, AmbiguousArchive, Malformed, PathTooLong, TooLarge, Truncated, Unsupported,
};
use archive::{Archive, gnu, gzip, record, sized};
use listing::{list, partial};
use scanner_rootfs::Budget;

#[track_caller]
fn check(archive: Archive, lines: &[&str], codes: &[ProblemCode]) {
    let (found, problems) = partial(&archive.end());
    assert_eq!(found, lines);
    assert_eq!(problems, codes);
}

#[test]
fn name_that_leaves_the_root_is_refused() {
    for name in ["../x", "a/../../x", "/../x", "./../x", ".."] {
        check(Archive::new().file(name, b"1").file("b", b"2"), &["file b 2"], &[AmbiguousArchive]);
    }
    check(Archive::new().hard_link("a", "../../etc/shadow"), &["other a"], &[AmbiguousArchive]);
}

#[test]
fn name_that_is_not_normal_is_cleaned_and_told() {
    for name in ["a//b", "a/./b", "x/../a/b", "//a/b"] {
        check(Archive::new().file(name, b"1"), &["file a/b 1"], &[AmbiguousArchive]);
    }
    check(Archive::new().file("a/", b"1"), &["file a 1"], &[AmbiguousArchive]);
    check(Archive::new().file("./", b"1"), &[], &[AmbiguousArchive, AmbiguousArchive]);
}

#[test]
fn name_unreadable_is_refused() {
    check(Archive::new().entry(b'0', b"a\xffb", b"", b"1", |_| {}), &[], &[Malformed]);
    check(Archive::new().entry(b'0', b"", b"", b"1", |_| {}), &[], &[AmbiguousArchive]);
    let deep = "d/".repeat(300);
    check(Archive::new().pax(&[("path", &deep)]).dir("x"), &[], &[PathTooLong]);
    check(Archive::new().long_name(&[b'a'; 5000]).file("x", b""), &[], &[PathTooLong]);
}

#[test]
fn whiteout_of_nothing_or_parents_is_refused() {
    for name in ["a/.wh.", "a/.wh..", "a/.wh...", ".wh..."] {
        check(Archive::new().file(name, b""), &[], &[AmbiguousArchive]);
    }
}

#[test]
fn sizes_that_differ_follow_the_extension_and_are_told() {
    // A reader that trusts the header takes the second block of content for an entry.
    let inner = Archive::new().file("hidden", b"").bytes;
    let content = [&[b'x'; 512][..], &inner].concat();
    let lie = Archive::new()
        .pax(&[("size", &content.len().to_string())])
        .entry(b'0', b"a", b"", &content, sized(512))
        .file("b", b"2");
    let (lines, codes) = partial(&lie.end());
    assert_eq!(lines.len(), 2);
    assert_eq!((lines[1].as_str(), codes), ("file b 2", vec![AmbiguousArchive]));
}

#[test]
fn extension_doubtful_is_told() {
    let one = || Archive::new().file("a", b"1");
    let after = |archive: Archive| Archive { bytes: [archive.bytes, one().bytes].concat() };
    check(after(Archive::new().pax(&[("path", "b"), ("path", "c")])), &["file c 1"], &[AmbiguousArchive]);
    check(
        after(Archive::new().pax(&[("path", "b")]).pax(&[("path", "c")])),
        &["file c 1"],
        &[AmbiguousArchive],
    );
    check(after(Archive::new().long_name(b"b").pax(&[("path", "c")])), &["file b 1"], &[AmbiguousArchive]);
    check(after(Archive::new().long_name(b"b").long_name(b"c")), &["file c 1"], &[AmbiguousArchive]);
    check(after(Archive::new().long_name(b"b\0c")), &["file b 1"], &[AmbiguousArchive]);
    check(after(Archive::new().global(&[("path", "g")])), &["file a 1"], &[AmbiguousArchive]);
    check(after(Archive::new().global(&[("size", "9")])), &["file a 1"], &[AmbiguousArchive]);
    check(
        after(Archive::new().entry(b'x', b"x", b"", b"9999 path=b\n", |_| {})),
        &["file a 1"],
        &[AmbiguousArchive],
    );
    let nul = record("path", "b\0c");
    check(
        after(Archive::new().entry(b'x', b"x", b"", &nul, |_| {})),
        &[],
        &[AmbiguousArchive, AmbiguousArchive],
    );
}

#[test]
fn extension_too_large_ends_the_layer() {
    let large = Archive::new().long_name(&vec![b'a'; 2 << 20]).file("a", b"1");
    check(large, &[], &[TooLarge]);
    let claimed = Archive::new().entry(b'L', b"x", b"", b"", sized(0o77_777_777_777));
    check(claimed, &[], &[TooLarge]);
}

#[test]
fn extension_without_an_entry_is_told() {
    check(Archive::new().file("a", b"1").long_name(b"b"), &["file a 1"], &[Truncated]);
}

#[test]
fn header_without_its_checksum_ends_the_layer() {
    let mut bytes = Archive::new().file("a", b"1").file("b", b"2").file("c", b"3").end();
    bytes[1024] ^= 1;
    assert_eq!(partial(&bytes), (vec!["file a 1".to_owned()], vec![Malformed]));
}

#[test]
fn size_unreadable_ends_the_layer() {
    for field in
        [*b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", *b"00000000019\0", *b"-1\0\0\0\0\0\0\0\0\0\0"]
    {
        let edit = |header: &mut [u8; 512]| header[124..136].copy_from_slice(&field);
        check(Archive::new().entry(b'0', b"a", b"", b"", edit).file("b", b""), &[], &[Malformed]);
    }
}

#[test]
fn size_claimed_beyond_the_end_is_truncated() {
    for size in [1600, 0o77_777_777_777] {
        let archive = Archive::new().entry(b'0', b"a", b"", b"x", sized(size));
        let (_, codes) = partial(&archive.end());
        assert_eq!(codes, [Truncated]);
    }
}

#[test]
fn size_of_a_link_or_folder_is_told() {
    for kind in *b"123456" {
        let (_, codes) = partial(&Archive::new().entry(kind, b"a", b"b", b"", sized(512)).end());
        assert_eq!(codes[0], AmbiguousArchive);
    }
}

#[test]
fn prefix_in_the_gnu_dialect_is_told() {
    let edit = |header: &mut [u8; 512]| {
        gnu(header);
        header[345..351].copy_from_slice(b"prefix");
    };
    check(Archive::new().entry(b'0', b"a", b"", b"1", edit), &["file prefix/a 1"], &[AmbiguousArchive]);
}

#[test]
fn kind_unknown_is_passed_over_and_told() {
    let archive = Archive::new().entry(b'X', b"a", b"", b"data", |_| {}).file("b", b"2");
    check(archive, &["other a", "file b 2"], &[Unsupported]);
}

#[test]
fn something_after_the_end_is_told() {
    let first = Archive::new().file("a", b"1").end();
    let second = Archive::new().file("b", b"2").end();
    assert_eq!(partial(&[first.clone(), second].concat()), (vec!["file a 1".into()], vec![AmbiguousArchive]));
    let zeros = [first, vec![0; 100_000]].concat();
    assert_eq!(partial(&zeros), (vec!["file a 1".into()], vec![]));
}

#[test]
fn zero_block_alone_ends_the_layer() {
    let archive = Archive::new().file("a", b"1").content(&[0; 512]).file("b", b"2");
    check(archive, &["file a 1"], &[AmbiguousArchive]);
}

#[test]
fn archive_cut_anywhere_is_truncated() {
    let archive = Archive::new()
        .dir("d")
        .long_name(&[b'n'; 150])
        .file("cut", &[b'x'; 1100])
        .pax(&[("path", "p")])
        .file("q", b"1");
    let content = archive.bytes.len();
    let whole = archive.end();
    for length in (0..content).step_by(512).chain([1, 511, 513, content - 1]) {
        let (_, codes) = partial(&whole[..length]);
        assert_eq!(codes, [Truncated], "cut at {length}");
        let (_, codes) = partial(&gzip(&whole)[..gzip(&whole).len() * length / content]);
        assert!(!codes.is_empty(), "compressed, cut at {length}");
    }
}

#[test]
fn compression_broken_or_followed_by_garbage_is_told() {
    let whole = Archive::new().file("a", b"1").end();
    let mut broken = gzip(&whole);
    let end = broken.len();
    broken[end - 6] ^= 1;
    assert_eq!(partial(&broken).1, [Malformed]);
    let followed = [gzip(&whole), b"garbage".to_vec()].concat();
    assert_eq!(partial(&followed).1.len(), 1);
    let followed = [zstd::encode_all(&whole[..], 3).unwrap(), b"garbage".to_vec()].concat();
    assert_eq!(partial(&followed).1.len(), 1);
}

#[test]
fn compression_unknown_is_unsupported() {
    for magic in [&b"BZh91AY&SY"[..], b"\xfd7zXZ\0\0"] {
        assert_eq!(partial(magic), (vec![], vec![Unsupported]));
    }
}

#[test]
fn window_too_long_is_refused() {
    // A frame header that asks for 2 GiB, then a block that repeats one byte.
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8][..], &[0x03, 0x00, 0x00, 0x00]].concat();
    let (lines, summary) = list(&frame[..], Budget::default());
    assert_eq!((lines, summary.problems.len()), (vec![], 1));
    assert_eq!(summary.diff_id, None);
}

/// Found by comparison with the reader of container runtimes (`fuzz/peer.sh`): it forgets a long name
/// at a global header, so that it would see the database that we take for another file.
#[test]
fn global_header_between_an_entry_and_its_extension_is_told() {
    for before in [Archive::new().long_name(b"other"), Archive::new().pax(&[("path", "other")])] {
        let archive = before.global(&[("comment", "x")]).file("var/lib/dpkg/status", b"x").end();
        let (entries, problems) = partial(&archive);
        assert_eq!((entries.len(), problems.as_slice()), (1, &[AmbiguousArchive][..]));
    }
}

#[test]
fn global_header_named_as_a_whiteout_is_told() {
    let archive =
        Archive::new().entry(b'g', b"var/lib/.wh.dpkg", b"", &archive::record("comment", "x"), |_| {});
    assert_eq!(partial(&archive.file("a", b"x").end()).1, [AmbiguousArchive]);
}

#[test]
fn long_name_that_is_empty_is_passed_over_and_told() {
    let archive = Archive::new().long_link(b"").symlink("var/lib/dpkg", "/opt").long_name(b"").file("a", b"");
    let (entries, problems) = partial(&archive.end());
    assert_eq!(entries, ["symlink var/lib/dpkg -> /opt", "file a "]);
    assert_eq!(problems, [AmbiguousArchive, AmbiguousArchive]);
    assert_eq!(partial(&Archive::new().file("a", b"").long_name(b"").end()).1, [Truncated]);
}
