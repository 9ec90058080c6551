//! Tests of the client against the scripted core.

use crate::fake::{Answer, FakeCore, Request};
use crate::{Advice, Client, ClientError, ClientSettings, Retry};
use api_vocab::{Digest, LeaseId, PodPhase, ScannerName, SourceId};
use api_wire::error::ErrorCode;
use api_wire::event::{Change, Event};
use api_wire::lease::LeaseRequest;
use api_wire::observation::{Observation, ObservationBatch, ObservationOutcome, ObservedPod};
use api_wire::pod::PodQuery;
use api_wire::sbom::SbomFormat;
use futures_util::{StreamExt, TryStreamExt};
use std::time::Duration;

pub(crate) fn source() -> SourceId {
    "docker/host-1".parse().unwrap()
}

fn pod(name: &str) -> ObservedPod {
    ObservedPod {
        key: format!("/{name}"),
        uid: name.to_owned(),
        node: None,
        platform: None,
        owner: None,
        phase: PodPhase::Running,
        started_at: None,
        labels: Default::default(),
        context: Default::default(),
        containers: Vec::new(),
    }
}

fn batch() -> ObservationBatch {
    ObservationBatch { observations: vec![Observation::PodGone { key: "/a".into() }] }
}

fn request() -> LeaseRequest {
    LeaseRequest { scanner: "s".parse::<ScannerName>().unwrap(), holds: Vec::new(), wait_seconds: 0 }
}

/// Answers with the first of `answers`, then the second, …, the last for ever.
async fn core_with(answers: Vec<Answer>) -> FakeCore {
    let mut rest = answers.into_iter().peekable();
    FakeCore::start(move |_: &Request| {
        let next = rest.next().unwrap_or(Answer::Cut);
        if rest.peek().is_none() {
            rest = vec![next.clone()].into_iter().peekable();
        }
        next
    })
    .await
    .unwrap()
}

fn patient(core: &FakeCore) -> Client {
    let quick = Duration::from_millis(1);
    core.client().unwrap().with_retry(Retry { times: 3, first: quick, longest: quick, ..Retry::default() })
}

fn fine() -> Answer {
    Answer::json(200, &ObservationOutcome { accepted: 1, ..ObservationOutcome::default() })
}

#[tokio::test]
async fn call_that_may_be_repeated_is_until_it_works() {
    let busy = Answer::refusal(503, "unavailable", "busy");
    let core = core_with(vec![Answer::Cut, busy, fine()]).await;
    assert_eq!(patient(&core).send_observations(&source(), &batch()).await.unwrap().accepted, 1);
    let asked = core.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|r| r.line() == "POST /api/v1/sources/docker/host-1/observations"));
    assert_eq!(asked[2].json::<ObservationBatch>().unwrap(), batch());
}

#[tokio::test]
async fn call_repeated_in_vain_says_why_in_the_end() {
    let core = core_with(vec![Answer::refusal(503, "unavailable", "disk full")]).await;
    let error = patient(&core).summary().await.unwrap_err();
    assert_eq!((error.advice(), error.code()), (Advice::Retry, Some(ErrorCode::Unavailable)));
    assert_eq!(error.to_string(), "get the summary: disk full (503)");
    assert_eq!(core.asked().len(), 4);
}

#[tokio::test]
async fn call_with_effects_is_not_repeated_once_the_core_may_have_begun() {
    for answer in [Answer::Cut, Answer::refusal(503, "unavailable", "busy")] {
        let core = core_with(vec![answer]).await;
        let error = patient(&core).ask_lease(&request()).await.unwrap_err();
        assert_eq!(error.advice(), Advice::Retry);
        assert_eq!(core.asked().len(), 1);
    }
    let limited = Answer::refusal(429, "rate_limited", "slow down");
    let core = core_with(vec![limited, Answer::empty(204)]).await;
    assert_eq!(patient(&core).ask_lease(&request()).await.unwrap(), None);
}

