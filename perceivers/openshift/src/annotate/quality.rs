//! Annotations of Images, in the form that OpenShift documents for what scanners say of them:
//! `quality.images.openshift.io/<type>.<provider>`, its value JSON.

use api_vocab::{Timestamp, Verdict};
use api_wire::standing::ImageStanding;
use api_wire::summary::SeverityCounts;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// While this is "true", OpenShift's image policy admits no pod with the image.
pub const DENY: &str = "images.openshift.io/deny-execution";
/// Begins the name of each annotation of quality.
const PREFIX: &str = "quality.images.openshift.io/";
/// Changes with each writing, and says nothing of the image.
const TIMESTAMP: &str = "timestamp";
/// The longest provider: with the type it is the name of an annotation.
const MAX_PROVIDER: usize = 40;

/// A provider whose name cannot be part of an annotation's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("openshift.provider: {0:?} is not 1 to 40 characters from a-z 0-9 - that begin and end with a-z 0-9")]
pub struct ProviderError(String);

/// How annotations are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    provider: String,
    /// Where the core is, without a slash at its end.
    core: String,
    deny: bool,
}

impl Style {
    /// Annotations of `provider` that lead to `core`; `deny`: execution is denied by them.
    pub fn new(provider: &str, core: &str, deny: bool) -> Result<Self, ProviderError> {
        let of_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let inside = (1..=MAX_PROVIDER).contains(&provider.len())
            && provider.bytes().all(|b| of_word(b) || b == b'-')
            && !provider.starts_with('-')
            && !provider.ends_with('-');
        if !inside {
            return Err(ProviderError(provider.chars().take(64).collect()));
        }
        let core = core.trim_end_matches('/').to_owned();
        Ok(Style { provider: provider.to_owned(), core, deny })
    }

    /// The annotations of an image that stands so; none while nothing is known of it.
    pub fn annotations(&self, of: &ImageStanding, now: Timestamp) -> Option<BTreeMap<String, String>> {
        let counts = of.findings.as_ref()?;
        let image = format!("{}/api/v1/images/{}", self.core, of.digest);
        let findings = format!("{image}/findings");
        let vulnerability = Quality {
            name: "Perceptor",
            description: description(counts, of.verdict),
            timestamp: now,
            // Unknown is not clean.
            compliant: of.verdict == Verdict::Pass,
            summary: summary(counts, &findings),
            reference: findings,
        };
        let policy = Quality {
            name: "Perceptor",
            description: format!("Policy: {}", of.verdict),
            timestamp: now,
            compliant: matches!(of.verdict, Verdict::Pass | Verdict::Warn),
            summary: vec![violation(of.verdict, &image)],
            reference: image,
        };
        let kinds = [("vulnerability", vulnerability), ("policy", policy)];
        let mut annotations: BTreeMap<String, String> = kinds
            .into_iter()
            .filter_map(|(kind, quality)| {
                let value = serde_json::to_string(&quality).ok()?;
                Some((format!("{PREFIX}{kind}.{}", self.provider), value))
            })
            .collect();
        if self.deny && of.verdict == Verdict::Fail {
            annotations.insert(DENY.to_owned(), "true".to_owned());
        }
        Some(annotations)
    }
}

/// What annotations say, whenever they were written: equal for those that need not be written again.
pub fn content(annotations: &BTreeMap<String, String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, value) in annotations {
        name.hash(&mut hasher);
        match serde_json::from_str::<Map<String, Value>>(value) {
            Ok(mut said) => {
                said.remove(TIMESTAMP);
                Value::Object(said).to_string().hash(&mut hasher);
            }
            Err(_) => value.hash(&mut hasher),
        }
    }
    hasher.finish()
}

/// The value of an annotation, with the fields in the order of the documentation.
#[derive(Serialize)]
struct Quality {
    name: &'static str,
    description: String,
    timestamp: Timestamp,
    reference: String,
    compliant: bool,
    summary: Vec<Part>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    label: &'static str,
    data: String,
    severity_index: u8,
    reference: String,
}

fn part(label: &'static str, count: u64, severity_index: u8, reference: &str) -> Part {
    Part { label, data: count.to_string(), severity_index, reference: reference.to_owned() }
}

fn summary(counts: &SeverityCounts, reference: &str) -> Vec<Part> {
    vec![
        part("critical", counts.critical, 3, reference),
        part("important", counts.high, 2, reference),
        part("moderate", counts.medium, 1, reference),
        part("low", counts.low.saturating_add(counts.negligible), 0, reference),
    ]
}

/// A verdict as what it counts for: one violation, or none.
fn violation(verdict: Verdict, reference: &str) -> Part {
    match verdict {
        Verdict::Fail => part("critical", 1, 3, reference),
        Verdict::Unknown => part("important", 1, 2, reference),
        Verdict::Warn => part("moderate", 1, 1, reference),
        Verdict::Pass => part("low", 0, 0, reference),
    }
}

