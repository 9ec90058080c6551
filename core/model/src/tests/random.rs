//! Random commands: what must hold after each of them, and that everything settles in the end.

use super::world::*;
use crate::*;
use api_vocab::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What must hold after every command.
pub(super) fn check(world: &World) {
    let model = &world.model;
    let snapshot = model.snapshot();
    let restored = Model::restore(model.settings().clone(), snapshot.clone());
    assert_eq!(restored.snapshot(), snapshot, "a restored model equals the live one");
    check_derived(model, &restored);
    check_leases(model, &snapshot);
    check_pods(&snapshot);
    // Building a view is slow without optimisation: look at every fourth.
    if model.last_event().is_multiple_of(4) {
        assert_eq!(seen(&world.view), seen(&View::of(&snapshot)), "the folded view equals a fresh one");
    }
}

/// Whatever is derived equals its recomputation.
fn check_derived(model: &Model, restored: &Model) {
    let queue = |model: &Model| -> Vec<_> {
        let standing = model.images.queue().iter();
        standing.map(|(line, since, key)| (line.clone(), since, key.clone())).collect()
    };
    assert_eq!(queue(model), queue(restored));
    let queued = model.images.sorted().into_iter().filter(|image| image.stage() == Stage::Queued).count();
    assert_eq!(queue(model).len(), queued, "the queue holds exactly the queued");
    let tallies = |model: &Model| model.tallies.clone().into_iter().collect::<BTreeMap<_, _>>();
    assert_eq!(tallies(model), tallies(restored));
    assert_eq!(model.unmatched(), restored.unmatched());
    assert_eq!(model.images.first_due(), restored.images.first_due());
    for (id, _) in model.packages.iter() {
        let holders = |model: &Model| {
            let numbers = model.packages.holders(id);
            numbers.filter_map(|number| model.packages.image(number)).cloned().collect::<BTreeSet<_>>()
        };
        assert_eq!(holders(model), holders(restored));
        assert!(!holders(model).is_empty(), "a package that no image holds is forgotten");
    }
}

/// A lease belongs to one image, and layers are granted to leases in force only.
fn check_leases(model: &Model, snapshot: &Snapshot) {
    let leased: Vec<_> = snapshot.images.iter().filter_map(|image| image.lease()).collect();
    assert_eq!(leased.iter().collect::<BTreeSet<_>>().len(), leased.len());
    assert_eq!(model.images.leases().count(), leased.len());
    for (lease, key) in model.images.leases() {
        assert_eq!(model.image(key).unwrap().lease(), Some(lease));
    }
    assert!(model.layers.grants().all(|lease| leased.contains(&lease)));
}

/// A pod's images exist under the very keys it names, and know whether they are used.
fn check_pods(snapshot: &Snapshot) {
    let keys: BTreeSet<_> = snapshot.images.iter().map(|image| image.key.clone()).collect();
    let mut used = BTreeSet::new();
    for pod in &snapshot.pods {
        used.extend(pod.images().into_iter().cloned());
    }
    let listed = |image: &Image| {
        snapshot.listings.iter().any(|(_, digest)| *digest == *image.key || image.aliases.contains(digest))
    };
    assert!(
        snapshot.listings.iter().all(|(_, digest)| {
            keys.contains(digest) || snapshot.images.iter().any(|image| image.aliases.contains(digest))
        }),
        "an image that is listed exists"
    );
    assert!(used.is_subset(&keys), "a pod's image exists");
    for image in &snapshot.images {
        assert_eq!(image.unused_since.is_none(), used.contains(&image.key) || listed(image));
        assert!(image.scan.is_some() || image.state != State::Scanned);
        assert!(!keys.iter().any(|key| image.aliases.contains(key)), "an alias is no key");
    }
}

