//! Who owns a language's package: the distribution's package that brought its files along.
//!
//! Owned is what the distribution built, and mends without raising the version. So a package is
//! owned if its owner has the same version: what a vendor's package carries of others' is not owned
//! by it, and its language's advisories count. It is owned no longer if a later layer has replaced
//! the file without saying so in the distribution's database, as pip does.

use crate::layer::{FileRecord, LayerInventory};
use crate::places::without_merge;
use std::collections::HashMap;

/// More packages than share a file, or have the same name: what is beyond counts as nobody's, and
/// is matched.
const MAX_OWNERS: usize = 64;

/// Names of owners by path, in order.
type Claims<'l> = HashMap<&'l str, Vec<&'l str>>;

/// Who owns what in an image.
pub(crate) struct Owners<'l> {
    /// What the databases say that are visible in the image.
    visible: Claims<'l>,
    /// What each layer's own databases say, visible or not.
    of_layers: Vec<(&'l LayerInventory, Claims<'l>)>,
    /// Versions of the distribution's packages by name.
    versions: HashMap<&'l str, Vec<&'l str>>,
}

impl<'l> Owners<'l> {
    /// Those in an image of `layers`, of which `files` are visible.
    pub(crate) fn of(layers: &'l [LayerInventory], files: &[(&'l LayerInventory, &'l FileRecord)]) -> Self {
        let mut versions: HashMap<&str, Vec<&str>> = HashMap::new();
        for package in files.iter().flat_map(|(_, file)| &file.packages).map(|found| &found.package) {
            if package.ecosystem().family().is_distribution() {
                add(versions.entry(package.name()).or_default(), package.version());
            }
        }
        Owners {
            visible: claims(files.iter().map(|(_, file)| *file)),
            of_layers: layers.iter().map(|layer| (layer, claims(layer.files.iter()))).collect(),
            versions,
        }
    }

    /// The owner of a package of this version that was read from `path` in `layer`.
    pub(crate) fn find(&self, layer: &LayerInventory, path: &str, version: &str) -> Option<&'l str> {
        let path = without_merge(path);
        let owners = self.visible.get(path)?;
        let (_, its_own) = self.of_layers.iter().find(|(one, _)| std::ptr::eq(*one, layer))?;
        let brought = its_own.get(path)?;
        let installed = |owner: &str| self.versions.get(owner).into_iter().flatten();
        owners.iter().copied().find(|owner| {
            brought.binary_search(owner).is_ok() && installed(owner).any(|its| is_same_version(its, version))
        })
    }
}

fn claims<'l>(files: impl Iterator<Item = &'l FileRecord>) -> Claims<'l> {
    let mut claims = Claims::new();
    for owned in files.flat_map(|file| &file.owned) {
        for path in &owned.paths {
            add(claims.entry(without_merge(path)).or_default(), &owned.owner);
        }
    }
    claims
}

/// Adds to a sorted list that holds each once.
fn add<'l>(list: &mut Vec<&'l str>, one: &'l str) {
    if let Err(place) = list.binary_search(&one)
        && list.len() < MAX_OWNERS
    {
        list.insert(place, one);
    }
}

/// Whether a distribution's version is one of the same software in `version`: epoch before it, what
/// the distribution added after it.
fn is_same_version(distribution: &str, version: &str) -> bool {
    let upstream = distribution.split_once(':').map_or(distribution, |(_, rest)| rest);
    upstream.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '+']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_same_but_for_what_the_distribution_added_is_the_same() {
        for (distribution, version) in [
            ("1.16.0-4", "1.16.0"),
            ("2.28.1+dfsg-1", "2.28.1"),
            ("1:2.28.1-1~deb12u1", "2.28.1"),
            ("1.26.18-r0", "1.26.18"),
            ("235", "235"),
        ] {
            assert!(is_same_version(distribution, version), "{distribution} {version}");
        }
        for (distribution, version) in [
            ("2.28.10-1", "2.28.1"),
            ("2.28.1.1-1", "2.28.1"),
            ("2.28.1~rc1-1", "2.28.1"),
            ("18.19.0-1nodesource1", "10.2.3"),
            ("1:2.0-1", "1"),
            ("2.28-1", "2.28.1"),
            ("2.28.1_rc1-r0", "2.28.1"),
        ] {
            assert!(!is_same_version(distribution, version), "{distribution} {version}");
        }
    }
}
