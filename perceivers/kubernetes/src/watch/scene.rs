//! The scene: pods joined with their namespaces, accounts, nodes and owners, and which of them the
//! core is told of. Pure: what is heard goes in, what changed comes out.
//!
//! What leads to pods is heard too: the pods whose ways change with it are told again.

use super::heard::{Heard, Listing};
use super::nodes::Nodes;
use super::pods::Pods;
use super::roads::Roads;
use crate::asks::Asks;
use crate::config::WatchSettings;
use crate::exposure::routes::Route;
use crate::exposure::shapes::{SlimIngress, SlimService, SlimSlice};
use crate::filter::Filter;
use crate::map::{self, Chosen};
use crate::owners::{Resolvers, Workload};
use crate::record::{Controller, Pod, Shelf, Told, as_map};
use crate::slim::{SlimAccount, SlimNamespace, SlimNode, SlimPod};
use crate::tell::marks;
use api_vocab::{Owner, Uid};
use api_wire::context::PodContext;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Tell of this pod.
    See(Told),
    /// It is gone, or no longer looked at.
    Lose(Arc<str>),
    /// It bears these marks of ours.
    Bears(Arc<str>, Uid, Option<u64>),
    /// The workload of this id bears these marks of ours.
    WorkloadBears(Arc<str>, Option<u64>),
    /// Find out who is at the top above this.
    Who(Arc<Controller>),
    /// Something is wrong with an object; said once.
    Complain(String),
}

#[derive(Debug, Default)]
struct Space {
    labels: BTreeMap<String, String>,
    asks: Asks,
    list: u32,
}

#[derive(Debug)]
struct Account {
    secrets: Vec<String>,
    list: u32,
}

/// Pods joined with what surrounds them.
#[derive(Debug)]
pub struct Scene {
    filter: Filter,
    chosen: Chosen,
    shelf: Shelf,
    pods: Pods,
    spaces: BTreeMap<Box<str>, Space>,
    /// By `namespace/name`; only those that have secrets.
    accounts: BTreeMap<Box<str>, Account>,
    nodes: Nodes,
    workloads: HashMap<Arc<Controller>, Arc<Workload>>,
    waiting: HashMap<Arc<Controller>, Vec<Arc<str>>>,
    roads: Roads,
    listings: [Listing; KINDS],
    lists: [u32; KINDS],
    /// Everything beside pods was seen: each of them can be judged as it is heard.
    around: bool,
    complained: HashSet<String>,
    /// Whether it matters which marks objects bear.
    telling: bool,
    /// Judged as the news is taken: that of all pods at once would be as large as what is kept.
    unjudged: Vec<Arc<str>>,
    news: Vec<News>,
}

const PODS: usize = 0;
const SPACES: usize = 1;
const ACCOUNTS: usize = 2;
const SERVICES: usize = 3;
const SLICES: usize = 4;
const INGRESSES: usize = 5;
const NODES: usize = 6;
const KINDS: usize = 7;
/// News that are taken at once, about.
const MANY_NEWS: usize = 1_000;
/// Complaints that are remembered, so that each is made once.
const MAX_COMPLAINTS: usize = 10_000;

impl Scene {
    /// An empty scene.
    pub fn new(settings: &WatchSettings) -> Self {
        Scene {
            filter: settings.filter(),
            chosen: settings.chosen(),
            shelf: Shelf::default(),
            pods: Pods::default(),
            spaces: BTreeMap::new(),
            accounts: BTreeMap::new(),
            nodes: Nodes::default(),
            workloads: HashMap::new(),
            waiting: HashMap::new(),
            roads: Roads::default(),
            listings: [Listing::Awaited; KINDS],
            lists: [0; KINDS],
            around: false,
            complained: HashSet::new(),
            telling: false,
            unjudged: Vec::new(),
            news: Vec::new(),
        }
    }

    /// Says which marks objects bear, too.
    pub fn telling(mut self) -> Self {
        self.telling = true;
        self
    }

    /// What changed since this was called last, or a part of it; nothing once all was taken.
    pub fn take_news(&mut self) -> Vec<News> {
        while self.news.len() < MANY_NEWS
            && let Some(key) = self.unjudged.pop()
        {
            self.judge(&key);
        }
        if self.unjudged.is_empty() {
            self.unjudged = Vec::new();
        }
        std::mem::take(&mut self.news)
    }

    /// Whether everything that is needed was seen: what is told is all there is.
    pub fn is_whole(&self) -> bool {
        self.listings.iter().all(|listing| *listing != Listing::Awaited)
            && self.waiting.is_empty()
            && self.unjudged.is_empty()
    }

    /// How many pods there are, told or not.
    pub fn pods(&self) -> usize {
        self.pods.len()
    }

