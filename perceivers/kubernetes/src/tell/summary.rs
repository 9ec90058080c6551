//! Summaries: a ContainerImageScan for each image of a workload's regular containers, as
//! image-scanner-operator describes it. Pure.

use super::MANAGER;
use super::stand::{State, seconds, total};
use crate::record::{Container, Controller};

use api_vocab::{ContainerKind, ImageRef, ReportedImage, Severity, Timestamp, scan_name, sha256};
use api_wire::context::WorkloadSettings;
use api_wire::standing::ContainerStanding;
use api_wire::summary::SeverityCounts;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Group and version.
pub const API_VERSION: &str = "stas.statnett.no/v1alpha1";
/// The kind.
pub const KIND: &str = "ContainerImageScan";
/// Its plural.
pub const PLURAL: &str = "containerimagescans";
/// On what we make: who did.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// What an object was made from, so that it is not written again.
pub const CONTENT: &str = "perceptor.dev/content";
/// The condition that says that not everything is listed.
pub const TRUNCATED: &str = "Truncated";

/// What is wanted of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    name: String,
    digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_severity: Option<String>,
    ignore_unfixed: bool,
    workload: Workload,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Workload {
    api_version: String,
    group: String,
    kind: String,
    name: String,
    uid: String,
    container_name: String,
}

/// What is known of it. What others may have put there is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScanStatus {
    /// When learning it was last tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_scan_time: Option<String>,
    /// When that last worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_successful_scan_time: Option<String>,
    /// What hinders it.
    pub conditions: Vec<Condition>,
    /// Findings in numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vulnerability_summary: Option<Counts>,
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it holds.
    pub status: String,
    /// Why, in one word.
    pub reason: String,
    /// Why.
    pub message: String,
    /// Since when.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_transition_time: String,
}

impl Condition {
    /// One that holds; since when is said later.
    pub fn holds(kind: &str, reason: &str, message: String) -> Self {
        let last_transition_time = String::new();
        Condition {
            kind: kind.to_owned(),
            status: "True".to_owned(),
            reason: reason.to_owned(),
            message,
            last_transition_time,
        }
    }
}

/// Findings in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Counts {
    severity_count: BTreeMap<String, i32>,
    fixed_count: i32,
    unfixed_count: i32,
}

/// A summary as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What is wanted.
    pub spec: Spec,
    /// What is known.
    pub found: ScanStatus,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

impl Summary {
    /// The summary of one container's image; none while the image is not known. With its name.
    pub fn of(
        workload: &Controller,
        container: &Container,
        standing: &ContainerStanding,
        settings: &WorkloadSettings,
    ) -> Option<(String, Self)> {
        if container.kind != ContainerKind::Regular {
            return None;
        }
        let running: ReportedImage = container.image_id.as_deref()?.parse().ok()?;
        let asked: Option<ImageRef> = container.image.parse().ok();
        let repository = running.reference.as_ref().or(asked.as_ref())?.name();
        let digest = running.digest.to_string();
        let (group, _) = workload.api_version.split_once('/').unwrap_or(("", &workload.api_version));
        let name = scan_name(&workload.kind, &workload.name, &container.name, &repository, &digest);
        let spec = Spec {
            name: repository,
            digest,
            tag: asked.and_then(|asked| asked.tag().map(str::to_owned)),
            min_severity: settings.min_severity.map(|severity| word(severity).to_owned()),
            ignore_unfixed: settings.ignore_unfixed,
            workload: Workload {
                api_version: workload.api_version.to_string(),
                group: group.to_owned(),
                kind: workload.kind.to_string(),
                name: workload.name.to_string(),
                uid: workload.uid.to_string(),
                container_name: container.name.to_string(),
            },
        };
        let labels = BTreeMap::from([(MANAGED_BY.to_owned(), MANAGER.to_owned())]);
        Some((name, Summary { spec, found: found(standing, settings), labels }))
    }

    /// What it is made from, its status apart; `listing` is what it is to list.
    pub fn content(&self, listing: Option<Severity>) -> String {
        print(&(&self.spec, &self.labels, listing.map(word)))
    }

