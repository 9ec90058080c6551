//! What the perceiver's process reads at its start, and what of it may change while it runs.

use crate::filter::{Filter, Selector, SelectorError};
use crate::map::Chosen;
use crate::tell::TellSettings;
use anyhow::Context;
use api_chassis::config::Layers;
use api_chassis::http::HttpSettings;
use api_chassis::logs::LogSettings;
use api_client::ClientSettings;
use clap::{Args, Parser};
use perceiver_kit::process::ProcessSettings;
use perceiver_kit::{SendSettings, SharedFlags};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use wildmatch::WildMatch;

/// As in the names of variables.
const PLATFORM: &str = "kubernetes";

/// Everything that can be set; in the environment as `PERCEPTOR_KUBERNETES_CLUSTER__NAME` and so on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The cluster that is watched.
    pub cluster: ClusterSettings,
    /// What of it is looked at. Read again when the settings file changes.
    pub watch: WatchSettings,
    /// How owners of pods are found.
    pub owners: OwnerSettings,
    /// What the core thinks, written into the cluster; by default nothing is. Read at the start only,
    /// as all that follows: what may be written is granted beforehand, too.
    pub tell: TellSettings,
    /// Which of several perceivers of one cluster is active.
    pub leader: LeaderSettings,
    /// The core that is told.
    pub core: ClientSettings,
    /// How it is told.
    pub send: SendSettings,
    /// Where health and metrics are served.
    pub http: HttpSettings,
    /// What is logged.
    pub log: LogSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            cluster: ClusterSettings::default(),
            watch: WatchSettings::default(),
            owners: OwnerSettings::default(),
            tell: TellSettings::default(),
            leader: LeaderSettings::default(),
            core: ClientSettings::default(),
            send: SendSettings::default(),
            http: HttpSettings {
                listen: SocketAddr::from(([127, 0, 0, 1], 3004)),
                workers: 1,
                ..HttpSettings::default()
            },
            // The library writes an error for each attempt that fails; we say each outage once.
            log: LogSettings {
                level: "info,kube_client::client::builder=off".to_owned(),
                ..LogSettings::default()
            },
        }
    }
}

impl Settings {
    /// Whether everything that must be well-formed is.
    pub fn check(&self) -> anyhow::Result<()> {
        self.watch.check().context("settings: watch")?;
        self.tell.check().context("settings")
    }

    /// Whether others differ than those that may change while the process runs.
    pub fn differ_for_good(&self, fresh: &Settings) -> bool {
        Settings { watch: fresh.watch.clone(), ..self.clone() } != *fresh
    }
}

/// The cluster that is watched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterSettings {
    /// Its name among sources; absent: the id of its namespace kube-system.
    pub name: Option<String>,
    /// Kubeconfig file; absent: the pod's own service account, or else what kubectl would use.
    pub kubeconfig: Option<PathBuf>,
    /// Context in that file; absent: its current one.
    pub context: Option<String>,
}

/// What of the cluster is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchSettings {
    /// Patterns of namespaces that are looked at, as `team-*`; none: all.
    pub namespaces: Vec<String>,
    /// Patterns of namespaces that are not, as `kube-*`.
    pub exclude_namespaces: Vec<String>,
    /// Label selector of namespaces, as `env in (prod, stage)`.
    pub namespace_selector: String,
    /// Label selector of pods, as `app=web,!legacy`.
    pub pod_selector: String,
    /// Patterns of pod labels that are sent along, as `app.kubernetes.io/*`.
    pub labels: Vec<String>,
    /// Patterns of pod annotations that are sent along.
    pub annotations: Vec<String>,
}

impl WatchSettings {
    /// Whether everything that must be well-formed is.
    pub fn check(&self) -> Result<(), SelectorError> {
        self.namespace_selector.parse::<Selector>()?;
        self.pod_selector.parse::<Selector>().map(drop)
    }

    /// Which namespaces are looked at.
    pub fn filter(&self) -> Filter {
        Filter {
            include: globs(&self.namespaces),
            exclude: globs(&self.exclude_namespaces),
            selector: self.namespace_selector.parse().unwrap_or_default(),
        }
    }

    /// Which labels and annotations are sent along.
    pub fn chosen(&self) -> Chosen {
        Chosen { labels: globs(&self.labels), annotations: globs(&self.annotations) }
    }
}

fn globs(patterns: &[String]) -> Vec<WildMatch> {
    patterns.iter().map(|pattern| WildMatch::new(pattern)).collect()
}

/// How owners of pods are found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OwnerSettings {
    /// Patterns of kinds that are read on the way to the top, as `Rollout.argoproj.io`, beside
    /// those of apps and batch; what may not be read ends the way.
    pub kinds: Vec<String>,
    /// How often owners are read again: their annotations may change.
    pub refresh_seconds: u64,
}

impl Default for OwnerSettings {
    fn default() -> Self {
        OwnerSettings { kinds: vec!["*".to_owned()], refresh_seconds: 600 }
    }
}

