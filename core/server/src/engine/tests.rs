//! What happens when the disk says no: nobody is told of what is lost, and the model goes on from
//! what is there.

use super::{Engine, EngineError, EventStream, Flight, Publisher, Writer};
use crate::metrics::CoreMetrics;
use api_chassis::clock::ManualClock;
use api_chassis::health::Readiness;
use api_vocab::{Digest, ExtractorSet, PodPhase, Timestamp};
use core_model::{Answer, Command, Model, Observation, ObservedPod, Settings, Snapshot, View};
use core_store::{Batch, Done, MemoryStore, Notices, Store, StoreError};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A store that refuses batches until it was loaded again as often as `refusals` says.
#[derive(Default)]
struct FlakyStore {
    memory: MemoryStore,
    refusals: AtomicU32,
}

impl Store for FlakyStore {
    fn submit(&self, batch: Batch, done: Done) {
        if self.refusals.load(Ordering::SeqCst) > 0 {
            done(Err(StoreError::Behind));
        } else {
            self.memory.submit(batch, done);
        }
    }

    fn load(&self) -> Result<Snapshot, StoreError> {
        let left = self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok_and(|left| left > 1) {
            return Err(StoreError::Behind);
        }
        self.memory.load()
    }

    fn inventory(&self, image: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.memory.inventory(image)
    }

    fn layer(&self, diff_id: &Digest, extractor_set: &ExtractorSet) -> Result<Option<Vec<u8>>, StoreError> {
        self.memory.layer(diff_id, extractor_set)
    }

    fn notices_after(&self, id: u64, limit: usize) -> Result<Notices, StoreError> {
        self.memory.notices_after(id, limit)
    }
}

struct Bench {
    engine: Engine,
    store: Arc<FlakyStore>,
    view: Arc<View>,
    readiness: Readiness,
    threads: Vec<std::thread::JoinHandle<()>>,
}

fn start() -> Bench {
    let (engine, queue) = Engine::new();
    let store = Arc::new(FlakyStore::default());
    let view = Arc::new(View::default());
    let readiness = Readiness::default();
    let flight = Arc::new(Flight::default());
    let (landed, landing) = std::sync::mpsc::channel();
    let writer = Writer {
        queue,
        model: Model::new(Settings::default()),
        settings: Settings::default(),
        store: Arc::clone(&store) as Arc<dyn Store>,
        clock: Arc::new(ManualClock::at(Timestamp::from_millis(1_000))),
        flight: Arc::clone(&flight),
        landed,
        durable: readiness.latch("store", "not started"),
        stopped: false,
    };
    let publisher = Publisher {
        landed: landing,
        flight,
        view: Arc::clone(&view),
        stream: EventStream::after(0),
        work: Arc::clone(engine.work()),
        metrics: CoreMetrics::register(&mut Registry::default()),
    };
    let threads = vec![std::thread::spawn(|| writer.run()), std::thread::spawn(|| publisher.run())];
    Bench { engine, store, view, readiness, threads }
}

fn observe(name: &str) -> Command {
    let pod = ObservedPod {
        key: format!("/{name}").parse().unwrap(),
        uid: "u".into(),
        node: None,
        owner: None,
        phase: PodPhase::Running,
        started_at: None,
        labels: Vec::new(),
        context: core_model::PodContext::default(),
        containers: Vec::new(),
    };
    Command::Observe {
        source: "docker/host-1".parse().unwrap(),
        observations: vec![Observation::PodPresent(pod)],
    }
}

#[tokio::test]
async fn command_that_the_store_refused_is_not_seen_and_may_come_again() {
    let bench = start();
    assert!(matches!(bench.engine.apply(observe("a")).await, Ok(Answer::Observed(_))));
    bench.store.refusals.store(1, Ordering::SeqCst);
    assert_eq!(bench.engine.apply(observe("b")).await, Err(EngineError::NotDurable));
    assert_eq!(bench.view.pod_count(), 1);
    // The next command finds the loss; the model goes back to what is durable before it is applied.
    assert!(matches!(bench.engine.apply(observe("b")).await, Ok(Answer::Observed(_))));
    assert_eq!(bench.view.pod_count(), 2);
    assert_eq!(View::of(&bench.store.load().unwrap()).pod_count(), 2);
    assert!(bench.readiness.waiting().is_empty());
    bench.engine.stop().await;
    for thread in bench.threads {
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn commands_asked_while_the_store_takes_none_are_refused_and_it_recovers() {
    let bench = start();
    bench.store.refusals.store(3, Ordering::SeqCst);
    assert_eq!(bench.engine.apply(observe("a")).await, Err(EngineError::NotDurable));
    let (first, second) = tokio::join!(bench.engine.apply(observe("a")), bench.engine.apply(observe("b")));
    assert_eq!((first, second), (Err(EngineError::NotDurable), Err(EngineError::NotDurable)));
    assert_eq!(bench.readiness.waiting().first().map(|waiting| waiting.name), Some("store"));
    while bench.engine.apply(observe("a")).await.is_err() {}
    assert!(bench.readiness.waiting().is_empty());
    assert_eq!(bench.view.pod_count(), 1);
    bench.engine.stop().await;
}

#[tokio::test]
async fn writer_told_to_stop_while_the_store_takes_nothing_ends() {
    let bench = start();
    bench.store.refusals.store(u32::MAX, Ordering::SeqCst);
    assert_eq!(bench.engine.apply(observe("a")).await, Err(EngineError::NotDurable));
    assert_eq!(bench.engine.apply(observe("a")).await, Err(EngineError::NotDurable));
    bench.engine.stop().await;
    for thread in bench.threads {
        thread.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_many_callers_are_all_durable_when_answered() {
    let bench = start();
    let callers = (0..200).map(|n| {
        let (engine, store) = (bench.engine.clone(), Arc::clone(&bench.store));
        tokio::spawn(async move {
            engine.apply(observe(&format!("pod-{n}"))).await.unwrap();
            let kept = store.memory.load().unwrap();
            assert!(kept.pods.iter().any(|pod| pod.id.key.name() == format!("pod-{n}")));
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    assert_eq!(bench.view.pod_count(), 200);
    bench.engine.stop().await;
    assert_eq!(bench.engine.apply(observe("late")).await, Err(EngineError::Stopped));
}
