//! `/metrics/workloads`: series per pod and workload of one source, streamed.

use super::Answer;
use super::refusal::invalid;
use super::role::ByReader;
use crate::metrics::{Pieces, WorkloadSeries};
use crate::read::pods::parsed;
use crate::state::Core;
use actix_web::HttpResponse;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use api_chassis::http::{HttpError, Query};
use api_vocab::SourceId;
use futures_util::stream;
use std::convert::Infallible;
use tokio::sync::mpsc::{Receiver, channel};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Pieces that may wait for a slow reader.
const WAITING: usize = 4;

/// Whose series.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadsQuery {
    source: Option<String>,
}

/// The route.
pub fn routes(config: &mut ServiceConfig) {
    config.service(web::resource("/metrics/workloads").route(web::get().to(show)));
}

async fn show(_: ByReader, query: Query<WorkloadsQuery>, core: Data<Core>) -> Answer {
    if !core.workload_metrics.is_on() {
        return Err(HttpError::not_found(
            "no series per pod or workload are wanted; set workload_metrics.pod_issues or .image_scans",
        ));
    }
    let source = source_of(&core, query.source.as_deref())?;
    let (sender, pieces) = channel(WAITING);
    // Walks all pods of the source: not on a thread that serves others.
    tokio::task::spawn_blocking(move || {
        let mut send = |piece: String| sender.blocking_send(Bytes::from(piece)).is_ok();
        WorkloadSeries::new(&core.view, &source, &core.workload_metrics).write(Pieces::new(&mut send));
    });
    Ok(HttpResponse::Ok().content_type(CONTENT_TYPE).streaming(stream::unfold(pieces, next)))
}

async fn next(mut pieces: Receiver<Bytes>) -> Option<(Result<Bytes, Infallible>, Receiver<Bytes>)> {
    let piece = pieces.recv().await?;
    Some((Ok(piece), pieces))
}

/// The source that is asked for, or the only one there is.
fn source_of(core: &Core, asked: Option<&str>) -> Result<SourceId, HttpError> {
    if let Some(asked) = parsed("source", asked).map_err(invalid)? {
        return Ok(asked);
    }
    match core.view.sources_after(None, 2).as_slice() {
        [only] => Ok(only.id.clone()),
        [] => Err(HttpError::not_found("there is no source yet")),
        _ => Err(invalid("there are several sources; say which: ?source=kubernetes/name")),
    }
}
