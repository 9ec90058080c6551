//! The watch of image streams and Images: keeps what the core is told of images equal to what the
//! cluster keeps, beside the watch of pods.

use crate::annotate::{self, Notice};
use crate::gallery::{Gallery, News};
use crate::metrics::OpenShiftMetrics;
use crate::slim::{SlimImage, SlimStream};
use api_chassis::shutdown::Shutdown;
use kube::Api;
use perceiver_kubernetes::app::Term;
use perceiver_kubernetes::slim::SlimNamespace;
use perceiver_kubernetes::watch::{Absence, DISCOVERY, Followed, Follower, Heard, await_served};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// What is heard and not yet taken in.
const QUEUE: usize = 256;
/// An Image is tens of kilobytes of text before it is decoded: few travel together.
const IMAGES_OF_A_PAGE: u32 = 50;

/// Everything that can wake the watch.
#[derive(Debug)]
enum Event {
    Spaces(Heard<SlimNamespace>),
    Streams(Heard<SlimStream>),
    Images(Heard<SlimImage>),
    Absent(Absence),
    Settings,
}

impl From<Heard<SlimNamespace>> for Event {
    fn from(heard: Heard<SlimNamespace>) -> Self {
        Event::Spaces(heard)
    }
}

impl From<Heard<SlimStream>> for Event {
    fn from(heard: Heard<SlimStream>) -> Self {
        Event::Streams(heard)
    }
}

impl From<Heard<SlimImage>> for Event {
    fn from(heard: Heard<SlimImage>) -> Self {
        Event::Images(heard)
    }
}

/// Watches the images of one cluster.
pub struct ImageWatch {
    term: Term,
    depth: usize,
    metrics: OpenShiftMetrics,
    discovery: Duration,
    /// Who annotates Images, if they are.
    annotator: Option<mpsc::UnboundedSender<Notice>>,
    /// What was said of a missing image API.
    said: Option<Absence>,
}

impl ImageWatch {
    /// A watch of the newest `depth` images of each tag. From now on nothing is told before it knows
    /// the images, or that there are none.
    pub fn new(term: Term, depth: usize, metrics: OpenShiftMetrics) -> Self {
        term.sight.await_images();
        ImageWatch { term, depth, metrics, discovery: DISCOVERY, annotator: None, said: None }
    }

    /// Look this often whether a cluster without an image API has one by now.
    pub const fn looking_every(mut self, discovery: Duration) -> Self {
        self.discovery = discovery;
        self
    }

    /// Tell an annotator what it must know.
    pub fn telling(mut self, annotator: mpsc::UnboundedSender<Notice>) -> Self {
        self.annotator = Some(annotator);
        self
    }

    /// Watch until shutdown. Dropped, it leaves nothing behind.
    pub async fn run(mut self) {
        let (to, mut heard) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        self.follow(&mut tasks, &to);
        let shown = self.term.watched.borrow_and_update().clone();
        let mut gallery = Gallery::new(&shown, self.depth);
        let mut settled = false;
        loop {
            let event = tokio::select! {
                Some(event) = heard.recv() => event,
                Ok(()) = self.term.watched.changed() => Event::Settings,
                () = self.term.shutdown.begun() => return,
            };
            self.take(event, &mut gallery);
            self.spread(&mut gallery);
            if !settled && gallery.is_whole() {
                settled = true;
                self.term.sight.complete_images();
            }
        }
    }

    fn take(&mut self, event: Event, gallery: &mut Gallery) {
        match event {
            Event::Spaces(heard) => gallery.hear_spaces(heard),
            Event::Streams(heard) => {
                if matches!(heard, Heard::Complete) {
                    self.metrics.serves_images(true);
                }
                gallery.hear_streams(heard);
            }
            Event::Images(heard) => {
                self.notice_image(&heard);
                gallery.hear_images(heard);
            }
            Event::Absent(absence) => {
                self.metrics.serves_images(false);
                gallery.do_without_images();
                // Both kinds are missed, and it is one thing to say.
                if self.said.replace(absence) != Some(absence) {
                    self.say(absence);
                }
            }
            Event::Settings => {
                let fresh = self.term.watched.borrow_and_update().clone();
                gallery.configure(&fresh);
            }
        }
    }

    fn say(&self, absence: Absence) {
        let source = &self.term.source;
        match absence {
            Absence::NotServed => {
                tracing::info!(%source, "cluster has no image streams: perceived as Kubernetes");
            }
            Absence::Unknown => {
                tracing::warn!(%source, "cluster does not say whether it has image streams; will keep asking");
            }
        }
    }

    fn spread(&self, gallery: &mut Gallery) {
        for news in gallery.take_news() {
            match news {
                News::List(image) => {
                    self.notify(|| Notice::Listed(image.digest.clone(), true));
                    self.term.sight.list(image);
                }
                News::Unlist(digest) => {
                    self.term.sight.unlist(&digest);
                    self.notify(|| Notice::Listed(digest, false));
                }
                News::Complain(complaint) => tracing::warn!(complaint, "object not taken as it is"),
            }
        }
        self.metrics.streams(gallery.streams());
    }

    fn notice_image(&self, heard: &Heard<SlimImage>) {
        let (image, there) = match heard {
            Heard::Listed(image) | Heard::Applied(image) => (image, true),
            Heard::Gone(image) => (image, false),
            // One that a list does not name is unlisted by the gallery.
            _ => return,
        };
        if let Ok(digest) = image.metadata.name.as_deref().unwrap_or_default().parse() {
            self.notify(|| Notice::Image(digest, there.then(|| annotate::present(image))));
        }
    }

    fn notify(&self, notice: impl FnOnce() -> Notice) {
        if let Some(annotator) = &self.annotator {
            // Nobody listens only when all is over.
            drop(annotator.send(notice()));
        }
    }

    fn follow(&self, tasks: &mut JoinSet<()>, to: &mpsc::Sender<Event>) {
        let spaces = self.follower::<SlimNamespace>();
        tasks.spawn(spaces.run(to.clone(), self.term.shutdown.clone()));
        self.follow_served(tasks, to, self.follower::<SlimStream>());
        self.follow_served(tasks, to, self.follower::<SlimImage>().paged_by(IMAGES_OF_A_PAGE));
    }

    fn follower<K: Followed>(&self) -> Follower<K> {
        let lists = self.term.metrics.lists(K::plural(&()).as_ref());
        Follower::new(Api::all(self.term.cluster.clone()), None, self.term.clock.clone(), lists)
    }

    /// Follow a kind of the image API once the cluster serves it.
    fn follow_served<K: Followed>(
        &self,
        tasks: &mut JoinSet<()>,
        to: &mpsc::Sender<Event>,
        follower: Follower<K>,
    ) where
        Event: From<Heard<K>>,
    {
        let (client, every) = (self.term.cluster.clone(), self.discovery);
        let (to, shutdown): (_, Shutdown) = (to.clone(), self.term.shutdown.clone());
        tasks.spawn(async move {
            // Nobody listens only when all is over; there is room, for nothing else was heard yet.
            let absent = |absence| drop(to.try_send(Event::Absent(absence)));
            if await_served::<K>(&client, every, &shutdown, absent).await {
                follower.run(to.clone(), shutdown.clone()).await;
            }
        });
    }
}

#[cfg(test)]
mod tests;
