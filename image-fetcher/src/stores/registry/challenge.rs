//! What a registry asks for before it answers: the `WWW-Authenticate` header (RFC 9110, 11.6.1).

/// The longest header that is read.
const MAX_HEADER: usize = 8 << 10;

/// One way to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A name and a password with each request.
    Basic,
    /// A token, which `realm` gives.
    Bearer {
        /// The address of the token server.
        realm: String,
        /// What the token is for.
        service: Option<String>,
    },
}

/// The challenges of a header that are understood; others are passed over. What a registry wants
/// as scope is not read: more than pulling is never asked for.
pub(super) fn parse_challenges(header: &str) -> Vec<Challenge> {
    if header.len() > MAX_HEADER {
        return Vec::new();
    }
    let mut rest = header;
    let mut found = Vec::new();
    while let Some((scheme, after)) = scheme(rest) {
        let (fields, after) = fields(after);
        found.extend(challenge_of(scheme, fields));
        rest = after;
    }
    found
}

fn challenge_of(scheme: &str, fields: Vec<(String, String)>) -> Option<Challenge> {
    let field = |name: &str| {
        let found = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    is_bearer.then(|| Some(Challenge::Bearer { realm: field("realm")?, service: field("service") }))?
}

/// A scheme's name and what follows it.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches([' ', '\t', ',']);
    let (name, rest) = token(text)?;
    Some((name, rest))
}

/// `name=value` pairs, until something else comes: the next scheme, or the end.
fn fields(text: &str) -> (Vec<(String, String)>, &str) {
    let mut rest = text;
    let mut found = Vec::new();
    loop {
        let trimmed = rest.trim_start_matches([' ', '\t', ',']);
        let parsed = token(trimmed).and_then(|(name, after)| {
            let after = after.trim_start().strip_prefix('=')?.trim_start();
            let (value, after) = value(after)?;
            Some((name.to_owned(), value, after))
        });
        match parsed {
            Some((name, value, after)) => {
                found.push((name, value));
                rest = after;
            }
            None => return (found, trimmed),
        }
    }
}

fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !is_token(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at_checked(end))?
}

fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = token(text)?;
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) }
    }

    #[test]
    fn challenges_as_registries_write_them_are_read() {
        for (header, expected) in [
            (r#"Basic realm="Registry""#, vec![Challenge::Basic]),
            ("basic", vec![Challenge::Basic]),
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#,
                vec![bearer("https://auth.docker.io/token", Some("registry.docker.io"))],
            ),
            (r#"bearer service=x , realm = "https://a/\"t" "#, vec![bearer(r#"https://a/"t"#, Some("x"))]),
            (
                r#"Negotiate, Bearer realm="https://a/t", Basic realm="r""#,
                vec![bearer("https://a/t", None), Challenge::Basic],
            ),
            (r#"Bearer service="no realm""#, vec![]),
            (r#"Bearer realm="unended"#, vec![]),
            ("", vec![]),
            (",,, \u{e9}", vec![]),
            ("=", vec![]),
        ] {
            assert_eq!(parse_challenges(header), expected, "{header}");
        }
        assert_eq!(parse_challenges(&"Basic ".repeat(10_000)), vec![]);
    }

    proptest::proptest! {
        #[test]
        fn header_of_any_kind_is_read_to_its_end(header in "[ -~]{0,200}") {
            parse_challenges(&header);
        }
    }
}
