//! A model that writes to a store, as the core's writer does.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]
#![allow(dead_code, reason = "each test binary uses its own part")]

use api_vocab::*;
use core_model::*;
use core_store::*;
use std::sync::Arc;
use std::time::Duration;

pub struct Writer<'a> {
    pub model: Model,
    pub store: &'a dyn Store,
    pub now: Timestamp,
    pub notices: Vec<Notice>,
    leases: u128,
}

pub fn digest(n: u32) -> Digest {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    Digest::sha256(bytes)
}

pub fn source(n: u32) -> SourceId {
    format!("docker/host-{n}").parse().unwrap()
}

pub fn extractors(n: u32) -> ExtractorSet {
    format!("set-{n}").parse().unwrap()
}

pub fn pod(name: &str, image: Option<u32>) -> ObservedPod {
    let container = ObservedContainer {
        name: "main \"quoted\"\u{e9}".into(),
        kind: ContainerKind::Init,
        reference: "registry.test/app:1".into(),
        reported: image.map(|n| ReportedImage { digest: digest(n), reference: None }),
        repo_digests: image
            .map(|n| format!("registry.test/app@{}", digest(n + 1000)).parse().unwrap())
            .into_iter()
            .collect(),
    };
    ObservedPod {
        key: PodKey::new("shop", name).unwrap(),
        uid: format!("uid \"{name}\" \\ \u{1f980}").into(),
        node: Some("node-1".into()),
        owner: Some(Owner::new("compose", "shop/web").unwrap()),
        phase: PodPhase::Running,
        started_at: Some(Timestamp::from_millis(1)),
        labels: vec![("a".into(), "1".into())],
        context: context(name),
        containers: vec![container],
    }
}

/// What surrounds a pod, in every respect; nothing for the unresolved one.
fn context(name: &str) -> PodContext {
    if name == "unresolved" {
        return PodContext::default();
    }
    let privileges = Privileges {
        privileged: true,
        root: Some(false),
        capabilities: Box::from(["NET_ADMIN".into(), "SYS_TIME".into()]),
    };
    PodContext {
        service_account: Some("web".into()),
        annotations: Box::from([("a \"b\"".into(), "1".into())]),
        platform: Some("linux/arm64".parse().unwrap()),
        host_namespaces: Box::from(["network".into()]),
        pull_secrets: Box::from(["registry".into()]),
        exposure: Box::from([ExposurePath {
            kind: "ingress".into(),
            hosts: Box::from(["shop.test".into()]),
            through: Box::from(["Ingress shop/web".into(), "EndpointSlice shop/web-1".into()]),
        }]),
        settings: WorkloadSettings {
            ignore_unfixed: true,
            min_severity: Some(Severity::High),
            team: Some("shop".into()),
        },
        privileges: Box::from([("main".into(), privileges)]),
    }
}

pub fn package(n: u32) -> Package {
    let name = format!("package-{n}");
    let package = Package::new("Debian:12".parse().unwrap(), &name, "1:2.3-4").unwrap();
    package.with_architecture("amd64").unwrap().with_source("source \"x\"", "1:2.3").unwrap()
}

pub fn finding(n: u32) -> Finding {
    let vulnerability = Vulnerability {
        id: format!("CVE-{n}").into(),
        aliases: vec!["GHSA-x".into()],
        severity: Severity::High,
        score: Some(7.8),
        summary: "a \"flaw\"".into(),
        url: Some("https://example.test/".into()),
        published: Some(Timestamp::from_millis(5)),
    };
    Finding { vulnerability: Arc::new(vulnerability), fix: n.is_multiple_of(2).then(|| "2.0".into()) }
}

pub fn report(packages: &[u32], partial: bool) -> Report {
    let distro = Distro {
        id: "debian".into(),
        version_id: Some("12".into()),
        pretty_name: None,
        ecosystem: "Debian:12".parse().ok(),
    };
    Report {
        identity: Identity { platform: "linux/amd64".parse().ok(), ..Identity::default() },
        layers: vec![digest(5000), digest(5001)],
        packages: packages.iter().map(|n| package(*n)).collect(),
        distro: Some(distro),
        problems: vec![Problem::new(ProblemCode::Truncated, "var/lib/x", "ends early"); usize::from(partial)],
        extractor_set: extractors(1),
        engine: "native".into(),
        fetched_from: "docker".into(),
    }
}

