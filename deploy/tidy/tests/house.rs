//! The house law as tests.
#![allow(clippy::unwrap_used, clippy::panic)]

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::BTreeMap;
use std::fs;
use tidy::{law, settings, tree};

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(tree::root().join("Cargo.toml")).no_deps().exec().unwrap()
}

fn room(package: &Package) -> &'static law::Room {
    law::ROOMS.iter().find(|room| room.name == package.name.as_str()).unwrap_or_else(|| {
        panic!("{} is no room of the house: add it to deploy/tidy/src/law.rs", package.name)
    })
}

fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn crate_name_is_its_address() {
    let root = tree::root();
    none(
        metadata()
            .packages
            .iter()
            .filter(|package| {
                let folder = package.manifest_path.parent().unwrap().as_std_path();
                folder.strip_prefix(&root).unwrap().to_str() != Some(room(package).path)
            })
            .map(|package| format!("{} stands at {}", package.name, package.manifest_path))
            .collect(),
    );
}

#[test]
fn import_against_an_arrow_is_absent() {
    let metadata = metadata();
    let mut complaints = Vec::new();
    for package in &metadata.packages {
        let may = room(package).may_import;
        for dependency in &package.dependencies {
            let is_room = law::ROOMS.iter().any(|room| room.name == dependency.name);
            // Tests may bring in a neighbour to talk to; the arrows bind what is shipped.
            let binds = dependency.kind != DependencyKind::Development;
            let allowed = may == law::ANYTHING
                || dependency.name == "api-vocab"
                || may.contains(&dependency.name.as_str());
            if is_room && binds && !allowed {
                complaints.push(format!("{} may not import {}", package.name, dependency.name));
            }
        }
    }
    none(complaints);
}

#[test]
fn outside_crate_beyond_its_fence_is_absent() {
    let metadata = metadata();
    let mut complaints = Vec::new();
    for package in &metadata.packages {
        for dependency in &package.dependencies {
            let binds = dependency.kind != DependencyKind::Development;
            let fenced = law::FENCES.iter().any(|fence| {
                fence.outside == dependency.name && !fence.rooms.contains(&package.name.as_str())
            });
            let asynchronous =
                dependency.name == "tokio" && law::SYNCHRONOUS.contains(&package.name.as_str());
            if binds && (fenced || asynchronous) {
                complaints.push(format!("{} may not use {}", package.name, dependency.name));
            }
        }
    }
    none(complaints);
}

#[test]
fn source_file_without_module_doc_is_absent() {
    none(
        tree::files(&tree::root(), ".rs")
            .unwrap()
            .into_iter()
            .filter(|file| {
                let text = fs::read_to_string(file).unwrap();
                let first = text.lines().find(|line| !line.starts_with("#!")).unwrap_or_default();
                !first.starts_with("//! ")
            })
            .map(|file| format!("{} does not begin with //! and what it is", file.display()))
            .collect(),
    );
}

#[test]
fn name_that_names_nothing_is_absent() {
    let mut complaints = Vec::new();
    for file in tree::files(&tree::root(), ".rs").unwrap() {
        let text = fs::read_to_string(&file).unwrap();
        for name in tree::defined_names(&text) {
            for word in law::REFUSED_WORDS.iter().filter(|word| tree::holds_word(&name, word)) {
                complaints.push(format!("{}: {name} says {word}", file.display()));
            }
        }
    }
    none(complaints);
}

#[test]
fn large_file_without_its_reason_is_absent() {
    none(
        tree::files(&tree::root(), ".rs")
            .unwrap()
            .into_iter()
            .filter_map(|file| {
                let text = fs::read_to_string(&file).unwrap();
                let lines = text.lines().count();
                let says_why = text
                    .lines()
                    .take_while(|line| line.starts_with("//!"))
                    .any(|line| line.contains("One file"));
                (lines > law::LARGE_FILE && !says_why).then(|| {
                    format!(
                        "{}: {lines} lines; split it, or say in its module doc \"One file because …\"",
                        file.display()
                    )
                })
            })
            .collect(),
    );
}

#[test]
fn path_named_in_a_document_exists() {
    let root = tree::root();
    let mut complaints = Vec::new();
    for file in tree::files(&root, ".md").unwrap() {
        let text = fs::read_to_string(&file).unwrap();
        for target in link_targets(&text) {
            let path = target.split('#').next().unwrap_or_default();
            let outside = path.is_empty() || path.contains("://") || path.starts_with("mailto:");
            if !outside && !file.parent().unwrap().join(path).exists() {
                complaints.push(format!("{}: {target} does not exist", file.display()));
            }
        }
    }
    none(complaints);
}

#[test]
fn make_target_named_in_a_document_exists() {
    let root = tree::root();
    let makefile = fs::read_to_string(root.join("Makefile")).unwrap();
    let mut complaints = Vec::new();
    for file in tree::files(&root, ".md").unwrap() {
        let text = fs::read_to_string(&file).unwrap();
        for (at, _) in text.match_indices("`make ") {
            let target: String =
                text[at + 6..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            if !target.is_empty() && !makefile.contains(&format!("\n{target}:")) {
                complaints.push(format!("{}: the Makefile has no target {target}", file.display()));
            }
        }
    }
    none(complaints);
}

#[test]
fn extractor_folder_missing_from_the_registry_is_absent() {
    let source = tree::root().join("scanner/extract/src");
    let registry = fs::read_to_string(source.join("registry.rs")).unwrap();
    none(
        fs::read_dir(&source)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_type().unwrap().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap())
            .filter(|folder| !registry.contains(folder.as_str()))
            .map(|folder| format!("scanner/extract/src/{folder} is not in registry.rs"))
            .collect(),
    );
}

#[test]
fn binary_without_its_settings_in_the_law_is_absent() {
    let mut complaints = Vec::new();
    for package in &metadata().packages {
        let binaries = package.targets.iter().filter(|target| target.is_bin());
        for binary in binaries.filter(|binary| binary.name.starts_with("perceptor-")) {
            if !law::SETTINGS.iter().any(|root| root.binary == binary.name) {
                complaints.push(format!("{}: add it to SETTINGS in deploy/tidy/src/law.rs", binary.name));
            }
        }
    }
    none(complaints);
}

/// Its defaults come from the binaries: deploy/e2e/tests/settings.rs holds them to the page.
#[test]
fn settings_page_that_differs_from_the_structs_is_absent() {
    let root = tree::root();
    let written = fs::read_to_string(root.join("docs/settings.md")).unwrap();
    let fresh = settings::render_page(&root, &BTreeMap::new()).unwrap();
    let (written, fresh) = (settings::without_defaults(&written), settings::without_defaults(&fresh));
    let missing = fresh.iter().filter(|row| !written.contains(row)).map(|row| format!("missing: {row}"));
    let stale = written.iter().filter(|row| !fresh.contains(row)).map(|row| format!("stale: {row}"));
    let mut complaints: Vec<String> = missing.chain(stale).collect();
    if !complaints.is_empty() {
        complaints.push("docs/settings.md: `make settings` writes it anew".to_owned());
    }
    none(complaints);
}

/// Targets of `[text](target)` links.
fn link_targets(text: &str) -> Vec<&str> {
    text.match_indices("](").filter_map(|(at, _)| text.get(at + 2..)?.split(')').next()).collect()
}
