//! Who owns a language's package, as real dpkg and real rpm write it down: the distribution's package
//! that brought it along, until another layer replaces its files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use anyhow::{Context, Result, ensure};
use e2e::images::Archive;
use e2e::mesh::binary;
use e2e::parts::{self, command, run};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const DEBIAN: &str = "usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA";
const ALMA: &str = "usr/lib/python3.9/site-packages/six-1.16.0.dist-info/METADATA";
const BUNDLED: &str = "usr/lib/node_modules/npm/node_modules/ini/package.json";
const SIX: &str = "Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n";
const INI: &str = r#"{"name":"ini","version":"1.3.5"}"#;

#[test]
fn package_that_dpkg_installed_is_owned_until_a_layer_replaces_it() -> Result<()> {
    if !parts::has("package_that_dpkg_installed_is_owned_until_a_layer_replaces_it", &["dpkg", "dpkg-deb"]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let tree = folder.path().join("tree");
    system(&tree, "debian")?;
    for place in ["info", "updates", "triggers"] {
        std::fs::create_dir_all(tree.join("var/lib/dpkg").join(place))?;
    }
    write(&tree, "var/lib/dpkg/status", "")?;
    let package = folder.path().join("package");
    write(&package, DEBIAN, SIX)?;
    write(&package, BUNDLED, INI)?;
    let control = "Package: python3-six\nVersion: 1.16.0-4\nArchitecture: all\n\
                   Maintainer: e2e <e2e@example.org>\nDescription: six\n";
    write(&package, "DEBIAN/control", control)?;
    let file = folder.path().join("six.deb");
    run(command("dpkg-deb")?.args(["--root-owner-group", "--build"]).args([&package, &file]))?;
    run(command("dpkg")?
        .arg(format!("--root={}", tree.display()))
        .args(["--force-all", "--unpack"])
        .arg(&file))?;

    owned_as_expected(&tree, DEBIAN)?;
    replaced_is_nobodys(folder.path(), &tree, DEBIAN)
}

#[test]
fn package_that_rpm_installed_is_owned_until_a_layer_replaces_it() -> Result<()> {
    if !parts::has("package_that_rpm_installed_is_owned_until_a_layer_replaces_it", &["rpm", "rpmbuild"]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let (tree, package, top) =
        (folder.path().join("tree"), folder.path().join("package"), folder.path().join("top"));
    system(&tree, "alma")?;
    write(&package, ALMA, SIX)?;
    write(&package, BUNDLED, INI)?;
    let spec = format!(
        "Name: python3-six\nVersion: 1.16.0\nRelease: 9.el9\nSummary: six\nLicense: MIT\nBuildArch: noarch\n\
         %description\nsix\n%install\ncp -r {}/. %{{buildroot}}\n%files\n/{ALMA}\n/{BUNDLED}\n",
        package.display()
    );
    write(folder.path(), "six.spec", &spec)?;
    let define = format!("_topdir {}", top.display());
    run(command("rpmbuild")?
        .args(["--quiet", "--define", &define, "-bb"])
        .arg(folder.path().join("six.spec")))?;
    let rpm = || -> Result<Command> {
        let mut rpm = command("rpm")?;
        rpm.arg("--root").arg(&tree).args(["--dbpath", "/var/lib/rpm"]);
        Ok(rpm)
    };
    run(rpm()?.arg("--initdb"))?;
    let built = top.join("RPMS/noarch/python3-six-1.16.0-9.el9.noarch.rpm");
    run(rpm()?.args(["--nodeps", "--noscripts", "-i"]).arg(built))?;

    owned_as_expected(&tree, ALMA)?;
    replaced_is_nobodys(folder.path(), &tree, ALMA)
}

/// Six is owned; what is bundled in another version is not.
fn owned_as_expected(image: &Path, six: &str) -> Result<()> {
    let owners = owners(image)?;
    ensure!(owner(&owners, six)? == Some("python3-six"), "{owners:?}");
    ensure!(owner(&owners, BUNDLED)?.is_none(), "{owners:?}");
    Ok(())
}

/// The same file again in a layer above, as pip would write it.
fn replaced_is_nobodys(folder: &Path, tree: &Path, six: &str) -> Result<()> {
    let upper = folder.join("upper");
    write(&upper, six, SIX)?;
    let whole = Archive::make("shop/six:1", &[tree], folder)?;
    ensure!(owner(&owners(whole.path())?, six)? == Some("python3-six"));
    let replaced = Archive::make("shop/six:2", &[tree, &upper], folder)?;
    ensure!(owner(&owners(replaced.path())?, six)?.is_none());
    Ok(())
}

fn system(tree: &Path, sample: &str) -> Result<()> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("perceptor/sample");
    write(tree, "etc/os-release", &std::fs::read_to_string(samples.join(sample).join("os-release"))?)
}

fn write(folder: &Path, path: &str, text: &str) -> Result<()> {
    let path: PathBuf = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap())?;
    std::fs::write(path, text)?;
    Ok(())
}

/// Paths of packages and their owners, as `perceptor scan` says.
fn owners(image: &Path) -> Result<Vec<(String, Option<String>)>> {
    let printed = run(Command::new(binary("perceptor")?).args(["scan", "-o", "cyclonedx"]).arg(image))?;
    let document: Value = serde_json::from_str(&printed)?;
    let components = document["components"].as_array().context("no components")?.iter();
    Ok(components
        .filter_map(|component| Some((said(component, "path")?, said(component, "owned-by"))))
        .collect())
}

fn said(component: &Value, property: &str) -> Option<String> {
    let name = format!("perceptor:{property}");
    let mut properties = component["properties"].as_array()?.iter();
    Some(properties.find(|one| one["name"] == *name)?["value"].as_str()?.to_owned())
}

fn owner<'o>(owners: &'o [(String, Option<String>)], path: &str) -> Result<Option<&'o str>> {
    let (_, owner) =
        owners.iter().find(|(at, _)| at == path).with_context(|| format!("{path} in {owners:?}"))?;
    Ok(owner.as_deref())
}
