//! The scripted API server: lists by pages or as streams, watches, and counts what is asked of it.
//!
//! It answers as the real one does where it matters here: pages are compressed, metadata alone is
//! sent to those who ask for it, a watch ends at its time, and what it does not know is not found.

use super::marks::Marks;
use super::objects::{COLLECTIONS, Collection, FIRST_VERSION, Objects};
use anyhow::{Context, Result, bail};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Smaller answers are not compressed (kube-apiserver, APIResponseCompression).
const COMPRESSED_FROM: usize = 128 << 10;
/// Events that are told at once.
const AT_ONCE: usize = 64;
/// Bytes that are written at once.
const WRITE: usize = 256 << 10;
/// The kind to which things happen.
const POD: &str = "Pod";
/// The longest request, and its longest body.
const MAX_HEAD: usize = 64 << 10;
const MAX_BODY: usize = 1 << 20;

/// How lists are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// By pages; streaming lists are refused, as by servers before 1.32.
    Paged,
    /// As the beginning of a watch.
    Streamed,
}

/// The server; clones are the same one.
#[derive(Clone)]
pub struct ApiServer(Arc<Shared>);

struct Shared {
    objects: Objects,
    lists: Lists,
    address: SocketAddr,
    /// What happened to pods since the beginning; the event of version `FIRST_VERSION + n` is at `n - 1`.
    events: Mutex<Vec<Happened>>,
    marks: Marks,
    happened: watch::Sender<usize>,
    writes: AtomicU64,
    asked: AtomicU64,
    sent: AtomicU64,
    listed: Mutex<Option<Instant>>,
}

/// What happened to a pod.
#[derive(Clone)]
enum Happened {
    /// As the event says.
    Said(Arc<str>),
    /// This pod was marked; it is written when somebody is told.
    Marked(usize, u64),
}

/// What was asked.
struct Request {
    reads: bool,
    applies: bool,
    body: Vec<u8>,
    path: String,
    query: String,
    gzip: bool,
    metadata_only: bool,
}

