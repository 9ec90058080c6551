//! A small disk that can be filled and emptied: a file system in memory, mounted on a folder.

use crate::parts::run;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system of a fixed size.
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Mount a file system of `mib` MiB on `folder`, which is made.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn mount(folder: &Path, mib: u32) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let size = format!("size={mib}m");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder))?;
        Ok(Disk { folder: folder.to_path_buf() })
    }

    /// Fill it to the last byte.
    ///
    /// # Errors
    /// When writing fails for another reason than lack of space.
    pub fn fill(&self) -> Result<()> {
        let mut file = File::options().create(true).append(true).open(self.ballast())?;
        for size in [1 << 20, 4096, 1] {
            let chunk = vec![0; size];
            let error = loop {
                if let Err(error) = file.write_all(&chunk) {
                    break error;
                }
            };
            if error.kind() != ErrorKind::StorageFull {
                return Err(error).context("fill the disk");
            }
        }
        Ok(())
    }

    /// Take away what filled it.
    ///
    /// # Errors
    /// When that cannot be removed.
    pub fn empty(&self) -> Result<()> {
        std::fs::remove_file(self.ballast()).context("empty the disk")
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = run(Command::new("umount").arg("--lazy").arg(&self.folder));
    }
}
