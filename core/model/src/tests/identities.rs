//! Which digests are one image.

use super::world::*;
use crate::*;
use api_vocab::*;

fn repo(n: u8) -> ImageRef {
    format!("registry.test/app@{}", digest(n)).parse().unwrap()
}

/// A pod on a classic Docker engine: the image id is a config digest.
fn docker(name: &str, config: u8, manifests: &[u8]) -> ObservedPod {
    let mut pod = pod(name, &[Some(config)]);
    pod.containers[0].repo_digests = manifests.iter().map(|n| repo(*n)).collect();
    pod
}

fn ask(world: &mut World, lease: LeaseId, config: u8, index: Option<u8>) -> LayerAnswer {
    let identity = Identity { config: Some(digest(config)), index: index.map(digest), ..Identity::default() };
    let layers = vec![digest(100)];
    match world.apply(Command::AskLayers { lease, identity, layers, extractor_set: extractors(1) }) {
        Answer::Layers(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn digests_of_one_docker_image_are_aliases() {
    let mut world = World::new();
    world.observe(1, &[docker("a", 1, &[2, 3])]);
    let image = world.view.image(&digest(3)).unwrap();
    assert_eq!((&*image.key, &image.aliases), (&digest(1), &vec![digest(2), digest(3)]));
    assert_eq!(image.pulls.len(), 2);
    assert_eq!(world.view.image_count(), 1);
}

#[test]
fn image_seen_by_index_first_is_joined_by_docker() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(2)])]).observe(2, &[docker("b", 1, &[2])]);
    assert_eq!(world.view.image_count(), 1);
    assert_eq!(world.view.pods_of_image(&digest(2)), 2);
}

#[test]
fn one_index_with_two_configs_stays_two_images() {
    let mut world = World::new();
    world.observe(1, &[docker("amd64", 1, &[9])]).observe(2, &[docker("arm64", 2, &[9])]);
    assert_eq!(world.view.image_count(), 2);
    assert_ne!(world.view.image(&digest(1)).unwrap().key, world.view.image(&digest(2)).unwrap().key);
}

#[test]
fn images_found_to_be_one_are_merged_and_pods_repointed() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1)]), pod("b", &[Some(2)])]).register(1);
    let (one, other) = (world.ask(1).unwrap(), world.ask(1).unwrap());
    let report =
        Report { identity: Identity { config: Some(digest(9)), ..Identity::default() }, ..a_report(&[1]) };
    world.report(one.lease, report);
    let answer = ask(&mut world, other.lease, 9, None);
    assert!(answer.settled && answer.known == [digest(100)]);
    assert_eq!(world.view.image_count(), 1);
    assert_eq!(world.view.pods_of_image(&one.image), 2);
    assert_eq!(world.view.image(&other.image).unwrap().stage(), Stage::Scanned);
    assert!(world.events.iter().any(|event| matches!(event.change, Change::ImageMerged { .. })));
    let late = world.try_apply(Command::Renew { lease: other.lease });
    assert_eq!(late, Err(Refusal::LeaseLost(other.lease)));
}

#[test]
fn leased_images_found_to_be_one_keep_the_asking_lease() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1)]), pod("b", &[Some(2)])]).register(1);
    let (one, other) = (world.ask(1).unwrap().lease, world.ask(1).unwrap().lease);
    ask(&mut world, one, 9, None);
    assert!(!ask(&mut world, other, 9, None).settled);
    assert_eq!(world.view.image_count(), 1);
    assert_eq!(world.try_apply(Command::Renew { lease: one }), Err(Refusal::LeaseLost(one)));
    world.apply(Command::Renew { lease: other });
}

#[test]
fn report_of_known_content_answers_the_key_that_stays() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1)]), pod("b", &[Some(2)])]).register(1);
    let (one, other) = (world.ask(1).unwrap(), world.ask(1).unwrap());
    let same = || Identity { config: Some(digest(9)), ..Identity::default() };
    world.report(one.lease, Report { identity: same(), ..a_report(&[1]) });
    let problems = vec![Problem::new(ProblemCode::Truncated, "x", "")];
    let answer = world.report(other.lease, Report { identity: same(), problems, ..a_report(&[2]) });
    let Answer::Reported { image, kept, unmatched } = answer else { panic!() };
    assert_eq!(image, one.image, "complete is better than partial");
    assert_eq!((kept, unmatched.len()), (false, 1));
    assert_eq!(world.view.package_count(), 1, "the worse inventory's packages are forgotten");
}

#[test]
fn identity_that_contradicts_what_is_known_joins_nothing() {
    let mut world = World::new();
    world.observe(1, &[docker("a", 1, &[2])]).register(1);
    let lease = world.ask(1).unwrap().lease;
    ask(&mut world, lease, 7, Some(8));
    assert!(world.view.image(&digest(7)).is_none() && world.view.image(&digest(8)).is_none());
}
