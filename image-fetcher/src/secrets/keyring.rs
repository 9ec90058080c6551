//! Which credentials fit which image, by the rules of the kubelet: a pattern of host labels, the
//! exact port, a prefix of the path; the most specific pattern first.

use super::Credential;
use api_vocab::ImageRef;
use std::cmp::Reverse;
use std::str::FromStr;

/// Names that mean Docker Hub.
const HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
const MAX_PATTERN: usize = 512;

/// Credentials, each with the images it is for; the most specific first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keyring(Vec<(Pattern, Credential)>);

impl FromIterator<(Pattern, Credential)> for Keyring {
    fn from_iter<I: IntoIterator<Item = (Pattern, Credential)>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by_key(|(pattern, _)| Reverse(pattern.weight()));
        Keyring(entries)
    }
}

impl Keyring {
    /// The credentials for `image`, the most specific first.
    pub fn find(&self, image: &ImageRef) -> Vec<Credential> {
        let fitting = self.0.iter().filter(|(pattern, _)| pattern.fits(image));
        fitting.map(|(_, credential)| credential.clone()).collect()
    }
}

/// Which images a credential is for: `*.example.com:5000/team`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    labels: Vec<String>,
    port: Option<u16>,
    path: String,
}

/// A text that is no such pattern. It is not shown: a password may have slipped into it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a registry's host with an optional port and path")]
pub struct PatternError;

impl Pattern {
    fn weight(&self) -> (usize, usize) {
        let exact = self.labels.iter().filter(|label| !label.contains(['*', '?'])).count();
        (exact, self.path.len())
    }

    fn fits(&self, image: &ImageRef) -> bool {
        let (host, port) = split_port(image.registry());
        let is_hub = |host: &str| HUB.contains(&host);
        let same_host =
            is_hub(host) && self.port.is_none() && is_hub(&self.labels.join(".")) || self.fits_host(host);
        same_host && self.port == port && image.repository().starts_with(&self.path)
    }

    fn fits_host(&self, host: &str) -> bool {
        let labels: Vec<&str> = host.split('.').collect();
        labels.len() == self.labels.len()
            && self
                .labels
                .iter()
                .zip(labels)
                .all(|(pattern, label)| matches(pattern.as_bytes(), label.as_bytes()))
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
        let (authority, path) = bare.split_once('/').unwrap_or((bare, ""));
        // What `docker login` writes for the API's root.
        let path = path.strip_prefix("v1/").or_else(|| path.strip_prefix("v2/")).unwrap_or(path);
        let path = if path == "v1" || path == "v2" { "" } else { path };
        let authority = authority.to_ascii_lowercase();
        let (host, port) = split_port(&authority);
        let is_host = |b: u8| b.is_ascii_alphanumeric() || b"._-*?[]:".contains(&b);
        let is_plain = text.len() <= MAX_PATTERN && !path.chars().any(char::is_control);
        if host.is_empty() || !host.bytes().all(is_host) || !is_plain {
            return Err(PatternError);
        }
        Ok(Pattern { labels: host.split('.').map(str::to_owned).collect(), port, path: path.to_owned() })
    }
}

fn split_port(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether `label` fits `pattern`, where `*` stands for any text and `?` for any character.
/// The last `*` alone is ever reconsidered, so the time is at most the product of the lengths.
fn matches(pattern: &[u8], label: &[u8]) -> bool {
    let (mut p, mut l) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = label.get(l) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, l));
                p += 1;
            }
            Some(wanted) if wanted == byte || *wanted == b'?' => {
                p += 1;
                l += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    l = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_vocab::Secret;

    #[test]
    fn pattern_fits_by_labels_port_and_path() {
        for (pattern, image, fits) in [
            ("a.example", "a.example/x", true),
            ("A.Example", "a.example/x", true),
            ("https://a.example", "a.example/x", true),
            ("https://a.example/v2/", "a.example/x", true),
            ("a.example/v1", "a.example/x", true),
            ("a.example", "b.example/x", false),
            ("a.example", "a.example:5000/x", false),
            ("a.example:5000", "a.example:5000/x", true),
            ("a.example:5000", "a.example/x", false),
            ("*.example", "a.example/x", true),
            ("*.example", "b.a.example/x", false),
            ("*.*.example", "b.a.example/x", true),
            ("pre*.example", "prefix.example/x", true),
            ("a?.example", "ab.example/x", true),
            ("*", "a.example/x", false),
            ("*", "localhost/x", true),
            ("a.example/team", "a.example/team/x", true),
            ("a.example/team", "a.example/other/x", false),
            ("a.example/team/x", "a.example/team/x", true),
            ("docker.io", "nginx", true),
            ("https://index.docker.io/v1/", "nginx", true),
            ("registry-1.docker.io", "a/b", true),
            ("docker.io/library", "nginx", true),
            ("docker.io/library", "a/b", false),
            ("hub.docker.io", "nginx", false),
            ("localhost:5000", "localhost:5000/x", true),
            ("[::1]:5000", "[::1]:5000/x", true),
            ("example.evil", "example/x", false),
        ] {
            let parsed: Pattern = pattern.parse().unwrap();
            assert_eq!(parsed.fits(&image.parse().unwrap()), fits, "{pattern} {image}");
        }
    }

    #[test]
    fn pattern_malformed_is_refused() {
        for text in ["", "https://", "/x", "a b", "u:p@a.example", "a.example\n", &"a".repeat(600)] {
            assert_eq!(text.parse::<Pattern>(), Err(PatternError), "{text}");
        }
    }

    #[test]
    fn credentials_that_fit_come_most_specific_first() {
        let entry =
            |pattern: &str| (pattern.parse::<Pattern>().unwrap(), Credential::Token(Secret::new(pattern)));
        let keyring: Keyring =
            ["*.example", "a.example", "a.example/team", "b.example"].into_iter().map(entry).collect();
        let found = keyring.find(&"a.example/team/x".parse().unwrap());
        let expected: Vec<Credential> =
            ["a.example/team", "a.example", "*.example"].map(|pattern| entry(pattern).1).into();
        assert_eq!(found, expected);
    }

    #[test]
    fn label_matched_by_many_stars_ends() {
        assert!(!matches("*a".repeat(250).as_bytes(), "a".repeat(200).as_bytes()));
        assert!(matches(b"**a*", b"bab"));
    }
}
