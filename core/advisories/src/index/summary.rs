//! What an index says of itself.

use super::codec::{Reader, Writer};
use api_vocab::{Family, Timestamp};

/// How many advisories an index has of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FamilyCount {
    /// The family.
    pub family: Family,
    /// How many advisories.
    pub advisories: u64,
    /// When the newest of them was modified.
    pub newest: Option<Timestamp>,
}

/// Where an index comes from, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Summary {
    pub origin: Box<str>,
    pub built_at: Timestamp,
    pub advisories: u64,
    pub families: Vec<FamilyCount>,
}

impl Summary {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        let time = |t: Timestamp| u64::try_from(t.as_millis()).unwrap_or(0);
        writer.text(&self.origin);
        writer.number(time(self.built_at));
        writer.number(self.advisories);
        writer.number(self.families.len() as u64);
        for count in &self.families {
            writer.text(count.family.as_str());
            writer.number(count.advisories);
            writer.number(count.newest.map_or(0, time));
        }
        writer.into_bytes()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let reader = &mut Reader::new(bytes);
        let time = |millis: u64| i64::try_from(millis).ok().map(Timestamp::from_millis);
        let origin = reader.text()?.into();
        let built_at = time(reader.number()?)?;
        let advisories = reader.number()?;
        let families = (0..reader.number()?)
            .map(|_| {
                let family = reader.text()?.parse().ok()?;
                let advisories = reader.number()?;
                let newest = time(reader.number()?)?;
                Some(FamilyCount { family, advisories, newest: (newest.as_millis() > 0).then_some(newest) })
            })
            .collect::<Option<_>>()?;
        Some(Summary { origin, built_at, advisories, families })
    }
}
