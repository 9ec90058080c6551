//! Measures what a large fleet costs: memory of model and view, durable observations per second,
//! time to load, size of the file.
//!
//! `cargo run --release -p core-store --example measure [pods] [images]`
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement may fail loudly, and prints"
)]

use api_vocab::*;
use core_model::*;
use core_store::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::Instant;

const PACKAGES_PER_IMAGE: u32 = 300;
/// Batches on their way to the disk at once, as the core's writer has them.
const FLYING: usize = 4;

/// Each part in a process of its own, so that none inherits another's memory.
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [part, path, pods, images] = &arguments[..] {
        let (pods, images) = (pods.parse().unwrap(), images.parse().unwrap());
        return run(part, path.as_ref(), pods, images);
    }
    let number = |place: usize, or: u32| arguments.get(place).map_or(or, |n| n.parse().unwrap());
    let (pods, images) = (number(0, 150_000), number(1, 10_000));
    let folder = tempfile::tempdir_in(".").unwrap();
    println!("{pods} pods, {images} images × {PACKAGES_PER_IMAGE} packages; MiB are resident memory");
    for (part, file) in [("ingest", "ingest"), ("fill", "fleet"), ("load", "fleet"), ("single", "fleet")] {
        let path = folder.path().join(file);
        let program = std::env::current_exe().unwrap();
        let numbers = [pods.to_string(), images.to_string()];
        let status = std::process::Command::new(program).arg(part).arg(path).args(numbers).status();
        assert!(status.unwrap().success(), "{part}");
    }
}

fn run(part: &str, path: &std::path::Path, pods: u32, images: u32) {
    match part {
        "ingest" => ingest(path, pods, images),
        "fill" => fill(path, pods, images),
        "load" => load(path),
        _ => single(path),
    }
}

/// Resident memory and the most it ever was, in MiB, by /proc/self/status.
fn resident() -> String {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
    };
    format!("{} MiB, at most {}", field("VmRSS:"), field("VmHWM:"))
}

/// Processor time of this process so far, in seconds.
fn processor() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / 100.0
}

/// Processor time of this thread so far, in seconds.
fn processor_of_thread() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<u64>().unwrap() as f64 / 1e9
}

/// Model, store and view as in the core: one thread applies, the store's appends, a third folds
/// what is durable.
struct Pipeline<'a> {
    model: Model,
    store: &'a SqliteStore,
    landed: SyncSender<Arc<[Event]>>,
    flying: SyncSender<()>,
}

impl Pipeline<'_> {
    fn apply(&mut self, command: Command) -> Answer {
        let applied = self.model.apply(command, Timestamp::now()).unwrap();
        let events: Arc<[Event]> = applied.events.into();
        self.flying.send(()).unwrap();
        let (landed, told) = (self.landed.clone(), Arc::clone(&events));
        let done = move |outcome: Result<Durable, StoreError>| {
            outcome.unwrap();
            landed.send(told).unwrap();
        };
        self.store.submit(Batch::of(events), Box::new(done));
        applied.answer
    }
}

