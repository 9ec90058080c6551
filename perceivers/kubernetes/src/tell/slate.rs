//! The slate: joins what the perceiver shows with what the core thinks of it, and decides what is to
//! be written. Pure: what is learnt goes in, one write at a time comes out.
//!
//! It remembers what is due, not what is to be written: that is worked out when the writer is ready,
//! so that of many changes the latest is written, once.

mod decide;
mod group;

use super::event::Talk;
use super::known::{Entry, Found};
use super::settings::TellSettings;
use super::stand::Stand;
use super::write::{Closed, Outcome, What, Write};
use crate::record::Told;
use api_vocab::{SourceId, Timestamp, Uid};
use api_wire::standing::PodStanding;
use group::Group;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How long a workload without pods is left as it is: its next ones may be on their way.
const EMPTY: Duration = Duration::from_secs(60);
/// How long what may not be written is left alone.
const CLOSED: Duration = Duration::from_secs(600);

/// How much is decided in one go.
const AT_ONCE: usize = 256;

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Write this; then call [`Slate::conclude`].
    Write(Box<Write<Memo>>),
    /// Nothing before this time, unless something is learnt.
    Wait(Timestamp),
    /// Nothing until something is learnt.
    Idle,
}

/// What a write is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Memo {
    /// Marks of a pod.
    Pod {
        /// Its key.
        key: Arc<str>,
        /// What they are remembered by.
        print: u64,
    },
    /// Marks of a workload.
    Workload {
        /// Its id.
        id: Arc<str>,
        /// What they are remembered by.
        print: u64,
    },
    /// An object beside a workload.
    Beside {
        /// The workload's id.
        id: Arc<str>,
        /// What will be known of it; none if it is deleted.
        entry: Option<Box<Entry>>,
    },
    /// Nothing is remembered of it.
    Said,
}

/// What may be due.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Due {
    Pod(Arc<str>),
    Group(Arc<str>),
}

#[derive(Debug)]
struct Row {
    told: Told,
    group: Arc<str>,
    stand: Option<Arc<Stand>>,
    /// The connection by which the core said so.
    heard: u32,
    /// The marks that were written.
    asked: Option<u64>,
}

/// Kind of object and what is written there: what may be closed.
type Closable = (What, Arc<str>);
/// A kind, namespace and name.
type Beside = (What, String, String);

/// Joins both sides, and decides what to write.
#[derive(Debug)]
pub struct Slate {
    settings: TellSettings,
    source: SourceId,
    reporter: String,
    rows: HashMap<Arc<str>, Row>,
    groups: HashMap<Arc<str>, Group>,
    /// Marks that pods bear, told or not.
    borne: HashMap<Arc<str>, (Uid, u64)>,
    /// How pods stand that were not seen yet.
    early: HashMap<String, (String, Stand)>,
    /// What is beside workloads, by the workload's id.
    beside: HashMap<Arc<str>, BTreeMap<Beside, Entry>>,
    /// Whose each of these is.
    whose: HashMap<Beside, Arc<str>>,
    listed: HashSet<What>,
    seen: bool,
    stood: bool,
    connection: u32,
    due: VecDeque<Due>,
    waiting: HashSet<Due>,
    ready: VecDeque<Write<Memo>>,
    emptied: BTreeSet<(Timestamp, Arc<str>)>,
    closed: HashMap<Closable, Timestamp>,
    /// Workloads whose list of vulnerabilities may have changed though their numbers have not.
    recheck: HashSet<Arc<str>>,
    talk: Talk,
}

impl Slate {
    /// An empty slate, for pods of `source`; `reporter` is who speaks in events.
    pub fn new(settings: TellSettings, source: SourceId, reporter: String) -> Self {
        Slate {
            settings,
            source,
            reporter,
            rows: HashMap::new(),
            groups: HashMap::new(),
            borne: HashMap::new(),
            early: HashMap::new(),
            beside: HashMap::new(),
            whose: HashMap::new(),
            listed: HashSet::new(),
            seen: false,
            stood: false,
            connection: 0,
            due: VecDeque::new(),
            waiting: HashSet::new(),
            ready: VecDeque::new(),
            emptied: BTreeSet::new(),
            closed: HashMap::new(),
            recheck: HashSet::new(),
            talk: Talk::default(),
        }
    }

    /// A pod bears these marks of ours, or none.
    pub fn bear(&mut self, key: &Arc<str>, uid: &Uid, marks: Option<u64>) {
        let before = match marks {
            Some(marks) => self.borne.insert(Arc::clone(key), (uid.clone(), marks)),
            None => self.borne.remove(key),
        };
        // Where nothing is wanted, nothing may be left of ours.
        if before.is_none() && marks.is_some() {
            self.want(Due::Pod(Arc::clone(key)));
        }
    }

