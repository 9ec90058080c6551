//! The lease on the server: read, taken, renewed, let go. Every write names the version that was
//! read, so that of two who write one is refused.

use super::election::{Election, Seen, Step};
use crate::cluster::{reason, within};
use crate::config::LeaderSettings;
use api_chassis::clock::Clock;
use api_chassis::shutdown::Shutdown;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff;
use kube::api::PostParams;
use kube::{Api, Client, Error};
use perceiver_kit::Outage;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A lease that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Not allowed.
    #[error(
        "not allowed to use lease {namespace}/{name}; grant get, create and update on leases (coordination.k8s.io) there"
    )]
    Forbidden {
        /// Where.
        namespace: String,
        /// Which.
        name: String,
    },
    /// Not now.
    #[error("lease {namespace}/{name}: {reason}")]
    Away {
        /// Where.
        namespace: String,
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
}

/// One of those who want to lead.
pub struct Candidate {
    api: Api<Lease>,
    settings: LeaderSettings,
    identity: String,
    namespace: String,
    election: Election,
    outage: Outage,
    clock: Arc<dyn Clock>,
}

impl Candidate {
    /// The candidate `identity`; `namespace` is where the lease is, unless the settings say so.
    pub fn new(client: Client, settings: LeaderSettings, identity: &str, clock: Arc<dyn Clock>) -> Self {
        let namespace = settings.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
        Candidate {
            api: Api::namespaced(client, &namespace),
            election: Election::new(identity, settings.renew_deadline()),
            settings,
            identity: identity.to_owned(),
            namespace,
            outage: Outage::default(),
            clock,
        }
    }

    /// Wait until the lease is ours; false if shutdown begins first.
    pub async fn win(&mut self, shutdown: &Shutdown) -> bool {
        loop {
            self.step().await;
            if self.election.leads(Instant::now()) {
                tracing::info!(identity = self.identity, "this perceiver is the active one");
                return true;
            }
            if !shutdown.sleep(self.pause()).await {
                return false;
            }
        }
    }

    /// Keep the lease; returns once it is lost, and not later than it may be another's.
    pub async fn keep(&mut self) {
        loop {
            tokio::time::sleep(self.pause()).await;
            let Some(until) = self.election.leads_until() else { return };
            let step = tokio::time::timeout_at(until.into(), self.step()).await;
            if step.is_err() || !self.election.leads(Instant::now()) {
                self.election.fail(Instant::now());
                tracing::warn!(identity = self.identity, "this perceiver is no longer the active one");
                return;
            }
        }
    }

    /// Let it go, so that the next one need not wait.
    pub async fn release(mut self) {
        let read = within(self.api.get_opt(&self.settings.name)).await;
        if let Ok(Some(lease)) = read
            && seen(&lease).holder == self.identity
        {
            self.identity.clear();
            let given = self.written(Some(lease));
            // If it does not work, it lapses.
            let _ = within(self.api.replace(&self.settings.name, &PostParams::default(), &given)).await;
        }
    }

    /// Up to a quarter earlier, so that candidates do not ask in step.
    fn pause(&self) -> Duration {
        self.settings.retry().mul_f64(1.0 - rand::random::<f64>() / 4.0)
    }

    async fn step(&mut self) {
        let began = Instant::now();
        match self.read_and_write(began).await {
            Ok(()) => {
                if let Some(lasted) = self.outage.end(self.clock.now()) {
                    tracing::info!(?lasted, "lease can be used again");
                }
            }
            Err(error) => {
                self.election.fail(Instant::now());
                let kind = if matches!(error, LeaseError::Forbidden { .. }) { "forbidden" } else { "away" };
                if self.outage.begin(self.clock.now(), kind) {
                    tracing::warn!(%error, "lease not used; will keep trying");
                }
            }
        }
    }

    async fn read_and_write(&mut self, began: Instant) -> Result<(), LeaseError> {
        let name = &self.settings.name;
        let lease = within(self.api.get_opt(name)).await.map_err(|e| self.refused(&e))?;
        let step = self.election.observe(lease.as_ref().map(seen), Instant::now());
        if !matches!(step, Step::Take | Step::Renew) {
            return Ok(());
        }
        let exists = lease.is_some();
        let lease = self.written(lease);
        let written = if exists {
            within(self.api.replace(name, &PostParams::default(), &lease)).await
        } else {
            within(self.api.create(&PostParams::default(), &lease)).await
        };
        match written {
            Ok(_) => self.election.succeed(began),
            // Another was faster; it is read again soon enough.
            Err(Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(self.refused(&error)),
        }
        Ok(())
    }

    /// The lease as it is to be: ours, from now.
    fn written(&self, lease: Option<Lease>) -> Lease {
        let now = MicroTime(jiff::Timestamp::now());
        let mut lease = lease.unwrap_or_else(|| Lease {
            metadata: ObjectMeta {
                name: Some(self.settings.name.clone()),
                namespace: Some(self.namespace.clone()),
                ..ObjectMeta::default()
            },
            spec: None,
        });
        let before = lease.spec.take().unwrap_or_default();
        let stays = before.holder_identity.as_deref() == Some(&self.identity);
        let changes = before.lease_transitions.unwrap_or(0);
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(self.settings.lease_seconds()),
            acquire_time: if stays { before.acquire_time.clone() } else { Some(now.clone()) },
            renew_time: Some(now),
            lease_transitions: Some(if stays { changes } else { changes.saturating_add(1) }),
            ..before
        });
        lease
    }

    fn refused(&self, error: &Error) -> LeaseError {
        let (namespace, name) = (self.namespace.clone(), self.settings.name.clone());
        match error {
            Error::Api(status) if status.code == 403 => LeaseError::Forbidden { namespace, name },
            error => LeaseError::Away { namespace, name, reason: reason(error) },
        }
    }
}