    /// As it is applied.
    pub fn body(&self, namespace: &str, name: &str, workload: &Controller, content: &str) -> Value {
        json!({
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {
                "namespace": namespace,
                "name": name,
                "labels": self.labels,
                "annotations": { CONTENT: content },
                "ownerReferences": [owner(workload)],
            },
            "spec": self.spec,
        })
    }

    /// Its status as it is applied; conditions that held before hold since then.
    pub fn status(&self, namespace: &str, name: &str, before: &Since, now: Timestamp) -> Value {
        let mut found = self.found.clone();
        for condition in &mut found.conditions {
            condition.last_transition_time =
                before.get(&condition.kind).cloned().unwrap_or_else(|| seconds(now));
        }
        json!({
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": { "namespace": namespace, "name": name },
            "status": found,
        })
    }
}

/// Since when which conditions hold.
pub type Since = BTreeMap<String, String>;

impl ScanStatus {
    /// What is remembered of it: neither times of conditions nor what is listed.
    pub fn print(&self) -> String {
        let mut bare = self.clone();
        bare.conditions.retain(|condition| condition.kind != TRUNCATED);
        for condition in &mut bare.conditions {
            condition.last_transition_time.clear();
        }
        print(&bare)
    }

    /// Since when which conditions hold.
    pub fn since(&self) -> Since {
        let holding = self.conditions.iter().filter(|condition| condition.status == "True");
        holding.map(|it| (it.kind.clone(), it.last_transition_time.clone())).collect()
    }
}

/// An owner that takes what it owns along; it controls nothing.
pub fn owner(workload: &Controller) -> Value {
    let Controller { api_version, kind, name, uid, .. } = workload;
    json!({ "apiVersion": api_version, "kind": kind, "name": name, "uid": uid })
}

/// A short text that stands for a value, the same in every process.
pub fn print(value: &impl Serialize) -> String {
    let text = serde_json::to_vec(value).unwrap_or_default();
    hex::encode(sha256(text)).chars().take(16).collect()
}

/// The operator's word; it knows nothing negligible.
pub fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Unknown => "UNKNOWN",
        Severity::Negligible | Severity::Low => "LOW",
        Severity::Medium => "MEDIUM",
        Severity::High => "HIGH",
        Severity::Critical => "CRITICAL",
    }
}

fn found(standing: &ContainerStanding, settings: &WorkloadSettings) -> ScanStatus {
    let at = standing.scanned_at.map(seconds);
    let state = State::of(&standing.state);
    let condition = match (state, standing.findings) {
        (State::Unscannable, _) => {
            let why = "The image cannot be scanned; the core says why.";
            Some(Condition::holds("Stalled", "Error", why.to_owned()))
        }
        (State::Scanned, Some(_)) => None,
        _ => Some(Condition::holds("Reconciling", "ScanPending", "The image waits for its scan.".to_owned())),
    };
    ScanStatus {
        last_scan_time: at.clone(),
        last_successful_scan_time: at,
        conditions: condition.into_iter().collect(),
        vulnerability_summary: standing.findings.map(|findings| counts(&findings, settings.min_severity)),
    }
}

fn counts(findings: &SeverityCounts, from: Option<Severity>) -> Counts {
    let from = from.unwrap_or(Severity::Unknown);
    let by = [
        (Severity::Critical, findings.critical),
        (Severity::High, findings.high),
        (Severity::Medium, findings.medium),
        (Severity::Low, findings.low.saturating_add(findings.negligible)),
        (Severity::Unknown, findings.unknown),
    ];
    let said = by.into_iter().filter(|(severity, count)| *severity >= from || *count > 0);
    Counts {
        severity_count: said.map(|(severity, count)| (word(severity).to_owned(), small(count))).collect(),
        fixed_count: small(findings.fixable),
        unfixed_count: small(total(findings).saturating_sub(findings.fixable)),
    }
}

