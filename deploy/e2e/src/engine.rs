//! A real Docker engine with private sockets and folders, no bridge and no packet filter: the one
//! of this machine, or a current one in a file tree of its own.

use crate::parts::{archive, engine_tree, find, run, script};
use crate::process::Process;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A Docker engine of our own.
pub struct Engine {
    folder: PathBuf,
    kind: Kind,
    process: Option<Process>,
}

/// Which engine, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// This machine's.
    Plain,
    /// This machine's, as a swarm of one node.
    Swarm,
    /// Docker 26 with Compose v2, from its tree.
    Current(ImageStore),
}

/// How Docker 26 keeps its images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageStore {
    /// As engines always have; an image's id is its configuration's digest.
    Classic,
    /// In containerd; an image's id is its manifest's digest.
    Containerd,
}

impl Engine {
    /// Start an engine below `folder`.
    ///
    /// # Errors
    /// When there is no dockerd or it does not answer in time.
    pub async fn start(folder: &Path) -> Result<Self> {
        Self::start_as(folder, Kind::Plain).await
    }

    /// Start an engine below `folder` that is a swarm of one node.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub async fn start_swarm(folder: &Path) -> Result<Self> {
        let engine = Self::start_as(folder, Kind::Swarm).await?;
        engine.docker(&["swarm", "init", "--advertise-addr=127.0.0.1", "--listen-addr=127.0.0.1:2377"])?;
        Ok(engine)
    }

    /// Start Docker 26 below `folder`. It sees nothing of this machine's files but `folder`.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub async fn start_current(folder: &Path, store: ImageStore) -> Result<Self> {
        Self::start_as(folder, Kind::Current(store)).await
    }

    async fn start_as(folder: &Path, kind: Kind) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut engine = Engine { folder: folder.to_path_buf(), kind, process: None };
        engine.restart().await?;
        Ok(engine)
    }

    /// Start it again after it was killed.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub async fn restart(&mut self) -> Result<()> {
        // A killed engine leaves pid files behind. Its containerd dies with it, but where nobody
        // reaps orphans its pid still looks alive, and the next engine would wait for it.
        for pid_file in ["docker.pid", "exec/containerd/containerd.pid"] {
            let _ = std::fs::remove_file(self.folder.join(pid_file));
        }
        let mut command = self.dockerd()?;
        command
            .arg("--host")
            .arg(self.host())
            .arg("--data-root")
            .arg(self.folder.join("data"))
            .arg("--exec-root")
            .arg(self.folder.join("exec"))
            .arg("--pidfile")
            .arg(self.folder.join("docker.pid"))
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false"]);
        match self.kind {
            // Containers outlive a killed engine; a swarm's may not.
            Kind::Plain => drop(command.arg("--live-restore")),
            Kind::Current(ImageStore::Containerd) => {
                let settings = self.folder.join("daemon.json");
                std::fs::write(&settings, r#"{"features":{"containerd-snapshotter":true}}"#)?;
                command.arg("--config-file").arg(settings);
            }
            Kind::Swarm | Kind::Current(ImageStore::Classic) => {}
        }
        let mut process = Process::start(&mut command, &self.folder.join("dockerd.log"))?;
        process.answers("dockerd", async || Ok(self.docker(&["version"]).ok())).await?;
        self.process = Some(process);
        Ok(())
    }

    fn dockerd(&self) -> Result<Command> {
        let here = || find("dockerd").context("no dockerd on this machine");
        Ok(match self.kind {
            Kind::Plain => Command::new(here()?),
            Kind::Swarm => apart(&here()?),
            Kind::Current(_) => inside(&engine_tree()?, &self.folder)?,
        })
    }

    /// `kill -9` of the engine; containers go on.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
        }
        Ok(())
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("docker.sock")
    }

    /// Its address, as `DOCKER_HOST` has it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Run the docker command line against it.
    ///
    /// # Errors
    /// When the command fails.
    pub fn docker(&self, arguments: &[&str]) -> Result<String> {
        run(Command::new("docker").arg("--host").arg(self.host()).args(arguments))
    }

    /// Run Compose on the project in `folder`: v2 with Docker 26, which sees only what lies below
    /// its own folder, else v1.
    ///
    /// # Errors
    /// When the command fails.
    pub fn compose(&self, folder: &Path, arguments: &[&str]) -> Result<String> {
        let mut command = match (self.kind, &self.process) {
            (Kind::Current(_), Some(engine)) => beside(engine, "docker", &["compose"]),
            _ => Command::new("docker-compose"),
        };
        command.arg("--project-directory").arg(folder).env("DOCKER_HOST", self.host());
        run(command.current_dir(folder).args(arguments))
    }

    /// Bring an image to another engine, as its archive.
    ///
    /// # Errors
    /// When one of the engines fails.
    pub fn copy(&self, reference: &str, to: &Engine) -> Result<()> {
        let archive = tempfile::NamedTempFile::new()?;
        let path = archive.path().to_string_lossy();
        self.docker(&["save", "--output", &path, reference])?;
        to.docker(&["load", "--input", &path])?;
        Ok(())
    }

    /// Import a file tree as an image of one layer; returns its id.
    ///
    /// # Errors
    /// When tar or the engine fails.
    pub fn import(&self, tree: &Path, reference: &str) -> Result<String> {
        let archive = archive(tree)?;
        let path = archive.path().to_string_lossy().into_owned();
        Ok(self.docker(&["import", &path, reference])?.trim().to_owned())
    }

    /// Build an image from a Dockerfile's text, without network and without pulling; returns its id.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn build(&self, context: &Path, dockerfile: &str, reference: &str) -> Result<String> {
        std::fs::write(context.join("Dockerfile"), dockerfile)?;
        let context = context.to_string_lossy().into_owned();
        run(Command::new("docker").env("DOCKER_BUILDKIT", "0").arg("--host").arg(self.host()).args([
            "build",
            "--quiet",
            "--network",
            "none",
            "--pull=false",
            "-t",
            reference,
            &context,
        ]))
        .map(|id| id.trim().to_owned())
    }
}

/// A swarm makes a bridge, and mounts that it leaves behind: in namespaces of its own they end with
/// it, and its fixed ports meet nobody's.
fn apart(dockerd: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]).arg(dockerd);
    command
}

/// The engine with a file tree as its root, in a mount namespace that ends with it.
fn inside(tree: &Path, folder: &Path) -> Result<Command> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]).arg(script("inside.sh")?);
    command.arg(tree).arg(folder).arg("dockerd");
    Ok(command)
}

/// A command where the engine is, that sees what it sees.
fn beside(engine: &Process, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("nsenter");
    command.arg("--target").arg(engine.id().to_string()).args(["--mount", "--wdns=/", program]);
    command.args(arguments);
    command
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Ok(ids) = self.docker(&["ps", "-aq"]) {
            for id in ids.lines() {
                let _ = self.docker(&["rm", "-f", id]);
            }
        }
        if let Some(mut process) = self.process.take() {
            // Gently: it unmounts what it mounted and ends its containerd.
            let _ = process.terminate();
        }
        // An engine that was killed once left its data folder mounted upon itself.
        let _ = run(Command::new("umount").arg("--recursive").arg("--lazy").arg(self.folder.join("data")));
    }
}
