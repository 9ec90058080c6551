//! How the pods and images of a source stand: a stream of lines, and findings of one image.

use crate::call::{malformed, parse};
use crate::path::path;
use crate::readers::walk;
use crate::{Client, ClientError};
use api_vocab::{Digest, SourceId};
use api_wire::finding::{Finding, FindingQuery};
use api_wire::page::Page;
use api_wire::routes;
use api_wire::standing::StandingLine;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use reqwest::Response;
use std::time::Duration;

const OPERATION: &str = "follow standings";
/// The longest line that is borne.
const MAX_LINE: usize = 4 << 20;
/// How long the core may say nothing, not even that it lives.
const SILENCE: Duration = Duration::from_secs(60);

/// Standings as they come; ends with the connection.
#[derive(Debug)]
pub struct Standings {
    answer: Response,
    lines: Lines,
    silence: Duration,
}

impl Client {
    /// How all pods of `source` and all images that it lists stand, then what changes, for as long
    /// as the connection lasts. Connects once: to begin again is the caller's business, for it has
    /// to know that everything is said anew.
    pub async fn standings(&self, source: &SourceId) -> Result<Standings, ClientError> {
        let path = path(routes::STANDINGS, &[&source.kind(), &source.name()]);
        let call = self.get(OPERATION, path).endless();
        let call = call.header("accept", "application/x-ndjson".to_owned());
        let answer = within(SILENCE, call.open()).await??;
        Ok(Standings { answer, lines: Lines::default(), silence: SILENCE })
    }

    /// Findings of one image that `source` runs or lists, by any of its digests.
    ///
    /// One page; the query's `cursor` says which.
    pub async fn source_image_findings(
        &self,
        source: &SourceId,
        image: &Digest,
        query: &FindingQuery,
    ) -> Result<Page<Finding>, ClientError> {
        let path = path(routes::SOURCE_IMAGE_FINDINGS, &[&source.kind(), &source.name(), image]);
        self.get("get findings of an image of a source", path).query(query).json().await
    }

    /// Findings of one image that `source` runs or lists, by any of its digests.
    ///
    /// All of them, page after page.
    pub fn every_source_image_finding<'a>(
        &'a self,
        source: &'a SourceId,
        image: &'a Digest,
        query: FindingQuery,
    ) -> impl Stream<Item = Result<Finding, ClientError>> + 'a {
        walk(query.cursor.clone(), move |cursor| {
            let query = FindingQuery { cursor, ..query.clone() };
            async move { self.source_image_findings(source, image, &query).await }
        })
    }
}

impl Standings {
    /// The next line; nothing once the core has ended it: it goes down, connect again.
    ///
    /// Not to wait for it any longer loses nothing: the next call goes on where this one was.
    pub async fn next(&mut self) -> Result<Option<StandingLine>, ClientError> {
        loop {
            if let Some(line) = self.lines.next()? {
                return parse(OPERATION, &line).map(Some);
            }
            let chunk = within(self.silence, self.answer.chunk()).await?;
            let chunk = chunk.map_err(|source| ClientError::Unreachable {
                operation: OPERATION,
                source: source.without_url(),
            })?;
            match chunk {
                Some(chunk) => self.lines.push(&chunk),
                None if self.lines.is_empty() => return Ok(None),
                None => return Err(malformed(OPERATION, "it ended within a line")),
            }
        }
    }
}

async fn within<T>(silence: Duration, wait: impl Future<Output = T>) -> Result<T, ClientError> {
    let seconds = silence.as_secs();
    let waited = tokio::time::timeout(silence, wait).await;
    waited.map_err(|_| ClientError::Silent { operation: OPERATION, seconds })
}

