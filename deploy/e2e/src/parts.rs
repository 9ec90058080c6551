//! Which real parts this machine has: a test without its part says so by name, and in CI fails.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::NamedTempFile;

/// Whether `test` can run: all `commands` are there and we are root.
///
/// # Panics
/// In CI, where a missing part is a failure.
#[allow(clippy::panic, clippy::print_stderr)]
pub fn has(test: &str, commands: &[&str]) -> bool {
    let missing: Vec<&str> = commands.iter().copied().filter(|command| find(command).is_none()).collect();
    let root = is_root();
    if missing.is_empty() && root {
        return true;
    }
    let why = if root { format!("missing {}", missing.join(", ")) } else { "not root".to_owned() };
    assert!(std::env::var_os("CI").is_none(), "{test} cannot run: {why}");
    eprintln!("LEFT OUT {test}: {why}; `make setup` as root installs what is missing");
    false
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Where a command is, the system folders included.
pub fn find(command: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/sbin", "/sbin"])
        .map(|folder| Path::new(folder).join(command))
        .find(|candidate| candidate.is_file())
}

/// The folder of trees with real package metadata that `deploy/e2e/setup.sh` built.
///
/// # Errors
/// When it was not built.
pub fn trees() -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    let folder = std::fs::read_dir(cache.join("perceptor/e2e"))
        .context("the trees are not built; run `make setup` as root")?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.join("complete").exists())
        .max_by_key(|path| path.metadata().and_then(|found| found.modified()).ok());
    folder.context("the trees are not built; run `make setup` as root")
}

/// A file tree as a tar archive, which is gone with the answer.
///
/// # Errors
/// When tar fails.
pub fn archive(tree: &Path) -> Result<NamedTempFile> {
    let archive = NamedTempFile::new()?;
    run(Command::new("tar").arg("-C").arg(tree).arg("-cf").arg(archive.path()).arg("."))?;
    Ok(archive)
}

/// Run a command to its end and return what it printed.
///
/// # Errors
/// When it cannot be started or fails; the error holds what it printed on standard error.
pub fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("start {command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?} failed: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
