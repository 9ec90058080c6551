//! The assignments of an os-release file, with the shell's quoting undone.

use std::collections::HashMap;

/// Longer values are no names or versions.
const LONGEST_VALUE: usize = 256;

/// Names and values; of a name assigned twice the last, as in the shell.
pub(super) struct Assignments<'a>(HashMap<&'a str, String>);

/// The names that are read; what is wrong with others does not matter here.
const READ: [&str; 8] = [
    "DEBIAN_CODENAME",
    "ID",
    "NAME",
    "PRETTY_NAME",
    "UBUNTU_CODENAME",
    "VERSION",
    "VERSION_CODENAME",
    "VERSION_ID",
];

impl<'a> Assignments<'a> {
    /// What `text` assigns, and the name of an assignment that is malformed.
    pub fn parse(text: &'a str) -> (Self, Option<&'static str>) {
        let mut values = HashMap::new();
        let mut refused = None;
        for line in text.lines() {
            let Some((name, value)) = line.trim().split_once('=') else { continue };
            let Some(known) = READ.iter().find(|known| **known == name) else { continue };
            match unquoted(value).filter(|value| is_plain(value)) {
                Some(value) => drop(values.insert(name, value)),
                None => refused = Some(*known),
            }
        }
        (Assignments(values), refused)
    }

    /// The value of a name, unless it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `ID`, which defaults to `linux`.
    pub fn id(&self) -> &str {
        self.get("ID").unwrap_or("linux")
    }
}

fn is_plain(value: &str) -> bool {
    value.len() <= LONGEST_VALUE && !value.contains(char::is_control)
}

/// The value that a shell would assign; nothing where it would do more than assign.
fn unquoted(value: &str) -> Option<String> {
    if let Some(inner) = value.strip_prefix('\'') {
        return inner.strip_suffix('\'').filter(|inner| !inner.contains('\'')).map(str::to_owned);
    }
    match value.strip_prefix('"') {
        Some(inner) => unescaped(inner, Some('"')),
        None => unescaped(value, None),
    }
}

fn unescaped(text: &str, closing: Option<char>) -> Option<String> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next() {
            None => return closing.is_none().then_some(value),
            Some('\\') => match chars.next()? {
                escaped @ ('"' | '\'' | '\\' | '$' | '`') => value.push(escaped),
                other if closing.is_none() => value.push(other),
                other => value.extend(['\\', other]),
            },
            Some(c) if Some(c) == closing => return chars.as_str().is_empty().then_some(value),
            Some('"' | '\'') if closing.is_none() => return None,
            Some(c) => value.push(c),
        }
    }
}
