//! Images that sources list, whether pods run them or not.

use super::world::*;
use crate::*;
use std::time::Duration;

fn listed(n: u8) -> ObservedImage {
    let reference = format!("registry.test/stream:{n}");
    ObservedImage { digest: digest(n), references: vec![reference.into()], repo_digests: Vec::new() }
}

fn list(world: &mut World, n: u8, images: &[u8]) {
    let observations = images.iter().map(|n| Observation::ImagePresent(listed(*n))).collect();
    world.apply(Command::Observe { source: source(n), observations });
}

fn unlist(world: &mut World, n: u8, image: u8) {
    let observations = vec![Observation::ImageGone(digest(image))];
    world.apply(Command::Observe { source: source(n), observations });
}

#[test]
fn image_listed_is_scanned_after_those_that_run() {
    let mut world = World::new();
    list(&mut world, 1, &[1]);
    world.pass(Duration::from_secs(60)).observe(1, &[pod("a", &[Some(2)])]).register(1);
    let order = [1, 1].map(|n| world.ask(n).unwrap().image.as_bytes()[0]);
    assert_eq!(order, [2, 1]);
    let image = world.view.image(&digest(1)).unwrap();
    assert_eq!((&*image.references[0], image.sources.len()), ("registry.test/stream:1", 1));
}

#[test]
fn image_listed_again_is_no_event() {
    let mut world = World::new();
    list(&mut world, 1, &[1]);
    let observations = vec![Observation::ImagePresent(listed(1))];
    assert!(world.changes(Command::Observe { source: source(1), observations }).is_empty());
}

#[test]
fn image_is_retired_once_neither_pods_nor_sources_name_it() {
    let mut world = World::new();
    list(&mut world, 1, &[1]);
    list(&mut world, 2, &[1]);
    world.observe(1, &[pod("a", &[Some(1)])]).gone(1, "a");
    let later = |world: &mut World| {
        world.pass(Settings::default().retention * 2).apply(Command::Sweep);
        world.stage(1)
    };
    unlist(&mut world, 1, 1);
    assert_eq!(later(&mut world), Some(Stage::Queued), "the other source lists it");
    unlist(&mut world, 2, 1);
    assert_eq!(world.stage(1), Some(Stage::Queued), "for a while");
    assert_eq!(later(&mut world), None);
}

#[test]
fn image_listed_by_another_of_its_digests_stays_in_use() {
    let mut world = World::new();
    let mut docker = pod("a", &[Some(1)]);
    docker.containers[0].repo_digests = vec![format!("registry.test/app@{}", digest(2)).parse().unwrap()];
    world.observe(1, &[docker]);
    list(&mut world, 2, &[2]);
    world.gone(1, "a");
    assert_eq!(world.view.image(&digest(1)).unwrap().unused_since, None);
    assert_eq!(world.view.image_count(), 1);
}

#[test]
fn full_state_without_images_and_a_source_forgotten_list_nothing() {
    let mut world = World::new();
    list(&mut world, 1, &[1, 2]);
    let rest = |images: &[u8]| Command::ObserveRest {
        source: source(1),
        named: Named::default(),
        images: images.iter().map(|n| digest(*n)).collect(),
    };
    world.apply(rest(&[2]));
    let unused = |world: &World, n| world.view.image(&digest(n)).unwrap().unused_since.is_some();
    assert_eq!((unused(&world, 1), unused(&world, 2)), (true, false));
    world.apply(Command::ForgetSource { source: source(1) });
    assert!(unused(&world, 2) && world.model.snapshot().listings.is_empty());
}

#[test]
fn image_with_too_many_names_is_refused() {
    let mut world = World::new();
    let many = ObservedImage { references: vec!["x".into(); 65], ..listed(1) };
    let long = ObservedImage { references: vec!["x".repeat(1025).into()], ..listed(1) };
    let observations = [many, long].map(Observation::ImagePresent).to_vec();
    let Answer::Observed(observed) = world.apply(Command::Observe { source: source(1), observations }) else {
        panic!()
    };
    assert_eq!((observed.accepted, observed.refused.len()), (0, 2));
    assert_eq!(world.stage(1), None);
}

#[test]
fn readers_see_what_a_source_lists_by_whatever_digest() {
    let mut world = World::new();
    let mut docker = pod("a", &[Some(1)]);
    docker.containers[0].repo_digests = vec![format!("registry.test/app@{}", digest(2)).parse().unwrap()];
    world.observe(1, &[docker]);
    list(&mut world, 2, &[2, 3]);
    let image = world.view.image(&digest(1)).unwrap();
    assert_eq!(world.view.listed_as(&source(2), &image), [digest(2)]);
    assert!(world.view.listed_as(&source(1), &image).is_empty());
    assert_eq!(world.view.listed_after(&source(2), Some(&digest(2)), 9), [digest(3)]);
    unlist(&mut world, 2, 2);
    assert!(world.view.listed_as(&source(2), &image).is_empty());
}
