//! Archives of images: what lies in them, one pass from start to end, and layers by offset.

pub mod entries;
mod headers;
pub mod legacy;
pub mod pass;
pub mod seek;
pub mod send;
pub mod write;
