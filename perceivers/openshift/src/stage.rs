//! What the tests of this crate give a watch or an annotator to work with.

use crate::slim;
use api_chassis::clock::SystemClock;
use api_chassis::shutdown::Shutdown;
use api_client::fake::FakeCore;
use perceiver_kit::Sender;
use perceiver_kit::fake::at_once;
use perceiver_kubernetes::app::Term;
use perceiver_kubernetes::config::WatchSettings;
use perceiver_kubernetes::fake_api::FakeApi;
use perceiver_kubernetes::metrics::KubernetesMetrics;
use perceiver_kubernetes::owners::KubeReader;
use perceiver_kubernetes::record::Told;
use perceiver_kubernetes::tell::Writer;
use std::sync::Arc;
use tokio::sync::watch;

/// A term on these servers, and the sender of its sight.
pub(crate) fn a_term(
    api: &FakeApi,
    core: &FakeCore,
    watched: watch::Receiver<WatchSettings>,
    shutdown: &Shutdown,
) -> (Term, Sender<Told>) {
    let source: api_vocab::SourceId = "openshift/test".parse().unwrap();
    let client = core.client().unwrap();
    let sender = Sender::new(client.clone(), source.clone(), at_once(), Arc::new(SystemClock));
    let metrics = KubernetesMetrics::default();
    let reader = Arc::new(KubeReader::new(api.client(), Vec::new()));
    let writer = Writer::new(api.client(), reader, 1_000, metrics.clone()).knowing(slim::images());
    let term = Term {
        cluster: api.client(),
        core: client,
        source,
        sight: sender.sight(),
        watched,
        writer: Arc::new(writer),
        metrics,
        clock: Arc::new(SystemClock),
        shutdown: shutdown.clone(),
    };
    (term, sender)
}
