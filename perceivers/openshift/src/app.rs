//! The perceiver put together: the Kubernetes perceiver, the watch of images beside it, and who
//! annotates Images.

use crate::annotate::Annotator;
use crate::annotate::quality::Style;
use crate::config::{Flags, OpenShiftSettings, Settings};
use crate::metrics::OpenShiftMetrics;
use crate::watch::ImageWatch;
use anyhow::Context;
use api_chassis::door::Door;
use api_chassis::shutdown::Shutdown;
use api_vocab::SourceKind;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use perceiver_kubernetes::app::{Beside, Platform, Term, run_as};
use tokio::sync::mpsc;

/// Perceive as the settings say until `shutdown` begins, serving health and metrics meanwhile; the
/// settings of the watch are read again when their file changes.
///
/// # Errors
/// A setting is wrong, or the address is taken.
pub async fn run(flags: &Flags, settings: Settings, shutdown: Shutdown) -> anyhow::Result<()> {
    let again = flags.clone();
    let read = move || Ok(again.settings()?.watch);
    let (kubernetes, openshift) = settings.split();
    let style = openshift.style(&kubernetes.tell, &kubernetes.core.core).context("settings")?;
    let pace = kubernetes.tell.writes_per_second;
    run_as(platform(&openshift, style, pace), kubernetes, flags.file(), read, shutdown).await
}

/// OpenShift, as the Kubernetes perceiver is told of it; Images are annotated in `style`, if at all,
/// and so many a second.
pub fn platform(settings: &OpenShiftSettings, style: Option<Style>, pace: u32) -> Platform {
    let depth = settings.depth();
    let beside = move |door: &mut Door| -> Beside {
        let metrics = OpenShiftMetrics::register(door.registry());
        Box::new(move |term| images(term, depth, style.clone().map(|style| (style, pace)), metrics.clone()))
    };
    Platform { kind: SourceKind::Openshift, beside: Some(Box::new(beside)) }
}

/// Watch the cluster's images, and annotate them: how, and how many a second.
fn images(
    term: Term,
    depth: usize,
    annotating: Option<(Style, u32)>,
    metrics: OpenShiftMetrics,
) -> BoxFuture<'static, ()> {
    let Some((style, pace)) = annotating else { return ImageWatch::new(term, depth, metrics).run().boxed() };
    let (to, notices) = mpsc::unbounded_channel();
    let annotator = Annotator::new(&term, style, pace, notices, metrics.clone());
    let watch = ImageWatch::new(term, depth, metrics).telling(to);
    futures_util::future::join(watch.run(), annotator.run()).map(drop).boxed()
}
