//! One handler per route: ask the fetcher, stream what it gives.

use super::FetcherMetrics;
use super::error::answer;
use crate::Fetcher;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use api_chassis::http::{HttpError, RequestId};
use api_vocab::Digest;
use api_wire::error::{ErrorBody, ErrorEnvelope};
use api_wire::fetcher::{FetcherHealth, Holds, LayersRequest, ResolveRequest, ResolvedImage};
use api_wire::frame::{self, Frame};
use api_wire::image_source::{FetchError, ImageSource, LayerEvent, LayerStream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, future, stream};

type Answer = Result<HttpResponse, HttpError>;

/// Find an image by any of its names.
#[utoipa::path(post, path = "/v1/resolve", operation_id = "resolve", tag = "images",
    request_body = ResolveRequest,
    responses((status = 200, description = "The image can be read.", body = ResolvedImage),
        (status = 404, description = "No store has it.", body = ErrorEnvelope),
        (status = 422, description = "It cannot be read, now or later.", body = ErrorEnvelope),
        (status = 503, description = "A store does not answer.", body = ErrorEnvelope)))]
pub(super) async fn resolve(
    fetcher: Data<Fetcher>,
    metrics: Data<FetcherMetrics>,
    request: Json<ResolveRequest>,
) -> Answer {
    let resolved = fetcher.resolve(&request).await;
    metrics.resolved(&resolved);
    Ok(HttpResponse::Ok().json(resolved.map_err(answer)?))
}

/// Several layers of a resolved image in one pass, as frames.
#[utoipa::path(post, path = "/v1/images/{handle}/layers", operation_id = "read_layers", tag = "images",
    params(("handle" = String, Path, description = "From resolving.")),
    request_body = LayersRequest,
    responses((status = 200, content_type = "application/vnd.perceptor.layers.v1",
            description = "Frames of one byte kind, four bytes length (big endian), payload. `S`: a layer \
                starts (JSON LayerStart); `D`: its next bytes; `E`: it is complete; `F`: all were sent; \
                `X`: the sender failed (JSON ErrorBody). A body without `F` or `X` was cut.", body = [u8]),
        (status = 404, description = "No such handle or layer: resolve again.", body = ErrorEnvelope)))]
pub(super) async fn layers(
    fetcher: Data<Fetcher>,
    metrics: Data<FetcherMetrics>,
    handle: Path<String>,
    wanted: Json<LayersRequest>,
    request: HttpRequest,
) -> Answer {
    let layers = fetcher.open_layers(&handle, &wanted.wanted).await.map_err(answer)?;
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let frames = frames(layers, metrics, id).map(Ok::<Bytes, FetchError>);
    Ok(HttpResponse::Ok().content_type(frame::CONTENT_TYPE).streaming(frames))
}

fn frames(
    layers: LayerStream,
    metrics: Data<FetcherMetrics>,
    request_id: String,
) -> impl Stream<Item = Bytes> {
    let ended = stream::once(future::ready(None));
    layers.map(Some).chain(ended).scan(false, move |has_failed, event| {
        // Nothing follows a failure.
        let frame = (!*has_failed).then(|| frame_of(event, &metrics, &request_id));
        *has_failed |= matches!(frame, Some(Frame::Failed(_)));
        future::ready(frame.map(|frame| frame.render()))
    })
}

fn frame_of(
    event: Option<Result<LayerEvent, FetchError>>,
    metrics: &FetcherMetrics,
    request_id: &str,
) -> Frame {
    match event {
        None => Frame::Finished,
        Some(Ok(LayerEvent::Start(start))) => Frame::Start(start),
        Some(Ok(LayerEvent::Chunk(chunk))) => {
            metrics.sent(chunk.len());
            Frame::Chunk(chunk)
        }
        Some(Ok(LayerEvent::End)) => {
            metrics.layer_ended(None);
            Frame::End
        }
        Some(Err(error)) => {
            metrics.layer_ended(Some(&error));
            let (code, message) = (error.code, error.message);
            Frame::Failed(ErrorBody { code, message, request_id: request_id.to_owned() })
        }
    }
}

/// One layer of a resolved image, as stored.
#[utoipa::path(get, path = "/v1/images/{handle}/layers/{diff_id}", operation_id = "read_layer", tag = "images",
    params(("handle" = String, Path, description = "From resolving."),
        ("diff_id" = String, Path, description = "The digest of the uncompressed layer.")),
    responses((status = 200, content_type = "application/octet-stream", body = [u8],
            description = "The bytes as stored: plain, gzip or zstd. Cut short if they are not what they ought to be."),
        (status = 404, description = "No such handle or layer: resolve again.", body = ErrorEnvelope)))]
pub(super) async fn layer(
    fetcher: Data<Fetcher>,
    metrics: Data<FetcherMetrics>,
    path: Path<(String, Digest)>,
) -> Answer {
    let (handle, diff_id) = path.into_inner();
    let layers = fetcher.open_layers(&handle, &[diff_id]).await.map_err(answer)?;
    let bytes = layers.filter_map(move |event| {
        future::ready(match event {
            Ok(LayerEvent::Chunk(chunk)) => {
                metrics.sent(chunk.len());
                Some(Ok(chunk))
            }
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    });
    Ok(HttpResponse::Ok().content_type("application/octet-stream").streaming(bytes))
}

/// The whole image as an archive.
#[utoipa::path(get, path = "/v1/images/{handle}/archive", operation_id = "read_archive", tag = "images",
    params(("handle" = String, Path, description = "From resolving.")),
    responses((status = 200, content_type = "application/x-tar", body = [u8],
            description = "What `docker save` gives, or the archive as it lies there."),
        (status = 404, description = "No such handle: resolve again.", body = ErrorEnvelope)))]
pub(super) async fn archive(
    fetcher: Data<Fetcher>,
    metrics: Data<FetcherMetrics>,
    handle: Path<String>,
) -> Answer {
    let bytes = fetcher.open_archive(&handle).await.map_err(answer)?;
    let counted = bytes.inspect(move |chunk| metrics.sent(chunk.as_ref().map_or(0, Bytes::len)));
    Ok(HttpResponse::Ok().content_type("application/x-tar").streaming(counted))
}

/// Forget a handle.
#[utoipa::path(delete, path = "/v1/images/{handle}", operation_id = "release", tag = "images",
    params(("handle" = String, Path, description = "From resolving.")),
    responses((status = 204, description = "Forgotten, or never known.")))]
pub(super) async fn release(fetcher: Data<Fetcher>, handle: Path<String>) -> HttpResponse {
    fetcher.release(&handle).await;
    HttpResponse::NoContent().finish()
}

/// Digests of the images within reach.
#[utoipa::path(get, path = "/v1/holds", operation_id = "holds", tag = "stores",
    responses((status = 200, description = "Digests of configs, manifests, indices.", body = Holds),
        (status = 503, description = "A store does not answer.", body = ErrorEnvelope)))]
pub(super) async fn holds(fetcher: Data<Fetcher>) -> Answer {
    Ok(HttpResponse::Ok().json(fetcher.holds().await.map_err(answer)?))
}

/// Whether the stores answer.
#[utoipa::path(get, path = "/healthz", operation_id = "health", tag = "stores",
    responses((status = 200, description = "The fetcher is alive; the body tells of its stores.", body = FetcherHealth)))]
pub(super) async fn health(fetcher: Data<Fetcher>) -> HttpResponse {
    HttpResponse::Ok().json(fetcher.health().await)
}
