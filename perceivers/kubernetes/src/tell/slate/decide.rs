//! What is to be written of one pod or workload, and whether it is so already.

use super::group::Group;
use super::{Beside, EMPTY, Memo, Slate};
use crate::record::Controller;
use crate::tell::known::Entry;
use crate::tell::marks::{self, Marks};
use crate::tell::stand::{Stand, Sum};
use crate::tell::summary::{self, Summary};
use crate::tell::write::{Action, Place, What, Wish, Write};
use crate::tell::{event, report};
use api_vocab::{Severity, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A workload's pods that stand somehow, and whether all do.
struct Known {
    stands: Vec<Arc<Stand>>,
    all: bool,
}

impl Slate {
    pub(super) fn decide_pod(&self, key: &Arc<str>) -> Option<Write<Memo>> {
        let row = self.rows.get(key);
        let borne = self.borne.get(key);
        let wanted = match row {
            Some(row) => {
                let stand = row.stand.as_ref()?;
                let link = self.link(row.told.pod.namespace(), &row.told.workload.owner);
                marks::of_pod(self.settings.key_sets(), stand, link.as_deref())
            }
            None => Marks::default(),
        };
        let uid = row.map(|row| &row.told.pod.uid).or(borne.map(|(uid, _)| uid))?;
        let borne = borne.filter(|(of, _)| of == uid).map(|(_, print)| *print);
        let print = self.differs(&wanted, borne, row.and_then(|row| row.asked))?;
        let (namespace, name) = key.split_once('/')?;
        let place = place("v1", "Pod", namespace, name);
        let memo = Memo::Pod { key: Arc::clone(key), print };
        self.marking(place, &uid.to_string(), &wanted, memo)
    }

    /// The print of `wanted`, if it is not what is there, nor what was asked for.
    fn differs(&self, wanted: &Marks, borne: Option<u64>, asked: Option<u64>) -> Option<u64> {
        let print = wanted.print();
        let there = if wanted.is_empty() { borne.is_none() } else { borne == Some(print) };
        (!there && asked != Some(print)).then_some(print)
    }

    fn marking(&self, place: Place, uid: &str, marks: &Marks, memo: Memo) -> Option<Write<Memo>> {
        if self.settings.marks.is_none() || self.is_closed(What::Marks, &place.kind) {
            return None;
        }
        let Place { api_version, kind, namespace, name } = &place;
        // With its id: another one of this name is not meant, and nothing is made anew.
        let mut meta = json!({ "namespace": namespace, "name": name, "uid": uid });
        if let Value::Object(meta) = &mut meta {
            for (field, values) in [("labels", &marks.labels), ("annotations", &marks.annotations)] {
                if !values.is_empty() {
                    meta.insert(field.to_owned(), json!(values));
                }
            }
        }
        let body = json!({ "apiVersion": api_version, "kind": kind, "metadata": meta });
        Some(Write {
            what: What::Marks,
            action: Action::Apply { body, status: None },
            wish: None,
            place,
            memo,
        })
    }

    /// Everything that is to be written of a workload.
    pub(super) fn decide_group(&mut self, id: &Arc<str>, now: Timestamp) -> Vec<Write<Memo>> {
        let Some(group) = self.groups.get_mut(id) else { return Vec::new() };
        let Some(top) = group.top.clone() else {
            // Its marks were read, and its pods are not told.
            return Vec::new();
        };
        if group.pods.is_empty() {
            if group.empty_since.is_none() {
                group.empty_since = Some(now);
                self.emptied.insert((now + EMPTY, Arc::clone(id)));
            }
            return Vec::new();
        }
        let recheck = self.recheck.remove(id);
        let known = self.known(id);
        let Some(sum) = Sum::of_all(known.stands.iter().map(AsRef::as_ref)) else { return Vec::new() };
        let mut writes: Vec<Write<Memo>> = self.mark_workload(id, &top, &sum).into_iter().collect();
        if self.may(What::Summary, summary::KIND) && self.settings.summaries {
            writes.extend(self.summarise(id, &top, recheck, &known, now));
        }
        if self.may(What::Report, report::KIND) && self.settings.reports {
            writes.extend(self.report(id, &top, &known));
        }
        if known.all && self.settings.events {
            writes.extend(self.speak(id, &top, &sum, now));
        }
        writes
    }

    fn known(&self, id: &Arc<str>) -> Known {
        let pods = self.groups.get(id).into_iter().flat_map(|group| &group.pods);
        let rows: Vec<_> = pods.filter_map(|key| self.rows.get(key)).collect();
        let stands: Vec<_> = rows.iter().filter_map(|row| row.stand.clone()).collect();
        Known { all: stands.len() == rows.len(), stands }
    }

    fn mark_workload(&self, id: &Arc<str>, top: &Controller, sum: &Sum) -> Option<Write<Memo>> {
        let group = self.groups.get(id)?;
        if group.is_pod {
            return None;
        }
        let link = self.link(&top.namespace, &group.owner);
        let wanted = marks::of_workload(self.settings.key_sets(), sum, link.as_deref());
        let print = self.differs(&wanted, group.borne, group.asked)?;
        self.marking(of(top), &top.uid.to_string(), &wanted, Memo::Workload { id: Arc::clone(id), print })
    }

    fn summarise(
        &self,
        id: &Arc<str>,
        top: &Controller,
        recheck: bool,
        known: &Known,
        now: Timestamp,
    ) -> Vec<Write<Memo>> {
        let wanted = self.summaries(id, top);
        let there = self.beside.get(id);
        let mut writes = Vec::new();
        for (name, (summary, wish)) in &wanted {
            let beside = (What::Summary, top.namespace.to_string(), name.clone());
            let entry = there.and_then(|there| there.get(&beside));
            writes.extend(self.write_summary(id, top, (name, summary), wish.clone(), (entry, recheck), now));
        }
        // What one of them runs might still be said.
        if known.all {
            let kept = |beside: &Beside| beside.0 != What::Summary || wanted.contains_key(&beside.2);
            let gone = there.into_iter().flat_map(BTreeMap::keys).filter(|beside| !kept(beside));
            writes.extend(gone.map(|beside| delete(id, beside)));
        }
        writes
    }

    /// By name; labels that not all pods of it have are left out.
    fn summaries(&self, id: &Arc<str>, top: &Controller) -> BTreeMap<String, (Summary, Option<Wish>)> {
        let mut found: BTreeMap<String, (Summary, Option<Wish>)> = BTreeMap::new();
        let pods = self.groups.get(id).into_iter().flat_map(|group| &group.pods);
        for row in pods.filter_map(|key| self.rows.get(key)) {
            let Some(stand) = &row.stand else { continue };
            let labels = &row.told.pod.surroundings.labels;
            for container in row.told.pod.containers.iter() {
                let Some(standing) = stand.regular().find(|it| it.name == *container.name) else { continue };
                let settings = &row.told.context.settings;
                let Some((name, mut summary)) = Summary::of(top, container, standing, settings) else {
                    continue;
                };
                if let Some((known, _)) = found.get_mut(&name) {
                    known.labels.retain(|name, value| {
                        name == summary::MANAGED_BY
                            || labels.iter().any(|(n, v)| **n == **name && **v == **value)
                    });
                    continue;
                }
                for (name, value) in labels {
                    summary.labels.entry(name.to_string()).or_insert_with(|| value.to_string());
                }
                let wish = self.settings.vulnerabilities.and_then(|from| {
                    let at_least = from.max(settings.min_severity.unwrap_or(Severity::Unknown));
                    let image = standing.image.clone().filter(|_| standing.findings.is_some())?;
                    Some(Wish { image, at_least, fixable: settings.ignore_unfixed, listed: None })
                });
                found.insert(name, (summary, wish));
            }
        }
        found
    }

    fn write_summary(
        &self,
        id: &Arc<str>,
        top: &Controller,
        (name, summary): (&String, &Summary),
        wish: Option<Wish>,
        (before, recheck): (Option<&Entry>, bool),
        now: Timestamp,
    ) -> Option<Write<Memo>> {
        let content = summary.content(self.settings.vulnerabilities);
        let status = summary.found.print();
        let same = before.is_some_and(|before| before.content == content && before.status == status);
        if same && !(recheck && wish.is_some()) {
            return None;
        }
        let since = before.map(|before| before.since.clone()).unwrap_or_default();
        let action = Action::Apply {
            body: summary.body(&top.namespace, name, top, &content),
            status: Some(summary.status(&top.namespace, name, &since, now)),
        };
        let mut since = since;
        since.retain(|kind, _| summary.found.conditions.iter().any(|condition| condition.kind == *kind));
        for condition in &summary.found.conditions {
            since.entry(condition.kind.clone()).or_insert_with(|| crate::tell::stand::seconds(now));
        }
        let listed = before.filter(|_| same).and_then(|before| before.listed.clone());
        let wish = wish.map(|wish| Wish { listed, ..wish });
        let entry = Some(Box::new(Entry { content, status, since, listed: None }));
        let place = place(summary::API_VERSION, summary::KIND, &top.namespace, name);
        Some(Write {
            what: What::Summary,
            place,
            action,
            wish,
            memo: Memo::Beside { id: Arc::clone(id), entry },
        })
    }

    fn report(&self, id: &Arc<str>, top: &Controller, known: &Known) -> Option<Write<Memo>> {
        let name = report::name(top);
        let (content, body) = report::of(top, known.stands.iter().map(AsRef::as_ref));
        let beside = (What::Report, top.namespace.to_string(), name.clone());
        let before = self.beside.get(id).and_then(|there| there.get(&beside));
        if before.is_some_and(|before| before.content == content) {
            return None;
        }
        let place = place(report::API_VERSION, report::KIND, &top.namespace, &name);
        let entry = Some(Box::new(Entry { content, ..Entry::default() }));
        let action = Action::Apply { body, status: None };
        Some(Write {
            what: What::Report,
            place,
            action,
            wish: None,
            memo: Memo::Beside { id: Arc::clone(id), entry },
        })
    }

    fn speak(&mut self, id: &Arc<str>, top: &Controller, sum: &Sum, now: Timestamp) -> Option<Write<Memo>> {
        let closed = self.is_closed(What::Event, event::KIND);
        let link = self.groups.get(id).and_then(|group| self.link(&top.namespace, &group.owner));
        let group = self.groups.get_mut(id)?;
        if !group.said.worsens(sum.verdict) || closed || !group.said.may_say(&mut self.talk, now) {
            return None;
        }
        let (name, body) = event::of(top, sum, link.as_deref(), &self.reporter, now);
        let place = place(event::API_VERSION, event::KIND, &top.namespace, &name);
        Some(Write { what: What::Event, place, action: Action::Create(body), wish: None, memo: Memo::Said })
    }

    /// A workload without pods for a while: nothing is said of it any more.
    pub(super) fn clear_if_empty(&mut self, id: &Arc<str>, now: Timestamp) {
        let lives =
            |group: &Group| !group.pods.is_empty() || group.empty_since.is_some_and(|at| at + EMPTY > now);
        if self.groups.get(id).is_some_and(lives) {
            return;
        }
        if let Some(group) = self.groups.remove(id)
            && let Some(top) = group.top.filter(|_| !group.is_pod)
            && (group.asked.is_some() || group.borne.is_some())
        {
            let none = Marks::default();
            let memo = Memo::Workload { id: Arc::clone(id), print: none.print() };
            let write = self.marking(of(&top), &top.uid.to_string(), &none, memo);
            self.ready.extend(write);
        }
        let there = self.beside.get(id).into_iter().flat_map(BTreeMap::keys);
        let gone: Vec<Write<Memo>> = there.map(|beside| delete(id, beside)).collect();
        self.ready.extend(gone);
    }

    fn may(&self, what: What, kind: &str) -> bool {
        self.listed.contains(&what) && !self.is_closed(what, kind)
    }

    fn is_closed(&self, what: What, kind: &str) -> bool {
        !self.closed.is_empty() && self.closed.contains_key(&(what, kind.into()))
    }

    /// Where people read more of a workload's pods.
    fn link(&self, namespace: &str, owner: &str) -> Option<String> {
        let begin = self.settings.link.as_deref()?.trim_end_matches('/');
        let source = self.source.to_string();
        let parts = [("source", source.as_str()), ("namespace", namespace), ("owner", owner)];
        let query: Vec<String> =
            parts.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        Some(format!("{begin}/api/v1/pods?{}", query.join("&")))
    }
}

/// As a value in a query may be.
fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn place(api_version: &str, kind: &str, namespace: &str, name: &str) -> Place {
    Place {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: namespace.into(),
        name: name.into(),
    }
}

fn of(top: &Controller) -> Place {
    Place {
        api_version: Arc::clone(&top.api_version),
        kind: Arc::clone(&top.kind),
        namespace: Arc::clone(&top.namespace),
        name: Arc::clone(&top.name),
    }
}

fn delete(id: &Arc<str>, (what, namespace, name): &Beside) -> Write<Memo> {
    let (api_version, kind) = match what {
        What::Report => (report::API_VERSION, report::KIND),
        _ => (summary::API_VERSION, summary::KIND),
    };
    Write {
        what: *what,
        place: place(api_version, kind, namespace, name),
        action: Action::Delete,
        wish: None,
        memo: Memo::Beside { id: Arc::clone(id), entry: None },
    }
}
