//! A record as it stands in the index.

use super::codec::{Reader, Writer};
use crate::record::Advisory;
use crate::severity::{Authority, Rating, Score};
use api_vocab::{Severity, Timestamp};

const NO_SCORE: u8 = u8::MAX;

/// A score and its vector, borrowed from the index.
pub(crate) type ScoreRef<'a> = Option<(u8, &'a str)>;

/// A record, borrowed from the index.
#[derive(Debug, Clone)]
pub(crate) struct AdvisoryRef<'a> {
    pub id: &'a str,
    pub aliases: Vec<&'a str>,
    /// The vulnerabilities that it is about, where they are several, each with its own score.
    pub covers: Vec<(&'a str, ScoreRef<'a>)>,
    pub rating: Rating,
    pub score: ScoreRef<'a>,
    pub summary: &'a str,
    pub url: &'a str,
    pub published: Option<Timestamp>,
    pub modified: Option<Timestamp>,
}

/// Write `advisory`; `score_of` knows what other records say of a vulnerability. The time of
/// modification stands last, so that what is before it tells whether anything was.
pub(super) fn encode(advisory: &Advisory, score_of: impl Fn(&str) -> Option<Score>) -> (Vec<u8>, Vec<u8>) {
    let mut writer = Writer::default();
    let own = advisory.score.clone();
    let score = own.or_else(|| {
        let ids = std::iter::once(&advisory.id).chain(&advisory.aliases);
        ids.filter_map(|id| score_of(id)).reduce(Score::better)
    });
    let rating = match (&score, advisory.rating.authority) {
        (Some(score), Authority::Nobody) => {
            Rating { authority: Authority::OtherRecord, severity: score.severity() }
        }
        _ => advisory.rating,
    };
    writer.text(&advisory.id);
    writer.number(advisory.aliases.len() as u64);
    advisory.aliases.iter().for_each(|alias| writer.text(alias));
    writer.number(advisory.covers.len() as u64);
    for id in &advisory.covers {
        writer.text(id);
        encode_score(&mut writer, score_of(id).as_ref());
    }
    writer.byte(rating.authority.code());
    writer.severity(Some(rating.severity));
    encode_score(&mut writer, score.as_ref());
    writer.text(&advisory.summary);
    writer.text(&advisory.url);
    encode_time(&mut writer, advisory.published);
    let mut modified = Writer::default();
    encode_time(&mut modified, advisory.modified);
    (writer.into_bytes(), modified.into_bytes())
}

pub(super) fn decode(bytes: &[u8]) -> Option<AdvisoryRef<'_>> {
    let reader = &mut Reader::new(bytes);
    let id = reader.text()?;
    let aliases = (0..reader.number()?).map(|_| reader.text()).collect::<Option<_>>()?;
    let covers = (0..reader.number()?)
        .map(|_| Some((reader.text()?, decode_score(reader)?)))
        .collect::<Option<_>>()?;
    let authority = Authority::of_code(reader.byte()?);
    let severity = reader.severity()?.unwrap_or(Severity::Unknown);
    Some(AdvisoryRef {
        id,
        aliases,
        covers,
        rating: Rating { authority, severity },
        score: decode_score(reader)?,
        summary: reader.text()?,
        url: reader.text()?,
        published: decode_time(reader)?,
        modified: decode_time(reader)?,
    })
}

fn encode_score(writer: &mut Writer, score: Option<&Score>) {
    writer.byte(score.map_or(NO_SCORE, |score| score.tenths));
    if let Some(score) = score {
        writer.text(&score.vector);
    }
}

fn decode_score<'a>(reader: &mut Reader<'a>) -> Option<ScoreRef<'a>> {
    match reader.byte()? {
        NO_SCORE => Some(None),
        tenths => Some(Some((tenths, reader.text()?))),
    }
}

/// Zero is no time: nothing was published in 1970.
fn encode_time(writer: &mut Writer, time: Option<Timestamp>) {
    writer.number(time.and_then(|t| u64::try_from(t.as_millis()).ok()).unwrap_or(0));
}

fn decode_time(reader: &mut Reader<'_>) -> Option<Option<Timestamp>> {
    let millis = i64::try_from(reader.number()?).ok()?;
    Some((millis > 0).then_some(Timestamp::from_millis(millis)))
}
