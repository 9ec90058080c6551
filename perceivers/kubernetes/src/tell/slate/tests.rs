//! Tests of the slate on a cluster that does as it is told, or does not.

use super::*;
use crate::asks::Asks;
use crate::owners::Workload;
use crate::record::{Container, Controller, Pod, Surroundings};
use crate::tell::KeySet;
use crate::tell::marks::{self, Marks};
use crate::tell::stand::tests::{container, counts, hex};
use crate::tell::write::Action;
use api_vocab::{ContainerKind, PodPhase, Verdict};
use api_wire::context::{PodContext, Privileges};
use api_wire::standing::ContainerStanding;
use serde_json::Value;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn settings() -> TellSettings {
    TellSettings { marks: Some(vec![KeySet::Perceptor]), ..TellSettings::default() }
}

fn everything() -> TellSettings {
    TellSettings { summaries: true, reports: true, events: true, ..settings() }
}

fn deployment(name: &str) -> Option<Arc<Controller>> {
    Some(Arc::new(Controller {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        namespace: "shop".into(),
        name: name.into(),
        uid: format!("uid-{name}").into(),
    }))
}

/// A pod of that name whose container `web` runs the image of that number.
fn told(name: &str, uid: &str, top: Option<Arc<Controller>>, image: u8) -> Told {
    let container = Container {
        name: "web".into(),
        kind: ContainerKind::Regular,
        image: "shop/web:1".into(),
        image_id: Some(format!("docker.io/shop/web@sha256:{}", hex(image)).into()),
        privileges: Arc::new(Privileges::default()),
    };
    let owner = top.as_ref().map_or_else(|| format!("pod/{name}"), |top| format!("deployment/{}", top.name));
    let pod = Pod {
        key: format!("shop/{name}").into(),
        uid: Uid::new(uid),
        node: None,
        phase: PodPhase::Running,
        started_at: None,
        controller: None,
        surroundings: Arc::new(Surroundings::default()),
        containers: Arc::new([container]),
    };
    let workload = Workload { owner: owner.into(), asks: Asks::default(), top, marks: None };
    Told {
        pod: Arc::new(pod),
        workload: Arc::new(workload),
        context: Arc::new(PodContext::default()),
        platform: None,
    }
}

fn standing(name: &str, uid: &str, verdict: Verdict, containers: &[ContainerStanding]) -> PodStanding {
    let findings = containers.first().and_then(|container| container.findings);
    PodStanding {
        key: format!("shop/{name}"),
        uid: uid.to_owned(),
        verdict,
        findings,
        containers: containers.to_vec(),
    }
}

/// A slate, and what the cluster made of its writes.
struct World {
    slate: Slate,
    marks: BTreeMap<String, Value>,
    beside: BTreeMap<String, Value>,
    log: Vec<String>,
    now: Timestamp,
}

impl World {
    fn of(settings: TellSettings) -> Self {
        let slate = Slate::new(settings, "kubernetes/test".parse().unwrap(), "me".to_owned());
        World { slate, marks: BTreeMap::new(), beside: BTreeMap::new(), log: Vec::new(), now: at(0) }
    }

    /// Both sides are whole, and nothing was there before.
    fn whole(&mut self) {
        for what in [What::Summary, What::Report] {
            self.slate.list(what, Vec::new(), self.now);
        }
        self.slate.all_seen();
        self.slate.all_stand();
    }

    /// Two pods of a Deployment with one critical finding.
    fn shop(settings: TellSettings) -> Self {
        let mut world = World::of(settings);
        world.slate.begin();
        for name in ["a", "b"] {
            world.slate.see(&told(name, name, deployment("web"), 1));
            world.stand(name, Verdict::Fail, 1, counts(1, 2));
        }
        world.whole();
        world
    }

    fn stand(
        &mut self,
        name: &str,
        verdict: Verdict,
        image: u8,
        findings: api_wire::summary::SeverityCounts,
    ) {
        self.slate.stand(standing(name, name, verdict, &[container("web", image, Some(findings))]));
    }

