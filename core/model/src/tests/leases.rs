//! Who gets which image, for how long, and how it ends.

use super::world::*;
use crate::*;
use api_vocab::*;
use std::time::Duration;

#[test]
fn lease_granted_once_is_not_granted_again() {
    let (mut world, _) = World::leased();
    assert_eq!(world.stage(1), Some(Stage::Leased));
    world.register(2);
    assert_eq!(world.ask(2), None);
}

#[test]
fn lease_of_unregistered_scanner_is_refused() {
    let mut world = World::new();
    let command = Command::Lease { scanner: scanner(9), holds: vec![], id: LeaseId::from_bits(1) };
    assert_eq!(world.try_apply(command), Err(Refusal::UnknownScanner(scanner(9))));
}

#[test]
fn lease_beyond_the_scanners_maximum_is_refused() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1), Some(2), Some(3)])]).register(1);
    assert!(world.ask(1).is_some() && world.ask(1).is_some());
    let command = Command::Lease { scanner: scanner(1), holds: vec![], id: LeaseId::from_bits(77) };
    assert_eq!(world.try_apply(command), Err(Refusal::TooManyLeases { scanner: scanner(1), max: 2 }));
}

#[test]
fn registration_without_room_for_a_lease_is_refused() {
    let mut world = World::new();
    for asked in [0, 65] {
        let registration = Registration { max_leases: asked, ..registration(1, None) };
        let refused = world.try_apply(Command::RegisterScanner(registration));
        assert_eq!(refused, Err(Refusal::LeasesOutOfRange { scanner: scanner(1), asked, max: 64 }));
    }
}

#[test]
fn lease_id_in_use_is_refused() {
    let (mut world, lease) = World::leased();
    let command = Command::Lease { scanner: scanner(1), holds: vec![], id: lease };
    assert_eq!(world.try_apply(command), Err(Refusal::LeaseExists(lease)));
}

#[test]
fn lease_renewed_lasts_longer() {
    let (mut world, lease) = World::leased();
    world.pass(Duration::from_secs(60));
    let until = world.now + Duration::from_secs(90);
    assert_eq!(world.apply(Command::Renew { lease }), Answer::Renewed { until });
}

#[test]
fn lease_expired_report_is_refused() {
    let (mut world, lease) = World::leased();
    world.pass(Duration::from_secs(90));
    let report = Command::Report { lease, report: Box::new(a_report(&[])) };
    assert_eq!(world.try_apply(report.clone()), Err(Refusal::LeaseExpired(lease)));
    world.apply(Command::Sweep);
    assert_eq!(world.stage(1), Some(Stage::Backoff));
    assert_eq!(world.try_apply(report), Err(Refusal::LeaseLost(lease)));
}

#[test]
fn lease_reported_twice_is_refused() {
    let (mut world, lease) = World::leased();
    world.report(lease, a_report(&[1]));
    assert_eq!(world.stage(1), Some(Stage::Scanned));
    let again = world.try_apply(Command::Report { lease, report: Box::new(a_report(&[1])) });
    assert_eq!(again, Err(Refusal::LeaseLost(lease)));
}

#[test]
fn report_with_problems_is_partial() {
    let (mut world, lease) = World::leased();
    let problems = vec![Problem::new(ProblemCode::Truncated, "x", "ends early"); MAX_PROBLEMS + 1];
    world.report(lease, Report { problems, ..a_report(&[1]) });
    assert_eq!(world.stage(1), Some(Stage::Partial));
    let scan = world.view.image(&digest(1)).unwrap().scan.clone().unwrap();
    assert_eq!((scan.problems.len(), scan.problem_count), (MAX_PROBLEMS, 101));
}

#[test]
fn report_of_too_many_layers_is_refused() {
    let (mut world, lease) = World::leased();
    let report = Report { layers: vec![digest(3); 513], ..a_report(&[]) };
    let refused = world.try_apply(Command::Report { lease, report: Box::new(report) });
    assert_eq!(refused, Err(Refusal::TooManyLayers { count: 513, max: 512 }));
}

