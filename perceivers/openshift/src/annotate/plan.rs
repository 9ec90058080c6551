//! The plan: which Images must be annotated anew. Joins what is on them with how they stand. Pure.

use super::quality::{Style, content};
use crate::slim::{IMAGE, VERSION};
use api_vocab::{Digest, Timestamp};
use api_wire::standing::ImageStanding;
use perceiver_kubernetes::tell::{self, Action, Place, What};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What is on an Image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Its id: another object of this name is another one.
    pub uid: Box<str>,
    /// What our annotations on it say.
    pub content: u64,
}

/// Annotations to write onto an Image, instead of all that we have written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Which.
    pub digest: Digest,
    /// And no other of this name.
    pub uid: Box<str>,
    /// Name and value.
    pub annotations: BTreeMap<String, String>,
    content: u64,
}

impl Write {
    /// As the writer takes it: nothing but the annotations, and only onto the object that is meant.
    pub fn request(&self) -> tell::Write<()> {
        let name = self.digest.to_string();
        let body = json!({
            "apiVersion": VERSION,
            "kind": IMAGE,
            "metadata": { "name": name, "uid": self.uid, "annotations": self.annotations },
        });
        let place = Place {
            api_version: VERSION.into(),
            kind: IMAGE.into(),
            namespace: "".into(),
            name: name.into(),
        };
        let action = Action::Apply { body, status: None };
        tell::Write { what: What::Image, place, action, wish: None, memo: () }
    }
}

/// What is to be on Images of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ours {
    /// How they stand.
    Quality(Style),
    /// Nothing any more.
    Nothing,
}

/// Which Images must be annotated anew.
#[derive(Debug)]
pub struct Plan {
    ours: Ours,
    listed: HashSet<Digest>,
    present: HashMap<Digest, Present>,
    standings: HashMap<Digest, ImageStanding>,
    /// What the server would not take; not tried again before it is something else.
    refused: HashMap<Digest, u64>,
    due: BTreeSet<Digest>,
}

impl Plan {
    /// Nothing is known, nothing is due.
    pub fn new(ours: Ours) -> Self {
        Plan {
            ours,
            listed: HashSet::new(),
            present: HashMap::new(),
            standings: HashMap::new(),
            refused: HashMap::new(),
            due: BTreeSet::new(),
        }
    }

    /// Whether an image is one that the core is told of.
    pub fn hear_listed(&mut self, digest: &Digest, listed: bool) {
        if listed {
            self.listed.insert(digest.clone());
            self.due.insert(digest.clone());
        } else {
            self.listed.remove(digest);
            self.standings.remove(digest);
        }
    }

    /// What is on an Image; none if it is gone.
    pub fn hear_image(&mut self, digest: &Digest, present: Option<Present>) {
        let known = match present {
            Some(present) => self.present.insert(digest.clone(), present),
            None => {
                self.refused.remove(digest);
                self.present.remove(digest)
            }
        };
        if self.present.get(digest) != known.as_ref() {
            self.due.insert(digest.clone());
        }
    }

    /// How an image stands.
    pub fn hear_standing(&mut self, standing: ImageStanding) {
        self.due.insert(standing.digest.clone());
        self.standings.insert(standing.digest.clone(), standing);
    }

    /// Whether it matters how images stand.
    pub const fn needs_standings(&self) -> bool {
        matches!(self.ours, Ours::Quality(_))
    }

    /// How many Images may have to be written.
    pub fn waiting(&self) -> usize {
        self.due.len()
    }

    /// What to write next, dated `now`.
    pub fn next(&mut self, now: Timestamp) -> Option<Write> {
        while let Some(digest) = self.due.pop_first() {
            if let Some(write) = self.write(digest, now) {
                return Some(write);
            }
        }
        None
    }

    fn write(&self, digest: Digest, now: Timestamp) -> Option<Write> {
        let present = self.present.get(&digest)?;
        let annotations = match &self.ours {
            Ours::Quality(_) if !self.listed.contains(&digest) => return None,
            Ours::Quality(style) => style.annotations(self.standings.get(&digest)?, now)?,
            // However it stands, and whether it is listed or not.
            Ours::Nothing => BTreeMap::new(),
        };
        let content = content(&annotations);
        let right = present.content == content || self.refused.get(&digest) == Some(&content);
        (!right).then(|| Write { digest, uid: present.uid.clone(), annotations, content })
    }

    /// It is written.
    pub fn written(&mut self, write: &Write) {
        self.refused.remove(&write.digest);
        if let Some(present) = self.present.get_mut(&write.digest)
            && present.uid == write.uid
        {
            present.content = write.content;
        }
    }

    /// The server does not take it, and would not a second time.
    pub fn refuse(&mut self, write: &Write) {
        self.refused.insert(write.digest.clone(), write.content);
    }

