//! The hash of content, at once or as it arrives: the one place where SHA-2 is computed.
//!
//! By AWS-LC, which TLS brings along anyway: on processors without SHA extensions it is nearly twice
//! as fast as code without assembly, and layers are hashed twice.

use crate::digest::{Algorithm, Digest};
use aws_lc_rs::digest::{self, Context, SHA256, SHA512};
use std::fmt;

/// The SHA-256 of `content`.
pub fn sha256(content: impl AsRef<[u8]>) -> [u8; 32] {
    value(&digest::digest(&SHA256, content.as_ref()))
}

/// The hash of what has arrived so far.
#[derive(Clone)]
pub struct ContentHash {
    algorithm: Algorithm,
    context: Context,
}

impl ContentHash {
    /// The hash of nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        let context = match algorithm {
            Algorithm::Sha256 => Context::new(&SHA256),
            Algorithm::Sha512 => Context::new(&SHA512),
        };
        ContentHash { algorithm, context }
    }

    /// More has arrived.
    pub fn update(&mut self, content: &[u8]) {
        self.context.update(content);
    }

    /// The digest of all that arrived.
    pub fn finish(self) -> Digest {
        let found = self.context.finish();
        match self.algorithm {
            Algorithm::Sha256 => Digest::sha256(value(&found)),
            Algorithm::Sha512 => Digest::sha512(value(&found)),
        }
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({})", self.algorithm.as_str())
    }
}

impl Digest {
    /// The digest of `content`.
    pub fn of(algorithm: Algorithm, content: impl AsRef<[u8]>) -> Self {
        let mut hash = ContentHash::new(algorithm);
        hash.update(content.as_ref());
        hash.finish()
    }
}

fn value<const N: usize>(found: &digest::Digest) -> [u8; N] {
    let mut value = [0; N];
    value.iter_mut().zip(found.as_ref()).for_each(|(to, from)| *to = *from);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_what_sha256sum_and_sha512sum_print() {
        // printf abc | sha256sum; printf abc | sha512sum
        let known = [
            (Algorithm::Sha256, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                Algorithm::Sha512,
                "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ];
        for (algorithm, text) in known {
            assert_eq!(Digest::of(algorithm, "abc").to_string(), text);
        }
        assert_eq!(Digest::sha256(sha256("abc")), Digest::of(Algorithm::Sha256, "abc"));
    }

    #[test]
    fn hash_of_pieces_is_that_of_the_whole() {
        let content: Vec<u8> = (0..1000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            for size in [1, 63, 64, 65, 999] {
                let mut hash = ContentHash::new(algorithm);
                content.chunks(size).for_each(|piece| hash.update(piece));
                let so_far = hash.clone();
                assert_eq!(hash.finish(), Digest::of(algorithm, &content), "{size}");
                assert_eq!(so_far.finish(), Digest::of(algorithm, &content), "{size}, a copy");
            }
        }
    }
}