/// What the four labels leave out.
fn description(counts: &SeverityCounts, verdict: Verdict) -> String {
    let mut text = "Known vulnerabilities".to_owned();
    if counts.unknown > 0 {
        text.push_str(&format!("; {} more without a severity", counts.unknown));
    }
    if counts.undecided > 0 {
        text.push_str(&format!("; {} advisories could not be compared", counts.undecided));
    }
    if verdict == Verdict::Unknown {
        text.push_str("; not all of the image is known");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_vocab::Digest;
    use serde_json::json;

    fn standing(verdict: Verdict, findings: Option<SeverityCounts>) -> ImageStanding {
        let digest = Digest::sha256([1; 32]);
        ImageStanding { digest, verdict, state: "scanned".into(), findings, scanned_at: None }
    }

    fn counts() -> SeverityCounts {
        SeverityCounts {
            critical: 4,
            high: 12,
            medium: 8,
            low: 20,
            negligible: 6,
            ..SeverityCounts::default()
        }
    }

    fn style(deny: bool) -> Style {
        Style::new("perceptor", "https://core:3001/", deny).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn annotations_are_exactly_of_the_documented_form() {
        let annotations = style(true).annotations(&standing(Verdict::Fail, Some(counts())), at(0)).unwrap();
        let names: Vec<&str> = annotations.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "images.openshift.io/deny-execution",
                "quality.images.openshift.io/policy.perceptor",
                "quality.images.openshift.io/vulnerability.perceptor"
            ]
        );
        assert_eq!(annotations[DENY], "true");
        let image = format!("https://core:3001/api/v1/images/{}", Digest::sha256([1; 32]));
        let findings = format!("{image}/findings");
        let part = |label: &str, data: &str, index: u8, reference: &str| json!({ "label": label, "data": data, "severityIndex": index, "reference": reference });
        let read = |kind: &str| -> Value {
            serde_json::from_str(&annotations[&format!("{PREFIX}{kind}.perceptor")]).unwrap()
        };
        assert_eq!(
            read("vulnerability"),
            json!({ "name": "Perceptor", "description": "Known vulnerabilities",
                "timestamp": at(0).to_string(), "reference": findings, "compliant": false,
                "summary": [part("critical", "4", 3, &findings), part("important", "12", 2, &findings),
                    part("moderate", "8", 1, &findings), part("low", "26", 0, &findings)] })
        );
        assert_eq!(
            read("policy"),
            json!({ "name": "Perceptor", "description": "Policy: fail", "timestamp": at(0).to_string(),
                "reference": image, "compliant": false, "summary": [part("critical", "1", 3, &image)] })
        );
    }

    #[test]
    fn compliance_and_denial_follow_the_verdict() {
        let bare = Some(SeverityCounts::default());
        for (verdict, deny, vulnerability, policy, denied) in [
            (Verdict::Pass, true, true, true, false),
            (Verdict::Warn, true, false, true, false),
            (Verdict::Unknown, true, false, false, false),
            (Verdict::Fail, true, false, false, true),
            (Verdict::Fail, false, false, false, false),
        ] {
            let annotations = style(deny).annotations(&standing(verdict, bare), at(0)).unwrap();
            let compliant =
                |kind: &str| annotations[&format!("{PREFIX}{kind}.perceptor")].contains("\"compliant\":true");
            assert_eq!(
                (compliant("vulnerability"), compliant("policy")),
                (vulnerability, policy),
                "{verdict}"
            );
            assert_eq!(annotations.contains_key(DENY), denied, "{verdict}");
        }
    }

    #[test]
    fn image_of_which_nothing_is_known_has_no_annotations() {
        assert_eq!(style(true).annotations(&standing(Verdict::Unknown, None), at(0)), None);
    }

    #[test]
    fn what_the_labels_leave_out_is_described() {
        let counts = SeverityCounts { unknown: 2, undecided: 3, ..SeverityCounts::default() };
        let text = description(&counts, Verdict::Unknown);
        assert_eq!(
            text,
            "Known vulnerabilities; 2 more without a severity; 3 advisories could not be compared; \
             not all of the image is known"
        );
    }

    #[test]
    fn content_is_the_same_whenever_it_was_written_and_another_when_it_says_another_thing() {
        let fail = |seconds, deny| {
            style(deny).annotations(&standing(Verdict::Fail, Some(counts())), at(seconds)).unwrap()
        };
        assert_eq!(content(&fail(0, true)), content(&fail(99, true)));
        assert_ne!(content(&fail(0, true)), content(&fail(0, false)));
        let more = SeverityCounts { critical: 5, ..counts() };
        let more = style(true).annotations(&standing(Verdict::Fail, Some(more)), at(0)).unwrap();
        assert_ne!(content(&fail(0, true)), content(&more));
        let broken = [(DENY.to_owned(), "{".to_owned())].into();
        assert_ne!(content(&broken), content(&BTreeMap::new()));
    }

    #[test]
    fn provider_that_cannot_be_in_a_name_is_refused() {
        for provider in ["", "-a", "a-", "A", "a/b", "a.b", "a b", &"a".repeat(41)] {
            assert!(Style::new(provider, "https://core", false).is_err(), "{provider}");
        }
        assert!(Style::new("acme-2", "https://core", false).is_ok());
    }
}
