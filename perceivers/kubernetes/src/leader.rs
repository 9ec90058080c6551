//! Leader election: of several perceivers of one cluster, one is active. A Lease object says which.

mod election;
mod lease;

pub use election::{Election, Seen, Step};
pub use lease::{Candidate, LeaseError};
