//! One call: built, sent, repeated where that does no harm, and its answer read.

use crate::{Advice, Client, ClientError};
use backon::Retryable;
use bytes::{Bytes, BytesMut};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// The largest answer that is read.
const MAX_ANSWER: usize = 256 << 20;
/// How long a whole call may take, unless it says otherwise.
const WHOLE: Duration = Duration::from_secs(120);

/// When a call may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Doing it twice is the same as doing it once.
    Always,
    /// Only if the core did not even begin.
    Untouched,
}

/// A call that is not sent yet.
pub(crate) struct Call<'a> {
    client: &'a Client,
    operation: &'static str,
    request: Result<reqwest::Request, ClientError>,
    repeat: Repeat,
}

/// An answer in 2xx.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Client {
    pub(crate) fn call(&self, operation: &'static str, method: Method, path: String) -> Call<'_> {
        let repeat = if method == Method::POST { Repeat::Untouched } else { Repeat::Always };
        let request = self.http.request(method, format!("{}{path}", self.origin)).timeout(WHOLE);
        Call { client: self, operation, request: build(operation, request), repeat }
    }

    pub(crate) fn get(&self, operation: &'static str, path: String) -> Call<'_> {
        self.call(operation, Method::GET, path)
    }

    /// Send `request` once, with the token of the moment; a refused token is looked up anew.
    pub(crate) async fn send(
        &self,
        operation: &'static str,
        request: reqwest::Request,
    ) -> Result<Response, ClientError> {
        let spare = request.try_clone();
        let answer = self.send_as(operation, request, self.token()).await?;
        match spare {
            Some(spare) if answer.status() == StatusCode::UNAUTHORIZED && self.renew_token() => {
                self.send_as(operation, spare, self.token()).await
            }
            _ => Ok(answer),
        }
    }

    async fn send_as(
        &self,
        operation: &'static str,
        request: reqwest::Request,
        token: Option<api_vocab::Secret>,
    ) -> Result<Response, ClientError> {
        let request = RequestBuilder::from_parts(self.http.clone(), request);
        let request = match token {
            Some(token) => request.bearer_auth(token.reveal()),
            None => request,
        };
        request.send().await.map_err(|e| unreachable(operation, e))
    }
}

fn build(operation: &'static str, request: RequestBuilder) -> Result<reqwest::Request, ClientError> {
    request.build().map_err(|e| unreachable(operation, e))
}

/// The address is left out: it is in the settings, and may be long.
fn unreachable(operation: &'static str, error: reqwest::Error) -> ClientError {
    ClientError::Unreachable { operation, source: error.without_url() }
}

impl<'a> Call<'a> {
    fn with(mut self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        let http = self.client.http.clone();
        self.request = self
            .request
            .and_then(|request| build(self.operation, change(RequestBuilder::from_parts(http, request))));
        self
    }

    pub(crate) fn query(self, query: &impl Serialize) -> Self {
        self.with(|request| request.query(query))
    }

    pub(crate) fn body(self, body: &impl Serialize) -> Self {
        self.with(|request| request.json(body))
    }

    pub(crate) fn stream(self, kind: &'static str, body: Body) -> Self {
        self.with(|request| request.header("content-type", kind).body(body))
    }

    pub(crate) fn header(self, name: &'static str, value: String) -> Self {
        self.with(|request| request.header(name, value))
    }

    pub(crate) fn timeout(self, whole: Duration) -> Self {
        self.with(|request| request.timeout(whole))
    }

    /// Its answer has no end of its own.
    pub(crate) fn endless(mut self) -> Self {
        if let Ok(request) = &mut self.request {
            *request.timeout_mut() = None;
        }
        self
    }

    /// Doing it twice is the same as doing it once, though it is a POST.
    pub(crate) fn idempotent(mut self) -> Self {
        self.repeat = Repeat::Always;
        self
    }

    /// Send it and read the whole answer.
    pub(crate) async fn send(self) -> Result<Answer, ClientError> {
        let Call { client, operation, request, repeat } = self;
        let request = request?;
        if request.body().is_some_and(|body| body.as_bytes().is_none()) {
            // A stream flows once.
            return whole(operation, client.send(operation, request).await?).await;
        }
        let once = || async {
            let copy =
                request.try_clone().ok_or_else(|| malformed(operation, "a request that cannot be copied"))?;
            whole(operation, client.send(operation, copy).await?).await
        };
        let retry = client.retry;
        once.retry(retry.backoff())
            .when(|error| may_repeat(error, repeat, retry.longest_told))
            .adjust(|error, wait| wait.map(|own| error.retry_after().map_or(own, |told| told.max(own))))
            .notify(|error, wait| tracing::debug!(operation, %error, ?wait, "call will be repeated"))
            .await
    }

    /// Send it, and read the answer's JSON.
    pub(crate) async fn json<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let operation = self.operation;
        parse(operation, &self.send().await?.body)
    }

    /// Send it; the answer says nothing but that it worked.
    pub(crate) async fn done(self) -> Result<(), ClientError> {
        self.send().await.map(drop)
    }

    /// Send it, and give the answer's body as it flows.
    pub(crate) async fn open(self) -> Result<Response, ClientError> {
        let (client, operation) = (self.client, self.operation);
        let answer = client.send(operation, self.request?).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        match whole(operation, answer).await {
            Err(error) => Err(error),
            Ok(_) => Err(malformed(operation, "an answer that is no success and no refusal")),
        }
    }
}

fn may_repeat(error: &ClientError, repeat: Repeat, longest_told: Duration) -> bool {
    error.advice() == Advice::Retry
        && (repeat == Repeat::Always || error.is_untouched())
        && error.retry_after().is_none_or(|told| told <= longest_told)
}

pub(crate) fn parse<T: DeserializeOwned>(operation: &'static str, body: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(body).map_err(|e| malformed(operation, &e.to_string()))
}

pub(crate) fn malformed(operation: &'static str, reason: &str) -> ClientError {
    ClientError::Malformed { operation, reason: reason.to_owned() }
}

async fn whole(operation: &'static str, mut answer: Response) -> Result<Answer, ClientError> {
    let status = answer.status();
    let retry_after = retry_after(&answer);
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|e| unreachable(operation, e))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(malformed(operation, "it is larger than 256 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() {
        Ok(Answer { status, body: body.freeze() })
    } else {
        Err(ClientError::refused(operation, status, retry_after, &body))
    }
}

fn retry_after(answer: &Response) -> Option<Duration> {
    let value = answer.headers().get("retry-after")?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}
