//! Credentials for registries: files in Docker's form, and pull secrets of a cluster.
//!
//! They are read where they lie and kept in memory for a short while; no program that a file
//! names is ever run, and no credential is taken from the surroundings of the process.

pub mod cluster;
pub mod docker_config;
pub mod keyring;

use api_vocab::{ImageRef, Secret};
use api_wire::lease::PullSecretRef;
use cluster::PullSecrets;
use keyring::Keyring;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The largest file of credentials.
const MAX_FILE: u64 = 1 << 20;
/// Credentials that are tried for one image.
const MAX_TRIED: usize = 16;

/// What a registry is told to let somebody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// What a token server gives tokens for; the name is of no importance.
    Identity(Secret),
    /// A token that the registry itself takes.
    Token(Secret),
}

/// Where credentials come from.
pub struct Credentials {
    files: Vec<PathBuf>,
    secrets: Option<PullSecrets>,
    complained: Mutex<BTreeSet<PathBuf>>,
}

impl Credentials {
    /// From these files, and from pull secrets where there is a cluster.
    pub fn new(files: Vec<PathBuf>, secrets: Option<PullSecrets>) -> Self {
        Credentials { files, secrets, complained: Mutex::default() }
    }

    /// Those that fit `image`, surest first: the configured ones, then those of its pods.
    pub async fn find(&self, image: &ImageRef, secrets: &[PullSecretRef]) -> Vec<Credential> {
        let mut found: Vec<Credential> = Vec::new();
        for path in &self.files {
            let fitting = self.read(path).await.find(image);
            found.extend(fitting);
        }
        if let Some(cluster) = &self.secrets {
            for keyring in cluster.read(secrets).await {
                found.extend(keyring.find(image));
            }
        }
        let mut unique: Vec<Credential> = Vec::new();
        for credential in found {
            if !unique.contains(&credential) && unique.len() < MAX_TRIED {
                unique.push(credential);
            }
        }
        unique
    }

    /// Read again each time: files of credentials are exchanged while we run.
    async fn read(&self, path: &PathBuf) -> Keyring {
        match read_file(path).await {
            Ok(keyring) => {
                self.complained.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
                keyring
            }
            Err(reason) => {
                let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
                if complained.insert(path.clone()) {
                    tracing::warn!(path = %path.display(), reason, "file of credentials cannot be used");
                }
                Keyring::default()
            }
        }
    }
}

async fn read_file(path: &PathBuf) -> Result<Keyring, String> {
    let size = tokio::fs::metadata(path).await.map_err(|error| error.to_string())?.len();
    if size > MAX_FILE {
        return Err("larger than 1 MiB".to_owned());
    }
    let bytes = tokio::fs::read(path).await.map_err(|error| error.to_string())?;
    docker_config::parse_config(&bytes).map_err(|error| error.to_string())
}
