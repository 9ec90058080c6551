//! Observations: what perceivers send, in batches and as a source's full state.

use crate::convert::observation::{Complaint, observation_from, outcome_to};
use crate::http::role::ByPerceiver;
use crate::http::{Answer, NoQuery, refusal};
use crate::intake::{FullState, Lines};
use crate::state::Core;
use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, Payload};
use api_chassis::http::Query;
use api_chassis::http::{HttpError, Unhurried};
use api_wire::observation::{ObservationBatch, ObservationOutcome};
use core_model::{Answer as Answered, Command, Observation};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Most observations of one batch.
const MAX_BATCH: usize = 10_000;

/// A batch whose items are not read yet.
#[derive(Deserialize)]
struct RawBatch<'a> {
    #[serde(borrow)]
    observations: Vec<&'a RawValue>,
}

/// What changed at a source.
///
/// Each observation is taken or refused on its own. Those taken are durable when the answer comes.
#[utoipa::path(post, path = api_wire::routes::OBSERVATIONS, tag = "perceivers",
    params(("kind" = String, Path, description = "Kind of platform"), ("name" = String, Path, description = "Name among its kind")),
    request_body = ObservationBatch,
    responses((status = 200, description = "What was taken, and what was not", body = ObservationOutcome)))]
pub async fn batch(
    ByPerceiver(source): ByPerceiver,
    _: Query<NoQuery>,
    core: Data<Core>,
    body: Bytes,
) -> Answer {
    let (places, observations, complaints) = read(&body)?;
    let command = Command::Observe { source, observations };
    match core.engine.apply(command).await.map_err(refusal::of_engine)? {
        Answered::Observed(observed) => {
            core.metrics.observed(observed.accepted as u64);
            Ok(HttpResponse::Ok().json(outcome_to(&observed, &places, complaints)))
        }
        _ => Err(HttpError::bug("observations were answered by something else")),
    }
}

/// All pods of a source, and all images that it lists, one a line (NDJSON).
///
/// They are taken as they arrive; only when the stream ends well are those gone that it did not
/// name.
#[utoipa::path(put, path = api_wire::routes::SOURCE_STATE, tag = "perceivers",
    params(("kind" = String, Path, description = "Kind of platform"), ("name" = String, Path, description = "Name among its kind")),
    request_body(content = api_wire::observation::ObservedPod, content_type = "application/x-ndjson", description = "One pod a line, or an ImageLine"),
    responses((status = 200, description = "What was taken, and what was not", body = ObservationOutcome)))]
pub async fn full_state(
    ByPerceiver(source): ByPerceiver,
    _: Unhurried,
    _: Query<NoQuery>,
    core: Data<Core>,
    body: Payload,
) -> Answer {
    let mut lines = Lines::of(body);
    let mut state = FullState::begin(core.engine.clone(), source);
    while let Some(line) = lines.next().await? {
        state.take(&line).await.map_err(refusal::of_engine)?;
    }
    let outcome = state.end().await.map_err(refusal::of_engine)?;
    core.metrics.observed(outcome.accepted);
    Ok(HttpResponse::Ok().json(outcome))
}

type Read = (Vec<u64>, Vec<Observation>, Vec<(u64, Complaint)>);

/// The observations of a batch with their places, and complaints about those that are none.
fn read(body: &[u8]) -> Result<Read, HttpError> {
    let batch: RawBatch<'_> = serde_json::from_slice(body)
        .map_err(|error| HttpError::invalid(format!("not a batch of observations: {error}")))?;
    if batch.observations.len() > MAX_BATCH {
        let count = batch.observations.len();
        return Err(HttpError::unprocessable(format!("{count} observations; at most {MAX_BATCH} at once")));
    }
    let (mut places, mut observations, mut complaints) = (Vec::new(), Vec::new(), Vec::new());
    for (place, raw) in (0..).zip(batch.observations) {
        match observation_from(raw) {
            Ok(observation) => {
                places.push(place);
                observations.push(observation);
            }
            Err(complaint) => complaints.push((place, complaint)),
        }
    }
    Ok((places, observations, complaints))
}
