//! The watch: keeps what the core is told equal to what the cluster runs.

mod follow;
mod heard;
mod nodes;
mod pods;
mod roads;
mod scene;
mod served;

pub use follow::{Followed, Follower};
pub use heard::{Heard, Listing};
pub use scene::{News, Scene};
pub use served::{Absence, DISCOVERY, await_served};

use crate::config::{OwnerSettings, WatchSettings};
use crate::exposure::routes::{GrpcRoute, HttpRoute, OpenShiftRoute, TcpRoute, TlsRoute};
use crate::exposure::shapes::{SlimIngress, SlimService, SlimSlice};
use crate::metrics::KubernetesMetrics;
use crate::owners::{KubeReader, Question, Resolver, Resolvers};
use crate::record::Told;
use crate::slim::{SlimAccount, SlimNamespace, SlimNode, SlimPod};
use crate::tell::Telling;
use api_chassis::clock::Clock;
use api_chassis::health::Latch;
use api_chassis::shutdown::Shutdown;
use kube::{Api, Client};
use perceiver_kit::Sight;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::MissedTickBehavior;
use wildmatch::WildMatch;

/// What is heard and not yet taken in.
const QUEUE: usize = 256;

/// Pods or nodes of a page: they are the largest objects, and a page's text is in memory as a whole.
const LARGE_PAGE: u32 = 100;

/// Everything that can wake the watch.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all are pods, and few wait at a time")]
enum Event {
    Pods(Heard<SlimPod>),
    Namespaces(Heard<SlimNamespace>),
    Accounts(Heard<SlimAccount>),
    Nodes(Heard<SlimNode>),
    Services(Heard<SlimService>),
    Slices(Heard<SlimSlice>),
    Ingresses(Heard<SlimIngress>),
    HttpRoutes(Heard<HttpRoute>),
    GrpcRoutes(Heard<GrpcRoute>),
    TlsRoutes(Heard<TlsRoute>),
    TcpRoutes(Heard<TcpRoute>),
    OpenShiftRoutes(Heard<OpenShiftRoute>),
    Owners(Resolvers),
    Settings,
    AskAgain,
}

/// What is heard of a kind is an event of its own.
macro_rules! heard {
    ($($variant:ident of $kind:ty),* $(,)?) => {$(
        impl From<Heard<$kind>> for Event {
            fn from(heard: Heard<$kind>) -> Self {
                Event::$variant(heard)
            }
        }
    )*};
}

heard! {
    Pods of SlimPod,
    Namespaces of SlimNamespace,
    Accounts of SlimAccount,
    Nodes of SlimNode,
    Services of SlimService,
    Slices of SlimSlice,
    Ingresses of SlimIngress,
    HttpRoutes of HttpRoute,
    GrpcRoutes of GrpcRoute,
    TlsRoutes of TlsRoute,
    TcpRoutes of TcpRoute,
    OpenShiftRoutes of OpenShiftRoute,
}

/// What the watch shows of itself.
#[derive(Debug, Clone)]
pub struct Signs {
    /// What it counts.
    pub metrics: KubernetesMetrics,
    /// Open while the cluster is seen.
    pub seen: Latch,
}

/// Watches one cluster.
pub struct Watch {
    client: Client,
    settings: watch::Receiver<WatchSettings>,
    owners: OwnerSettings,
    sight: Sight<Told>,
    clock: Arc<dyn Clock>,
    signs: Signs,
    telling: Option<Telling>,
}

impl Watch {
    /// A watch that writes into `sight`; `settings` may change while it runs.
    pub fn new(
        client: Client,
        settings: watch::Receiver<WatchSettings>,
        owners: OwnerSettings,
        sight: Sight<Told>,
        clock: Arc<dyn Clock>,
        signs: Signs,
    ) -> Self {
        Watch { client, settings, owners, sight, clock, signs, telling: None }
    }

    /// Says to `telling` too what it sees.
    pub fn telling(mut self, telling: Option<Telling>) -> Self {
        self.telling = telling;
        self
    }

