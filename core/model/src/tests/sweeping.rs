//! What time brings about.

use super::world::*;
use crate::*;
use std::time::Duration;

#[test]
fn image_unused_for_the_retention_time_is_retired_with_its_packages() {
    let (mut world, lease) = World::leased();
    world.report(lease, a_report(&[1]));
    world.gone(1, "a");
    let retention = Settings::default().retention;
    world.pass(retention - Duration::from_millis(1)).apply(Command::Sweep);
    assert_eq!(world.stage(1), Some(Stage::Scanned));
    world.pass(Duration::from_millis(1)).apply(Command::Sweep);
    assert_eq!((world.stage(1), world.view.package_count()), (None, 0));
}

#[test]
fn images_of_a_cluster_that_is_gone_are_retired_step_by_step() {
    let mut world = World::new();
    let pods: Vec<_> = (0..250).map(|n| pod(&format!("pod-{n}"), &[Some(n)])).collect();
    world.observe(1, &pods).apply(Command::ForgetSource { source: source(1) });
    world.pass(Settings::default().retention);
    let left: Vec<u64> = (0..3)
        .map(|_| {
            let Answer::Swept { next, .. } = world.apply(Command::Sweep) else { panic!() };
            assert_eq!(next.is_some_and(|next| next <= world.now), world.view.image_count() > 0);
            world.view.image_count()
        })
        .collect();
    assert_eq!(left, [150, 50, 0]);
}

#[test]
fn image_used_again_is_not_retired() {
    let mut world = World::new();
    world.observe(1, &[pod("a", &[Some(1)])]).gone(1, "a").observe(1, &[pod("b", &[Some(1)])]);
    world.pass(Settings::default().retention * 2).apply(Command::Sweep);
    assert_eq!(world.stage(1), Some(Stage::Queued));
}

#[test]
fn image_unused_while_leased_is_retired_after_the_lease() {
    let (mut world, _) = World::leased();
    world.gone(1, "a");
    world.pass(Settings::default().retention).apply(Command::Sweep);
    assert_eq!(world.stage(1), None);
    let stages: Vec<_> = world
        .events
        .iter()
        .filter_map(|event| match &event.change {
            Change::ImageChanged { image, .. } => Some(image.stage()),
            _ => None,
        })
        .collect();
    assert_eq!(stages.last(), Some(&Stage::Backoff), "the lease ended before");
}

#[test]
fn source_unheard_is_stale_until_heard() {
    let mut world = World::new();
    world.observe(1, &[]).pass(Duration::from_secs(599)).apply(Command::Sweep);
    assert_eq!(world.view.source(&source(1)).unwrap().health, SourceHealth::Fresh);
    world.pass(Duration::from_secs(1)).apply(Command::Sweep);
    assert_eq!(world.view.source(&source(1)).unwrap().health, SourceHealth::Stale);
    world.observe(1, &[]);
    assert_eq!(world.view.source(&source(1)).unwrap().health, SourceHealth::Fresh);
}

#[test]
fn scanner_unseen_is_forgotten_unless_it_holds_a_lease() {
    let (mut world, _) = World::leased();
    world.register(2).pass(Duration::from_secs(600));
    world.apply(Command::Sweep);
    assert_eq!(world.view.scanner_count(), 0, "the lease expired as well");
    let mut world = World::with(Settings { lease: Duration::from_secs(7200), ..Settings::default() });
    world.observe(1, &[pod("a", &[Some(1)])]).register(1).register(2);
    world.ask(1);
    world.pass(Duration::from_secs(600)).apply(Command::Sweep);
    assert!(world.view.scanner(&scanner(1)).is_some() && world.view.scanner(&scanner(2)).is_none());
}

#[test]
fn sweep_answers_when_to_sweep_next() {
    let (mut world, _) = World::leased();
    let until = world.now + Settings::default().lease;
    assert_eq!(world.apply(Command::Sweep), Answer::Swept { next: Some(until), opened: false });
    let Answer::Swept { next: Some(due), .. } = world.pass(Duration::from_secs(90)).apply(Command::Sweep)
    else {
        panic!()
    };
    assert!(due > world.now && due <= world.now + Settings::default().backoff_first);
}

#[test]
fn layer_that_no_image_has_is_forgotten_in_time() {
    let (mut world, lease) = World::leased();
    world.apply(Command::LayerExtracted { lease, diff_id: digest(200), extractor_set: extractors(1) });
    world.apply(Command::LayerExtracted { lease, diff_id: digest(201), extractor_set: extractors(1) });
    world.report(lease, a_report(&[]));
    world.apply(Command::Sweep);
    world.pass(Settings::default().retention);
    let changes = world.changes(Command::Sweep);
    let forgotten: Vec<_> = changes
        .iter()
        .filter_map(|change| match change {
            Change::LayerForgotten { diff_id, .. } => Some((**diff_id).clone()),
            _ => None,
        })
        .collect();
    assert_eq!(forgotten, [digest(201)]);
}
