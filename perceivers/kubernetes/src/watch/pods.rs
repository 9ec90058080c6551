//! The pods of a scene, in the order of their keys. A pod is kept once: what is looked up is in it.

use crate::record::Pod;
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// A pod, found by its key.
#[derive(Debug)]
struct ByKey(Arc<Pod>);

impl Borrow<str> for ByKey {
    fn borrow(&self) -> &str {
        &self.0.key
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for ByKey {}

impl PartialOrd for ByKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key.cmp(&other.0.key)
    }
}

/// What is known of a pod beside what it says.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// The list that named it last.
    list: u32,
    told: bool,
}

/// The pods that are there.
#[derive(Debug, Default)]
pub struct Pods(BTreeMap<ByKey, Row>);

impl Pods {
    /// A pod is as described, and named by this list; answers it if that is news.
    pub fn take(&mut self, pod: Pod, list: u32) -> Option<Arc<Pod>> {
        let mut row = Row { list, told: false };
        let at = (Bound::Included(&*pod.key), Bound::Included(&*pod.key));
        let mut key = None;
        if let Some((ByKey(known), known_row)) = self.0.range_mut::<str, _>(at).next() {
            known_row.list = list;
            if **known == pod {
                return None;
            }
            row = *known_row;
            key = Some(Arc::clone(&known.key));
        }
        let pod = match key {
            Some(key) => {
                self.0.remove(&*key);
                Arc::new(Pod { key, ..pod })
            }
            None => Arc::new(pod),
        };
        self.0.insert(ByKey(Arc::clone(&pod)), row);
        Some(pod)
    }

    /// A pod is gone; answers it, and whether it was told of.
    pub fn remove(&mut self, key: &str) -> Option<(Arc<Pod>, bool)> {
        self.0.remove_entry(key).map(|(ByKey(pod), row)| (pod, row.told))
    }

    /// The pod of this key.
    pub fn get(&self, key: &str) -> Option<&Arc<Pod>> {
        self.0.get_key_value(key).map(|(ByKey(pod), _)| pod)
    }

    /// From now on a pod is told of, or not; answers whether it was.
    pub fn tell(&mut self, key: &str, told: bool) -> bool {
        self.0.get_mut(key).is_some_and(|row| std::mem::replace(&mut row.told, told))
    }

    /// Every pod.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.0.keys().map(|ByKey(pod)| pod)
    }

    /// Keys of the pods of a namespace.
    pub fn within(&self, namespace: &str) -> Vec<Arc<str>> {
        let begin = format!("{namespace}/");
        let from = (Bound::Included(begin.as_str()), Bound::Unbounded);
        let pods = self.0.range::<str, _>(from).map(|(ByKey(pod), _)| &pod.key);
        pods.take_while(|key| key.starts_with(&begin)).cloned().collect()
    }

    /// Keys of the pods that another list named last.
    pub fn not_of(&self, list: u32) -> Vec<Arc<str>> {
        let others = self.0.iter().filter(|(_, row)| row.list != list);
        others.map(|(ByKey(pod), _)| Arc::clone(&pod.key)).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Leave no room between them: a tree that was filled in order is half empty.
    pub fn pack(&mut self) {
        self.0 = std::mem::take(&mut self.0).into_iter().collect();
    }
}
