//! Files that are read again when they change: tokens, certificates, inventories.

use crate::shutdown::Shutdown;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a watched file is looked at.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// What tells one content of some files from the next without reading them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(Vec<Option<(u64, u64, i64, i64)>>);

impl Stamp {
    /// The stamp of the files as they are now; links are followed, so a swapped link is a change.
    pub fn of<P: AsRef<Path>>(paths: &[P]) -> Self {
        Stamp(paths.iter().map(|path| stamp(path.as_ref())).collect())
    }
}

fn stamp(path: &Path) -> Option<(u64, u64, i64, i64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
}

/// Call `reload` each time one of the files changes, until shutdown.
///
/// What was loaded before stays in force when `reload` fails; the failure is logged.
pub async fn watch<E: std::fmt::Display>(
    paths: Vec<PathBuf>,
    interval: Duration,
    shutdown: Shutdown,
    mut reload: impl FnMut() -> Result<(), E>,
) {
    let mut seen = Stamp::of(&paths);
    while shutdown.sleep(interval).await {
        let now = Stamp::of(&paths);
        if now == seen {
            continue;
        }
        seen = now;
        match reload() {
            Ok(()) => tracing::info!(files = ?paths, "files read again"),
            Err(error) => tracing::error!(files = ?paths, %error, "changed files not taken"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamp_differs_after_replacement() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        let absent = Stamp::of(&[&file]);
        std::fs::write(&file, "a").unwrap();
        let first = Stamp::of(&[&file]);
        assert_ne!(absent, first);
        assert_eq!(first, Stamp::of(&[&file]));
        std::fs::write(dir.path().join("g"), "b").unwrap();
        std::fs::rename(dir.path().join("g"), &file).unwrap();
        assert_ne!(first, Stamp::of(&[&file]));
    }
}
