//! The objects that lead to pods, as they are heard: which pods' ways change with each.

use super::heard::Heard;
use crate::exposure::routes::Route;
use crate::exposure::shapes::{SlimIngress, SlimService, SlimSlice, key_of};
use crate::exposure::{Key, Opening, OpeningId, Service, Ways};
use api_wire::context::ExposurePath;
use kube::Resource;
use std::collections::{BTreeSet, HashMap};

/// Which list named an object last.
#[derive(Debug, Default)]
struct Marks {
    list: u32,
    named: HashMap<Key, u32>,
}

/// What leads to pods.
#[derive(Debug, Default)]
pub struct Roads {
    ways: Ways,
    services: Marks,
    slices: Marks,
    openings: HashMap<&'static str, Marks>,
}

impl Roads {
    /// The ways that lead to a pod.
    pub fn of_pod(&self, pod: &str) -> Vec<ExposurePath> {
        self.ways.of_pod(pod)
    }

    /// What is heard of Services; answers the pods whose ways may have changed.
    pub fn hear_services(&mut self, heard: &Heard<SlimService>) -> BTreeSet<Key> {
        let ways = &mut self.ways;
        let meaning = |service: &SlimService| Some(service.meaning()).filter(Service::matters);
        self.services.hear(heard, meaning, |key, service| ways.set_service(key, service))
    }

    /// The same for EndpointSlices.
    pub fn hear_slices(&mut self, heard: &Heard<SlimSlice>) -> BTreeSet<Key> {
        let ways = &mut self.ways;
        let meaning = |slice: &SlimSlice| Some(slice.meaning()).filter(|slice| !slice.pods.is_empty());
        self.slices.hear(heard, meaning, |key, slice| ways.set_slice(key, slice))
    }

    /// The same for Ingresses.
    pub fn hear_ingresses(&mut self, heard: &Heard<SlimIngress>) -> BTreeSet<Key> {
        self.hear_openings("Ingress", heard, |ingress| Some(ingress.meaning()))
    }

    /// The same for routes of one kind.
    pub fn hear_routes<R: Route>(&mut self, heard: &Heard<R>) -> BTreeSet<Key> {
        self.hear_openings(R::KIND, heard, Route::meaning)
    }

    fn hear_openings<K: Resource>(
        &mut self,
        kind: &'static str,
        heard: &Heard<K>,
        meaning: impl Fn(&K) -> Option<Opening>,
    ) -> BTreeSet<Key> {
        let ways = &mut self.ways;
        self.openings.entry(kind).or_default().hear(heard, meaning, |key, opening| {
            ways.set_opening(&OpeningId { kind, key: key.clone() }, opening)
        })
    }
}

impl Marks {
    /// Take in what is heard: `set` is told of each object that means something, or no longer does.
    fn hear<K: Resource, M>(
        &mut self,
        heard: &Heard<K>,
        meaning: impl Fn(&K) -> Option<M>,
        mut set: impl FnMut(&Key, Option<M>) -> BTreeSet<Key>,
    ) -> BTreeSet<Key> {
        match heard {
            Heard::Begins => {
                self.list = self.list.wrapping_add(1);
                BTreeSet::new()
            }
            Heard::Listed(object) | Heard::Applied(object) => {
                let (key, meaning) = (key_of(object.meta()), meaning(object));
                if meaning.is_some() {
                    self.named.insert(key.clone(), self.list);
                } else {
                    self.named.remove(&key);
                }
                set(&key, meaning)
            }
            Heard::Gone(object) => {
                let key = key_of(object.meta());
                self.named.remove(&key);
                set(&key, None)
            }
            Heard::Complete => {
                let list = self.list;
                let gone: Vec<Key> = self
                    .named
                    .iter()
                    .filter(|(_, named)| **named != list)
                    .map(|(key, _)| key.clone())
                    .collect();
                self.named.retain(|_, named| *named == list);
                gone.iter().flat_map(|key| set(key, None)).collect()
            }
            Heard::Lost { .. } | Heard::Back => BTreeSet::new(),
        }
    }
}
