//! Kinds that only some clusters serve, and any may begin to serve at any time.

use super::follow::Followed;
use crate::cluster::within;
use api_chassis::shutdown::Shutdown;
use kube::{Client, Error};
use std::time::Duration;

/// How often a kind that the cluster does not serve is asked for again.
pub const DISCOVERY: Duration = Duration::from_secs(60);

/// Why a kind cannot be followed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The cluster does not know it.
    NotServed,
    /// The cluster does not say.
    Unknown,
}

/// Wait until the cluster serves a kind, asking again `every` so often; `absent` is told why not,
/// whenever that is news. False if shutdown begins before.
pub async fn await_served<K: Followed>(
    client: &Client,
    every: Duration,
    shutdown: &Shutdown,
    absent: impl Fn(Absence),
) -> bool {
    let mut said = None;
    while let Some(absence) = absence::<K>(client).await {
        if said.replace(absence) != Some(absence) {
            absent(absence);
        }
        if !shutdown.sleep(every).await {
            return false;
        }
    }
    true
}

/// Why the cluster does not serve a kind now; none if it does.
async fn absence<K: Followed>(client: &Client) -> Option<Absence> {
    let (version, plural) = (K::api_version(&()), K::plural(&()));
    match within(client.list_api_group_resources(&version)).await {
        Ok(served) if served.resources.iter().any(|resource| *resource.name == *plural) => None,
        Ok(_) => Some(Absence::NotServed),
        Err(Error::Api(status)) if status.code == 404 => Some(Absence::NotServed),
        Err(_) => Some(Absence::Unknown),
    }
}
