//! Findings: per package, counted per image, announced once.

use super::world::*;
use crate::*;
use api_vocab::*;
use std::sync::Arc;

fn scanned(packages: &[u8]) -> (World, Vec<(PackageId, Arc<Package>)>) {
    let (mut world, lease) = World::leased();
    world.apply(Command::ChangeRevision { revision: revision(1), below: 0, findings: vec![] });
    match world.report(lease, a_report(packages)) {
        Answer::Reported { unmatched, .. } => (world, unmatched),
        other => panic!("{other:?}"),
    }
}

fn matched(id: PackageId, findings: &[Finding]) -> Command {
    let findings = vec![PackageFindings { package: id, findings: findings.to_vec(), undecided: 0 }];
    Command::Match { revision: revision(1), findings }
}

fn mentioned(changes: &[Change]) -> (Vec<String>, Vec<String>) {
    let ids = |mentions: &[Mention]| mentions.iter().map(|mention| mention.id.to_string()).collect();
    let found = changes.iter().find_map(|change| match change {
        Change::FindingsChanged { appeared, disappeared, .. } => Some((ids(appeared), ids(disappeared))),
        _ => None,
    });
    found.unwrap_or_default()
}

#[test]
fn report_names_each_package_once_to_be_matched() {
    let (world, unmatched) = scanned(&[2, 1, 2]);
    assert_eq!(unmatched.iter().map(|(_, p)| p.name()).collect::<Vec<_>>(), ["package-2", "package-1"]);
    assert_eq!(world.view.tally(&digest(1)).unwrap().unmatched, 2);
    assert_eq!(world.model.unmatched(), unmatched);
}

#[test]
fn package_matched_is_counted_and_announced_worst_first() {
    let (mut world, unmatched) = scanned(&[1]);
    let findings = [finding("CVE-1", Severity::Low), finding("CVE-2", Severity::Critical)];
    let changes = world.changes(matched(unmatched[0].0, &findings));
    assert_eq!(mentioned(&changes).0, ["CVE-2", "CVE-1"]);
    let tally = world.view.tally(&digest(1)).unwrap();
    assert_eq!((tally.findings.critical, tally.findings.low), (1, 1));
    assert_eq!((tally.fixable, tally.unmatched), (tally.findings, 0));
    assert_eq!(world.view.totals().findings, tally);
}

#[test]
fn package_matched_again_alike_is_no_event() {
    let (mut world, unmatched) = scanned(&[1]);
    let findings = [finding("CVE-1", Severity::Low)];
    world.apply(matched(unmatched[0].0, &findings));
    assert!(world.changes(matched(unmatched[0].0, &findings)).is_empty());
    let change = Command::ChangeRevision {
        revision: revision(2),
        below: world.model.next_package(),
        findings: vec![PackageFindings {
            package: unmatched[0].0,
            findings: findings.to_vec(),
            undecided: 0,
        }],
    };
    assert_eq!(world.changes(change), [Change::RevisionChanged(revision(2))]);
}

#[test]
fn revision_changed_announces_what_came_and_went() {
    let (mut world, unmatched) = scanned(&[1]);
    world.apply(matched(unmatched[0].0, &[finding("CVE-1", Severity::Low), finding("CVE-2", Severity::Low)]));
    let findings = vec![PackageFindings {
        package: unmatched[0].0,
        findings: vec![finding("CVE-2", Severity::High), finding("CVE-3", Severity::Low)],
        undecided: 0,
    }];
    let below = world.model.next_package();
    let changes = world.changes(Command::ChangeRevision { revision: revision(2), below, findings });
    assert_eq!(mentioned(&changes), (vec!["CVE-3".to_owned()], vec!["CVE-1".to_owned()]));
    assert_eq!(world.view.tally(&digest(1)).unwrap().findings.high, 1);
}

#[test]
fn revision_changed_names_packages_that_came_meanwhile() {
    let (mut world, unmatched) = scanned(&[1]);
    world.apply(matched(unmatched[0].0, &[]));
    let change = Command::ChangeRevision { revision: revision(2), below: 0, findings: vec![] };
    assert_eq!(world.apply(change), Answer::Unmatched(unmatched));
}

