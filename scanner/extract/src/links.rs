//! Symbolic links on the way to package databases: those that lead elsewhere are problems.

use crate::layer::LayerInventory;
use crate::{places, shadow};
use api_vocab::{Problem, ProblemCode};
use std::collections::HashMap;

/// As many links as Linux follows.
const MAX_STEPS: usize = 40;
/// As long as a path may be, for Linux.
const LONGEST: usize = 4096;

/// A link's path and its target.
pub(crate) type Link = (Box<str>, Box<str>);
/// Targets by path.
type Targets<'l> = HashMap<&'l str, &'l str>;

/// A problem for each of the `visible` links that moves a package database to where it is not
/// read.
pub(crate) fn unresolved(layers: &[LayerInventory], visible: &[(&LayerInventory, &Link)]) -> Vec<Problem> {
    // Of several at one path, the upper layer's is seen.
    let links: Targets<'_> = visible.iter().map(|(_, (path, target))| (&**path, &**target)).collect();
    let problem = |(path, target): (&&str, &&str)| {
        let detail = format!("a symbolic link to {target}, where no package database is read");
        Problem::new(ProblemCode::LinkUnresolved, path, detail)
    };
    links.iter().filter(|(path, target)| hides_a_place(path, target, &links, layers)).map(problem).collect()
}

fn hides_a_place(path: &str, target: &str, links: &Targets<'_>, layers: &[LayerInventory]) -> bool {
    // On a merged system nearly all places do not exist; there, only what exists counts.
    let merged = places::is_merged(path, target.trim_start_matches('/'));
    places::below(path).any(|rest| match resolve(&format!("{path}{rest}"), links) {
        None => true,
        Some(resolved) => !places::is_place(&resolved) && (!merged || exists(&resolved, layers)),
    })
}

fn exists(path: &str, layers: &[LayerInventory]) -> bool {
    let hash = shadow::of_path(path);
    layers.iter().any(|layer| layer.shadows.binary_search(&hash).is_ok())
}

/// Where `path` leads within the image; `None` for a loop, or a path that nobody could follow.
fn resolve(path: &str, links: &Targets<'_>) -> Option<String> {
    let mut path = path.to_owned();
    for _ in 0..MAX_STEPS {
        if path.len() > LONGEST {
            return None;
        }
        let followed = shadow::lineage(&path).find_map(|one| {
            let target = links.get(one)?;
            Some(join(one, target, path.get(one.len()..)?))
        });
        match followed {
            None => return Some(path),
            Some(next) => path = next,
        }
    }
    None
}

/// The target of the link at `link`, then `rest`; `..` at the root stays there.
fn join(link: &str, target: &str, rest: &str) -> String {
    let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
    let start = if target.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/').chain(target.split('/')).chain(rest.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(links: &[(&str, &str)], existing: &[&str]) -> usize {
        let mut shadows: Vec<u64> = existing.iter().map(|path| shadow::of_path(path)).collect();
        shadows.sort_unstable();
        let links = links.iter().map(|(path, target)| ((*path).into(), (*target).into())).collect();
        let layer = LayerInventory { links, shadows, ..LayerInventory::default() };
        let visible: Vec<(&LayerInventory, &Link)> = layer.links.iter().map(|link| (&layer, link)).collect();
        unresolved(std::slice::from_ref(&layer), &visible).len()
    }

    #[test]
    fn link_between_places_is_resolved() {
        for links in [
            &[("etc/os-release", "../usr/lib/os-release")][..],
            &[("etc/os-release", "/usr/lib/os-release")],
            &[("var/lib/rpm", "../../usr/lib/sysimage/rpm")],
            &[("lib", "usr/lib"), ("bin", "usr/bin"), ("etc/os-release", "../lib/os-release")],
            &[("lib", "/usr/lib")],
        ] {
            assert_eq!(hidden(links, &["usr/lib/os-release"]), 0, "{links:?}");
        }
    }

    #[test]
    fn link_that_moves_a_database_is_a_problem() {
        for link in [
            ("var/lib/dpkg", "/data/dpkg"),
            ("var", "data/var"),
            ("var/lib/dpkg/status", "status-real"),
            ("etc/os-release", "/nowhere"),
            ("etc", "../../.."),
            ("var/lib/rpm", "rpm"),
            ("usr", "etc"),
        ] {
            assert_eq!(hidden(&[link], &[]), 1, "{link:?}");
        }
        assert_eq!(hidden(&[("var/lib", "/var/lib2"), ("var/lib2", "/var/lib")], &[]), 1);
    }
}
