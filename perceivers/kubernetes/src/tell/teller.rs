//! The teller: hears the core and the watch, lists what is there already, and lets write what the
//! slate decides.

use super::known::{self, Found};
use super::slate::{Memo, Next, Slate};
use super::stand::seconds;
use super::summary::MANAGED_BY;
use super::vulnerabilities::Listing;
use super::write::{Action, Closed, Outcome, What, Wish, Write};
use super::{MANAGER, TellSettings, Writer};
use crate::cluster::{reason, within};
use crate::metrics::KubernetesMetrics;
use crate::record::Told;
use api_chassis::clock::Clock;
use api_chassis::shutdown::Shutdown;
use api_client::{Client, ClientError};
use api_vocab::{SourceId, Timestamp, Uid};
use api_wire::finding::{FindingQuery, FindingSort};
use api_wire::page::Order;
use api_wire::standing::StandingLine;
use futures_util::TryStreamExt;
use kube::Error;
use kube::api::ListParams;
use perceiver_kit::{Backoff, Outage};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// From half a second to 30 seconds.
const PATIENCE: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
/// How often it is looked whether what could not be listed can be now.
const AGAIN: Duration = Duration::from_secs(60);
/// Objects on a page: each may have half a megabyte.
const PAGE: u32 = 50;
/// No wait is longer: the machine's clock may be set.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Where the watch says what it sees; clones say it to the same slate.
#[derive(Clone)]
pub struct Telling {
    slate: Arc<Mutex<Slate>>,
    news: Arc<Notify>,
}

impl Telling {
    /// A pod is there, as the core is told.
    pub fn see(&self, told: &Told) {
        self.learn(|slate| slate.see(told));
    }

    /// A pod is gone, or no longer looked at.
    pub fn lose(&self, key: &str) {
        self.learn(|slate| slate.lose(key));
    }

    /// A pod bears these marks of ours.
    pub fn bear(&self, key: &Arc<str>, uid: &Uid, marks: Option<u64>) {
        self.learn(|slate| slate.bear(key, uid, marks));
    }

    /// A workload bears these marks of ours.
    pub fn workload_bears(&self, id: &Arc<str>, marks: Option<u64>) {
        self.learn(|slate| slate.workload_bears(id, marks));
    }

    /// All pods were seen once.
    pub fn all_seen(&self) {
        self.learn(Slate::all_seen);
    }

    fn learn(&self, what: impl FnOnce(&mut Slate)) {
        what(&mut self.slate());
        self.news.notify_one();
    }

    fn slate(&self) -> MutexGuard<'_, Slate> {
        self.slate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells one cluster what the core thinks of it.
pub struct Teller {
    telling: Telling,
    core: Client,
    source: SourceId,
    settings: TellSettings,
    writer: Arc<Writer>,
    clock: Arc<dyn Clock>,
    metrics: KubernetesMetrics,
}

impl Teller {
    /// A teller of what the core thinks of `source`; `reporter` is who speaks in events.
    pub fn new(
        core: Client,
        source: SourceId,
        settings: TellSettings,
        writer: Arc<Writer>,
        (clock, metrics): (Arc<dyn Clock>, KubernetesMetrics),
        reporter: String,
    ) -> Self {
        let slate = Slate::new(settings.clone(), source.clone(), reporter);
        let telling = Telling { slate: Arc::new(Mutex::new(slate)), news: Arc::new(Notify::new()) };
        Teller { telling, core, source, settings, writer, clock, metrics }
    }

    /// Where the watch says what it sees.
    pub fn telling(&self) -> Telling {
        self.telling.clone()
    }

    /// Tell until shutdown. Dropped, it writes nothing more.
    pub async fn run(self, shutdown: Shutdown) {
        let all = async {
            tokio::join!(self.hear_core(), self.list(What::Summary), self.list(What::Report), self.write());
        };
        tokio::select! {
            () = all => {}
            () = shutdown.begun() => {}
        }
    }

