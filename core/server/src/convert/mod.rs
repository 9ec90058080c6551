//! Conversions between the wire's shapes and the core's records: the only place where both meet.

pub mod context;
pub mod event;
pub mod finding;
pub mod image;
pub mod inventory;
pub mod lease;
pub mod observation;
pub mod package;
pub mod pod;
pub mod scanner;
