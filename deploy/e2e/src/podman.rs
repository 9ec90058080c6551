//! A real Podman service with its own storage, settings and socket, and its containers.

use crate::parts::{archive, find, run};
use crate::process::Process;
use anyhow::{Context, Result};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Settings that need no systemd, no network of its own and no right to raise limits; locks in
/// files, because those in shared memory belong to every Podman of the machine.
const SETTINGS: &str = r#"[containers]
netns = "host"
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]

[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
"#;

/// A Podman of our own.
pub struct Podman {
    folder: PathBuf,
    service: Option<Process>,
}

impl Podman {
    /// Start the service below `folder`.
    ///
    /// # Errors
    /// When there is no podman or it does not answer in time.
    pub async fn start(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("containers.conf"), SETTINGS)?;
        let mut podman = Podman { folder: folder.to_path_buf(), service: None };
        podman.restart().await?;
        Ok(podman)
    }

    /// Start the service again after it was killed.
    ///
    /// # Errors
    /// As [`Podman::start`].
    pub async fn restart(&mut self) -> Result<()> {
        let mut command = self.command()?;
        command.args(["system", "service", "--time=0"]).arg(self.host());
        let service = self.service.insert(Process::start(&mut command, &self.folder.join("podman.log"))?);
        let socket = self.folder.join("podman.sock");
        // A killed service leaves its socket behind, but nobody takes the call.
        service.answers("podman", async || Ok(UnixStream::connect(&socket).ok().map(drop))).await
    }

    /// `kill -9` of the service; containers go on.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut service) = self.service.take() {
            service.kill()?;
        }
        Ok(())
    }

    /// Its address, as `DOCKER_HOST` has it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.join("podman.sock").display())
    }

    /// Run the podman command line on the same storage; it needs no service.
    ///
    /// # Errors
    /// When the command fails.
    pub fn podman(&self, arguments: &[&str]) -> Result<String> {
        run(self.command()?.args(arguments))
    }

    /// Import a file tree as an image of one layer; returns its id.
    ///
    /// # Errors
    /// When tar or podman fails.
    pub fn import(&self, tree: &Path, reference: &str) -> Result<String> {
        let archive = archive(tree)?;
        let path = archive.path().to_string_lossy();
        Ok(self.podman(&["import", "--quiet", &path, reference])?.trim().to_owned())
    }

    /// Run a container that does nothing until it is removed.
    ///
    /// # Errors
    /// When podman fails.
    pub fn run_idle(&self, name: &str, image: &str) -> Result<()> {
        self.podman(&["run", "--detach", "--pull=never", "--name", name, image, "/bin/sleep", "infinity"])?;
        Ok(())
    }

    fn command(&self) -> Result<Command> {
        let mut command = Command::new(find("podman").context("no podman on this machine")?);
        command.env("CONTAINERS_CONF", self.folder.join("containers.conf"));
        // A driver that mounts nothing leaves nothing mounted.
        command.args(["--storage-driver", "vfs"]);
        for (option, name) in [("--root", "root"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
            command.arg(option).arg(self.folder.join(name));
        }
        Ok(command)
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.podman(&["rm", "--all", "--force", "--time", "0"]);
    }
}
