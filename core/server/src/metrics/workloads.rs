//! Series per pod and per workload, in the words of two exporters that people have dashboards for:
//! `pod_security_issue` of runtime-image-scanner, `image_scanner_container_image_*` of
//! image-scanner-operator.
//!
//! Always of one source: neither knows a label for it, and series of two clusters would collide.

use super::exposition::{Pieces, label};
use crate::config::WorkloadMetricsConfig;
use api_vocab::{Digest, Family, ImageRef, PodKey, Severity, SourceId, scan_name};
use core_model::{Container, Finding, FleetPackage, Image, Pod, Tally, View};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use wildmatch::WildMatch;

/// Pods that are read at a time.
const PAGE: usize = 500;
/// The labels that the gauges always have.
pub const FIXED_LABELS: [&str; 7] =
    ["namespace", "name", "image_name", "image_digest", "image_tag", "severity", "condition"];
/// Images whose series are kept for the next pod: replicas stand side by side.
const KEPT: usize = 16;

/// The series of one source.
pub struct WorkloadSeries<'a> {
    view: &'a View,
    source: &'a SourceId,
    wanted: &'a WorkloadMetricsConfig,
    include: Vec<WildMatch>,
    exclude: Vec<WildMatch>,
}

impl<'a> WorkloadSeries<'a> {
    /// The series of `source` that are wanted.
    pub fn new(view: &'a View, source: &'a SourceId, wanted: &'a WorkloadMetricsConfig) -> Self {
        let patterns = |texts: &[String]| texts.iter().map(|text| WildMatch::new(text)).collect();
        let (include, exclude) = (patterns(&wanted.include_namespaces), patterns(&wanted.exclude_namespaces));
        WorkloadSeries { view, source, wanted, include, exclude }
    }

    /// All of them, into `pieces`.
    pub fn write(&self, mut pieces: Pieces<'_>) {
        if self.wanted.pod_issues {
            self.write_issues(&mut pieces);
        }
        if self.wanted.image_scans {
            for gauge in Gauge::ALL {
                self.write_gauge(gauge, &mut pieces);
            }
        }
        pieces.end();
    }

