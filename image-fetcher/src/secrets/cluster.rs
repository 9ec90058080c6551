//! Pull secrets of a cluster, read from its API server: the only file here that talks to one.
//!
//! Only secrets of the two kinds that hold credentials of registries are looked into. One that may
//! not be read is said once; its images are then asked for without it.

use super::docker_config::{parse_config, parse_legacy};
use super::keyring::Keyring;
use api_vocab::SourceId;
use api_wire::lease::PullSecretRef;
use k8s_openapi::api::core::v1::Secret;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// Secrets that are looked at for one image.
const MAX_SECRETS: usize = 64;
/// Secrets that are remembered.
const MAX_KEPT: usize = 1024;
/// How long they are: a password that was exchanged counts after this.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// How long the API server may take.
const PATIENCE: Duration = Duration::from_secs(10);
const MAX_CONTENT: usize = 1 << 20;

/// Where pull secrets are read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PullSecretSettings {
    /// The source whose pull secrets are read, as `kubernetes/prod-eu`: the cluster that the
    /// fetcher runs in, or that `kubeconfig` names. Absent: none are read.
    pub source: Option<SourceId>,
    /// How to reach that cluster; absent: as a pod of it.
    pub kubeconfig: Option<PathBuf>,
}

/// The pull secrets of one cluster.
pub struct PullSecrets {
    source: SourceId,
    kubeconfig: Option<PathBuf>,
    client: OnceCell<Client>,
    kept: Mutex<HashMap<(String, String), Kept>>,
    complained: Mutex<BTreeSet<String>>,
}

struct Kept {
    keyring: Option<Keyring>,
    since: Instant,
}

/// A secret could not be read.
#[derive(Debug, thiserror::Error)]
enum SecretError {
    #[error("reading it is forbidden; grant `get` on secrets in that namespace to use it")]
    Forbidden,
    #[error("it is neither of type kubernetes.io/dockerconfigjson nor kubernetes.io/dockercfg, or empty")]
    OtherKind,
    #[error("{0}")]
    Malformed(#[from] super::docker_config::ConfigError),
    #[error("the API server did not answer in time")]
    Slow,
    #[error("ask the API server: {0}")]
    Cluster(#[source] Box<kube::Error>),
    #[error("use the cluster's settings: {0}")]
    Settings(String),
}

impl PullSecrets {
    /// The pull secrets that `settings` mean, if they mean any. Does not connect.
    pub fn new(settings: &PullSecretSettings) -> Option<Self> {
        Some(PullSecrets {
            source: settings.source.clone()?,
            kubeconfig: settings.kubeconfig.clone(),
            client: OnceCell::new(),
            kept: Mutex::default(),
            complained: Mutex::default(),
        })
    }

    /// The contents of those that lie in this cluster and can be read.
    pub async fn read(&self, secrets: &[PullSecretRef]) -> Vec<Keyring> {
        let ours = secrets.iter().filter(|secret| secret.source == self.source);
        let named = ours.filter(|secret| is_name(&secret.namespace) && is_name(&secret.name));
        let mut found = Vec::new();
        for secret in named.take(MAX_SECRETS) {
            found.extend(self.read_one(secret).await);
        }
        found
    }

    async fn read_one(&self, secret: &PullSecretRef) -> Option<Keyring> {
        let key = (secret.namespace.clone(), secret.name.clone());
        if let Some(kept) = self.kept(&key) {
            return kept;
        }
        let keyring = match self.fetch(secret).await {
            Ok(keyring) => keyring,
            Err(error) => {
                self.complain(secret, &error);
                None
            }
        };
        self.keep(key, keyring.clone());
        keyring
    }

    /// The secret's content; none if there is no such secret.
    async fn fetch(&self, secret: &PullSecretRef) -> Result<Option<Keyring>, SecretError> {
        let client = self.client.get_or_try_init(|| connect(self.kubeconfig.clone())).await?;
        let api: Api<Secret> = Api::namespaced(client.clone(), &secret.namespace);
        let answer = tokio::time::timeout(PATIENCE, api.get_opt(&secret.name)).await;
        match answer.map_err(|_| SecretError::Slow)? {
            Ok(found) => found.map(|found| keyring_of(&found)).transpose(),
            Err(kube::Error::Api(status)) if matches!(status.code, 401 | 403) => Err(SecretError::Forbidden),
            Err(error) => Err(SecretError::Cluster(Box::new(error))),
        }
    }

    fn kept(&self, key: &(String, String)) -> Option<Option<Keyring>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = kept.get(key).filter(|kept| kept.since.elapsed() < KEPT_FOR)?;
        Some(fresh.keyring.clone())
    }

    fn keep(&self, key: (String, String), keyring: Option<Keyring>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.retain(|_, kept| kept.since.elapsed() < KEPT_FOR);
        }
        if kept.len() < MAX_KEPT {
            kept.insert(key, Kept { keyring, since: Instant::now() });
        }
    }

