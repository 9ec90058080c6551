//! One layer: which files are read, what the layer hides, and that no file ends the work.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests end where they go wrong"
)]

#[path = "../../rootfs/tests/archive/mod.rs"]
mod archive;

use api_vocab::{Ecosystem, Family, Package, Problem, ProblemCode};
use archive::{Archive, gzip};
use scanner_extract::{
    Extracted, ExtractedPackage, Extractor, LayerInventory, OpenFile, Scope, extract_layer,
};
use scanner_rootfs::Budget;
use std::time::Duration;

/// Finds the package that a file names, in files called `name`; does as it is told otherwise.
struct Named(&'static str);

impl Extractor for Named {
    fn name(&self) -> &'static str {
        self.0
    }
    fn version(&self) -> u32 {
        1
    }
    fn scope(&self) -> Scope {
        Scope::Language
    }
    fn wants(&self, path: &str) -> bool {
        path.rsplit('/').next().is_some_and(|base| base.starts_with("name"))
    }
    fn extract(&self, file: &mut OpenFile<'_>) -> Extracted {
        let bytes = match file.read_all(1000) {
            Ok(bytes) => bytes,
            Err(problem) => return Extracted::failed(problem),
        };
        match std::str::from_utf8(&bytes).unwrap() {
            "" => Extracted::default(),
            "crash" => panic!("told to"),
            name => {
                let package = Package::new(Ecosystem::of(Family::Npm), name, "1").unwrap();
                Extracted { packages: vec![ExtractedPackage::from(package)], ..Extracted::default() }
            }
        }
    }
}

