//! What readers see.

use super::world::*;
use crate::*;
use api_vocab::*;

#[test]
fn pods_in_pages_are_each_seen_once_in_order() {
    let mut world = World::new();
    let names: Vec<String> = (0..25).map(|n| format!("pod-{n:02}")).collect();
    for n in [2, 1] {
        let pods: Vec<_> = names.iter().map(|name| pod(name, &[Some(1)])).collect();
        world.observe(n, &pods);
    }
    let mut seen: Vec<String> = Vec::new();
    let mut after: Option<PodId> = None;
    loop {
        let page = world.view.pods_after(after.as_ref(), 7);
        let Some(last) = page.last() else { break };
        after = Some((*last.id).clone());
        seen.extend(page.iter().map(|pod| format!("{} {}", pod.id.source, pod.id.key.name())));
    }
    let expected = ["docker/host-1", "docker/host-2"];
    let expected: Vec<String> =
        expected.iter().flat_map(|source| names.iter().map(move |name| format!("{source} {name}"))).collect();
    assert_eq!(seen, expected);
}

#[test]
fn pods_of_one_source_and_namespace_are_those() {
    let mut world = World::new();
    let mut other = pod("x", &[]);
    other.key = PodKey::new("", "x").unwrap();
    world.observe(1, &[pod("a", &[]), pod("b", &[]), other]).observe(2, &[pod("c", &[])]);
    let names = |namespace, after: Option<&PodKey>| -> Vec<String> {
        let page = world.view.pods_of_source_after(&source(1), namespace, after, 9);
        page.iter().map(|pod| pod.id.key.to_string()).collect()
    };
    assert_eq!(names(None, None), ["/x", "shop/a", "shop/b"]);
    assert_eq!(names(Some("shop"), None), ["shop/a", "shop/b"]);
    assert_eq!(names(Some("shop"), Some(&PodKey::new("shop", "a").unwrap())), ["shop/b"]);
    assert_eq!(names(Some(""), None), ["/x"]);
    assert!(names(Some("none\n"), None).is_empty());
    assert_eq!(world.view.pods_in(&source(1)), 3);
}

#[test]
fn packages_are_found_by_name_source_name_and_artifact() {
    let (mut world, lease) = World::leased();
    let maven = Package::new(Ecosystem::of(Family::Maven), "org.x:core", "1").unwrap();
    let debian = Package::new("Debian:12".parse().unwrap(), "libssl3", "3").unwrap();
    let packages = vec![maven, debian.with_source("openssl", "3").unwrap()];
    world.report(lease, Report { packages, ..a_report(&[]) });
    for name in ["org.x:core", "core", "libssl3", "openssl"] {
        assert_eq!(world.view.packages_named(name).len(), 1, "{name}");
    }
    assert!(world.view.packages_named("ssl").is_empty());
}

#[test]
fn events_tell_names_and_only_what_concerns_others() {
    let (mut world, lease) = World::leased();
    let notices = |world: &World| -> Vec<News> {
        world.events.iter().filter_map(Event::notice).map(|notice| notice.news).collect()
    };
    let told = notices(&world);
    assert!(matches!(told[0], News::ImageState { stage: Stage::Queued, .. }));
    assert!(told.iter().any(|news| matches!(news, News::PodPresent(id) if id.key.as_str() == "shop/a")));
    world.events.clear();
    world.pass(std::time::Duration::from_secs(5)).apply(Command::Renew { lease });
    assert!(!world.events.is_empty() && notices(&world).is_empty(), "a renewal is no news");
}

#[test]
fn pods_of_an_image_in_one_source_are_those_page_by_page() {
    let mut world = World::new();
    let pods: Vec<_> = ["a", "b", "c"].map(|name| pod(name, &[Some(1)])).into();
    world.observe(1, &pods).observe(2, &pods[..1]).observe(1, &[pod("d", &[Some(2)])]);
    let names = |n, after: Option<&PodKey>| -> Vec<String> {
        let page = world.view.pods_of_image_in(&source(n), &digest(1), after, 2);
        page.iter().map(|pod| pod.id.key.to_string()).collect()
    };
    assert_eq!(names(1, None), ["shop/a", "shop/b"]);
    assert_eq!(names(1, Some(&PodKey::new("shop", "b").unwrap())), ["shop/c"]);
    assert_eq!((names(2, None), names(3, None)), (vec!["shop/a".to_owned()], vec![]));
}