#[test]
fn findings_of_a_stale_revision_are_refused() {
    let (mut world, unmatched) = scanned(&[1]);
    world.apply(Command::ChangeRevision { revision: revision(2), below: 99, findings: vec![] });
    let refused = world.try_apply(matched(unmatched[0].0, &[]));
    let stale = Refusal::StaleRevision { given: revision(1), in_force: Some(revision(2)) };
    assert_eq!(refused, Err(stale));
}

#[test]
fn advisory_undecided_is_counted_until_it_is_decided() {
    let (mut world, unmatched) = scanned(&[1, 2]);
    let undecided = |id, undecided| Command::Match {
        revision: revision(1),
        findings: vec![PackageFindings { package: id, findings: Vec::new(), undecided }],
    };
    world.apply(undecided(unmatched[0].0, 2));
    let changes = world.changes(undecided(unmatched[1].0, 1));
    let told = changes
        .iter()
        .any(|change| matches!(change, Change::FindingsChanged { tally, .. } if tally.undecided == 3));
    assert!(told, "{changes:?}");
    assert_eq!(world.view.totals().findings.undecided, 3);
    assert_eq!(world.view.package(unmatched[0].0).unwrap().matched.unwrap().undecided, 2);
    world.apply(undecided(unmatched[0].0, 0));
    assert_eq!(world.view.tally(&digest(1)).unwrap().undecided, 1);
    assert!(world.changes(undecided(unmatched[1].0, 1)).is_empty());
}

#[test]
fn tally_by_least_severity_leaves_out_what_is_below() {
    let by = BySeverity { critical: 1, high: 2, medium: 3, low: 4, negligible: 5, unknown: 6 };
    assert_eq!(by.from(Severity::High), BySeverity { critical: 1, high: 2, ..BySeverity::default() });
    assert_eq!(by.from(Severity::Unknown), by);
    assert_eq!((by.total(), by.from(Severity::Low).total()), (21, 10));
}

#[test]
fn image_with_known_packages_has_findings_at_once() {
    let (mut world, unmatched) = scanned(&[1]);
    world.apply(matched(unmatched[0].0, &[finding("CVE-1", Severity::Low)]));
    world.observe(1, &[pod("b", &[Some(2)])]);
    let lease = world.ask(1).unwrap().lease;
    let report = Command::Report { lease, report: Box::new(a_report(&[1])) };
    assert_eq!(mentioned(&world.changes(report)).0, ["CVE-1"]);
    assert_eq!(world.view.images_with(unmatched[0].0).len(), 2);
}

#[test]
fn rescan_announces_only_the_difference() {
    let (mut world, unmatched) = scanned(&[1, 2]);
    world.apply(matched(unmatched[0].0, &[finding("CVE-1", Severity::Low)]));
    world.apply(matched(unmatched[1].0, &[finding("CVE-2", Severity::Low)]));
    world.apply(Command::Rescan { image: digest(1) });
    assert!(world.view.image(&digest(1)).unwrap().scan.is_some(), "the last inventory stays visible");
    let lease = world.ask(1).unwrap().lease;
    let report = Command::Report { lease, report: Box::new(a_report(&[2])) };
    let gone = if unmatched[0].1.name() == "package-1" { "CVE-1" } else { "CVE-2" };
    assert_eq!(mentioned(&world.changes(report)), (vec![], vec![gone.to_owned()]));
}

#[test]
fn findings_beyond_what_an_event_mentions_are_counted() {
    let (mut world, unmatched) = scanned(&[1]);
    let findings: Vec<_> = (0..60).map(|n| finding(&format!("CVE-{n}"), Severity::Low)).collect();
    let changes = world.changes(matched(unmatched[0].0, &findings));
    let counts = changes.iter().find_map(|change| match change {
        Change::FindingsChanged { appeared, appeared_count, .. } => Some((appeared.len(), *appeared_count)),
        _ => None,
    });
    assert_eq!(counts, Some((MAX_MENTIONS, 60)));
}

#[test]
fn extractors_changed_queue_what_others_scanned() {
    let (mut world, _) = scanned(&[1]);
    let same = Command::WantExtractors { extractor_set: extractors(1) };
    assert_eq!(world.apply(same), Answer::Requeued(0));
    let other = Command::WantExtractors { extractor_set: extractors(2) };
    assert_eq!(world.apply(other), Answer::Requeued(1));
    assert_eq!(world.stage(1), Some(Stage::Queued));
    assert!(world.view.tally(&digest(1)).is_some());
}