fn extract_within(bytes: &[u8], budget: &Budget, extractors: &[&'static str]) -> LayerInventory {
    let boxed = extractors.iter().map(|name| Box::new(Named(name)) as Box<dyn Extractor>);
    extract_layer(bytes, &boxed.collect::<Vec<_>>(), budget, &|| Duration::ZERO)
}

fn extract(archive: Archive) -> LayerInventory {
    extract_within(&archive.end(), &Budget::default(), &["named"])
}

/// `path: package` of all files, and `path! code` of their problems.
fn files(layer: &LayerInventory) -> Vec<String> {
    let problems = |problems: &[Problem]| -> Vec<String> {
        problems.iter().map(|problem| format!("{}! {}", problem.path, problem.code)).collect()
    };
    let mut lines = Vec::new();
    for file in &layer.files {
        lines.extend(file.packages.iter().map(|found| format!("{}: {}", file.path, found.package.name())));
        lines.extend(problems(&file.problems));
    }
    lines
}

fn codes(layer: &LayerInventory) -> Vec<(&str, ProblemCode)> {
    layer.problems.iter().map(|problem| (&*problem.path, problem.code)).collect()
}

#[test]
fn files_wanted_are_read() {
    let archive = Archive::new().dir("a").file("a/name", b"x").file("other", b"y").file("name2", b"");
    let layer = extract(archive);
    assert_eq!(files(&layer), ["a/name: x"]);
    assert_eq!(codes(&layer), []);
    assert_eq!(layer.shadows.len(), 4);
    assert!(layer.is_memoisable());
}

#[test]
fn layer_compressed_is_the_same() {
    let bytes = Archive::new().file("name", b"x").end();
    let plain = extract_within(&bytes, &Budget::default(), &["named"]);
    let zipped = extract_within(&gzip(&bytes), &Budget::default(), &["named"]);
    assert_ne!(plain.digest, zipped.digest);
    assert_eq!(LayerInventory { digest: plain.digest.clone(), ..zipped }, plain);
}

#[test]
fn extractor_crashed_is_a_problem_of_the_file() {
    let layer = extract(Archive::new().file("name1", b"crash").file("name2", b"x"));
    assert_eq!(files(&layer), ["name1! extractor_crashed", "name2: x"]);
    assert!(!layer.is_memoisable());
}

#[test]
fn extractor_late_is_a_problem_of_the_file() {
    let ticks = std::cell::Cell::new(0);
    let clock = || {
        ticks.set(ticks.get() + 1);
        Duration::from_secs(ticks.get())
    };
    let budget = Budget { file_time: Duration::ZERO, time: Duration::from_secs(1000), ..Budget::default() };
    let bytes = Archive::new().file("name", b"x").end();
    let layer = extract_layer(&bytes[..], &[Box::new(Named("named")) as Box<dyn Extractor>], &budget, &clock);
    assert_eq!(files(&layer), ["name! time_exceeded"]);
    assert!(layer.diff_id.is_some() && !layer.is_memoisable());
}

#[test]
fn file_wanted_twice_is_given_to_both() {
    let bytes = Archive::new().file("name", b"x").end();
    let layer = extract_within(&bytes, &Budget::default(), &["one", "two"]);
    assert_eq!(files(&layer), ["name: x", "name: x"]);
}

#[test]
fn file_too_large_for_its_extractor_is_a_problem() {
    let layer = extract(Archive::new().file("name1", &[b'x'; 5000]).file("name2", b"x"));
    assert_eq!(files(&layer), ["name1! too_large", "name2: x"]);
}

#[test]
fn file_truncated_is_a_problem_of_file_and_layer() {
    let bytes = Archive::new().file("name", &[b'x'; 900]).bytes;
    let layer = extract_within(&bytes[..1024], &Budget::default(), &["named"]);
    assert_eq!(files(&layer), ["name! truncated"]);
    assert_eq!(codes(&layer), [("", ProblemCode::Truncated)]);
}

#[test]
fn hard_link_to_a_file_that_was_read_has_its_packages() {
    let layer = extract(
        Archive::new()
            .file("name", b"x")
            .file("name-empty", b"")
            .hard_link("a/name", "name")
            .hard_link("b/name", "./name-empty"),
    );
    assert_eq!(files(&layer), ["name: x", "a/name: x"]);
}

#[test]
fn hard_link_to_anything_else_is_unresolved() {
    let layer = extract(
        Archive::new()
            .file("data", b"x")
            .hard_link("name1", "data")
            .hard_link("name2", "name2")
            .hard_link("name3", "missing/name")
            .hard_link("name4", "name5")
            .file("name5", b"x")
            .file("name6", b"")
            .symlink("name6", "data")
            .hard_link("name7", "name6"),
    );
    let unresolved = |name| format!("{name}! link_unresolved");
    let wanted: Vec<String> = ["name1", "name2", "name3", "name4"].map(unresolved).into();
    let others = vec!["name5: x".to_owned(), unresolved("name7")];
    assert_eq!(files(&layer), [wanted, others].concat());
}

#[test]
fn path_twice_counts_last_and_is_told() {
    let layer = extract(Archive::new().file("name", b"x").file("name", b"y"));
    assert_eq!(files(&layer), ["name: y"]);
    assert_eq!(codes(&layer), [("name", ProblemCode::AmbiguousArchive)]);
    for replacement in [
        Archive::new().file("name", b"x").symlink("name", "y"),
        Archive::new().file("name", b"x").dir("name"),
        Archive::new().file("name", b"x").file("name", b""),
    ] {
        let layer = extract(replacement);
        assert_eq!(files(&layer), [""; 0]);
        assert_eq!(codes(&layer), [("name", ProblemCode::AmbiguousArchive)]);
    }
}

#[test]
fn file_below_a_link_is_told_in_either_order() {
    for archive in [
        Archive::new().symlink("a", "/b").file("a/name", b"x"),
        Archive::new().file("a/name", b"x").symlink("a", "/b"),
        Archive::new().file("a/name", b"x").hard_link("a", "b"),
    ] {
        let layer = extract(archive);
        assert_eq!(codes(&layer), [("a/name", ProblemCode::AmbiguousArchive)]);
    }
}

#[test]
fn file_and_its_whiteout_in_one_layer_are_told() {
    for archive in [
        Archive::new().file("a/name", b"x").file("a/.wh.name", b""),
        Archive::new().file(".wh.a", b"").file("a/name", b"x"),
    ] {
        let layer = extract(archive);
        assert_eq!(codes(&layer), [("a/name", ProblemCode::AmbiguousArchive)]);
    }
}

#[test]
fn more_than_is_kept_is_told_once() {
    let mut archive = Archive::new();
    for index in 0..100 {
        archive = archive.file(&format!("name{index}"), b"x").file(&format!(".wh.{index}"), b"");
    }
    let layer = extract_within(&archive.end(), &Budget { kept: 4000, ..Budget::default() }, &["named"]);
    assert!(layer.files.len() < 12);
    assert_eq!(codes(&layer), [("", ProblemCode::TooManyEntries)]);
}

#[test]
fn links_to_databases_are_kept() {
    let layer = extract(
        Archive::new().symlink("var/lib/dpkg", "/x").symlink("bin", "usr/bin").symlink("lib", "usr/lib"),
    );
    let kept: Vec<(&str, &str)> = layer.links.iter().map(|(path, target)| (&**path, &**target)).collect();
    assert_eq!(kept, [("var/lib/dpkg", "/x"), ("lib", "usr/lib")]);
}
