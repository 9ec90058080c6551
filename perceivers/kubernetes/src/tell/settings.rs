//! What of the core's judgement is written into the cluster. By default nothing is.

use api_vocab::Severity;
use serde::{Deserialize, Serialize};

/// What is written into the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TellSettings {
    /// Sets of labels and annotations that pods and their workloads get: `perceptor`, `classic`,
    /// `product`; the latter two on pods only, as Perceptor 2 and OpsSight wrote them. An empty list
    /// takes away what was written; absent: nothing is touched.
    pub marks: Option<Vec<KeySet>>,
    /// Whether each image of a workload's containers gets a ContainerImageScan.
    pub summaries: bool,
    /// Summaries list vulnerabilities of at least this severity, as far as they fit; absent: none.
    pub vulnerabilities: Option<Severity>,
    /// Whether each workload gets an OpenReports Report, where the cluster knows that kind.
    pub reports: bool,
    /// Whether a verdict that got worse is told by a Kubernetes Event.
    pub events: bool,
    /// The core's address as people reach it, for links to it; absent: no links.
    pub link: Option<String>,
    /// How many writes there may be each second, all kinds together.
    pub writes_per_second: u32,
}

impl Default for TellSettings {
    fn default() -> Self {
        TellSettings {
            marks: None,
            summaries: false,
            vulnerabilities: None,
            reports: false,
            events: false,
            link: None,
            writes_per_second: 20,
        }
    }
}

/// A set of labels and annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeySet {
    /// Ours, below `perceptor.dev/`.
    Perceptor,
    /// Those of Perceptor 2.
    Classic,
    /// Those of OpsSight.
    Product,
}

/// A setting that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TellSettingsError {
    /// The link is none.
    #[error("tell.link: {0:?} is no address; begin it with http:// or https://")]
    Link(String),
    /// Nothing lists them.
    #[error("tell.vulnerabilities lists them in summaries, which are off; set tell.summaries")]
    NoSummaries,
}

impl TellSettings {
    /// Whether anything is told.
    pub fn is_on(&self) -> bool {
        self.marks.is_some() || self.summaries || self.reports || self.events
    }

    /// The sets of marks.
    pub fn key_sets(&self) -> &[KeySet] {
        self.marks.as_deref().unwrap_or_default()
    }

    /// Whether everything is well-formed.
    pub fn check(&self) -> Result<(), TellSettingsError> {
        if self.vulnerabilities.is_some() && !self.summaries {
            return Err(TellSettingsError::NoSummaries);
        }
        match &self.link {
            Some(link) if !is_address(link) => {
                Err(TellSettingsError::Link(link.chars().filter(|c| !c.is_control()).take(64).collect()))
            }
            _ => Ok(()),
        }
    }
}

fn is_address(link: &str) -> bool {
    let rest = link.strip_prefix("https://").or_else(|| link.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest.len() <= 512
            && rest.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"'`".contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_told_unless_asked_for() {
        assert!(!TellSettings::default().is_on());
        assert!(TellSettings { events: true, ..TellSettings::default() }.is_on());
    }

    #[test]
    fn setting_that_cannot_be_meant_is_refused() {
        for link in ["", "perceptor.example", "javascript:alert(1)", "https://", "https://x\"y"] {
            let settings = TellSettings { link: Some(link.to_owned()), ..TellSettings::default() };
            assert!(matches!(settings.check(), Err(TellSettingsError::Link(_))), "{link}");
        }
        let link = Some("https://perceptor.example:3001/x".to_owned());
        assert_eq!(TellSettings { link, ..TellSettings::default() }.check(), Ok(()));
        let alone = TellSettings { vulnerabilities: Some(Severity::High), ..TellSettings::default() };
        assert_eq!(alone.check(), Err(TellSettingsError::NoSummaries));
    }
}
