//! A Podman with storage of its own.

use anyhow::{Context, Result};
use e2e::parts::{find, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A Podman without service.
pub struct Podman {
    folder: PathBuf,
    driver: String,
}

impl Podman {
    /// Storage below `folder`, kept by `driver`.
    pub fn new(folder: &Path, driver: &str) -> Result<Self> {
        fs::write(
            folder.join("containers.conf"),
            "[engine]\nevents_logger = \"file\"\nlock_type = \"file\"\n",
        )?;
        Ok(Podman { folder: folder.to_path_buf(), driver: driver.to_owned() })
    }

    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// Load an archive.
    pub fn load(&self, archive: &Path) -> Result<()> {
        self.podman(&["load", "--quiet", "--input", &archive.to_string_lossy()])?;
        Ok(())
    }

    /// Remove what layers' archives could be put together with.
    pub fn forget_recipes(&self) -> Result<()> {
        for entry in fs::read_dir(self.root().join(format!("{}-layers", self.driver)))? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with(".tar-split.gz") {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    pub fn podman(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(find("podman").context("no podman on this machine")?);
        command.env("CONTAINERS_CONF", self.folder.join("containers.conf"));
        command.args(["--storage-driver", &self.driver]);
        for (option, name) in [("--root", "root"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
            command.arg(option).arg(self.folder.join(name));
        }
        run(command.args(arguments))
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // Podman leaves the driver's folder mounted upon itself.
        let _ = run(Command::new("umount").arg("--lazy").arg(self.root().join(&self.driver)));
    }
}
