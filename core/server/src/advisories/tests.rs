//! Feeds over a real socket: whole, unchanged, cut and resumed, absent, too large.

use super::{Feed, FeedError, Feeds};
use api_vocab::Family;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread::JoinHandle;

/// Answers one request after the other with these texts; gives back what was asked.
fn serve(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/bucket", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(|line| line.unwrap());
            asked.push(
                lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n").to_lowercase(),
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
        asked
    });
    (base, serving)
}

fn answer(head: &str, length: usize, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn feeds(base: &str, folder: &Path, limit: u64) -> Feeds {
    Feeds::new(base.parse().unwrap(), folder.to_owned(), limit).unwrap()
}

#[tokio::test]
async fn feed_whole_is_kept_and_asked_for_by_its_tag() {
    let folder = tempfile::tempdir().unwrap();
    let (base, serving) =
        serve(vec![answer("200 OK\r\nETag: \"v1\"", 5, "hello"), answer("304 Not Modified", 0, "")]);
    let feeds = feeds(&base, folder.path(), 100);
    let Feed::New(path) = feeds.fetch(Family::RedHat).await.unwrap() else { panic!("not new") };
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "hello");
    let kept = feeds.keep(Family::RedHat).await.unwrap();
    assert_eq!(feeds.fetch(Family::RedHat).await.unwrap(), Feed::Unchanged(kept.clone()));
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "hello");
    let asked = serving.join().unwrap();
    assert!(asked[0].starts_with("get /bucket/red%20hat/all.zip "), "{}", asked[0]);
    assert!(!asked[0].contains("if-none-match"), "{}", asked[0]);
    assert!(asked[1].contains("if-none-match: \"v1\""), "{}", asked[1]);
}

#[tokio::test]
async fn feed_cut_is_resumed_and_leaves_the_kept_one_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (base, serving) = serve(vec![
        answer("200 OK\r\nETag: \"v1\"", 3, "old"),
        answer("200 OK\r\nETag: \"v2\"", 10, "hello"),
        answer("206 Partial Content\r\nETag: \"v2\"\r\nContent-Range: bytes 5-9/10", 5, "world"),
    ]);
    let feeds = feeds(&base, folder.path(), 100);
    feeds.fetch(Family::Npm).await.unwrap();
    let kept = feeds.keep(Family::Npm).await.unwrap();
    assert!(matches!(feeds.fetch(Family::Npm).await, Err(FeedError::Cut { at: 5, .. })));
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "old");
    let Feed::New(path) = feeds.fetch(Family::Npm).await.unwrap() else { panic!("not new") };
    assert_eq!(std::fs::read_to_string(path).unwrap(), "helloworld");
    let asked = serving.join().unwrap();
    assert!(asked[2].contains("range: bytes=5-") && asked[2].contains("if-range: \"v2\""), "{}", asked[2]);
}

#[tokio::test]
async fn feed_changed_while_it_was_cut_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (base, serving) = serve(vec![
        answer("200 OK\r\nETag: \"v1\"", 10, "hello"),
        answer("200 OK\r\nETag: \"v2\"", 3, "new"),
    ]);
    let feeds = feeds(&base, folder.path(), 100);
    assert!(feeds.fetch(Family::Npm).await.is_err());
    let Feed::New(path) = feeds.fetch(Family::Npm).await.unwrap() else { panic!("not new") };
    assert_eq!(std::fs::read_to_string(path).unwrap(), "new");
    serving.join().unwrap();
}

#[tokio::test]
async fn feed_absent_too_large_or_refused_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let (base, serving) = serve(vec![
        answer("404 Not Found", 0, ""),
        answer("200 OK", 101, &"x".repeat(101)),
        answer("503 Service Unavailable", 0, ""),
    ]);
    let feeds = feeds(&base, folder.path(), 100);
    assert_eq!(feeds.fetch(Family::Npm).await.unwrap(), Feed::Absent);
    assert!(matches!(feeds.fetch(Family::Npm).await, Err(FeedError::TooLarge { limit: 100, .. })));
    assert!(matches!(feeds.fetch(Family::Npm).await, Err(FeedError::Status { status: 503, .. })));
    serving.join().unwrap();
}

#[test]
fn place_that_is_none_is_refused() {
    for text in ["", "ftp://x/y", "s3://bucket"] {
        assert!(text.parse::<super::Origin>().is_err(), "{text}");
    }
    assert!(matches!("file:///srv/osv".parse(), Ok(super::Origin::Folder(_))));
}
