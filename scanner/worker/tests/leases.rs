//! The life of a lease: what happens when all goes well, and when something is away.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests.

mod parts;

use api_client::fake::Answer;
use api_vocab::{Digest, ExtractorSet, Inventory, ProblemCode};
use api_wire::error::ErrorCode;
use api_wire::layer::LayerInventory;
use api_wire::lease::{FailureKind, LayerAnswer, ScanFailure};
use api_wire::report::ScanReport;
use parts::*;
use scanner_engines::{Engine, Native, Stopwatch};
use scanner_worker::{Pressure, PressureSettings};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What the fake core would have kept of each layer, had a scanner sent it.
async fn sent_layers() -> Vec<LayerInventory> {
    let running = Setup::of(FakeSource::of(debian()), CoreState::granting(1)).start().await;
    running.until("/report", 1).await;
    let sent = running
        .core
        .asked()
        .into_iter()
        .filter(|request| request.line().contains("PUT") && request.path.contains("/layers/"));
    let sent = sent.map(|request| request.json().unwrap()).collect();
    running.stop().await;
    sent
}

async fn report_of(running: &Running) -> ScanReport {
    running.until("/report", 1).await.json().unwrap()
}

#[tokio::test]
async fn image_is_extracted_and_reported_and_released() {
    let source = FakeSource::of(debian());
    let running = Setup::of(source.clone(), CoreState::granting(1)).start().await;
    let report = report_of(&running).await;
    assert_eq!(report.layers, source.digests());
    assert_eq!((report.engine.as_str(), report.fetched_from.as_str()), ("native", "fake"));
    let [installed] = report.inventory.packages.as_slice() else { panic!("{report:?}") };
    assert_eq!(
        (installed.package.name.as_str(), installed.layer.as_ref()),
        ("openssl", source.digests().get(1))
    );
    assert_eq!(running.count("/layers/sha256"), 2, "each layer is handed over");
    assert_eq!(running.count("/failure"), 0);
    running.stop().await;
    assert_eq!((source.opened().len(), source.released()), (1, 1));
}

/// Reads the time of a layer off the number of times it is asked for.
struct Impatient(Native);

impl Engine for Impatient {
    fn name(&self) -> &'static str {
        "impatient"
    }

    fn extractor_set(&self) -> ExtractorSet {
        self.0.extractor_set()
    }

    fn extract_layer(&self, layer: &mut dyn Read, _: Stopwatch<'_>) -> scanner_extract::LayerInventory {
        let asked = AtomicU64::new(0);
        self.0.extract_layer(layer, &|| Duration::from_secs(asked.fetch_add(1, Ordering::Relaxed)))
    }

    fn stack(&self, layers: &[scanner_extract::LayerInventory]) -> Inventory {
        self.0.stack(layers)
    }
}

#[tokio::test]
async fn layer_without_end_is_partial_and_does_not_keep_the_others_waiting() {
    let source = FakeSource::of(debian()).reading(&[Reading::Endless]);
    let mut setup = Setup::of(source.clone(), CoreState::granting(1));
    setup.engine = Arc::new(Impatient(Native::default()));
    let running = setup.start().await;
    let report = report_of(&running).await;
    assert_eq!(report.inventory.packages.len(), 1, "of the other layer");
    assert!(
        report.inventory.problems.iter().any(|problem| problem.code == ProblemCode::TimeExceeded),
        "{report:?}"
    );
    assert_eq!(running.count("/layers/sha256"), 1, "what was not read to its end is not handed over");
    running.stop().await;
    let wanted: Vec<usize> = source.opened().iter().map(Vec::len).collect();
    assert_eq!(wanted, [2, 1]);
}

#[tokio::test]
async fn layer_known_is_loaded_and_not_fetched() {
    let known = sent_layers().await;
    let source = FakeSource::of(debian());
    let mut core = CoreState::granting(1);
    core.known = known.into_iter().map(|layer| (layer.diff_id.clone(), layer)).take(2).collect();
    let running = Setup::of(source.clone(), core).start().await;
    assert_eq!(report_of(&running).await.inventory.packages.len(), 1);
    running.stop().await;
    assert!(source.opened().is_empty());
}

