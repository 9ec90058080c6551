//! What the pods of a large cluster cost in memory: bytes that the model and the view ask for.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]
#![allow(unsafe_code, reason = "counting what is allocated takes an allocator")]

use api_vocab::{ContainerKind, Digest, Owner, PodKey, PodPhase, SourceId, Timestamp};
use core_model::{
    Command, ExposurePath, Model, Observation, ObservedContainer, ObservedPod, PodContext, Privileges,
    Settings, View, WorkloadSettings,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is the system's allocator; only sizes are counted beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const PODS: usize = 15_000;
const WORKLOADS: usize = 3_000;
const IMAGES: usize = 1_000;
const NODES: usize = 500;
/// What a pod may cost: its id and name, its record, its place in maps, lists and on its node, and
/// its share of what its workload has in common; about 370 when this was written.
const MOST: usize = 420;

fn digest(n: usize) -> Digest {
    let mut bytes = [0x5a; 32];
    bytes[..8].copy_from_slice(&(n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Digest::sha256(bytes)
}

fn container(name: &str, kind: ContainerKind, image: usize) -> ObservedContainer {
    let repository = format!("registry.example.org/team{}/service{image}", image % 200);
    ObservedContainer {
        name: name.into(),
        kind,
        reference: format!("{repository}:1.4.2").into(),
        reported: Some(format!("{repository}@{}", digest(image)).parse().unwrap()),
        repo_digests: Vec::new(),
    }
}

/// Some workloads have a sidecar, some are open to the outside, all have a context.
fn pod(n: usize) -> ObservedPod {
    let workload = n % WORKLOADS;
    let (app, namespace) = (format!("checkout-{workload:04}"), format!("team-{:03}", workload % 97));
    let mut containers = vec![container("main", ContainerKind::Regular, workload % IMAGES)];
    if workload.is_multiple_of(3) {
        containers.insert(0, container("istio-init", ContainerKind::Init, 0));
        containers.push(container("istio-proxy", ContainerKind::Regular, 0));
    }
    let way = || ExposurePath {
        kind: "ingress".into(),
        hosts: [format!("{app}.example.com").into()].into(),
        through: ["Ingress", "Service", "EndpointSlice"]
            .map(|kind| format!("{kind} {namespace}/{app}").into())
            .into(),
    };
    let not_root = Privileges { root: Some(false), ..Privileges::default() };
    let context = PodContext {
        service_account: Some(if workload.is_multiple_of(3) { &*app } else { "default" }.into()),
        pull_secrets: [format!("registry-{namespace}").into()].into(),
        exposure: if workload.is_multiple_of(5) { [way()].into() } else { Box::default() },
        settings: WorkloadSettings::default(),
        privileges: containers.iter().map(|known| (known.name.clone(), not_root.clone())).collect(),
        ..PodContext::default()
    };
    ObservedPod {
        key: PodKey::new(&namespace, &format!("{app}-7d9c5b8f4w-{n:05x}")).unwrap(),
        uid: format!("3f0c1a52-7c1e-4b8f-9d52-{n:012x}").into(),
        node: Some(format!("ip-10-1-{}.eu-central-1.compute.internal", n % NODES).into()),
        owner: Some(Owner::new("deployment", &app).unwrap()),
        phase: PodPhase::Running,
        started_at: Some(Timestamp::from_millis(1_700_000_000_000 + n as i64)),
        labels: Vec::new(),
        context,
        containers,
    }
}

fn observe(model: &mut Model, view: &View, pods: usize) {
    let source: SourceId = "kubernetes/large".parse().unwrap();
    let now = Timestamp::from_millis(1_800_000_000_000);
    for first in (0..pods).step_by(100) {
        let observations = (first..first + 100).map(|n| Observation::PodPresent(pod(n))).collect();
        let command = Command::Observe { source: source.clone(), observations };
        model.apply(command, now).unwrap().events.iter().for_each(|event| view.fold(event));
    }
}

#[test]
fn pods_of_a_large_cluster_with_contexts_take_few_bytes() {
    let (mut model, view) = (Model::new(Settings::default()), View::default());
    let before = BYTES.load(Ordering::Relaxed);
    // Images are known from here on: these cost the same however many pods run them.
    observe(&mut model, &view, IMAGES);
    let images = BYTES.load(Ordering::Relaxed);
    observe(&mut model, &view, PODS);
    let (all, pods) = (BYTES.load(Ordering::Relaxed) - before, PODS - IMAGES);
    let each = (BYTES.load(Ordering::Relaxed) - images) / pods;
    assert_eq!((view.pod_count(), view.image_count()), (PODS as u64, IMAGES as u64));
    assert!(each <= MOST, "{each} bytes a pod, {all} in all; at most {MOST} were expected");
}