/// All that a view answers, in comparable form.
fn seen(view: &View) -> String {
    let totals = view.totals();
    let pods = view.pods_after(None, 99);
    let images = view.images_after(None, 99);
    let per_image: Vec<_> = images
        .iter()
        .map(|image| {
            let pods = view.pods_of_image_after(&image.key, None, 99);
            let found = image.aliases.iter().map(|alias| view.image(alias).map(|image| image.key.clone()));
            (image.key.clone(), view.tally(&image.key), pods.len(), found.collect::<Vec<_>>())
        })
        .collect();
    let packages = view.packages_after(None, 99);
    let holders: Vec<_> = packages.iter().map(|package| view.images_with(package.id)).collect();
    let named: Vec<_> = packages.iter().map(|p| view.packages_named(p.package.name()).len()).collect();
    let counts: Vec<_> = view.sources_after(None, 9).iter().map(|source| view.pods_in(&source.id)).collect();
    let scanners = view.scanners_after(None, 9);
    let listed = [1, 2].map(|n| view.listed_after(&source(n), None, 99));
    let within: Vec<_> = images
        .iter()
        .flat_map(|image| [1, 2].map(|n| view.pods_of_image_in(&source(n), &image.key, None, 99).len()))
        .collect();
    format!(
        "{listed:?}\n{within:?}\n{totals:?}\n{pods:?}\n{images:?}\n{per_image:?}\n{packages:?}\n{holders:?}\n{named:?}\n{counts:?}\n{scanners:?}"
    )
}

#[derive(Debug, Clone)]
enum Deed {
    Present { source: u8, pod: u8, image: Option<u8>, repos: Vec<u8>, running: bool, place: u8 },
    Gone { source: u8, pod: u8 },
    List { source: u8, image: u8, repos: Vec<u8>, there: bool },
    All { source: u8, pods: Vec<(u8, u8)> },
    Ask { scanner: u8, holds: Vec<u8> },
    Renew(u8),
    Layers { lease: u8, config: Option<u8>, index: Option<u8>, layers: Vec<u8> },
    Extracted { lease: u8, layer: u8 },
    Report { lease: u8, packages: Vec<u8>, config: Option<u8>, partial: bool },
    Fail { lease: u8, permanent: bool, out_of_reach: bool },
    Rescan(u8),
    Extractors(u8),
    Revision { n: u8, package: u8, findings: u8 },
    Match { package: u8, findings: u8 },
    Join { scanner: u8, node: Option<u8>, reach: u8, source: Option<u8> },
    Pass(u32),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let image = || prop::option::weighted(0.8, 1..9_u8);
    let list = || prop::collection::vec(1..9_u8, 0..3);
    let deed = prop_oneof![
        4 => (1..3_u8, 0..6_u8, image(), list(), any::<bool>(), any::<u8>()).prop_map(
            |(source, pod, image, repos, running, place)| Deed::Present { source, pod, image, repos, running, place }
        ),
        2 => (1..4_u8, prop::option::of(0..3_u8), 0..3_u8, prop::option::weighted(0.3, 1..3_u8)).prop_map(
            |(scanner, node, reach, source)| Deed::Join { scanner, node, reach, source }
        ),
        1 => (1..3_u8, 0..6_u8).prop_map(|(source, pod)| Deed::Gone { source, pod }),
        2 => (1..3_u8, 1..9_u8, list(), prop::bool::weighted(0.7)).prop_map(
            |(source, image, repos, there)| Deed::List { source, image, repos, there }
        ),
        1 => (1..3_u8, prop::collection::vec((0..6_u8, 1..9_u8), 0..4)).prop_map(|(source, pods)| {
            Deed::All { source, pods }
        }),
        4 => (1..4_u8, list()).prop_map(|(scanner, holds)| Deed::Ask { scanner, holds }),
        1 => any::<u8>().prop_map(Deed::Renew),
        2 => (any::<u8>(), image(), image(), list()).prop_map(|(lease, config, index, layers)| {
            Deed::Layers { lease, config, index, layers }
        }),
        1 => (any::<u8>(), 1..9_u8).prop_map(|(lease, layer)| Deed::Extracted { lease, layer }),
        3 => (any::<u8>(), list(), image(), any::<bool>()).prop_map(|(lease, packages, config, partial)| {
            Deed::Report { lease, packages, config, partial }
        }),
        2 => (any::<u8>(), any::<bool>(), any::<bool>()).prop_map(|(lease, permanent, out_of_reach)| {
            Deed::Fail { lease, permanent, out_of_reach }
        }),
        1 => (1..9_u8).prop_map(Deed::Rescan),
        1 => (1..3_u8).prop_map(Deed::Extractors),
        1 => (1..3_u8, 0..9_u8, 0..4_u8).prop_map(|(n, package, findings)| {
            Deed::Revision { n, package, findings }
        }),
        2 => (0..9_u8, 0..4_u8).prop_map(|(package, findings)| Deed::Match { package, findings }),
        2 => prop_oneof![0..200_u32, 80_000..90_000_u32].prop_map(Deed::Pass),
    ];
    prop::collection::vec(deed, 1..40)
}

