//! What a follower is told, and what not twice.

use super::*;
use api_vocab::{ContainerKind, PodPhase, ReportedImage, Timestamp};
use core_model::{
    Command, Event, Finding, Model, Observation, ObservedContainer, ObservedPod, PackageFindings, PackageId,
    Reach, Registration, Report, Settings, View, Vulnerability,
};

/// A model whose view and stream follow it.
struct World {
    model: Model,
    view: View,
    stream: EventStream,
}

fn source() -> SourceId {
    "docker/host-1".parse().unwrap()
}

fn pod(name: &str, images: &[u8]) -> Observation {
    let container = |n: &u8| ObservedContainer {
        name: format!("c{n}").into(),
        kind: ContainerKind::Regular,
        reference: "x".into(),
        reported: Some(ReportedImage { digest: Digest::sha256([*n; 32]), reference: None }),
        repo_digests: Vec::new(),
    };
    Observation::PodPresent(ObservedPod {
        key: PodKey::new("shop", name).unwrap(),
        uid: name.into(),
        node: None,
        owner: None,
        phase: PodPhase::Running,
        started_at: None,
        labels: Vec::new(),
        context: Default::default(),
        containers: images.iter().map(container).collect(),
    })
}

impl World {
    fn new() -> Self {
        let model = Model::new(Settings::default());
        World { model, view: View::default(), stream: EventStream::after(0) }
    }

    fn apply(&mut self, commands: Vec<Command>) {
        let mut events: Vec<Event> = Vec::new();
        for command in commands {
            events.extend(self.model.apply(command, Timestamp::from_millis(1)).unwrap().events);
        }
        events.iter().for_each(|event| self.view.fold(event));
        self.stream.publish(events.iter().filter_map(Event::notice), self.model.last_event());
    }

    fn observe(&mut self, observations: Vec<Observation>) {
        self.apply(vec![Command::Observe { source: source(), observations }]);
    }

    fn telling(&self) -> Telling {
        Telling::new(source(), Thresholds::default(), &self.stream)
    }

    /// Everything that is to be told now: names of pods, and `whole`.
    fn told(&self, telling: &mut Telling) -> Vec<String> {
        self.told_while(telling, false)
    }

    fn told_while(&self, telling: &mut Telling, hold: bool) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            let lines = telling.lines(Fleet::of(&self.view), &self.stream, hold);
            if lines.is_empty() {
                return told;
            }
            told.extend(lines.into_iter().map(|line| match line {
                StandingLine::Pod { pod } => pod.key,
                StandingLine::Whole => "whole".to_owned(),
                other => format!("{other:?}"),
            }));
        }
    }
}

/// A scanner comes and takes so many images.
fn leases(count: u8) -> Vec<Command> {
    let name: api_vocab::ScannerName = "s".parse().unwrap();
    let register = Command::RegisterScanner(Registration {
        name: name.clone(),
        version: "1".into(),
        extractor_set: "set".parse().unwrap(),
        node: None,
        sources: Vec::new(),
        platforms: Vec::new(),
        max_leases: 8,
        reach: Reach::Sources,
    });
    let lease = |n: u8| Command::Lease {
        scanner: name.clone(),
        holds: Vec::new(),
        id: api_vocab::LeaseId::from_bits(n.into()),
    };
    std::iter::once(register).chain((0..count).map(lease)).collect()
}

#[test]
fn pod_is_told_once_whatever_happened_to_it_and_its_images() {
    let mut world = World::new();
    world.observe(vec![pod("a", &[1, 2, 3]), pod("b", &[3]), pod("c", &[4])]);
    let mut telling = world.telling();
    assert_eq!(world.told(&mut telling), ["shop/a", "shop/b", "shop/c", "whole"]);
    assert!(world.told(&mut telling).is_empty());
    let mut commands = leases(3);
    commands.push(Command::Observe { source: source(), observations: vec![pod("a", &[1, 2, 3, 5])] });
    world.apply(commands);
    assert_eq!(world.told(&mut telling), ["shop/a", "shop/b"]);
}

#[test]
fn pods_more_than_a_page_are_each_told_once() {
    let mut world = World::new();
    let names: Vec<String> = (0..200).map(|n| format!("pod-{n:03}")).collect();
    world.observe(names.iter().map(|name| pod(name, &[1])).collect());
    let mut telling = world.telling();
    let mut expected: Vec<String> = names.iter().map(|name| format!("shop/{name}")).collect();
    expected.push("whole".to_owned());
    assert_eq!(world.told(&mut telling), expected);
    expected.pop();
    world.observe(names.iter().map(|name| pod(name, &[1, 2])).collect());
    assert_eq!(world.told(&mut telling), expected);
}