#[tokio::test]
async fn layer_known_but_malformed_is_extracted_again() {
    let mut known = sent_layers().await;
    known[0].shadows = "nonsense".into();
    let source = FakeSource::of(debian());
    let mut core = CoreState::granting(1);
    let broken = known.remove(0);
    let diff_id = broken.diff_id.clone();
    core.known.insert(diff_id.clone(), broken);
    let running = Setup::of(source.clone(), core).start().await;
    assert_eq!(report_of(&running).await.inventory.packages.len(), 1);
    running.stop().await;
    assert!(source.opened()[0].contains(&diff_id));
}

#[tokio::test]
async fn layer_busy_is_waited_for_and_then_loaded() {
    let known = sent_layers().await;
    let source = FakeSource::of(debian());
    let mut core = CoreState::granting(1);
    core.busy = known.iter().map(|layer| (layer.diff_id.clone(), 2)).collect();
    core.known = known.into_iter().map(|layer| (layer.diff_id.clone(), layer)).collect();
    let running = Setup::of(source.clone(), core).start().await;
    assert_eq!(report_of(&running).await.inventory.packages.len(), 1);
    assert_eq!(running.count("/layers"), 3 + 2, "three questions, two layers loaded");
    running.stop().await;
    assert!(source.opened().is_empty());
}

#[tokio::test]
async fn layer_busy_for_too_long_is_extracted_and_not_handed_over() {
    let source = FakeSource::of(debian());
    let mut core = CoreState::granting(1);
    core.busy = source.digests().into_iter().map(|diff_id| (diff_id, u32::MAX)).collect();
    let running = Setup::of(source.clone(), core).start().await;
    assert_eq!(report_of(&running).await.inventory.packages.len(), 1);
    assert_eq!(running.count("PUT /api/v1/leases"), 0);
    running.stop().await;
}

#[tokio::test]
async fn image_scanned_already_is_neither_read_nor_reported() {
    let source = FakeSource::of(debian());
    let mut core = CoreState::granting(2);
    let settled = LayerAnswer { settled: true, ..LayerAnswer::default() };
    core.first = vec![("/layers", Answer::json(200, &settled))];
    let running = Setup::of(source.clone(), core).start().await;
    report_of(&running).await;
    running.stop().await;
    assert_eq!(source.opened().len(), 1, "only the second lease's image is read");
}

#[tokio::test]
async fn layer_twice_in_an_image_is_fetched_once() {
    let mut layers = debian();
    layers.push(layers[0].clone());
    let source = FakeSource::of(layers);
    let running = Setup::of(source.clone(), CoreState::granting(1)).start().await;
    assert_eq!(report_of(&running).await.layers.len(), 3);
    running.stop().await;
    assert_eq!(source.opened().concat().len(), 2);
}

#[tokio::test]
async fn lease_lost_within_a_scan_is_abandoned_at_once() {
    let source = FakeSource::of(debian()).reading(&[Reading::Stall]);
    let mut core = CoreState::granting(1);
    core.lasts = 1;
    core.first = vec![("/renew", Answer::refusal(409, "lease_lost", "expired"))];
    let running = Setup::of(source.clone(), core).start().await;
    source.until_opened(1).await;
    running.until("/renew", 1).await;
    // The lane is free again: it asks for more.
    running.until("POST /api/v1/leases", 2).await;
    assert_eq!((running.count("/report"), running.count("/failure")), (0, 0));
    running.stop().await;
    assert_eq!(source.released(), 1);
}

#[tokio::test]
async fn lease_is_renewed_while_its_scan_goes_on() {
    let source = FakeSource::of(debian()).reading(&[Reading::Stall]);
    let mut core = CoreState::granting(1);
    core.lasts = 1;
    let running = Setup::of(source.clone(), core).start().await;
    running.until("/renew", 4).await;
    source.go_on();
    report_of(&running).await;
    running.stop().await;
}

#[tokio::test]
async fn core_away_at_first_is_waited_for() {
    let setup = Setup { is_cut: true, ..Setup::of(FakeSource::of(debian()), CoreState::granting(1)) };
    let running = setup.start().await;
    running.core.mend();
    report_of(&running).await;
    running.stop().await;
}

#[tokio::test]
async fn core_away_when_the_report_is_due_gets_it_later() {
    let mut core = CoreState::granting(1);
    core.first = vec![
        ("/report", Answer::Cut),
        ("/report", Answer::refusal(503, "unavailable", "starting")),
        ("/report", Answer::Cut),
    ];
    let running = Setup::of(FakeSource::of(debian()), core).start().await;
    running.until("/report", 4).await;
    running.until("POST /api/v1/leases", 2).await;
    assert_eq!((running.count("/report"), running.count("/failure")), (4, 0));
    running.stop().await;
}

