//! Reading: filters over the view, as lists and questions need them. Nothing here waits.

pub mod findings;
pub mod fleet;
pub mod images;
pub mod packages;
pub mod pods;
pub mod standings;
pub mod telling;
