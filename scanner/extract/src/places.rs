//! Where distributions keep what they say of themselves: the paths for which a symbolic link on
//! the way matters.

/// Databases and os-release, each with the last name that a link may hide. Programs of languages
/// are found wherever they lie, so that links to them need no following.
const PLACES: [&str; 13] = [
    "etc/os-release",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
    "usr/lib/os-release",
    "usr/lib/sysimage/rpm/Packages",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d/*",
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpmmanifest/container-manifest-2",
];

/// Links below which distributions moved whole folders to `usr` (usr-merge).
const MERGED: [&str; 6] = ["bin", "lib", "lib32", "lib64", "libx32", "sbin"];

/// Whether `path` is a place or a folder above one.
pub(crate) fn is_on_the_way(path: &str) -> bool {
    PLACES.iter().any(|place| rest_below(place, path).is_some())
}

/// Whether `path` is a place, or a folder in which everything is one.
pub(crate) fn is_place(path: &str) -> bool {
    PLACES.contains(&path) || path.starts_with("var/lib/dpkg/status.d/")
}

/// Whether `path` is a link that every merged system has.
pub(crate) fn is_merged(path: &str, target: &str) -> bool {
    MERGED.contains(&path) && target == format!("usr/{path}")
}

/// `path` as it is on systems that are not merged, where both `usr/lib/x` and `lib/x` are `lib/x`:
/// what a distribution lists under one name may lie under the other.
pub(crate) fn without_merge(path: &str) -> &str {
    let Some(rest) = path.strip_prefix("usr/") else { return path };
    let folder = rest.split_once('/').map_or(rest, |(folder, _)| folder);
    if MERGED.contains(&folder) { rest } else { path }
}

/// The places at or below `path`, each as what follows `path`.
pub(crate) fn below(path: &str) -> impl Iterator<Item = &'static str> {
    PLACES.iter().filter_map(move |place| rest_below(place, path))
}

/// What follows `path` in `place`: empty, or with a slash before it.
fn rest_below(place: &'static str, path: &str) -> Option<&'static str> {
    place.strip_prefix(path).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_all_wanted() {
        let extractors = crate::registry::all();
        for place in PLACES {
            assert!(extractors.iter().any(|extractor| extractor.wants(place)), "{place}");
        }
    }

    #[test]
    fn path_merged_and_not_is_the_same() {
        assert_eq!(without_merge("usr/lib/python3/a"), "lib/python3/a");
        assert_eq!(without_merge("lib/python3/a"), "lib/python3/a");
        assert_eq!(without_merge("usr/local/lib/a"), "usr/local/lib/a");
        assert_eq!(without_merge("usr/libexec/a"), "usr/libexec/a");
    }

    #[test]
    fn folder_above_a_place_is_on_the_way() {
        for path in ["var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/status", "lib", "usr/lib/apk"] {
            assert!(is_on_the_way(path), "{path}");
        }
        for path in ["va", "var/li", "usr/bin", "var/lib/dpkg/status2", "etc/os-release.d"] {
            assert!(!is_on_the_way(path), "{path}");
        }
    }
}