/// Which of several perceivers of one cluster is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeaderSettings {
    /// Whether a lease decides; off: this one is, without one.
    pub enabled: bool,
    /// The lease's namespace; absent: the pod's own.
    pub namespace: Option<String>,
    /// The lease's name.
    pub name: String,
    /// How long the lease lasts after its last renewal; the holder gives up at two thirds of it.
    pub lease_seconds: u32,
}

impl Default for LeaderSettings {
    fn default() -> Self {
        LeaderSettings {
            enabled: false,
            namespace: None,
            name: "perceptor-perceiver-kubernetes".to_owned(),
            lease_seconds: 15,
        }
    }
}

impl LeaderSettings {
    fn lasts(&self) -> u32 {
        self.lease_seconds.clamp(3, 300)
    }

    /// As it is written into the lease.
    pub fn lease_seconds(&self) -> i32 {
        i32::try_from(self.lasts()).unwrap_or(300)
    }

    /// When a holder that cannot renew gives up.
    pub fn renew_deadline(&self) -> Duration {
        Duration::from_secs(u64::from(self.lasts())) * 2 / 3
    }

    /// How often the lease is renewed, or looked at.
    pub fn retry(&self) -> Duration {
        Duration::from_secs(u64::from(self.lasts())) / 5
    }
}

/// Watches one Kubernetes cluster and tells a Perceptor core which images run in it.
#[derive(Debug, Clone, Parser)]
#[command(name = "perceptor-perceiver-kubernetes", version)]
#[command(after_help = "Examples:\n  perceptor-perceiver-kubernetes --core http://127.0.0.1:3001\n  \
    perceptor-perceiver-kubernetes --kubeconfig ~/.kube/config --name prod-eu --token-file /etc/perceptor/token")]
pub struct Flags {
    /// What every perceiver of a cluster has.
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// The flags that every perceiver of a cluster has.
#[derive(Debug, Clone, Args)]
pub struct ClusterFlags {
    /// Kubeconfig file, outside of the cluster
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<String>,
    /// The cluster's name among sources
    #[arg(long)]
    name: Option<String>,
    /// What every perceiver has.
    #[command(flatten)]
    pub shared: SharedFlags,
}

impl ClusterFlags {
    /// Defaults < file < environment < these flags, for the perceiver of `platform`.
    pub fn layers(&self, platform: &str) -> Layers {
        let layers = self.shared.layers(platform);
        layers.flag("cluster.kubeconfig", self.kubeconfig.as_ref()).flag("cluster.name", self.name.as_ref())
    }
}

impl Flags {
    /// The file, which is looked at again while the process runs.
    pub fn file(&self) -> Option<PathBuf> {
        self.cluster.shared.file(PLATFORM)
    }

    /// Defaults < file < environment < flags.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let settings: Settings = self.cluster.layers(PLATFORM).load()?;
        settings.check()?;
        Ok(settings)
    }
}

impl ProcessSettings for Settings {
    fn log(&self) -> &LogSettings {
        &self.log
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perceiver_kit::fake::with_file;

    fn settings(text: &str, more: &[&str]) -> anyhow::Result<Settings> {
        with_file(text, more, Flags::settings)
    }

    #[test]
    fn settings_differ_for_good_if_the_watch_alone_does_not() {
        let begun = Settings::default();
        let mut fresh = Settings {
            watch: WatchSettings { namespaces: vec!["a".into()], ..begun.watch.clone() },
            ..begun.clone()
        };
        assert!(!begun.differ_for_good(&fresh));
        fresh.tell.summaries = true;
        assert!(begun.differ_for_good(&fresh));
    }

    #[test]
    fn flags_win_over_the_file() {
        let text = "[cluster]\nname = 'file'\n[watch]\nexclude_namespaces = ['kube-*']\n";
        let settings = settings(text, &["--name", "flag", "--core", "http://c"]).unwrap();
        assert_eq!(settings.cluster.name.as_deref(), Some("flag"));
        assert_eq!(settings.watch.exclude_namespaces, ["kube-*"]);
        assert_eq!(settings.core.core, "http://c");
    }

    #[test]
    fn selector_that_is_none_is_refused_at_the_start() {
        for text in ["[watch]\nnamespace_selector = 'a in b'", "[watch]\npod_selector = 'a b'"] {
            let error = format!("{:#}", settings(text, &[]).unwrap_err());
            assert!(error.contains("not a label selector"), "{error}");
        }
    }

    #[test]
    fn holder_gives_up_before_its_lease_lapses() {
        for lease_seconds in [0, 3, 15, 1_000] {
            let leader = LeaderSettings { lease_seconds, ..LeaderSettings::default() };
            let lasts = Duration::from_secs(u64::try_from(leader.lease_seconds()).unwrap());
            assert!(leader.retry() * 2 < leader.renew_deadline() && leader.renew_deadline() < lasts);
        }
    }
}
