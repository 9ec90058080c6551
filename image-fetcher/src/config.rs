//! The fetcher's settings.

use crate::stores::registry::RegistrySettings;
use api_chassis::logs::LogSettings;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The fetcher's settings. In the environment: `PERCEPTOR_IMAGE_FETCHER_…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FetcherSettings {
    /// The unix socket it serves on.
    pub socket: PathBuf,
    /// Who may use the socket: `600` for the owner only, `660` for its group as well.
    pub socket_mode: String,
    /// The number of the group that the socket belongs to; absent: the process's own.
    pub socket_group: Option<u32>,
    /// Engines it reads from, as `unix:///var/run/docker.sock`; empty: those that are found.
    pub engines: Vec<String>,
    /// containerds it reads from, before the engines; empty: one that is found.
    pub containerd: Vec<ContainerdSettings>,
    /// Root folders of the storage of CRI-O and Podman, as `/var/lib/containers/storage`; after
    /// containerd; empty: one that is found.
    pub containers_storage: Vec<PathBuf>,
    /// Archives and layouts it reads from, after the engines.
    pub archives: Vec<PathBuf>,
    /// Registries.
    pub registry: RegistrySettings,
    /// In which order the stores are asked; those that are left out come after.
    pub order: Vec<StoreKind>,
    /// Threads that serve.
    pub workers: usize,
    /// How long requests may go on after shutdown has begun.
    pub drain_seconds: u64,
    /// Logs.
    pub log: LogSettings,
}

impl FetcherSettings {
    /// Whether it is left to us to find stores.
    pub fn names_no_store(&self) -> bool {
        let names_none =
            self.engines.is_empty() && self.containerd.is_empty() && self.containers_storage.is_empty();
        names_none && self.archives.is_empty()
    }
}

impl Default for FetcherSettings {
    fn default() -> Self {
        FetcherSettings {
            socket: PathBuf::from("/run/perceptor/image-fetcher.sock"),
            socket_mode: "660".to_owned(),
            socket_group: None,
            engines: Vec::new(),
            containerd: Vec::new(),
            containers_storage: Vec::new(),
            archives: Vec::new(),
            registry: RegistrySettings::default(),
            order: StoreKind::ALL.to_vec(),
            workers: 2,
            drain_seconds: 10,
            log: LogSettings::default(),
        }
    }
}

/// One containerd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContainerdSettings {
    /// Its socket.
    pub socket: PathBuf,
    /// The namespaces whose images are read, in this order.
    pub namespaces: Vec<String>,
    /// Its root folder, where layers lie that it unpacked and then discarded.
    pub root: PathBuf,
}

impl Default for ContainerdSettings {
    fn default() -> Self {
        ContainerdSettings {
            socket: PathBuf::from("/run/containerd/containerd.sock"),
            namespaces: vec!["k8s.io".to_owned()],
            root: PathBuf::from("/var/lib/containerd"),
        }
    }
}

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreKind {
    /// containerd's content and snapshots.
    Containerd,
    /// The storage of CRI-O and Podman.
    ContainersStorage,
    /// Engines with Docker's API.
    Docker,
    /// Archives and layouts.
    Archive,
    /// Registries.
    Registry,
}

impl StoreKind {
    /// Nearest first.
    pub const ALL: [StoreKind; 5] = [
        StoreKind::Containerd,
        StoreKind::ContainersStorage,
        StoreKind::Docker,
        StoreKind::Archive,
        StoreKind::Registry,
    ];
}
