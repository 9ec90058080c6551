//! One suite for every store.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod support;

use api_vocab::*;
use core_model::*;
use core_store::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::time::Duration;
use support::*;

macro_rules! contract {
    ($($name:ident,)+) => {
        mod memory {
            $(#[test] fn $name() { super::$name(&core_store::MemoryStore::default()); })+
        }
        mod sqlite {
            $(#[test] fn $name() {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("perceptor.db");
                super::$name(&core_store::SqliteStore::open(&path, core_store::Options::default()).unwrap());
            })+
        }
    };
}

contract! {
    empty_store_loads_an_empty_model,
    fleet_loaded_equals_the_live_model,
    pods_gone_and_images_retired_are_not_loaded,
    images_listed_are_loaded_until_they_are_not,
    merged_images_load_as_one,
    package_numbers_are_never_given_twice,
    findings_loaded_are_not_announced_again,
    blobs_are_given_back_and_go_with_their_image,
    layers_forgotten_lose_their_blobs,
    notices_are_told_in_order_from_any_point,
    events_in_any_order_load_as_the_live_model,
}

fn empty_store_loads_an_empty_model(store: &dyn Store) {
    assert_eq!(store.load().unwrap(), Model::new(Settings::default()).snapshot());
    assert_eq!(store.notices_after(0, 9).unwrap(), Notices::default());
    assert_eq!(store.inventory(&digest(1)).unwrap(), None);
}

fn fleet_loaded_equals_the_live_model(store: &dyn Store) {
    let mut writer = Writer::new(store);
    writer.fleet();
    writer.check();
    let stages: std::collections::BTreeSet<Stage> =
        writer.model.snapshot().images.iter().map(|image| image.stage()).collect();
    assert_eq!(stages.len(), Stage::ALL.len(), "the fleet has an image at every stage");
}

fn pods_gone_and_images_retired_are_not_loaded(store: &dyn Store) {
    let mut writer = Writer::new(store);
    writer.fleet();
    writer.apply(Command::ObserveAll { source: source(1), pods: vec![pod("pod-0", Some(0))] });
    writer.check();
    writer.apply(Command::ForgetSource { source: source(2) });
    writer.pass(Duration::from_secs(100 * 24 * 3600)).apply(Command::Sweep);
    writer.pass(Duration::from_secs(100 * 24 * 3600)).apply(Command::Sweep);
    writer.check();
    let loaded = store.load().unwrap();
    assert_eq!((loaded.images.len(), loaded.pods.len(), loaded.scanners.len()), (1, 1, 0));
}

fn images_listed_are_loaded_until_they_are_not(store: &dyn Store) {
    let mut writer = Writer::new(store);
    writer.list(1, &[1, 2]);
    writer.list(2, &[2]);
    writer.check();
    writer
        .apply(Command::Observe { source: source(1), observations: vec![Observation::ImageGone(digest(2))] });
    writer.apply(Command::ObserveRest { source: source(2), named: Named::default(), images: vec![] });
    writer.check();
    let loaded = store.load().unwrap();
    assert_eq!(loaded.listings, [(source(1).into(), digest(1))]);
    assert_eq!(loaded.images.len(), 2, "an image is kept for a while");
}

fn merged_images_load_as_one(store: &dyn Store) {
    let mut writer = Writer::new(store);
    writer.observe(1, vec![pod("a", Some(1)), pod("b", Some(2))]);
    writer.register();
    let (one, other) = (writer.lease().lease, writer.lease().lease);
    let same = |packages: &[u32]| {
        let identity = Identity { manifest: Some(digest(900)), ..Identity::default() };
        Report { identity, ..report(packages, false) }
    };
    writer.report(one, same(&[1]));
    let answer = writer.apply(Command::AskLayers {
        lease: other,
        identity: same(&[]).identity,
        layers: vec![digest(5000)],
        extractor_set: extractors(1),
    });
    // Docker's config digests differ, so nothing is merged; the rows say the same.
    assert!(matches!(answer, Answer::Layers(LayerAnswer { settled: false, .. })));
    writer.check();
    let plain = |name: &str, n| {
        let mut pod = pod(name, Some(n));
        pod.containers[0].repo_digests.clear();
        pod
    };
    writer.observe(1, vec![plain("c", 30), plain("d", 31)]);
    let (one, other) = (writer.lease().lease, writer.lease().lease);
    let same = || Identity { config: Some(digest(901)), ..Identity::default() };
    writer.report(one, Report { identity: same(), ..report(&[7], false) });
    writer.report(other, Report { identity: same(), ..report(&[8], true) });
    writer.check();
    assert_eq!(store.load().unwrap().images.len(), 3);
}

