//! What a perceiver keeps of a pod: the wire's own shape, or something smaller that renders it.

use api_wire::observation::ObservedPod;
use std::sync::Arc;

/// What a perceiver keeps of a pod until it is gone. Perceivers of few pods keep the wire's shape;
/// one of very many keeps a record that shares what pods have in common.
pub trait Kept: PartialEq + Clone + Send + Sync + 'static {
    /// `namespace/name`, or `/name`.
    fn key(&self) -> &str;

    /// The key, shared with whoever else keeps it.
    fn shared_key(&self) -> Arc<str> {
        self.key().into()
    }

    /// As the core is told.
    fn observed(&self) -> ObservedPod;
}

impl Kept for ObservedPod {
    fn key(&self) -> &str {
        &self.key
    }

    fn observed(&self) -> ObservedPod {
        self.clone()
    }
}