#[test]
fn failure_for_good_is_unscannable_with_its_reason() {
    let (mut world, lease) = World::leased();
    let failure = Failure { kind: FailureKind::Permanent, ..transient(&"é".repeat(1000)) };
    world.apply(Command::Fail { lease, failure });
    let image = world.view.image(&digest(1)).unwrap();
    assert_eq!((image.stage(), image.reason().map(str::len)), (Stage::Unscannable, Some(1024)));
}

#[test]
fn failures_spent_are_unscannable() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1)])]).register(1);
    for attempt in 1..=5 {
        let grant = world.ask(1).unwrap();
        assert_eq!(grant.attempt, attempt);
        world.apply(Command::Fail { lease: grant.lease, failure: transient("slow") });
        world.pass(Duration::from_secs(1800)).register(1).apply(Command::Sweep);
    }
    let image = world.view.image(&digest(1)).unwrap();
    assert_eq!(image.reason(), Some("5 attempts failed; the last: slow"));
}

#[test]
fn unscannable_seen_in_a_new_place_is_queued() {
    let (mut world, lease) = World::leased();
    let failure = Failure { kind: FailureKind::Permanent, ..transient("no such image") };
    world.apply(Command::Fail { lease, failure });
    world.observe(1, &[pod("b", &[Some(1)])]);
    assert_eq!(world.stage(1), Some(Stage::Unscannable));
    world.observe(2, &[pod("a", &[Some(1)])]);
    assert_eq!(world.stage(1), Some(Stage::Queued));
}

#[test]
fn image_of_the_scanners_node_comes_first_but_nothing_starves() {
    let mut world = World::new();
    let mut elsewhere = pod("a", &[Some(1)]);
    elsewhere.node = Some("node-2".into());
    world.observe(1, &[elsewhere]).pass(Duration::from_secs(60));
    world.observe(1, &[pod("b", &[Some(2)]), pod("c", &[Some(3)])]);
    world.apply(Command::RegisterScanner(registration(1, Some("node-1"))));
    assert_eq!(*world.ask(1).unwrap().image, digest(2));
    world.pass(Duration::from_secs(3600)).observe(1, &[pod("d", &[Some(4)])]);
    world.apply(Command::RegisterScanner(registration(2, Some("node-1"))));
    let order: Vec<_> = [1, 2].map(|n| world.ask(n).unwrap().image.as_bytes()[0]).to_vec();
    assert_eq!(order, [3, 1]);
}

#[test]
fn image_that_the_node_holds_comes_first() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1), Some(2)])]).register(1);
    let id = world.next_lease_id();
    let answer = world.apply(Command::Lease { scanner: scanner(1), holds: vec![digest(2)], id });
    let Answer::Lease(Some(grant)) = answer else { panic!() };
    assert_eq!(*grant.image, digest(2));
}

#[test]
fn running_image_comes_before_an_idle_one() {
    let mut world = World::new();
    let mut ended = pod("a", &[Some(1)]);
    ended.phase = PodPhase::Succeeded;
    world.observe(1, &[ended]).pass(Duration::from_secs(60)).observe(1, &[pod("b", &[Some(2)])]).register(1);
    assert_eq!(*world.ask(1).unwrap().image, digest(2));
}

#[test]
fn scanner_of_other_sources_or_platforms_gets_nothing() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1)])]);
    let elsewhere = Registration { sources: vec![source(2)], ..registration(1, None) };
    world.apply(Command::RegisterScanner(elsewhere));
    assert_eq!(world.ask(1), None);
    let here = Registration { sources: vec![source(1)], ..registration(1, None) };
    world.apply(Command::RegisterScanner(here));
    let lease = world.ask(1).unwrap().lease;
    let platform: Option<Platform> = "linux/arm64".parse().ok();
    let identity = Identity { platform, ..Identity::default() };
    world.apply(Command::AskLayers { lease, identity, layers: vec![], extractor_set: extractors(1) });
    world.apply(Command::Fail { lease, failure: transient("slow") });
    world.pass(Duration::from_secs(60)).apply(Command::Sweep);
    let other = Registration { platforms: vec!["linux/amd64".parse().unwrap()], ..registration(2, None) };
    world.apply(Command::RegisterScanner(other));
    assert_eq!(world.ask(2), None);
    assert!(world.ask(1).is_some());
}

