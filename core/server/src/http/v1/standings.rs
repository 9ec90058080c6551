//! Standings: how the pods and listed images of one source stand, for as long as its perceiver
//! listens.

use crate::http::role::ByPerceiver;
use crate::http::{Answer, NoQuery};
use crate::read::fleet::Fleet;
use crate::read::telling::Telling;
use crate::state::Core;
use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use api_chassis::http::Query;
use api_wire::standing::StandingLine;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch;

/// How often a silent stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// About how many bytes are sent in one piece.
const PIECE: usize = 64 << 10;

/// How all pods of a source and all images that it lists stand, then what changes (NDJSON).
///
/// Ends with the core only. A source that is not known yet has nothing to be told of; what comes
/// to be known of it follows.
#[utoipa::path(get, path = api_wire::routes::STANDINGS, tag = "perceivers",
    params(("kind" = String, Path, description = "Kind of platform"), ("name" = String, Path, description = "Name among its kind")),
    responses((status = 200, description = "One standing a line", content_type = "application/x-ndjson", body = StandingLine)))]
pub async fn follow(ByPerceiver(source): ByPerceiver, _: Query<NoQuery>, core: Data<Core>) -> Answer {
    let more = core.stream.follow();
    let telling = Telling::new(source, core.thresholds, &core.stream);
    let rematching = core.matcher.rematching();
    let follower = Follower { core, telling, more, rematching };
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .insert_header(("Cache-Control", "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(futures_util::stream::unfold(follower, Follower::next)))
}

/// Someone who listens.
struct Follower {
    core: Data<Core>,
    telling: Telling,
    more: watch::Receiver<u64>,
    rematching: watch::Receiver<bool>,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Follower)> {
        while !self.core.shutdown.has_begun() {
            self.more.mark_unchanged();
            let piece = self.piece();
            if !piece.is_empty() {
                // Others are served by this thread as well.
                tokio::task::yield_now().await;
                return Some((Ok(piece.into()), self));
            }
            tokio::select! {
                changed = self.more.changed() => changed.ok()?,
                changed = self.rematching.changed() => changed.ok()?,
                () = tokio::time::sleep(HEARTBEAT) => {
                    let mut alive = Vec::new();
                    write_line(&mut alive, &StandingLine::Alive);
                    return Some((Ok(alive.into()), self));
                }
                () = self.core.shutdown.begun() => return None,
            }
        }
        None
    }

    /// What is to be sent now; empty if that is nothing.
    fn piece(&mut self) -> Vec<u8> {
        let mut piece = Vec::new();
        let hold = *self.rematching.borrow_and_update();
        while piece.len() < PIECE {
            let lines = self.telling.lines(Fleet::of(&self.core.view), &self.core.stream, hold);
            if lines.is_empty() {
                break;
            }
            lines.iter().for_each(|line| write_line(&mut piece, line));
        }
        piece
    }
}

fn write_line(piece: &mut Vec<u8>, line: &StandingLine) {
    let begin = piece.len();
    match serde_json::to_writer(&mut *piece, line) {
        Ok(()) => piece.push(b'\n'),
        // Texts, numbers and lists of them: there is nothing that JSON cannot hold.
        Err(_) => piece.truncate(begin),
    }
}
