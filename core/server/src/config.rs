//! Settings of the core: each field's comment is its documentation.

use crate::metrics::{FIXED_LABELS, label_name};
use api_chassis::config::{ConfigError, Layers, render};
use api_chassis::http::HttpSettings;
use api_chassis::logs::LogSettings;
use api_chassis::tls::TlsSettings;
use api_vocab::{Family, Severity};
use core_model::{Settings, Thresholds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that may be set: `PERCEPTOR_CORE_<AREA>__<KEY>` in the environment, `[area] key` in
/// a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder for everything that is kept; empty: nothing outlives the process.
    pub data_dir: PathBuf,
    /// File of tokens, a line each: role, SHA-256, name, and for a perceiver the sources that it
    /// speaks for, if not for all; empty: no tokens, loopback only.
    pub token_file: PathBuf,
    /// Service accounts of the cluster that may call.
    pub service_accounts: ServiceAccountConfig,
    /// How to listen.
    pub http: HttpSettings,
    /// Certificate and key; both empty: no TLS.
    pub tls: TlsFiles,
    /// What to log.
    pub log: LogSettings,
    /// How scans are handed out.
    pub scans: ScanConfig,
    /// Where advisories come from.
    pub advisories: AdvisoryConfig,
    /// What is to be thought of pods and images.
    pub verdicts: VerdictConfig,
    /// Series per pod and workload.
    pub workload_metrics: WorkloadMetricsConfig,
}

/// Service accounts of the cluster that may call, their tokens checked by TokenReview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceAccountConfig {
    /// Who may call as what: `<role> <namespace>/<name>`, for a perceiver followed by the sources that
    /// it speaks for, if not for all; empty: no service account may.
    pub allow: Vec<String>,
    /// The audience that their tokens must be made for.
    pub audience: String,
    /// How long a checked token is believed.
    pub cache_seconds: u64,
}

impl Default for ServiceAccountConfig {
    fn default() -> Self {
        ServiceAccountConfig { allow: Vec::new(), audience: "perceptor".to_owned(), cache_seconds: 60 }
    }
}

/// Certificate and key of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsFiles {
    /// PEM file: the certificate, then those that lead to the authority.
    pub certificate: PathBuf,
    /// PEM file: the certificate's private key.
    pub key: PathBuf,
}

/// How scans are handed out, and how long things are believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScanConfig {
    /// How long a lease lasts from its grant or renewal.
    pub lease_seconds: u64,
    /// Failed attempts after which an image is unscannable.
    pub max_attempts: u32,
    /// The wait after the first failed attempt; doubles with each further one.
    pub backoff_first_seconds: u64,
    /// The longest wait between attempts.
    pub backoff_longest_seconds: u64,
    /// How long an image that nothing refers to is kept.
    pub retention_seconds: u64,
    /// After which silence a source is stale.
    pub source_stale_seconds: u64,
    /// After which silence a scanner without leases is forgotten.
    pub scanner_unseen_seconds: u64,
    /// How long an image waits for a scanner of a node that runs it, where none of these nodes has
    /// one, before a scanner that reaches a registry may have it.
    pub node_wait_seconds: u64,
}

/// Where advisories come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdvisoryConfig {
    /// Base of `<ecosystem>/all.zip`: `https://…`, `http://…`, `file://…` or a folder; empty: the
    /// advisories that are compiled in or were imported by hand.
    pub origin: String,
    /// OSV names of ecosystems, as `Debian`; empty: those in use.
    pub ecosystems: Vec<String>,
    /// How often newer ones are looked for.
    pub interval_seconds: u64,
    /// The largest feed that is read, in bytes.
    pub max_feed_bytes: u64,
}

/// What is to be thought of pods and images by their findings, until there are policies. What is
/// not known does not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerdictConfig {
    /// With a finding of this severity or a worse one the verdict is `fail`; `never`: it never is.
    pub fail_from: String,
    /// With a finding of this severity or a worse one the verdict is `warn`; `never`: it never is.
    pub warn_from: String,
}

impl Default for VerdictConfig {
    fn default() -> Self {
        let word = |severity: Option<Severity>| severity.map_or(NEVER, Severity::as_str).to_owned();
        let Thresholds { fail_from, warn_from } = Thresholds::default();
        VerdictConfig { fail_from: word(fail_from), warn_from: word(warn_from) }
    }
}

impl VerdictConfig {
    /// From which severities on findings matter.
    pub(crate) fn thresholds(&self) -> Result<Thresholds, SettingsError> {
        Ok(Thresholds {
            fail_from: severity_from("verdicts.fail_from", &self.fail_from)?,
            warn_from: severity_from("verdicts.warn_from", &self.warn_from)?,
        })
    }
}

/// The word for a threshold that nothing reaches.
const NEVER: &str = "never";

fn severity_from(key: &'static str, word: &str) -> Result<Option<Severity>, SettingsError> {
    if word == NEVER {
        return Ok(None);
    }
    let parsed = word.parse().map(Some);
    parsed.map_err(|error| SettingsError::Value { key, reason: format!("{error}; or {NEVER}") })
}

/// Series per pod and workload at `/metrics/workloads?source=…`; many, so all off by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkloadMetricsConfig {
    /// Whether there is a `pod_security_issue` for each finding of each pod.
    pub pod_issues: bool,
    /// Whether there are `image_scanner_container_image_…` gauges for each workload's image.
    pub image_scans: bool,
    /// Only these namespaces (`*` stands for anything); empty: all.
    pub include_namespaces: Vec<String>,
    /// Not these namespaces.
    pub exclude_namespaces: Vec<String>,
    /// Whether findings without a fix have a `pod_security_issue` too.
    pub unfixed: bool,
    /// How many `pod_security_issue` an image has at most, the worst first; 0: all.
    pub top: usize,
    /// Labels of pods that the gauges carry.
    pub pod_labels: Vec<String>,
}