#[tokio::test]
async fn core_that_does_not_take_a_layer_gets_the_report_all_the_same() {
    let mut core = CoreState::granting(1);
    core.first = vec![("/layers/sha256", Answer::refusal(413, "too_large", "too large"))];
    let running = Setup::of(FakeSource::of(debian()), core).start().await;
    assert_eq!(report_of(&running).await.inventory.packages.len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn core_that_forgot_the_scanner_hears_from_it_again() {
    let mut core = CoreState::granting(1);
    core.first = vec![("POST /api/v1/leases", Answer::refusal(409, "conflict", "register first"))];
    let running = Setup::of(FakeSource::of(debian()), core).start().await;
    report_of(&running).await;
    assert_eq!(running.count("PUT /api/v1/scanners/scanner-1"), 2);
    running.stop().await;
}

#[tokio::test]
async fn fetcher_away_burns_no_lease_until_it_is_back() {
    let source = FakeSource::of(debian());
    source.fail(Some(ErrorCode::Unavailable));
    let running = Setup::of(source.clone(), CoreState::granting(1)).start().await;
    running.until("/scanners/scanner-1", 1).await;
    assert_eq!(running.count("POST /api/v1/leases"), 0);
    source.fail(None);
    report_of(&running).await;
    running.stop().await;
}

#[tokio::test]
async fn layer_cut_on_the_way_is_fetched_again() {
    let source = FakeSource::of(debian()).reading(&[Reading::Cut, Reading::Cut]);
    let running = Setup::of(source.clone(), CoreState::granting(1)).start().await;
    assert_eq!(report_of(&running).await.inventory.packages.len(), 1);
    running.stop().await;
    assert_eq!(source.opened().len(), 3);
}

async fn failure_of(source: FakeSource) -> ScanFailure {
    let running = Setup::of(source, CoreState::granting(1)).start().await;
    let failure = running.until("/failure", 1).await.json().unwrap();
    assert_eq!(running.count("/report"), 0);
    running.stop().await;
    failure
}

#[tokio::test]
async fn layer_cut_each_time_is_a_transient_failure() {
    let failure = failure_of(FakeSource::of(debian()).reading(&[Reading::Cut; 8])).await;
    assert_eq!(failure.kind, FailureKind::Transient);
}

#[tokio::test]
async fn layer_of_other_bytes_is_a_permanent_failure() {
    let failure = failure_of(FakeSource::of(debian()).reading(&[Reading::Wrong])).await;
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert!(failure.message.contains("layer sha256:"), "{}", failure.message);
}

#[tokio::test]
async fn layer_reconstructed_is_not_verified_and_not_handed_over() {
    let source = FakeSource::of(debian()).reading(&[Reading::Reconstructed]);
    let running = Setup::of(source.clone(), CoreState::granting(1)).start().await;
    assert_eq!(report_of(&running).await.layers, source.digests());
    assert_eq!(running.count("PUT /api/v1/leases"), 0);
    running.stop().await;
}

#[tokio::test]
async fn image_for_windows_is_a_permanent_failure() {
    let failure = failure_of(FakeSource::of(debian()).with_os("windows")).await;
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert!(failure.message.contains("windows/amd64"), "{}", failure.message);
}

#[tokio::test]
async fn shutdown_lets_a_scan_finish() {
    let source = FakeSource::of(debian()).reading(&[Reading::Stall]);
    let running = Setup::of(source.clone(), CoreState::granting(2)).start().await;
    source.until_opened(1).await;
    running.shutdown.begin();
    source.go_on();
    report_of(&running).await;
    assert_eq!(running.count("POST /api/v1/leases"), 3, "asked for a lease, for its layers, reported");
    running.stop().await;
}

#[tokio::test]
async fn lease_on_its_way_when_shutdown_begins_is_worked_on() {
    let running = Setup::of(FakeSource::of(debian()), CoreState::default()).start().await;
    let (state, shutdown) = (Arc::clone(&running.state), running.shutdown.clone());
    state.lock().unwrap().lasts = 60;
    running.core.answer_by(move |request| {
        let mut state = state.lock().unwrap();
        if request.line() == "POST /api/v1/leases" && !shutdown.has_begun() {
            shutdown.begin();
            state.to_grant = 1;
        }
        state.answer(request)
    });
    report_of(&running).await;
    running.stop().await;
}

#[tokio::test]
async fn shutdown_gives_a_scan_back_that_takes_too_long() {
    let source = FakeSource::of(debian()).reading(&[Reading::Stall]);
    let setup = Setup { drain: Duration::ZERO, ..Setup::of(source.clone(), CoreState::granting(1)) };
    let running = setup.start().await;
    source.until_opened(1).await;
    running.shutdown.begin();
    let failure: ScanFailure = running.until("/failure", 1).await.json().unwrap();
    assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Transient, "the scanner shuts down"));
    running.stop().await;
}