    /// How pods stand, for as long as this is polled.
    async fn hear_core(&self) {
        let (mut backoff, mut outage) = (PATIENCE, Outage::default());
        loop {
            let error = self.follow(&mut backoff, &mut outage).await.err();
            let wait = backoff.fail(rand::random());
            if let Some(error) = &error
                && outage.begin(self.clock.now(), "away")
            {
                tracing::warn!(source = %self.source, %error, "core does not say how pods stand; will keep trying");
            }
            let told = error.and_then(|error| error.retry_after());
            tokio::time::sleep(told.map_or(wait, |told| told.clamp(wait, LONGEST_WAIT))).await;
        }
    }

    /// One connection, to its end.
    async fn follow(&self, backoff: &mut Backoff, outage: &mut Outage) -> Result<(), ClientError> {
        let mut standings = self.core.standings(&self.source).await?;
        self.telling.learn(Slate::begin);
        while let Some(line) = standings.next().await? {
            match line {
                StandingLine::Pod { pod } => self.telling.learn(|slate| slate.stand(pod)),
                StandingLine::Whole => {
                    backoff.succeed();
                    if let Some(lasted) = outage.end(self.clock.now()) {
                        tracing::info!(source = %self.source, ?lasted, "core says again how pods stand");
                    }
                    self.telling.learn(Slate::all_stand);
                }
                StandingLine::Image { .. } | StandingLine::Alive => {}
            }
        }
        Ok(())
    }

