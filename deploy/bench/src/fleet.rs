//! A fleet to measure with: pods that run images, images that hold packages.

use crate::packages;
use crate::random::Random;
use anyhow::{Result, bail};
use api_vocab::{
    ContainerKind, Digest, Distro, LeaseId, Owner, Package, PodKey, PodPhase, ScannerName, SourceId,
    Timestamp,
};
use core_model::{
    Answer, Command, ExposurePath, Identity, Observation, ObservedContainer, ObservedPod, PodContext,
    Privileges, Registration, Report,
};
use std::path::Path;

/// Images of a whole fleet.
pub const IMAGES: usize = 10_000;
/// Pods of a whole fleet.
pub const PODS: usize = 150_000;
/// Packages of each image.
pub const PACKAGES: usize = 300;
/// Different packages to choose from.
pub const DIFFERENT: usize = 50_000;
/// Images that others are built on.
const BASES: usize = 50;
/// Packages of each of those.
const BASE_PACKAGES: usize = 200;
/// Layers of an image that it shares with its base, and of its own.
const LAYERS: (usize, usize) = (5, 3);
/// Observations that a perceiver sends at once.
const BATCH: usize = 1_000;
/// Pods that a workload has.
const REPLICAS: usize = 15;
/// One workload in so many is open to the outside.
const OPEN: usize = 5;
/// One in so many has a service account of its own.
const ACCOUNTS: usize = 3;

/// Where all of this is seen.
pub fn source() -> Result<SourceId> {
    Ok("kubernetes/bench".parse()?)
}

/// One of a fleet's pods.
pub fn pod(n: usize) -> Result<ObservedPod> {
    let workload = n / REPLICAS;
    let image = image(workload % IMAGES);
    let repository = repository(workload % IMAGES);
    Ok(ObservedPod {
        key: PodKey::new(&namespace(workload), &format!("service{workload}-7d9c5b8f4-{n:05x}"))?,
        uid: format!("3f0c1a52-7c1e-4b8f-9d52-{n:012x}").into(),
        node: Some(format!("node-{}.example.org", n % 1_500).into()),
        owner: Some(Owner::new("deployment", &format!("service{workload}"))?),
        phase: PodPhase::Running,
        started_at: Some(Timestamp::from_millis(1_700_000_000_000 + n as i64)),
        labels: vec![("app".into(), format!("service{workload}").into()), ("tier".into(), "web".into())],
        context: PodContext::default(),
        containers: vec![ObservedContainer {
            name: "main".into(),
            kind: ContainerKind::Regular,
            reference: format!("{repository}:1.{}", workload % 9).into(),
            reported: Some(format!("{repository}@{image}").parse()?),
            repo_digests: Vec::new(),
        }],
    })
}

/// The same with what surrounds it in a cluster.
pub fn surrounded(n: usize) -> Result<ObservedPod> {
    let workload = n / REPLICAS;
    let (app, namespace) = (format!("service{workload}"), namespace(workload));
    let way = ExposurePath {
        kind: "ingress".into(),
        hosts: [format!("{app}.example.com").into()].into(),
        through: ["Ingress", "Service", "EndpointSlice"]
            .map(|kind| format!("{kind} {namespace}/{app}").into())
            .into(),
    };
    let is_open = workload.is_multiple_of(OPEN);
    let not_root = Privileges { root: Some(false), ..Privileges::default() };
    let context = PodContext {
        service_account: Some(if workload.is_multiple_of(ACCOUNTS) { &*app } else { "default" }.into()),
        pull_secrets: [format!("registry-{namespace}").into()].into(),
        exposure: if is_open { [way].into() } else { Box::default() },
        privileges: [("main".into(), not_root)].into(),
        ..PodContext::default()
    };
    Ok(ObservedPod { context, ..pod(n)? })
}

fn namespace(workload: usize) -> String {
    format!("team{}", workload % 200)
}

/// One of a fleet's images.
pub fn image(n: usize) -> Digest {
    digest(1, n)
}

/// Where an image comes from.
pub fn repository(image: usize) -> String {
    format!("registry.example.org/team{}/service{image}", image % 200)
}

fn digest(kind: u64, n: usize) -> Digest {
    let mut random = Random(kind << 32 | (n as u64 + 1));
    let mut bytes = [0; 32];
    bytes.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&random.next().to_le_bytes()));
    Digest::sha256(bytes)
}

/// What a fleet's images hold.
pub struct Inventories(Vec<Package>);

impl Inventories {
    /// Inventories of packages that the feeds name, and others.
    pub fn new(folder: &Path) -> Result<Self> {
        Ok(Inventories(packages::pool(folder, DIFFERENT)?))
    }

