//! The watch: keeps a ledger equal to what the engine runs, through events and by the clock.

mod roster;

use crate::app::PATIENCE;
use crate::config::EngineSettings;
use crate::engine::{Engine, EngineError};
use api_chassis::clock::Clock;
use api_chassis::shutdown::Shutdown;
use bollard::models::{EventMessage, EventMessageTypeEnum};
use futures_util::{Stream, StreamExt};
use perceiver_kit::{Backoff, Outage, Sight};
use roster::{Roster, Stale};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// How long after an event the engine is asked: events come in flocks.
const GATHER: Duration = Duration::from_millis(50);

/// Watches one engine.
pub struct Watch {
    settings: EngineSettings,
    sight: Sight,
    clock: Arc<dyn Clock>,
    outage: Outage,
    backoff: Backoff,
}

impl Watch {
    /// A watch that writes into `sight`.
    pub fn new(settings: EngineSettings, sight: Sight, clock: Arc<dyn Clock>) -> Self {
        Watch { settings, sight, clock, outage: Outage::default(), backoff: PATIENCE }
    }

    /// Watch until shutdown; an engine that goes away is waited for.
    pub async fn run(mut self, shutdown: Shutdown) {
        loop {
            let error = tokio::select! {
                Err(error) = self.follow() => error,
                () = shutdown.begun() => return,
            };
            // What the core was told may be wrong from now on: it learns no more until we see again.
            self.sight.look_away(&error.to_string());
            if self.outage.begin(self.clock.now(), error.kind()) {
                tracing::warn!(%error, "engine lost; will keep trying");
            }
            if !shutdown.sleep(self.backoff.fail(rand::random())).await {
                return;
            }
        }
    }

    /// Follow one connection to its end.
    async fn follow(&mut self) -> Result<std::convert::Infallible, EngineError> {
        let engine = Engine::connect(&self.settings.address).await?;
        let sight = self.sight.clone();
        let mut events = pin!(engine.events().inspect(|_| sight.count_event()));
        let mut roster = Roster::new(engine.identity().name.clone(), self.settings.labels.clone());
        let mut clock = tokio::time::interval(Duration::from_secs(self.settings.resync_seconds.max(1)));
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stale = Stale::All;
        loop {
            let work = renew(&engine, &mut roster, std::mem::take(&mut stale));
            stale = attend(&mut events, &engine, work).await?;
            self.sight.replace(roster.pods());
            self.note_recovery(&roster);
            stale.join(rest(&mut events, &engine, &mut clock, stale.is_none()).await?);
        }
    }

    fn note_recovery(&mut self, roster: &Roster) {
        self.backoff.succeed();
        if let Some(lasted) = self.outage.end(self.clock.now()) {
            tracing::info!(containers = roster.len(), ?lasted, "engine found again");
        }
    }
}

/// Ask the engine about what is stale.
async fn renew(engine: &Engine, roster: &mut Roster, stale: Stale) -> Result<(), EngineError> {
    match stale {
        Stale::All => roster.replace(engine.list(&[]).await?),
        Stale::Some(ids) if ids.is_empty() => return Ok(()),
        Stale::Some(ids) => {
            let ids: Vec<String> = ids.into_iter().collect();
            let listed = engine.list(&ids).await?;
            roster.update(&ids, listed);
        }
    }
    for (id, image) in roster.unknown() {
        // What cannot be inspected is gone again, or odd; the list's own words do for it.
        roster.detail(&id, engine.details(&id).await.unwrap_or_default());
        if !image.is_empty() && !roster.knows_image(&image) {
            roster.name_image(&image, engine.image(&image).await.unwrap_or_default());
        }
    }
    Ok(())
}

type Event = Result<EventMessage, EngineError>;

/// Do `work`, and note meanwhile what events make stale: none is lost while the engine is asked.
async fn attend(
    events: &mut (impl Stream<Item = Event> + Unpin),
    engine: &Engine,
    work: impl Future<Output = Result<(), EngineError>>,
) -> Result<Stale, EngineError> {
    let (mut work, mut stale) = (pin!(work), Stale::default());
    loop {
        tokio::select! {
            biased;
            event = events.next() => stale.join(judge(event, engine)?),
            outcome = &mut work => return outcome.map(|()| stale),
        }
    }
}

/// Wait for something to be stale: by events, which are given time to gather, or by the clock.
async fn rest(
    events: &mut (impl Stream<Item = Event> + Unpin),
    engine: &Engine,
    clock: &mut tokio::time::Interval,
    nothing_yet: bool,
) -> Result<Stale, EngineError> {
    let mut stale = Stale::default();
    let mut until = (!nothing_yet).then(|| Instant::now() + GATHER);
    loop {
        let gathered = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = events.next() => {
                stale.join(judge(event, engine)?);
                if !stale.is_none() {
                    until.get_or_insert_with(|| Instant::now() + GATHER);
                }
            }
            _ = clock.tick() => return Ok(Stale::All),
            () = gathered => return Ok(stale),
        }
    }
}

/// What an event makes stale.
fn judge(event: Option<Event>, engine: &Engine) -> Result<Stale, EngineError> {
    let Some(event) = event else { return Err(engine.cut()) };
    let event = event?;
    let action = event.action.as_deref().unwrap_or_default();
    let id = event.actor.and_then(|actor| actor.id).unwrap_or_default();
    Ok(match event.typ {
        Some(EventMessageTypeEnum::CONTAINER) if concerns_life(action) => Stale::one(id),
        Some(EventMessageTypeEnum::IMAGE) if concerns_names(action) => Stale::All,
        _ => Stale::default(),
    })
}

/// Whether containers come, go or are called otherwise by this. Health checks and commands inside
/// a container are events too, and the most frequent ones.
fn concerns_life(action: &str) -> bool {
    const LIFE: [&str; 17] = [
        "create", "start", "restart", "stop", "die", "died", "kill", "oom", "destroy", "remove", "rename",
        "pause", "unpause", "update", "init", "cleanup", "sync",
    ];
    LIFE.contains(&action)
}

fn concerns_names(action: &str) -> bool {
    const NAMES: [&str; 9] =
        ["tag", "untag", "pull", "push", "load", "loadfromarchive", "import", "delete", "remove"];
    NAMES.contains(&action)
}

#[cfg(test)]
mod tests;