    /// Watch until shutdown; a server that goes away is waited for. Dropped, it leaves nothing
    /// behind.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut desk = Desk::open(&mut self, shutdown.clone());
        let mut again = tokio::time::interval(Duration::from_secs(self.owners.refresh_seconds.max(10)));
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is at once, and nothing is known yet.
        again.tick().await;
        loop {
            let event = tokio::select! {
                Some(event) = desk.heard.recv() => event,
                Some(found) = desk.answers.recv() => Event::Owners(found),
                Ok(()) = self.settings.changed() => Event::Settings,
                _ = again.tick() => Event::AskAgain,
                () = shutdown.begun() => return,
            };
            desk.take(event, &mut self);
        }
    }

    fn follower<K: Followed>(&self, api: Api<K>, selector: Option<String>) -> Follower<K> {
        let lists = self.signs.metrics.lists(K::plural(&()).as_ref());
        Follower::new(api, selector, Arc::clone(&self.clock), lists)
    }
}

/// The watch while it runs: its tasks, and what they said so far.
struct Desk {
    scene: Scene,
    shown: WatchSettings,
    tasks: JoinSet<()>,
    pods: AbortHandle,
    to: mpsc::Sender<Event>,
    heard: mpsc::Receiver<Event>,
    questions: mpsc::UnboundedSender<Question>,
    answers: mpsc::Receiver<Resolvers>,
    shutdown: Shutdown,
    /// Everything needed was seen once.
    settled: bool,
    lost: bool,
}

impl Desk {
    fn open(watch: &mut Watch, shutdown: Shutdown) -> Self {
        let shown = watch.settings.borrow_and_update().clone();
        let (to, heard) = mpsc::channel(QUEUE);
        let (questions, asked) = mpsc::unbounded_channel();
        let (answer, answers) = mpsc::channel(1);
        let mut tasks = JoinSet::new();
        follow::<SlimNamespace>(watch, &mut tasks, &to, &shutdown);
        follow::<SlimAccount>(watch, &mut tasks, &to, &shutdown);
        follow::<SlimService>(watch, &mut tasks, &to, &shutdown);
        follow::<SlimSlice>(watch, &mut tasks, &to, &shutdown);
        follow::<SlimIngress>(watch, &mut tasks, &to, &shutdown);
        let nodes = watch.follower(Api::<SlimNode>::all(watch.client.clone()), None).paged_by(LARGE_PAGE);
        tasks.spawn(nodes.run(to.clone(), shutdown.clone()));
        follow_served::<HttpRoute>(watch, &mut tasks, &to, &shutdown);
        follow_served::<GrpcRoute>(watch, &mut tasks, &to, &shutdown);
        follow_served::<TlsRoute>(watch, &mut tasks, &to, &shutdown);
        follow_served::<TcpRoute>(watch, &mut tasks, &to, &shutdown);
        follow_served::<OpenShiftRoute>(watch, &mut tasks, &to, &shutdown);
        let kinds = watch.owners.kinds.iter().map(|kind| WildMatch::new(kind)).collect();
        let resolver = Resolver::new(Arc::new(KubeReader::new(watch.client.clone(), kinds)));
        tasks.spawn(resolver.run(asked, answer, shutdown.clone()));
        let pods = follow_pods(watch, &shown, &mut tasks, &to, &shutdown);
        let scene = Scene::new(&shown);
        let scene = if watch.telling.is_some() { scene.telling() } else { scene };
        Desk {
            scene,
            shown,
            tasks,
            pods,
            to,
            heard,
            questions,
            answers,
            shutdown,
            settled: false,
            lost: false,
        }
    }

    fn take(&mut self, event: Event, watch: &mut Watch) {
        match event {
            Event::Pods(Heard::Lost { forbidden }) => {
                // What the core was told may be wrong from now on: it learns no more until we see
                // again, and goes by what it knows.
                self.lost = true;
                let why = if forbidden { "pods may not be listed" } else { "the cluster does not answer" };
                watch.signs.seen.close(why);
                watch.sight.look_away(why);
            }
            Event::Pods(heard) => {
                if matches!(heard, Heard::Back) {
                    self.lost = false;
                    self.see_all(watch);
                }
                self.scene.hear_pods(heard);
            }
            Event::Namespaces(heard) => self.scene.hear_namespaces(heard),
            Event::Accounts(heard) => self.scene.hear_accounts(heard),
            Event::Nodes(heard) => self.scene.hear_nodes(&heard),
            Event::Services(heard) => self.scene.hear_services(&heard),
            Event::Slices(heard) => self.scene.hear_slices(&heard),
            Event::Ingresses(heard) => self.scene.hear_ingresses(&heard),
            Event::HttpRoutes(heard) => self.scene.hear_routes(&heard),
            Event::GrpcRoutes(heard) => self.scene.hear_routes(&heard),
            Event::TlsRoutes(heard) => self.scene.hear_routes(&heard),
            Event::TcpRoutes(heard) => self.scene.hear_routes(&heard),
            Event::OpenShiftRoutes(heard) => self.scene.hear_routes(&heard),
            Event::Owners(found) => self.scene.hear_owners(found),
            Event::Settings => self.configure(watch),
            // Nobody listens only when all is over.
            Event::AskAgain => drop(self.questions.send(Question::Again(self.scene.controllers()))),
        }
        self.spread(watch);
    }

