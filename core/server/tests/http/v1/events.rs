//! The event stream.

use crate::harness::{TestCore, a_fleet, a_pod, present};
use api_chassis::auth::Role;
use reqwest::{Method, Response};
use std::time::Duration;

/// What comes until `mark` has come.
async fn until(stream: &mut Response, mark: &str) -> String {
    let mut text = String::new();
    let read = async {
        while !text.contains(mark) {
            let chunk = stream.chunk().await.unwrap().expect("the stream ended");
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(60), read).await.expect("nothing came");
    text
}

#[tokio::test]
async fn stream_tells_what_happens_from_now_on() {
    let core = a_fleet().await;
    let mut stream = core.request(Method::GET, "/events").send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert_eq!(until(&mut stream, "\n\n").await, ": following\n\n");
    core.post("/sources/docker/host-1/observations", present(&[a_pod("/new", "x", 9)])).await;
    insta::assert_snapshot!(until(&mut stream, "pod_present").await);
    drop(stream);
    core.stop().await;
}

#[tokio::test]
async fn stream_resumed_goes_on_after_the_event() {
    let core = a_fleet().await;
    let mut all = core.request(Method::GET, "/events?after=0").send().await.unwrap();
    let text = until(&mut all, "findings_changed").await;
    insta::assert_snapshot!(text);
    let ids: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    let mut rest = core.request(Method::GET, "/events").header("Last-Event-ID", ids[0]).send().await.unwrap();
    let rest = until(&mut rest, "findings_changed").await;
    let rest: Vec<&str> = rest.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    assert_eq!(rest, ids[1..]);
    drop(all);
    core.stop().await;
}

#[tokio::test]
async fn stream_resumed_after_an_event_that_never_was_says_that_something_was_missed() {
    let core = a_fleet().await;
    let mut stream = core.request(Method::GET, "/events?after=1000000").send().await.unwrap();
    let text = until(&mut stream, "event: missed").await;
    assert!(!text.contains("id: 1000000"), "{text}");
    core.post("/sources/docker/host-1/observations", present(&[a_pod("/new", "x", 9)])).await;
    until(&mut stream, "pod_present").await;
    drop(stream);
    core.stop().await;
}

#[tokio::test]
async fn stream_asked_wrongly_is_invalid() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.get("/events?after=yesterday").await);
    let told = core.request(Method::GET, "/events").header("Last-Event-ID", "x").send().await.unwrap();
    assert_eq!(told.status().as_u16(), 400);
    core.stop().await;
}

#[tokio::test]
async fn stream_is_for_readers_only() {
    let core = TestCore::guarded(Role::Scanner).await;
    assert_eq!(core.get("/events").await.status, 403);
    core.stop().await;
}

#[tokio::test]
async fn stream_ends_when_the_core_does() {
    let core = TestCore::start().await;
    let mut stream = core.request(Method::GET, "/events").send().await.unwrap();
    until(&mut stream, "\n\n").await;
    let (_, rest) = tokio::join!(core.stop(), async { while let Ok(Some(_)) = stream.chunk().await {} });
    assert_eq!(rest, ());
}
