//! HTTP: the error envelope, the edge that every request passes, and the server around it.

mod edge;
mod error;
mod flight;
mod limit;
mod query;
mod server;

pub use edge::{Edge, RequestId, Unhurried, edge};
pub use error::HttpError;
pub use limit::RateLimit;
pub use query::Query;
pub use server::{HttpSettings, Listener, Served, bind, extractors, serve};

#[cfg(test)]
mod tests;
