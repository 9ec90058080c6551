//! What surrounds pods is kept once, within bounds, and says what counts for them.

use super::world::*;
use crate::*;
use api_vocab::*;
use std::sync::Arc;

type Change<'a> = Box<dyn FnOnce(&mut PodContext) + 'a>;

fn texts(texts: &[&str]) -> Box<[Box<str>]> {
    texts.iter().map(|text| Box::from(*text)).collect()
}

fn ingress(host: &str) -> ExposurePath {
    ExposurePath { kind: "ingress".into(), hosts: texts(&[host]), through: texts(&["Ingress shop/web"]) }
}

fn surrounded(name: &str, change: impl FnOnce(&mut PodContext)) -> ObservedPod {
    let mut pod = pod(name, &[Some(1)]);
    change(&mut pod.context);
    pod
}

fn seen(world: &World, name: &str) -> Arc<Pod> {
    let id = PodId { source: source(1).into(), key: PodKey::new("shop", name).unwrap() };
    world.view.pod(&id).unwrap()
}

#[test]
fn context_of_pods_of_one_workload_is_kept_once() {
    let mut world = World::new();
    let pods = [["b", "a"], ["a", "b"]]
        .map(|secrets| surrounded(secrets[0], |context| context.pull_secrets = texts(&secrets)));
    world.observe(1, &pods).observe(1, &[pod("plain", &[Some(1)])]);
    let (one, other) = (seen(&world, "a").context.clone(), seen(&world, "b").context.clone());
    assert!(Arc::ptr_eq(&one.clone().unwrap(), &other.unwrap()), "whatever the order of its lists");
    assert_eq!(one.unwrap().pull_secrets, texts(&["a", "b"]));
    assert_eq!(seen(&world, "plain").context, None);
}

#[test]
fn exposure_changed_alone_changes_the_pod_and_nothing_else() {
    let (mut world, lease) = World::leased();
    world.report(lease, a_report(&[1]));
    let observations = vec![Observation::PodPresent(surrounded("a", |context| {
        context.exposure = Box::from([ingress("shop.test")]);
    }))];
    let changes = world.changes(Command::Observe { source: source(1), observations });
    assert!(
        matches!(&changes[..], [crate::Change::PodPresent(pod)] if pod.exposure().len() == 1),
        "{changes:?}"
    );
    assert_eq!(world.stage(1), Some(Stage::Scanned));
}

#[test]
fn context_beyond_its_bounds_is_refused_with_the_reason() {
    let many: Vec<String> = (0..65).map(|n| format!("{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let long = "a".repeat(1025);
    let cases: [(&str, Change<'_>); 6] = [
        ("65 pull secrets; at most 64", Box::new(|c| c.pull_secrets = texts(&many))),
        (
            "65 hosts of a way from outside",
            Box::new(|c| {
                c.exposure = Box::from([ExposurePath { hosts: texts(&many), ..ingress("") }]);
            }),
        ),
        (
            "65 capabilities",
            Box::new(|c| {
                let may = Privileges { capabilities: texts(&many), ..Privileges::default() };
                c.privileges = Box::from([("main".into(), may)]);
            }),
        ),
        ("the team of pod shop/a has 1025 bytes", Box::new(|c| c.settings.team = Some(long.clone().into()))),
        (
            "an annotation of pod shop/a has 1025 bytes",
            Box::new(|c| {
                c.annotations = Box::from([("x".into(), long.clone().into())]);
            }),
        ),
        (
            "bytes of labels and annotations; at most 32768",
            Box::new(|c| {
                c.annotations = (0..40).map(|n| (format!("{n}").into(), "a".repeat(1000).into())).collect();
            }),
        ),
    ];
    for (reason, change) in cases {
        let mut world = World::new();
        let observations = vec![Observation::PodPresent(surrounded("a", change))];
        let Answer::Observed(observed) = world.apply(Command::Observe { source: source(1), observations })
        else {
            panic!()
        };
        let said = observed.refused[0].1.to_string();
        assert!(said.contains(reason), "{said} does not say {reason}");
    }
}

#[test]
fn settings_of_a_workload_say_which_findings_count() {
    let findings = BySeverity { critical: 1, high: 2, low: 4, unknown: 8, ..BySeverity::default() };
    let fixable = BySeverity { high: 1, low: 3, ..BySeverity::default() };
    let tally = Tally { findings, fixable, undecided: 5, unmatched: 0 };
    let counted = |ignore_unfixed, min_severity| {
        let settings = WorkloadSettings { ignore_unfixed, min_severity, team: None };
        let counted = settings.count(tally);
        assert_eq!(counted.undecided, 5, "what is undecided is not clean");
        (counted.total(), counted.fixable.total())
    };
    assert_eq!(counted(false, None), (15, 4));
    assert_eq!(counted(true, None), (4, 4));
    assert_eq!(counted(false, Some(Severity::High)), (3, 1));
    assert_eq!(counted(true, Some(Severity::High)), (1, 1));
    assert_eq!(counted(true, Some(Severity::Critical)), (0, 0));
}