/// Run `work`, and wait until all of it is durable and folded; answers its model.
fn pipeline(store: &SqliteStore, view: &View, model: Model, work: impl FnOnce(&mut Pipeline<'_>)) -> Model {
    let (landed, batches) = mpsc::sync_channel::<Arc<[Event]>>(FLYING);
    let (flying, flown) = mpsc::sync_channel(FLYING);
    std::thread::scope(|scope| {
        let folding = scope.spawn(move || {
            while let Ok(events) = batches.recv() {
                events.iter().for_each(|event| view.fold(event));
                drop(events);
                flown.recv().unwrap();
            }
            processor_of_thread()
        });
        let mut pipeline = Pipeline { model, store, landed, flying };
        let (all, before) = (processor(), processor_of_thread());
        work(&mut pipeline);
        let Pipeline { model, landed, .. } = pipeline;
        let applied = processor_of_thread() - before;
        store.append(Batch::default()).unwrap();
        drop(landed);
        let folded = folding.join().unwrap();
        let all = processor() - all;
        println!("  processor time {all:.2} s: applied {applied:.2}, folded {folded:.2}, the rest appended");
        model
    })
}

/// Observations in calls of a thousand, twice: pods appear, then say the same again but for when
/// they started.
fn ingest(path: &std::path::Path, pods: u32, images: u32) {
    let store = SqliteStore::open(path, Options::default()).unwrap();
    let view = View::default();
    let mut model = Model::new(Settings::default());
    for what in ["observed first, 1,000 a call, durable", "observed changed, 1,000 a call, durable"] {
        let batches: Vec<Vec<Observation>> = (0..pods)
            .step_by(1_000)
            .map(|from| {
                (from..pods.min(from + 1_000)).map(|n| Observation::PodPresent(pod(n, images))).collect()
            })
            .collect();
        let started = Instant::now();
        model = pipeline(&store, &view, model, |pipeline| {
            for (n, observations) in batches.into_iter().enumerate() {
                pipeline.apply(Command::Observe { source: source(n as u32 / 50), observations });
            }
        });
        rate(what, u64::from(pods), started);
    }
    assert_eq!(view.pod_count(), u64::from(pods));
}

fn fill(path: &std::path::Path, pods: u32, images: u32) {
    println!("start: {}", resident());
    let store = SqliteStore::open(path, Options::default()).unwrap();
    let view = View::default();
    let started = Instant::now();
    let model = pipeline(&store, &view, Model::new(Settings::default()), |pipeline| {
        for from in (0..pods).step_by(1_000) {
            let batch = (from..pods.min(from + 1_000)).map(|n| Observation::PodPresent(pod(n, images)));
            let source = source(from / 50_000);
            pipeline.apply(Command::Observe { source, observations: batch.collect() });
        }
        pipeline.apply(Command::RegisterScanner(registration()));
    });
    println!("with pods: {}", resident());
    let model = pipeline(&store, &view, model, |pipeline| scan(pipeline, images));
    println!("with inventories: {}", resident());
    let model = pipeline(&store, &view, model, |pipeline| {
        let below = pipeline.model.next_package();
        let findings: Vec<_> = (0..below).map(package_findings).collect();
        pipeline.apply(Command::ChangeRevision { revision: "r1".parse().unwrap(), below, findings });
    });
    println!("{} packages, findings {:?}", view.package_count(), view.totals().findings);
    println!("filled in {:?}, built up live: {}", started.elapsed(), resident());
    drop(model);
    println!("file: {} MiB", std::fs::metadata(path).unwrap().len() >> 20);
}

fn scan(pipeline: &mut Pipeline<'_>, images: u32) {
    for n in 0..images {
        let id = LeaseId::from_bits(u128::from(n) + 1);
        let scanner = "scanner-1".parse().unwrap();
        let Answer::Lease(Some(grant)) = pipeline.apply(Command::Lease { scanner, holds: vec![], id }) else {
            panic!("no lease")
        };
        pipeline.apply(Command::Report { lease: grant.lease, report: Box::new(report(n)) });
    }
}

fn rate(what: &str, count: u64, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{what}: {count} in {seconds:.2} s, {:.0}/s", count as f64 / seconds);
}

fn load(path: &std::path::Path) {
    let store = SqliteStore::open(path, Options::default()).unwrap();
    let started = Instant::now();
    let snapshot = store.load().unwrap();
    println!("rows read in {:?}", started.elapsed());
    let view = View::of(&snapshot);
    let model = Model::restore(Settings::default(), snapshot);
    println!("loaded, restored and folded in {:?}", started.elapsed());
    println!("{} pods, {} findings: {}", view.pod_count(), view.totals().findings.total(), resident());
    drop(model);
}

/// 64 callers, each waiting until its one observation is durable.
fn single(path: &std::path::Path) {
    let store = SqliteStore::open(path, Options::default()).unwrap();
    let model = Mutex::new(Model::restore(Settings::default(), store.load().unwrap()));
    let (batches, worst) = (AtomicU64::new(0), AtomicU64::new(0));
    let per_caller = 1000;
    let started = Instant::now();
    std::thread::scope(|scope| {
        for caller in 0..64_u32 {
            let (store, model, batches, worst) = (&store, &model, &batches, &worst);
            scope.spawn(move || {
                for n in 0..per_caller {
                    let durable = observe_one(store, model, 1_000_000 + caller * per_caller + n);
                    batches.fetch_add(durable.batches as u64, Ordering::Relaxed);
                    worst.fetch_max(durable.waited.as_micros() as u64, Ordering::Relaxed);
                }
            });
        }
    });
    let count = u64::from(64 * per_caller);
    rate("observed one by one by 64 callers, durable", count, started);
    let mean = batches.into_inner() as f64 / count as f64;
    println!("batches in a commit, as callers saw it: {mean:.0}; longest wait {} µs", worst.into_inner());
}

fn observe_one(store: &SqliteStore, model: &Mutex<Model>, n: u32) -> Durable {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    {
        // Submitted in the order of the events' ids, as one writer would.
        let mut model = model.lock().unwrap();
        let observations = vec![Observation::PodPresent(pod(n, 10_000))];
        let applied = model.apply(Command::Observe { source: source(9), observations }, Timestamp::now());
        let done = move |outcome| sender.send(outcome).unwrap();
        store.submit(Batch::of(applied.unwrap().events), Box::new(done));
    }
    receiver.recv().unwrap().unwrap()
}

fn source(n: u32) -> SourceId {
    format!("kubernetes/cluster-{n}").parse().unwrap()
}

fn digest(kind: u8, n: u32) -> Digest {
    let mut bytes = [kind; 32];
    bytes[..4].copy_from_slice(&n.wrapping_mul(2_654_435_761).to_be_bytes());
    bytes[4..8].copy_from_slice(&n.to_be_bytes());
    Digest::sha256(bytes)
}

/// A pod with a container of its own image and a sidecar.
fn pod(n: u32, images: u32) -> ObservedPod {
    let container = |name: &str, image: u32| ObservedContainer {
        name: name.into(),
        kind: ContainerKind::Regular,
        reference: format!("registry.example.com/team-{}/service-{image}:1.{}", image % 90, image % 7).into(),
        reported: Some(ReportedImage { digest: digest(1, image), reference: None }),
        repo_digests: Vec::new(),
    };
    let namespace = format!("team-{}", n % 90);
    let service = n % images.max(1);
    ObservedPod {
        key: PodKey::new(&namespace, &format!("service-{service}-7d9c6b5f4-{n:05x}")).unwrap(),
        uid: format!("{n:08x}-1111-4222-8333-{n:012x}").into(),
        node: Some(format!("node-{}.example.com", n % 3000).into()),
        owner: Some(Owner::new("deployment", &format!("service-{service}")).unwrap()),
        phase: PodPhase::Running,
        started_at: Some(Timestamp::now()),
        labels: vec![
            ("app.kubernetes.io/name".into(), format!("service-{service}").into()),
            ("app.kubernetes.io/part-of".into(), namespace.into()),
        ],
        context: PodContext::default(),
        containers: vec![container("main", service), container("proxy", n % 3)],
    }
}

fn registration() -> Registration {
    Registration {
        name: "scanner-1".parse().unwrap(),
        version: "1".into(),
        extractor_set: "set-1".parse().unwrap(),
        node: None,
        sources: Vec::new(),
        platforms: Vec::new(),
        max_leases: 4,
        reach: Reach::Sources,
    }
}

/// A third of an image's packages comes with one of 200 bases, the rest from 40,000 others, the
/// popular ones more often.
fn report(image: u32) -> Report {
    let base = (0..PACKAGES_PER_IMAGE / 3).map(|n| (image % 200) * 100 + n);
    let own = (0..PACKAGES_PER_IMAGE * 2 / 3).map(|n| {
        let random = (image * 1_000 + n).wrapping_mul(2_654_435_761) >> 8;
        let share = f64::from(random) / f64::from(1_u32 << 24);
        20_000 + (share * share * 40_000.0) as u32
    });
    let package = |n: u32| {
        let name = format!("library-with-a-name-{n}");
        Package::new("Debian:12".parse().unwrap(), &name, &format!("1:{}.{}-3+deb12u1", n % 9, n % 50))
            .and_then(|package| package.with_architecture("amd64"))
            .and_then(|package| package.with_source(&format!("library-source-{}", n / 3), "1:2.3-3+deb12u1"))
            .unwrap()
    };
    Report {
        identity: Identity::default(),
        layers: (0..6)
            .map(|n| digest(2, if n < 3 { image % 200 * 10 + n } else { image * 10 + n }))
            .collect(),
        packages: base.chain(own).map(package).collect(),
        distro: None,
        problems: Vec::new(),
        extractor_set: "set-1".parse().unwrap(),
        engine: "native".into(),
        fetched_from: "containerd".into(),
    }
}

/// Every fifth package has three findings.
fn package_findings(n: u32) -> PackageFindings {
    let finding = |k: u32| {
        let id = (n / 5 * 3 + k) % 20_000;
        let vulnerability = Vulnerability {
            id: format!("CVE-2025-{id:05}").into(),
            aliases: vec![format!("DEBIAN-CVE-2025-{id:05}").into()],
            severity: Severity::ALL[id as usize % Severity::ALL.len()],
            score: Some(f64::from(id % 100) / 10.0),
            summary: format!("A flaw of the kind {id} lets somebody do something that they should not")
                .into(),
            url: None,
            published: Some(Timestamp::from_millis(1_700_000_000_000)),
        };
        Finding { vulnerability: Arc::new(vulnerability), fix: (k > 0).then(|| "1:9.9-1".into()) }
    };
    let count = if n.is_multiple_of(5) { 3 } else { 0 };
    PackageFindings { package: PackageId::new(n), findings: (0..count).map(finding).collect(), undecided: 0 }
}
