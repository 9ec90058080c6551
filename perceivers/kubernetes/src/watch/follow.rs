//! Follows one kind of object: lists it, watches it, and says when that works again.
//!
//! The library's own watcher does not say when a watch that was cut is back, nor does it list where
//! a server does not stream lists; both are needed here.

use super::heard::Heard;
use crate::cluster::{reason, retry_after, within};
use api_chassis::clock::Clock;
use api_chassis::shutdown::Shutdown;
use futures_util::{StreamExt, TryStreamExt};
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::{Error, Resource};
use perceiver_kit::{Backoff, Outage};
use prometheus_client::metrics::counter::Counter;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// From a quarter of a second, so that a restarted server is seen soon, to 30 seconds.
const PATIENCE: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));
/// Objects of a page, unless they are large.
const PAGE: u32 = 500;
/// How long a watch lasts before it is begun anew; the server keeps to it.
const WATCH_SECONDS: u32 = 240;
/// A watch that is silent for longer than it may last is dead.
const IDLE: Duration = Duration::from_secs(250);
/// A streaming list that is silent for so long is none: the server took it for a watch.
const STREAM_IDLE: Duration = Duration::from_secs(15);
/// A watch that ends sooner was cut.
const SOON: Duration = Duration::from_secs(1);
/// The end of a streaming list.
const LIST_ENDS: &str = "k8s.io/initial-events-end";

/// What can be followed.
pub trait Followed: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static {}

impl<K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static> Followed for K {}

/// Why following ended.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Not allowed.
    #[error("not allowed to list or watch {plural}; grant list and watch on them in the whole cluster")]
    Forbidden {
        /// As `pods`.
        plural: String,
    },
    /// Not now.
    #[error("{operation} {plural}: {reason}")]
    Away {
        /// List or watch.
        operation: &'static str,
        /// As `pods`.
        plural: String,
        /// Why.
        reason: String,
        /// How long the server asks to be left alone.
        wait: Option<Duration>,
    },
    /// The server no longer remembers what happened since: everything is listed again.
    #[error("watch {plural}: the server remembers too little")]
    Expired {
        /// As `pods`.
        plural: String,
    },
    /// What is heard goes nowhere.
    #[error("nobody listens any more")]
    Unheard,
}

/// How following goes: outages are said once, and waited out.
struct Health {
    outage: Outage,
    backoff: Backoff,
    clock: Arc<dyn Clock>,
    lists: Counter,
}

impl Health {
    /// What to tell of `error`, if anything, and how long to wait.
    fn hurt<K>(&mut self, error: &FollowError) -> (Option<Heard<K>>, Duration) {
        let wait = self.backoff.fail(rand::random());
        let (forbidden, told) = match error {
            FollowError::Forbidden { .. } => (true, None),
            FollowError::Away { wait, .. } => (false, *wait),
            FollowError::Expired { .. } | FollowError::Unheard => {
                tracing::debug!(%error, "listing anew");
                return (None, wait);
            }
        };
        if self.outage.begin(self.clock.now(), if forbidden { "forbidden" } else { "away" }) {
            tracing::warn!(%error, "cluster not seen in full; will keep trying");
        }
        (Some(Heard::Lost { forbidden }), told.map_or(wait, |told| told.max(wait)))
    }

    fn heal(&mut self, plural: &str) {
        self.backoff.succeed();
        if let Some(lasted) = self.outage.end(self.clock.now()) {
            tracing::info!(kind = plural, ?lasted, "cluster seen again");
        }
    }
}

/// Follows one kind.
pub struct Follower<K> {
    api: Api<K>,
    selector: Option<String>,
    page: u32,
    streaming: bool,
    /// Up to where everything was heard.
    version: Option<String>,
    health: Health,
}

type Told<E> = mpsc::Sender<E>;

impl<K: Followed> Follower<K> {
    /// A follower of what `api` serves and the label selector lets through.
    pub fn new(api: Api<K>, selector: Option<String>, clock: Arc<dyn Clock>, lists: Counter) -> Self {
        let health = Health { outage: Outage::default(), backoff: PATIENCE, clock, lists };
        Follower { api, selector, page: PAGE, streaming: true, version: None, health }
    }

    /// Where pages are asked for, so many objects of a page: all of one are in memory together.
    pub const fn paged_by(mut self, page: u32) -> Self {
        self.page = page;
        self
    }

    /// Follow until shutdown, or until nobody listens.
    pub async fn run<E: From<Heard<K>>>(mut self, to: mpsc::Sender<E>, shutdown: Shutdown) {
        loop {
            let error = tokio::select! {
                Err(error) = self.follow(&to) => error,
                () = shutdown.begun() => return,
            };
            let (news, wait) = self.health.hurt(&error);
            if let Some(news) = news
                && tell(&to, news).await.is_err()
            {
                return;
            }
            if matches!(error, FollowError::Unheard) || !shutdown.sleep(wait).await {
                return;
            }
        }
    }

    /// Follow until something goes wrong; called again, goes on where it ended.
    async fn follow<E: From<Heard<K>>>(&mut self, to: &Told<E>) -> Result<Infallible, FollowError> {
        loop {
            if self.version.is_none() {
                self.list(to).await?;
            }
            self.watch(to).await?;
        }
    }

