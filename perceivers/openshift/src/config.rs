//! What the perceiver's process reads at its start: the settings of the Kubernetes perceiver, and a
//! few of its own.

use crate::annotate::plan::Ours;
use crate::annotate::quality::{ProviderError, Style};
use anyhow::Context;
use api_chassis::http::HttpSettings;
use api_chassis::logs::LogSettings;
use api_client::ClientSettings;
use clap::Parser;
use perceiver_kit::SendSettings;
use perceiver_kit::process::ProcessSettings;
use perceiver_kubernetes::config::{
    ClusterFlags, ClusterSettings, LeaderSettings, OwnerSettings, Settings as KubernetesSettings,
    WatchSettings,
};
use perceiver_kubernetes::tell::TellSettings;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// As in the names of variables.
const PLATFORM: &str = "openshift";

/// Everything that can be set; in the environment as `PERCEPTOR_OPENSHIFT_CLUSTER__NAME` and so on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The cluster that is watched.
    pub cluster: ClusterSettings,
    /// What of it is looked at, image streams included. Read again when the settings file changes.
    pub watch: WatchSettings,
    /// What is done with image streams and Images.
    pub openshift: OpenShiftSettings,
    /// How owners of pods are found.
    pub owners: OwnerSettings,
    /// What the core thinks, written into the cluster; by default nothing is.
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
        let kubernetes = KubernetesSettings::default();
        Settings {
            cluster: kubernetes.cluster,
            watch: kubernetes.watch,
            openshift: OpenShiftSettings::default(),
            owners: kubernetes.owners,
            tell: kubernetes.tell,
            leader: kubernetes.leader,
            core: kubernetes.core,
            send: kubernetes.send,
            http: kubernetes.http,
            log: kubernetes.log,
        }
    }
}

impl Settings {
    /// What the Kubernetes perceiver is given, and the rest.
    pub fn split(self) -> (KubernetesSettings, OpenShiftSettings) {
        let Settings { cluster, watch, openshift, owners, tell, leader, core, send, http, log } = self;
        (KubernetesSettings { cluster, watch, owners, tell, leader, core, send, http, log }, openshift)
    }
}

/// What is done with image streams and Images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenShiftSettings {
    /// How many images of each tag of a stream are looked at, the newest first.
    pub history: usize,
    /// Whether Images are annotated with what is known of them: `true`. `false` takes away what was
    /// written; absent: nothing is touched. Either needs the right to patch them.
    pub annotate: Option<bool>,
    /// Who says it: annotations are called `quality.images.openshift.io/vulnerability.<provider>`
    /// and `…/policy.<provider>`.
    pub provider: String,
    /// Whether an Image whose verdict is fail is annotated with
    /// `images.openshift.io/deny-execution`, which the cluster's image policy obeys; only with
    /// `annotate`.
    pub deny_execution: bool,
}

impl Default for OpenShiftSettings {
    fn default() -> Self {
        OpenShiftSettings {
            history: 1,
            annotate: None,
            provider: "perceptor".to_owned(),
            deny_execution: false,
        }
    }
}

impl OpenShiftSettings {
    /// How many images of each tag are looked at: at least the newest.
    pub fn depth(&self) -> usize {
        self.history.clamp(1, 1_000)
    }

    /// What of ours is to be on Images, if they are touched at all. Annotations must lead somewhere: to
    /// where people reach the core, or else to `core`, where this perceiver does.
    ///
    /// # Errors
    /// The provider's name cannot be part of an annotation's.
    pub fn ours(&self, tell: &TellSettings, core: &str) -> Result<Option<Ours>, ProviderError> {
        let link = tell.link.as_deref().unwrap_or(core);
        let style = Style::new(&self.provider, link, self.deny_execution)?;
        Ok(self.annotate.map(|annotate| if annotate { Ours::Quality(style) } else { Ours::Nothing }))
    }
}

/// Watches one OpenShift cluster and tells a Perceptor core which images run in it and which it keeps.
#[derive(Debug, Clone, Parser)]
#[command(name = "perceptor-perceiver-openshift", version)]
#[command(after_help = "Examples:\n  perceptor-perceiver-openshift --core http://127.0.0.1:3001\n  \
    perceptor-perceiver-openshift --kubeconfig ~/.kube/config --name prod-eu --token-file /etc/perceptor/token")]
pub struct Flags {
    /// What every perceiver of a cluster has.
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

impl Flags {
    /// The file, which is looked at again while the process runs.
    pub fn file(&self) -> Option<PathBuf> {
        self.cluster.shared.file(PLATFORM)
    }

    /// Defaults < file < environment < flags.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let settings: Settings = self.cluster.layers(PLATFORM).load()?;
        let (kubernetes, openshift) = settings.clone().split();
        kubernetes.check()?;
        openshift.ours(&kubernetes.tell, &kubernetes.core.core).context("settings")?;
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
    fn file_of_the_kubernetes_perceiver_is_taken_with_a_table_more() {
        let text =
            "[cluster]\nname = 'file'\n[watch]\nexclude_namespaces = ['kube-*']\n[openshift]\nhistory = 3\n";
        let settings = settings(text, &["--name", "flag"]).unwrap();
        let (kubernetes, openshift) = settings.split();
        assert_eq!(kubernetes.cluster.name.as_deref(), Some("flag"));
        assert_eq!(kubernetes.watch.exclude_namespaces, ["kube-*"]);
        assert_eq!(openshift.depth(), 3);
    }

    #[test]
    fn provider_that_is_none_is_refused_at_the_start() {
        let error = format!("{:#}", settings("[openshift]\nprovider = 'A/B'\n", &[]).unwrap_err());
        assert!(error.contains("openshift.provider") && error.contains("A/B"), "{error}");
    }

    #[test]
    fn images_are_not_touched_unless_it_is_asked_for() {
        let ours = |text: &str| {
            let (kubernetes, openshift) = settings(text, &["--core", "http://core"]).unwrap().split();
            openshift.ours(&kubernetes.tell, &kubernetes.core.core).unwrap()
        };
        let quality = |link: &str| Style::new("perceptor", link, false).ok().map(Ours::Quality);
        assert_eq!(ours(""), None);
        assert_eq!(ours("[openshift]\nannotate = false\n"), Some(Ours::Nothing));
        assert_eq!(ours("[openshift]\nannotate = true\n"), quality("http://core"));
        let linked = "[openshift]\nannotate = true\n[tell]\nlink = 'https://people'\n";
        assert_eq!(ours(linked), quality("https://people"));
    }

    #[test]
    fn defaults_are_those_of_the_kubernetes_perceiver() {
        assert_eq!(Settings::default().split().0, KubernetesSettings::default());
    }
}
