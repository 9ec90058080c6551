//! Rows of the event stream.

use super::{PackageRow, wrong};
use crate::StoreError;
use api_vocab::{Digest, PodKeyError, RevisionId, Severity, SourceId, Timestamp};
use core_model::{Mention, News, Notice, PodId, Stage};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// One notice.
#[derive(Serialize, Deserialize)]
pub(crate) struct NoticeRow<'a>(u64, i64, #[serde(borrow)] NewsRow<'a>);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NewsRow<'a> {
    Present(Cow<'a, SourceId>, #[serde(borrow)] Cow<'a, str>),
    Gone(Cow<'a, SourceId>, #[serde(borrow)] Cow<'a, str>),
    State(Digest, #[serde(borrow)] Cow<'a, str>, Option<Box<str>>),
    Merged(Digest, Digest),
    Retired(Digest),
    Findings(Digest, #[serde(borrow)] Vec<MentionRow<'a>>, #[serde(borrow)] Vec<MentionRow<'a>>),
    Revision(RevisionId),
    Listed(SourceId, Digest),
    Unlisted(SourceId, Digest),
}

#[derive(Serialize, Deserialize)]
struct MentionRow<'a>(Arc<str>, #[serde(borrow)] PackageRow<'a>, Severity);

impl<'a> NoticeRow<'a> {
    pub(crate) fn of(notice: &'a Notice) -> Self {
        NoticeRow(notice.id, notice.at.as_millis(), NewsRow::of(&notice.news))
    }

    pub(crate) fn notice(self) -> Result<Notice, StoreError> {
        Ok(Notice { id: self.0, at: Timestamp::from_millis(self.1), news: self.2.news()? })
    }
}

impl<'a> NewsRow<'a> {
    fn of(news: &'a News) -> Self {
        let mentions = |mentions: &'a [Mention]| mentions.iter().map(MentionRow::of).collect();
        match news {
            News::PodPresent(id) => {
                NewsRow::Present(Cow::Borrowed(&*id.source), Cow::Borrowed(id.key.as_str()))
            }
            News::PodGone(id) => NewsRow::Gone(Cow::Borrowed(&*id.source), Cow::Borrowed(id.key.as_str())),
            News::ImageState { image, stage, reason } => {
                NewsRow::State(image.clone(), stage.as_str().into(), reason.clone())
            }
            News::ImageMerged { image, alias } => NewsRow::Merged(image.clone(), alias.clone()),
            News::ImageRetired { image } => NewsRow::Retired(image.clone()),
            News::FindingsChanged { image, appeared, disappeared } => {
                NewsRow::Findings(image.clone(), mentions(appeared), mentions(disappeared))
            }
            News::RevisionChanged { revision } => NewsRow::Revision(revision.clone()),
            News::ImageListed { source, image } => NewsRow::Listed(source.clone(), image.clone()),
            News::ImageUnlisted { source, image } => NewsRow::Unlisted(source.clone(), image.clone()),
        }
    }

    fn news(self) -> Result<News, StoreError> {
        let mentions =
            |rows: Vec<MentionRow<'_>>| rows.into_iter().map(MentionRow::mention).collect::<Result<_, _>>();
        Ok(match self {
            NewsRow::Present(source, pod) => News::PodPresent(pod_id(source, &pod)?),
            NewsRow::Gone(source, pod) => News::PodGone(pod_id(source, &pod)?),
            NewsRow::State(image, stage, reason) => {
                let stage: Stage = stage.parse().map_err(|error| wrong("notices", error))?;
                News::ImageState { image, stage, reason }
            }
            NewsRow::Merged(image, alias) => News::ImageMerged { image, alias },
            NewsRow::Retired(image) => News::ImageRetired { image },
            NewsRow::Findings(image, appeared, disappeared) => News::FindingsChanged {
                image,
                appeared: mentions(appeared)?,
                disappeared: mentions(disappeared)?,
            },
            NewsRow::Revision(revision) => News::RevisionChanged { revision },
            NewsRow::Listed(source, image) => News::ImageListed { source, image },
            NewsRow::Unlisted(source, image) => News::ImageUnlisted { source, image },
        })
    }
}

fn pod_id(source: Cow<'_, SourceId>, key: &str) -> Result<Arc<PodId>, StoreError> {
    let key = key.parse().map_err(|error: PodKeyError| wrong("notices", error))?;
    Ok(Arc::new(PodId { source: Arc::new(source.into_owned()), key }))
}

impl<'a> MentionRow<'a> {
    fn of(mention: &'a Mention) -> Self {
        MentionRow(Arc::clone(&mention.id), PackageRow::of(&mention.package), mention.severity)
    }

    fn mention(self) -> Result<Mention, StoreError> {
        Ok(Mention { id: self.0, package: Arc::new(self.1.package()?), severity: self.2 })
    }
}