    /// Image `n`: the packages of its base, and some of those that applications choose from, a few
    /// of which are chosen often.
    pub fn of(&self, n: usize) -> Vec<Package> {
        let base = (n % BASES) * BASE_PACKAGES;
        let (bases, own) = self.0.split_at_checked(BASES * BASE_PACKAGES).unwrap_or((&self.0, &[]));
        let mut random = Random(n as u64 + 7);
        let mut packages: Vec<Package> = bases.iter().skip(base).take(BASE_PACKAGES).cloned().collect();
        let mut chosen = std::collections::BTreeSet::new();
        while chosen.len() < PACKAGES - BASE_PACKAGES && chosen.len() < own.len() {
            chosen.insert(random.below(own.len()).min(random.below(own.len())));
        }
        packages.extend(chosen.into_iter().filter_map(|at| own.get(at)).cloned());
        packages
    }
}

/// Has a model take a command.
pub type Apply<'a> = &'a mut dyn FnMut(Command) -> Result<Answer>;

/// Tells a model of pods.
pub type Observe<'a> = &'a mut dyn FnMut(Apply<'_>) -> Result<()>;

/// Tell a core of `pods` pods.
pub fn observe(pods: usize, apply: Apply<'_>) -> Result<()> {
    observe_each(&source()?, &(0..pods).collect::<Vec<_>>(), pod, apply)
}

/// Tell a core of `pods` pods with what surrounds them.
pub fn observe_surrounded(pods: usize, apply: Apply<'_>) -> Result<()> {
    observe_each(&source()?, &(0..pods).collect::<Vec<_>>(), surrounded, apply)
}

/// Tell a core of a source with one pod of each image.
pub fn observe_images(source: &SourceId, apply: Apply<'_>) -> Result<()> {
    let pods: Vec<usize> = (0..IMAGES).map(|image| image * REPLICAS).collect();
    observe_each(source, &pods, pod, apply)
}

fn observe_each(
    source: &SourceId,
    pods: &[usize],
    pod: fn(usize) -> Result<ObservedPod>,
    apply: Apply<'_>,
) -> Result<()> {
    for batch in pods.chunks(BATCH) {
        let observations =
            batch.iter().map(|n| Ok(Observation::PodPresent(pod(*n)?))).collect::<Result<_>>()?;
        apply(Command::Observe { source: source.clone(), observations })?;
    }
    Ok(())
}

/// Scan all images that a core knows, as a scanner does.
pub fn scan(inventories: &Inventories, apply: Apply<'_>) -> Result<usize> {
    let scanner: ScannerName = "bench".parse()?;
    apply(Command::RegisterScanner(Registration {
        name: scanner.clone(),
        version: "0".into(),
        extractor_set: scanner_extract::extractor_set(),
        node: None,
        sources: Vec::new(),
        platforms: Vec::new(),
        max_leases: 1,
        reach: core_model::Reach::Sources,
    }))?;
    for n in 0.. {
        let id = LeaseId::from_bits(n as u128 + 1);
        let lease = Command::Lease { scanner: scanner.clone(), holds: Vec::new(), id };
        match apply(lease)? {
            Answer::Lease(Some(_)) => scan_one(n, id, inventories, apply)?,
            Answer::Lease(None) => return Ok(n),
            other => bail!("a lease was answered by {other:?}"),
        }
    }
    Ok(0)
}

fn scan_one(n: usize, lease: LeaseId, inventories: &Inventories, apply: Apply<'_>) -> Result<()> {
    let extractor_set = scanner_extract::extractor_set();
    let of_base = (0..LAYERS.0).map(|at| digest(2, (n % BASES) * LAYERS.0 + at));
    let own = (0..LAYERS.1).map(|at| digest(3, n * LAYERS.1 + at));
    let layers: Vec<Digest> = of_base.chain(own).collect();
    for diff_id in &layers {
        let (diff_id, extractor_set) = (diff_id.clone(), extractor_set.clone());
        apply(Command::LayerExtracted { lease, diff_id, extractor_set })?;
    }
    let report = Report {
        identity: Identity { config: Some(digest(4, n)), ..Identity::default() },
        layers,
        packages: inventories.of(n),
        distro: Some(Distro {
            id: "debian".to_owned(),
            version_id: Some("12".to_owned()),
            pretty_name: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
            ecosystem: Some("Debian:12".parse()?),
        }),
        problems: Vec::new(),
        extractor_set,
        engine: "native".into(),
        fetched_from: "docker".into(),
    };
    apply(Command::Report { lease, report: Box::new(report) }).map(drop)
}
