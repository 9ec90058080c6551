//! What is heard of one kind of object, and whether that is all there is.

/// What is heard of one kind of object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard<K> {
    /// A list begins: what it does not name is gone once it is complete.
    Begins,
    /// It names this.
    Listed(K),
    /// The list is complete.
    Complete,
    /// This is there, as described.
    Applied(K),
    /// This is gone.
    Gone(K),
    /// Nothing is heard any more.
    Lost {
        /// Because it is not allowed: it will not come back by itself.
        forbidden: bool,
    },
    /// Everything is heard again.
    Back,
}

/// Whether a kind of object is known in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Listing {
    /// Its first list is not complete yet.
    #[default]
    Awaited,
    /// It was listed in full.
    Complete,
    /// Not served, or not allowed: done without.
    Closed,
}

impl Listing {
    /// A list is complete.
    pub const fn complete(&mut self) {
        *self = Listing::Complete;
    }

    /// It cannot be seen. What was complete once is not forgotten because of that.
    pub const fn close(&mut self) {
        if matches!(self, Listing::Awaited) {
            *self = Listing::Closed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_that_was_complete_once_is_not_forgotten_when_it_is_closed() {
        for (before, after) in [
            (Listing::Awaited, Listing::Closed),
            (Listing::Closed, Listing::Closed),
            (Listing::Complete, Listing::Complete),
        ] {
            let mut listing = before;
            listing.close();
            assert_eq!(listing, after);
            listing.complete();
            assert_eq!(listing, Listing::Complete, "and may be seen again");
        }
    }
}