fn seen(lease: &Lease) -> Seen {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = u64::try_from(spec.lease_duration_seconds.unwrap_or(15)).unwrap_or(15);
    Seen {
        holder: spec.holder_identity.unwrap_or_default(),
        renewal: spec.renew_time.map(|time| time.0.to_string()).unwrap_or_default(),
        lasts: Duration::from_secs(seconds.clamp(1, 300)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_api::{FakeApi, Mood};
    use api_chassis::clock::SystemClock;

    const LEASE: &str =
        "/apis/coordination.k8s.io/v1/namespaces/default/leases/perceptor-perceiver-kubernetes";

    fn candidate(api: &FakeApi, identity: &str) -> Candidate {
        candidate_for(api, identity, 3)
    }

    fn candidate_for(api: &FakeApi, identity: &str, lease_seconds: u32) -> Candidate {
        let settings = LeaderSettings { lease_seconds, ..LeaderSettings::default() };
        Candidate::new(api.client(), settings, identity, Arc::new(SystemClock))
    }

    fn holder(api: &FakeApi) -> String {
        let lease = api.object(LEASE).unwrap_or_default();
        lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn lease_let_go_is_taken_by_the_next_at_once() {
        let (api, shutdown) = (FakeApi::start().await, Shutdown::new());
        let (mut one, mut two) = (candidate(&api, "one"), candidate(&api, "two"));
        assert!(one.win(&shutdown).await);
        assert_eq!(holder(&api), "one");
        two.step().await;
        assert!(!two.election.leads(Instant::now()) && holder(&api) == "one");
        one.release().await;
        assert_eq!(holder(&api), "");
        assert!(two.win(&shutdown).await);
        assert_eq!(holder(&api), "two");
    }

    #[tokio::test]
    async fn holder_that_died_is_followed_once_its_lease_lapsed() {
        let (api, shutdown) = (FakeApi::start().await, Shutdown::new());
        assert!(candidate(&api, "one").win(&shutdown).await);
        let (mut two, began) = (candidate(&api, "two"), Instant::now());
        assert!(two.win(&shutdown).await);
        assert!(began.elapsed() >= Duration::from_secs(3));
        assert_eq!(api.object(LEASE).unwrap()["spec"]["leaseTransitions"], 2);
    }

    #[tokio::test]
    async fn holder_that_is_cut_off_gives_up_before_its_lease_lapses() {
        let (api, shutdown) = (FakeApi::start().await, Shutdown::new());
        let mut one = candidate_for(&api, "one", 12);
        assert!(one.win(&shutdown).await);
        let began = Instant::now();
        api.kill().await;
        one.keep().await;
        assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
        assert!(!one.election.leads(Instant::now()));
    }

    #[tokio::test]
    async fn holder_that_was_cut_off_resumes_its_own_lease_at_once() {
        let (api, shutdown) = (FakeApi::start().await, Shutdown::new());
        let mut one = candidate_for(&api, "one", 12);
        assert!(one.win(&shutdown).await);
        api.kill().await;
        one.keep().await;
        api.revive().await;
        let began = Instant::now();
        assert!(one.win(&shutdown).await);
        assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
        assert_eq!(api.object(LEASE).unwrap()["spec"]["leaseTransitions"], 1);
    }

    #[tokio::test]
    async fn holder_that_was_cut_off_does_not_speak_beside_its_successor() {
        let (api, shutdown) = (FakeApi::start().await, Shutdown::new());
        let (mut one, mut two) = (candidate(&api, "one"), candidate(&api, "two"));
        assert!(one.win(&shutdown).await);
        // Only the first is cut off: its own server is away, the lease is another's by then.
        api.kill().await;
        one.keep().await;
        api.revive().await;
        assert!(!one.election.leads(Instant::now()));
        let mut taken = api.object(LEASE).unwrap();
        taken["spec"]["holderIdentity"] = "two".into();
        api.put("/apis/coordination.k8s.io/v1/namespaces/default/leases", taken);
        one.step().await;
        two.step().await;
        assert!(!one.election.leads(Instant::now()) && two.election.leads(Instant::now()));
        one.release().await;
        assert_eq!(holder(&api), "two");
    }

    #[tokio::test]
    async fn candidate_without_permission_waits() {
        let (api, shutdown) = (FakeApi::start().await, Shutdown::new());
        api.mood(LEASE, Some(Mood::Forbidden));
        let mut one = candidate(&api, "one");
        one.step().await;
        assert!(!one.election.leads(Instant::now()));
        api.mood(LEASE, None);
        assert!(one.win(&shutdown).await);
    }
}
