//! Maven versions, as `ComparableVersion` of Maven 3.9 orders them.
//!
//! A version is a list of numbers, words and lists; a hyphen, and each change between digits and
//! letters, opens a list within the list.

use crate::digits::{compare_numbers, is_zero};
use std::cmp::Ordering;

#[derive(Debug, Clone)]
pub(crate) struct MavenVersion(Vec<Item>);

#[derive(Debug, Clone)]
enum Item {
    Number(Box<[u8]>),
    Word(Word),
    List(Vec<Item>),
}

/// What a word means, in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Alpha,
    Beta,
    Milestone,
    ReleaseCandidate,
    Snapshot,
    Release,
    ServicePack,
    Other(Box<str>),
}

impl MavenVersion {
    /// Every text with a digit or letter in it is a version to Maven.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        // The depth of lists is that of the text: bounded, as the items are dropped recursively.
        let well_formed = text.len() <= 256 && text.bytes().any(|b| b.is_ascii_alphanumeric());
        well_formed.then(|| MavenVersion(Parser::parse(&text.to_lowercase())))
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        compare_lists(&self.0, &other.0)
    }
}

/// The lists that are open, the outermost first.
struct Parser {
    open: Vec<Vec<Item>>,
    token: String,
    in_digits: bool,
}

impl Parser {
    fn parse(text: &str) -> Vec<Item> {
        let mut parser = Parser { open: vec![Vec::new()], token: String::new(), in_digits: false };
        text.chars().for_each(|c| parser.read(c));
        parser.finish()
    }

    fn read(&mut self, c: char) {
        match c {
            '.' => self.end_token(false),
            '-' => {
                self.end_token(false);
                self.open.push(Vec::new());
            }
            _ => {
                let is_digit = c.is_ascii_digit();
                if self.in_digits != is_digit && !self.token.is_empty() {
                    if is_digit {
                        self.open_unless_empty();
                    }
                    self.end_token(is_digit);
                    self.open.push(Vec::new());
                }
                self.in_digits = is_digit;
                self.token.push(c);
            }
        }
    }

    /// An empty token is a zero.
    fn end_token(&mut self, digit_follows: bool) {
        let token = std::mem::take(&mut self.token);
        let item = if token.is_empty() || self.in_digits {
            Item::Number(token.into_bytes().into())
        } else {
            Item::Word(Word::of(&token, digit_follows))
        };
        if let Some(list) = self.open.last_mut() {
            list.push(item);
        }
    }

    /// A word after a dot, last or with a number, is read as if it were after a hyphen.
    fn open_unless_empty(&mut self) {
        if self.open.last().is_some_and(|list| !list.is_empty()) {
            self.open.push(Vec::new());
        }
    }

    fn finish(mut self) -> Vec<Item> {
        if !self.token.is_empty() {
            if !self.in_digits {
                self.open_unless_empty();
            }
            self.end_token(false);
        }
        let mut inner: Option<Vec<Item>> = None;
        while let Some(mut list) = self.open.pop() {
            list.extend(inner.take().map(Item::List));
            inner = Some(normalized(list));
        }
        inner.unwrap_or_default()
    }
}

/// Without what says nothing (zeros, "release", empty lists) at the end, lists left aside.
fn normalized(mut list: Vec<Item>) -> Vec<Item> {
    for at in (0..list.len()).rev() {
        match list.get(at) {
            Some(item) if item.is_null() => drop(list.remove(at)),
            Some(Item::List(_)) => {}
            _ => break,
        }
    }
    list
}

impl Item {
    fn is_null(&self) -> bool {
        match self {
            Item::Number(digits) => is_zero(digits),
            Item::Word(word) => *word == Word::Release,
            Item::List(list) => list.is_empty(),
        }
    }

    fn compare_to_nothing(&self) -> Ordering {
        match self {
            Item::Number(digits) if is_zero(digits) => Ordering::Equal,
            Item::Number(_) => Ordering::Greater,
            Item::Word(word) => word.cmp(&Word::Release),
            Item::List(list) => list
                .iter()
                .map(Item::compare_to_nothing)
                .find(|order| *order != Ordering::Equal)
                .unwrap_or(Ordering::Equal),
        }
    }

    /// Words before lists before numbers.
    fn rank(&self) -> u8 {
        match self {
            Item::Word(_) => 0,
            Item::List(_) => 1,
            Item::Number(_) => 2,
        }
    }

    fn compare(&self, other: &Item) -> Ordering {
        match (self, other) {
            (Item::Number(a), Item::Number(b)) => compare_numbers(a, b),
            (Item::Word(a), Item::Word(b)) => a.cmp(b),
            (Item::List(a), Item::List(b)) => compare_lists(a, b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

fn compare_lists(a: &[Item], b: &[Item]) -> Ordering {
    (0..a.len().max(b.len()))
        .map(|at| match (a.get(at), b.get(at)) {
            (Some(a), Some(b)) => a.compare(b),
            (Some(a), None) => a.compare_to_nothing(),
            (None, Some(b)) => b.compare_to_nothing().reverse(),
            (None, None) => Ordering::Equal,
        })
        .find(|order| *order != Ordering::Equal)
        .unwrap_or(Ordering::Equal)
}

impl Word {
    fn of(text: &str, digit_follows: bool) -> Word {
        match text {
            "a" if digit_follows => Word::Alpha,
            "b" if digit_follows => Word::Beta,
            "m" if digit_follows => Word::Milestone,
            "alpha" => Word::Alpha,
            "beta" => Word::Beta,
            "milestone" => Word::Milestone,
            "rc" | "cr" => Word::ReleaseCandidate,
            "snapshot" => Word::Snapshot,
            "" | "ga" | "final" | "release" => Word::Release,
            "sp" => Word::ServicePack,
            other => Word::Other(other.into()),
        }
    }
}
