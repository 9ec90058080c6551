//! Which series and labels a PromQL expression names: enough of the language to hold dashboards and
//! rules to what is exposed, and no more. What it does not understand is an error.

use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::str::Chars;

const FUNCTIONS: [&str; 11] = [
    "absent",
    "avg",
    "count",
    "histogram_quantile",
    "increase",
    "max",
    "min",
    "rate",
    "sum",
    "topk",
    "vector",
];
const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
const OPERATORS: [&str; 5] = ["and", "or", "unless", "bool", "offset"];
const BETWEEN: [char; 13] = ['(', ')', ',', '+', '-', '*', '/', '>', '<', '=', '!', ' ', '\n'];

/// What an expression names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Series, and the labels that they are selected by.
    pub series: BTreeMap<String, BTreeSet<String>>,
    /// Labels that results are grouped or joined by.
    pub labels: BTreeSet<String>,
}

impl Named {
    /// Read an expression; variables of Grafana stand in texts and ranges only.
    ///
    /// # Errors
    /// It is not of the part of the language that is understood.
    pub fn parse(expression: &str) -> Result<Self> {
        let mut named = Named::default();
        let mut rest = expression.chars().peekable();
        named.read(&mut rest).with_context(|| format!("in {expression}"))?;
        ensure!(!named.series.is_empty(), "{expression} names no series");
        Ok(named)
    }

    fn read(&mut self, rest: &mut Peekable<Chars<'_>>) -> Result<()> {
        while let Some(next) = rest.peek().copied() {
            match next {
                'a'..='z' | 'A'..='Z' | '_' | ':' => self.read_word(rest)?,
                '0'..='9' => {
                    take(rest, |c| c.is_ascii_alphanumeric() || c == '.');
                }
                '[' => {
                    skip_past(rest, ']')?;
                }
                _ if BETWEEN.contains(&next) => {
                    rest.next();
                }
                other => bail!("{other:?} is not understood"),
            }
        }
        Ok(())
    }

    fn read_word(&mut self, rest: &mut Peekable<Chars<'_>>) -> Result<()> {
        let word = name(rest);
        blanks(rest);
        let called = rest.peek() == Some(&'(');
        if called && BEFORE_LABELS.contains(&word.as_str()) {
            self.labels.extend(
                skip_past(rest, ')')?.trim_start_matches('(').split(',').map(|l| l.trim().to_owned()),
            );
        } else if BEFORE_LABELS.contains(&word.as_str()) || OPERATORS.contains(&word.as_str()) {
            ensure!(OPERATORS.contains(&word.as_str()), "{word} without labels");
        } else if called || FUNCTIONS.contains(&word.as_str()) {
            // `sum by (a) (b)` is a call whose labels come first.
            ensure!(FUNCTIONS.contains(&word.as_str()), "{word} is no function that is known here");
        } else {
            let labels = self.series.entry(word).or_default();
            if rest.peek() == Some(&'{') {
                labels.extend(matchers(rest)?);
            }
        }
        Ok(())
    }
}

/// The labels of `{a="x",b=~"y"}`.
fn matchers(rest: &mut Peekable<Chars<'_>>) -> Result<Vec<String>> {
    rest.next();
    let mut labels = Vec::new();
    loop {
        take(rest, |c| matches!(c, ' ' | ',' | '\n'));
        if rest.next_if_eq(&'}').is_some() {
            return Ok(labels);
        }
        let label = name(rest);
        ensure!(!label.is_empty(), "a label's name is missing");
        let operator = take(rest, |c| matches!(c, '=' | '!' | '~'));
        ensure!(["=", "!=", "=~", "!~"].contains(&operator.as_str()), "{label}: no operator {operator:?}");
        ensure!(rest.next() == Some('"'), "{label}: no text");
        let text = skip_past(rest, '"')?;
        ensure!(!text.contains('\\'), "{label}: escapes are not understood");
        labels.push(label);
    }
}

fn name(rest: &mut Peekable<Chars<'_>>) -> String {
    take(rest, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
}

fn blanks(rest: &mut Peekable<Chars<'_>>) {
    take(rest, |c| matches!(c, ' ' | '\n'));
}

fn take(rest: &mut Peekable<Chars<'_>>, wanted: impl Fn(char) -> bool) -> String {
    std::iter::from_fn(|| rest.next_if(|c| wanted(*c))).collect()
}

/// What comes before `end`, which is read as well.
fn skip_past(rest: &mut Peekable<Chars<'_>>, end: char) -> Result<String> {
    let text = take(rest, |c| c != end);
    ensure!(rest.next().is_some(), "{end:?} is missing");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expression_names_its_series_and_labels() -> Result<()> {
        let named = Named::parse(
            "histogram_quantile(0.99, sum by (le, route) (rate(a_bucket{route!~\"x|y\", b=\"1\"}[5m]))) > 3 * 86400 \
             unless sum(c offset 5m) / on (d) group_left (e) f{} >= bool 1",
        )?;
        let series: Vec<(&str, Vec<&str>)> = named
            .series
            .iter()
            .map(|(name, labels)| (name.as_str(), labels.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(series, [("a_bucket", vec!["b", "route"]), ("c", vec![]), ("f", vec![])]);
        assert_eq!(named.labels.iter().map(String::as_str).collect::<Vec<_>>(), ["d", "e", "le", "route"]);
        Ok(())
    }

    #[test]
    fn expression_that_is_not_understood_is_an_error() {
        for text in ["", "1 + 2", "{job=\"x\"}", "rat(a)", "a{b}", "a{b=\"x}", "sum by a", "a @ 1", "a[5m"] {
            assert!(Named::parse(text).is_err(), "{text}");
        }
    }
}
