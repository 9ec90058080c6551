//! The perceiver put together: the Kubernetes perceiver, the watch of images beside it, and who
//! annotates Images.

use crate::annotate::Annotator;
use crate::annotate::plan::Ours;
use crate::config::{Flags, OpenShiftSettings, Settings};
use crate::metrics::OpenShiftMetrics;
use crate::slim;
use crate::watch::ImageWatch;
use anyhow::Context;
use api_chassis::door::Door;
use api_chassis::shutdown::Shutdown;
use api_vocab::SourceKind;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use perceiver_kubernetes::app::{Again, Beside, Platform, Term, run_as};
use tokio::sync::mpsc;

/// Perceive as the settings say until `shutdown` begins, serving health and metrics meanwhile; the
/// settings of the watch are read again when their file changes.
///
/// # Errors
/// A setting is wrong, or the address is taken.
pub async fn run(flags: &Flags, settings: Settings, shutdown: Shutdown) -> anyhow::Result<()> {
    let (again, begun) = (flags.clone(), settings.clone().split());
    let read = move || {
        let (fresh, openshift) = again.settings()?.split();
        Ok(Again { others: begun.0.differ_for_good(&fresh) || begun.1 != openshift, watch: fresh.watch })
    };
    let (kubernetes, openshift) = settings.split();
    let ours = openshift.ours(&kubernetes.tell, &kubernetes.core.core).context("settings")?;
    run_as(platform(&openshift, ours), kubernetes, flags.file(), read, shutdown).await
}

/// OpenShift, as the Kubernetes perceiver is told of it; `ours` is what is to be on Images, if they are
/// touched.
pub fn platform(settings: &OpenShiftSettings, ours: Option<Ours>) -> Platform {
    let depth = settings.depth();
    let beside = move |door: &mut Door| -> Beside {
        let metrics = OpenShiftMetrics::register(door.registry());
        Box::new(move |term| images(term, depth, ours.clone(), metrics.clone()))
    };
    Platform { kind: SourceKind::Openshift, written: vec![slim::images()], beside: Some(Box::new(beside)) }
}

/// Watch the cluster's images, and keep what is on them.
fn images(term: Term, depth: usize, ours: Option<Ours>, metrics: OpenShiftMetrics) -> BoxFuture<'static, ()> {
    let Some(ours) = ours else { return ImageWatch::new(term, depth, metrics).run().boxed() };
    let (to, notices) = mpsc::unbounded_channel();
    let annotator = Annotator::new(&term, ours, notices, metrics.clone());
    let watch = ImageWatch::new(term, depth, metrics).telling(to);
    futures_util::future::join(watch.run(), annotator.run()).map(drop).boxed()
}
