//! Annotating Images: follows how they stand, and keeps what is written on them equal to it, or takes
//! it away. Off unless it is asked for.

pub mod plan;
pub mod quality;

use crate::metrics::OpenShiftMetrics;
use crate::slim::SlimImage;
use api_chassis::clock::Clock;
use api_chassis::shutdown::Shutdown;
use api_client::{Client as Core, ClientError};
use api_vocab::{Digest, SourceId};
use api_wire::standing::{ImageStanding, StandingLine};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, OptionFuture};
use perceiver_kit::{Backoff, Outage};
use perceiver_kubernetes::app::Term;
use perceiver_kubernetes::tell::{Outcome, Writer};
use plan::{Ours, Plan, Present, Write};
use quality::content;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// From half a second to a minute.
const PATIENCE: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));
/// Standings that were heard and not yet taken in.
const QUEUE: usize = 256;
/// What is not allowed may be allowed by then.
const FORBIDDEN: Duration = Duration::from_secs(300);

/// What the watch of images tells.
#[derive(Debug)]
pub enum Notice {
    /// An image is one that the core is told of, or no more.
    Listed(Digest, bool),
    /// What is on an Image; none if it is gone.
    Image(Digest, Option<Present>),
}

/// What is on an Image.
pub fn present(image: &SlimImage) -> Present {
    let uid = image.metadata.uid.as_deref().unwrap_or_default().into();
    Present { uid, content: content(&image.ours) }
}

/// Annotates the Images of one cluster.
pub struct Annotator {
    writer: Arc<Writer>,
    core: Core,
    source: SourceId,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
    metrics: OpenShiftMetrics,
    plan: Plan,
    notices: mpsc::UnboundedReceiver<Notice>,
    outage: Outage,
    backoff: Backoff,
}

impl Annotator {
    /// An annotator that is told by `notices`.
    pub fn new(
        term: &Term,
        ours: Ours,
        notices: mpsc::UnboundedReceiver<Notice>,
        metrics: OpenShiftMetrics,
    ) -> Self {
        Annotator {
            writer: Arc::clone(&term.writer),
            core: term.core.clone(),
            source: term.source.clone(),
            clock: Arc::clone(&term.clock),
            shutdown: term.shutdown.clone(),
            metrics,
            plan: Plan::new(ours),
            notices,
            outage: Outage::default(),
            backoff: PATIENCE,
        }
    }

    /// Annotate until shutdown. Dropped, it leaves nothing behind.
    pub async fn run(mut self) {
        let (to, mut standings) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        if self.plan.needs_standings() {
            let (core, source, clock) = (self.core.clone(), self.source.clone(), self.clock.clone());
            tasks.spawn(Standings { core, source, clock }.run(to, self.shutdown.clone()));
        }
        let mut writing: Option<BoxFuture<'static, (Write, Outcome)>> = None;
        let mut not_before = Instant::now();
        loop {
            if writing.is_none() && not_before <= Instant::now() {
                writing = self.begin();
            }
            self.metrics.waiting(self.plan.waiting());
            let (busy, due) = (writing.is_some(), self.plan.waiting() > 0);
            tokio::select! {
                Some(notice) = self.notices.recv() => self.take(notice),
                Some(standing) = standings.recv() => self.plan.hear_standing(standing),
                Some((write, outcome)) = OptionFuture::from(writing.as_mut()), if busy => {
                    writing = None;
                    not_before = Instant::now() + self.conclude(write, outcome);
                }
                () = tokio::time::sleep_until(not_before), if !busy && due => {}
                () = self.shutdown.begun() => return,
            }
        }
    }

    fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Listed(digest, listed) => self.plan.hear_listed(&digest, listed),
            Notice::Image(digest, present) => self.plan.hear_image(&digest, present),
        }
    }

    fn begin(&mut self) -> Option<BoxFuture<'static, (Write, Outcome)>> {
        let write = self.plan.next(self.clock.now())?;
        let writer = Arc::clone(&self.writer);
        let writing = async move {
            let outcome = writer.write(&write.request()).await;
            (write, outcome)
        };
        Some(writing.boxed())
    }

    /// Note what came of a write; answers how long to wait before the next.
    fn conclude(&mut self, write: Write, outcome: Outcome) -> Duration {
        let now = self.clock.now();
        match outcome {
            Outcome::Done | Outcome::Same => {
                self.plan.written(&write);
                self.backoff.succeed();
                if let Some(lasted) = self.outage.end(now) {
                    tracing::info!(?lasted, "Images can be annotated again");
                }
                Duration::ZERO
            }
            Outcome::Gone => {
                self.plan.hear_image(&write.digest, None);
                Duration::ZERO
            }
            Outcome::Refused(reason) => {
                self.plan.refuse(&write);
                tracing::warn!(image = %write.digest, reason, "Image not annotated: the server refuses it");
                Duration::ZERO
            }
            Outcome::Closed(_) => {
                self.plan.retry(write);
                if self.outage.begin(now, "forbidden") {
                    tracing::warn!(
                        "not allowed to annotate Images; grant patch on images (image.openshift.io)"
                    );
                }
                FORBIDDEN
            }
            Outcome::Later(wait) => {
                self.plan.retry(write);
                if self.outage.begin(now, "away") {
                    tracing::warn!("Images cannot be annotated; will keep trying");
                }
                let own = self.backoff.fail(rand::random());
                wait.map_or(own, |wait| wait.max(own))
            }
        }
    }
}

/// Follows how the images of a source stand.
struct Standings {
    core: Core,
    source: SourceId,
    clock: Arc<dyn Clock>,
}

impl Standings {
    async fn run(self, to: mpsc::Sender<ImageStanding>, shutdown: Shutdown) {
        let (mut outage, mut backoff) = (Outage::default(), PATIENCE);
        loop {
            let mut heal = || {
                backoff.succeed();
                if let Some(lasted) = outage.end(self.clock.now()) {
                    tracing::info!(?lasted, "standings are told again");
                }
            };
            let ended = tokio::select! {
                ended = self.follow(&to, &mut heal) => ended,
                () = shutdown.begun() => return,
            };
            if let Err(error) = ended
                && outage.begin(self.clock.now(), "away")
            {
                tracing::warn!(%error, "standings cannot be followed; will keep trying");
            }
            if !shutdown.sleep(backoff.fail(rand::random())).await {
                return;
            }
        }
    }

    /// One connection, to its end.
    async fn follow(
        &self,
        to: &mpsc::Sender<ImageStanding>,
        heal: &mut impl FnMut(),
    ) -> Result<(), ClientError> {
        let mut standings = self.core.standings(&self.source).await?;
        while let Some(line) = standings.next().await? {
            match line {
                // Nobody listens only when all is over.
                StandingLine::Image { image } => drop(to.send(image).await),
                StandingLine::Whole => heal(),
                StandingLine::Pod { .. } | StandingLine::Alive => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
