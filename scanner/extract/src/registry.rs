//! The list of all extractors, and the identity of that list.

use crate::apk::Apk;
use crate::binary::Binary;
use crate::dpkg::Dpkg;
use crate::extractor::Extractor;
use crate::java::Java;
use crate::node::Node;
use crate::os_release::OsRelease;
use crate::python::Python;
use crate::rpm::Rpm;
use api_vocab::ExtractorSet;

/// Raised whenever the same layer would give another result for a reason that lies outside the
/// extractors: reading of archives, stacking, shape of a layer's inventory.
const FRAME_VERSION: u32 = 4;

/// Every extractor, in the order of their names.
pub fn all() -> Vec<Box<dyn Extractor>> {
    vec![
        Box::new(Apk),
        Box::new(Binary),
        Box::new(Dpkg),
        Box::new(Java),
        Box::new(Node),
        Box::new(OsRelease),
        Box::new(Python),
        Box::new(Rpm),
    ]
}

/// The identity of [`all`].
pub fn extractor_set() -> ExtractorSet {
    set_of(&all())
}

/// The identity of a set: names, versions, and the frame's own version.
pub fn set_of(extractors: &[Box<dyn Extractor>]) -> ExtractorSet {
    let mut names: Vec<String> =
        extractors.iter().map(|extractor| format!("{}:{}", extractor.name(), extractor.version())).collect();
    names.sort();
    let identity = fnv1a(names.join("\n").as_bytes());
    // 33 characters at most, all of them allowed: the fallback is never taken.
    let text = format!("native-{FRAME_VERSION}-{identity:016x}");
    text.parse().unwrap_or_else(|_| unreachable!("{text} is a name"))
}

/// FNV-1a, 64 bits: no secret depends on it, and it does not change with the standard library.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extractor::{Extracted, OpenFile, Scope};

    struct Fake(&'static str, u32);

    impl Extractor for Fake {
        fn name(&self) -> &'static str {
            self.0
        }
        fn version(&self) -> u32 {
            self.1
        }
        fn scope(&self) -> Scope {
            Scope::Language
        }
        fn wants(&self, _: &str) -> bool {
            false
        }
        fn extract(&self, _: &mut OpenFile<'_>) -> Extracted {
            Extracted::default()
        }
    }

    fn set(fakes: &[(&'static str, u32)]) -> ExtractorSet {
        let boxed = fakes.iter().map(|(name, version)| Box::new(Fake(name, *version)) as Box<dyn Extractor>);
        set_of(&boxed.collect::<Vec<_>>())
    }

    #[test]
    fn set_changed_is_another_identity() {
        let first = set(&[("a", 1), ("b", 1)]);
        assert_eq!(first, set(&[("b", 1), ("a", 1)]));
        assert_ne!(first, set(&[("a", 1), ("b", 2)]));
        assert_ne!(first, set(&[("a", 1)]));
    }

    #[test]
    fn extractors_listed_have_distinct_ordered_names() {
        let names: Vec<&str> = all().iter().map(|extractor| extractor.name()).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
    }
}
