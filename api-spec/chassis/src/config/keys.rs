//! The keys that settings have, taken from their defaults, and which of them is nearest to a typo.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Every key of some settings, as `http.listen`.
pub(super) struct Keys(BTreeMap<String, Kind>);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Single,
    List,
    /// A section that is absent, or a table with keys of the operator's own.
    Free,
}

impl Keys {
    pub(super) fn of<T: Serialize>(defaults: &T) -> Self {
        let mut keys = BTreeMap::new();
        if let Ok(Value::Object(fields)) = serde_json::to_value(defaults) {
            walk(&fields, "", &mut keys);
        }
        Keys(keys)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether `key` is one, or lies in a free section; serde checks what is inside those.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.0.contains_key(key) || prefixes(key).any(|prefix| self.0.get(prefix) == Some(&Kind::Free))
    }

    pub(super) fn is_list(&self, key: &str) -> bool {
        self.0.get(key) == Some(&Kind::List)
    }
}

fn walk(fields: &serde_json::Map<String, Value>, path: &str, keys: &mut BTreeMap<String, Kind>) {
    for (name, value) in fields {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Object(inner) if !inner.is_empty() => walk(inner, &key, keys),
            Value::Object(_) | Value::Null => {
                keys.insert(key, Kind::Free);
            }
            Value::Array(_) => {
                keys.insert(key, Kind::List);
            }
            _ => {
                keys.insert(key, Kind::Single);
            }
        }
    }
}

fn prefixes(key: &str) -> impl Iterator<Item = &str> {
    key.match_indices('.').filter_map(|(at, _)| key.get(..at))
}

/// The key that `typo` most likely means: at most a third of it differs.
pub(super) fn nearest<'a>(typo: &str, keys: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let within = typo.chars().count().div_ceil(3);
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    keys.map(|key| (distance(typo, key).min(1 + distance(&last(typo), &last(key))), key))
        .min()
        .filter(|(distance, _)| *distance <= within)
        .map(|(_, key)| key)
}

/// How many characters must be put in, taken out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((cb, above), before) in b.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or_default();
            next.push((above + 1).min(left + 1).min(before + usize::from(ca != *cb)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Whether Kubernetes put this variable here: a service called `perceptor-core` gives every pod
/// of its namespace `PERCEPTOR_CORE_SERVICE_HOST`, `PERCEPTOR_CORE_PORT_3001_TCP_ADDR`, ….
pub(super) fn is_service_link(key: &str) -> bool {
    let port = |rest: &str| {
        let mut words = rest.split('_');
        words.next().is_some_and(|n| n.parse::<u16>().is_ok())
            && matches!(words.next(), Some("tcp" | "udp" | "sctp"))
            && matches!(words.next(), None | Some("proto" | "port" | "addr"))
            && words.next().is_none()
    };
    key == "port"
        || key == "service_host"
        || key == "service_port"
        || key.starts_with("service_port_")
        || key.strip_prefix("port_").is_some_and(port)
}
