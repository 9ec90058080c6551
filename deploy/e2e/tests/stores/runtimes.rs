//! A containerd and a Podman with storage of their own.

use anyhow::{Context, Result};
use e2e::parts::{find, run};
use e2e::process::Process;
use e2e::until::until;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long it may take until it answers.
const START: Duration = Duration::from_secs(60);
const NAMESPACE: &str = "k8s.io";

/// A containerd of our own.
pub struct Containerd {
    folder: PathBuf,
    process: Option<Process>,
}

impl Containerd {
    /// Start it below `folder`.
    pub async fn start(folder: &Path) -> Result<Self> {
        let at = |name: &str| folder.join(name).display().to_string();
        let config = format!(
            "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\naddress = {:?}\n[plugins.\"io.containerd.internal.v1.opt\"]\npath = {:?}\n\
             [plugins.\"io.containerd.gc.v1.scheduler\"]\ndeletion_threshold = 1\n",
            at("root"),
            at("state"),
            at("c.sock"),
            at("opt")
        );
        fs::write(folder.join("config.toml"), config)?;
        let mut containerd = Containerd { folder: folder.to_path_buf(), process: None };
        containerd.restart().await?;
        Ok(containerd)
    }

    /// Start it again.
    pub async fn restart(&mut self) -> Result<()> {
        let mut command = Command::new(find("containerd").context("no containerd on this machine")?);
        command.arg("--config").arg(self.folder.join("config.toml"));
        self.process = Some(Process::start(&mut command, &self.folder.join("log"))?);
        let answered = until("containerd", START, async || Ok(self.ctr(&["version"]).ok())).await;
        answered.with_context(|| self.process.as_ref().map(Process::log).unwrap_or_default())?;
        Ok(())
    }

    /// `kill -9`: its socket stays behind.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
        }
        Ok(())
    }

    /// End it.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.terminate()?;
        }
        Ok(())
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join("c.sock")
    }

    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// Import an archive and unpack it.
    pub fn import(&self, archive: &Path, snapshotter: &str) -> Result<()> {
        self.ctr(&["images", "import", "--snapshotter", snapshotter, &archive.to_string_lossy()])?;
        Ok(())
    }

    /// Remove the blobs of layers, as `discard_unpacked_layers` does; how many.
    pub fn discard_layers(&self) -> Result<usize> {
        let listed = self.ctr(&["content", "ls"])?;
        let layers = listed.lines().filter(|line| line.contains("containerd.io/uncompressed="));
        let digests: Vec<&str> = layers.filter_map(|line| line.split_whitespace().next()).collect();
        self.ctr(&[&["content", "rm"][..], &digests].concat())?;
        Ok(digests.len())
    }

    /// Remove all snapshots, the topmost first, and wait until their folders are gone.
    pub async fn remove_snapshots(&self, snapshotter: &str) -> Result<()> {
        for _ in 0..16 {
            let listed = self.ctr(&["snapshots", "--snapshotter", snapshotter, "ls"])?;
            let names: Vec<&str> =
                listed.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
            if names.is_empty() {
                break;
            }
            for name in names {
                // Those that others stand on come off in a later round.
                let _ = self.ctr(&["snapshots", "--snapshotter", snapshotter, "rm", name]);
            }
        }
        let folders = self.root().join(format!("io.containerd.snapshotter.v1.{snapshotter}/snapshots"));
        until("the folders to be gone", START, async || {
            Ok(fs::read_dir(&folders)?.next().is_none().then_some(()))
        })
        .await
    }

    fn ctr(&self, arguments: &[&str]) -> Result<String> {
        let socket = self.socket().display().to_string();
        run(Command::new("ctr").args(["--address", &socket, "--namespace", NAMESPACE]).args(arguments))
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

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
