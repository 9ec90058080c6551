//! A model, its view and a clock; every command checks what must always hold.

use crate::*;
use api_vocab::*;
use std::sync::Arc;
use std::time::Duration;

pub(super) struct World {
    pub(super) model: Model,
    pub(super) view: View,
    pub(super) now: Timestamp,
    pub(super) events: Vec<Event>,
    next_lease: u128,
}

pub(super) fn digest(n: u8) -> Digest {
    Digest::sha256([n; 32])
}

pub(super) fn source(n: u8) -> SourceId {
    format!("docker/host-{n}").parse().unwrap()
}

pub(super) fn scanner(n: u8) -> ScannerName {
    format!("scanner-{n}").parse().unwrap()
}

pub(super) fn extractors(n: u8) -> ExtractorSet {
    format!("set-{n}").parse().unwrap()
}

pub(super) fn revision(n: u8) -> RevisionId {
    format!("revision-{n}").parse().unwrap()
}

pub(super) fn package(n: u8) -> Package {
    Package::new("Debian:12".parse().unwrap(), &format!("package-{n}"), "1.0").unwrap()
}

pub(super) fn finding(id: &str, severity: Severity) -> Finding {
    let vulnerability = Vulnerability {
        id: id.into(),
        aliases: Vec::new(),
        severity,
        score: None,
        summary: "".into(),
        url: None,
        published: None,
    };
    Finding { vulnerability: Arc::new(vulnerability), fix: Some("2.0".into()) }
}

pub(super) fn container(image: Option<u8>) -> ObservedContainer {
    ObservedContainer {
        name: "main".into(),
        kind: ContainerKind::Regular,
        reference: image
            .map_or("registry.test/new:1".to_owned(), |n| format!("registry.test/app-{n}:1"))
            .into(),
        reported: image.map(|n| ReportedImage { digest: digest(n), reference: None }),
        repo_digests: Vec::new(),
    }
}

pub(super) fn pod(name: &str, images: &[Option<u8>]) -> ObservedPod {
    ObservedPod {
        key: PodKey::new("shop", name).unwrap(),
        uid: name.into(),
        node: Some("node-1".into()),
        owner: Some(Owner::new("deployment", "web").unwrap()),
        phase: PodPhase::Running,
        started_at: None,
        labels: vec![("tier".into(), "front".into())],
        context: PodContext::default(),
        containers: images.iter().map(|image| container(*image)).collect(),
    }
}

pub(super) fn registration(n: u8, node: Option<&str>) -> Registration {
    Registration {
        name: scanner(n),
        version: "1.0".into(),
        extractor_set: extractors(1),
        node: node.map(Into::into),
        sources: Vec::new(),
        platforms: Vec::new(),
        max_leases: 2,
        reach: Reach::Sources,
    }
}

pub(super) fn a_report(packages: &[u8]) -> Report {
    Report {
        identity: Identity::default(),
        layers: vec![digest(200)],
        packages: packages.iter().map(|n| package(*n)).collect(),
        distro: None,
        problems: Vec::new(),
        extractor_set: extractors(1),
        engine: "native".into(),
        fetched_from: "docker".into(),
    }
}

pub(super) fn transient(reason: &str) -> Failure {
    Failure { kind: FailureKind::Transient, reason: reason.into(), retry_after: None, out_of_reach: false }
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(super) fn with(settings: Settings) -> Self {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let model = Model::new(settings);
        World { model, view: View::default(), now, events: Vec::new(), next_lease: 0 }
    }

    pub(super) fn pass(&mut self, time: Duration) -> &mut Self {
        self.now = self.now + time;
        self
    }

    pub(super) fn try_apply(&mut self, command: Command) -> Result<Answer, Refusal> {
        let before = self.model.snapshot();
        match self.model.apply(command, self.now) {
            Ok(applied) => {
                let ids = applied.events.iter().map(|event| event.id);
                assert!(ids.eq(before.last_event + 1..=self.model.last_event()), "event ids have no gaps");
                applied.events.iter().for_each(|event| self.view.fold(event));
                self.events.extend(applied.events);
                super::random::check(self);
                Ok(applied.answer)
            }
            Err(refusal) => {
                assert_eq!(before, self.model.snapshot(), "a refusal changes nothing");
                Err(refusal)
            }
        }
    }

    pub(super) fn apply(&mut self, command: Command) -> Answer {
        self.try_apply(command).unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    /// The changes that a command brings about.
    pub(super) fn changes(&mut self, command: Command) -> Vec<Change> {
        self.events.clear();
        self.apply(command);
        self.events.iter().map(|event| event.change.clone()).collect()
    }

    pub(super) fn observe(&mut self, n: u8, pods: &[ObservedPod]) -> &mut Self {
        let observations = pods.iter().cloned().map(Observation::PodPresent).collect();
        self.apply(Command::Observe { source: source(n), observations });
        self
    }

    pub(super) fn gone(&mut self, n: u8, name: &str) -> &mut Self {
        let observations = vec![Observation::PodGone(PodKey::new("shop", name).unwrap())];
        self.apply(Command::Observe { source: source(n), observations });
        self
    }

    pub(super) fn register(&mut self, n: u8) -> &mut Self {
        self.apply(Command::RegisterScanner(registration(n, None)));
        self
    }

    pub(super) fn next_lease_id(&mut self) -> LeaseId {
        self.next_lease += 1;
        LeaseId::from_bits(self.next_lease)
    }

    pub(super) fn ask(&mut self, n: u8) -> Option<Box<Grant>> {
        self.ask_holding(n, &[])
    }

    pub(super) fn ask_holding(&mut self, n: u8, holds: &[u8]) -> Option<Box<Grant>> {
        let id = self.next_lease_id();
        let holds = holds.iter().map(|n| digest(*n)).collect();
        match self.apply(Command::Lease { scanner: scanner(n), holds, id }) {
            Answer::Lease(grant) => grant,
            other => panic!("{other:?}"),
        }
    }

    /// One image, leased by scanner 1.
    pub(super) fn leased() -> (Self, LeaseId) {
        let mut world = World::new();
        world.observe(1, &[pod("a", &[Some(1)])]).register(1);
        let lease = world.ask(1).unwrap().lease;
        (world, lease)
    }

    pub(super) fn report(&mut self, lease: LeaseId, report: Report) -> Answer {
        self.apply(Command::Report { lease, report: Box::new(report) })
    }

    pub(super) fn stage(&self, n: u8) -> Option<Stage> {
        self.model.stage(&digest(n))
    }
}
