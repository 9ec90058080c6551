//! Keeping a lease while its work goes on.

use crate::pause::jittered;
use api_client::Client;
use api_vocab::LeaseId;
use api_wire::error::ErrorCode;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A lease is renewed when a third of its time has passed.
const PARTS: u32 = 3;

/// Renew the lease again and again; ends when it is lost: the core says so, or has been silent
/// for as long as the lease lasts.
pub(crate) async fn keep(client: &Client, lease: LeaseId, expires_in_seconds: u32) {
    let mut lasts = Duration::from_secs(expires_in_seconds.max(1).into());
    let mut expires = Instant::now() + lasts;
    let mut wait = lasts / PARTS;
    loop {
        sleep(wait).await;
        let asked = Instant::now();
        let left = expires.saturating_duration_since(asked);
        match tokio::time::timeout(left, client.renew_lease(lease)).await {
            Ok(Ok(renewal)) => {
                lasts = Duration::from_secs(renewal.expires_in_seconds.max(1).into());
                expires = asked + lasts;
                wait = lasts / PARTS;
            }
            Ok(Err(error)) if matches!(error.code(), Some(ErrorCode::LeaseLost | ErrorCode::NotFound)) => {
                return;
            }
            Ok(Err(error)) => {
                tracing::debug!(%lease, %error, "lease not renewed yet");
                wait = jittered(lasts / (PARTS * 4)).min(expires.saturating_duration_since(Instant::now()));
            }
            Err(_) => return,
        }
        if Instant::now() >= expires {
            return;
        }
    }
}