    async fn list<E: From<Heard<K>>>(&mut self, to: &Told<E>) -> Result<(), FollowError> {
        self.health.lists.inc();
        tell(to, Heard::Begins).await?;
        if self.streaming {
            self.streaming = self.list_streaming(to).await?;
            if self.streaming {
                return Ok(());
            }
            tell(to, Heard::Begins).await?;
        }
        self.list_paged(to).await
    }

    /// One object at a time, however many there are. False if the server does not know how.
    async fn list_streaming<E: From<Heard<K>>>(&mut self, to: &Told<E>) -> Result<bool, FollowError> {
        let params = WatchParams { send_initial_events: true, ..self.watch_params() };
        let stream = match within(self.api.watch(&params, "0")).await {
            Ok(stream) => stream,
            // 400 and 422 are how servers refuse what they do not know.
            Err(Error::Api(status)) if matches!(status.code, 400 | 422) => return Ok(false),
            Err(error) => return Err(away::<K>("list", &error)),
        };
        let mut stream = pin!(stream);
        loop {
            let Ok(next) = tokio::time::timeout(STREAM_IDLE, stream.try_next()).await else {
                return Ok(false);
            };
            match next.map_err(|e| away::<K>("list", &e))? {
                Some(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                    tell(to, Heard::Listed(object)).await?;
                }
                Some(WatchEvent::Bookmark(mark)) if mark.metadata.annotations.contains_key(LIST_ENDS) => {
                    self.version = Some(mark.metadata.resource_version);
                    tell(to, Heard::Complete).await?;
                    return Ok(true);
                }
                Some(WatchEvent::Bookmark(_) | WatchEvent::Deleted(_)) => {}
                Some(WatchEvent::Error(status)) if matches!(status.code, 400 | 422) => return Ok(false),
                Some(WatchEvent::Error(status)) => return Err(away::<K>("list", &Error::Api(status))),
                None => return Err(cut::<K>("list")),
            }
        }
    }

    /// A page at a time. Read from where pages are kept apart: a server that answers from its cache
    /// may send everything at once.
    async fn list_paged<E: From<Heard<K>>>(&mut self, to: &Told<E>) -> Result<(), FollowError> {
        let mut from = None;
        loop {
            let params = ListParams {
                label_selector: self.selector.clone(),
                limit: Some(self.page),
                continue_token: from,
                ..ListParams::default()
            };
            let page = within(self.api.list(&params)).await.map_err(|e| away::<K>("list", &e))?;
            for object in page.items {
                tell(to, Heard::Listed(object)).await?;
            }
            from = page.metadata.continue_.filter(|token| !token.is_empty());
            if from.is_none() {
                self.version = Some(page.metadata.resource_version.unwrap_or_default());
                return tell(to, Heard::Complete).await;
            }
        }
    }

    /// One watch to its end. What the server no longer remembers is listed again.
    async fn watch<E: From<Heard<K>>>(&mut self, to: &Told<E>) -> Result<(), FollowError> {
        let from = self.version.clone().unwrap_or_default();
        let begun = Instant::now();
        let stream = match within(self.api.watch(&self.watch_params(), &from)).await {
            Ok(stream) => stream,
            Err(error) => return self.judge(error),
        };
        self.health.heal(K::plural(&()).as_ref());
        tell(to, Heard::Back).await?;
        let mut stream = pin!(stream);
        loop {
            let Ok(next) = tokio::time::timeout(IDLE, stream.next()).await else {
                return Err(cut::<K>("watch"));
            };
            match next {
                Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                    self.note(&object);
                    tell(to, Heard::Applied(object)).await?;
                }
                Some(Ok(WatchEvent::Deleted(object))) => {
                    self.note(&object);
                    tell(to, Heard::Gone(object)).await?;
                }
                Some(Ok(WatchEvent::Bookmark(mark))) => self.version = Some(mark.metadata.resource_version),
                Some(Ok(WatchEvent::Error(status))) => return self.judge(Error::Api(status)),
                Some(Err(error)) => return Err(away::<K>("watch", &error)),
                None if begun.elapsed() < SOON => return Err(cut::<K>("watch")),
                None => return Ok(()),
            }
        }
    }

    fn judge(&mut self, error: Error) -> Result<(), FollowError> {
        match error {
            Error::Api(status) if status.code == 410 => {
                self.version = None;
                Err(FollowError::Expired { plural: K::plural(&()).into_owned() })
            }
            error => Err(away::<K>("watch", &error)),
        }
    }

    fn note(&mut self, object: &K) {
        if let Some(version) = &object.meta().resource_version {
            self.version = Some(version.clone());
        }
    }

    fn watch_params(&self) -> WatchParams {
        WatchParams {
            label_selector: self.selector.clone(),
            timeout: Some(WATCH_SECONDS),
            bookmarks: true,
            ..WatchParams::default()
        }
    }
}

async fn tell<E: From<Heard<K>>, K>(to: &Told<E>, heard: Heard<K>) -> Result<(), FollowError> {
    to.send(heard.into()).await.map_err(|_| FollowError::Unheard)
}

fn away<K: Followed>(operation: &'static str, error: &Error) -> FollowError {
    let plural = K::plural(&()).into_owned();
    match error {
        Error::Api(status) if status.code == 403 => FollowError::Forbidden { plural },
        error => FollowError::Away { operation, plural, reason: reason(error), wait: retry_after(error) },
    }
}

fn cut<K: Followed>(operation: &'static str) -> FollowError {
    let plural = K::plural(&()).into_owned();
    FollowError::Away { operation, plural, reason: "the stream ended".to_owned(), wait: None }
}