    /// Other settings are in force; what the server selects, or the decoder keeps, is listed again.
    fn configure(&mut self, watch: &mut Watch) {
        let fresh = watch.settings.borrow_and_update().clone();
        let relist = fresh.pod_selector != self.shown.pod_selector || fresh.chosen() != self.shown.chosen();
        self.scene.configure(&fresh);
        self.shown = fresh;
        if relist {
            self.pods.abort();
            self.pods = follow_pods(watch, &self.shown, &mut self.tasks, &self.to, &self.shutdown);
        }
        tracing::info!(relist, "other settings are in force");
    }

    fn spread(&mut self, watch: &Watch) {
        loop {
            let news = self.scene.take_news();
            if news.is_empty() {
                break;
            }
            news.into_iter().for_each(|news| self.pass_on(news, watch));
        }
        if !self.settled && self.scene.is_whole() {
            self.settled = true;
            tracing::info!(pods = self.scene.pods(), "cluster seen in full");
            self.tell(watch, Telling::all_seen);
            self.see_all(watch);
        }
        watch.signs.metrics.pods(self.scene.pods());
    }

    fn tell(&self, watch: &Watch, what: impl FnOnce(&Telling)) {
        if let Some(telling) = &watch.telling {
            what(telling);
        }
    }

    fn pass_on(&mut self, news: News, watch: &Watch) {
        match news {
            News::See(told) => {
                // First here: what the core says of it is said only after it was told.
                self.tell(watch, |telling| telling.see(&told));
                watch.sight.see(told);
            }
            News::Lose(key) => {
                self.tell(watch, |telling| telling.lose(&key));
                watch.sight.lose(&key);
            }
            News::Bears(key, uid, marks) => self.tell(watch, |telling| telling.bear(&key, &uid, marks)),
            News::WorkloadBears(id, marks) => {
                self.tell(watch, |telling| telling.workload_bears(&id, marks));
            }
            News::Who(controller) => drop(self.questions.send(Question::Who(controller))),
            News::Complain(complaint) => tracing::warn!(complaint, "object not taken as it is"),
        }
    }

    fn see_all(&self, watch: &Watch) {
        if self.settled && !self.lost {
            watch.signs.seen.open();
            watch.sight.complete();
        }
    }
}

/// Follow a kind that every cluster has, in all namespaces.
fn follow<K: Followed>(watch: &Watch, tasks: &mut JoinSet<()>, to: &mpsc::Sender<Event>, shutdown: &Shutdown)
where
    Event: From<Heard<K>>,
{
    let follower = watch.follower(Api::<K>::all(watch.client.clone()), None);
    tasks.spawn(follower.run(to.clone(), shutdown.clone()));
}

/// Follow a kind once the cluster serves it, which it may begin to at any time.
fn follow_served<K: Followed>(
    watch: &Watch,
    tasks: &mut JoinSet<()>,
    to: &mpsc::Sender<Event>,
    shutdown: &Shutdown,
) where
    Event: From<Heard<K>>,
{
    let follower = watch.follower(Api::<K>::all(watch.client.clone()), None);
    let (client, to, shutdown) = (watch.client.clone(), to.clone(), shutdown.clone());
    tasks.spawn(async move {
        if await_served::<K>(&client, DISCOVERY, &shutdown, |_| {}).await {
            follower.run(to, shutdown).await;
        }
    });
}

fn follow_pods(
    watch: &Watch,
    settings: &WatchSettings,
    tasks: &mut JoinSet<()>,
    to: &mpsc::Sender<Event>,
    shutdown: &Shutdown,
) -> AbortHandle {
    let selector = Some(settings.pod_selector.clone()).filter(|selector| !selector.is_empty());
    let pods = watch.follower(Api::<SlimPod>::all(watch.client.clone()), selector).paged_by(LARGE_PAGE);
    tasks.spawn(pods.run(to.clone(), shutdown.clone()))
}

#[cfg(test)]
mod tests;