#[tokio::test]
async fn call_refused_for_good_is_not_repeated() {
    let core = core_with(vec![Answer::refusal(409, "lease_lost", "expired")]).await;
    let error = patient(&core).renew_lease(LeaseId::from_bits(7)).await.unwrap_err();
    assert_eq!((error.advice(), error.code()), (Advice::GiveUp, Some(ErrorCode::LeaseLost)));
    let asked = core.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].line(), format!("POST /api/v1/leases/{:032x}/renew", 7));
}

#[tokio::test]
async fn retry_after_longer_than_bearable_is_not_waited_for() {
    let later = Answer::refusal(429, "rate_limited", "slow down").with_header("retry-after", 3600);
    let core = core_with(vec![later]).await;
    let error = patient(&core).summary().await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(core.asked().len(), 1);
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let later = Answer::refusal(503, "unavailable", "starting").with_header("retry-after", 1);
    let core = core_with(vec![later, fine()]).await;
    let begun = std::time::Instant::now();
    patient(&core).send_observations(&source(), &batch()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn answer_that_is_no_json_is_a_bug() {
    let core = core_with(vec![Answer::Send { status: 200, headers: vec![], body: b"<html>".to_vec() }]).await;
    let error = patient(&core).summary().await.unwrap_err();
    assert!(matches!(error, ClientError::Malformed { .. }));
    assert_eq!(error.advice(), Advice::Bug);
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let elsewhere = core_with(vec![fine()]).await;
    let core = core_with(vec![Answer::empty(302).with_header("location", elsewhere.url())]).await;
    assert!(core.client().unwrap().summary().await.is_err());
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn full_state_is_streamed_as_one_pod_a_line() {
    let core = core_with(vec![fine()]).await;
    let pods: Vec<ObservedPod> = (0..2_000).map(|n| pod(&format!("pod-{n}"))).collect();
    core.client().unwrap().send_state(&source(), pods.clone()).await.unwrap();
    let asked = core.asked();
    assert_eq!(asked[0].line(), "PUT /api/v1/sources/docker/host-1/state");
    assert_eq!(asked[0].header("content-type"), Some("application/x-ndjson"));
    assert_eq!(asked[0].lines::<ObservedPod>().unwrap(), pods);
}

#[tokio::test]
async fn token_changed_in_its_file_is_used_when_the_old_one_is_refused() {
    let core = FakeCore::start(|request| match request.header("authorization") {
        Some("Bearer new") => Answer::json(200, &serde_json::json!({})),
        _ => Answer::refusal(401, "unauthenticated", "unknown token"),
    })
    .await
    .unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "old\n").unwrap();
    let settings = ClientSettings {
        core: core.url(),
        token_file: Some(file.path().to_owned()),
        ..ClientSettings::default()
    };
    let client = Client::new(&settings).unwrap();
    assert_eq!(client.openapi().await.unwrap_err().code(), Some(ErrorCode::Unauthenticated));
    std::fs::write(file.path(), "new\n").unwrap();
    client.openapi().await.unwrap();
    assert_eq!(core.asked().len(), 3);
}

#[tokio::test]
async fn pages_are_walked_to_the_end() {
    let core = FakeCore::start(|request| {
        let source = serde_json::json!({ "id": "docker/a", "last_seen": "2026-01-01T00:00:00Z", "health": "fresh", "pods": 0 });
        let next = match &*request.query {
            "kind=docker" => Some("one"),
            "kind=docker&cursor=one" => Some("two&3"),
            "kind=docker&cursor=two%263" => None,
            other => panic!("{other}"),
        };
        Answer::json(200, &serde_json::json!({ "items": [source], "next_cursor": next }))
    })
    .await
    .unwrap();
    let query = api_wire::source::SourceQuery { kind: Some("docker".into()), ..Default::default() };
    let client = core.client().unwrap();
    let all: Vec<_> = client.every_source(query).try_collect().await.unwrap();
    assert_eq!(all.len(), 3);
}

#[tokio::test]
async fn page_that_fails_ends_the_walk_with_the_error() {
    let core = core_with(vec![Answer::refusal(400, "invalid", "no such sort")]).await;
    let client = core.client().unwrap();
    let all: Vec<_> = client.every_pod(PodQuery::default()).collect().await;
    assert_eq!(all.len(), 1);
    assert!(all[0].is_err());
}

#[tokio::test]
async fn sbom_is_asked_for_in_its_format() {
    let core = core_with(vec![Answer::json(200, &serde_json::json!({ "spdxVersion": "SPDX-2.3" }))]).await;
    let digest = Digest::sha256([1; 32]);
    core.client().unwrap().sbom(&digest, SbomFormat::Spdx).await.unwrap();
    let asked = core.asked();
    assert_eq!(asked[0].path, format!("/api/v1/images/{digest}/sbom"));
    assert_eq!(asked[0].query, "format=spdx");
}

fn event(id: u64) -> Event {
    let change = Change::PodGone { source: source(), pod: "/a".into() };
    Event { id, at: api_vocab::Timestamp::from_millis(0), change }
}

#[tokio::test]
async fn events_cut_are_resumed_after_the_last_one() {
    let core = FakeCore::start(|request| {
        let after: u64 = request.header("last-event-id").map_or(0, |id| id.parse().unwrap());
        if after >= 3 {
            return Answer::refusal(401, "unauthenticated", "no more");
        }
        let text = serde_json::to_string(&event(after + 1)).unwrap();
        let body = format!(": alive\n\nid: {}\ndata: {text}\n\n", after + 1).into_bytes();
        Answer::Send { status: 200, headers: vec![("content-type", "text/event-stream".into())], body }
    })
    .await
    .unwrap();
    let followed: Vec<_> = core.client().unwrap().events(None).collect().await;
    let ids: Vec<Option<u64>> = followed.iter().map(|e| e.as_ref().ok().map(|e| e.id)).collect();
    assert_eq!(ids, [Some(1), Some(2), Some(3), None]);
    assert_eq!(core.asked()[1].query, "after=1");
}

#[tokio::test]
async fn events_that_are_no_longer_kept_are_passed_over() {
    let text = serde_json::to_string(&event(9)).unwrap();
    let body = format!("event: missed\nid: 8\ndata: {{}}\n\nid: 9\ndata: {text}\n\n").into_bytes();
    let stream =
        Answer::Send { status: 200, headers: vec![("content-type", "text/event-stream".into())], body };
    let core = core_with(vec![stream]).await;
    let client = core.client().unwrap();
    let mut events = std::pin::pin!(client.events(Some(1)));
    assert_eq!(events.next().await.unwrap().unwrap().id, 9);
}

#[tokio::test]
async fn events_missed_are_not_asked_for_again() {
    let core = FakeCore::start(|request| {
        let body = match request.header("last-event-id") {
            Some("1") => "event: missed\nid: 8\ndata: {}\n\n".to_owned(),
            Some("8") => format!("id: 9\ndata: {}\n\n", serde_json::to_string(&event(9)).unwrap()),
            _ => return Answer::refusal(400, "invalid", "no such place"),
        };
        let headers = vec![("content-type", "text/event-stream".into())];
        Answer::Send { status: 200, headers, body: body.into_bytes() }
    })
    .await
    .unwrap();
    let client = core.client().unwrap();
    let mut events = std::pin::pin!(client.events(Some(1)));
    assert_eq!(events.next().await.unwrap().unwrap().id, 9);
}

#[tokio::test]
async fn core_that_is_away_is_unreachable_and_comes_back() {
    let core = core_with(vec![fine()]).await;
    core.cut();
    let client = core.client().unwrap();
    let error = client.send_observations(&source(), &batch()).await.unwrap_err();
    assert_eq!(error.advice(), Advice::Retry);
    core.mend();
    client.send_observations(&source(), &batch()).await.unwrap();
}
