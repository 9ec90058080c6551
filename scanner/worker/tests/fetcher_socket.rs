//! The client of the image-fetcher on a wire that can be cut, and scanning without a core.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests.

mod parts;

use api_wire::error::{ErrorBody, ErrorCode};
use api_wire::fetcher::{LayerStart, ResolveRequest};
use api_wire::frame::Frame;
use api_wire::image_source::{FetchError, ImageSource, LayerEvent};
use bytes::Bytes;
use futures_util::TryStreamExt;
use parts::*;
use scanner_engines::{Engine, Native};
use scanner_worker::{FetcherClient, ScanError, ScanEvent, ScanObserver, scan_image};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

/// A fetcher that answers one request with these bytes, then closes the connection.
fn answering(answer: Vec<u8>) -> (tempfile::TempDir, FetcherClient) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("fetcher.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        // To the end of its body: closing with bytes unread would reset the connection.
        while !request.ends_with(b"]}") {
            stream.read_buf(&mut request).await.unwrap();
        }
        stream.write_all(&answer).await.unwrap();
    });
    (folder, FetcherClient::new(&socket).unwrap())
}

fn http(status: u16, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: application/json\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn frames() -> Vec<Frame> {
    let start = LayerStart { diff_id: sha256(b"abc"), size: 3, reconstructed: false };
    vec![Frame::Start(start), Frame::Chunk(Bytes::from("abc")), Frame::End, Frame::Finished]
}

fn rendered(frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(|frame| frame.render().to_vec()).collect()
}

async fn read(answer: Vec<u8>) -> Result<Vec<LayerEvent>, FetchError> {
    let (_folder, client) = answering(answer);
    client.open_layers("cafe", &[]).await?.try_collect().await
}

#[tokio::test]
async fn layers_complete_are_events() {
    let events = read(http(200, &rendered(&frames()))).await.unwrap();
    assert_eq!(events.len(), 3);
    assert_eq!(events[1], LayerEvent::Chunk(Bytes::from("abc")));
}

#[tokio::test]
async fn layers_cut_anywhere_are_worth_another_attempt() {
    let body = rendered(&frames());
    for end in 0..body.len() {
        let error = read(http(200, &body[..end])).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Unavailable, "{end}: {error}");
    }
    assert_eq!(read(Vec::new()).await.unwrap_err().code, ErrorCode::Unavailable);
}

#[tokio::test]
async fn failure_of_the_fetcher_arrives_with_its_code() {
    let body =
        ErrorBody { code: ErrorCode::Unprocessable, message: "wrong digest".into(), request_id: "r".into() };
    let events = read(http(200, &rendered(&[Frame::Failed(body.clone())]))).await;
    assert_eq!(events.unwrap_err(), FetchError::new(ErrorCode::Unprocessable, "wrong digest"));
    let envelope = serde_json::to_vec(&api_wire::error::ErrorEnvelope { error: body }).unwrap();
    assert_eq!(read(http(422, &envelope)).await.unwrap_err().code, ErrorCode::Unprocessable);
    assert_eq!(read(http(502, b"<html>")).await.unwrap_err().code, ErrorCode::Bug);
}

#[tokio::test]
async fn fetcher_that_is_not_there_is_unavailable() {
    let client = FetcherClient::new(std::path::Path::new("/nowhere/fetcher.sock")).unwrap();
    let error = client.resolve(&ResolveRequest::default()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable);
    assert!(client.health().await.stores.is_empty());
    client.release("cafe").await;
}

/// Writes down what it is told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl ScanObserver for Told {
    fn observe(&self, image: &str, event: ScanEvent<'_>) {
        let what = match event {
            ScanEvent::Resolved(image) => format!("resolved {}", image.layers.len()),
            ScanEvent::LayerKnown(_) => "known".to_owned(),
            ScanEvent::LayerStarted { size, .. } => format!("started {size}"),
            ScanEvent::LayerRead { bytes, .. } => format!("read {bytes}"),
            ScanEvent::LayerDone { packages, .. } => format!("done {packages}"),
            ScanEvent::Finished(inventory) => format!("finished {}", inventory.packages.len()),
            ScanEvent::Failed(error) => format!("failed {error}"),
        };
        self.0.lock().unwrap().push(format!("{image}: {what}"));
    }
}

async fn scan(source: &FakeSource) -> (Result<usize, ScanError>, Vec<String>) {
    let engine: Arc<dyn Engine> = Arc::new(Native::default());
    let told = Told::default();
    let request = ResolveRequest { references: vec!["a/b:1".into()], ..ResolveRequest::default() };
    let outcome = scan_image(source, &engine, &request, &told).await;
    (outcome.map(|scanned| scanned.inventory.packages.len()), told.0.into_inner().unwrap())
}

#[tokio::test]
async fn image_scanned_without_a_core_tells_its_progress() {
    let source = FakeSource::of(debian());
    let (outcome, told) = scan(&source).await;
    assert_eq!(outcome.unwrap(), 1);
    assert_eq!(
        (told.first().unwrap().as_str(), told.last().unwrap().as_str()),
        ("a/b:1: resolved 2", "a/b:1: finished 1")
    );
    assert_eq!(told.iter().filter(|line| line.contains("done")).count(), 2);
    assert_eq!(source.released(), 1);
}

#[tokio::test]
async fn image_scanned_on_a_cut_wire_is_an_error_and_released() {
    let source = FakeSource::of(debian()).reading(&[Reading::Cut]);
    let (outcome, told) = scan(&source).await;
    assert!(matches!(outcome, Err(ScanError::Cut)), "{outcome:?}");
    assert!(told.last().unwrap().contains("failed"));
    assert_eq!(source.released(), 1);
}
