//! The cluster: how it is reached, who it is, and what its refusals mean. The one file that builds
//! a client of the Kubernetes API.

use crate::config::ClusterSettings;
use crate::slim::SlimNamespace;
use api_vocab::{SourceId, SourceKind};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Error};
use std::time::Duration;

/// The namespace whose id tells one cluster from another.
const IDENTITY: &str = "kube-system";
const CONNECT: Duration = Duration::from_secs(5);
/// How long one call may take; a watch has its own time.
const CALL: Duration = Duration::from_secs(15);

/// A cluster that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The settings are wrong, or there are none.
    #[error(
        "settings of the cluster: {reason}; run in a pod with a service account, or set cluster.kubeconfig"
    )]
    Settings {
        /// What is wrong.
        reason: String,
    },
    /// It does not say who it is.
    #[error(
        "not allowed to get namespace kube-system, whose id names the cluster; grant it, or set cluster.name"
    )]
    Nameless,
    /// The name is none.
    #[error("{0}; set cluster.name")]
    Name(#[from] api_vocab::SourceError),
    /// It does not answer.
    #[error("cluster does not answer: {0}")]
    Away(String),
}

impl ClusterError {
    /// Whether waiting does not help.
    pub fn is_final(&self) -> bool {
        matches!(self, ClusterError::Settings { .. } | ClusterError::Name(_))
    }

    /// What kind of outage it is.
    pub const fn kind(&self) -> &'static str {
        match self {
            ClusterError::Nameless => "forbidden",
            _ => "away",
        }
    }
}

/// A client of the cluster: of the one around us, or of the one that a kubeconfig names.
pub async fn connect(settings: &ClusterSettings) -> Result<Client, ClusterError> {
    let refused = |e: &dyn std::error::Error| ClusterError::Settings { reason: innermost(e) };
    let mut config = match &settings.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(|e| refused(&e))?;
            let options = KubeConfigOptions { context: settings.context.clone(), ..Default::default() };
            Config::from_custom_kubeconfig(file, &options).await.map_err(|e| refused(&e))?
        }
        None => Config::infer().await.map_err(|e| refused(&e))?,
    };
    config.connect_timeout = Some(CONNECT);
    // Each loop of ours has its own patience, and says what it waits for.
    config.default_retry = false;
    Client::try_from(config).map_err(|e| ClusterError::Settings { reason: reason(&e) })
}

/// Which source of its `kind` the cluster is: of the name in the settings, or of its own id.
pub async fn identify(
    client: &Client,
    kind: SourceKind,
    name: Option<&str>,
) -> Result<SourceId, ClusterError> {
    if let Some(name) = name {
        return Ok(SourceId::new(kind, name)?);
    }
    let namespaces: Api<SlimNamespace> = Api::all(client.clone());
    let namespace = within(namespaces.get(IDENTITY)).await.map_err(|error| match error {
        Error::Api(status) if status.is_forbidden() => ClusterError::Nameless,
        error => ClusterError::Away(reason(&error)),
    })?;
    let uid = namespace.metadata.uid.unwrap_or_default();
    Ok(SourceId::new(kind, &uid)?)
}

/// Do not wait for ever.
pub async fn within<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let answer = tokio::time::timeout(CALL, call).await;
    answer.unwrap_or_else(|late| Err(Error::Service(late.into())))
}

/// Why a call failed, in the server's words or the wire's, cut.
pub fn reason(error: &Error) -> String {
    match error {
        Error::Api(status) => {
            let text = if status.message.is_empty() { &status.reason } else { &status.message };
            format!("{} ({})", cut(text), status.code)
        }
        error => innermost(error),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    cut(&innermost.to_string())
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(256).collect()
}

/// How long the server asks to be left alone.
pub fn retry_after(error: &Error) -> Option<Duration> {
    let Error::Api(status) = error else { return None };
    let seconds = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
    (seconds > 0).then(|| Duration::from_secs(u64::from(seconds).min(60)))
}
