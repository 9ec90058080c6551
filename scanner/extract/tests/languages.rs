//! Packages of every language, through the registry, from a layer as it comes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests end where they go wrong")]

#[path = "../../rootfs/tests/archive/mod.rs"]
mod archive;

use archive::{Archive, gzip};
use flate2::read::GzDecoder;
use scanner_extract::{extract_layer, registry, stack};
use scanner_rootfs::Budget;
use std::io::{Cursor, Read, Write};
use std::time::Duration;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const GO: &[u8] = include_bytes!("../src/binary/testdata/go1.15-elf64.gz");
const RUST: &[u8] = include_bytes!("../src/binary/testdata/auditable-elf64.gz");
const NODE: &[u8] = include_bytes!("../src/node/testdata/express.json");
const PYTHON: &[u8] = include_bytes!("../src/python/testdata/zope.interface.METADATA");

fn unpacked(gz: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(gz).read_to_end(&mut bytes).unwrap();
    bytes
}

fn jar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// `extractor path: ecosystem name version` of each package in the image of this one layer.
fn packages(layer: &[u8]) -> Vec<String> {
    let layer = extract_layer(layer, &registry::all(), &Budget::default(), &|| Duration::ZERO);
    let inventory = stack(&[layer]);
    assert_eq!(inventory.problems, []);
    let line = |found: &api_vocab::InstalledPackage| {
        let package = &found.package;
        let (name, version) = (package.name(), package.version());
        format!("{} {}: {} {name} {version}", found.extractor, found.path, package.ecosystem())
    };
    let mut lines: Vec<String> = inventory.packages.iter().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn layer_of_many_languages_gives_the_packages_of_each() {
    let log4j = b"groupId=org.apache.logging.log4j\nartifactId=log4j-core\nversion=2.14.1\n";
    let log4j = jar(&[("META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties", log4j)]);
    let app = jar(&[("BOOT-INF/lib/log4j-core-2.14.1.jar", &log4j)]);
    let layer = Archive::new()
        .program("usr/bin/esbuild", &unpacked(GO))
        .program("usr/bin/app", &unpacked(RUST))
        .hard_link("usr/bin/app2", "usr/bin/app")
        .program("usr/bin/script", b"#!/bin/sh\n")
        .file("srv/node_modules/express/package.json", NODE)
        .file("srv/node_modules/express/lib/package.json", b"not one")
        .file("usr/lib/python3/site-packages/zope.interface-8.7.dist-info/METADATA", PYTHON)
        .file("app.jar", &app)
        .end();
    let expected = [
        "binary usr/bin/app2: crates.io itoa 1.0.18",
        "binary usr/bin/app2: crates.io memchr 2.8.3",
        "binary usr/bin/app: crates.io itoa 1.0.18",
        "binary usr/bin/app: crates.io memchr 2.8.3",
        "binary usr/bin/esbuild: Go golang.org/x/sys v0.0.0-20200501145240-bc7a7d42d5c3",
        "binary usr/bin/esbuild: Go stdlib 1.15.5",
        "java app.jar!/BOOT-INF/lib/log4j-core-2.14.1.jar: Maven org.apache.logging.log4j:log4j-core 2.14.1",
        "node srv/node_modules/express/package.json: npm express 5.3.0",
        "python usr/lib/python3/site-packages/zope.interface-8.7.dist-info/METADATA: PyPI zope-interface 8.7",
    ];
    assert_eq!(packages(&layer), expected);
    assert_eq!(packages(&gzip(&layer)), expected);
}
