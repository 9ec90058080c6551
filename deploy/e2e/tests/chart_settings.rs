//! That every setting which the chart writes is one that our programs know: each refuses others.

use anyhow::{Context, Result, bail, ensure};
use e2e::mesh::binary;
use e2e::parts::{self, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What changes the settings that are written.
const VARIANTS: [&[&str]; 2] = [
    &[],
    &[
        "--set=auth.mode=serviceAccounts",
        "--set=scanner.fromRegistry.enabled=true",
        "--set=scanner.fromRegistry.pullSecrets.enabled=true",
        "--set=scanner.fromRegistry.credentialsSecret=registries",
    ],
];

#[test]
fn settings_of_the_chart_are_known_to_our_programs() -> Result<()> {
    if !parts::has("settings_of_the_chart_are_known_to_our_programs", &["helm"]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    for platform in ["kubernetes", "openshift", "gke"] {
        for variant in VARIANTS {
            let files = settings(platform, variant)?;
            ensure!(files.len() >= 4, "{platform}: only {} settings files", files.len());
            for (name, text) in files {
                known(folder.path(), platform, &name, &text)
                    .with_context(|| format!("{platform} {variant:?}"))?;
            }
        }
    }
    Ok(())
}

/// The settings files that the chart writes, each with its name.
fn settings(platform: &str, variant: &[&str]) -> Result<Vec<(String, String)>> {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("helm").join("perceptor");
    let values = |file: &str| format!("--values={}", chart.join(file).display());
    let mut helm = parts::command("helm")?;
    helm.args(["template", "--kube-version=1.33.0", "perceptor"]).arg(&chart);
    helm.args([values(&format!("values-{platform}.yaml")), values("ci/images.yaml")]).args(variant);
    Ok(files(&run(&mut helm)?))
}

/// The entries of ConfigMaps whose name ends in `.yaml`: a line that names one, then its lines, which
/// stand further in.
fn files(objects: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    let mut within = false;
    for line in objects.lines() {
        match line.strip_prefix("    ") {
            Some(content) if within => {
                if let Some((_, text)) = files.last_mut() {
                    text.push_str(content);
                    text.push('\n');
                }
            }
            _ => {
                let named = line.strip_prefix("  ").and_then(|line| line.strip_suffix(".yaml: |"));
                within = named.is_some() || (within && line.is_empty());
                files.extend(named.map(|name| (format!("{name}.yaml"), String::new())));
            }
        }
    }
    files
}

fn known(folder: &Path, platform: &str, name: &str, text: &str) -> Result<()> {
    let file: PathBuf = folder.join(name);
    std::fs::write(&file, text)?;
    let program = match name {
        "core.yaml" => "perceptor-core",
        "scanner.yaml" => "perceptor-scanner",
        "image-fetcher.yaml" => "perceptor-image-fetcher",
        "perceiver.yaml" if platform == "openshift" => "perceptor-perceiver-openshift",
        "perceiver.yaml" => "perceptor-perceiver-kubernetes",
        other => bail!("no program reads {other}"),
    };
    run(Command::new(binary(program)?).arg("--config").arg(&file).arg("--print-config"))
        .with_context(|| format!("{program} refuses:\n{text}"))?;
    Ok(())
}
