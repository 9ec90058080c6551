//! Any bytes at all: never a panic, never more than the budget.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests end where they go wrong")]

mod archive;
mod listing;

use archive::{Archive, gzip, sign};
use listing::list;
use proptest::prelude::*;
use scanner_rootfs::Budget;

fn small() -> Budget {
    Budget { bytes: 64 << 10, entries: 20, file: 4096, problems: 8, ..Budget::default() }
}

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (lines, summary) = list(bytes, small());
    prop_assert!(lines.len() <= 20);
    prop_assert!(summary.problems.len() <= 9);
    prop_assert!(summary.diff_id.is_some() || !summary.problems.is_empty());
    // The last piece may go over the limit before it is noticed.
    prop_assert!(summary.bytes <= (64 + 256) << 10);
    for line in &lines {
        let path = line.split(' ').nth(1).unwrap_or_default();
        prop_assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."), "{}", line);
    }
    Ok(())
}

fn seed() -> Vec<u8> {
    Archive::new()
        .dir("d/")
        .pax(&[("path", "d/é"), ("size", "3"), ("linkpath", "x")])
        .file("x", b"abc")
        .long_name(&[b'n'; 120])
        .file("y", &[b'z'; 700])
        .symlink("d/s", "../..")
        .hard_link("d/h", "d/é")
        .file("d/.wh.gone", b"")
        .end()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn bytes_arbitrary_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        check(&bytes)?;
    }

    #[test]
    fn archive_mutated_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
        signed in any::<bool>(),
    ) {
        let mut bytes = seed();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if signed {
            for block in bytes.chunks_exact_mut(512) {
                sign(block.try_into().unwrap());
            }
        }
        check(&bytes)?;
        let stored = gzip(&bytes);
        check(&stored[..cut.index(stored.len())])?;
        let mut stored = stored;
        let at = cut.index(stored.len());
        stored[at] ^= 0x55;
        check(&stored)?;
    }
}
