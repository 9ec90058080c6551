//! Shared values: what many pods have in common is kept once.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// Values that are kept once, however many pods hold them.
#[derive(Debug)]
pub struct Interner<T: ?Sized>(HashSet<Arc<T>>);

impl<T: ?Sized> Default for Interner<T> {
    fn default() -> Self {
        Interner(HashSet::new())
    }
}

impl<T: ?Sized + Eq + Hash> Interner<T> {
    /// The one that equals `value`.
    pub fn share<V>(&mut self, value: V) -> Arc<T>
    where
        V: Borrow<T> + Into<Arc<T>>,
    {
        if let Some(known) = self.0.get(value.borrow()) {
            return Arc::clone(known);
        }
        let fresh: Arc<T> = value.into();
        self.0.insert(Arc::clone(&fresh));
        fresh
    }

    /// Let go of what nobody else holds.
    pub fn sweep(&mut self) {
        self.0.retain(|value| Arc::strong_count(value) > 1);
        self.0.shrink_to_fit();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_and_go_with_their_last_holder() {
        let mut texts: Interner<str> = Interner::default();
        let (a, b) = (texts.share("nginx"), texts.share("nginx"));
        assert!(Arc::ptr_eq(&a, &b));
        texts.share("gone");
        texts.sweep();
        assert_eq!(texts.len(), 1);
        drop((a, b));
        texts.sweep();
        assert!(texts.is_empty());
    }
}
