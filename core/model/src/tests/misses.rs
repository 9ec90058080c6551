//! An image that is not within one scanner's reach is offered to others before it has failed.

use super::world::*;
use crate::*;
use std::time::Duration;

const NODE: Reach = Reach::Node;
const REGISTRY: Reach = Reach::Registry;

fn join(world: &mut World, n: u8, node: Option<&str>, reach: Reach) {
    world.apply(Command::RegisterScanner(Registration { reach, max_leases: 8, ..registration(n, node) }));
}

/// A world in which these nodes run the image, each with a scanner of its number.
fn on_nodes(nodes: &[u8]) -> World {
    let mut world = World::new();
    let at = |n: &u8| ObservedPod {
        node: Some(format!("node-{n}").into()),
        ..pod(&format!("pod-{n}"), &[Some(1)])
    };
    world.observe(1, &nodes.iter().map(at).collect::<Vec<_>>());
    nodes.iter().for_each(|n| join(&mut world, *n, Some(&format!("node-{n}")), NODE));
    world
}

/// The scanner asks, gets the image, and does not have it.
fn miss(world: &mut World, n: u8, kind: FailureKind) {
    let grant = world.ask(n).unwrap_or_else(|| panic!("scanner {n} gets nothing"));
    let failure = Failure { kind, out_of_reach: true, ..transient(&format!("none at {n}")) };
    world.apply(Command::Fail { lease: grant.lease, failure });
}

fn reason(world: &World) -> String {
    world.view.image(&digest(1)).unwrap().reason().unwrap_or_default().to_owned()
}

#[test]
fn image_damaged_on_its_node_is_left_to_a_registry_at_once() {
    let mut world = on_nodes(&[1]);
    join(&mut world, 2, None, REGISTRY);
    miss(&mut world, 1, FailureKind::Permanent);
    assert_eq!(world.stage(1), Some(Stage::Queued));
    assert_eq!(world.ask(1), None, "its node does not have it");
    let grant = world.ask(2).unwrap();
    assert_eq!(grant.attempt, 1, "that another does not have it is no failure");
    world.report(grant.lease, a_report(&[1]));
    assert_eq!(world.stage(1), Some(Stage::Scanned));
}

#[test]
fn image_missed_on_one_node_is_offered_to_another() {
    let mut world = on_nodes(&[1, 2]);
    join(&mut world, 3, Some("node-3"), NODE);
    miss(&mut world, 1, FailureKind::Transient);
    assert_eq!((world.ask(1), world.ask(3)), (None, None), "one missed it, one does not run it");
    assert!(world.ask(2).is_some());
}

#[test]
fn image_that_the_asking_scanner_holds_is_offered_to_it_though_another_missed_it() {
    let mut world = on_nodes(&[1, 2]);
    join(&mut world, 3, Some("node-3"), NODE);
    miss(&mut world, 1, FailureKind::Transient);
    assert!(world.ask_holding(3, &[1]).is_some());
}

#[test]
fn image_that_nobody_has_for_good_is_unscannable_with_all_reasons() {
    let mut world = on_nodes(&[1, 2]);
    join(&mut world, 3, None, REGISTRY);
    for n in 1..4 {
        miss(&mut world, n, FailureKind::Permanent);
    }
    assert_eq!(world.stage(1), Some(Stage::Unscannable));
    assert_eq!(reason(&world), "scanner-1: none at 1; scanner-2: none at 2; scanner-3: none at 3");
}

#[test]
fn image_that_only_nodes_were_asked_for_is_tried_again_until_attempts_are_spent() {
    let mut world = on_nodes(&[1]);
    for attempt in 1..Settings::default().max_attempts {
        miss(&mut world, 1, FailureKind::Permanent);
        assert_eq!((world.stage(1), &*reason(&world)), (Some(Stage::Backoff), "none at 1"), "{attempt}");
        world.pass(Settings::default().backoff_longest).apply(Command::Sweep);
        join(&mut world, 1, Some("node-1"), NODE);
    }
    miss(&mut world, 1, FailureKind::Permanent);
    assert_eq!(world.stage(1), Some(Stage::Unscannable));
    assert_eq!(reason(&world), "5 attempts failed; the last: none at 1");
}

#[test]
fn image_missed_by_all_but_a_scanner_that_is_gone_is_offered_again() {
    let mut world = on_nodes(&[1]);
    join(&mut world, 2, None, REGISTRY);
    miss(&mut world, 1, FailureKind::Transient);
    for _ in 0..2 {
        world.pass(Settings::default().scanner_unseen / 2);
        join(&mut world, 1, Some("node-1"), NODE);
    }
    world.apply(Command::Sweep);
    assert!(world.view.scanner(&scanner(2)).is_none());
    assert!(world.ask(1).is_some(), "it does not wait for one that is no more");
}

#[test]
fn image_missed_on_many_nodes_is_left_to_registries() {
    let nodes: Vec<u8> = (1..9).collect();
    let mut world = on_nodes(&nodes);
    join(&mut world, 9, None, REGISTRY);
    for n in 1..5 {
        miss(&mut world, n, FailureKind::Transient);
    }
    assert_eq!(world.ask(5), None, "enough nodes were asked");
    miss(&mut world, 9, FailureKind::Transient);
    assert_eq!(world.stage(1), Some(Stage::Backoff), "that was an attempt");
    world.pass(Duration::from_secs(10)).apply(Command::Sweep);
    assert!(world.ask(1).is_some(), "the next attempt asks everybody");
}

#[test]
fn image_missed_and_asked_for_by_a_person_still_knows_who_missed_it() {
    let mut world = on_nodes(&[1, 2]);
    miss(&mut world, 1, FailureKind::Transient);
    world.apply(Command::Rescan { image: digest(1) });
    assert_eq!(world.ask(1), None);
    assert!(world.ask(2).is_some());
}

#[test]
fn images_missed_do_not_stand_in_the_way_of_others() {
    let mut world = World::new();
    let images: Vec<_> = (1..4).map(|n| pod(&format!("pod-{n}"), &[Some(n)])).collect();
    let unplaced = images.into_iter().map(|pod| ObservedPod { node: None, ..pod }).collect::<Vec<_>>();
    world.observe(1, &unplaced);
    join(&mut world, 1, None, REGISTRY);
    join(&mut world, 2, None, REGISTRY);
    miss(&mut world, 1, FailureKind::Transient);
    let next = [1, 1].map(|n| world.ask(n).map(|grant| grant.image.as_bytes()[0]));
    assert_eq!(next, [Some(2), Some(3)]);
    assert_eq!(world.ask(1), None);
    assert_eq!(world.ask(2).map(|grant| grant.image.as_bytes()[0]), Some(1));
}