/// Settings that do not fit together.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A layer could not be read.
    #[error(transparent)]
    Layers(#[from] ConfigError),
    /// A value is not possible.
    #[error("setting {key}: {reason}")]
    Value {
        /// Which.
        key: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

impl Default for Config {
    fn default() -> Self {
        Config {
            data_dir: PathBuf::new(),
            token_file: PathBuf::new(),
            service_accounts: ServiceAccountConfig::default(),
            http: HttpSettings {
                // Reports of large images and full states of large clusters.
                max_body_bytes: 64 << 20,
                request_timeout_seconds: 660,
                ..HttpSettings::default()
            },
            tls: TlsFiles::default(),
            log: LogSettings::default(),
            scans: ScanConfig::default(),
            advisories: AdvisoryConfig::default(),
            verdicts: VerdictConfig::default(),
            workload_metrics: WorkloadMetricsConfig::default(),
        }
    }
}

impl Default for ScanConfig {
    fn default() -> Self {
        let settings = Settings::default();
        ScanConfig {
            lease_seconds: settings.lease.as_secs(),
            max_attempts: settings.max_attempts,
            backoff_first_seconds: settings.backoff_first.as_secs(),
            backoff_longest_seconds: settings.backoff_longest.as_secs(),
            retention_seconds: settings.retention.as_secs(),
            source_stale_seconds: settings.source_stale.as_secs(),
            scanner_unseen_seconds: settings.scanner_unseen.as_secs(),
            node_wait_seconds: settings.node_wait.as_secs(),
        }
    }
}

impl Default for AdvisoryConfig {
    fn default() -> Self {
        AdvisoryConfig {
            origin: "https://osv-vulnerabilities.storage.googleapis.com".to_owned(),
            ecosystems: Vec::new(),
            interval_seconds: 6 * 3600,
            max_feed_bytes: 4 << 30,
        }
    }
}

impl WorkloadMetricsConfig {
    /// Whether there is anything to show.
    pub const fn is_on(&self) -> bool {
        self.pod_issues || self.image_scans
    }

    /// Two labels of one name would make a scrape fail.
    fn check(&self) -> Result<(), SettingsError> {
        let mut names = FIXED_LABELS.map(str::to_owned).into_iter().collect::<BTreeSet<_>>();
        match self.pod_labels.iter().find(|label| !names.insert(label_name(label))) {
            None => Ok(()),
            Some(label) => Err(SettingsError::Value {
                key: "workload_metrics.pod_labels",
                reason: format!("{label:?} would be called {:?}, as another one is", label_name(label)),
            }),
        }
    }
}

impl Config {
    /// Put the layers together and check what they say.
    pub fn load(layers: &Layers) -> Result<Self, SettingsError> {
        let config: Config = layers.load()?;
        config.check()?;
        Ok(config)
    }

    /// Complain about what is not possible.
    pub fn check(&self) -> Result<(), SettingsError> {
        let refused = |key, reason: &str| Err(SettingsError::Value { key, reason: reason.to_owned() });
        if self.tls.certificate.as_os_str().is_empty() != self.tls.key.as_os_str().is_empty() {
            return refused("tls", "certificate and key go together; set both or none");
        }
        if self.scans.lease_seconds < 5 {
            return refused("scans.lease_seconds", "at least 5: a scanner must be able to renew in time");
        }
        if self.scans.max_attempts == 0 {
            return refused("scans.max_attempts", "at least 1");
        }
        if self.advisories.interval_seconds < 60 {
            return refused("advisories.interval_seconds", "at least 60");
        }
        self.workload_metrics.check()?;
        self.verdicts.thresholds()?;
        self.families().map(drop)
    }

    /// The settings as a file would give them. There is no secret among them: tokens and keys are
    /// in files of their own.
    pub fn print(&self) -> Result<String, serde_json::Error> {
        render(self)
    }

    /// The folder, where anything is kept.
    pub fn data_dir(&self) -> Option<&std::path::Path> {
        Some(&*self.data_dir).filter(|path| !path.as_os_str().is_empty())
    }

    pub(crate) fn tls(&self) -> Option<TlsSettings> {
        let TlsFiles { certificate, key } = self.tls.clone();
        (!certificate.as_os_str().is_empty()).then_some(TlsSettings { certificate, key })
    }

    /// The ecosystems whose advisories are wanted; none: those in use.
    pub(crate) fn families(&self) -> Result<BTreeSet<Family>, SettingsError> {
        let parse = |name: &String| {
            name.parse::<Family>().map_err(|error| SettingsError::Value {
                key: "advisories.ecosystems",
                reason: error.to_string(),
            })
        };
        self.advisories.ecosystems.iter().map(parse).collect()
    }

    pub(crate) fn model(&self) -> Settings {
        let seconds = Duration::from_secs;
        Settings {
            lease: seconds(self.scans.lease_seconds),
            max_attempts: self.scans.max_attempts,
            backoff_first: seconds(self.scans.backoff_first_seconds),
            backoff_longest: seconds(self.scans.backoff_longest_seconds),
            retention: seconds(self.scans.retention_seconds),
            source_stale: seconds(self.scans.source_stale_seconds),
            scanner_unseen: seconds(self.scans.scanner_unseen_seconds),
            node_wait: seconds(self.scans.node_wait_seconds),
            ..Settings::default()
        }
    }
}
