//! Layers on layers: what an image has is what is left when each has hidden what it hides.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests end where they go wrong")]

#[path = "../../rootfs/tests/archive/mod.rs"]
mod archive;

use api_vocab::{Inventory, ProblemCode};
use archive::Archive;
use scanner_extract::{LayerInventory, OwnedFiles, extract_layer, registry, stack};
use scanner_rootfs::Budget;
use std::time::Duration;

const DEBIAN: &[u8] = b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian\"\n";
const ALPINE: &[u8] = b"ID=alpine\nVERSION_ID=3.20.3\n";

fn status(name: &str) -> Vec<u8> {
    format!(
        "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\nDescription: x\n\n"
    )
    .into_bytes()
}

fn layer(archive: Archive) -> LayerInventory {
    extract_layer(&archive.end()[..], &registry::all(), &Budget::default(), &|| Duration::ZERO)
}

/// Debian, with one package of its own and one of Node.
fn base() -> Archive {
    Archive::new()
        .file("etc/os-release", DEBIAN)
        .file("var/lib/dpkg/status", &status("old"))
        .file("app/node_modules/left/package.json", br#"{"name":"left","version":"1.0.0"}"#)
}

fn image(layers: Vec<Archive>) -> Inventory {
    stack(&layers.into_iter().map(layer).collect::<Vec<_>>())
}

fn packages(inventory: &Inventory) -> Vec<String> {
    inventory.packages.iter().map(|found| found.package.name().to_owned()).collect()
}

fn codes(inventory: &Inventory) -> Vec<(&str, ProblemCode)> {
    inventory.problems.iter().map(|problem| (&*problem.path, problem.code)).collect()
}

#[track_caller]
fn check(layers: Vec<Archive>, wanted: &[&str]) {
    let inventory = image(layers);
    assert_eq!(packages(&inventory), wanted);
    assert_eq!(codes(&inventory), []);
}

#[test]
fn image_of_one_layer_is_filed_under_its_distribution() {
    let layer = layer(base());
    let inventory = stack(std::slice::from_ref(&layer));
    let filed: Vec<String> = inventory.packages.iter().map(|p| p.package.ecosystem().to_string()).collect();
    assert_eq!(filed, ["Debian:12", "npm"]);
    assert_eq!(inventory.distro.unwrap().id, "debian");
    assert_eq!(inventory.packages[0].layer, layer.diff_id);
    assert_eq!(&*inventory.packages[0].path, "var/lib/dpkg/status");
    assert_eq!(&*inventory.packages[0].extractor, "dpkg");
}

#[test]
fn file_replaced_counts_as_the_upper_layer_has_it() {
    check(vec![base(), Archive::new().file("var/lib/dpkg/status", &status("new"))], &["new", "left"]);
    check(vec![base(), Archive::new().file("unrelated", b"")], &["old", "left"]);
}

#[test]
fn whiteout_hides_what_is_beneath() {
    check(vec![base(), Archive::new().file("var/lib/dpkg/.wh.status", b"")], &["left"]);
    check(vec![base(), Archive::new().file("app/node_modules/.wh.left", b"")], &["old"]);
    check(vec![base(), Archive::new().file(".wh.app", b"")], &["old"]);
    check(vec![base(), Archive::new().file(".wh.ap", b"").file("app/.wh.node", b"")], &["old", "left"]);
}

#[test]
fn whiteout_does_not_hide_what_is_above() {
    check(vec![Archive::new().file(".wh.app", b""), base()], &["old", "left"]);
    check(vec![base(), Archive::new().file(".wh.app", b""), base()], &["old", "left"]);
}

#[test]
fn opaque_folder_hides_what_is_beneath_and_keeps_its_own() {
    let right = br#"{"name":"right","version":"1.0.0"}"#;
    let own = "app/node_modules/right/package.json";
    for upper in [
        Archive::new().file("app/.wh..wh..opq", b"").file(own, right),
        Archive::new().file(own, right).file("app/.wh..wh..opq", b""),
    ] {
        check(vec![base(), upper], &["old", "right"]);
    }
    let root = Archive::new().file(".wh..wh..opq", b"").file("etc/os-release", ALPINE);
    let inventory = image(vec![base(), root]);
    assert_eq!((packages(&inventory), inventory.distro.unwrap().id.as_str()), (vec![], "alpine"));
}

#[test]
fn entry_that_is_no_folder_hides_what_was_below_it() {
    check(vec![base(), Archive::new().file("app", b"")], &["old"]);
    check(vec![base(), Archive::new().symlink("app/node_modules", "/x")], &["old"]);
    check(vec![base(), Archive::new().dir("app").dir("app/node_modules")], &["old", "left"]);
    check(vec![base(), Archive::new().dir("app/node_modules/left/package.json")], &["old"]);
}

#[test]
fn os_release_is_found_through_its_link() {
    let linked = || {
        Archive::new()
            .symlink("etc/os-release", "../usr/lib/os-release")
            .file("usr/lib/os-release", DEBIAN)
            .file("var/lib/dpkg/status", &status("old"))
    };
    check(vec![linked()], &["old"]);
    // An upper layer that replaces the link by a file of its own.
    let inventory = image(vec![linked(), Archive::new().file("etc/os-release", ALPINE)]);
    assert_eq!(inventory.distro.unwrap().id, "alpine");
    // One that replaces only what the link points to.
    let inventory = image(vec![linked(), Archive::new().file("usr/lib/os-release", ALPINE)]);
    assert_eq!(inventory.distro.unwrap().id, "alpine");
}

#[test]
fn distribution_unknown_is_told_once() {
    let mut two = status("a");
    two.extend(status("b"));
    let inventory = image(vec![Archive::new().file("var/lib/dpkg/status", &two)]);
    assert_eq!(codes(&inventory), [("", ProblemCode::UnknownDistribution)]);
    assert_eq!(inventory.packages[0].package.ecosystem().to_string(), "Linux");
    let strange = base().file("etc/os-release", b"ID=strange\n");
    assert!(codes(&image(vec![strange])).contains(&("", ProblemCode::UnknownDistribution)));
    // Without packages of a distribution there is nothing to be unknown.
    check(vec![Archive::new().file("a", b"")], &[]);
}

#[test]
fn database_behind_a_link_is_told() {
    let moved = || Archive::new().file("etc/os-release", DEBIAN).file("data/dpkg/status", &status("hidden"));
    for archive in [
        moved().symlink("var/lib/dpkg", "/data/dpkg"),
        moved().symlink("var/lib/dpkg/status", "../../../data/dpkg/status"),
        moved().hard_link("var/lib/dpkg/status", "data/dpkg/status"),
        moved().symlink("var", "data"),
    ] {
        let inventory = image(vec![archive]);
        assert_eq!(inventory.problems.len(), 1);
        assert_eq!(inventory.problems[0].code, ProblemCode::LinkUnresolved);
    }
    // A link that is itself replaced says nothing any more.
    let replaced = moved().symlink("var/lib/dpkg", "/data/dpkg");
    check(vec![replaced, Archive::new().dir("var/lib/dpkg")], &[]);
    // A link in an upper layer hides the database beneath it.
    let inventory = image(vec![base(), Archive::new().symlink("var/lib/dpkg", "/data/dpkg")]);
    assert_eq!(packages(&inventory), ["left"]);
    assert_eq!(codes(&inventory), [("var/lib/dpkg", ProblemCode::LinkUnresolved)]);
}

#[test]
fn links_of_a_merged_system_say_nothing() {
    check(
        vec![base().symlink("lib", "usr/lib").symlink("bin", "usr/bin").symlink("lib64", "usr/lib64")],
        &["old", "left"],
    );
    check(vec![base().symlink("var/lib/rpm", "../../usr/lib/sysimage/rpm")], &["old", "left"]);
}

#[test]
fn layers_stacked_one_by_one_or_twice_are_the_same() {
    let layers: Vec<LayerInventory> = vec![layer(base()), layer(base())];
    let twice = stack(&layers);
    assert_eq!(packages(&twice), packages(&stack(&layers[..1])));
    assert_eq!(stack(&[]), Inventory::default());
}

/// Whoever makes an image decides how many there are: time must not grow with their square.
#[test]
fn links_and_owners_without_number_cost_little() {
    let begun = std::time::Instant::now();
    let links = (0..20_000).fold(Archive::new(), |archive, at| {
        archive.symlink("var/lib/dpkg", if at % 2 == 0 { "../../opt" } else { "/opt" })
    });
    let layer_of_links = layer(links);
    assert_eq!(layer_of_links.links.len(), 1, "the last of them counts");
    let inventory = stack(&[layer_of_links]);
    assert!(codes(&inventory).contains(&("var/lib/dpkg", ProblemCode::AmbiguousArchive)));
    assert!(codes(&inventory).contains(&("var/lib/dpkg", ProblemCode::LinkUnresolved)));
    let mut owned = layer(base());
    for at in 0..100_000 {
        let paths = vec!["app/node_modules/left/package.json".into()];
        owned.files[1].owned.push(OwnedFiles { owner: format!("p{at}").into(), paths });
    }
    let one = owned.files.iter().flat_map(|file| &file.packages).next().unwrap().clone();
    owned.files[2].packages.extend(vec![one; 50_000]);
    stack(&[owned]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn link_that_a_folder_replaces_in_its_own_layer_leads_nowhere_any_more() {
    let inventory = image(vec![base(), Archive::new().symlink("var/lib/dpkg", "/opt").dir("var/lib/dpkg/")]);
    assert_eq!(codes(&inventory), [("var/lib/dpkg", ProblemCode::AmbiguousArchive)]);
}