    /// Let everything be written, with this outcome; what was.
    fn settle_with(&mut self, outcome: &Outcome) -> Vec<String> {
        self.log.clear();
        while let Next::Write(write) = self.slate.next(self.now) {
            let name = format!("{} {}", write.place.kind, write.place.name);
            let verb = match &write.action {
                Action::Apply { body, .. } if write.what == What::Marks => {
                    self.marks.insert(name.clone(), body["metadata"].clone());
                    "mark"
                }
                Action::Apply { body, .. } => {
                    self.beside.insert(name.clone(), body.clone());
                    "apply"
                }
                Action::Create(_) => "create",
                Action::Delete => {
                    self.beside.remove(&name);
                    "delete"
                }
            };
            self.log.push(format!("{verb} {name}"));
            self.slate.conclude(&write, outcome, None, self.now);
            assert!(self.log.len() < 100, "it never ends: {:?}", self.log);
        }
        self.log.clone()
    }

    fn settle(&mut self) -> Vec<String> {
        self.settle_with(&Outcome::Done)
    }

    fn mark(&self, of: &str, name: &str) -> String {
        self.marks[of]["annotations"][format!("perceptor.dev/{name}")].as_str().unwrap_or("none").to_owned()
    }
}

fn sorted(mut log: Vec<String>) -> Vec<String> {
    // Hashes in names are the operator's affair.
    for line in &mut log {
        if let Some(at) = line.find("deployment-web-web-") {
            line.truncate(at + "deployment-web-web".len());
        }
    }
    log.sort();
    log
}

#[test]
fn nothing_is_decided_before_both_sides_are_whole() {
    for (seen, stood) in [(false, false), (true, false), (false, true)] {
        let mut world = World::of(settings());
        world.slate.see(&told("a", "a", None, 1));
        world.stand("a", Verdict::Fail, 1, counts(1, 0));
        if seen {
            world.slate.all_seen();
        }
        if stood {
            world.slate.all_stand();
        }
        assert_eq!(world.slate.next(at(0)), Next::Idle);
    }
}

#[test]
fn pods_and_their_workload_are_marked_once_and_replicas_count_once() {
    let mut world = World::shop(settings());
    assert_eq!(sorted(world.settle()), ["mark Deployment web", "mark Pod a", "mark Pod b"]);
    assert_eq!(world.mark("Deployment web", "critical"), "1");
    assert_eq!(world.mark("Pod a", "critical"), "1");
    assert_eq!(world.marks["Pod a"]["uid"], "a");
    assert_eq!(world.marks["Deployment web"]["uid"], "uid-web");
    assert_eq!(world.marks["Deployment web"]["labels"]["perceptor.dev/verdict"], "fail");
    assert!(world.settle().is_empty());
}

#[test]
fn standing_that_was_heard_before_its_pod_was_seen_counts() {
    let mut world = World::of(settings());
    world.slate.begin();
    world.stand("a", Verdict::Fail, 1, counts(1, 0));
    world.slate.see(&told("a", "a", None, 1));
    world.slate.all_stand();
    world.slate.all_seen();
    assert_eq!(world.settle(), ["mark Pod a"]);
}

#[test]
fn of_many_changes_the_last_is_written() {
    let mut world = World::shop(settings());
    world.settle();
    for n in 2..9 {
        for name in ["a", "b"] {
            world.stand(name, Verdict::Fail, 1, counts(n, 2));
        }
    }
    assert_eq!(world.settle().len(), 3);
    assert_eq!(
        (world.mark("Deployment web", "critical"), world.mark("Pod b", "critical")),
        ("8".into(), "8".into())
    );
}

