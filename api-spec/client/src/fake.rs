//! A scripted core on loopback, for tests: answers as told, remembers what it was asked.

mod exchange;
mod feed;

use exchange::{read_request, write_answer};
pub use feed::Feed;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// A request that the fake core got.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// As `GET`.
    pub method: String,
    /// Without query, as `/api/v1/pods`.
    pub path: String,
    /// What follows the `?`.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body, whatever its transfer encoding was.
    pub body: Vec<u8>,
}

impl Request {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The body as NDJSON.
    pub fn lines<T: DeserializeOwned>(&self) -> Result<Vec<T>, serde_json::Error> {
        let lines = self.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(serde_json::from_slice).collect()
    }

    /// Method, space, path: what scripts match on.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What the fake core does about a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Answer.
    Send {
        /// HTTP status.
        status: u16,
        /// Headers beside the content's length.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// Answer by lines of JSON as they are said, with status 200.
    Feed(Feed),
    /// Cut the wire without an answer.
    Cut,
    /// Never answer, and keep the connection.
    Never,
}

impl Answer {
    /// JSON with this status.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).unwrap_or_default();
        Answer::Send { status, headers: vec![("content-type", "application/json".to_owned())], body }
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        Answer::Send { status, headers: Vec::new(), body: Vec::new() }
    }

    /// The error envelope.
    pub fn refusal(status: u16, code: &str, message: &str) -> Self {
        let error = serde_json::json!({ "code": code, "message": message, "request_id": "fake" });
        Answer::json(status, &serde_json::json!({ "error": error }))
    }

    /// The same answer with one more header.
    pub fn with_header(mut self, name: &'static str, value: impl ToString) -> Self {
        if let Answer::Send { headers, .. } = &mut self {
            headers.push((name, value.to_string()));
        }
        self
    }
}

type Script = Box<dyn FnMut(&Request) -> Answer + Send>;

struct Inner {
    address: SocketAddr,
    script: Mutex<Script>,
    asked: Mutex<Vec<Request>>,
    news: Notify,
    reachable: watch::Sender<bool>,
}

/// A scripted core on loopback; clones are the same core.
#[derive(Clone)]
pub struct FakeCore(Arc<Inner>);

impl FakeCore {
    /// Start one on a free port, whose answers come from `script`. It ends with its runtime.
    pub async fn start(script: impl FnMut(&Request) -> Answer + Send + 'static) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let core = FakeCore(Arc::new(Inner {
            address: listener.local_addr()?,
            script: Mutex::new(Box::new(script)),
            asked: Mutex::new(Vec::new()),
            news: Notify::new(),
            reachable: watch::Sender::new(true),
        }));
        tokio::spawn(core.clone().listen(listener));
        Ok(core)
    }

    /// Its address, as `http://127.0.0.1:40001`.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// A client of it that does not repeat calls.
    pub fn client(&self) -> Result<crate::Client, crate::ClientError> {
        let settings = crate::ClientSettings { core: self.url(), ..crate::ClientSettings::default() };
        Ok(crate::Client::new(&settings)?.with_retry(crate::Retry::NEVER))
    }

    /// Answer by another script from now on.
    pub fn answer_by(&self, script: impl FnMut(&Request) -> Answer + Send + 'static) {
        *lock(&self.0.script) = Box::new(script);
    }

    /// Cut all connections, and all that come, until [`FakeCore::mend`].
    pub fn cut(&self) {
        self.0.reachable.send_replace(false);
    }

    /// Be reachable again.
    pub fn mend(&self) {
        self.0.reachable.send_replace(true);
    }

    /// Everything it was asked so far.
    pub fn asked(&self) -> Vec<Request> {
        lock(&self.0.asked).clone()
    }

    /// Wait until what it was asked is `enough`; false if that takes longer than a minute.
    pub async fn until(&self, mut enough: impl FnMut(&[Request]) -> bool) -> bool {
        let waiting = async {
            loop {
                let news = self.0.news.notified();
                if enough(&lock(&self.0.asked)) {
                    return;
                }
                news.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.is_ok()
    }

    async fn listen(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(self.clone().serve(stream));
        }
    }

    async fn serve(self, stream: TcpStream) {
        let mut reachable = self.0.reachable.subscribe();
        tokio::select! {
            _ = self.converse(stream) => {}
            _ = reachable.wait_for(|reachable| !reachable) => {}
        }
    }

    async fn converse(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut waiting = Vec::new();
        while let Some(request) = read_request(&mut stream, &mut waiting).await? {
            let answer = (lock(&self.0.script))(&request);
            lock(&self.0.asked).push(request);
            self.0.news.notify_waiters();
            match answer {
                Answer::Send { status, headers, body } => {
                    write_answer(&mut stream, status, &headers, &body).await?;
                }
                Answer::Feed(feed) => feed.write(&mut stream).await?,
                Answer::Cut => return Ok(()),
                Answer::Never => std::future::pending().await,
            }
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
