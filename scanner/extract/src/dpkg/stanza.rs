//! One stanza of a deb822 file: the few fields that say which package it is.

use crate::lines::Line;

/// The fields of a stanza, as far as they were read.
#[derive(Default)]
pub(super) struct Stanza {
    lines: usize,
    package: Option<String>,
    version: Option<String>,
    architecture: Option<String>,
    source: Option<String>,
    status: Option<String>,
    fault: Option<&'static str>,
}

/// Whether a stanza's package is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Its files are, at least some.
    Installed,
    /// At most its configuration is.
    Removed,
}

impl Stanza {
    /// Take one line, which is not empty.
    pub fn read(&mut self, line: Line<'_>) {
        self.lines = self.lines.saturating_add(1);
        if matches!(line.text.first(), Some(b' ' | b'\t')) {
            return;
        }
        let Some(colon) = memchr::memchr(b':', line.text) else {
            self.fault = Some("a line that is no field");
            return;
        };
        let (name, value) = line.text.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        let Some(field) = self.field(name) else { return };
        if field.is_some() {
            self.fault = Some("a field twice");
        } else if line.cut {
            self.fault = Some("a field too long");
        } else {
            match std::str::from_utf8(value) {
                Ok(value) => *field = (!value.is_empty()).then(|| value.to_owned()),
                Err(_) => self.fault = Some("a field that is not UTF-8"),
            }
        }
    }

    fn field(&mut self, name: &[u8]) -> Option<&mut Option<String>> {
        match name {
            _ if name.eq_ignore_ascii_case(b"Package") => Some(&mut self.package),
            _ if name.eq_ignore_ascii_case(b"Version") => Some(&mut self.version),
            _ if name.eq_ignore_ascii_case(b"Architecture") => Some(&mut self.architecture),
            _ if name.eq_ignore_ascii_case(b"Source") => Some(&mut self.source),
            _ if name.eq_ignore_ascii_case(b"Status") => Some(&mut self.status),
            _ => None,
        }
    }

    /// Whether no line was read.
    pub const fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// What is wrong with its text.
    pub const fn fault(&self) -> Option<&'static str> {
        self.fault
    }

    /// The package's name, or words for its absence.
    pub fn title(&self) -> &str {
        self.package.as_deref().unwrap_or("an unnamed package")
    }

    /// `Package`.
    pub fn package(&self) -> Option<&str> {
        self.package.as_deref()
    }

    /// `Version`.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// `Architecture`.
    pub fn architecture(&self) -> Option<&str> {
        self.architecture.as_deref()
    }

    /// Name and version of the source package, where `Source: name (version)` states them.
    pub fn source(&self) -> (Option<&str>, Option<&str>) {
        let Some(source) = self.source.as_deref() else { return (None, None) };
        match source.split_once('(') {
            None => (Some(source), None),
            Some((name, rest)) => {
                let version = rest.strip_suffix(')').unwrap_or(rest).trim();
                (Some(name.trim_end()), (!version.is_empty()).then_some(version))
            }
        }
    }

    /// `Status: wanted flag state`; distroless images state none and hold the package.
    pub fn presence(&self) -> Presence {
        match self.status.as_deref().and_then(|status| status.split_ascii_whitespace().next_back()) {
            Some("not-installed" | "config-files") => Presence::Removed,
            _ => Presence::Installed,
        }
    }
}