fn identity(config: Option<u8>, index: Option<u8>) -> Identity {
    Identity { config: config.map(digest), index: index.map(digest), ..Identity::default() }
}

fn findings(package: u8, count: u8) -> Vec<PackageFindings> {
    let severity = |n: u8| Severity::ALL[usize::from(n) % Severity::ALL.len()];
    let findings = (0..count).map(|n| finding(&format!("CVE-{n}"), severity(n + package))).collect();
    vec![PackageFindings { package: PackageId::new(package.into()), findings, undecided: (count / 2).into() }]
}

fn observed(name: u8, image: Option<u8>, repos: &[u8], running: bool) -> ObservedPod {
    let mut pod = pod(&format!("pod-{name}"), &[image]);
    let parse = |n: &u8| format!("registry.test/app@{}", digest(*n)).parse().unwrap();
    pod.containers[0].repo_digests = repos.iter().map(parse).collect();
    pod.phase = if running { PodPhase::Running } else { PodPhase::Failed };
    pod
}

fn listed(image: u8, repos: &[u8]) -> ObservedImage {
    let parse = |n: &u8| format!("registry.test/app@{}", digest(*n)).parse().unwrap();
    ObservedImage {
        digest: digest(image),
        references: vec![format!("registry.test/stream:{image}").into()],
        repo_digests: repos.iter().map(parse).collect(),
    }
}

/// Where a pod runs, and what surrounds it.
fn surround(pod: &mut ObservedPod, place: u8) {
    pod.node = (!place.is_multiple_of(4)).then(|| format!("node-{}", place % 4 - 1).into());
    if place.is_multiple_of(3) {
        pod.context.service_account = Some(format!("account-{}", place % 2).into());
        pod.context.settings.ignore_unfixed = true;
    }
}

/// Leases that were granted at some time, and the command that a deed is.
struct Play {
    world: World,
    granted: Vec<LeaseId>,
}

impl Play {
    fn lease(&self, n: u8) -> LeaseId {
        let place = usize::from(n) % self.granted.len().max(1);
        self.granted.get(place).copied().unwrap_or(LeaseId::from_bits(u128::MAX))
    }

