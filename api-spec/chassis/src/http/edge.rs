//! The edge: what every request passes on its way in, and every answer on its way out.

use super::flight::Flight;
use super::{HttpError, RateLimit};
use crate::metrics::HttpLatency;
use actix_web::body::{BodySize, BoxBody, MessageBody, None as NoBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, TRANSFER_ENCODING,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::FutureExt;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NO_SNIFFING: HeaderValue = HeaderValue::from_static("nosniff");

/// What the edge needs; put one into the app's data and wrap the app with [`edge`].
#[derive(Debug)]
pub struct Edge {
    /// Where latencies are counted.
    pub latency: HttpLatency,
    /// The limit per client, if there is one.
    pub rate_limit: Option<RateLimit>,
    /// How long a handler may take to begin its answer.
    pub timeout: Duration,
}

/// The id of a request: the client's `x-request-id` if it is harmless, else a random one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

impl RequestId {
    fn of(request: &ServiceRequest) -> Self {
        let theirs = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
        RequestId(match theirs {
            Some(id) if is_harmless(id) => id.to_owned(),
            _ => format!("{:016x}", rand::random::<u64>()),
        })
    }
}

fn is_harmless(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Asked for by a handler that reads a stream of any length: no timeout holds for it, so that it
/// must end by itself when nothing comes any more.
#[derive(Debug, Clone, Copy)]
pub struct Unhurried;

/// Whether a handler asked for more time.
#[derive(Debug, Clone, Default)]
struct Patience(Arc<AtomicBool>);

impl Patience {
    fn is_asked_for(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl FromRequest for Unhurried {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        if let Some(Patience(asked)) = request.extensions().get() {
            asked.store(true, Ordering::Relaxed);
        }
        ready(Ok(Unhurried))
    }
}

/// Middleware for `actix_web::middleware::from_fn`: request id, rate limit, timeout, panics,
/// error envelope, latency, log.
pub async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let begun = Instant::now();
    let id = RequestId::of(&request);
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    if method == Method::HEAD {
        // Whatever can be got can be asked for without its body (RFC 9110, 9.3.2).
        request.head_mut().method = Method::GET;
    }
    let edge = request.app_data::<web::Data<Edge>>().cloned();
    let flying = request.app_data::<web::Data<Flight>>().map(|flight| flight.start());
    let answer = match pass(&edge, request, next).await {
        Ok(answer) => enveloped(answer, &id),
        Err(error) => Err(refused(&error, &id)),
    };
    let (route, status) = match &answer {
        Ok(answer) => (answer.request().match_pattern(), answer.status()),
        Err(error) => (None, error.as_response_error().status_code()),
    };
    let took = begun.elapsed();
    tracing::debug!(%method, route, status = status.as_u16(), request_id = id.0, ?took, "request answered");
    if let Some(edge) = edge {
        edge.latency.observe(method.as_str(), route, status.as_u16(), took);
    }
    let answer = if method == Method::HEAD { answer.map(ended) } else { answer };
    match flying {
        Some(flying) => answer.map(|answer| answer.map_body(|_, body| flying.until_sent(body))),
        None => answer,
    }
}

/// An answer to HEAD. The server sends no body with it; one that flows for ever must not even begin.
fn ended(answer: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    match answer.response().body().size() {
        BodySize::Stream => answer.map_body(|_, _| BoxBody::new(NoBody::new())),
        BodySize::None | BodySize::Sized(_) => answer,
    }
}

async fn pass<B: MessageBody + 'static>(
    edge: &Option<web::Data<Edge>>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let edge = edge.as_ref().ok_or_else(|| HttpError::bug("the app has no Edge in its data"))?;
    if let (Some(limit), Some(peer)) = (&edge.rate_limit, request.peer_addr()) {
        limit.admit(peer.ip()).map_err(|wait| {
            HttpError::rate_limited("too many requests; come again later").retry_after(wait)
        })?;
    }
    let patience = Patience::default();
    request.extensions_mut().insert(patience.clone());
    let mut handled = std::pin::pin!(AssertUnwindSafe(next.call(request)).catch_unwind());
    let answer = match tokio::time::timeout(edge.timeout, &mut handled).await {
        Err(_) if patience.is_asked_for() => Ok(handled.await),
        answer => answer,
    };
    match answer {
        Ok(Ok(answer)) => Ok(answer?.map_into_boxed_body()),
        Ok(Err(panic)) => Err(HttpError::bug(panic_text(panic.as_ref())).into()),
        Err(_) => Err(HttpError::unavailable("the request took too long")
            .caused_by("handler timed out")
            .retry_after(Duration::from_secs(1))
            .into()),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("handler panicked: {}", text.unwrap_or("no text"))
}

/// Put the envelope around an error, whoever made it; leave other answers as they are.
fn enveloped(
    mut answer: ServiceResponse<BoxBody>,
    id: &RequestId,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !answer.status().is_client_error() && !answer.status().is_server_error() {
        mark(answer.response_mut(), id);
        return Ok(answer);
    }
    let error = match answer.response().error() {
        Some(error) => known(error),
        None if is_json(answer.response()) => {
            mark(answer.response_mut(), id);
            return Ok(answer);
        }
        None => HttpError::of_foreign(answer.status(), None),
    };
    log(&error, id);
    let mut response = error.respond(&id.0);
    for (name, value) in answer.response().headers() {
        if ![CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING].contains(name) {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
    mark(&mut response, id);
    Ok(answer.into_response(response))
}

fn known(error: &Error) -> HttpError {
    match error.as_error::<HttpError>() {
        Some(known) => known.clone(),
        None => HttpError::of_foreign(error.as_response_error().status_code(), Some(error.to_string())),
    }
}

/// The same for an error that reached the edge without an answer.
fn refused(error: &Error, id: &RequestId) -> Error {
    let known = known(error);
    log(&known, id);
    let mut response = known.respond(&id.0);
    mark(&mut response, id);
    InternalError::from_response(known, response).into()
}

fn log(error: &HttpError, id: &RequestId) {
    if let Some(cause) = error.cause() {
        tracing::error!(
            status = error.status(),
            code = error.code(),
            cause,
            request_id = id.0,
            "request failed"
        );
    }
}

fn is_json(response: &HttpResponse) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

fn mark(response: &mut HttpResponse, id: &RequestId) {
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, NO_SNIFFING);
}
