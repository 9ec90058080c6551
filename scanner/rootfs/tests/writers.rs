//! Archives by other writers, and what another reader lists in them (`testdata/make.py`).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests end where they go wrong")]

mod listing;

use listing::clean;

#[track_caller]
fn check(archive: &[u8], listed: &str) {
    let listed: Vec<&str> = listed.lines().collect();
    assert_eq!(clean(archive), listed);
}

macro_rules! writers {
    ($($name:ident = $file:literal),+ $(,)?) => {
        $(#[test]
        fn $name() {
            check(
                include_bytes!(concat!("testdata/", $file, ".tar.gz")),
                include_str!(concat!("testdata/", $file, ".txt")),
            );
        })+
    };
}

writers! {
    gnu_tar_archive_is_listed_alike = "gnu",
    gnu_tar_sparse_archive_is_listed_alike = "gnu-sparse",
    gnu_tar_posix_archive_is_listed_alike = "posix",
    gnu_tar_posix_sparse_0_0_archive_is_listed_alike = "posix-sparse-0.0",
    gnu_tar_posix_sparse_0_1_archive_is_listed_alike = "posix-sparse-0.1",
    gnu_tar_posix_sparse_1_0_archive_is_listed_alike = "posix-sparse-1.0",
    gnu_tar_ustar_archive_is_listed_alike = "ustar",
    gnu_tar_v7_archive_is_listed_alike = "v7",
    python_gnu_archive_is_listed_alike = "python-gnu",
    python_pax_archive_is_listed_alike = "python-pax",
}
