//! An HTTP server on loopback that answers as a test tells it, and remembers what it was asked.

#![allow(dead_code)] // Each test file uses some of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests.

use crate::built::{Content, Files, sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request, names of headers in lower case.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// An answer; `cut` bytes of the body are sent before the connection is closed.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub cut: Option<usize>,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Answer { status, headers: Vec::new(), body: body.into(), cut: None }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn cut(mut self, after: usize) -> Self {
        self.cut = Some(after);
        self
    }
}

/// A server; it ends with its test's runtime.
pub struct Server {
    /// Address and port, as image references have it.
    pub host: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub async fn start(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (remembered, script) = (Arc::clone(&seen), Arc::new(script));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&remembered), Arc::clone(&script)));
            }
        });
        Server { host, seen }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The paths that were asked for.
    pub fn paths(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.path).collect()
    }
}

async fn serve<F: Fn(&Seen) -> Answer>(
    mut stream: TcpStream,
    remembered: Arc<Mutex<Vec<Seen>>>,
    script: Arc<F>,
) {
    let mut text = Vec::new();
    let head_end = loop {
        if let Some(at) = text.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut text).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let head = String::from_utf8(text[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, path) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<String, String> =
        pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    while text.len() < head_end + length {
        stream.read_buf(&mut text).await.unwrap();
    }
    let body = String::from_utf8(text[head_end..].to_vec()).unwrap();
    let seen = Seen { method, path, headers, body };
    remembered.lock().unwrap().push(seen.clone());
    let answer = script(&seen);
    let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", answer.status);
    if !answer.headers.iter().any(|(name, _)| name == "x-unsaid") {
        head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    }
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let sent = &answer.body[..answer.cut.unwrap_or(answer.body.len())];
    // A client that has gone has read enough.
    let _ = stream.write_all(&[head.as_bytes(), sent].concat()).await;
    let _ = stream.shutdown().await;
}

/// What a registry with these blobs answers; tags point to digests.
pub fn registry_answer(files: &Files, tags: &BTreeMap<String, String>, seen: &Seen) -> Answer {
    let path = seen.path.split('?').next().unwrap();
    let (kind, name) = {
        let mut parts = path.rsplit('/');
        let name = parts.next().unwrap().to_owned();
        (parts.next().unwrap_or_default().to_owned(), name)
    };
    let digest = tags.get(&name).cloned().unwrap_or(name);
    let blob = digest.strip_prefix("sha256:").map(|hex| format!("blobs/sha256/{hex}"));
    let Some(Content::File(bytes)) = blob.and_then(|blob| files.get(&blob)) else {
        return Answer::new(404, r#"{"errors":[{"code":"NAME_UNKNOWN","message":"secret text"}]}"#);
    };
    if kind == "manifests" {
        let parsed: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
        let media_type = parsed["mediaType"].as_str().unwrap_or("application/json").to_owned();
        return Answer::new(200, bytes.clone()).with("content-type", media_type);
    }
    ranged(seen, bytes)
}

/// A blob, or the part of it that was asked for.
pub fn ranged(seen: &Seen, bytes: &[u8]) -> Answer {
    let first = seen
        .header("range")
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match first {
        None => Answer::new(200, bytes),
        Some(first) => {
            let range = format!("bytes {first}-{}/{}", bytes.len() - 1, bytes.len());
            Answer::new(206, &bytes[first..]).with("content-range", range)
        }
    }
}

/// The digest of the manifest that `index.json` points to.
pub fn manifest_of(files: &Files) -> String {
    let Content::File(index) = &files["index.json"] else { panic!("no index") };
    let index: serde_json::Value = serde_json::from_slice(index).unwrap();
    index["manifests"][0]["digest"].as_str().unwrap().to_owned()
}

/// A blob of these files.
pub fn content(files: &Files, digest: &str) -> Vec<u8> {
    let name = format!("blobs/sha256/{}", digest.strip_prefix("sha256:").unwrap());
    let Content::File(bytes) = &files[&name] else { panic!("{name}") };
    assert_eq!(sha256(bytes).to_string(), digest);
    bytes.clone()
}
