//! What every handler has at hand.

use crate::advisories::Advisories;
use crate::config::WorkloadMetricsConfig;
use crate::engine::{Engine, EventStream};
use crate::keep::Keep;
use crate::matcher::Matcher;
use crate::metrics::CoreMetrics;
use crate::work::Work;
use api_chassis::clock::Clock;
use api_chassis::shutdown::Shutdown;
use core_model::{Thresholds, View};
use std::sync::Arc;

/// The core as handlers see it; clones are the same core.
#[derive(Clone)]
pub struct Core {
    /// Takes commands.
    pub engine: Engine,
    /// Hands out leases.
    pub work: Work,
    /// What readers see.
    pub view: Arc<View>,
    /// What happened lately.
    pub stream: EventStream,
    /// Inventories of images and layers.
    pub keep: Keep,
    /// The advisories in force.
    pub advisories: Advisories,
    /// Matches packages.
    pub matcher: Matcher,
    /// Counts.
    pub metrics: CoreMetrics,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Says when to end.
    pub shutdown: Shutdown,
    /// From which severities on findings matter for verdicts.
    pub thresholds: Thresholds,
    /// Which series per pod and workload are wanted.
    pub workload_metrics: Arc<WorkloadMetricsConfig>,
}