#[test]
fn restart_writes_nothing_that_is_there_already() {
    let mut first = World::shop(everything());
    assert_eq!(first.settle().len(), 5);
    let mut second = World::shop(everything());
    // As the watch, the owners' reader and the lists would find it.
    for name in ["a", "b"] {
        let stand =
            Stand::of(standing(name, name, Verdict::Fail, &[container("web", 1, Some(counts(1, 2)))])).2;
        let print = marks::of_pod(settings().key_sets(), &stand, None).print();
        second.slate.bear(&format!("shop/{name}").into(), &Uid::new(name), Some(print));
        let print =
            marks::of_workload(settings().key_sets(), &crate::tell::Sum::of_pod(&stand), None).print();
        second.slate.workload_bears(&"uid-web".into(), Some(print));
    }
    let kept = first.slate.beside.values().flatten();
    for what in [What::Summary, What::Report] {
        let found =
            kept.clone().filter(|((of, ..), _)| *of == what).map(|((_, namespace, name), entry)| Found {
                namespace: namespace.clone(),
                name: name.clone(),
                owner: "uid-web".to_owned(),
                entry: entry.clone(),
            });
        second.slate.list(what, found.collect(), at(0));
    }
    assert!(second.settle().is_empty(), "{:?}", second.log);
}

#[test]
fn successor_of_the_same_name_waits_for_its_own_standing() {
    let mut world = World::of(settings());
    world.slate.see(&told("db-0", "old", None, 1));
    world.whole();
    world.slate.stand(standing("db-0", "old", Verdict::Pass, &[container("web", 1, Some(counts(0, 0)))]));
    world.slate.see(&told("db-0", "new", None, 2));
    assert!(world.settle().is_empty());
    world.slate.stand(standing("db-0", "old", Verdict::Fail, &[container("web", 1, Some(counts(1, 0)))]));
    assert!(world.settle().is_empty());
    world.slate.stand(standing("db-0", "new", Verdict::Warn, &[container("web", 2, Some(counts(0, 1)))]));
    assert_eq!(world.settle(), ["mark Pod db-0"]);
    assert_eq!(world.marks["Pod db-0"]["uid"], "new");
}

#[test]
fn pod_no_longer_looked_at_loses_its_marks_and_one_that_is_gone_does_not() {
    let mut world = World::shop(settings());
    world.settle();
    for name in ["a", "b"] {
        world.slate.bear(&format!("shop/{name}").into(), &Uid::new(name), Some(7));
    }
    world.settle();
    world.slate.lose("shop/a");
    world.slate.bear(&"shop/b".into(), &Uid::new("b"), None);
    world.slate.lose("shop/b");
    assert_eq!(world.settle(), ["mark Pod a"]);
    assert_eq!(world.marks["Pod a"].get("annotations"), None);
    world.now = at(61);
    assert_eq!(world.settle(), ["mark Deployment web"], "long after its last pod");
    assert_eq!(world.marks["Deployment web"].get("labels"), None);
}

#[test]
fn key_set_turned_off_leaves_nothing_behind() {
    let mut world =
        World::of(TellSettings { marks: Some(Vec::new()), events: true, ..TellSettings::default() });
    world.slate.bear(&"shop/a".into(), &Uid::new("a"), Some(7));
    world.slate.see(&told("a", "a", None, 1));
    world.slate.see(&told("b", "b", None, 1));
    world.stand("a", Verdict::Fail, 1, counts(1, 0));
    world.stand("b", Verdict::Fail, 1, counts(1, 0));
    world.whole();
    world.stand("a", Verdict::Fail, 1, counts(1, 0));
    world.stand("b", Verdict::Fail, 1, counts(1, 0));
    assert_eq!(world.settle(), ["mark Pod a"]);
    assert!(Marks::default().is_empty() && world.settle().is_empty());
}