    /// Pods of wanted namespaces, by key, for as long as somebody reads.
    fn each_pod(&self, pieces: &mut Pieces<'_>, mut visit: impl FnMut(&Pod, &mut Pieces<'_>)) {
        let mut after: Option<PodKey> = None;
        while pieces.is_read() {
            let page = self.view.pods_of_source_after(self.source, None, after.as_ref(), PAGE);
            let Some(last) = page.last() else { return };
            after = Some(last.id.key.clone());
            for pod in page.iter().filter(|pod| self.wants(pod.id.key.namespace())) {
                visit(pod, pieces);
            }
        }
    }

    fn wants(&self, namespace: &str) -> bool {
        let among = |patterns: &[WildMatch]| patterns.iter().any(|pattern| pattern.matches(namespace));
        (self.include.is_empty() || among(&self.include)) && !among(&self.exclude)
    }

    fn write_issues(&self, pieces: &mut Pieces<'_>) {
        pieces.family("pod_security_issue", "CVE found in all images associated with pod");
        let mut kept = Kept::default();
        self.each_pod(pieces, |pod, pieces| {
            for (reference, images) in by_reference(pod) {
                let begin = issue_begin(pod, reference);
                // One reference may stand for two images while its tag moves.
                let lists: Vec<_> = images.iter().map(|key| self.issues(key, &mut kept)).collect();
                match lists.as_slice() {
                    [one] => one.iter().for_each(|end| pieces.add(&format!("{begin},{end}"))),
                    several => {
                        let all: BTreeSet<&String> = several.iter().flat_map(|list| list.iter()).collect();
                        all.iter().for_each(|end| pieces.add(&format!("{begin},{end}")));
                    }
                }
            }
        });
    }

    /// What an image's series end in, the worst first, without repetition.
    fn issues(&self, key: &Arc<Digest>, kept: &mut Kept) -> Arc<[String]> {
        if let Some(known) = kept.get(key) {
            return known;
        }
        let packages = self.view.image(key).map(|image| self.view.packages_of(&image)).unwrap_or_default();
        let mut issues: BTreeSet<(std::cmp::Reverse<Severity>, String)> = BTreeSet::new();
        for package in &packages {
            let wanted =
                package.findings().iter().filter(|finding| self.wanted.unfixed || finding.fix.is_some());
            issues.extend(wanted.map(|finding| {
                (std::cmp::Reverse(finding.vulnerability.severity), issue_end(package, finding))
            }));
        }
        let most = if self.wanted.top == 0 { usize::MAX } else { self.wanted.top };
        let ends: Arc<[String]> = issues.into_iter().take(most).map(|(_, end)| end).collect();
        kept.put(Arc::clone(key), Arc::clone(&ends));
        ends
    }

    /// Pods come namespace by namespace: only one namespace's workloads are held at a time.
    fn write_gauge(&self, gauge: Gauge, pieces: &mut Pieces<'_>) {
        pieces.family(gauge.name(), gauge.help());
        let (mut namespace, mut workloads) = (String::new(), BTreeMap::new());
        self.each_pod(pieces, |pod, pieces| {
            if pod.id.key.namespace() != namespace {
                self.write_workloads(gauge, &std::mem::take(&mut workloads), pieces);
                namespace = pod.id.key.namespace().to_owned();
            }
            for container in pod.containers.iter() {
                if let Some((name, labels, image)) = self.workload(pod, container) {
                    workloads.entry(name).or_insert((labels, image));
                }
            }
        });
        self.write_workloads(gauge, &workloads, pieces);
    }

    /// The container's summary object: its name, its labels, its image.
    fn workload(&self, pod: &Pod, container: &Container) -> Option<(String, String, Arc<Image>)> {
        let image = self.view.image(container.image.as_ref()?)?;
        let reference = container.reference.parse::<ImageRef>().ok()?;
        let (kind, owner) = match &pod.owner {
            Some(owner) => (owner.kind(), owner.name()),
            None => ("pod", pod.id.key.name()),
        };
        let digest = image.key.to_string();
        let name = scan_name(kind, owner, &container.name, &reference.name(), &digest);
        let tag = match (reference.tag(), reference.digest()) {
            (Some(tag), _) => tag,
            (None, None) => "latest",
            (None, Some(_)) => "",
        };
        let mut labels = String::new();
        label(&mut labels, "namespace", pod.id.key.namespace());
        label(&mut labels, "name", &name);
        label(&mut labels, "image_name", &reference.name());
        label(&mut labels, "image_digest", &digest);
        label(&mut labels, "image_tag", tag);
        for wanted in &self.wanted.pod_labels {
            let found = pod.labels.iter().find(|(key, _)| **key == **wanted);
            label(&mut labels, &label_name(wanted), found.map_or("", |(_, value)| value));
        }
        Some((name, labels, image))
    }

    fn write_workloads(
        &self,
        gauge: Gauge,
        workloads: &BTreeMap<String, (String, Arc<Image>)>,
        pieces: &mut Pieces<'_>,
    ) {
        for (labels, image) in workloads.values() {
            let tally = self.view.tally(&image.key);
            for (extra, value) in gauge.values(image, tally) {
                let mut all = labels.clone();
                if let Some((name, word)) = extra {
                    label(&mut all, name, word);
                }
                pieces.add(&format!("{}{{{all}}} {value}\n", gauge.name()));
            }
        }
    }
}

/// The images of a pod by the reference that was asked for.
fn by_reference(pod: &Pod) -> BTreeMap<&str, BTreeSet<&Arc<Digest>>> {
    let mut images: BTreeMap<&str, BTreeSet<&Arc<Digest>>> = BTreeMap::new();
    for container in pod.containers.iter() {
        if let Some(key) = &container.image {
            images.entry(&container.reference).or_default().insert(key);
        }
    }
    images
}

fn issue_begin(pod: &Pod, reference: &str) -> String {
    let mut text = "pod_security_issue{".to_owned();
    label(&mut text, "PodName", pod.id.key.name());
    label(&mut text, "Namespace", pod.id.key.namespace());
    label(&mut text, "Image", reference);
    label(&mut text, "IsPublic", if pod.exposure().is_empty() { "False" } else { "True" });
    text
}

fn issue_end(package: &FleetPackage, finding: &Finding) -> String {
    let mut text = String::new();
    label(&mut text, "BaseOS", base_os(package.package.ecosystem().family()));
    label(&mut text, "VulnerabilityID", &finding.vulnerability.id);
    label(&mut text, "PkgName", package.package.name());
    label(&mut text, "InstalledVersion", package.package.version());
    label(&mut text, "FixedVersion", finding.fix.as_deref().unwrap_or("NA"));
    label(&mut text, "Severity", severity_word(finding.vulnerability.severity));
    text + "} 1\n"
}

