//! Images without an engine: file trees as a docker archive, each tree a layer.

use crate::parts::{archive, command, run};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// An image in a file, as `docker save` writes it.
pub struct Archive {
    path: PathBuf,
    config: String,
}

impl Archive {
    /// Make an archive in `folder` of one layer for each of `trees`, the lowest first; a container
    /// of it sleeps.
    ///
    /// # Errors
    /// When tar fails.
    pub fn make(reference: &str, trees: &[&Path], folder: &Path) -> Result<Self> {
        let runs = json!({"Cmd": ["/bin/sleep", "infinity"], "Env": ["PATH=/bin:/usr/bin"]});
        Archive::running(reference, trees, &runs, folder)
    }

    /// The same; `runs` says what a container of it runs, as an image's configuration has it.
    ///
    /// # Errors
    /// When tar fails.
    pub fn running(reference: &str, trees: &[&Path], runs: &Value, folder: &Path) -> Result<Self> {
        Archive::built_for(architecture(), reference, trees, runs, folder)
    }

    /// The same; `architecture` is what the image says it was built for.
    ///
    /// # Errors
    /// When tar fails.
    pub fn built_for(
        architecture: &str,
        reference: &str,
        trees: &[&Path],
        runs: &Value,
        folder: &Path,
    ) -> Result<Self> {
        let parts = tempfile::tempdir_in(folder)?;
        let mut layers = Vec::new();
        let mut ids = Vec::new();
        for (number, tree) in trees.iter().enumerate() {
            let name = format!("{number}.tar");
            archive(tree)?.persist_noclobber(parts.path().join(&name)).or_else(|failed| {
                // Another file system.
                std::fs::copy(failed.file.path(), parts.path().join(&name))?;
                std::fs::File::open(parts.path().join(&name))
            })?;
            ids.push(format!("sha256:{}", sha256(&parts.path().join(&name))?));
            layers.push(name);
        }
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": runs,
            "rootfs": {"type": "layers", "diff_ids": ids},
            "history": ids.iter().map(|_| json!({"created_by": "e2e"})).collect::<Vec<_>>(),
        });
        std::fs::write(parts.path().join("config"), config.to_string())?;
        let config = sha256(&parts.path().join("config"))?;
        std::fs::rename(parts.path().join("config"), parts.path().join(format!("{config}.json")))?;
        let manifest =
            json!([{"Config": format!("{config}.json"), "RepoTags": [reference], "Layers": layers}]);
        std::fs::write(parts.path().join("manifest.json"), manifest.to_string())?;
        let path = folder.join(format!("{config}.tar"));
        run(Command::new("tar").arg("-C").arg(parts.path()).arg("-cf").arg(&path).arg("."))?;
        Ok(Archive { path, config: format!("sha256:{config}") })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The digest of the image's configuration.
    pub fn config(&self) -> &str {
        &self.config
    }
}

/// Make a tree with a static shell and a `sleep` at `tree`.
///
/// # Errors
/// When there is no busybox.
pub fn busybox(tree: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(tree.join("bin"))?;
    std::fs::copy(command("busybox")?.get_program(), tree.join("bin/busybox"))?;
    for name in ["sh", "sleep"] {
        std::os::unix::fs::symlink("busybox", tree.join("bin").join(name))?;
    }
    Ok(tree.to_path_buf())
}

/// The digest of a file, in hexadecimal digits.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(file: &Path) -> Result<String> {
    let printed = run(Command::new("sha256sum").arg(file))?;
    Ok(printed.split_whitespace().next().context("sha256sum printed nothing")?.to_owned())
}

/// This machine's, as images call it.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
