//! The event stream: what happened lately, for everyone who follows.

use core_model::Notice;
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

/// How many notices are kept for those who come back.
const KEPT: usize = 16_384;

/// The latest notices, and a signal that there are more; clones are the same stream.
#[derive(Debug, Clone)]
pub struct EventStream {
    kept: Arc<RwLock<Kept>>,
    last: watch::Sender<u64>,
}

#[derive(Debug)]
struct Kept {
    /// Events up to this one are not kept.
    before: u64,
    notices: VecDeque<Arc<Notice>>,
}

/// What came of asking for the notices after some event.
#[derive(Debug, Clone, PartialEq)]
pub enum Replay {
    /// These; none where nothing has happened since.
    Notices(Vec<Arc<Notice>>),
    /// Some are not kept any more; the oldest point from which the stream can go on.
    Missed(u64),
}

impl EventStream {
    /// A stream that goes on after event `last`.
    pub fn after(last: u64) -> Self {
        let kept = Kept { before: last, notices: VecDeque::new() };
        EventStream { kept: Arc::new(RwLock::new(kept)), last: watch::Sender::new(last) }
    }

    /// The id of the last event.
    pub fn last(&self) -> u64 {
        *self.last.borrow()
    }

    /// Wakes whenever there is more.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// At most `limit` notices after event `id`.
    pub fn replay(&self, id: u64, limit: usize) -> Replay {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if id < kept.before {
            return Replay::Missed(kept.before);
        }
        let first = kept.notices.partition_point(|notice| notice.id <= id);
        Replay::Notices(kept.notices.range(first..).take(limit).cloned().collect())
    }

    /// Append `notices` of events up to `last`; ids ascend.
    pub(crate) fn publish(&self, notices: impl Iterator<Item = Notice>, last: u64) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.notices.extend(notices.map(Arc::new));
        while kept.notices.len() > KEPT {
            if let Some(oldest) = kept.notices.pop_front() {
                kept.before = oldest.id;
            }
        }
        drop(kept);
        self.last.send_replace(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_vocab::Timestamp;
    use core_model::News;

    fn notice(id: u64) -> Notice {
        let revision = "r".parse().unwrap();
        Notice { id, at: Timestamp::default(), news: News::RevisionChanged { revision } }
    }

    fn ids(replay: Replay) -> Vec<u64> {
        match replay {
            Replay::Notices(notices) => notices.iter().map(|notice| notice.id).collect(),
            Replay::Missed(from) => panic!("missed; begins after {from}"),
        }
    }

    #[test]
    fn stream_replayed_goes_on_after_the_given_event() {
        let stream = EventStream::after(10);
        stream.publish([notice(12), notice(15)].into_iter(), 16);
        assert_eq!(ids(stream.replay(10, 10)), [12, 15]);
        assert_eq!(ids(stream.replay(12, 10)), [15]);
        assert_eq!(ids(stream.replay(13, 10)), [15]);
        assert_eq!(ids(stream.replay(10, 1)), [12]);
        assert_eq!(ids(stream.replay(16, 10)), [] as [u64; 0]);
        assert_eq!(stream.last(), 16);
    }

    #[test]
    fn stream_asked_for_what_is_not_kept_says_so() {
        let stream = EventStream::after(10);
        assert_eq!(stream.replay(9, 1), Replay::Missed(10));
        let many = KEPT as u64 + 5;
        stream.publish((11..11 + many).map(notice), 10 + many);
        assert_eq!(stream.replay(10, 1), Replay::Missed(15));
        assert_eq!(ids(stream.replay(15, 1)), [16]);
    }
}