impl<'a> Writer<'a> {
    pub fn new(store: &'a dyn Store) -> Self {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let model = Model::restore(Settings::default(), store.load().unwrap());
        Writer { model, store, now, notices: Vec::new(), leases: 0 }
    }

    pub fn pass(&mut self, time: Duration) -> &mut Self {
        self.now = self.now + time;
        self
    }

    pub fn try_apply(&mut self, command: Command) -> Result<Answer, StoreError> {
        self.try_apply_with(command, Vec::new())
    }

    pub fn try_apply_with(&mut self, command: Command, blobs: Vec<Blob>) -> Result<Answer, StoreError> {
        let applied = self.model.apply(command, self.now).unwrap();
        self.store.append(Batch { events: applied.events.clone().into(), blobs })?;
        self.notices.extend(applied.events.iter().filter_map(Event::notice));
        Ok(applied.answer)
    }

    pub fn apply(&mut self, command: Command) -> Answer {
        self.try_apply(command).unwrap()
    }

    pub fn observe(&mut self, n: u32, pods: Vec<ObservedPod>) {
        let observations = pods.into_iter().map(Observation::PodPresent).collect();
        self.apply(Command::Observe { source: source(n), observations });
    }

    /// A source lists images.
    pub fn list(&mut self, n: u32, images: &[u32]) {
        let listed = images.iter().map(|image| {
            Observation::ImagePresent(ObservedImage {
                digest: digest(*image),
                references: vec!["registry.test/idle:1".into()],
                repo_digests: Vec::new(),
            })
        });
        self.apply(Command::Observe { source: source(n), observations: listed.collect() });
    }

    pub fn register(&mut self) {
        let registration = Registration {
            name: "scanner-1".parse().unwrap(),
            version: "1.0".into(),
            extractor_set: extractors(1),
            node: Some("node-1".into()),
            sources: vec![source(1)],
            platforms: vec!["linux/amd64".parse().unwrap()],
            max_leases: 8,
            reach: Reach::Registry,
        };
        self.apply(Command::RegisterScanner(registration));
    }

    pub fn lease(&mut self) -> Box<Grant> {
        self.leases += 1;
        let id = LeaseId::from_bits(self.leases);
        let scanner = "scanner-1".parse().unwrap();
        match self.apply(Command::Lease { scanner, holds: Vec::new(), id }) {
            Answer::Lease(Some(grant)) => grant,
            other => panic!("{other:?}"),
        }
    }

    pub fn report(&mut self, lease: LeaseId, report: Report) -> Answer {
        self.apply(Command::Report { lease, report: Box::new(report) })
    }

    pub fn find(&mut self, revision: &str, packages: &[(u32, Vec<Finding>)]) {
        let findings = packages.iter().map(|(id, findings)| PackageFindings {
            package: PackageId::new(*id),
            findings: findings.clone(),
            undecided: *id,
        });
        self.apply(Command::ChangeRevision {
            revision: revision.parse().unwrap(),
            below: self.model.next_package(),
            findings: findings.collect(),
        });
    }

    /// A fleet with an image in every state.
    pub fn fleet(&mut self) {
        self.apply(Command::WantExtractors { extractor_set: extractors(1) });
        let pods = (0..8).map(|n| pod(&format!("pod-{n}"), Some(n))).collect();
        self.observe(1, pods);
        self.observe(2, vec![pod("unresolved", None)]);
        self.list(2, &[0]);
        self.register();
        for packages in [vec![1, 2, 3], vec![2, 3, 4]] {
            let lease = self.lease().lease;
            let diff_id = digest(5000);
            self.apply(Command::LayerExtracted { lease, diff_id, extractor_set: extractors(1) });
            self.report(lease, report(&packages, packages.contains(&4)));
        }
        for kind in [FailureKind::Transient, FailureKind::Permanent] {
            let lease = self.lease().lease;
            self.apply(Command::Fail {
                lease,
                failure: Failure { kind, reason: "no".into(), retry_after: None, out_of_reach: false },
            });
        }
        self.lease();
        self.find("revision-1", &[(0, vec![finding(1), finding(2)]), (1, vec![])]);
    }

    /// The store holds exactly what the model knows.
    pub fn check(&self) {
        let loaded = self.store.load().unwrap();
        let live = self.model.snapshot();
        assert_eq!(loaded, live, "the stored rows are the model's records");
        let restored = Model::restore(Settings::default(), loaded);
        assert_eq!(restored.snapshot(), live, "a restored model equals the live one");
    }
}
