//! Tests of what the core is told, with a clock that the test sets.

use super::*;
use api_vocab::PodPhase;
use proptest::prelude::*;

fn pod(name: &str, uid: u32) -> ObservedPod {
    ObservedPod {
        key: format!("/{name}"),
        uid: uid.to_string(),
        node: None,
        platform: None,
        owner: None,
        phase: PodPhase::Running,
        started_at: None,
        labels: BTreeMap::new(),
        context: Default::default(),
        containers: Vec::new(),
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn settings() -> SendSettings {
    SendSettings { full_state_seconds: 300, max_delay_ms: 250, max_batch: 3 }
}

/// A ledger whose core knows `a` and `b`, at time 0.
fn told() -> Ledger {
    let mut ledger = Ledger::new(settings());
    ledger.replace([pod("a", 1), pod("b", 1)], at(0));
    assert!(matches!(ledger.next(at(0)), Next::Full(all) if all.pods.len() == 2));
    ledger.sent(true, at(0), 0.5);
    ledger
}

fn present(name: &str, uid: u32) -> Observation {
    Observation::PodPresent { pod: pod(name, uid) }
}

fn gone(name: &str) -> Observation {
    Observation::PodGone { key: format!("/{name}") }
}

fn image(n: u8, reference: &str) -> ObservedImage {
    let references = vec![reference.to_owned()];
    ObservedImage { digest: Digest::sha256([n; 32]), references, repo_digests: Vec::new() }
}

#[test]
fn images_travel_with_the_full_state_and_as_they_come_and_go() {
    let mut ledger: Ledger = Ledger::new(settings());
    ledger.list(image(1, "a"), at(0));
    ledger.replace([pod("a", 1)], at(0));
    assert!(matches!(ledger.next(at(0)), Next::Full(all) if all.images == [Arc::new(image(1, "a"))]));
    ledger.sent(true, at(0), 0.5);
    ledger.list(image(1, "a"), at(10));
    assert_eq!(ledger.next(at(1_000)), Next::Wait(at(300_000)), "listed again unchanged");
    ledger.list(image(1, "b"), at(1_000));
    ledger.list(image(2, "c"), at(1_000));
    ledger.unlist(&Digest::sha256([2; 32]), at(1_000));
    ledger.unlist(&Digest::sha256([3; 32]), at(1_000));
    let gone = Observation::ImageGone { digest: Digest::sha256([2; 32]) };
    let present = Observation::ImagePresent { image: image(1, "b") };
    assert_eq!(ledger.next(at(1_250)), Next::Batch(vec![present, gone]));
}

#[test]
fn nothing_is_sent_while_images_are_awaited() {
    let mut ledger: Ledger = Ledger::new(settings());
    ledger.await_images();
    ledger.replace([pod("a", 1)], at(0));
    assert_eq!((ledger.next(at(0)), ledger.last_words()), (Next::Idle, None));
    ledger.complete_images();
    assert!(matches!(ledger.next(at(0)), Next::Full(all) if all.pods.len() == 1));
}

#[test]
fn nothing_is_sent_before_the_first_list() {
    let mut ledger: Ledger = Ledger::new(settings());
    ledger.see(pod("a", 1), at(0));
    assert_eq!(ledger.next(at(1_000_000)), Next::Idle);
    assert_eq!(ledger.last_words(), None);
}

#[test]
fn list_that_is_empty_is_sent_too() {
    let mut ledger: Ledger = Ledger::new(settings());
    ledger.replace([], at(0));
    assert_eq!(ledger.next(at(0)), Next::Full(All { pods: Vec::new(), images: Vec::new() }));
}

#[test]
fn pod_seen_again_unchanged_is_not_sent() {
    let mut ledger = told();
    ledger.see(pod("a", 1), at(10));
    ledger.replace([pod("a", 1), pod("b", 1)], at(20));
    ledger.lose("/nobody", at(30));
    assert_eq!(ledger.next(at(40)), Next::Wait(at(300_000)));
}

#[test]
fn changes_travel_together_after_the_delay() {
    let mut ledger = told();
    ledger.see(pod("c", 1), at(100));
    ledger.lose("/a", at(200));
    assert_eq!(ledger.next(at(200)), Next::Wait(at(350)));
    assert_eq!(ledger.next(at(350)), Next::Batch(vec![gone("a"), present("c", 1)]));
    ledger.sent(false, at(360), 0.5);
    assert_eq!(ledger.next(at(360)), Next::Wait(at(300_000)));
}

#[test]
fn batch_that_is_full_does_not_wait() {
    let mut ledger = told();
    for name in ["c", "d", "e", "f"] {
        ledger.see(pod(name, 1), at(100));
    }
    assert!(matches!(ledger.next(at(100)), Next::Batch(batch) if batch.len() == 3));
    ledger.sent(false, at(100), 0.5);
    assert_eq!(ledger.next(at(350)), Next::Batch(vec![present("f", 1)]));
}

#[test]
fn pod_changed_many_times_is_sent_once_as_it_is() {
    let mut ledger = told();
    for uid in 2..100 {
        ledger.see(pod("a", uid), at(i64::from(uid)));
        ledger.lose("/b", at(i64::from(uid)));
        ledger.see(pod("b", 1), at(i64::from(uid)));
    }
    assert_eq!(ledger.next(at(1_000)), Next::Batch(vec![present("a", 99), present("b", 1)]));
}

#[test]
fn pod_changed_while_it_travels_is_sent_again() {
    let mut ledger = told();
    ledger.see(pod("a", 2), at(0));
    assert_eq!(ledger.next(at(250)), Next::Batch(vec![present("a", 2)]));
    ledger.see(pod("a", 3), at(260));
    ledger.sent(false, at(270), 0.5);
    assert_eq!(ledger.next(at(510)), Next::Batch(vec![present("a", 3)]));
}

#[test]
fn full_state_is_sent_by_the_clock_with_jitter() {
    for (chance, due) in [(0.0, 270_000), (0.5, 300_000), (1.0, 330_000)] {
        let mut ledger = told();
        ledger.sent(true, at(0), chance);
        assert_eq!(ledger.next(at(due - 1)), Next::Wait(at(due)));
        assert!(matches!(ledger.next(at(due)), Next::Full(_)));
    }
}

#[test]
fn core_that_was_away_is_told_everything_after_growing_waits() {
    let mut ledger = told();
    ledger.see(pod("a", 2), at(0));
    assert!(matches!(ledger.next(at(250)), Next::Batch(_)));
    ledger.failed(None, at(250), 0.0);
    assert_eq!(ledger.next(at(250)), Next::Wait(at(750)));
    assert!(matches!(ledger.next(at(750)), Next::Full(all) if all.pods[0].uid == "2"));
    ledger.failed(None, at(750), 0.0);
    assert_eq!(ledger.next(at(751)), Next::Wait(at(1_750)));
    assert!(matches!(ledger.next(at(1_750)), Next::Full(_)));
    ledger.failed(Some(Duration::from_secs(20)), at(1_750), 0.0);
    assert_eq!(ledger.next(at(1_751)), Next::Wait(at(21_750)));
    assert!(matches!(ledger.next(at(21_750)), Next::Full(_)));
    ledger.sent(true, at(21_750), 0.5);
    assert!(matches!(ledger.next(at(21_750)), Next::Wait(_)));
}

#[test]
fn pods_that_come_and_go_while_the_core_is_away_are_not_kept() {
    let mut ledger = told();
    for n in 0..(MAX_GONE + 10) {
        let name = n.to_string();
        ledger.see(pod(&name, 1), at(0));
        ledger.lose(&format!("/{name}"), at(0));
    }
    assert!(ledger.untold.len() <= MAX_GONE + 3);
    assert!(matches!(ledger.next(at(0)), Next::Full(all) if all.pods.len() == 2));
}

#[test]
fn pods_seen_before_the_first_full_state_are_not_noted_each() {
    let mut ledger = Ledger::new(settings());
    for n in 0..10 {
        ledger.see(pod(&n.to_string(), 1), at(0));
    }
    ledger.complete();
    assert!(ledger.untold.len() <= settings().max_batch(), "no more than the last words could say");
    assert!(matches!(ledger.next(at(0)), Next::Full(all) if all.pods.len() == 10));
    for n in 0..10 {
        ledger.see(pod(&n.to_string(), 2), at(1));
    }
    assert_eq!(ledger.untold.len(), 10, "changed while the full state travels");
    ledger.sent(true, at(2), 0.5);
    assert!(matches!(ledger.next(at(1_000)), Next::Batch(batch) if batch.len() == 3));
}

#[test]
fn perceiver_that_sees_nothing_says_nothing() {
    let mut ledger = told();
    ledger.see(pod("c", 1), at(0));
    ledger.look_away();
    assert_eq!(ledger.next(at(900_000)), Next::Idle);
    assert_eq!(ledger.last_words(), None);
    ledger.replace([pod("a", 1), pod("b", 1)], at(10_000));
    assert_eq!(ledger.next(at(10_250)), Next::Batch(vec![gone("c")]));
}

#[test]
fn perceiver_that_sees_again_without_a_new_list_says_what_changed() {
    let mut ledger = told();
    ledger.look_away();
    ledger.lose("/a", at(0));
    assert_eq!(ledger.next(at(10_000)), Next::Idle);
    ledger.complete();
    assert_eq!(ledger.next(at(10_000)), Next::Batch(vec![gone("a")]));
}

#[test]
fn last_words_do_not_wait() {
    let mut ledger = told();
    ledger.lose("/a", at(1));
    assert_eq!(ledger.last_words(), Some(vec![gone("a")]));
}

#[test]
fn last_words_say_again_what_still_travels() {
    let mut ledger = told();
    ledger.see(pod("a", 2), at(0));
    assert!(matches!(ledger.next(at(250)), Next::Batch(_)));
    ledger.lose("/b", at(251));
    ledger.lose("/a", at(252));
    assert_eq!(ledger.last_words(), Some(vec![gone("a"), gone("b")]));
}

#[derive(Debug, Clone)]
enum Step {
    See(u8, u32),
    Lose(u8),
    List(u8, u32),
    Unlist(u8),
    Replace(Vec<(u8, u32)>),
    Send(bool),
    Pass(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4u8, 0..3u32).prop_map(|(n, uid)| Step::See(n, uid)),
        (0..4u8).prop_map(Step::Lose),
        (0..4u8, 0..3u32).prop_map(|(n, name)| Step::List(n, name)),
        (0..4u8).prop_map(Step::Unlist),
        proptest::collection::vec((0..4u8, 0..3u32), 0..4).prop_map(Step::Replace),
        any::<bool>().prop_map(Step::Send),
        (0..600u16).prop_map(Step::Pass),
    ]
}

#[derive(Debug, Default, PartialEq)]
struct Core {
    pods: BTreeMap<String, ObservedPod>,
    images: BTreeMap<Digest, ObservedImage>,
}

/// One delivery; `arrives` or not.
fn deliver(ledger: &mut Ledger, core: &mut Core, arrives: bool, now: Timestamp) {
    let next = ledger.next(now);
    let full = matches!(next, Next::Full(_));
    match next {
        Next::Wait(_) | Next::Idle => return,
        _ if !arrives => return ledger.failed(None, now, 0.5),
        Next::Full(all) => {
            let images = all.images.iter().map(|image| (image.digest.clone(), ObservedImage::clone(image)));
            *core = Core {
                pods: all.pods.into_iter().map(|pod| (pod.key.clone(), pod)).collect(),
                images: images.collect(),
            };
        }
        Next::Batch(batch) => batch.into_iter().for_each(|observation| match observation {
            Observation::PodPresent { pod } => drop(core.pods.insert(pod.key.clone(), pod)),
            Observation::PodGone { key } => drop(core.pods.remove(&key)),
            Observation::ImagePresent { image } => drop(core.images.insert(image.digest.clone(), image)),
            Observation::ImageGone { digest } => drop(core.images.remove(&digest)),
        }),
    }
    ledger.sent(full, now, 0.5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn core_knows_what_is_there_once_deliveries_arrive(steps in proptest::collection::vec(step(), 0..60)) {
        let (mut ledger, mut core, mut now) = (Ledger::new(settings()), Core::default(), at(0));
        for step in steps {
            match step {
                Step::See(n, uid) => ledger.see(pod(&n.to_string(), uid), now),
                Step::Lose(n) => ledger.lose(&format!("/{n}"), now),
                Step::List(n, name) => ledger.list(image(n, &name.to_string()), now),
                Step::Unlist(n) => ledger.unlist(&Digest::sha256([n; 32]), now),
                Step::Replace(list) => {
                    ledger.replace(list.into_iter().map(|(n, uid)| pod(&n.to_string(), uid)), now);
                }
                Step::Send(arrives) => deliver(&mut ledger, &mut core, arrives, now),
                Step::Pass(millis) => now = now + Duration::from_millis(millis.into()),
            }
        }
        if !ledger.listed {
            ledger.replace([pod("z", 1)], now);
        }
        for _ in 0..20 {
            now = now + Duration::from_secs(40);
            deliver(&mut ledger, &mut core, true, now);
        }
        let images = ledger.images.iter();
        let there = Core {
            pods: ledger.present.iter().map(|pod| (pod.0.key.clone(), pod.0.clone())).collect(),
            images: images.map(|(digest, image)| (digest.clone(), ObservedImage::clone(image))).collect(),
        };
        prop_assert_eq!(core, there);
    }
}
