//! Packages of languages that a distribution's package brought along: owned as long as nobody else
//! has touched them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests end where they go wrong")]

#[path = "../../rootfs/tests/archive/mod.rs"]
mod archive;

use archive::Archive;
use scanner_extract::{LayerInventory, extract_layer, registry, stack};
use scanner_rootfs::Budget;
use std::time::Duration;

const SIX: &str = "usr/lib/python3/dist-packages/six-1.16.0.egg-info";
const LIST: &[u8] = b"/.\n/usr\n/usr/lib/python3/dist-packages/six-1.16.0.egg-info\n";

fn layer(archive: Archive) -> LayerInventory {
    extract_layer(&archive.end()[..], &registry::all(), &Budget::default(), &|| Duration::ZERO)
}

fn metadata(name: &str, version: &str) -> Vec<u8> {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n").into_bytes()
}

fn system() -> Archive {
    Archive::new().file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")
}

fn dpkg(archive: Archive, version: &str) -> Archive {
    let status = format!("Package: python3-six\nStatus: install ok installed\nVersion: {version}\n\n");
    archive.file("var/lib/dpkg/status", status.as_bytes()).file("var/lib/dpkg/info/python3-six.list", LIST)
}

/// Debian, with six from its own package.
fn debian() -> Archive {
    dpkg(system(), "1.16.0-4").file(SIX, &metadata("six", "1.16.0"))
}

/// Who owns six, in an image of these layers.
#[track_caller]
fn check(layers: Vec<Archive>, owner: Option<&str>) {
    let inventory = stack(&layers.into_iter().map(layer).collect::<Vec<_>>());
    let found: Vec<_> = inventory.packages.iter().filter(|found| found.package.name() == "six").collect();
    let owners: Vec<Option<&str>> = found.iter().map(|found| found.package.owned_by()).collect();
    assert_eq!(owners, [owner], "{inventory:?}");
}

#[test]
fn package_brought_by_the_distribution_is_owned_and_listed() {
    check(vec![debian()], Some("python3-six"));
    check(vec![system(), debian()], Some("python3-six"));
    check(vec![debian(), Archive::new().file("unrelated", b"")], Some("python3-six"));
}

#[test]
fn package_of_another_version_than_its_owner_is_nobodys() {
    check(vec![dpkg(system(), "3.0-1").file(SIX, &metadata("six", "1.16.0"))], None);
    check(vec![dpkg(system(), "1.16.0-4").file(SIX, &metadata("six", "1.17.0"))], None);
}

#[test]
fn package_whose_owner_is_not_installed_is_nobodys() {
    let removed = b"Package: python3-six\nStatus: deinstall ok config-files\nVersion: 1.16.0-4\n\n";
    check(vec![debian(), Archive::new().file("var/lib/dpkg/status", removed)], None);
    check(vec![debian(), Archive::new().file("var/lib/dpkg/info/.wh.python3-six.list", b"")], None);
}

#[test]
fn file_that_a_later_layer_replaces_by_itself_is_nobodys() {
    check(vec![debian(), Archive::new().file(SIX, &metadata("six", "1.16.0"))], None);
    // An upgrade by the distribution brings both the file and the list anew.
    let upgrade = dpkg(Archive::new(), "1.16.0-5").file(SIX, &metadata("six", "1.16.0"));
    check(vec![debian(), upgrade], Some("python3-six"));
}

#[test]
fn file_outside_of_the_distributions_folders_is_nobodys() {
    let by_pip = "usr/local/lib/python3.11/dist-packages/six-1.16.0.dist-info/METADATA";
    let both = debian().file(by_pip, &metadata("six", "1.16.0"));
    let inventory = stack(&[layer(both)]);
    let owners: Vec<_> = inventory.packages.iter().map(|found| found.package.owned_by()).collect();
    assert_eq!(owners, [None, None, Some("python3-six")], "{inventory:?}");
}

#[test]
fn list_and_file_under_the_two_names_of_a_merged_folder_are_one() {
    let list = b"/lib/python3/dist-packages/six-1.16.0.egg-info\n";
    let status = b"Package: python3-six\nVersion: 1.16.0-4\n\n";
    let moved = system().file("var/lib/dpkg/status", status).file("var/lib/dpkg/info/python3-six.list", list);
    check(vec![moved.file(SIX, &metadata("six", "1.16.0"))], Some("python3-six"));
}

#[test]
fn distribution_without_advisories_owns_nothing() {
    // What is wrong with the owner is not known, so the language's advisories must count.
    check(vec![debian(), Archive::new().file("etc/os-release", b"ID=fedora\nVERSION_ID=41\n")], None);
}

#[test]
fn alpine_owns_what_its_database_lists() {
    let path = "usr/lib/python3.12/site-packages/six-1.16.0.dist-info";
    let database = format!(
        "P:py3-six\nV:1.16.0-r9\nA:noarch\nF:{path}\nR:METADATA\nZ:Q1abc=\nR:RECORD\nF:usr\nR:METADATA\n\n"
    );
    let alpine = || {
        Archive::new()
            .file("etc/os-release", b"ID=alpine\nVERSION_ID=3.20.3\n")
            .file("lib/apk/db/installed", database.as_bytes())
            .file(&format!("{path}/METADATA"), &metadata("six", "1.16.0"))
    };
    check(vec![alpine()], Some("py3-six"));
    // The whole database is written anew with every package, what it brings is not.
    let more = format!("{database}P:more\nV:1-r0\n\n");
    let added = || Archive::new().file("lib/apk/db/installed", more.as_bytes());
    check(vec![alpine(), added()], Some("py3-six"));
    let pip = || Archive::new().file(&format!("{path}/METADATA"), &metadata("six", "1.16.0"));
    check(vec![alpine(), pip(), added()], None);
}