    /// A workload bears these marks of ours, or none, as far as was read.
    pub fn workload_bears(&mut self, id: &Arc<str>, marks: Option<u64>) {
        if marks.is_none() && !self.groups.contains_key(id) {
            return;
        }
        let group = self.groups.entry(Arc::clone(id)).or_default();
        if group.borne != marks {
            group.borne = marks;
            self.want(Due::Group(Arc::clone(id)));
        }
    }

    /// A pod is there, as the core is told.
    pub fn see(&mut self, told: &Told) {
        let key = Arc::clone(&told.pod.key);
        let id = group::id(told);
        let before = self.rows.remove(&key);
        if let Some(row) = before.as_ref().filter(|row| row.group != id) {
            self.leave(&row.group, &key);
        }
        let same = before.filter(|row| row.told.pod.uid == told.pod.uid);
        let fresh = || Row { told: told.clone(), group: Arc::clone(&id), stand: None, heard: 0, asked: None };
        let mut row = same.unwrap_or_else(fresh);
        if row.told.pod.containers != told.pod.containers {
            // What was said is of other images.
            row.stand = None;
        }
        row.told = told.clone();
        row.group = Arc::clone(&id);
        let group = self.groups.entry(Arc::clone(&id)).or_default();
        group.join(told);
        if row.stand.is_none()
            && let Some((uid, stand)) = self.early.remove(&*key)
            && uid == told.pod.uid.to_string()
        {
            row.stand = Some(group.share(stand));
            row.heard = self.connection;
        }
        self.rows.insert(Arc::clone(&key), row);
        self.want(Due::Pod(key));
        self.want(Due::Group(id));
    }

    /// A pod is gone, or no longer looked at.
    pub fn lose(&mut self, key: &str) {
        if let Some((key, row)) = self.rows.remove_entry(key) {
            self.leave(&row.group, &key);
            self.want(Due::Group(Arc::clone(&row.group)));
            // It may still be there, with marks that nobody keeps right.
            self.want(Due::Pod(key));
        }
    }

    /// All pods were seen once.
    pub fn all_seen(&mut self) {
        self.seen = true;
        self.early.clear();
    }

    /// The core begins to say how everything stands.
    pub fn begin(&mut self) {
        self.connection = self.connection.wrapping_add(1);
        self.early.clear();
    }

    /// A pod stands like this.
    pub fn stand(&mut self, standing: PodStanding) {
        let (key, uid, stand) = Stand::of(standing);
        let Some((key, row)) = self.rows.get_key_value(key.as_str()).map(|(key, row)| (Arc::clone(key), row))
        else {
            if !self.seen {
                self.early.insert(key, (uid, stand));
            }
            return;
        };
        if row.told.pod.uid.to_string() != uid {
            return;
        }
        let id = Arc::clone(&row.group);
        let same = row.stand.as_deref() == Some(&stand);
        let repeated = same && self.stood && row.heard == self.connection;
        let shared = self.groups.entry(Arc::clone(&id)).or_default().share(stand);
        if let Some(row) = self.rows.get_mut(&key) {
            row.heard = self.connection;
            row.stand = Some(shared);
        }
        if repeated && self.settings.vulnerabilities.is_some() {
            self.recheck.insert(Arc::clone(&id));
            self.want(Due::Group(Arc::clone(&id)));
        }
        if !same {
            self.want(Due::Pod(key));
            self.want(Due::Group(id));
        }
    }

    /// The core said how everything stands: of what it did not name nothing is known.
    pub fn all_stand(&mut self) {
        self.stood = true;
        let connection = self.connection;
        for row in self.rows.values_mut().filter(|row| row.heard != connection) {
            row.stand = None;
        }
    }

    /// Everything of ours of this kind was listed.
    pub fn list(&mut self, what: What, found: Vec<Found>, now: Timestamp) {
        for Found { namespace, name, owner, entry } in found {
            let (owner, beside): (Arc<str>, Beside) = (owner.into(), (what, namespace, name));
            self.whose.insert(beside.clone(), Arc::clone(&owner));
            self.beside.entry(Arc::clone(&owner)).or_default().insert(beside, entry);
            // Whose workload is not seen is obsolete, unless its pods come soon.
            self.emptied.insert((now + EMPTY, owner));
        }
        self.listed.insert(what);
        self.want_all();
    }

    /// Whether objects of this kind were listed.
    pub fn is_listed(&self, what: What) -> bool {
        self.listed.contains(&what)
    }

    /// Events that were not made, so as not to say too much.
    pub fn hushed(&self) -> u64 {
        self.talk.hushed
    }

    /// How much may be due.
    pub fn due(&self) -> usize {
        self.due.len() + self.ready.len()
    }

