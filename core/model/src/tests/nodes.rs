//! Images come to scanners of the nodes that run or hold them; others wait their while.

use super::world::*;
use crate::*;
use api_vocab::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(60);

/// A pod of a node; of none if it is not named.
fn pod_at(name: &str, node: &str, image: u8) -> ObservedPod {
    let mut pod = pod(name, &[Some(image)]);
    pod.node = Some(node).filter(|node| !node.is_empty()).map(Into::into);
    pod
}

fn join(world: &mut World, n: u8, node: Option<&str>, reach: Reach) {
    world.apply(Command::RegisterScanner(Registration { reach, max_leases: 8, ..registration(n, node) }));
}

fn asked(world: &mut World, n: u8) -> Option<u8> {
    world.ask(n).map(|grant| grant.image.as_bytes()[0])
}

#[test]
fn image_of_a_node_with_a_scanner_is_kept_for_it_however_long() {
    let mut world = World::new();
    world.observe(1, &[pod_at("a", "node-1", 1)]);
    join(&mut world, 1, Some("node-1"), Reach::Node);
    join(&mut world, 2, None, Reach::Registry);
    for _ in 0..3 {
        world.pass(WAIT);
        join(&mut world, 1, Some("node-1"), Reach::Node);
        assert_eq!(asked(&mut world, 2), None);
    }
    assert_eq!(asked(&mut world, 1), Some(1));
}

#[test]
fn image_of_a_node_without_scanner_goes_to_a_registry_after_a_while() {
    let mut world = World::new();
    world.observe(1, &[pod_at("a", "node-1", 1)]);
    join(&mut world, 1, Some("node-2"), Reach::Node);
    join(&mut world, 2, None, Reach::Registry);
    assert_eq!((asked(&mut world, 1), asked(&mut world, 2)), (None, None));
    let opens = world.now + WAIT;
    let swept = world.apply(Command::Sweep);
    assert_eq!(swept, Answer::Swept { next: Some(opens), opened: false });
    world.pass(WAIT);
    let swept = world.apply(Command::Sweep);
    assert!(matches!(swept, Answer::Swept { opened: true, .. }), "who waits is told: {swept:?}");
    assert!(matches!(world.apply(Command::Sweep), Answer::Swept { opened: false, .. }), "once");
    assert_eq!((asked(&mut world, 1), asked(&mut world, 2)), (None, Some(1)));
}

#[test]
fn image_of_a_scanner_that_is_gone_goes_to_a_registry() {
    let mut world = World::new();
    world.observe(1, &[pod_at("a", "node-1", 1)]);
    join(&mut world, 1, Some("node-1"), Reach::Node);
    world.pass(Settings::default().scanner_unseen);
    join(&mut world, 2, None, Reach::Registry);
    assert_eq!(asked(&mut world, 2), None);
    world.apply(Command::Sweep);
    assert_eq!(asked(&mut world, 2), Some(1));
}

#[test]
fn image_that_the_node_of_the_asking_scanner_holds_does_not_wait() {
    let mut world = World::new();
    world.observe(1, &[pod_at("a", "node-1", 1)]);
    join(&mut world, 1, Some("node-2"), Reach::Node);
    assert_eq!(world.ask_holding(1, &[1]).map(|grant| (*grant.image).clone()), Some(digest(1)));
}

#[test]
fn image_of_no_node_goes_to_a_registry_at_once_and_never_to_a_node() {
    let mut world = World::new();
    world.observe(1, &[pod_at("a", "", 1)]);
    join(&mut world, 1, Some("node-1"), Reach::Node);
    join(&mut world, 2, Some("node-2"), Reach::Registry);
    world.pass(WAIT * 10);
    join(&mut world, 1, Some("node-1"), Reach::Node);
    assert_eq!((asked(&mut world, 1), asked(&mut world, 2)), (None, Some(1)));
}

#[test]
fn image_whose_attempt_failed_on_its_node_is_anybodys() {
    let mut world = World::new();
    world.observe(1, &[pod_at("a", "node-1", 1)]);
    join(&mut world, 1, Some("node-1"), Reach::Node);
    let lease = world.ask(1).unwrap().lease;
    let failure = Failure { retry_after: Some(Duration::from_secs(40)), ..transient("discarded") };
    world.apply(Command::Fail { lease, failure });
    world.pass(Duration::from_secs(39)).apply(Command::Sweep);
    assert_eq!(world.stage(1), Some(Stage::Backoff), "not before it is of use");
    world.pass(Duration::from_secs(1)).apply(Command::Sweep);
    join(&mut world, 2, None, Reach::Registry);
    assert_eq!(asked(&mut world, 2), Some(1));
}

#[test]
fn nodes_of_one_name_in_two_sources_are_two() {
    let mut world = World::new();
    world.observe(1, &[pod_at("a", "node-1", 1)]).observe(2, &[pod_at("a", "node-1", 2)]);
    let only =
        |n| Registration { reach: Reach::Node, sources: vec![source(n)], ..registration(n, Some("node-1")) };
    world.apply(Command::RegisterScanner(only(2)));
    assert_eq!((asked(&mut world, 2), asked(&mut world, 2)), (Some(2), None));
    join(&mut world, 3, None, Reach::Registry);
    world.pass(WAIT);
    assert_eq!(asked(&mut world, 3), Some(1), "the other source's node has no scanner");
}

#[test]
fn scanner_that_says_nothing_is_given_all_images_of_its_sources_at_once() {
    let mut world = World::new();
    world.observe(1, &[pod_at("a", "node-1", 1)]).observe(2, &[pod_at("a", "node-1", 2)]);
    join(&mut world, 1, Some("node-1"), Reach::Node);
    let said = Registration { sources: vec![source(2)], ..registration(2, None) };
    world.apply(Command::RegisterScanner(said));
    assert_eq!((asked(&mut world, 2), asked(&mut world, 2)), (Some(2), None));
}

