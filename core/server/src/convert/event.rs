//! Events: from the model to the wire.

use api_wire::event as wire;
use core_model::{Mention, News, Notice};

/// How `notice` looks on the wire.
pub fn notice_to(notice: &Notice) -> wire::Event {
    wire::Event { id: notice.id, at: notice.at, change: news_to(&notice.news) }
}

fn news_to(news: &News) -> wire::Change {
    match news.clone() {
        News::PodPresent(id) => {
            wire::Change::PodPresent { source: (*id.source).clone(), pod: id.key.to_string() }
        }
        News::PodGone(id) => wire::Change::PodGone { source: (*id.source).clone(), pod: id.key.to_string() },
        News::ImageState { image, stage, reason } => wire::Change::ImageState {
            image,
            state: stage.as_str().to_owned(),
            reason: reason.map(Into::into),
        },
        News::ImageMerged { image, alias } => wire::Change::ImageMerged { image, alias },
        News::ImageRetired { image } => wire::Change::ImageRetired { image },
        News::ImageListed { source, image } => wire::Change::ImageListed { source, image },
        News::ImageUnlisted { source, image } => wire::Change::ImageUnlisted { source, image },
        News::FindingsChanged { image, appeared, disappeared } => wire::Change::FindingsChanged {
            image,
            appeared: appeared.into_iter().map(mention_to).collect(),
            disappeared: disappeared.into_iter().map(mention_to).collect(),
        },
        News::RevisionChanged { revision } => wire::Change::RevisionChanged { revision },
    }
}

fn mention_to(mention: Mention) -> wire::FindingMention {
    wire::FindingMention {
        id: mention.id.to_string(),
        package: mention.package.name().to_owned(),
        version: mention.package.version().to_owned(),
        severity: mention.severity,
    }
}
