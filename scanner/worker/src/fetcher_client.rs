//! The image-fetcher behind its unix socket.

use api_vocab::Digest;
use api_wire::error::{ErrorCode, ErrorEnvelope};
use api_wire::fetcher::{self as routes, FetcherHealth, Holds, LayersRequest, ResolveRequest, ResolvedImage};
use api_wire::frame::{Frame, FrameParser};
use api_wire::image_source::{ByteStream, FetchError, ImageSource, LayerEvent, LayerStream};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use std::path::Path;
use std::time::Duration;

/// An engine may take this long before the first byte of a large image.
const SILENCE: Duration = Duration::from_secs(600);
/// The host of a unix socket has no name; this one is in the requests.
const HOST: &str = "http://image-fetcher";

/// A client of the image-fetcher.
#[derive(Debug, Clone)]
pub struct FetcherClient {
    http: Client,
}

impl FetcherClient {
    /// The fetcher that serves, or will serve, on this socket.
    ///
    /// # Errors
    /// No client can be built: the machine lacks what TLS needs, which is never used here.
    pub fn new(socket: &Path) -> Result<Self, FetchError> {
        let builder =
            Client::builder().unix_socket(socket).read_timeout(SILENCE).no_proxy().tls_certs_only([]);
        let http = builder.build().map_err(|error| FetchError::new(ErrorCode::Bug, error.to_string()))?;
        Ok(FetcherClient { http })
    }

    fn request(&self, method: Method, route: &str, handle: &str) -> RequestBuilder {
        // Handles are hexadecimal digits; anything else would be another route.
        let handle: String = handle.chars().filter(char::is_ascii_hexdigit).collect();
        self.http.request(method, format!("{HOST}{}", route.replace("{handle}", &handle)))
    }

    async fn health_now(&self) -> Result<FetcherHealth, FetchError> {
        json(self.request(Method::GET, routes::HEALTH, "")).await
    }
}

impl ImageSource for FetcherClient {
    fn resolve<'a>(
        &'a self,
        request: &'a ResolveRequest,
    ) -> BoxFuture<'a, Result<ResolvedImage, FetchError>> {
        json(self.request(Method::POST, routes::RESOLVE, "").json(request)).boxed()
    }

    fn open_layers<'a>(
        &'a self,
        handle: &'a str,
        wanted: &'a [Digest],
    ) -> BoxFuture<'a, Result<LayerStream, FetchError>> {
        let wanted = LayersRequest { wanted: wanted.to_vec() };
        let request = self.request(Method::POST, routes::LAYERS, handle).json(&wanted);
        async { Ok(events(bytes_of(send(request).await?))) }.boxed()
    }

    fn open_archive<'a>(&'a self, handle: &'a str) -> BoxFuture<'a, Result<ByteStream, FetchError>> {
        let request = self.request(Method::GET, routes::ARCHIVE, handle);
        async { Ok(bytes_of(send(request).await?)) }.boxed()
    }

    fn release<'a>(&'a self, handle: &'a str) -> BoxFuture<'a, ()> {
        let request = self.request(Method::DELETE, routes::HANDLE, handle);
        async {
            if let Err(error) = send(request).await {
                tracing::debug!(%error, "image not released");
            }
        }
        .boxed()
    }

    fn holds(&self) -> BoxFuture<'_, Result<Holds, FetchError>> {
        json(self.request(Method::GET, routes::HOLDS, "")).boxed()
    }

    fn health(&self) -> BoxFuture<'_, FetcherHealth> {
        // A fetcher that does not answer has no store that does.
        async { self.health_now().await.unwrap_or_default() }.boxed()
    }
}

async fn json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, FetchError> {
    let body = send(request).await?.bytes().await.map_err(unreachable)?;
    serde_json::from_slice(&body).map_err(|error| malformed(&error))
}

async fn send(request: RequestBuilder) -> Result<Response, FetchError> {
    let answer = request.send().await.map_err(unreachable)?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let status = answer.status();
    let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = answer.bytes().await.map_err(unreachable)?;
    match serde_json::from_slice::<ErrorEnvelope>(&body) {
        Ok(envelope) => Err(FetchError::from(envelope.error).retry_after(wait.map(Duration::from_secs))),
        Err(_) => Err(malformed(&format!("status {status} without a reason"))),
    }
}

fn unreachable(error: reqwest::Error) -> FetchError {
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    FetchError::new(ErrorCode::Unavailable, format!("the image-fetcher does not answer: {innermost}"))
}

fn malformed(reason: &dyn std::fmt::Display) -> FetchError {
    FetchError::new(ErrorCode::Bug, format!("the image-fetcher's answer is malformed: {reason}"))
}

fn bytes_of(answer: Response) -> ByteStream {
    answer.bytes_stream().map_err(unreachable).boxed()
}

struct Framed {
    body: ByteStream,
    parser: FrameParser,
    is_over: bool,
}

fn events(body: ByteStream) -> LayerStream {
    let framed = Framed { body, parser: FrameParser::default(), is_over: false };
    stream::unfold(framed, |mut framed| async {
        let event = framed.next().await?;
        framed.is_over |= event.is_err();
        Some((event, framed))
    })
    .boxed()
}

impl Framed {
    /// The next event; none after the frame that says so.
    async fn next(&mut self) -> Option<Result<LayerEvent, FetchError>> {
        if self.is_over {
            return None;
        }
        match self.next_frame().await {
            Ok(Frame::Start(start)) => Some(Ok(LayerEvent::Start(start))),
            Ok(Frame::Chunk(chunk)) => Some(Ok(LayerEvent::Chunk(chunk))),
            Ok(Frame::End) => Some(Ok(LayerEvent::End)),
            Ok(Frame::Finished) => None,
            Ok(Frame::Failed(body)) => Some(Err(body.into())),
            Err(error) => Some(Err(error)),
        }
    }

    async fn next_frame(&mut self) -> Result<Frame, FetchError> {
        loop {
            if let Some(frame) = self.parser.parse_next().map_err(|error| malformed(&error))? {
                return Ok(frame);
            }
            let more: Option<Bytes> = self.body.try_next().await?;
            let more = more
                .ok_or_else(|| FetchError::new(ErrorCode::Unavailable, "the layers were cut on the way"))?;
            self.parser.push(&more);
        }
    }
}
