//! perceptor-perceiver-kubernetes: watches one cluster and tells the core what runs in it; if asked to,
//! tells the cluster what the core thinks of it. Decides nothing, and reads neither secrets, environment nor arguments of what it watches.

pub mod app;
pub mod asks;
pub mod cluster;
pub mod config;
pub mod exposure;
#[cfg(any(test, feature = "fake"))]
pub mod fake_api;
pub mod filter;
pub mod intern;
pub mod leader;
pub mod map;
pub mod metrics;
pub mod owners;
pub mod record;
pub mod slim;
pub mod tell;
pub mod watch;
