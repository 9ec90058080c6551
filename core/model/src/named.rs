//! Keys of pods, many in little memory: a full state names every pod of a source.

use api_vocab::PodKey;

/// Keys in the order in which they were added, as one text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    text: String,
    count: usize,
}

/// Ends each key: none holds a control character.
const END: char = '\n';

impl Named {
    /// Add a key.
    pub fn push(&mut self, key: &PodKey) {
        self.text.push_str(key.as_str());
        self.text.push(END);
        self.count += 1;
    }

    /// How many keys were added.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether none was.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Their texts.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.text.split_terminator(END)
    }
}

impl<'a> FromIterator<&'a PodKey> for Named {
    fn from_iter<I: IntoIterator<Item = &'a PodKey>>(keys: I) -> Self {
        let mut named = Named::default();
        keys.into_iter().for_each(|key| named.push(key));
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_named_are_given_back() {
        let keys: Vec<PodKey> = ["a/b", "/x", "a/ b", "ü/é"].map(|key| key.parse().unwrap()).into();
        let named: Named = keys.iter().collect();
        assert_eq!(named.iter().collect::<Vec<_>>(), ["a/b", "/x", "a/ b", "ü/é"]);
        assert_eq!((named.len(), named.is_empty()), (4, false));
        assert_eq!((Named::default().iter().count(), Named::default().is_empty()), (0, true));
        assert!("a/b\n".parse::<PodKey>().is_err(), "a key that held the end would be two");
    }
}
