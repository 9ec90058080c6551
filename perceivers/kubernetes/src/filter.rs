//! Which namespaces are looked at: patterns of names (`*` stands for any characters, `?` for one),
//! and a selector of labels.

use std::collections::BTreeMap;
use wildmatch::WildMatch;

/// A text that is not a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a label selector: {0:?}; expected as env=prod,tier!=cache,team in (a,b),!legacy")]
pub struct SelectorError(String);

/// A label selector, in the form that the platform's own command line takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    Exists(String),
    Absent(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
}

impl std::str::FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let refused = || SelectorError(text.chars().take(256).collect());
        let parts = split(text).ok_or_else(refused)?;
        let requirements = parts.into_iter().map(|part| requirement(part).ok_or_else(refused));
        requirements.collect::<Result<_, _>>().map(Selector)
    }
}

impl Selector {
    /// Whether everything fits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object with these labels fits.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::Exists(name) => labels.contains_key(name),
            Requirement::Absent(name) => !labels.contains_key(name),
            Requirement::In(name, values) => labels.get(name).is_some_and(|value| values.contains(value)),
            Requirement::NotIn(name, values) => labels.get(name).is_none_or(|value| !values.contains(value)),
        })
    }
}

/// At the commas outside parentheses.
fn split(text: &str) -> Option<Vec<&str>> {
    let (mut parts, mut inside, mut begin) = (Vec::new(), false, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' if !inside => inside = true,
            ')' if inside => inside = false,
            '(' | ')' => return None,
            ',' if !inside => {
                parts.push(text.get(begin..at)?.trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    let last = text.get(begin..)?.trim();
    if inside || (last.is_empty() && !parts.is_empty()) {
        return None;
    }
    if !last.is_empty() {
        parts.push(last);
    }
    Some(parts)
}

fn requirement(part: &str) -> Option<Requirement> {
    if let Some(name) = part.strip_prefix('!') {
        return Some(Requirement::Absent(label(name)?));
    }
    if let Some((name, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(label(name)?, vec![value.trim().to_owned()]));
    }
    if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::In(label(name)?, vec![value.trim().to_owned()]));
    }
    let Some((head, values)) = part.strip_suffix(')').and_then(|part| part.split_once('(')) else {
        return Some(Requirement::Exists(label(part)?));
    };
    let values: Vec<String> = values.split(',').map(|value| value.trim().to_owned()).collect();
    let mut words = head.split_whitespace();
    let name = label(words.next()?)?;
    let requirement = match words.next()? {
        "in" => Requirement::In(name, values),
        "notin" => Requirement::NotIn(name, values),
        _ => return None,
    };
    words.next().is_none().then_some(requirement)
}

fn label(name: &str) -> Option<String> {
    let name = name.trim();
    let well_formed =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
    well_formed.then(|| name.to_owned())
}

/// Which namespaces are looked at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    /// One of these must fit; none: all do.
    pub include: Vec<WildMatch>,
    /// None of these may fit.
    pub exclude: Vec<WildMatch>,
    /// Its labels must fit.
    pub selector: Selector,
}

impl Filter {
    /// Whether the namespace of this name is looked at; where its labels cannot be read, only if
    /// nothing is asked of them.
    pub fn wants(&self, namespace: &str, labels: Option<&BTreeMap<String, String>>) -> bool {
        let selected = self.selector.is_empty() || labels.is_some_and(|labels| self.selector.matches(labels));
        selected && self.wants_name(namespace)
    }

    /// Whether its name fits, whatever its labels.
    pub fn wants_name(&self, namespace: &str) -> bool {
        let included =
            self.include.is_empty() || self.include.iter().any(|pattern| pattern.matches(namespace));
        included && !self.exclude.iter().any(|pattern| pattern.matches(namespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_fits_as_a_shell_would_say() {
        for (pattern, name, fits) in [
            ("*", "", true),
            ("*", "shop", true),
            ("shop", "shop", true),
            ("shop", "shops", false),
            ("kube-*", "kube-system", true),
            ("kube-*", "my-kube-x", false),
            ("*-prod", "shop-prod", true),
            ("*-prod", "shop-prod-2", false),
            ("team-?-*", "team-a-x", true),
            ("team-?-*", "team-ab-x", false),
            ("*a*b*c", "xxaxxbxxbxxc", true),
            ("*a*b*c", "xxbxxaxxc", false),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(WildMatch::new(pattern).matches(name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn selector_fits_as_the_platform_says() {
        let labels: BTreeMap<String, String> =
            [("env", "prod"), ("tier", "web")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        for (text, fits) in [
            ("", true),
            ("env=prod", true),
            ("env==prod, tier=web", true),
            ("env!=prod", false),
            ("absent!=x", true),
            ("env", true),
            ("!env", false),
            ("!absent", true),
            ("env in (dev, prod)", true),
            ("env notin (dev,prod)", false),
            ("absent notin (a)", true),
            ("env in (dev),tier=web", false),
        ] {
            assert_eq!(text.parse::<Selector>().unwrap().matches(&labels), fits, "{text}");
        }
        for text in ["a b", "=x", "a in b", "a in (b", "a)", "a,", "a under (b)", "((a))"] {
            assert!(text.parse::<Selector>().is_err(), "{text}");
        }
    }

    #[test]
    fn namespace_whose_labels_cannot_be_read_fits_only_where_none_are_asked_for() {
        let mut filter = Filter { exclude: vec![WildMatch::new("kube-*")], ..Filter::default() };
        assert!(filter.wants("shop", None) && !filter.wants("kube-system", None));
        filter.selector = "env=prod".parse().unwrap();
        assert!(!filter.wants("shop", None));
        let labels = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
        assert!(filter.wants("shop", Some(&labels)) && !filter.wants("kube-x", Some(&labels)));
    }
}