fn package_numbers_are_never_given_twice(store: &dyn Store) {
    let mut writer = Writer::new(store);
    writer.observe(1, vec![pod("a", Some(1))]);
    writer.register();
    let lease = writer.lease().lease;
    writer.report(lease, report(&[1, 2], false));
    writer.apply(Command::Rescan { image: digest(1) });
    let lease = writer.lease().lease;
    writer.report(lease, report(&[], false));
    let loaded = store.load().unwrap();
    assert_eq!((loaded.packages.len(), loaded.next_package), (0, 2));
    writer.check();
}

fn findings_loaded_are_not_announced_again(store: &dyn Store) {
    let mut writer = Writer::new(store);
    writer.fleet();
    let mut again = Writer::new(store);
    assert_eq!(again.model.unmatched(), writer.model.unmatched());
    again.find("revision-2", &[(0, vec![finding(1), finding(2)]), (1, vec![])]);
    let news: Vec<_> = again.notices.iter().map(|notice| &notice.news).collect();
    assert!(matches!(news[..], [News::RevisionChanged { .. }]), "{news:?}");
}

fn blobs_are_given_back_and_go_with_their_image(store: &dyn Store) {
    let mut writer = Writer::new(store);
    writer.observe(1, vec![pod("a", Some(1))]);
    writer.register();
    let lease = writer.lease().lease;
    let bytes = b"inventory ".repeat(1000);
    let blob = Blob::Inventory { image: digest(1), bytes: bytes.clone() };
    let command = Command::Report { lease, report: Box::new(report(&[1], false)) };
    writer.try_apply_with(command, vec![blob]).unwrap();
    assert_eq!(store.inventory(&digest(1)).unwrap(), Some(bytes));
    writer.apply(Command::ObserveAll { source: source(1), pods: vec![] });
    writer.pass(Settings::default().retention).apply(Command::Sweep);
    assert_eq!(store.inventory(&digest(1)).unwrap(), None);
}

fn layers_forgotten_lose_their_blobs(store: &dyn Store) {
    let mut writer = Writer::new(store);
    writer.observe(1, vec![pod("a", Some(1))]);
    writer.register();
    let lease = writer.lease().lease;
    let (diff_id, extractor_set) = (digest(5000), extractors(1));
    let blob =
        Blob::Layer { diff_id: diff_id.clone(), extractor_set: extractor_set.clone(), bytes: vec![1; 9] };
    let command =
        Command::LayerExtracted { lease, diff_id: diff_id.clone(), extractor_set: extractor_set.clone() };
    writer.try_apply_with(command, vec![blob]).unwrap();
    assert_eq!(store.layer(&diff_id, &extractor_set).unwrap(), Some(vec![1; 9]));
    assert_eq!(store.layer(&diff_id, &extractors(2)).unwrap(), None);
    writer.apply(Command::WantExtractors { extractor_set: extractors(2) });
    assert_eq!(store.layer(&diff_id, &extractor_set).unwrap(), None);
    writer.check();
}

fn notices_are_told_in_order_from_any_point(store: &dyn Store) {
    let mut writer = Writer::new(store);
    writer.fleet();
    let all = store.notices_after(0, 1000).unwrap();
    assert_eq!((all.gap, &all.notices), (false, &writer.notices));
    for (place, notice) in writer.notices.iter().enumerate() {
        let rest = store.notices_after(notice.id, 2).unwrap();
        let expected: Vec<_> = writer.notices.iter().skip(place + 1).take(2).cloned().collect();
        assert_eq!(rest.notices, expected);
    }
}

/// Random deeds of a small fleet.
fn events_in_any_order_load_as_the_live_model(store: &dyn Store) {
    let deeds = prop::collection::vec((0..7_u8, 0..6_u32, 0..6_u32), 60);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let deeds = deeds.new_tree(&mut runner).unwrap().current();
    let mut writer = Writer::new(store);
    writer.register();
    for (kind, a, b) in deeds {
        match kind {
            0 | 1 => writer.observe(1, vec![pod(&format!("pod-{a}"), Some(b))]),
            2 => drop(writer.apply(Command::ObserveAll { source: source(1), pods: vec![pod("x", Some(b))] })),
            3 => writer.find("revision-1", &[(a, (0..b).map(finding).collect())]),
            4 => drop(writer.pass(Duration::from_secs(u64::from(a) * 20_000)).apply(Command::Sweep)),
            _ => {
                writer.register();
                let id = LeaseId::from_bits(u128::from(a) << 64 | u128::from(writer.model.last_event()));
                let scanner = "scanner-1".parse().unwrap();
                let asked = writer.model.apply(Command::Lease { scanner, holds: vec![], id }, writer.now);
                let Ok(applied) = asked else { continue };
                store.append(Batch::of(applied.events)).unwrap();
                if let Answer::Lease(Some(grant)) = applied.answer {
                    writer.report(grant.lease, report(&[a, b], a > b));
                }
            }
        }
        writer.check();
    }
}