    /// List what is there already, and again whenever that is no longer known.
    async fn list(&self, what: What) {
        let wanted = match what {
            What::Summary => self.settings.summaries,
            What::Report => self.settings.reports,
            What::Marks | What::Image | What::Event => false,
        };
        if !wanted {
            return;
        }
        let (mut backoff, mut outage) = (PATIENCE, Outage::default());
        loop {
            if self.telling.slate().is_listed(what) {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            let wait = match self.listed(what).await {
                Ok(found) => {
                    backoff.succeed();
                    outage.end(self.clock.now());
                    tracing::info!(what = what.as_str(), there = found.len(), "objects of ours are known");
                    let now = self.clock.now();
                    self.telling.learn(|slate| slate.list(what, found, now));
                    AGAIN
                }
                Err(error) => {
                    let outcome = Outcome::of(what, &error);
                    let kind = if matches!(outcome, Outcome::Closed(_)) { "closed" } else { "away" };
                    if outage.begin(self.clock.now(), kind) {
                        let reason = reason(&error);
                        tracing::warn!(
                            what = what.as_str(),
                            reason,
                            "objects of ours are not known, and not written"
                        );
                    }
                    if kind == "closed" { AGAIN } else { backoff.fail(rand::random()) }
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn listed(&self, what: What) -> Result<Vec<Found>, Error> {
        let Some(api) = self.writer.everywhere(what) else { return Ok(Vec::new()) };
        let (mut found, mut from) = (Vec::new(), None);
        loop {
            let page = ListParams {
                label_selector: Some(format!("{MANAGED_BY}={MANAGER}")),
                limit: Some(PAGE),
                continue_token: from,
                ..ListParams::default()
            };
            let page = within(api.list(&page)).await?;
            found.extend(page.items.into_iter().filter_map(known::of));
            from = page.metadata.continue_.filter(|token| !token.is_empty());
            if from.is_none() {
                return Ok(found);
            }
        }
    }

    async fn write(&self) {
        let (mut backoff, mut said) = (PATIENCE, HashSet::new());
        loop {
            let now = self.clock.now();
            let (next, due, hushed) = {
                let mut slate = self.telling.slate();
                (slate.next(now), slate.due(), slate.hushed())
            };
            self.metrics.telling(due, hushed);
            match next {
                Next::Idle => self.telling.news.notified().await,
                Next::Wait(until) => self.rest(until.since(now).min(LONGEST_WAIT)).await,
                Next::Write(mut write) => {
                    let (outcome, listed) = self.fulfil(&mut write).await;
                    say(&write, &outcome, &mut said);
                    self.telling.slate().conclude(&write, &outcome, listed, self.clock.now());
                    if let Outcome::Later(told) = outcome {
                        let wait = backoff.fail(rand::random());
                        tokio::time::sleep(told.map_or(wait, |told| told.max(wait))).await;
                    } else {
                        backoff.succeed();
                    }
                }
            }
        }
    }

    async fn rest(&self, wait: Duration) {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.telling.news.notified() => {}
        }
    }

    /// Write, with the findings that it wants to list; what stands for these.
    async fn fulfil(&self, write: &mut Write<Memo>) -> (Outcome, Option<String>) {
        let mut listed = None;
        if let (Some(wish), Action::Apply { status: Some(status), .. }) = (&write.wish, &mut write.action) {
            match self.find(wish, status).await {
                Ok(print) if wish.listed.as_ref() == Some(&print) => return (Outcome::Same, Some(print)),
                Ok(print) => listed = Some(print),
                // The image is no longer run: the next standing says so.
                Err(ClientError::Refused { status: 404, .. }) => return (Outcome::Same, None),
                Err(error) => {
                    tracing::debug!(%error, "findings not known; will keep trying");
                    return (Outcome::Later(error.retry_after()), None);
                }
            }
        }
        (self.writer.write(write).await, listed)
    }

    /// Put what the wish asks for into the status; what stands for it.
    async fn find(&self, wish: &Wish, status: &mut Value) -> Result<String, ClientError> {
        let query = FindingQuery {
            severity: Some(wish.at_least.to_string()),
            fixable: wish.fixable.then_some(true),
            sort: Some(FindingSort::Severity),
            order: Some(Order::Desc),
            limit: Some(1_000),
            ..FindingQuery::default()
        };
        let mut listing = Listing::default();
        let mut found = pin!(self.core.every_source_image_finding(&self.source, &wish.image, query));
        while let Some(finding) = found.try_next().await? {
            if !listing.push(&finding) {
                break;
            }
        }
        let (listed, truncated) = listing.finish();
        let print = known::listing(&listed, truncated.as_ref().map(|it| it.message.as_str()));
        if let Some(Value::Object(fields)) = status.get_mut("status") {
            fields.insert("vulnerabilities".to_owned(), json!(listed));
            if let (Some(mut condition), Some(Value::Array(all))) = (truncated, fields.get_mut("conditions"))
            {
                condition.last_transition_time = seconds(self.now());
                all.push(json!(condition));
            }
        }
        Ok(print)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// What people have to know of a write that was not taken, once.
fn say(write: &Write<Memo>, outcome: &Outcome, said: &mut HashSet<String>) {
    let (what, kind) = (write.what.as_str(), &write.place.kind);
    let begin = format!("{what} {kind} {}", outcome.as_str());
    match outcome {
        Outcome::Closed(Closed::Forbidden) if said.insert(begin.clone()) => {
            let verbs = match write.what {
                What::Marks | What::Image => "patch",
                What::Event => "create",
                What::Summary | What::Report => "get, list, create, patch and delete",
            };
            let group = write.place.api_version.split_once('/').map_or("", |(group, _)| group);
            tracing::warn!(what, %kind, group, verbs, "not allowed to write; grant these verbs on them");
        }
        Outcome::Closed(Closed::Unserved) if said.insert(begin.clone()) => {
            tracing::warn!(what, %kind, "the cluster does not know this kind; install its definition");
        }
        Outcome::Refused(reason) if said.insert(begin.clone()) => {
            let (namespace, name) = (&write.place.namespace, &write.place.name);
            tracing::error!(what, %kind, %namespace, %name, reason, "server refuses a write");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