fn layers(world: &mut World, lease: LeaseId, layers: &[u8]) -> LayerAnswer {
    let layers = layers.iter().map(|n| digest(*n)).collect();
    let (identity, extractor_set) = (Identity::default(), extractors(1));
    match world.apply(Command::AskLayers { lease, identity, layers, extractor_set }) {
        Answer::Layers(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn layer_is_granted_to_one_lease_then_known_to_all() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1), Some(2)])]).register(1);
    let (one, other) = (world.ask(1).unwrap().lease, world.ask(1).unwrap().lease);
    assert_eq!(layers(&mut world, one, &[10, 11, 10]).unknown, [digest(10), digest(11)]);
    let answer = layers(&mut world, other, &[10, 12]);
    assert_eq!((answer.busy, answer.unknown), (vec![digest(10)], vec![digest(12)]));
    let command = Command::LayerExtracted { lease: one, diff_id: digest(10), extractor_set: extractors(1) };
    world.apply(command.clone());
    assert!(world.changes(command).is_empty());
    assert_eq!(layers(&mut world, other, &[10]).known, [digest(10)]);
}

#[test]
fn layer_of_an_expired_lease_is_granted_to_another() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1), Some(2)])]).register(1);
    let one = world.ask(1).unwrap().lease;
    layers(&mut world, one, &[10]);
    world.pass(Duration::from_secs(90));
    let other = world.ask(1).unwrap().lease;
    assert_eq!(layers(&mut world, other, &[10]).unknown, [digest(10)]);
}

#[test]
fn layers_of_a_failed_lease_are_free_again() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1), Some(2)])]).register(1);
    let (one, other) = (world.ask(1).unwrap().lease, world.ask(1).unwrap().lease);
    layers(&mut world, one, &[10]);
    world.apply(Command::Fail { lease: one, failure: transient("x") });
    assert_eq!(layers(&mut world, other, &[10]).unknown, [digest(10)]);
}

/// A pod of image 1 on a node that is this platform.
fn pod_on(name: &str, node: &str, platform: &str) -> ObservedPod {
    let mut pod = pod(name, &[Some(1)]);
    pod.node = Some(node.into());
    pod.context.platform = (!platform.is_empty()).then(|| platform.parse().unwrap());
    pod
}

#[test]
fn lease_names_the_platform_of_the_asking_node_else_of_most_pods_that_the_scanner_reads() {
    let fleet = [
        ("a", "arm-1", "linux/arm64"),
        ("b", "arm-2", "linux/arm64"),
        ("c", "amd-1", "linux/amd64"),
        ("d", "unknown-1", ""),
    ];
    for (node, reads, expected) in [
        (None, "", Some("linux/arm64")),
        (Some("amd-1"), "", Some("linux/amd64")),
        (Some("arm-2"), "", Some("linux/arm64")),
        (Some("unknown-1"), "", Some("linux/arm64")),
        (Some("elsewhere"), "linux/amd64", Some("linux/amd64")),
        (None, "linux/s390x", None),
    ] {
        let mut world = World::new();
        world.observe(1, &fleet.map(|(name, node, platform)| pod_on(name, node, platform)));
        let platforms = reads.parse().into_iter().collect();
        world.apply(Command::RegisterScanner(Registration { platforms, ..registration(1, node) }));
        let grant = world.ask(1).unwrap();
        let runs_on = grant.runs_on.map(|platform| platform.to_string());
        assert_eq!((runs_on.as_deref(), grant.platform), (expected, None), "{node:?} {reads:?}");
    }
}

#[test]
fn lease_of_an_image_that_as_many_pods_run_on_two_platforms_names_the_same_one_always() {
    for order in [["linux/amd64", "linux/arm64"], ["linux/arm64", "linux/amd64"]] {
        let mut world = World::new();
        world.observe(1, &[pod_on("a", "node-1", order[0]), pod_on("b", "node-2", order[1])]);
        let runs_on = world.register(1).ask(1).unwrap().runs_on;
        assert_eq!(runs_on, "linux/amd64".parse().ok());
    }
}
