//! A workload on the slate: its pods, and what was written of it.

use crate::record::{Controller, Pod, Told};
use crate::tell::event::Said;
use crate::tell::stand::Stand;
use api_vocab::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A workload and its pods.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Where it is; none before a pod of it was seen.
    pub(super) top: Option<Arc<Controller>>,
    /// As `deployment/web`.
    pub(super) owner: Arc<str>,
    /// Whether it is a pod of its own, whose marks are that pod's.
    pub(super) is_pod: bool,
    /// Its pods.
    pub(super) pods: BTreeSet<Arc<str>>,
    /// The marks it bears.
    pub(super) borne: Option<u64>,
    /// The marks that were written.
    pub(super) asked: Option<u64>,
    /// When its last pod went.
    pub(super) empty_since: Option<Timestamp>,
    /// What was told of it in events.
    pub(super) said: Said,
    last: Option<Arc<Stand>>,
}

impl Group {
    /// A pod is of this workload.
    pub(super) fn join(&mut self, told: &Told) {
        self.pods.insert(Arc::clone(&told.pod.key));
        self.empty_since = None;
        self.owner = Arc::clone(&told.workload.owner);
        self.is_pod = told.workload.top.is_none();
        if self.top.is_none() {
            self.top = Some(told.workload.top.clone().unwrap_or_else(|| itself(&told.pod)));
        }
    }

    /// `stand`, or the one like it that another pod has.
    pub(super) fn share(&mut self, stand: Stand) -> Arc<Stand> {
        match &self.last {
            Some(last) if **last == stand => Arc::clone(last),
            _ => {
                let fresh = Arc::new(stand);
                self.last = Some(Arc::clone(&fresh));
                fresh
            }
        }
    }
}

/// The id of a pod's workload: its own if nothing stands above it.
pub(super) fn id(told: &Told) -> Arc<str> {
    let uid = told.workload.top.as_ref().map_or(&told.pod.uid, |top| &top.uid);
    uid.to_string().into()
}

fn itself(pod: &Pod) -> Arc<Controller> {
    Arc::new(Controller {
        api_version: "v1".into(),
        kind: "Pod".into(),
        namespace: pod.namespace().into(),
        name: pod.name().into(),
        uid: pod.uid.clone(),
    })
}