    /// Other settings are in force. Labels and annotations of pods follow with the next list.
    pub fn configure(&mut self, settings: &WatchSettings) {
        self.filter = settings.filter();
        self.chosen = settings.chosen();
        self.judge_all();
    }

    /// What is heard of pods.
    pub fn hear_pods(&mut self, heard: Heard<SlimPod>) {
        match heard {
            Heard::Begins => self.begin(PODS),
            Heard::Listed(pod) | Heard::Applied(pod) => self.take_pod(&pod),
            Heard::Gone(pod) => {
                let meta = &pod.metadata;
                let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref());
                let key = format!("{}/{}", namespace.unwrap_or_default(), name.unwrap_or_default());
                self.drop_pod(&key);
            }
            Heard::Complete => {
                self.pods.not_of(self.lists[PODS]).iter().for_each(|key| self.drop_pod(key));
                self.settle(PODS, Listing::complete);
                self.sweep();
            }
            Heard::Lost { .. } | Heard::Back => {}
        }
    }

    /// What is heard of namespaces.
    pub fn hear_namespaces(&mut self, heard: Heard<SlimNamespace>) {
        match heard {
            Heard::Begins => self.begin(SPACES),
            Heard::Listed(space) | Heard::Applied(space) => self.take_space(space),
            Heard::Gone(space) => self.drop_space(space.metadata.name.as_deref().unwrap_or_default()),
            Heard::Complete => {
                let gone: Vec<Box<str>> = stale(&self.spaces, self.lists[SPACES], |space| space.list);
                gone.iter().for_each(|name| self.drop_space(name));
                self.settle(SPACES, Listing::complete);
            }
            Heard::Lost { forbidden: true } => self.settle(SPACES, Listing::close),
            Heard::Lost { .. } | Heard::Back => {}
        }
    }

    /// What is heard of service accounts.
    pub fn hear_accounts(&mut self, heard: Heard<SlimAccount>) {
        match heard {
            Heard::Begins => self.begin(ACCOUNTS),
            Heard::Listed(account) | Heard::Applied(account) => self.take_account(&account),
            Heard::Gone(account) => self.set_account(&account_key(&account), Vec::new()),
            Heard::Complete => {
                let gone: Vec<Box<str>> = stale(&self.accounts, self.lists[ACCOUNTS], |account| account.list);
                gone.iter().for_each(|key| self.set_account(key, Vec::new()));
                self.settle(ACCOUNTS, Listing::complete);
            }
            Heard::Lost { forbidden: true } => self.settle(ACCOUNTS, Listing::close),
            Heard::Lost { .. } | Heard::Back => {}
        }
    }

    /// What is heard of nodes.
    pub fn hear_nodes(&mut self, heard: &Heard<SlimNode>) {
        let changed = self.nodes.hear(heard);
        self.await_no_longer(NODES, heard);
        if let Some(name) = changed.filter(|_| self.around) {
            let theirs = self.pods.iter().filter(|pod| pod.node.as_deref() == Some(&name));
            self.unjudged.extend(theirs.map(|pod| Arc::clone(&pod.key)));
        }
    }

    /// Who is at the top above these.
    pub fn hear_owners(&mut self, found: Resolvers) {
        let mut changed = HashSet::new();
        for (controller, workload) in found {
            if let Some(top) = workload.top.as_ref().filter(|_| self.telling) {
                self.news.push(News::WorkloadBears(top.uid.to_string().into(), workload.marks));
            }
            let before = self.workloads.insert(Arc::clone(&controller), Arc::clone(&workload));
            match (self.waiting.remove(&controller), before) {
                (Some(pods), _) => self.unjudged.extend(pods),
                (None, Some(before)) if before != workload => drop(changed.insert(controller)),
                (None, _) => {}
            }
        }
        if self.waiting.is_empty() {
            // At first nearly all of them wait.
            self.waiting.shrink_to(MANY_NEWS);
        }
        if !changed.is_empty() {
            self.judge_controlled(&changed);
        }
    }

    /// What is heard of Services.
    pub fn hear_services(&mut self, heard: &Heard<SlimService>) {
        let touched = self.roads.hear_services(heard);
        self.expose(SERVICES, heard, &touched);
    }

    /// What is heard of EndpointSlices.
    pub fn hear_slices(&mut self, heard: &Heard<SlimSlice>) {
        let touched = self.roads.hear_slices(heard);
        self.expose(SLICES, heard, &touched);
    }

    /// What is heard of Ingresses.
    pub fn hear_ingresses(&mut self, heard: &Heard<SlimIngress>) {
        let touched = self.roads.hear_ingresses(heard);
        self.expose(INGRESSES, heard, &touched);
    }

    /// What is heard of routes of one kind; not every cluster knows it, and none is waited for.
    pub fn hear_routes<R: Route>(&mut self, heard: &Heard<R>) {
        let touched = self.roads.hear_routes(heard);
        touched.iter().for_each(|key| self.judge(key));
    }

    fn expose<K>(&mut self, kind: usize, heard: &Heard<K>, touched: &BTreeSet<Arc<str>>) {
        self.await_no_longer(kind, heard);
        touched.iter().for_each(|key| self.judge(key));
    }

    /// Pods are not kept waiting for what leads to them, or what their nodes are, if that cannot be
    /// seen.
    fn await_no_longer<K>(&mut self, kind: usize, heard: &Heard<K>) {
        match heard {
            Heard::Complete => self.settle(kind, Listing::complete),
            Heard::Lost { .. } => self.settle(kind, Listing::close),
            _ => {}
        }
    }

    /// Every controller that a pod names: those to ask about again.
    pub fn controllers(&self) -> Vec<Arc<Controller>> {
        let named: HashSet<_> = self.pods.iter().filter_map(|pod| pod.controller.clone()).collect();
        named.into_iter().collect()
    }

    /// A list begins: what it does not name is stale once it is complete.
    fn begin(&mut self, kind: usize) {
        if let Some(list) = self.lists.get_mut(kind) {
            *list = list.wrapping_add(1);
        }
    }

    fn settle(&mut self, kind: usize, how: fn(&mut Listing)) {
        self.listings.get_mut(kind).into_iter().for_each(how);
        let beside = self.listings.iter().enumerate().filter(|(kind, _)| *kind != PODS);
        if !self.around && beside.into_iter().all(|(_, listing)| *listing != Listing::Awaited) {
            self.around = true;
            self.judge_all();
        }
    }

    fn take_pod(&mut self, seen: &SlimPod) {
        let mapped = match map::pod(seen, &self.chosen, &mut self.shelf) {
            Ok(mapped) => mapped,
            Err(error) => return self.complain(error.to_string()),
        };
        let (pod, list) = (mapped.pod, self.lists[PODS]);
        if self.telling {
            let marks = marks::present(&seen.metadata);
            self.news.push(News::Bears(Arc::clone(&pod.key), pod.uid.clone(), marks));
        }
        for complaint in mapped.complaints {
            self.complain(format!("pod {}: {complaint}", pod.key));
        }
        if let Some(pod) = self.pods.take(pod, list) {
            self.judge(&pod.key);
        }
    }

    fn drop_pod(&mut self, key: &str) {
        let Some((pod, told)) = self.pods.remove(key) else { return };
        if self.telling {
            self.news.push(News::Bears(Arc::clone(&pod.key), pod.uid.clone(), None));
        }
        if told {
            self.news.push(News::Lose(Arc::clone(&pod.key)));
        }
    }

    fn take_space(&mut self, seen: SlimNamespace) {
        let (asks, complaints) = Asks::parse(seen.metadata.annotations.as_ref());
        let name: Box<str> = seen.metadata.name.unwrap_or_default().into();
        for complaint in complaints {
            self.complain(format!("namespace {name}: {complaint}"));
        }
        let list = self.lists[SPACES];
        let space = Space { labels: seen.metadata.labels.unwrap_or_default(), asks, list };
        let before = self.spaces.insert(name.clone(), space);
        let same = |before: &Space| {
            self.spaces
                .get(&name)
                .is_some_and(|now| (&now.labels, &now.asks) == (&before.labels, &before.asks))
        };
        if !before.as_ref().is_some_and(same) {
            self.judge_space(&name);
        }
    }

    fn drop_space(&mut self, name: &str) {
        // Its pods go by their own events: a namespace ends when the last of them has.
        self.spaces.remove(name);
    }

    fn take_account(&mut self, seen: &SlimAccount) {
        self.set_account(&account_key(seen), map::secret_names(&seen.image_pull_secrets));
    }

    fn set_account(&mut self, key: &str, secrets: Vec<String>) {
        let list = self.lists[ACCOUNTS];
        let before = if secrets.is_empty() {
            self.accounts.remove(key)
        } else {
            self.accounts.insert(key.into(), Account { secrets: secrets.clone(), list })
        };
        if before.map(|account| account.secrets).unwrap_or_default() != secrets {
            self.judge_space(key.split_once('/').map_or("", |(namespace, _)| namespace));
        }
    }

    fn judge_all(&mut self) {
        self.unjudged = self.pods.iter().map(|pod| Arc::clone(&pod.key)).collect();
    }

    fn judge_space(&mut self, namespace: &str) {
        self.pods.within(namespace).iter().for_each(|key| self.judge(key));
    }

    /// Looks at all pods, however many controllers changed.
    fn judge_controlled(&mut self, changed: &HashSet<Arc<Controller>>) {
        let by = |pod: &Pod| pod.controller.as_ref().is_some_and(|controller| changed.contains(controller));
        let theirs = self.pods.iter().filter(|pod| by(pod));
        self.unjudged.extend(theirs.map(|pod| Arc::clone(&pod.key)));
    }

    /// Decide anew what the core is told of a pod; nothing, before everything around it was seen.
    fn judge(&mut self, key: &str) {
        let Some(pod) = self.pods.get(key).cloned() else { return };
        if !self.around {
            // Owners are found out meanwhile.
            if self.filter.wants_name(pod.namespace()) {
                self.workload(&pod);
            }
            return;
        }
        let space = self.spaces.get(pod.namespace());
        if space.is_none() && self.listings[SPACES] == Listing::Complete {
            // It is as new as the pod: its own event is on the way.
            return;
        }
        if !self.filter.wants(pod.namespace(), space.map(|space| &space.labels)) {
            return self.hide(key);
        }
        let outer = space.map(|space| space.asks.clone()).unwrap_or_default();
        let Some(workload) = self.workload(&pod) else { return };
        let asks = pod.surroundings.asks.or(&workload.asks).or(&outer);
        if asks.opts_out() {
            return self.hide(key);
        }
        let context = self.context(&pod, &asks);
        let context = self.shelf.contexts.share(context);
        self.pods.tell(key, true);
        let platform = pod.node.as_deref().and_then(|node| self.nodes.platform(node)).cloned();
        self.news.push(News::See(Told { pod, workload, context, platform }));
    }

    fn hide(&mut self, key: &str) {
        if self.pods.tell(key, false) {
            self.news.push(News::Lose(key.into()));
        }
    }

    /// The workload of a pod; none while it is being found out, which ends by judging it again.
    fn workload(&mut self, pod: &Pod) -> Option<Arc<Workload>> {
        let Some(controller) = &pod.controller else {
            let owner = Owner::new("pod", pod.name());
            let owner = owner.map_or_else(|_| "unknown/unknown".into(), |owner| owner.as_str().into());
            return Some(Arc::new(Workload { owner, asks: Asks::default(), top: None, marks: None }));
        };
        if let Some(workload) = self.workloads.get(controller) {
            return Some(Arc::clone(workload));
        }
        let news = &mut self.news;
        let waiting = self.waiting.entry(Arc::clone(controller)).or_insert_with(|| {
            news.push(News::Who(Arc::clone(controller)));
            Vec::new()
        });
        if waiting.last() != Some(&pod.key) {
            waiting.push(Arc::clone(&pod.key));
        }
        None
    }

    fn context(&self, pod: &Pod, asks: &Asks) -> PodContext {
        let around = &*pod.surroundings;
        let account = around.account.as_deref();
        let account = account.map(|account| format!("{}/{account}", pod.namespace()));
        let account = account.and_then(|key| self.accounts.get(key.as_str()));
        let mut pull_secrets: Vec<String> = around.pull_secrets.iter().map(ToString::to_string).collect();
        pull_secrets.extend(account.into_iter().flat_map(|account| account.secrets.iter().cloned()));
        pull_secrets.sort_unstable();
        pull_secrets.dedup();
        PodContext {
            service_account: around.account.as_deref().map(str::to_owned),
            annotations: as_map(&around.annotations),
            host_namespaces: around.host_namespaces.iter().map(|name| (*name).to_owned()).collect(),
            pull_secrets,
            exposure: self.roads.of_pod(&pod.key),
            settings: asks.settings(),
        }
    }

    fn complain(&mut self, complaint: String) {
        if self.complained.len() >= MAX_COMPLAINTS {
            self.complained.clear();
        }
        if self.complained.insert(complaint.clone()) {
            self.news.push(News::Complain(complaint));
        }
    }

    /// Let go of what no pod holds any more.
    fn sweep(&mut self) {
        let named: HashSet<Arc<Controller>> = self.controllers().into_iter().collect();
        self.workloads.retain(|controller, _| named.contains(controller));
        self.waiting.retain(|controller, _| named.contains(controller));
        drop(named);
        self.pods.pack();
        self.shelf.sweep();
    }
}

fn stale<K: Clone + Ord, V>(all: &BTreeMap<K, V>, list: u32, of: impl Fn(&V) -> u32) -> Vec<K> {
    all.iter().filter(|(_, value)| of(value) != list).map(|(key, _)| key.clone()).collect()
}

fn account_key(account: &SlimAccount) -> String {
    let meta = &account.metadata;
    let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref());
    format!("{}/{}", namespace.unwrap_or_default(), name.unwrap_or_default())
}

#[cfg(test)]
mod tests;
