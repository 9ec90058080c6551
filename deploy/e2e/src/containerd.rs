//! A real containerd with its CRI plugin: own sockets and folders; its network is loopback only,
//! unless a [`PodNetwork`] is given.

use crate::network::PodNetwork;
use crate::parts::{command, run, unmount_beneath};
use crate::process::Process;
use crate::until::until;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// The namespace that the CRI plugin uses.
const NAMESPACE: &str = "k8s.io";

/// The image of each pod's sandbox; somebody has to import it.
pub const PAUSE: &str = "docker.io/e2e/pause:1";

/// How a store keeps images.
#[derive(Debug, Clone, Copy)]
pub struct Storage {
    /// The snapshotter: `overlayfs` or `native`.
    pub snapshotter: &'static str,
    /// Whether the blobs of pulled layers are thrown away once unpacked, as on GKE.
    pub discards_layers: bool,
}

/// What containerd does unless told otherwise.
pub const DEFAULT: Storage = Storage { snapshotter: "overlayfs", discards_layers: false };

/// A containerd of our own.
pub struct Containerd {
    folder: PathBuf,
    storage: Storage,
    process: Option<Process>,
}

impl Containerd {
    /// Start it below `folder`; its pods are in `network`, or have none of their own.
    ///
    /// # Errors
    /// When there is no containerd or it does not answer in time.
    pub async fn start(folder: &Path, storage: Storage, network: Option<&PodNetwork>) -> Result<Self> {
        std::fs::create_dir_all(folder.join("cni"))?;
        let plugin = network.map_or_else(|| LOOPBACK.to_owned(), |network| network.plugin(folder));
        std::fs::write(folder.join("cni/99-e2e.conf"), plugin)?;
        let mut containerd = Containerd { folder: folder.to_path_buf(), storage, process: None };
        std::fs::write(folder.join("config.toml"), containerd.settings())?;
        containerd.restart().await?;
        Ok(containerd)
    }

    /// Start it again.
    ///
    /// # Errors
    /// When it does not answer in time; the error holds its log.
    pub async fn restart(&mut self) -> Result<()> {
        let mut command = command("containerd")?;
        command.arg("--config").arg(self.folder.join("config.toml"));
        let mut process = Process::start(&mut command, &self.folder.join("containerd.log"))?;
        process.answers("containerd", async || Ok(self.ctr(&["version"]).ok())).await?;
        self.process = Some(process);
        Ok(())
    }

    /// `kill -9`: its socket stays behind.
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
        self.folder.join("containerd.sock")
    }

    /// The folder in which its snapshotters keep what they unpacked.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// Import a docker archive into the snapshotter in use; its layers are kept even where those of
    /// pulled images are not. As `docker save … | ctr images import -` does.
    ///
    /// # Errors
    /// When containerd fails.
    pub fn import(&self, archive: &Path) -> Result<()> {
        let path = archive.to_string_lossy();
        self.ctr(&["images", "import", "--snapshotter", self.storage.snapshotter, &path])?;
        Ok(())
    }

    /// Remove the blobs of layers, as `discard_unpacked_layers` does; how many.
    ///
    /// # Errors
    /// When containerd fails.
    pub fn discard_layers(&self) -> Result<usize> {
        let listed = self.ctr(&["content", "ls"])?;
        let layers = listed.lines().filter(|line| line.contains("containerd.io/uncompressed="));
        let digests: Vec<&str> = layers.filter_map(|line| line.split_whitespace().next()).collect();
        self.ctr(&[&["content", "rm"][..], &digests].concat())?;
        Ok(digests.len())
    }

    /// Remove all snapshots, the topmost first, and wait until their folders are gone.
    ///
    /// # Errors
    /// When they stay.
    pub async fn remove_snapshots(&self) -> Result<()> {
        let snapshots = ["snapshots", "--snapshotter", self.storage.snapshotter];
        let name = |line: &str| line.split_whitespace().next().map(str::to_owned);
        let folders = format!("io.containerd.snapshotter.v1.{}/snapshots", self.storage.snapshotter);
        let folders = self.root().join(folders);
        until("the snapshots to be gone", async || {
            for name in self.ctr(&[&snapshots[..], &["ls"]].concat())?.lines().skip(1).filter_map(name) {
                // Those that others stand on come off in a later round.
                let _ = self.ctr(&[&snapshots[..], &["rm", &name]].concat());
            }
            Ok(std::fs::read_dir(&folders)?.next().is_none().then_some(()))
        })
        .await
    }

    /// Digests of all blobs in its content store.
    ///
    /// # Errors
    /// When containerd fails.
    pub fn blobs(&self) -> Result<Vec<String>> {
        Ok(self.ctr(&["content", "ls", "-q"])?.lines().map(str::to_owned).collect())
    }

    /// Run its command line in the namespace of Kubernetes.
    ///
    /// # Errors
    /// When the command fails.
    pub fn ctr(&self, arguments: &[&str]) -> Result<String> {
        run(command("ctr")?.arg("--address").arg(self.socket()).args(["-n", NAMESPACE]).args(arguments))
    }

    fn settings(&self) -> String {
        let Storage { snapshotter, discards_layers } = self.storage;
        let place = |name: &str| self.folder.join(name);
        // Without CAP_SYS_RESOURCE no container may be given the score -998 that Kubernetes asks
        // for its sandboxes.
        format!(
            r#"version = 2
root = {:?}
state = {:?}
disabled_plugins = ["io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]
[plugins."io.containerd.gc.v1.scheduler"]
deletion_threshold = 1
[grpc]
address = {:?}
[plugins."io.containerd.internal.v1.opt"]
path = {:?}
[plugins."io.containerd.grpc.v1.cri"]
restrict_oom_score_adj = true
sandbox_image = "{PAUSE}"
stream_server_address = "127.0.0.1"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = {:?}
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{snapshotter}"
discard_unpacked_layers = {discards_layers}
"#,
            place("root"),
            place("state"),
            self.socket(),
            place("opt"),
            place("cni"),
        )
    }

    /// `kill -9` of every container, then nothing is left of them.
    fn remove_containers(&self) {
        for (kind, words) in [("tasks", ["rm", "--force"].as_slice()), ("containers", ["rm"].as_slice())] {
            for id in self.ctr(&[kind, "ls", "-q"]).unwrap_or_default().lines() {
                let _ = self.ctr(&[&[kind], words, &[id]].concat());
            }
        }
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        self.remove_containers();
        if let Some(mut process) = self.process.take() {
            let _ = process.terminate();
        }
        // Root file systems and shared memory of containers, mounted in our mount namespace.
        unmount_beneath(&self.folder);
    }
}

/// The CRI plugin calls the network ready once it finds any configuration; a pod in the host's
/// network needs no more.
const LOOPBACK: &str = r#"{"cniVersion": "0.3.1", "name": "e2e", "type": "loopback"}"#;
