//! Pods come, change and go.

use super::world::*;
use crate::*;
use api_vocab::*;
use std::time::Duration;

fn id(n: u8, name: &str) -> PodId {
    PodId { source: source(n).into(), key: PodKey::new("shop", name).unwrap() }
}

#[test]
fn pod_observed_queues_its_images() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1), Some(2)])]);
    assert_eq!((world.stage(1), world.stage(2)), (Some(Stage::Queued), Some(Stage::Queued)));
    assert_eq!(world.view.pods_of_image(&digest(1)), 1);
}

#[test]
fn pod_observed_again_unchanged_is_no_event() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1)])]);
    let observations = vec![Observation::PodPresent(pod("a", &[Some(1)]))];
    assert!(world.changes(Command::Observe { source: source(1), observations }).is_empty());
}

#[test]
fn pod_without_digest_is_unresolved_until_it_has_one() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[None])]);
    assert!(world.view.pod(&id(1, "a")).unwrap().is_unresolved());
    assert_eq!(world.view.totals().unresolved_containers, 1);
    world.observe(1, &[pod("a", &[Some(1)])]);
    assert!(!world.view.pod(&id(1, "a")).unwrap().is_unresolved());
    assert_eq!(world.view.totals().unresolved_containers, 0);
}

#[test]
fn reference_pinned_by_digest_names_the_image_before_the_runtime_does() {
    let mut world = World::new();
    let mut pinned = pod("a", &[None]);
    pinned.containers[0].reference = format!("registry.test/app@{}", digest(1)).into();
    world.observe(1, &[pinned]);
    assert_eq!(world.stage(1), Some(Stage::Queued));
}

#[test]
fn full_state_drops_what_it_does_not_name() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1)]), pod("b", &[Some(1)])]).observe(2, &[pod("a", &[Some(1)])]);
    world.apply(Command::ObserveAll { source: source(1), pods: vec![pod("b", &[Some(1)])] });
    assert!(world.view.pod(&id(1, "a")).is_none());
    assert!(world.view.pod(&id(1, "b")).is_some() && world.view.pod(&id(2, "a")).is_some());
    assert_eq!(world.view.source(&source(1)).unwrap().last_full_state, Some(world.now));
}

#[test]
fn pod_too_large_is_refused_and_the_rest_of_the_batch_is_taken() {
    let mut world = World::new();
    let mut large = pod("large", &[]);
    large.containers = vec![container(Some(1)); 129];
    let mut long = pod("long", &[Some(1)]);
    long.containers[0].reference = "a".repeat(2000).into();
    let mut labelled = pod("labelled", &[Some(1)]);
    labelled.labels = (0..65).map(|n| (format!("{n}").into(), "".into())).collect();
    let observations = [large, long, labelled, pod("a", &[Some(1)])].map(Observation::PodPresent).to_vec();
    let answer = world.apply(Command::Observe { source: source(1), observations });
    let Answer::Observed(observed) = answer else { panic!() };
    assert_eq!(observed.accepted, 1);
    assert_eq!(observed.refused.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn pod_refused_in_full_state_is_not_gone() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1)])]);
    let mut large = pod("a", &[]);
    large.containers = vec![container(Some(1)); 129];
    world.apply(Command::ObserveAll { source: source(1), pods: vec![large] });
    assert!(world.view.pod(&id(1, "a")).is_some());
}

#[test]
fn container_that_claims_many_digests_is_believed_some() {
    let mut world = World::new();
    let mut many = pod("a", &[Some(1)]);
    let claimed = |n: u16| {
        let mut bytes = [9; 32];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        format!("registry.test/app@{}", Digest::sha256(bytes)).parse().unwrap()
    };
    many.containers[0].repo_digests = (0..1_000).map(claimed).collect();
    world.observe(1, &[many]);
    let image = world.view.image(&digest(1)).unwrap();
    assert_eq!((image.aliases.len(), image.pulls.len()), (64, MAX_REFERENCES));
}

#[test]
fn source_forgotten_takes_its_pods_along() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1)])]);
    world.apply(Command::ForgetSource { source: source(1) });
    assert_eq!((world.view.pod_count(), world.view.source_count()), (0, 0));
    let again = world.try_apply(Command::ForgetSource { source: source(1) });
    assert_eq!(again, Err(Refusal::UnknownSource(source(1))));
}

#[test]
fn heartbeat_within_a_second_is_no_event() {
    let mut world = World::new();
    world.apply(Command::Heartbeat { source: source(1) });
    world.pass(Duration::from_millis(500));
    assert!(world.changes(Command::Heartbeat { source: source(1) }).is_empty());
    world.pass(Duration::from_millis(500));
    assert_eq!(world.changes(Command::Heartbeat { source: source(1) }).len(), 1);
}

#[test]
fn labels_of_one_name_keep_the_last_sorted() {
    let mut world = World::new();
    let mut labelled = pod("a", &[]);
    labelled.labels = [("b", "1"), ("a", "1"), ("b", "2")].map(|(k, v)| (k.into(), v.into())).to_vec();
    world.observe(1, &[labelled]);
    let pod = world.view.pod(&id(1, "a")).unwrap();
    let labels: Vec<_> = pod.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(labels, [("a", "1"), ("b", "2")]);
}
