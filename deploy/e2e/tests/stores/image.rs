//! An image of three layers made of real packages, whose upper layers remove, replace, hide, link.

use anyhow::{Context, Result, ensure};
use api_vocab::Inventory;
use e2e::parts::{run, trees};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// What it is called.
pub const NAME: &str = "docker.io/shop/layered:1";

/// An image as an archive in the layout of `docker save`.
pub struct LayeredImage {
    folder: TempDir,
}

impl LayeredImage {
    /// Debian with Python and Node packages, then changes.
    pub fn build() -> Result<Self> {
        let trees = trees()?;
        let image = LayeredImage { folder: tempfile::tempdir()? };
        let web = image.pack("1", &trees.join("web"))?;
        let api = image.pack("2", &trees.join("api"))?;
        let changes = image.folder.path().join("changes");
        change(&changes, &trees)?;
        let changes = image.pack("3", &changes)?;
        image.bundle(&[web, api, changes])?;
        Ok(image)
    }

    /// The Node packages, then one folder.
    pub fn build_small() -> Result<Self> {
        let image = LayeredImage { folder: tempfile::tempdir()? };
        let api = image.pack("1", &trees()?.join("api"))?;
        let added = image.folder.path().join("added");
        fs::create_dir_all(added.join("etc"))?;
        fs::write(added.join("etc/os-release"), "ID=debian\nVERSION_ID=\"12\"\n")?;
        let added = image.pack("2", &added)?;
        image.bundle(&[api, added])?;
        Ok(image)
    }

    /// Its file.
    pub fn archive(&self) -> PathBuf {
        self.folder.path().join("image.tar")
    }

    fn pack(&self, name: &str, tree: &Path) -> Result<String> {
        let name = format!("{name}.tar");
        let layer = self.folder.path().join("saved").join(&name);
        fs::create_dir_all(layer.parent().context("a file lies in a folder")?)?;
        run(Command::new("tar").arg("-C").arg(tree).arg("-cf").arg(&layer).arg("."))?;
        Ok(name)
    }

    fn bundle(&self, layers: &[String]) -> Result<()> {
        let saved = self.folder.path().join("saved");
        let diff_ids: Vec<String> =
            layers.iter().map(|layer| digest(&saved.join(layer))).collect::<Result<_>>()?;
        let config = json!({
            "os": "linux", "architecture": "amd64", "config": {}, "created": "2026-01-01T00:00:00Z",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        fs::write(saved.join("config"), config.to_string())?;
        let id = digest(&saved.join("config"))?;
        let config = format!("{}.json", id.trim_start_matches("sha256:"));
        fs::rename(saved.join("config"), saved.join(&config))?;
        let manifest = json!([{"Config": config, "RepoTags": [NAME], "Layers": layers}]);
        fs::write(saved.join("manifest.json"), manifest.to_string())?;
        let mut names = layers.to_vec();
        names.extend([config, "manifest.json".to_owned()]);
        run(Command::new("tar").arg("-C").arg(&saved).arg("-cf").arg(self.archive()).args(names))?;
        Ok(())
    }
}

fn digest(file: &Path) -> Result<String> {
    let printed = run(Command::new("sha256sum").arg(file))?;
    let digits = printed.split_whitespace().next().context("sha256sum printed nothing")?;
    Ok(format!("sha256:{digits}"))
}

/// The third layer.
fn change(layer: &Path, trees: &Path) -> Result<()> {
    let node = layer.join("srv/api/node_modules");
    // A package is removed, and one made opaque with another version in its place.
    fs::create_dir_all(node.join("axios"))?;
    fs::write(node.join(".wh.minimist"), "")?;
    fs::write(node.join("axios/.wh..wh..opq"), "")?;
    fs::write(node.join("axios/package.json"), r#"{"name":"axios","version":"9.9.9"}"#)?;
    // A file with two names, and one beneath a link.
    fs::create_dir_all(node.join("first"))?;
    fs::create_dir_all(node.join("second"))?;
    fs::write(node.join("first/package.json"), r#"{"name":"twice","version":"1.2.3"}"#)?;
    fs::hard_link(node.join("first/package.json"), node.join("second/package.json"))?;
    symlink("/etc/passwd", node.join("first/link"))?;

    replace_unseen(layer, trees)?;
    let name = "x".repeat(120);
    fs::create_dir_all(layer.join(&name).join(&name))?;
    fs::write(layer.join(&name).join(&name).join("package.json"), r#"{"name":"deep","version":"1.0.0"}"#)?;
    remove_debian_package(layer, trees)?;
    run(Command::new("mknod").arg(layer.join("null")).args(["c", "1", "3"]))?;
    run(Command::new("mkfifo").arg(layer.join("pipe")))?;
    run(Command::new("truncate").args(["--size", "3M"]).arg(layer.join("holes")))?;
    Ok(())
}

/// A file is replaced by another of the same size, time and owner.
fn replace_unseen(layer: &Path, trees: &Path) -> Result<()> {
    let path = "srv/api/node_modules/lodash/package.json";
    let before = trees.join("api").join(path);
    let after = layer.join(path);
    fs::create_dir_all(after.parent().context("a file lies in a folder")?)?;
    let text = fs::read_to_string(&before)?;
    ensure!(text.contains("\"4.17.15\""), "another lodash than was installed");
    fs::write(&after, text.replace("\"4.17.15\"", "\"4.17.99\""))?;
    run(Command::new("touch").arg("--reference").arg(&before).arg(&after))?;
    run(Command::new("chmod").arg("--reference").arg(&before).arg(&after))?;
    Ok(())
}

/// As `dpkg --purge` leaves it: out of the status file, its own files gone.
fn remove_debian_package(layer: &Path, trees: &Path) -> Result<()> {
    let status = fs::read_to_string(trees.join("web/var/lib/dpkg/status"))?;
    let kept: Vec<&str> =
        status.split("\n\n").filter(|entry| !entry.starts_with("Package: mawk\n")).collect();
    let dpkg = layer.join("var/lib/dpkg");
    fs::create_dir_all(dpkg.join("info"))?;
    fs::write(dpkg.join("status"), kept.join("\n\n"))?;
    fs::write(dpkg.join("info/.wh.mawk.list"), "")?;
    fs::create_dir_all(layer.join("usr/bin"))?;
    fs::write(layer.join("usr/bin/.wh.mawk"), "")?;
    Ok(())
}

/// Whether the changes show.
pub fn check(inventory: &Inventory) -> Result<()> {
    let versions = |name: &str| -> Vec<String> {
        let packages = inventory.packages.iter().filter(|found| found.package.name() == name);
        packages.map(|found| found.package.version().to_owned()).collect()
    };
    ensure!(inventory.packages.len() > 100, "{} packages", inventory.packages.len());
    for (name, expected) in [
        ("minimist", &[][..]),
        ("mawk", &[]),
        ("axios", &["9.9.9"]),
        ("lodash", &["4.17.99"]),
        ("twice", &["1.2.3", "1.2.3"]),
    ] {
        ensure!(versions(name) == expected, "{name}: {:?}", versions(name));
    }
    Ok(())
}
