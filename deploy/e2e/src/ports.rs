//! Ports for parts that must be told theirs before they start, and that keep it when they start again.

use anyhow::{Result, bail};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those that Linux gives to outgoing connections (32768 and more): one of these could
/// otherwise take a port between its choice and its use, or while a part is dead for a moment.
const FIRST: u32 = 10_000;

/// Up to the node ports of Kubernetes.
const COUNT: u32 = 20_000;

/// How many were given in this process.
static GIVEN: AtomicU32 = AtomicU32::new(0);

/// A port of 127.0.0.1 that nobody listens on now, and that is given once only in this process.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    // Test processes that run side by side begin at different places.
    let begin = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let nth = GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(FIRST + begin.wrapping_add(nth) % COUNT)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port from {FIRST} to {} is free", FIRST + COUNT)
}