/// Where the package comes from, in Trivy's words, which the exporter passed on.
fn base_os(family: Family) -> &'static str {
    match family {
        Family::AlmaLinux => "alma",
        Family::Alpine => "alpine",
        Family::Amazon => "amazon",
        Family::AzureLinux => "azurelinux",
        Family::CentOs => "centos",
        Family::Chainguard => "chainguard",
        Family::CratesIo => "rustbinary",
        Family::Debian => "debian",
        Family::Fedora => "fedora",
        Family::Go => "gobinary",
        Family::Maven => "jar",
        Family::Npm => "node-pkg",
        Family::NuGet => "dotnet-core",
        Family::OpenSuse => "opensuse",
        Family::Oracle => "oracle",
        Family::Packagist => "composer",
        Family::Photon => "photon",
        Family::PyPi => "python-pkg",
        Family::RedHat => "redhat",
        Family::Rocky => "rocky",
        Family::RubyGems => "gemspec",
        Family::Suse => "suse linux enterprise server",
        Family::Ubuntu => "ubuntu",
        Family::Wolfi => "wolfi",
        other => other.as_str(),
    }
}

/// Both exporters know five severities, in capitals.
fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "CRITICAL",
        Severity::High => "HIGH",
        Severity::Medium => "MEDIUM",
        Severity::Low | Severity::Negligible => "LOW",
        Severity::Unknown => "UNKNOWN",
    }
}

/// A label of a pod as a label of a series: each run of other characters becomes one underscore,
/// and so does nothing before a digit (Prometheus, "Metric names and labels").
pub fn label_name(key: &str) -> String {
    let mut name = String::new();
    if key.starts_with(|first: char| first.is_ascii_digit()) {
        name.push('_');
    }
    for character in key.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' => name.push(character),
            _ if name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    name
}

/// The operator's gauges.
#[derive(Debug, Clone, Copy)]
enum Gauge {
    Success,
    Issues,
    PatchStatus,
}

impl Gauge {
    const ALL: [Gauge; 3] = [Gauge::Success, Gauge::Issues, Gauge::PatchStatus];

    const fn name(self) -> &'static str {
        match self {
            Gauge::Success => "image_scanner_container_image_scan_success",
            Gauge::Issues => "image_scanner_container_image_issues",
            Gauge::PatchStatus => "image_scanner_container_image_patch_status",
        }
    }

    const fn help(self) -> &'static str {
        match self {
            Gauge::Success => "Displays whether or not container image scan was a success",
            Gauge::Issues => "Number of container image scan issues",
            Gauge::PatchStatus => {
                "Number of detected container image vulnerabilities grouped by fixed/unfixed"
            }
        }
    }

    /// Its series for one image. An image that was never scanned has no number of issues: not
    /// knowing is not zero.
    fn values(self, image: &Image, tally: Option<Tally>) -> Vec<(Option<(&'static str, &'static str)>, u64)> {
        let Some(tally) = tally else {
            return match self {
                Gauge::Success => vec![(None, u64::from(image.scan.is_some()))],
                Gauge::Issues | Gauge::PatchStatus => Vec::new(),
            };
        };
        match self {
            Gauge::Success => vec![(None, u64::from(image.scan.is_some()))],
            Gauge::Issues => vec![
                (Some(("severity", "CRITICAL")), tally.findings.critical),
                (Some(("severity", "HIGH")), tally.findings.high),
                (Some(("severity", "MEDIUM")), tally.findings.medium),
                (Some(("severity", "LOW")), tally.findings.low + tally.findings.negligible),
                (Some(("severity", "UNKNOWN")), tally.findings.unknown),
            ],
            Gauge::PatchStatus => vec![
                (Some(("condition", "fixed")), tally.fixable.total()),
                (
                    Some(("condition", "unfixed")),
                    tally.findings.total().saturating_sub(tally.fixable.total()),
                ),
            ],
        }
    }
}

/// The series of the images that were read last.
#[derive(Default)]
struct Kept(VecDeque<(Arc<Digest>, Arc<[String]>)>);

impl Kept {
    fn get(&self, key: &Digest) -> Option<Arc<[String]>> {
        self.0.iter().find(|(kept, _)| **kept == *key).map(|(_, ends)| Arc::clone(ends))
    }

    fn put(&mut self, key: Arc<Digest>, ends: Arc<[String]>) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back((key, ends));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_of_a_pod_becomes_a_name_that_prometheus_takes() {
        for (key, name) in [
            ("app", "app"),
            ("app.kubernetes.io/name", "app_kubernetes_io_name"),
            ("a--./b", "a_b"),
            ("2nd", "_2nd"),
        ] {
            assert_eq!(label_name(key), name);
        }
    }
}
