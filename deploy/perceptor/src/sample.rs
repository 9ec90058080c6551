//! The sample: four small images and a shop that runs them, for a first look without any engine.

mod archive;
mod elf;

use api_vocab::Digest;
use archive::{Archive, File, Layer};
use std::io::{self, Write};
use std::path::Path;

/// An image of the sample, written to a file.
pub struct SampleImage {
    /// What it is called, as `sample/web:1.4`.
    pub reference: &'static str,
    /// The file's name within the sample's folder.
    pub file: &'static str,
    /// The manifest's digest.
    pub digest: Digest,
}

/// Write the sample's archives and its inventory file below `folder`; returns the images.
///
/// # Errors
/// When the folder cannot be written.
pub fn write(folder: &Path) -> io::Result<Vec<SampleImage>> {
    std::fs::create_dir_all(folder)?;
    let images: [(&str, &str, Vec<Layer>); 4] = [
        ("sample/web:1.4", "web.tar", web()),
        ("sample/api:2.0", "api.tar", api()),
        ("sample/search:7.1", "search.tar", search()?),
        ("sample/agent:0.3", "agent.tar", agent()?),
    ];
    let mut written = Vec::new();
    for (reference, file, layers) in images {
        let Archive { bytes, manifest } = archive::build(reference, &layers)?;
        std::fs::write(folder.join(file), bytes)?;
        written.push(SampleImage { reference, file, digest: manifest });
    }
    std::fs::write(folder.join(INVENTORY), include_str!("../sample/inventory.toml"))?;
    Ok(written)
}

/// The inventory file's name within the sample's folder.
pub const INVENTORY: &str = "inventory.toml";

fn file(path: &str, content: impl Into<Vec<u8>>) -> File {
    File { path: path.to_owned(), content: content.into(), executable: false }
}

fn program(path: &str, content: Vec<u8>) -> File {
    File { path: path.to_owned(), content, executable: true }
}

fn web() -> Vec<Layer> {
    let base = vec![
        file("etc/os-release", include_str!("../sample/debian/os-release")),
        file("var/lib/dpkg/status", include_str!("../sample/debian/status")),
    ];
    let python = [
        ("django", "4.2.1"),
        ("jinja2", "3.1.2"),
        ("pillow", "9.5.0"),
        ("pyyaml", "6.0"),
        ("requests", "2.30.0"),
        ("sqlparse", "0.4.4"),
        ("urllib3", "1.26.15"),
    ];
    vec![base, python.map(|(name, version)| python_package(name, version)).into()]
}

fn python_package(name: &str, version: &str) -> File {
    let path = format!("usr/local/lib/python3.11/site-packages/{name}-{version}.dist-info/METADATA");
    file(&path, format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"))
}

fn api() -> Vec<Layer> {
    let base = vec![
        file("etc/os-release", include_str!("../sample/alpine/os-release")),
        file("lib/apk/db/installed", include_str!("../sample/alpine/installed")),
    ];
    let node = [
        ("axios", "0.21.1"),
        ("express", "4.17.1"),
        ("lodash", "4.17.15"),
        ("minimist", "1.2.5"),
        ("qs", "6.7.0"),
        ("semver", "7.5.1"),
    ];
    let mut app: Layer = node.map(|(name, version)| node_package(name, version)).into();
    app.push(program(
        "usr/local/bin/gateway",
        elf::go_program("go1.20.4", include_str!("../sample/go.modules")),
    ));
    vec![base, app]
}

fn node_package(name: &str, version: &str) -> File {
    let path = format!("srv/api/node_modules/{name}/package.json");
    file(&path, format!("{{\"name\": \"{name}\", \"version\": \"{version}\", \"license\": \"MIT\"}}\n"))
}

fn search() -> io::Result<Vec<Layer>> {
    let base = vec![
        file("etc/os-release", include_str!("../sample/alma/os-release")),
        file("var/lib/rpm/rpmdb.sqlite", &include_bytes!("../sample/alma/rpmdb.sqlite")[..]),
    ];
    let java = [
        ("org.apache.logging.log4j", "log4j-core", "2.14.1"),
        ("org.apache.logging.log4j", "log4j-api", "2.14.1"),
        ("com.fasterxml.jackson.core", "jackson-databind", "2.9.8"),
        ("org.springframework", "spring-beans", "5.3.17"),
        ("org.yaml", "snakeyaml", "1.30"),
    ];
    let app = java
        .iter()
        .map(|(group, artifact, version)| jar(group, artifact, version))
        .collect::<io::Result<_>>()?;
    Ok(vec![base, app])
}

fn jar(group: &str, artifact: &str, version: &str) -> io::Result<File> {
    let mut jar = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    // A fixed time, so that the image's digest is the same on every run.
    let options = zip::write::SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
    jar.start_file(format!("META-INF/maven/{group}/{artifact}/pom.properties"), options)?;
    write!(jar, "groupId={group}\nartifactId={artifact}\nversion={version}\n")?;
    let bytes = jar.finish()?.into_inner();
    Ok(file(&format!("opt/search/lib/{artifact}-{version}.jar"), bytes))
}

fn agent() -> io::Result<Vec<Layer>> {
    let dependencies = include_str!("../sample/rust.dependencies.json");
    Ok(vec![vec![program("agent", elf::rust_program(dependencies)?)]])
}
