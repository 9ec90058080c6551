//! The event stream, resumed where it was cut.

use crate::call::{malformed, parse};
use crate::path::path;
use crate::sse::Parser;
use crate::{Advice, Client, ClientError};
use api_wire::event::{Event, EventQuery};
use api_wire::routes;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures_util::{Stream, stream};
use reqwest::Response;
use std::collections::VecDeque;
use std::time::Duration;

const OPERATION: &str = "follow events";
/// The type of the message that stands for events which are no longer kept.
const MISSED: &str = "missed";
/// The stream has no end of its own.
const WHOLE: Duration = Duration::from_secs(7 * 24 * 3600);

impl Client {
    /// Events after `after`, or from now on; ends only with an error that says to give up.
    ///
    /// A stream that is cut is taken up again after the last event that arrived, with backoff.
    pub fn events(
        &self,
        after: Option<u64>,
    ) -> impl Stream<Item = Result<Event, ClientError>> + Send + use<> {
        let follower = Follower {
            client: self.clone(),
            after,
            open: None,
            ready: VecDeque::new(),
            backoff: patience(),
            over: false,
        };
        stream::unfold(follower, |mut follower| async move {
            let next = follower.next().await?;
            Some((next, follower))
        })
    }

    async fn open_events(&self, after: Option<u64>) -> Result<Response, ClientError> {
        let call = self.get(OPERATION, path(routes::EVENTS, &[])).timeout(WHOLE);
        let call = call.header("accept", "text/event-stream".to_owned()).query(&EventQuery { after });
        match after {
            Some(id) => call.header("last-event-id", id.to_string()).open().await,
            None => call.open().await,
        }
    }
}

fn patience() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(15))
        .without_max_times()
        .with_jitter()
        .build()
}

struct Follower {
    client: Client,
    after: Option<u64>,
    open: Option<(Response, Parser)>,
    ready: VecDeque<Event>,
    backoff: ExponentialBackoff,
    over: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Result<Event, ClientError>> {
        while !self.over {
            if let Some(event) = self.ready.pop_front() {
                self.after = Some(event.id);
                self.backoff = patience();
                return Some(Ok(event));
            }
            if let Err(error) = self.advance().await {
                self.open = None;
                if error.advice() != Advice::Retry {
                    self.over = true;
                    return Some(Err(error));
                }
                self.pause(error.retry_after()).await;
            }
        }
        None
    }

    /// Read on, connecting first where there is no connection.
    async fn advance(&mut self) -> Result<(), ClientError> {
        let Some((answer, parser)) = &mut self.open else {
            let answer = self.client.open_events(self.after).await?;
            self.open = Some((answer, Parser::default()));
            return Ok(());
        };
        let chunk = answer.chunk().await.map_err(|source| ClientError::Unreachable {
            operation: OPERATION,
            source: source.without_url(),
        })?;
        let Some(chunk) = chunk else {
            // The core ended it: it is going down, or we were too slow.
            self.open = None;
            self.pause(None).await;
            return Ok(());
        };
        let messages = parser.push(&chunk).map_err(|_| malformed(OPERATION, "an event is too long"))?;
        for message in messages {
            if message.event.as_deref() == Some(MISSED) {
                tracing::warn!("events were missed: the core keeps them no longer");
                // Whoever asks again must not be told again.
                self.after = message.id.and_then(|id| id.parse().ok()).or(self.after);
                continue;
            }
            self.ready.push_back(parse(OPERATION, message.data.as_bytes())?);
        }
        Ok(())
    }

    async fn pause(&mut self, told: Option<Duration>) {
        let own = self.backoff.next().unwrap_or_default();
        tokio::time::sleep(told.map_or(own, |told| told.clamp(own, Duration::from_secs(60)))).await;
    }
}
