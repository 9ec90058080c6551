//! The writer: one write after the other, not more of them each second than it may.

use super::write::{Action, Outcome, Place, What, Write};
use super::{MANAGER, event, report, summary};
use crate::cluster::within;
use crate::metrics::KubernetesMetrics;
use crate::owners::{KubeReader, Served, served};
use crate::record::Controller;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Client, Error};
use serde_json::{Value, json};
use std::num::NonZeroU32;
use std::sync::Arc;

/// Writes into one cluster.
pub struct Writer {
    client: Client,
    /// Knows where workloads are.
    reader: Arc<KubeReader>,
    known: Vec<Served>,
    limiter: DefaultDirectRateLimiter,
    metrics: KubernetesMetrics,
}

impl Writer {
    /// A writer of at most `per_second` writes.
    pub fn new(client: Client, reader: Arc<KubeReader>, per_second: u32, metrics: KubernetesMetrics) -> Self {
        let quota = Quota::per_second(NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN));
        let known = [
            ("v1", "Pod", "pods"),
            (summary::API_VERSION, summary::KIND, summary::PLURAL),
            (report::API_VERSION, report::KIND, report::PLURAL),
            (event::API_VERSION, event::KIND, event::PLURAL),
        ];
        let known = known.map(|(api_version, kind, plural)| served(api_version, kind, plural, true));
        Writer { client, reader, known: known.into(), limiter: RateLimiter::direct(quota), metrics }
    }

    /// Knows one more kind.
    pub fn knowing(mut self, kind: Served) -> Self {
        self.known.push(kind);
        self
    }

    /// Write; waits until it may.
    pub async fn write<M>(&self, write: &Write<M>) -> Outcome {
        let outcome = match self.attempt(write).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::debug!(what = write.what.as_str(), place = ?write.place, %error, "write not taken");
                Outcome::of(write.what, &error)
            }
        };
        self.metrics.writes(write.what.as_str(), outcome.as_str()).inc();
        outcome
    }

    async fn attempt<M>(&self, write: &Write<M>) -> Result<Outcome, Error> {
        let Some(api) = self.api(&write.place).await? else { return Ok(Outcome::Gone) };
        let name = &*write.place.name;
        match &write.action {
            Action::Apply { body, status } => {
                let applied = self.apply(&api, name, body, write.what).await?;
                if let Some(status) = status {
                    self.apply_status(&api, name, status, applied.metadata.generation).await?;
                }
            }
            Action::Create(body) => {
                self.limiter.until_ready().await;
                let object: DynamicObject =
                    serde_json::from_value(body.clone()).map_err(Error::SerdeError)?;
                within(api.create(&params_to_create(), &object)).await?;
            }
            Action::Delete => {
                self.limiter.until_ready().await;
                within(api.delete(name, &DeleteParams::background())).await?;
            }
        }
        Ok(Outcome::Done)
    }

    async fn apply(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        body: &Value,
        what: What,
    ) -> Result<DynamicObject, Error> {
        self.limiter.until_ready().await;
        let params = PatchParams::apply(MANAGER);
        let params = if what == What::Image { params } else { params.force() };
        let patch = Patch::Apply(body);
        if !what.is_on_others() {
            return within(api.patch(name, &params, &patch)).await;
        }
        // Of what is marked, nothing but its metadata comes back.
        let marked = within(api.patch_metadata(name, &params, &patch)).await?;
        Ok(DynamicObject { types: marked.types, metadata: marked.metadata, data: Value::Null })
    }

    async fn apply_status(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        status: &Value,
        generation: Option<i64>,
    ) -> Result<(), Error> {
        self.limiter.until_ready().await;
        let mut status = status.clone();
        if let Some(Value::Object(fields)) = status.get_mut("status") {
            fields.insert("observedGeneration".to_owned(), json!(generation));
        }
        let params = PatchParams::apply(MANAGER).force();
        within(api.patch_status(name, &params, &Patch::Apply(&status))).await.map(drop)
    }

    /// Where that kind is; none if it is one that is not written to.
    async fn api(&self, place: &Place) -> Result<Option<Api<DynamicObject>>, Error> {
        let is = |served: &&Served| {
            *served.resource.api_version == *place.api_version && *served.resource.kind == *place.kind
        };
        let served = match self.known.iter().find(is) {
            Some(served) => Some(served.clone()),
            // What stands in no namespace belongs to more than the pods that we know.
            None => self.reader.served(&as_controller(place)).await?.filter(|served| served.namespaced),
        };
        Ok(served.map(|served| match served.namespaced {
            true => Api::namespaced_with(self.client.clone(), &place.namespace, &served.resource),
            false => Api::all_with(self.client.clone(), &served.resource),
        }))
    }

    /// Where that kind is, in all namespaces.
    pub fn everywhere(&self, what: What) -> Option<Api<DynamicObject>> {
        let plural = match what {
            What::Summary => summary::PLURAL,
            What::Report => report::PLURAL,
            What::Event => event::PLURAL,
            What::Marks | What::Image => return None,
        };
        let served = self.known.iter().find(|served| served.resource.plural == plural)?;
        Some(Api::all_with(self.client.clone(), &served.resource))
    }
}

fn params_to_create() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}

fn as_controller(place: &Place) -> Controller {
    Controller {
        api_version: Arc::clone(&place.api_version),
        kind: Arc::clone(&place.kind),
        namespace: Arc::clone(&place.namespace),
        name: Arc::clone(&place.name),
        uid: "".into(),
    }
}
