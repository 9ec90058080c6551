//! SBOM documents are read by the reference readers of their formats, without a complaint.

use anyhow::{Context, Result};
use e2e::mesh::binary;
use e2e::parts::{command, has, readers, run, script, trees};
use std::path::Path;
use std::process::Command;

#[test]
fn sbom_of_any_image_is_read_by_the_reference_readers() -> Result<()> {
    if !has("documents", &["python3"]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    for tree in ["web", "api", "search"] {
        let listed = count(&scan(&trees()?.join(tree), "json")?)?;
        for (format, suffix) in [("cyclonedx", "cdx.json"), ("spdx", "spdx.json")] {
            let file = folder.path().join(format!("{tree}.{suffix}"));
            std::fs::write(&file, scan(&trees()?.join(tree), format)?)?;
            assert_eq!(read(format, &file)?.trim(), listed.to_string(), "{format} of {tree}");
        }
    }
    Ok(())
}

/// The packages of `perceptor scan -o json`.
fn count(json: &str) -> Result<usize> {
    let scanned: serde_json::Value = serde_json::from_str(json)?;
    let packages = scanned.pointer("/inventory/packages").and_then(serde_json::Value::as_array);
    Ok(packages.context("no packages in the answer")?.len())
}

fn scan(tree: &Path, format: &str) -> Result<String> {
    run(Command::new(binary("perceptor")?).arg("scan").arg(tree).args(["-o", format]))
}

fn read(format: &str, file: &Path) -> Result<String> {
    let reader = script("tests/documents/read.py")?;
    run(command("python3")?.env("PYTHONPATH", readers()?).arg(reader).arg(format).arg(file))
}
