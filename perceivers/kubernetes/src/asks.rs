//! Annotations by which people ask something of Perceptor, on a pod, its owner or its namespace.
//! All of them are named here and nowhere else.

use api_vocab::Severity;
use api_wire::context::WorkloadSettings;
use std::collections::BTreeMap;

/// Begins the name of each annotation that is ours.
pub const PREFIX: &str = "perceptor.dev/";
/// `"false"`: leave it out, as if it were not there.
pub const SCAN: &str = "perceptor.dev/scan";
/// `"true"`: findings without a fix do not count.
pub const IGNORE_UNFIXED: &str = "perceptor.dev/ignore-unfixed";
/// `"high"`: findings below do not count.
pub const MIN_SEVERITY: &str = "perceptor.dev/min-severity";
/// The team that is to be told.
pub const TEAM: &str = "perceptor.dev/team";
/// The image-scanner-operator's name for [`IGNORE_UNFIXED`]; ours wins where both are given.
pub const STATNETT_IGNORE_UNFIXED: &str = "image-scanner.statnett.no/ignore-unfixed";

/// The longest name of a team.
const MAX_TEAM: usize = 128;

/// What is asked for in one place; what is absent is left to the next place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Asks {
    /// Whether to look at it at all.
    pub scan: Option<bool>,
    /// Whether findings without a fix do not count.
    pub ignore_unfixed: Option<bool>,
    /// Findings below do not count.
    pub min_severity: Option<Severity>,
    /// The team that is to be told.
    pub team: Option<Box<str>>,
}

/// An annotation that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("annotation {name}: {value:?} is not {expected}")]
pub struct AskError {
    /// Its name.
    pub name: &'static str,
    /// Its value, cut.
    pub value: String,
    /// What would be right.
    pub expected: &'static str,
}

impl Asks {
    /// What these annotations ask for, and those that mean nothing.
    pub fn parse(annotations: Option<&BTreeMap<String, String>>) -> (Asks, Vec<AskError>) {
        let Some(annotations) = annotations else { return Default::default() };
        let mut errors = Vec::new();
        let mut read = Reader { annotations, errors: &mut errors };
        let ours = read.truth(IGNORE_UNFIXED);
        let asks = Asks {
            scan: read.truth(SCAN),
            ignore_unfixed: ours.or_else(|| read.truth(STATNETT_IGNORE_UNFIXED)),
            min_severity: read.severity(),
            team: read.team(),
        };
        (asks, errors)
    }

    /// These, and where they say nothing, those of `outer`.
    pub fn or(&self, outer: &Asks) -> Asks {
        Asks {
            scan: self.scan.or(outer.scan),
            ignore_unfixed: self.ignore_unfixed.or(outer.ignore_unfixed),
            min_severity: self.min_severity.or(outer.min_severity),
            team: self.team.clone().or_else(|| outer.team.clone()),
        }
    }

    /// Whether it is to be left out.
    pub fn opts_out(&self) -> bool {
        self.scan == Some(false)
    }

    /// As the core is told.
    pub fn settings(&self) -> WorkloadSettings {
        WorkloadSettings {
            ignore_unfixed: self.ignore_unfixed.unwrap_or(false),
            min_severity: self.min_severity,
            team: self.team.as_deref().map(str::to_owned),
        }
    }
}

struct Reader<'a> {
    annotations: &'a BTreeMap<String, String>,
    errors: &'a mut Vec<AskError>,
}

impl Reader<'_> {
    fn read<T>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.annotations.get(name)?;
        let parsed = parse(value);
        if parsed.is_none() {
            self.errors.push(AskError { name, value: value.chars().take(64).collect(), expected });
        }
        parsed
    }

    fn truth(&mut self, name: &'static str) -> Option<bool> {
        self.read(name, "\"true\" or \"false\"", |text| text.parse().ok())
    }

    fn severity(&mut self) -> Option<Severity> {
        self.read(MIN_SEVERITY, "a severity, as \"high\"", |text| text.to_ascii_lowercase().parse().ok())
    }

    fn team(&mut self) -> Option<Box<str>> {
        self.read(TEAM, "a name of at most 128 characters", |text| {
            let well_formed =
                !text.is_empty() && text.len() <= MAX_TEAM && !text.chars().any(char::is_control);
            well_formed.then(|| text.into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(annotations: &[(&str, &str)]) -> (Asks, usize) {
        let annotations =
            annotations.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let (asks, errors) = Asks::parse(Some(&annotations));
        (asks, errors.len())
    }

    #[test]
    fn annotation_says_what_it_says_or_is_complained_about() {
        let unfixed = |truth| Asks { ignore_unfixed: Some(truth), ..Asks::default() };
        let high = Asks { min_severity: Some(Severity::High), ..Asks::default() };
        for (annotations, expected, errors) in [
            (&[][..], Asks::default(), 0),
            (&[(SCAN, "false")], Asks { scan: Some(false), ..Asks::default() }, 0),
            (&[(SCAN, "no")], Asks::default(), 1),
            (&[(IGNORE_UNFIXED, "true")], unfixed(true), 0),
            (&[(STATNETT_IGNORE_UNFIXED, "true")], unfixed(true), 0),
            (&[(STATNETT_IGNORE_UNFIXED, "true"), (IGNORE_UNFIXED, "false")], unfixed(false), 0),
            (&[(MIN_SEVERITY, "HIGH")], high, 0),
            (&[(MIN_SEVERITY, "dire")], Asks::default(), 1),
            (&[(TEAM, "a\u{1b}[2J")], Asks::default(), 1),
            (&[(TEAM, "shop")], Asks { team: Some("shop".into()), ..Asks::default() }, 0),
        ] {
            assert_eq!(asks(annotations), (expected, errors), "{annotations:?}");
        }
    }

    #[test]
    fn inner_place_wins_over_the_outer_one() {
        let (pod, _) = asks(&[(SCAN, "true"), (TEAM, "a")]);
        let (namespace, _) = asks(&[(SCAN, "false"), (TEAM, "b"), (IGNORE_UNFIXED, "true")]);
        let both = pod.or(&namespace);
        assert!(!both.opts_out() && namespace.opts_out());
        assert_eq!((both.team.as_deref(), both.ignore_unfixed), (Some("a"), Some(true)));
    }
}