/// Panics once, then works.
struct Panicking(Native, AtomicBool);

impl Engine for Panicking {
    fn name(&self) -> &'static str {
        "panicking"
    }
    fn extractor_set(&self) -> ExtractorSet {
        self.0.extractor_set()
    }
    fn extract_layer(
        &self,
        layer: &mut dyn Read,
        stopwatch: Stopwatch<'_>,
    ) -> scanner_extract::LayerInventory {
        assert!(self.1.swap(true, Ordering::Relaxed), "first time");
        self.0.extract_layer(layer, stopwatch)
    }
    fn stack(&self, layers: &[scanner_extract::LayerInventory]) -> Inventory {
        self.0.stack(layers)
    }
}

#[tokio::test]
async fn engine_that_panics_fails_one_scan_and_not_the_scanner() {
    let engine: Arc<dyn Engine> = Arc::new(Panicking(Native::default(), AtomicBool::new(false)));
    let setup = Setup { engine, ..Setup::of(FakeSource::of(debian()), CoreState::granting(2)) };
    let running = setup.start().await;
    let failure: ScanFailure = running.until("/failure", 1).await.json().unwrap();
    assert_eq!(failure.kind, FailureKind::Transient);
    assert_eq!(report_of(&running).await.inventory.packages.len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn node_under_pressure_gets_no_lease_until_it_is_over() {
    let looked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (counted, eased) = (Arc::clone(&looked), Arc::new(AtomicBool::new(false)));
    let is_eased = Arc::clone(&eased);
    let read = move |path: &str| {
        counted.fetch_add(usize::from(path == "/proc/pressure/memory"), Ordering::SeqCst);
        let percent = if is_eased.load(Ordering::SeqCst) { 1 } else { 50 };
        Some(format!("some avg10={percent}.00 avg60=0.00 avg300=0.00 total=0\n"))
    };
    let pressure = Pressure::told_by(PressureSettings::default(), Arc::new(read));
    let source = FakeSource::of(debian());
    let running = Setup { pressure, ..Setup::of(source, CoreState::granting(1)) }.start().await;
    let looked_often = async {
        while looked.load(Ordering::SeqCst) < 5 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looked_often).await.unwrap();
    assert_eq!(running.count("POST /api/v1/leases"), 0);
    eased.store(true, Ordering::SeqCst);
    running.until("/report", 1).await;
    running.stop().await;
}

/// A fetch that fails has the stores asked anew before the next lease.
#[tokio::test]
async fn registry_reached_is_told_and_told_again_when_it_changes() {
    let source = FakeSource::of(debian()).reading(&[Reading::Stall, Reading::Cut]);
    source.registry(true);
    let running = Setup::of(source.clone(), CoreState::granting(2)).start().await;
    let told: api_wire::scanner::ScannerRegistration =
        running.until("/scanners/scanner-1", 1).await.json().unwrap();
    assert_eq!(told.registry, Some(true));
    source.until_opened(1).await;
    source.registry(false);
    source.go_on();
    let told: api_wire::scanner::ScannerRegistration =
        running.until("/scanners/scanner-1", 2).await.json().unwrap();
    assert_eq!(told.registry, Some(false));
    running.stop().await;
}

#[tokio::test]
async fn leases_are_asked_for_with_what_the_stores_hold() {
    let source = FakeSource::of(debian());
    let running = Setup::of(source.clone(), CoreState::granting(0)).start().await;
    let asked: api_wire::lease::LeaseRequest = running.until("POST /api/v1/leases", 1).await.json().unwrap();
    let held: Vec<Digest> = asked.holds;
    assert_eq!(held, source.digests());
    running.stop().await;
}
