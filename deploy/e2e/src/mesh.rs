//! The mesh as processes.