#[test]
fn summary_follows_the_image_and_report_the_workload() {
    let mut world = World::shop(everything());
    assert_eq!(
        sorted(world.settle()),
        [
            "apply ContainerImageScan deployment-web-web",
            "apply Report perceptor-deployment-web",
            "mark Deployment web",
            "mark Pod a",
            "mark Pod b",
        ]
    );
    for name in ["a", "b"] {
        world.slate.see(&told(name, name, deployment("web"), 2));
        world.stand(name, Verdict::Warn, 2, counts(0, 2));
    }
    let log = sorted(world.settle());
    assert_eq!(log.iter().filter(|line| line.contains("ContainerImageScan")).count(), 2, "{log:?}");
    assert_eq!(world.beside.len(), 2);
    // Its pods go, and it does not come again.
    for name in ["a", "b"] {
        world.slate.lose(&format!("shop/{name}"));
    }
    assert!(world.settle().is_empty());
    world.now = at(59);
    assert!(world.settle().is_empty(), "its next pods may be on their way");
    world.now = at(61);
    world.settle();
    assert!(world.beside.is_empty(), "{:?}", world.beside);
}

#[test]
fn object_of_a_workload_that_is_no_more_is_deleted_unless_it_comes_back() {
    let stray = |owner: &str| Found {
        namespace: "shop".to_owned(),
        name: format!("of-{owner}"),
        owner: owner.to_owned(),
        entry: Entry::default(),
    };
    let mut world = World::shop(everything());
    world.settle();
    world.slate.list(What::Summary, vec![stray("nobody")], at(0));
    assert!(world.settle().is_empty());
    world.now = at(60);
    assert_eq!(world.settle(), ["delete ContainerImageScan of-nobody"]);
}

#[test]
fn worsened_verdict_is_told_and_the_first_is_not() {
    let mut world = World::shop(TellSettings { events: true, ..TellSettings::default() });
    let both = |world: &mut World, verdict, high| {
        for name in ["a", "b"] {
            world.stand(name, verdict, 1, counts(0, high));
        }
        world.settle()
    };
    assert!(both(&mut world, Verdict::Pass, 0).is_empty(), "the first that is known");
    world.now = at(5);
    assert_eq!(both(&mut world, Verdict::Fail, 1), ["create Event web.1388"]);
    assert!(both(&mut world, Verdict::Pass, 0).is_empty());
    assert!(both(&mut world, Verdict::Fail, 1).is_empty(), "so soon again");
    assert_eq!(world.slate.hushed(), 1);
}

#[test]
fn kind_that_may_not_be_written_is_left_alone_and_tried_by_the_clock() {
    let mut world = World::shop(settings());
    let log = world.settle_with(&Outcome::Closed(Closed::Forbidden));
    assert_eq!(log.len(), 2, "one of each kind: {log:?}");
    world.stand("a", Verdict::Pass, 1, counts(0, 0));
    assert!(world.settle().is_empty());
    assert_eq!(world.slate.next(at(1)), Next::Wait(at(600)));
    world.now = at(600);
    assert_eq!(sorted(world.settle()), ["mark Deployment web", "mark Pod a", "mark Pod b"]);
}

#[test]
fn write_that_did_not_work_is_due_again_with_what_is_true_then() {
    let mut world = World::shop(settings());
    let Next::Write(write) = world.slate.next(at(0)) else { panic!() };
    world.slate.conclude(&write, &Outcome::Later(None), None, at(0));
    world.settle();
    assert_eq!(world.marks.len(), 3);
}

#[test]
fn what_is_gone_or_refused_is_not_tried_again() {
    for outcome in [Outcome::Gone, Outcome::Refused("no".to_owned())] {
        let mut world = World::shop(everything());
        assert_eq!(world.settle_with(&outcome).len(), 5);
        assert!(world.settle().is_empty());
    }
}

#[test]
fn core_that_is_heard_again_changes_nothing_that_stays() {
    let mut world = World::shop(settings());
    world.settle();
    world.slate.begin();
    for name in ["a", "b"] {
        world.stand(name, Verdict::Fail, 1, counts(1, 2));
    }
    world.slate.all_stand();
    assert!(world.settle().is_empty());
}
