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
    /// A word with its number, as `rc1`.
    Numbered(Word, Box<[u8]>),
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
    is_numbered: bool,
}

impl Parser {
    fn parse(text: &str) -> Vec<Item> {
        let mut parser =
            Parser { open: vec![Vec::new()], token: String::new(), in_digits: false, is_numbered: false };
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            let digit_follows = characters.peek().is_some_and(char::is_ascii_digit);
            parser.read(c, digit_follows);
        }
        parser.finish()
    }

    fn read(&mut self, c: char, digit_follows: bool) {
        match c {
            '.' => self.end_token(),
            // x-1 is read as x1.
            '-' if !self.token.is_empty() && !self.in_digits && digit_follows => self.is_numbered = true,
            '-' => {
                self.end_token();
                self.open_list();
            }
            '0'..='9' => {
                if !self.in_digits && !self.token.is_empty() {
                    self.is_numbered = true;
                    self.open_list();
                }
                self.in_digits = true;
                self.token.push(c);
            }
            _ => {
                if self.in_digits && !self.token.is_empty() {
                    self.end_token();
                    self.open_list();
                }
                self.in_digits = false;
                self.token.push(c);
            }
        }
    }

    /// An empty token is a zero.
    fn end_token(&mut self) {
        let token = std::mem::take(&mut self.token);
        let item = match (token.is_empty(), self.is_numbered, self.in_digits) {
            (true, ..) => Item::Number(Box::default()),
            (_, true, _) => numbered(&token),
            (_, _, true) => Item::Number(token.into_bytes().into()),
            (_, _, false) => Item::Word(Word::of(&token, false)),
        };
        self.push(item);
        self.is_numbered = false;
    }

    fn push(&mut self, item: Item) {
        if let Some(list) = self.open.last_mut() {
            list.push(item);
        }
    }

    /// Unless the current one is still empty.
    fn open_list(&mut self) {
        if self.open.last().is_some_and(|list| !list.is_empty()) {
            self.open.push(Vec::new());
        }
    }

    fn finish(mut self) -> Vec<Item> {
        if !self.token.is_empty() {
            if !self.in_digits {
                self.open_list();
            }
            self.end_token();
        }
        let mut inner: Option<Vec<Item>> = None;
        while let Some(mut list) = self.open.pop() {
            list.extend(inner.take().map(Item::List));
            inner = Some(normalized(list));
        }
        inner.unwrap_or_default()
    }
}

fn numbered(token: &str) -> Item {
    let at = token.find(|c: char| c.is_ascii_digit()).unwrap_or(token.len());
    let (word, digits) = token.split_at(at);
    Item::Numbered(Word::of(word, true), digits.as_bytes().into())
}

/// Without the zeros that say nothing: at the end, and before a word.
fn normalized(mut list: Vec<Item>) -> Vec<Item> {
    for at in (0..list.len()).rev() {
        let says_nothing = match list.get(at + 1) {
            None | Some(Item::Word(_)) => true,
            Some(Item::List(inner)) => matches!(inner.first(), Some(Item::Word(_) | Item::Numbered(..))),
            Some(_) => false,
        };
        if says_nothing && list.get(at).is_some_and(Item::is_null) {
            list.remove(at);
        }
    }
    list
}

impl Item {
    fn is_null(&self) -> bool {
        match self {
            Item::Number(digits) => is_zero(digits),
            Item::Word(word) => *word == Word::Other(Box::default()),
            Item::Numbered(..) => false,
            Item::List(list) => list.is_empty(),
        }
    }

    fn compare_to_nothing(&self) -> Ordering {
        match self {
            Item::Number(digits) if is_zero(digits) => Ordering::Equal,
            Item::Number(_) => Ordering::Greater,
            Item::Word(word) | Item::Numbered(word, _) => word.cmp(&Word::Release),
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
            Item::Word(_) | Item::Numbered(..) => 0,
            Item::List(_) => 1,
            Item::Number(_) => 2,
        }
    }

    fn compare(&self, other: &Item) -> Ordering {
        match (self, other) {
            (Item::Number(a), Item::Number(b)) => compare_numbers(a, b),
            (Item::Word(a), Item::Word(b)) => a.cmp(b),
            (Item::Word(a), Item::Numbered(b, _)) => a.cmp(b).then(Ordering::Less),
            (Item::Numbered(a, _), Item::Word(b)) => a.cmp(b).then(Ordering::Greater),
            (Item::Numbered(a, x), Item::Numbered(b, y)) => a.cmp(b).then_with(|| compare_numbers(x, y)),
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