/// Bytes in, lines out; bytes may be cut anywhere.
#[derive(Debug, Default)]
struct Lines {
    waiting: BytesMut,
    /// How much of it was looked at and holds no end of a line.
    seen: usize,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next whole line that is not blank.
    fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            let rest = self.waiting.get(self.seen..).unwrap_or_default();
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                self.seen = self.waiting.len();
                let fits = self.seen <= MAX_LINE;
                return if fits { Ok(None) } else { Err(malformed(OPERATION, "a line is too long")) };
            };
            let line = self.waiting.split_to(self.seen + end + 1).freeze();
            self.seen = 0;
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Answer, FakeCore, Feed};
    use crate::{Advice, tests::source};
    use proptest::prelude::*;

    async fn followed(feed: &Feed) -> (FakeCore, Standings) {
        let answer = Answer::Feed(feed.clone());
        let core = FakeCore::start(move |_| answer.clone()).await.unwrap();
        let standings = core.client().unwrap().standings(&source()).await.unwrap();
        (core, standings)
    }

    #[tokio::test]
    async fn standings_are_told_as_they_come_until_the_core_ends_them() {
        let feed = Feed::default();
        let (core, mut standings) = followed(&feed).await;
        assert_eq!(core.asked()[0].line(), "GET /api/v1/sources/docker/host-1/standings");
        feed.say(&StandingLine::Whole);
        assert_eq!(standings.next().await.unwrap(), Some(StandingLine::Whole));
        feed.say(&StandingLine::Alive);
        feed.end();
        assert_eq!(standings.next().await.unwrap(), Some(StandingLine::Alive));
        assert_eq!(standings.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn standings_not_waited_for_any_longer_lose_nothing() {
        let feed = Feed::default();
        let (_core, mut standings) = followed(&feed).await;
        feed.say_raw(b"{\"type\":");
        let waited = tokio::time::timeout(Duration::from_millis(50), standings.next()).await;
        assert!(waited.is_err());
        feed.say_raw(b"\"whole\"}\n");
        assert_eq!(standings.next().await.unwrap(), Some(StandingLine::Whole));
    }

    #[tokio::test]
    async fn standings_cut_are_to_be_tried_again() {
        let feed = Feed::default();
        let (core, mut standings) = followed(&feed).await;
        core.cut();
        assert_eq!(standings.next().await.unwrap_err().advice(), Advice::Retry);
    }

    #[tokio::test]
    async fn standings_that_fall_silent_are_to_be_tried_again() {
        let (_core, mut standings) = followed(&Feed::default()).await;
        standings.silence = Duration::from_millis(20);
        let error = standings.next().await.unwrap_err();
        assert!(matches!(error, ClientError::Silent { .. }));
        assert_eq!(error.advice(), Advice::Retry);
    }

    #[tokio::test]
    async fn standings_refused_say_why() {
        let core = FakeCore::start(|_| Answer::refusal(403, "forbidden", "not yours")).await.unwrap();
        let error = core.client().unwrap().standings(&source()).await.unwrap_err();
        assert_eq!(error.to_string(), "follow standings: not yours (403)");
    }

    #[tokio::test]
    async fn findings_of_an_image_are_asked_for_below_its_source() {
        let page = serde_json::json!({ "items": [] });
        let core = FakeCore::start(move |_| Answer::json(200, &page)).await.unwrap();
        let digest = Digest::sha256([1; 32]);
        let query = FindingQuery { limit: Some(5), ..FindingQuery::default() };
        core.client().unwrap().source_image_findings(&source(), &digest, &query).await.unwrap();
        let asked = core.asked();
        assert_eq!(asked[0].path, format!("/api/v1/sources/docker/host-1/images/{digest}/findings"));
        assert_eq!(asked[0].query, "limit=5");
    }

    #[test]
    fn line_without_end_is_not_kept_for_ever() {
        let mut lines = Lines::default();
        lines.push(&vec![b'x'; MAX_LINE]);
        assert!(lines.next().unwrap().is_none());
        lines.push(b"x");
        assert!(lines.next().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn lines_cut_anywhere_are_the_same(
            given in proptest::collection::vec("[a-z]{1,6}|", 0..12),
            size in 1usize..7,
        ) {
            let text: String = given.iter().map(|line| format!("{line}\n")).collect();
            let mut lines = Lines::default();
            let mut got = Vec::new();
            for part in text.as_bytes().chunks(size) {
                lines.push(part);
                while let Some(line) = lines.next().unwrap() {
                    got.push(String::from_utf8(line.trim_ascii().to_vec()).unwrap());
                }
            }
            let wanted: Vec<String> = given.into_iter().filter(|line| !line.is_empty()).collect();
            prop_assert_eq!(got, wanted);
            prop_assert!(lines.is_empty());
        }
    }
}