fn small(count: u64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tell::stand::tests::{container as standing, counts as findings, hex};
    use api_wire::context::Privileges;

    fn workload() -> Controller {
        Controller {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: "shop".into(),
            name: "web".into(),
            uid: "u-1".into(),
        }
    }

    fn container(kind: ContainerKind, image: &str, id: Option<String>) -> Container {
        Container {
            name: "app".into(),
            kind,
            image: image.into(),
            image_id: id.map(Into::into),
            privileges: std::sync::Arc::new(Privileges::default()),
        }
    }

    #[test]
    fn summary_has_the_operators_shape() {
        let id = format!("docker.io/shop/web@sha256:{}", hex(7));
        let container = container(ContainerKind::Regular, "shop/web:1", Some(id));
        let standing =
            standing("app", 7, Some(SeverityCounts { low: 1, negligible: 2, fixable: 3, ..findings(1, 4) }));
        let settings =
            WorkloadSettings { min_severity: Some(Severity::Medium), ..WorkloadSettings::default() };
        let (name, summary) = Summary::of(&workload(), &container, &standing, &settings).unwrap();
        assert!(name.starts_with("deployment-web-app-") && name.len() == "deployment-web-app-".len() + 5);
        assert_eq!(
            serde_json::to_value(&summary.spec).unwrap(),
            json!({ "name": "docker.io/shop/web", "digest": format!("sha256:{}", hex(7)), "tag": "1",
                "minSeverity": "MEDIUM", "ignoreUnfixed": false,
                "workload": { "apiVersion": "apps/v1", "group": "apps", "kind": "Deployment", "name": "web",
                    "uid": "u-1", "containerName": "app" } })
        );
        let status = summary.status("shop", &name, &Since::new(), Timestamp::from_millis(0));
        assert_eq!(
            status["status"],
            json!({ "lastScanTime": "1970-01-01T00:00:01Z", "lastSuccessfulScanTime": "1970-01-01T00:00:01Z",
                "conditions": [], "vulnerabilitySummary": {
                    "severityCount": { "CRITICAL": 1, "HIGH": 4, "MEDIUM": 0, "LOW": 3 },
                    "fixedCount": 3, "unfixedCount": 5 } })
        );
        let body = summary.body("shop", &name, &workload(), "x");
        assert_eq!(
            body["metadata"]["ownerReferences"],
            json!([{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u-1" }])
        );
    }

    #[test]
    fn image_that_is_not_known_or_ends_before_the_others_has_none() {
        let id = || Some(format!("sha256:{}", hex(7)));
        for (kind, image, id, there) in [
            (ContainerKind::Regular, "nginx", id(), true),
            (ContainerKind::Regular, "nginx", None, false),
            (ContainerKind::Regular, "nginx", Some("\u{1b}".to_owned()), false),
            (ContainerKind::Regular, "not a reference", id(), false),
            (ContainerKind::Init, "nginx", id(), false),
            (ContainerKind::Ephemeral, "nginx", id(), false),
        ] {
            let summary = Summary::of(
                &workload(),
                &container(kind, image, id),
                &standing("app", 7, None),
                &WorkloadSettings::default(),
            );
            assert_eq!(summary.is_some(), there, "{kind:?} {image}");
        }
    }

    #[test]
    fn what_is_not_known_yet_is_said_and_since_when() {
        let container = container(ContainerKind::Regular, "nginx", Some(format!("sha256:{}", hex(7))));
        let mut unscannable = standing("app", 7, None);
        unscannable.state = "unscannable".to_owned();
        for (standing, kind) in [(standing("app", 7, None), "Reconciling"), (unscannable, "Stalled")] {
            let settings = WorkloadSettings::default();
            let (name, summary) = Summary::of(&workload(), &container, &standing, &settings).unwrap();
            let (early, late) = (Timestamp::from_millis(5_000), Timestamp::from_millis(99_000));
            let before: ScanStatus =
                serde_json::from_value(summary.status("n", &name, &Since::new(), early)["status"].clone())
                    .unwrap();
            assert_eq!(before.conditions[0].kind, kind);
            let after = summary.status("n", &name, &before.since(), late);
            assert_eq!(after["status"]["conditions"][0]["lastTransitionTime"], "1970-01-01T00:00:05Z");
            assert_eq!(before.print(), summary.found.print(), "what was read is what was written");
        }
    }
}
