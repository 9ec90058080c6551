//! The EndpointSlices, packed: there are as many of them as there are Services, and all but a few
//! lead nowhere from outside.

use super::{Key, Slice};
use std::collections::hash_map::RandomState;
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;

/// Between keys: none of an object has it, since the server takes none with it.
const END: char = '\n';

/// An EndpointSlice as it is kept.
#[derive(Debug, PartialEq, Eq)]
struct Packed {
    key: Key,
    service: Key,
    /// Keys of pods, one after the other: a text and a place in a tree for each would be four times
    /// as much.
    pods: Box<str>,
}

impl Packed {
    /// None of one that leads nowhere.
    fn new(key: &Key, slice: Slice) -> Option<Self> {
        let service = slice.service?;
        let named: Vec<&str> =
            slice.pods.iter().map(AsRef::as_ref).filter(|pod| !pod.contains(END)).collect();
        let pods = named.join("\n").into_boxed_str();
        (!named.is_empty()).then(|| Packed { key: Key::clone(key), service, pods })
    }

    fn pods(&self) -> impl Iterator<Item = &str> {
        self.pods.split(END)
    }
}

/// The EndpointSlices, by their keys, Services and pods.
#[derive(Debug, Default)]
pub(super) struct Slices {
    kept: Vec<Option<Packed>>,
    /// Places where none is kept.
    free: Vec<u32>,
    by_key: HashMap<Key, u32>,
    by_service: BTreeSet<(Key, u32)>,
    /// By what a pod's key comes to; two may come to the same.
    by_pod: BTreeSet<(u32, u32)>,
    /// Of our own, so that nobody can choose keys that come to the same.
    hasher: RandomState,
}

impl Slices {
    /// One is as described, or gone; answers the pods whose ways may have changed.
    pub(super) fn set(&mut self, key: &Key, now: Option<Slice>) -> BTreeSet<Key> {
        let now = now.and_then(|slice| Packed::new(key, slice));
        let place = self.by_key.get(key).copied();
        let before = place.and_then(|place| self.at(place));
        if before == now.as_ref() {
            return BTreeSet::new();
        }
        let touched = touched(before, now.as_ref());
        place.into_iter().for_each(|place| self.remove(place));
        now.into_iter().for_each(|now| self.insert(now));
        touched
    }

    /// Those that name a pod, each with its Service.
    pub(super) fn of_pod(&self, pod: &str) -> impl Iterator<Item = (&Key, &Key)> {
        let hash = self.hash(pod);
        let places = self.by_pod.range((hash, 0)..=(hash, u32::MAX));
        let found = places.filter_map(|(_, place)| self.at(*place));
        found
            .filter(move |slice| slice.pods().any(|named| named == pod))
            .map(|slice| (&slice.key, &slice.service))
    }

    /// The pods behind a Service.
    pub(super) fn pods_of(&self, service: &Key) -> impl Iterator<Item = &str> {
        let places = self.by_service.range((Key::clone(service), 0)..=(Key::clone(service), u32::MAX));
        places.filter_map(|(_, place)| self.at(*place)).flat_map(Packed::pods)
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty() && self.by_service.is_empty() && self.by_pod.is_empty()
    }

    fn at(&self, place: u32) -> Option<&Packed> {
        self.kept.get(place as usize)?.as_ref()
    }

    fn hash(&self, pod: &str) -> u32 {
        // Half of it is enough: what is found is looked at.
        self.hasher.hash_one(pod) as u32
    }

    fn remove(&mut self, place: u32) {
        let Some(gone) = self.kept.get_mut(place as usize).and_then(Option::take) else { return };
        for pod in gone.pods() {
            let hash = self.hash(pod);
            self.by_pod.remove(&(hash, place));
        }
        self.by_key.remove(&gone.key);
        self.by_service.remove(&(gone.service, place));
        self.free.push(place);
    }

    fn insert(&mut self, slice: Packed) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.kept.push(None);
            self.kept.len() as u32 - 1
        });
        for pod in slice.pods() {
            let hash = self.hash(pod);
            self.by_pod.insert((hash, place));
        }
        self.by_key.insert(Key::clone(&slice.key), place);
        self.by_service.insert((Key::clone(&slice.service), place));
        if let Some(free) = self.kept.get_mut(place as usize) {
            *free = Some(slice);
        }
    }
}

/// The pods that only one of both names; all, where they are of different Services.
fn touched(before: Option<&Packed>, now: Option<&Packed>) -> BTreeSet<Key> {
    let pods = |slice: Option<&Packed>| -> BTreeSet<Key> {
        slice.into_iter().flat_map(Packed::pods).map(Key::from).collect()
    };
    let service = |slice: Option<&Packed>| slice.map(|slice| Key::clone(&slice.service));
    let (was, is) = (pods(before), pods(now));
    if service(before) == service(now) { &was ^ &is } else { &was | &is }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn slice(service: &str, pods: &[String]) -> Slice {
        Slice { service: Some(service.into()), pods: pods.iter().map(|pod| pod.as_str().into()).collect() }
    }

    #[test]
    fn pods_of_no_possible_name_are_left_out() {
        let mut slices = Slices::default();
        slices.set(&"a/s".into(), Some(slice("a/web", &["a/x\na/y".to_owned(), "a/z".to_owned()])));
        assert_eq!(slices.of_pod("a/y").count(), 0);
        assert_eq!(slices.of_pod("a/z").count(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn what_is_found_is_what_was_set_last(
            steps in proptest::collection::vec(
                ((0..5u8, 0..3u8), proptest::option::of(proptest::collection::vec(0..6u8, 0..4))), 0..40),
        ) {
            let (mut slices, mut model) = (Slices::default(), BTreeMap::new());
            for ((key, service), pods) in steps {
                let (key, service) = (format!("ns/s{key}"), format!("ns/web{service}"));
                let pods = pods.map(|pods| pods.iter().map(|pod| format!("ns/p{pod}")).collect::<Vec<_>>());
                slices.set(&key.as_str().into(), pods.as_ref().map(|pods| slice(&service, pods)));
                match pods {
                    Some(pods) => drop(model.insert(key, (service, pods))),
                    None => drop(model.remove(&key)),
                }
            }
            for pod in (0..6).map(|pod| format!("ns/p{pod}")) {
                let found: BTreeSet<_> = slices.of_pod(&pod).map(|(key, of)| (key.to_string(), of.to_string())).collect();
                let naming = model.iter().filter(|(_, (_, pods))| pods.contains(&pod));
                prop_assert_eq!(found, naming.map(|(key, (of, _))| (key.clone(), of.clone())).collect::<BTreeSet<_>>());
            }
            for service in (0..3).map(|service| format!("ns/web{service}")) {
                let found: BTreeSet<_> = slices.pods_of(&service.as_str().into()).map(str::to_owned).collect();
                let behind = model.values().filter(|(of, _)| *of == service).flat_map(|(_, pods)| pods.clone());
                prop_assert_eq!(found, behind.collect::<BTreeSet<_>>());
            }
        }
    }
}
