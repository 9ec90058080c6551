//! What is heard of one kind of object.

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
