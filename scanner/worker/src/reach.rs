//! Whether a scanner reaches registries, from what its fetcher says of itself.

use api_wire::fetcher::FetcherHealth;

/// The kind of store that a registry is.
const REGISTRY: &str = "registry";

/// What is to be said of registries. A fetcher without one reads the store of its node, where it
/// has one, and that of a whole source otherwise; one that says nothing changes nothing.
pub(crate) fn reach(health: &FetcherHealth, has_node: bool, said: Option<bool>) -> Option<bool> {
    if health.stores.is_empty() {
        return said;
    }
    let mut registries = health.stores.iter().filter(|store| store.kind == REGISTRY).peekable();
    if registries.peek().is_none() {
        return has_node.then_some(false);
    }
    Some(registries.any(|store| store.reachable))
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_wire::fetcher::StoreHealth;

    fn health(stores: &[(&str, bool)]) -> FetcherHealth {
        let store = |(kind, reachable): &(&str, bool)| StoreHealth {
            kind: (*kind).to_owned(),
            source: None,
            reachable: *reachable,
            reason: None,
        };
        FetcherHealth { stores: stores.iter().map(store).collect() }
    }

    #[test]
    fn reach_follows_the_stores() {
        let registry = ("registry", true);
        let away = ("registry", false);
        let engine = ("docker", true);
        for (stores, has_node, said, expected) in [
            (&[][..], true, Some(true), Some(true)),
            (&[], true, None, None),
            (&[engine], false, Some(true), None),
            (&[engine], true, None, Some(false)),
            (&[engine, registry], true, None, Some(true)),
            (&[registry], false, None, Some(true)),
            (&[away], false, Some(true), Some(false)),
            (&[away, registry], true, Some(false), Some(true)),
        ] {
            assert_eq!(reach(&health(stores), has_node, said), expected, "{stores:?} {has_node} {said:?}");
        }
    }
}
