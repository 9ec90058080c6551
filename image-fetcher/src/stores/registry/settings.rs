//! Settings of the registry store.

use crate::secrets::cluster::PullSecretSettings;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Settings of the registry store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistrySettings {
    /// Whether registries are asked for images that no other store has. Off: the fetcher opens no
    /// connection to a network.
    pub enabled: bool,
    /// Files of credentials in the form of Docker's `config.json`, read again for each image.
    /// Programs that they name are never run.
    pub credentials: Vec<PathBuf>,
    /// Whether a registry that is not listed in `hosts` may stand at a private address. Loopback
    /// and link-local addresses, where clouds keep their metadata, are never asked unless listed.
    pub private_addresses: bool,
    /// How long reading one layer may take, in seconds.
    pub layer_seconds: u64,
    /// What is special about single registries.
    pub hosts: Vec<HostSettings>,
    /// Pull secrets of a cluster.
    pub pull_secrets: PullSecretSettings,
}

/// What is special about one registry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostSettings {
    /// Its host and port as image references have them: `docker.io`, `registry.example:5000`.
    pub host: String,
    /// Where its images are looked for first, in this order: `mirror.example:5000`, or
    /// `mirror.example/hub` if they lie below a path. Each has its own credentials and settings.
    pub mirrors: Vec<String>,
    /// Whether only the mirrors are asked.
    pub mirrors_only: bool,
    /// PEM file of the authorities that its certificate may come from; absent: the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether it speaks HTTP without TLS. Anybody on the way can then read its passwords.
    pub plain_http: bool,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        RegistrySettings {
            enabled: false,
            credentials: Vec::new(),
            private_addresses: true,
            layer_seconds: 1800,
            hosts: Vec::new(),
            pull_secrets: PullSecretSettings::default(),
        }
    }
}