    /// Once for each namespace: its secrets mostly share their fate.
    fn complain(&self, secret: &PullSecretRef, error: &SecretError) {
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.len() < MAX_KEPT && complained.insert(secret.namespace.clone()) {
            let (namespace, name) = (&secret.namespace, &secret.name);
            tracing::warn!(namespace, name, %error, "pull secret cannot be read; images are tried without it");
        }
    }
}

async fn connect(kubeconfig: Option<PathBuf>) -> Result<Client, SecretError> {
    let failed = |error: &dyn std::fmt::Display| SecretError::Settings(error.to_string());
    let config = match kubeconfig {
        None => Config::incluster().map_err(|error| failed(&error))?,
        Some(path) => {
            let read = Kubeconfig::read_from(path).map_err(|error| failed(&error))?;
            let options = KubeConfigOptions::default();
            Config::from_custom_kubeconfig(read, &options).await.map_err(|error| failed(&error))?
        }
    };
    Client::try_from(config).map_err(|error| failed(&error))
}

fn keyring_of(secret: &Secret) -> Result<Keyring, SecretError> {
    let content = |key: &str| {
        let content = secret.data.as_ref()?.get(key)?;
        (content.0.len() <= MAX_CONTENT).then_some(content.0.as_slice())
    };
    let parsed = match secret.type_.as_deref() {
        Some("kubernetes.io/dockerconfigjson") => content(".dockerconfigjson").map(parse_config),
        Some("kubernetes.io/dockercfg") => content(".dockercfg").map(parse_legacy),
        _ => None,
    };
    Ok(parsed.ok_or(SecretError::OtherKind)??)
}

/// A name as Kubernetes has them. It becomes part of a path, so nothing else may.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::ByteString;

    fn secret(kind: &str, key: &str, content: &str) -> Secret {
        let data = [(key.to_owned(), ByteString(content.as_bytes().to_vec()))];
        Secret { type_: Some(kind.to_owned()), data: Some(data.into()), ..Secret::default() }
    }

    #[test]
    fn secret_of_both_kinds_is_read_and_of_others_refused() {
        let config = r#"{"auths": {"a.example": {"auth": "dTpw"}}}"#;
        let legacy = r#"{"a.example": {"auth": "dTpw"}}"#;
        for (kind, key, content, is_read) in [
            ("kubernetes.io/dockerconfigjson", ".dockerconfigjson", config, true),
            ("kubernetes.io/dockercfg", ".dockercfg", legacy, true),
            ("kubernetes.io/dockerconfigjson", ".dockercfg", config, false),
            ("Opaque", ".dockerconfigjson", config, false),
            ("kubernetes.io/dockerconfigjson", ".dockerconfigjson", "{", false),
        ] {
            let keyring = keyring_of(&secret(kind, key, content));
            let found = keyring.as_ref().map(|keyring| keyring.find(&"a.example/x".parse().unwrap()).len());
            assert_eq!(found.ok(), is_read.then_some(1), "{kind} {key}");
        }
    }

    #[test]
    fn name_that_is_no_name_is_passed_over() {
        for (name, is) in [
            ("regcred", true),
            ("a.b-c.9", true),
            ("", false),
            ("..", false),
            ("a/b", false),
            ("../../api/v1/nodes", false),
            ("a?watch=1", false),
            ("A", false),
            ("a%2f", false),
            ("-a", false),
        ] {
            assert_eq!(is_name(name), is, "{name}");
        }
    }
}