#[test]
fn lease_names_the_pull_secrets_of_its_pods() {
    let mut world = World::new();
    let with = |name: &str, secrets: &[&str]| {
        let mut pod = pod(name, &[Some(1)]);
        pod.context.pull_secrets = secrets.iter().map(|secret| Box::from(*secret)).collect();
        pod
    };
    world.observe(1, &[with("a", &["one", "two"]), with("b", &["two"])]).observe(2, &[with("c", &["one"])]);
    let many: Vec<String> = (0..40).map(|n| format!("secret-{n:02}")).collect();
    world.register(1);
    let lease = world.ask(1).unwrap();
    let named: Vec<String> = lease
        .pull_secrets
        .iter()
        .map(|secret| format!("{} {}/{}", secret.source, secret.namespace, secret.name))
        .collect();
    assert_eq!(named, ["docker/host-1 shop/one", "docker/host-1 shop/two", "docker/host-2 shop/one"]);
    world.apply(Command::Fail { lease: lease.lease, failure: transient("slow") });
    world.observe(1, &[with("d", &many.iter().map(String::as_str).collect::<Vec<_>>())]);
    world.pass(Duration::from_secs(60)).apply(Command::Sweep);
    assert_eq!(world.ask(1).unwrap().pull_secrets.len(), 16);
}

/// Something that happens to a fleet whose scanners come and go.
#[derive(Debug, Clone, Copy)]
enum Turn {
    /// A scanner starts on a node, or beside all of them.
    Join {
        scanner: u8,
        node: Option<u8>,
        reach: Reach,
    },
    /// It dies without a word.
    Die {
        scanner: u8,
    },
    /// It works for a while.
    Work {
        scanner: u8,
    },
    Pass(u8),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let reach = prop::sample::select(vec![Reach::Registry, Reach::Node, Reach::Registry]);
    let turn = prop_oneof![
        3 => (1..6_u8, prop::option::weighted(0.7, 0..4_u8), reach)
            .prop_map(|(scanner, node, reach)| Turn::Join { scanner, node, reach }),
        1 => (1..6_u8).prop_map(|scanner| Turn::Die { scanner }),
        6 => (1..6_u8).prop_map(|scanner| Turn::Work { scanner }),
        2 => (0..120_u8).prop_map(Turn::Pass),
    ];
    prop::collection::vec(turn, 1..60)
}

/// Scanners that live, with the leases that they hold, and how often each image was reported.
#[derive(Default)]
struct Fleet {
    alive: BTreeMap<u8, Vec<LeaseId>>,
    dead: Vec<LeaseId>,
    reported: BTreeMap<u8, u32>,
}

impl Fleet {
    fn turn(&mut self, world: &mut World, turn: Turn) {
        match turn {
            Turn::Join { scanner, node, reach } => {
                let node = node.map(|node| format!("node-{node}"));
                join(world, scanner, node.as_deref(), reach);
                self.alive.entry(scanner).or_default();
            }
            Turn::Die { scanner } => self.dead.extend(self.alive.remove(&scanner).unwrap_or_default()),
            Turn::Work { scanner } => self.work(world, scanner),
            Turn::Pass(seconds) => {
                world.pass(Duration::from_secs(seconds.into())).apply(Command::Sweep);
            }
        }
    }

    /// Report what it holds, and ask for more.
    fn work(&mut self, world: &mut World, scanner: u8) {
        let Some(leases) = self.alive.get_mut(&scanner) else { return };
        for lease in std::mem::take(leases) {
            let image = world.model.image_under(lease).map(|image| image.key.as_bytes()[0]);
            let report = Command::Report { lease, report: Box::new(a_report(&[1])) };
            if world.try_apply(report).is_ok() {
                *self.reported.entry(image.unwrap()).or_default() += 1;
            }
        }
        let id = world.next_lease_id();
        let asked = world.try_apply(Command::Lease { scanner: self::scanner(scanner), holds: vec![], id });
        if let Ok(Answer::Lease(Some(grant))) = asked {
            self.alive.entry(scanner).or_default().push(grant.lease);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scanners_that_come_and_go_scan_every_image_exactly_once(turns in turns()) {
        let patient = Settings { max_attempts: 100, ..Settings::default() };
        let (mut world, mut fleet) = (World::with(patient), Fleet::default());
        let pods: Vec<_> = (1..9_u8).map(|n| pod_at(&format!("pod-{n}"), &format!("node-{}", n % 5), n)).collect();
        world.observe(1, &pods);
        for turn in turns {
            fleet.turn(&mut world, turn);
        }
        // One scanner that reaches a registry is enough in the end, whoever else died.
        fleet.dead.extend(std::mem::take(&mut fleet.alive).into_values().flatten());
        world.pass(Duration::from_secs(1_900)).apply(Command::Sweep);
        for _ in 0..40 {
            fleet.turn(&mut world, Turn::Join { scanner: 9, node: None, reach: Reach::Registry });
            fleet.turn(&mut world, Turn::Work { scanner: 9 });
            fleet.turn(&mut world, Turn::Pass(61));
        }
        prop_assert!((1..9_u8).all(|n| fleet.reported.get(&n) == Some(&1)), "{:?}", fleet.reported);
        for lease in fleet.dead {
            let late = world.try_apply(Command::Report { lease, report: Box::new(a_report(&[1])) });
            prop_assert!(late.is_err(), "a lease that is over reports nothing");
        }
    }
}