impl ApiServer {
    /// Serve on the loopback interface until the process ends.
    pub async fn start(lists: Lists) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let server = ApiServer(Arc::new(Shared {
            objects: Objects::new()?,
            lists,
            address: listener.local_addr()?,
            events: Mutex::default(),
            marks: Marks::default(),
            happened: watch::Sender::new(0),
            writes: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            listed: Mutex::default(),
        }));
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = serving.clone();
                // A caller that goes away ends its connection and nothing else.
                tokio::spawn(async move { server.serve(stream).await.ok() });
            }
        });
        Ok(server)
    }

    /// Where it is reached.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// Requests that were to change something.
    pub fn writes(&self) -> u64 {
        self.0.writes.load(Ordering::Relaxed)
    }

    /// Requests in all.
    pub fn asked(&self) -> u64 {
        self.0.asked.load(Ordering::Relaxed)
    }

    /// Bytes that were sent.
    pub fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// When the last byte of the list of pods was sent.
    pub fn listed(&self) -> Option<Instant> {
        *self.0.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the objects look like.
    pub fn objects(&self) -> &Objects {
        &self.0.objects
    }

    /// What pods are marked with.
    pub fn marks(&self) -> &Marks {
        &self.0.marks
    }

    /// Something happens to a pod; `event` makes it, given the version.
    pub fn happen(&self, event: impl FnOnce(u64) -> Result<String>) -> Result<()> {
        self.note(|version| Ok(Happened::Said(event(version)?.into())))
    }

    fn note(&self, event: impl FnOnce(u64) -> Result<Happened>) -> Result<()> {
        let mut events = self.0.events.lock().unwrap_or_else(PoisonError::into_inner);
        let count = events.len() + 1;
        events.push(event(FIRST_VERSION + count as u64)?);
        drop(events);
        self.0.happened.send_replace(count);
        Ok(())
    }

    async fn serve(&self, mut stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        while let Some(request) = read_request(&mut stream).await? {
            self.0.asked.fetch_add(1, Ordering::Relaxed);
            if !request.reads {
                self.0.writes.fetch_add(1, Ordering::Relaxed);
            }
            if request.applies {
                self.apply(&mut stream, &request).await?;
                continue;
            }
            let known = COLLECTIONS.iter().find(|collection| collection.path == request.path);
            match known.filter(|_| request.reads) {
                None => self.refuse(&mut stream, 404, "NotFound").await?,
                Some(_) if request.is("sendInitialEvents=true") && self.0.lists == Lists::Paged => {
                    self.refuse(&mut stream, 422, "Invalid").await?;
                }
                Some(collection) if request.is("watch=true") => {
                    return self.watch(&mut stream, collection, &request).await;
                }
                Some(collection) => self.page(&mut stream, collection, &request).await?,
            }
        }
        Ok(())
    }

    /// Labels and annotations of an object that is there; of what owns pods nobody is told.
    async fn apply(&self, stream: &mut TcpStream, request: &Request) -> Result<()> {
        let wanted: Value = serde_json::from_slice(&request.body)?;
        let metadata = wanted.get("metadata").context("an object without metadata")?;
        if request.path.starts_with("/api/v1/") {
            let Some(n) = self.0.marks.pod_at(&request.path) else {
                return self.refuse(stream, 404, "NotFound").await;
            };
            self.0.marks.give(n, metadata);
            self.note(|version| Ok(Happened::Marked(n, version)))?;
        }
        let body =
            json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata });
        self.answer(stream, 200, body.to_string().as_bytes(), "").await
    }

    async fn refuse(&self, stream: &mut TcpStream, code: u16, reason: &str) -> Result<()> {
        let body = format!(
            r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"scripted","reason":"{reason}","code":{code}}}"#
        );
        self.answer(stream, code, body.as_bytes(), "").await
    }

    async fn answer(&self, stream: &mut TcpStream, code: u16, body: &[u8], headers: &str) -> Result<()> {
        let head = format!(
            "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        self.0.sent.fetch_add(body.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    async fn page(&self, stream: &mut TcpStream, collection: &Collection, request: &Request) -> Result<()> {
        let from: usize = request.value("continue").and_then(|text| text.parse().ok()).unwrap_or(0);
        let limit: usize = request.value("limit").and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
        let end = from.saturating_add(limit).min(collection.count);
        let body = self.page_body(collection, from..end, request.metadata_only);
        if request.gzip && body.len() >= COMPRESSED_FROM {
            let mut gzip = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::new(1));
            gzip.write_all(body.as_bytes())?;
            self.answer(stream, 200, &gzip.finish()?, "Content-Encoding: gzip\r\n").await?;
        } else {
            self.answer(stream, 200, body.as_bytes(), "").await?;
        }
        if end == collection.count && collection.kind == POD {
            self.note_listed();
        }
        Ok(())
    }

    /// A page of a list, as the server writes it.
    pub fn page_body(
        &self,
        collection: &Collection,
        range: std::ops::Range<usize>,
        metadata: bool,
    ) -> String {
        let partial = metadata.then(|| collection.metadata_only());
        let collection = partial.as_ref().unwrap_or(collection);
        let Collection { kind, version, .. } = collection;
        let next = if range.end < collection.count { range.end.to_string() } else { String::new() };
        let mut body = format!(
            r#"{{"kind":"{kind}List","apiVersion":"{version}","metadata":{{"resourceVersion":"{FIRST_VERSION}","continue":"{next}"}},"items":["#
        );
        let empty = body.len();
        for n in range {
            let before = body.len();
            if before > empty {
                body.push(',');
            }
            let begun = body.len();
            self.0.objects.render(collection, n, metadata, &mut body);
            if body.len() == begun {
                body.truncate(before);
            }
        }
        body.push_str("]}");
        body
    }

    fn note_listed(&self) {
        *self.0.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// A watch to its end: what there is, if that is asked for, then what happens.
    async fn watch(&self, stream: &mut TcpStream, collection: &Collection, request: &Request) -> Result<()> {
        let lasts = request.value("timeoutSeconds").and_then(|text| text.parse().ok()).unwrap_or(300);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        let mut from = request.value("resourceVersion").and_then(|text| text.parse().ok());
        if request.is("sendInitialEvents=true") {
            self.send_initial(stream, collection).await?;
            from = Some(FIRST_VERSION);
        }
        let from = from.unwrap_or(FIRST_VERSION).saturating_sub(FIRST_VERSION);
        let following = self.follow(stream, collection, usize::try_from(from)?);
        match tokio::time::timeout(Duration::from_secs(lasts), following).await {
            Ok(ended) => ended,
            Err(_) => Ok(stream.write_all(b"0\r\n\r\n").await?),
        }
    }

    async fn send_initial(&self, stream: &mut TcpStream, collection: &Collection) -> Result<()> {
        let (mut out, mut object) = (Vec::with_capacity(WRITE * 2), String::new());
        for n in 0..collection.count {
            object.clear();
            self.0.objects.render(collection, n, true, &mut object);
            if !object.is_empty() {
                push_chunk(&mut out, &format!("{{\"type\":\"ADDED\",\"object\":{object}}}\n"));
            }
            if out.len() >= WRITE {
                self.send(stream, &mut out).await?;
            }
        }
        let Collection { kind, version, .. } = collection;
        push_chunk(
            &mut out,
            &format!(
                "{{\"type\":\"BOOKMARK\",\"object\":{{\"kind\":\"{kind}\",\"apiVersion\":\"{version}\",\"metadata\":{{\"resourceVersion\":\"{FIRST_VERSION}\",\"annotations\":{{\"k8s.io/initial-events-end\":\"true\"}}}}}}}}\n"
            ),
        );
        self.send(stream, &mut out).await?;
        if collection.kind == POD {
            self.note_listed();
        }
        Ok(())
    }

    async fn send(&self, stream: &mut TcpStream, out: &mut Vec<u8>) -> Result<()> {
        stream.write_all(out).await?;
        self.0.sent.fetch_add(out.len() as u64, Ordering::Relaxed);
        out.clear();
        Ok(())
    }

    fn news(&self, at: usize) -> Vec<Happened> {
        let events = self.0.events.lock().unwrap_or_else(PoisonError::into_inner);
        let some = events.get(at..).unwrap_or_default();
        some.get(..AT_ONCE).unwrap_or(some).to_vec()
    }

    fn push_event(&self, out: &mut Vec<u8>, event: &Happened) -> Result<()> {
        match event {
            Happened::Said(text) => push_chunk(out, text),
            Happened::Marked(n, version) => {
                let mut text = String::new();
                self.0.objects.pod(*n, *version, r#""kind":"Pod","apiVersion":"v1","#, &mut text);
                let mut pod: Value = serde_json::from_str(&text)?;
                self.0.marks.dress(*n, &mut pod);
                push_chunk(out, &format!("{}\n", json!({ "type": "MODIFIED", "object": pod })));
            }
        }
        Ok(())
    }

    /// What happens from the `at`th event on; nothing does to objects other than pods.
    async fn follow(&self, stream: &mut TcpStream, collection: &Collection, mut at: usize) -> Result<()> {
        let mut happened = self.0.happened.subscribe();
        let mut out = Vec::new();
        loop {
            let news = if collection.kind == POD { self.news(at) } else { Vec::new() };
            at += news.len();
            news.iter().try_for_each(|event| self.push_event(&mut out, event))?;
            if !out.is_empty() {
                self.send(stream, &mut out).await?;
                continue;
            }
            let mut byte = [0];
            tokio::select! {
                changed = happened.changed() => changed.context("the server ends")?,
                // The caller says nothing more; it goes away.
                _ = stream.read(&mut byte) => return Ok(()),
            }
        }
    }
}

impl Request {
    fn is(&self, pair: &str) -> bool {
        self.query.split('&').any(|part| part == pair)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    }
}

fn push_chunk(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(format!("{:x}\r\n", text.len()).as_bytes());
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The next request; none once the caller is gone.
async fn read_request(stream: &mut TcpStream) -> Result<Option<Request>> {
    let mut head = Vec::new();
    let end = loop {
        if let Some(at) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
        if head.len() > MAX_HEAD {
            bail!("a request without an end");
        }
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await?;
        if count == 0 {
            return Ok(None);
        }
        head.extend_from_slice(part.get(..count).unwrap_or_default());
    };
    let mut body = head.split_off(end);
    let head = String::from_utf8(head)?;
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let says = |header: &str, part: &str| {
        head.lines().any(|line| {
            line.split_once(':')
                .is_some_and(|(name, value)| name.eq_ignore_ascii_case(header) && value.contains(part))
        })
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let (length, there) = (length.unwrap_or(0), body.len());
    if there > length || length > MAX_BODY {
        bail!("a request with {there} of {length} bytes");
    }
    body.resize(length, 0);
    stream.read_exact(body.get_mut(there..).unwrap_or_default()).await?;
    Ok(Some(Request {
        reads: method == "GET",
        applies: method == "PATCH",
        body,
        path: path.to_owned(),
        query: query.to_owned(),
        gzip: says("accept-encoding", "gzip"),
        metadata_only: says("accept", "as=PartialObjectMetadata"),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::layout::place;
    use super::*;

    async fn ask(api: &ApiServer, head: &str, body: &str, until: &str) -> String {
        let mut stream = TcpStream::connect(api.0.address).await.unwrap();
        let length = body.len();
        let head = format!("{head} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut told = Vec::new();
        while !String::from_utf8_lossy(&told).contains(until) {
            assert!(stream.read_buf(&mut told).await.unwrap() > 0, "{}", String::from_utf8_lossy(&told));
        }
        String::from_utf8(told).unwrap()
    }

    #[tokio::test]
    async fn pod_that_is_marked_is_watched_with_its_marks() {
        let api = ApiServer::start(Lists::Streamed).await.unwrap();
        let (namespace, name) = (place(7).namespace(), place(7).name(7));
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        let metadata = json!({ "name": name, "namespace": namespace, "labels": { "verdict": "fail" } });
        let body = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata }).to_string();
        let query = "?fieldManager=perceptor&force=true";
        let told = ask(&api, &format!("PATCH {path}{query}"), &body, "\"verdict\"").await;
        assert!(told.starts_with("HTTP/1.1 200") && told.contains("PartialObjectMetadata"), "{told}");
        let gone = ask(&api, &format!("PATCH {path}x{query}"), &body, "scripted").await;
        assert!(gone.starts_with("HTTP/1.1 404"), "{gone}");
        assert_eq!((api.writes(), api.marks().count()), (2, 1));
        let watch = format!("GET /api/v1/pods?watch=true&resourceVersion={FIRST_VERSION}");
        let event = ask(&api, &watch, "", "\"type\":\"MODIFIED\"").await;
        assert!(event.contains("\"f:verdict\"") && event.contains("\"verdict\":\"fail\""), "{event}");
    }
}