    /// What to do next; nothing is decided before both sides are whole.
    pub fn next(&mut self, now: Timestamp) -> Next {
        if !self.seen || !self.stood {
            return Next::Idle;
        }
        self.reopen(now);
        while self.emptied.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, id)) = self.emptied.pop_first() {
                self.clear_if_empty(&id, now);
            }
        }
        for _ in 0..AT_ONCE {
            if let Some(write) = self.ready.pop_front() {
                return Next::Write(Box::new(write));
            }
            let Some(due) = self.due.pop_front() else { return self.rest() };
            self.waiting.remove(&due);
            let writes = match &due {
                Due::Pod(key) => self.decide_pod(key).into_iter().collect(),
                Due::Group(id) => self.decide_group(id, now),
            };
            self.ready.extend(writes);
        }
        // Others want to say something too.
        Next::Wait(now)
    }

    fn rest(&self) -> Next {
        let wakes = self.emptied.first().map(|(at, _)| *at).into_iter().chain(self.closed.values().copied());
        wakes.min().map_or(Next::Idle, Next::Wait)
    }

    /// What came of a write. `listed` stands for the vulnerabilities that a summary lists now.
    pub fn conclude(
        &mut self,
        write: &Write<Memo>,
        outcome: &Outcome,
        listed: Option<String>,
        now: Timestamp,
    ) {
        match outcome {
            Outcome::Later(_) => return self.want_again(&write.memo),
            Outcome::Closed(why) => self.close(write, why, now),
            Outcome::Done | Outcome::Same | Outcome::Gone | Outcome::Refused(_) => {}
        }
        match &write.memo {
            Memo::Said => {}
            Memo::Pod { key, print } => {
                if let Some(row) = self.rows.get_mut(key) {
                    row.asked = Some(*print);
                } else {
                    self.borne.remove(key);
                }
            }
            Memo::Workload { id, print } => {
                if let Some(group) = self.groups.get_mut(id) {
                    group.asked = Some(*print);
                }
            }
            Memo::Beside { id, entry } => {
                let beside = (write.what, write.place.namespace.to_string(), write.place.name.to_string());
                let kept = !matches!(outcome, Outcome::Gone | Outcome::Closed(_));
                self.note(id, beside, entry.as_deref().filter(|_| kept), listed);
            }
        }
    }

    fn note(&mut self, id: &Arc<str>, beside: Beside, entry: Option<&Entry>, listed: Option<String>) {
        if let Some(before) = self.whose.get(&beside)
            && let Some(all) = self.beside.get_mut(before)
        {
            all.remove(&beside);
        }
        match entry {
            Some(entry) => {
                let entry = Entry { listed: listed.or_else(|| entry.listed.clone()), ..entry.clone() };
                self.whose.insert(beside.clone(), Arc::clone(id));
                self.beside.entry(Arc::clone(id)).or_default().insert(beside, entry);
            }
            None => drop(self.whose.remove(&beside)),
        }
        if self.beside.get(id).is_some_and(BTreeMap::is_empty) {
            self.beside.remove(id);
        }
    }

    fn close(&mut self, write: &Write<Memo>, why: &Closed, now: Timestamp) {
        self.closed.insert((write.what, Arc::clone(&write.place.kind)), now + CLOSED);
        if *why == Closed::Unserved {
            // It may come anew, and empty.
            self.listed.remove(&write.what);
        }
        self.ready.retain(|other| (other.what, &other.place.kind) != (write.what, &write.place.kind));
    }

    fn reopen(&mut self, now: Timestamp) {
        let before = self.closed.len();
        self.closed.retain(|_, until| *until > now);
        if self.closed.len() != before {
            for row in self.rows.values_mut() {
                row.asked = None;
            }
            for group in self.groups.values_mut() {
                group.asked = None;
            }
            self.want_all();
        }
    }

    fn leave(&mut self, id: &Arc<str>, key: &str) {
        if let Some(group) = self.groups.get_mut(id) {
            group.pods.remove(key);
        }
        self.want(Due::Group(Arc::clone(id)));
    }

    fn want(&mut self, due: Due) {
        if self.waiting.insert(due.clone()) {
            self.due.push_back(due);
        }
    }

    fn want_again(&mut self, memo: &Memo) {
        match memo {
            Memo::Pod { key, .. } => self.want(Due::Pod(Arc::clone(key))),
            Memo::Workload { id, .. } | Memo::Beside { id, .. } => self.want(Due::Group(Arc::clone(id))),
            Memo::Said => {}
        }
    }

    fn want_all(&mut self) {
        let pods: Vec<Due> = self.rows.keys().map(|key| Due::Pod(Arc::clone(key))).collect();
        let groups: Vec<Due> = self.groups.keys().map(|id| Due::Group(Arc::clone(id))).collect();
        pods.into_iter().chain(groups).for_each(|due| self.want(due));
    }
}

#[cfg(test)]
mod tests;