#[test]
fn follower_that_missed_too_much_is_told_everything_anew() {
    let mut world = World::new();
    world.observe(vec![pod("a", &[1])]);
    let mut telling = world.telling();
    world.told(&mut telling);
    world.observe((0..16_400).map(|n| pod(&format!("pod-{n}"), &[1])).collect());
    let told = world.told(&mut telling);
    assert_eq!((&*told[0], told.last().map(|last| &**last), told.len()), ("shop/a", Some("whole"), 16_402));
}

#[test]
fn what_happens_while_the_list_is_told_follows_it() {
    let mut world = World::new();
    world.observe((0..100).map(|n| pod(&format!("pod-{n:03}"), &[1])).collect());
    let mut telling = world.telling();
    let first = telling.lines(Fleet::of(&world.view), &world.stream, false);
    assert_eq!(first.len(), PAGE);
    world.observe(vec![pod("pod-000", &[2]), pod("pod-999", &[2])]);
    let rest = world.told(&mut telling);
    let whole = rest.iter().position(|line| line == "whole").unwrap();
    assert!(rest[..whole].contains(&"shop/pod-999".to_owned()));
    assert_eq!(rest[whole + 1..], ["shop/pod-000", "shop/pod-999"]);
}

/// Matching says of the first package that it has so many findings.
fn matched(count: u32) -> Command {
    let finding = |n| Finding {
        vulnerability: Arc::new(Vulnerability {
            id: format!("CVE-{n}").into(),
            aliases: Vec::new(),
            severity: api_vocab::Severity::High,
            score: None,
            summary: "".into(),
            url: None,
            published: None,
        }),
        fix: None,
    };
    let findings = (0..count).map(finding).collect();
    let package = PackageFindings { package: PackageId::new(0), findings, undecided: 0 };
    Command::Match { revision: "r".parse().unwrap(), findings: vec![package] }
}

fn report() -> Command {
    let report = Report {
        identity: Default::default(),
        layers: Vec::new(),
        packages: vec![api_vocab::Package::new("Debian:12".parse().unwrap(), "bash", "1").unwrap()],
        distro: None,
        problems: Vec::new(),
        extractor_set: "set".parse().unwrap(),
        engine: "native".into(),
        fetched_from: "docker".into(),
    };
    Command::Report { lease: api_vocab::LeaseId::from_bits(0), report: Box::new(report) }
}

fn a_matched_world() -> World {
    let mut world = World::new();
    world.observe(vec![pod("a", &[1])]);
    let revision =
        Command::ChangeRevision { revision: "r".parse().unwrap(), below: u32::MAX, findings: Vec::new() };
    world.apply(leases(1));
    world.apply(vec![revision, report(), matched(0)]);
    world
}

#[test]
fn pod_whose_findings_change_again_and_again_is_told_once_at_the_end() {
    let mut world = a_matched_world();
    let mut telling = world.telling();
    assert_eq!(world.told(&mut telling), ["shop/a", "whole"]);
    for count in 1..20 {
        world.apply(vec![matched(count)]);
        assert!(world.told_while(&mut telling, true).is_empty());
    }
    world.observe(vec![pod("b", &[2])]);
    assert_eq!(world.told_while(&mut telling, true), ["shop/b"], "others do not wait");
    assert_eq!(world.told(&mut telling), ["shop/a"]);
    assert!(world.told(&mut telling).is_empty());
    world.apply(vec![matched(20)]);
    assert_eq!(world.told(&mut telling), ["shop/a"], "at once where nothing is held");
}

#[test]
fn images_too_many_to_hold_back_have_all_told_anew() {
    let world = a_matched_world();
    let mut telling = world.telling();
    world.told(&mut telling);
    for n in 0..=u32::try_from(MAX_HELD).unwrap() {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        telling.held.add(Some(Digest::sha256(bytes)));
    }
    assert!(telling.held.images.is_empty());
    assert!(world.told_while(&mut telling, true).is_empty());
    assert_eq!(world.told(&mut telling), ["shop/a", "whole"]);
}

#[test]
fn image_scanned_is_told_once_its_packages_are_matched() {
    let mut world = World::new();
    world.observe(vec![pod("a", &[1])]);
    let revision =
        Command::ChangeRevision { revision: "r".parse().unwrap(), below: u32::MAX, findings: Vec::new() };
    world.apply(vec![revision]);
    let mut telling = world.telling();
    world.told(&mut telling);
    world.apply(leases(1));
    assert_eq!(world.told(&mut telling), ["shop/a"], "it is being scanned");
    world.apply(vec![report()]);
    assert!(world.told(&mut telling).is_empty());
    world.apply(vec![matched(0)]);
    assert_eq!(world.told(&mut telling), ["shop/a"]);
}
