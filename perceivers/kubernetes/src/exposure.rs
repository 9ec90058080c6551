//! Exposure: which ways lead from outside the cluster to which pods, each with the objects that
//! prove it. Pure: objects go in, the pods whose ways may have changed come out.
//!
//! A way leads from an opening (an Ingress, a Gateway's route, a Route, or a Service that is a load
//! balancer or has node ports) over a Service to the pods that its EndpointSlices name as ready.

pub mod routes;
pub mod shapes;
mod slices;

use api_wire::context::ExposurePath;
use slices::Slices;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// How many ways are told of one pod; the first by name.
const MAX_WAYS: usize = 16;
/// How many host names are told of one way.
const MAX_HOSTS: usize = 16;
/// How often an ExternalName may point to another Service.
const MAX_HOPS: usize = 4;

/// A namespaced object: `namespace/name`.
pub type Key = Arc<str>;

/// What opens a way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpeningId {
    /// Its kind, as `Ingress`.
    pub kind: &'static str,
    /// Which.
    pub key: Key,
}

/// An opening: the Services that it leads to, and under which names from outside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opening {
    /// The wire's word for it, as `ingress`.
    pub way: &'static str,
    /// What stands before it, as `Gateway infra/public`.
    pub before: Vec<String>,
    /// Services with the host names that lead to them.
    pub backends: BTreeMap<Key, BTreeSet<String>>,
}

/// What a Service is by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Service {
    /// Open by itself: the wire's word, and the addresses that are known.
    pub open: Option<(&'static str, BTreeSet<String>)>,
    /// Another Service that its external name is.
    pub alias_of: Option<Key>,
}

impl Service {
    /// Whether it opens a way by itself, or leads on one that another opens.
    pub fn matters(&self) -> bool {
        *self != Service::default()
    }
}

/// An EndpointSlice: the pods that are ready behind a Service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slice {
    /// The Service.
    pub service: Option<Key>,
    /// Pods, as `namespace/name`.
    pub pods: BTreeSet<Key>,
}

/// All that leads to pods.
#[derive(Debug, Default)]
pub struct Ways {
    /// Only those that open a way or are another's name: most do neither.
    services: HashMap<Key, Service>,
    slices: Slices,
    openings: HashMap<OpeningId, Opening>,
    openings_of_service: HashMap<Key, Few<OpeningId>>,
    aliases_of_service: HashMap<Key, Few<Key>>,
}

/// A set of mostly one: a tree of one takes the room of eleven.
#[derive(Debug)]
struct Few<T>(Vec<T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Few(Vec::new())
    }
}

impl<T: Ord> Few<T> {
    fn insert(&mut self, value: T) {
        if let Err(at) = self.0.binary_search(&value) {
            if self.0.is_empty() {
                self.0.reserve_exact(1);
            }
            self.0.insert(at, value);
        }
    }

    fn remove(&mut self, value: &T) {
        if let Ok(at) = self.0.binary_search(value) {
            self.0.remove(at);
        }
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Ways {
    /// A Service is as described, or gone; answers the pods whose ways may have changed.
    pub fn set_service(&mut self, key: &Key, now: Option<Service>) -> BTreeSet<Key> {
        let now = now.filter(Service::matters);
        let before = match now.clone() {
            Some(service) => self.services.insert(Arc::clone(key), service),
            None => self.services.remove(key),
        };
        if before == now {
            return BTreeSet::new();
        }
        let target = |service: &Option<Service>| service.as_ref().and_then(|s| s.alias_of.clone());
        let (was, is) = (target(&before), target(&now));
        let mut touched = self.pods_behind(key);
        if let Some(was) = &was {
            leave(&mut self.aliases_of_service, was, key);
        }
        if let Some(is) = &is {
            self.aliases_of_service.entry(Arc::clone(is)).or_default().insert(Arc::clone(key));
        }
        for target in was.iter().chain(&is) {
            touched.extend(self.pods_behind(target));
        }
        touched
    }

    /// An EndpointSlice is as described, or gone; answers the pods whose ways may have changed.
    pub fn set_slice(&mut self, key: &Key, now: Option<Slice>) -> BTreeSet<Key> {
        self.slices.set(key, now)
    }

    /// An opening is as described, or gone; answers the pods whose ways may have changed.
    pub fn set_opening(&mut self, id: &OpeningId, now: Option<Opening>) -> BTreeSet<Key> {
        let before = match now.clone() {
            Some(opening) => self.openings.insert(id.clone(), opening),
            None => self.openings.remove(id),
        };
        if before == now {
            return BTreeSet::new();
        }
        let (before, now) = (before.unwrap_or_default(), now.unwrap_or_default());
        for service in before.backends.keys() {
            leave(&mut self.openings_of_service, service, id);
        }
        for service in now.backends.keys() {
            self.openings_of_service.entry(Arc::clone(service)).or_default().insert(id.clone());
        }
        before.backends.keys().chain(now.backends.keys()).flat_map(|key| self.pods_behind(key)).collect()
    }

    /// The ways that lead to a pod, in order of their names.
    pub fn of_pod(&self, pod: &str) -> Vec<ExposurePath> {
        let mut ways = BTreeSet::new();
        for (slice, service) in self.slices.of_pod(pod) {
            self.climb(service, &[format!("EndpointSlice {slice}")], MAX_HOPS, &mut ways);
        }
        ways.into_iter().take(MAX_WAYS).collect()
    }

    /// Whether any way leads to any pod.
    pub fn is_empty(&self) -> bool {
        self.services.is_empty() && self.slices.is_empty() && self.openings.is_empty()
    }

    /// From a Service towards the outside; `end` is what lies behind it, the nearest first.
    fn climb(&self, service: &Key, end: &[String], hops: usize, ways: &mut BTreeSet<ExposurePath>) {
        let mut inner = vec![format!("Service {service}")];
        inner.extend_from_slice(end);
        if let Some((way, hosts)) = self.services.get(service).and_then(|known| known.open.as_ref()) {
            ways.insert(ExposurePath {
                kind: (*way).to_owned(),
                hosts: hosts.iter().take(MAX_HOSTS).cloned().collect(),
                through: inner.clone(),
            });
        }
        for id in self.openings_of_service.get(service).into_iter().flatten() {
            let Some(opening) = self.openings.get(id) else { continue };
            let hosts = opening.backends.get(service).into_iter().flatten();
            let mut through = opening.before.clone();
            through.push(format!("{} {}", id.kind, id.key));
            through.extend_from_slice(&inner);
            ways.insert(ExposurePath {
                kind: opening.way.to_owned(),
                hosts: hosts.take(MAX_HOSTS).cloned().collect(),
                through,
            });
        }
        if hops > 0 {
            for alias in self.aliases_of_service.get(service).into_iter().flatten() {
                self.climb(alias, &inner, hops - 1, ways);
            }
        }
    }

    /// The pods that a Service leads to, also by another name.
    fn pods_behind(&self, service: &Key) -> BTreeSet<Key> {
        let (mut pods, mut at) = (BTreeSet::new(), Some(Arc::clone(service)));
        for _ in 0..=MAX_HOPS {
            let Some(service) = at else { break };
            pods.extend(self.slices.pods_of(&service).map(Key::from));
            at = self.services.get(&service).and_then(|known| known.alias_of.clone());
        }
        pods
    }
}

fn leave<V: Ord>(index: &mut HashMap<Key, Few<V>>, key: &Key, value: &V) {
    if let Some(values) = index.get_mut(key) {
        values.remove(value);
        if values.0.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
