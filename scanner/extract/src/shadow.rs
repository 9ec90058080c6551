//! Hashes of paths: what a layer has, so that what it hides of other layers is known, in eight
//! bytes an entry.

use api_vocab::sha256;

/// The hash of an entry that is not a folder: the first eight bytes, the highest first, of the
/// SHA-256 of its path.
pub(crate) fn of_path(path: &str) -> u64 {
    start_of(sha256(path))
}

/// The hash of a folder: the same with a slash after its path.
pub(crate) fn of_folder(path: &str) -> u64 {
    start_of(sha256([path, "/"].concat()))
}

fn start_of(hash: [u8; 32]) -> u64 {
    hash.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// A path and all folders above it, the path first; without the root.
pub(crate) fn lineage(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| Some(path.rsplit_once('/')?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_the_start_of_sha256() {
        // printf abc | sha256sum
        assert_eq!(of_path("abc"), 0xba78_16bf_8f01_cfea);
        assert_ne!(of_path("abc"), of_folder("abc"));
        assert_eq!(of_folder("abc"), of_path("abc/"));
    }

    #[test]
    fn lineage_ends_below_the_root() {
        assert_eq!(lineage("a/b/c").collect::<Vec<_>>(), ["a/b/c", "a/b", "a"]);
        assert_eq!(lineage("a").collect::<Vec<_>>(), ["a"]);
    }
}
