//! A directory on disk: links are seen and never followed.

#![allow(clippy::unwrap_used, reason = "tests end where they go wrong")]

use api_vocab::ProblemCode;
use scanner_extract::{LayerInventory, extract_directory, registry, stack};
use scanner_rootfs::Budget;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

fn extract(root: &Path, budget: &Budget) -> LayerInventory {
    extract_directory(root, &registry::all(), budget, &|| Duration::ZERO).unwrap()
}

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

const MANIFEST: &str = r#"{"name":"left","version":"1.0.0"}"#;

#[test]
fn directory_is_read_like_a_layer() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "usr/lib/os-release", "ID=debian\nVERSION_ID=12\n");
    write(root.path(), "etc/hostname", "x");
    symlink("../usr/lib/os-release", root.path().join("etc/os-release")).unwrap();
    write(root.path(), "app/node_modules/left/package.json", MANIFEST);
    write(root.path(), "proc/node_modules/left/package.json", MANIFEST);
    let inventory = stack(&[extract(root.path(), &Budget::default())]);
    assert_eq!(inventory.problems, []);
    assert_eq!(inventory.distro.unwrap().id, "debian");
    let paths: Vec<&str> = inventory.packages.iter().map(|found| &*found.path).collect();
    assert_eq!(paths, ["app/node_modules/left/package.json"]);
}

#[test]
fn link_out_of_the_directory_is_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "node_modules/left/package.json", MANIFEST);
    let root = tempfile::tempdir().unwrap();
    symlink(outside.path(), root.path().join("app")).unwrap();
    symlink(".", root.path().join("loop")).unwrap();
    fs::create_dir_all(root.path().join("node_modules/left")).unwrap();
    symlink(
        outside.path().join("node_modules/left/package.json"),
        root.path().join("node_modules/left/package.json"),
    )
    .unwrap();
    assert_eq!(extract(root.path(), &Budget::default()).files, []);
}

#[test]
fn directory_beyond_the_budget_is_partial() {
    let root = tempfile::tempdir().unwrap();
    for index in 0..20 {
        write(root.path(), &format!("{index}"), "x");
    }
    write(root.path(), "a/b/c/d", "x");
    let codes = |budget| -> Vec<ProblemCode> {
        extract(root.path(), &budget).problems.iter().map(|problem| problem.code).collect()
    };
    assert_eq!(codes(Budget { entries: 5, ..Budget::default() }), [ProblemCode::TooManyEntries]);
    assert_eq!(codes(Budget { depth: 2, ..Budget::default() }), [ProblemCode::PathTooLong]);
}

#[test]
fn directory_missing_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let missing = root.path().join("missing");
    assert!(extract_directory(&missing, &registry::all(), &Budget::default(), &|| Duration::ZERO).is_err());
}
