//! The event stream: server-sent events, resumable by id.

use crate::convert::event::notice_to;
use crate::engine::{EventStream, Replay};
use crate::http::Answer;
use crate::http::role::ByReader;
use crate::keep::Keep;
use crate::state::Core;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use api_chassis::http::{HttpError, Query};
use api_chassis::shutdown::Shutdown;
use api_wire::event::{Event, EventQuery};
use core_model::Notice;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often a silent stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Most events sent in one piece.
const PIECE: usize = 256;

/// What happens, as it happens.
///
/// Each event has its id, so `Last-Event-ID` (or `after`) goes on where a connection broke. Where
/// events in between are no longer kept, or the id is one that this core never came to, an event of
/// type `missed` comes first: read the lists again.
#[utoipa::path(get, path = api_wire::routes::EVENTS, tag = "readers", params(EventQuery,
    ("Last-Event-ID" = Option<u64>, Header, description = "The id of the last event seen")),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream", body = Event)))]
pub async fn follow(_: ByReader, core: Data<Core>, query: Query<EventQuery>, request: HttpRequest) -> Answer {
    let after = match request.headers().get("Last-Event-ID") {
        Some(value) => {
            let id = value.to_str().ok().and_then(|text| text.parse().ok());
            Some(id.ok_or_else(|| HttpError::invalid("Last-Event-ID is not the id of an event"))?)
        }
        None => query.after,
    };
    let last = core.stream.last();
    let follower = Follower {
        // An id from another life of the core, before its data were lost, says nothing of this one.
        strange: after.is_some_and(|after| after > last),
        after: after.unwrap_or(last).min(last),
        more: core.stream.follow(),
        stream: core.stream.clone(),
        keep: core.keep.clone(),
        shutdown: core.shutdown.clone(),
        greeted: false,
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("Cache-Control", "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(futures_util::stream::unfold(follower, Follower::next)))
}

/// Someone who follows.
struct Follower {
    after: u64,
    more: watch::Receiver<u64>,
    stream: EventStream,
    keep: Keep,
    shutdown: Shutdown,
    greeted: bool,
    /// Whether the follower comes from a place that is not known here.
    strange: bool,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Follower)> {
        if !self.greeted {
            // Headers leave with the first bytes: whoever follows learns at once that it does.
            self.greeted = true;
            return Some((Ok(Bytes::from_static(b": following\n\n")), self));
        }
        loop {
            self.more.mark_unchanged();
            let text = self.waiting().await;
            if !text.is_empty() {
                return Some((Ok(Bytes::from(text)), self));
            }
            tokio::select! {
                changed = self.more.changed() => changed.ok()?,
                () = tokio::time::sleep(HEARTBEAT) => {
                    return Some((Ok(Bytes::from_static(b": alive\n\n")), self));
                }
                () = self.shutdown.begun() => return None,
            }
        }
    }

    /// What is to be sent now.
    async fn waiting(&mut self) -> String {
        let (missed, notices) = match self.stream.replay(self.after, PIECE) {
            Replay::Notices(notices) => (false, notices),
            Replay::Missed(from) => self.past(from).await,
        };
        let missed = missed | std::mem::take(&mut self.strange);
        let missed =
            if missed { format!("event: missed\nid: {}\ndata: {{}}\n\n", self.after) } else { String::new() };
        if let Some(last) = notices.last() {
            self.after = last.id;
        }
        notices.iter().fold(missed, |text, notice| text + &event_text(notice))
    }

    /// What the store has of the time before `from`; whether something is missing.
    async fn past(&mut self, from: u64) -> (bool, Vec<Arc<Notice>>) {
        let past = self.keep.notices_after(self.after, PIECE).await;
        let (gap, past) = past.map_or((true, Vec::new()), |past| (past.gap, past.notices));
        let past: Vec<_> = past.into_iter().filter(|notice| notice.id <= from).map(Arc::new).collect();
        if past.len() < PIECE {
            // Nothing more of it is in the store: go on with what is kept here.
            self.after = from;
        }
        (gap, past)
    }
}

/// One event in the form of the HTML standard, "Server-sent events".
fn event_text(notice: &Notice) -> String {
    let event = serde_json::to_value(notice_to(notice)).unwrap_or_default();
    let kind = event.get("type").and_then(|kind| kind.as_str()).unwrap_or("message");
    format!("event: {kind}\nid: {}\ndata: {event}\n\n", notice.id)
}