    fn command(&mut self, deed: Deed) -> Command {
        match deed {
            Deed::Present { source: n, pod, image, repos, running, place } => {
                let mut observed = observed(pod, image, &repos, running);
                surround(&mut observed, place);
                let observations = vec![Observation::PodPresent(observed)];
                Command::Observe { source: source(n), observations }
            }
            Deed::Gone { source: n, pod } => {
                let key = PodKey::new("shop", &format!("pod-{pod}")).unwrap();
                Command::Observe { source: source(n), observations: vec![Observation::PodGone(key)] }
            }
            Deed::List { source: n, image, repos, there } => {
                let observation = match there {
                    true => Observation::ImagePresent(listed(image, &repos)),
                    false => Observation::ImageGone(digest(image)),
                };
                Command::Observe { source: source(n), observations: vec![observation] }
            }
            Deed::All { source: n, pods } => {
                let pods =
                    pods.into_iter().map(|(pod, image)| observed(pod, Some(image), &[], true)).collect();
                Command::ObserveAll { source: source(n), pods }
            }
            Deed::Ask { scanner: n, holds } => {
                let holds = holds.into_iter().map(digest).collect();
                Command::Lease { scanner: scanner(n), holds, id: self.world.next_lease_id() }
            }
            Deed::Renew(lease) => Command::Renew { lease: self.lease(lease) },
            Deed::Layers { lease, config, index, layers } => Command::AskLayers {
                lease: self.lease(lease),
                identity: identity(config, index),
                layers: layers.into_iter().map(|n| digest(n + 100)).collect(),
                extractor_set: extractors(1),
            },
            Deed::Extracted { lease, layer } => {
                let (lease, diff_id) = (self.lease(lease), digest(layer + 100));
                Command::LayerExtracted { lease, diff_id, extractor_set: extractors(1) }
            }
            Deed::Report { lease, packages, config, partial } => {
                let problems = vec![Problem::new(ProblemCode::Truncated, "x", ""); usize::from(partial)];
                let layers = packages.iter().map(|n| digest(n + 100)).collect();
                let report =
                    Report { identity: identity(config, None), problems, layers, ..a_report(&packages) };
                Command::Report { lease: self.lease(lease), report: Box::new(report) }
            }
            Deed::Fail { lease, permanent, out_of_reach } => {
                let kind = if permanent { FailureKind::Permanent } else { FailureKind::Transient };
                Command::Fail {
                    lease: self.lease(lease),
                    failure: Failure { kind, out_of_reach, ..transient("x") },
                }
            }
            Deed::Rescan(n) => Command::Rescan { image: digest(n) },
            Deed::Extractors(n) => Command::WantExtractors { extractor_set: extractors(n) },
            Deed::Revision { n, package, findings: count } => Command::ChangeRevision {
                revision: revision(n),
                below: self.world.model.next_package(),
                findings: findings(package, count),
            },
            Deed::Match { package, findings: count } => {
                Command::Match { revision: revision(1), findings: findings(package, count) }
            }
            Deed::Join { scanner, node, reach, source: only } => {
                let reach = [Reach::Sources, Reach::Registry, Reach::Node][usize::from(reach)];
                let node = node.map(|node| format!("node-{node}"));
                let sources = only.map(source).into_iter().collect();
                let said = registration(scanner, node.as_deref());
                Command::RegisterScanner(Registration { reach, sources, ..said })
            }
            Deed::Pass(seconds) => {
                self.world.pass(Duration::from_secs(seconds.into()));
                Command::Sweep
            }
        }
    }

    fn play(&mut self, deed: Deed) {
        let command = self.command(deed);
        if let Ok(Answer::Lease(Some(grant))) = self.world.try_apply(command) {
            self.granted.push(grant.lease);
        }
    }

    /// Scanners succeed from now on.
    fn settle(&mut self) {
        for _ in ["leases expire", "backoffs are due"] {
            self.world.pass(Duration::from_secs(1900)).apply(Command::Sweep);
        }
        self.world.register(1).register(9);
        // What one of them missed is offered to the other.
        for n in [1, 9].repeat(25) {
            if let Some(grant) = self.world.ask(n) {
                self.world.report(grant.lease, a_report(&[1]));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn commands_in_any_order_keep_the_model_sound_and_settle(deeds in deeds()) {
        let mut play = Play { world: World::new(), granted: Vec::new() };
        play.world.register(1).register(2);
        for deed in deeds {
            play.play(deed);
        }
        play.settle();
        for image in play.world.model.snapshot().images {
            prop_assert!(
                matches!(image.stage(), Stage::Scanned | Stage::Unscannable | Stage::Partial),
                "{} is {}", image.key, image.stage()
            );
        }
        for lease in play.granted.clone() {
            let over = play.world.try_apply(Command::Renew { lease });
            prop_assert_eq!(over, Err(Refusal::LeaseLost(lease)), "each lease ends, once");
        }
    }
}