    /// It is to be tried again.
    pub fn retry(&mut self, write: Write) {
        self.due.insert(write.digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_vocab::Verdict;
    use api_wire::summary::SeverityCounts;

    fn digest(n: u8) -> Digest {
        Digest::sha256([n; 32])
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn standing(n: u8, verdict: Verdict) -> ImageStanding {
        let findings = Some(SeverityCounts::default());
        ImageStanding { digest: digest(n), verdict, state: "scanned".into(), findings, scanned_at: None }
    }

    fn present(content: u64) -> Option<Present> {
        Some(Present { uid: "1".into(), content })
    }

    fn quality() -> Ours {
        Ours::Quality(Style::new("perceptor", "http://core", true).unwrap())
    }

    /// A plan that knows image 1, bare and failing.
    fn failing() -> Plan {
        let mut plan = Plan::new(quality());
        plan.hear_listed(&digest(1), true);
        plan.hear_image(&digest(1), present(0));
        plan.hear_standing(standing(1, Verdict::Fail));
        plan
    }

    #[test]
    fn image_is_written_once_and_again_when_it_stands_otherwise() {
        let mut plan = failing();
        let write = plan.next(at(0)).unwrap();
        assert_eq!((&write.digest, &*write.uid, write.annotations.len()), (&digest(1), "1", 3));
        plan.written(&write);
        plan.hear_standing(standing(1, Verdict::Fail));
        plan.hear_image(&digest(1), present(write.content));
        assert_eq!(plan.next(at(5_000)), None);
        plan.hear_standing(standing(1, Verdict::Pass));
        assert_eq!(plan.next(at(6_000)).unwrap().annotations.len(), 2, "execution is no longer denied");
    }

    #[test]
    fn image_that_is_right_already_is_not_written() {
        let write = failing().next(at(0)).unwrap();
        let mut plan = failing();
        plan.hear_image(&digest(1), present(write.content));
        assert_eq!(plan.next(at(9_000)), None);
    }

    #[test]
    fn image_whose_annotations_somebody_took_away_is_written_again() {
        let mut plan = failing();
        let write = plan.next(at(0)).unwrap();
        plan.written(&write);
        plan.hear_image(&digest(1), present(content(&BTreeMap::new())));
        assert!(plan.next(at(0)).is_some());
    }

    #[test]
    fn nothing_is_written_before_image_listing_and_standing_are_known() {
        for known in 0..7_u8 {
            let mut plan = Plan::new(quality());
            if known & 1 != 0 {
                plan.hear_listed(&digest(1), true);
            }
            if known & 2 != 0 {
                plan.hear_image(&digest(1), present(0));
            }
            if known & 4 != 0 {
                plan.hear_standing(standing(1, Verdict::Fail));
            }
            assert_eq!(plan.next(at(0)), None, "{known}");
        }
    }

    #[test]
    fn where_nothing_is_to_be_only_images_that_bear_ours_are_written() {
        let mut plan = Plan::new(Ours::Nothing);
        plan.hear_image(&digest(1), present(7));
        plan.hear_image(&digest(2), present(content(&BTreeMap::new())));
        let write = plan.next(at(0)).unwrap();
        assert_eq!((&write.digest, write.annotations.len()), (&digest(1), 0));
        plan.written(&write);
        plan.hear_image(&digest(1), present(content(&BTreeMap::new())));
        assert_eq!(plan.next(at(0)), None);
    }

    #[test]
    fn image_that_is_gone_or_listed_no_longer_is_left_alone() {
        let mut plan = failing();
        plan.hear_image(&digest(1), None);
        assert_eq!(plan.next(at(0)), None);
        let mut plan = failing();
        plan.hear_listed(&digest(1), false);
        assert_eq!(plan.next(at(0)), None);
    }

    #[test]
    fn refusal_stands_until_something_else_is_to_be_said() {
        let mut plan = failing();
        let write = plan.next(at(0)).unwrap();
        plan.refuse(&write);
        plan.hear_standing(standing(1, Verdict::Fail));
        assert_eq!(plan.next(at(0)), None);
        plan.hear_standing(standing(1, Verdict::Warn));
        let write = plan.next(at(0)).unwrap();
        plan.retry(write);
        assert!(plan.next(at(0)).is_some());
    }

    #[test]
    fn many_changes_are_one_write() {
        let mut plan = failing();
        for verdict in [Verdict::Warn, Verdict::Pass, Verdict::Fail, Verdict::Pass] {
            plan.hear_standing(standing(1, verdict));
        }
        let write = plan.next(at(0)).unwrap();
        assert!(write.annotations.values().any(|value| value.contains("Policy: pass")));
        assert_eq!((plan.waiting(), plan.next(at(0))), (0, None));
    }
}
