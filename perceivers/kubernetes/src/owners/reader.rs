//! Reads controllers from the server: their metadata and nothing else of them.

use super::climb::Known;
use super::kinds::{self, Served};
use crate::asks::Asks;
use crate::cluster::{reason, within};
use crate::record::Controller;
use crate::slim::SlimObject;
use crate::tell::marks;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, DynamicObject, ListParams, ObjectList};
use kube::core::Request;
use kube::{Client, Error};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use wildmatch::WildMatch;

/// From here on one list costs less than so many questions.
const MANY: usize = 32;
/// Questions at the same time.
const AT_ONCE: usize = 8;
const PAGE: u32 = 500;

/// A kind that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not allowed.
    #[error("not allowed to read {plural}.{group}; grant get and list on them to see who owns their pods")]
    Forbidden {
        /// As `rollouts`.
        plural: String,
        /// As `argoproj.io`.
        group: String,
    },
    /// Not now.
    #[error("read {kind} ({api_version}): {reason}")]
    Away {
        /// Group and version.
        api_version: String,
        /// The kind.
        kind: String,
        /// Why.
        reason: String,
    },
}

/// What was learnt of each, and what went wrong.
pub type Reading = (Vec<(Arc<Controller>, Known)>, Option<ReadError>);

/// Reads controllers of one kind.
pub trait Reader: Send + Sync + 'static {
    /// What is known of each of `wanted` now; all are of the same kind. One left out is unknown.
    fn read(&self, wanted: Vec<Arc<Controller>>) -> BoxFuture<'_, Reading>;
}

/// Reads controllers from the server.
pub struct KubeReader {
    client: Client,
    kinds: Vec<WildMatch>,
    discovered: tokio::sync::Mutex<HashMap<Arc<str>, Vec<Served>>>,
}

impl KubeReader {
    /// A reader that follows the built-in kinds and those that fit one of `kinds`.
    pub fn new(client: Client, kinds: Vec<WildMatch>) -> Self {
        KubeReader { client, kinds, discovered: tokio::sync::Mutex::default() }
    }

    /// Where the kind of `controller` is; none if it is not one that is followed.
    pub async fn served(&self, controller: &Controller) -> Result<Option<Served>, Error> {
        let Controller { api_version, kind, .. } = controller;
        if !kinds::well_formed(controller) {
            return Ok(None);
        }
        if let Some(served) = kinds::built_in(api_version, kind) {
            return Ok(Some(served));
        }
        if !kinds::followed(&self.kinds, api_version, kind) {
            return Ok(None);
        }
        let mut discovered = self.discovered.lock().await;
        if !discovered.contains_key(api_version) {
            let found = discover(&self.client, api_version).await?;
            discovered.insert(Arc::clone(api_version), found);
        }
        let of_version = discovered.get(api_version).into_iter().flatten();
        let found = of_version.into_iter().find(|served| *served.resource.kind == **kind).cloned();
        if found.is_none() {
            // Its definition may come yet.
            discovered.remove(api_version);
        }
        Ok(found)
    }

    async fn ask(&self, wanted: Vec<Arc<Controller>>) -> Reading {
        let Some(first) = wanted.first().cloned() else { return Reading::default() };
        let served = match self.served(&first).await {
            Ok(Some(served)) => served,
            Ok(None) => return (close(wanted), None),
            Err(error) => return (Vec::new(), Some(away(&first, &error))),
        };
        let (closed, wanted): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|controller| !kinds::well_formed(controller));
        let answer = if wanted.len() < MANY {
            self.get_each(&served, &wanted).await
        } else {
            self.list(&served, &wanted).await
        };
        let (mut found, error) = match answer {
            Ok(found) => (found, None),
            Err(Error::Api(status)) if status.is_forbidden() => {
                let (plural, group) = (served.resource.plural, served.resource.group);
                (close(wanted), Some(ReadError::Forbidden { plural, group }))
            }
            Err(error) => (Vec::new(), Some(away(&first, &error))),
        };
        found.extend(close(closed));
        (found, error)
    }

    async fn get_each(
        &self,
        served: &Served,
        wanted: &[Arc<Controller>],
    ) -> Result<Vec<(Arc<Controller>, Known)>, Error> {
        let asking = wanted.iter().map(|controller| self.get(served, Arc::clone(controller)));
        let mut answers = stream::iter(asking.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        let mut found = Vec::with_capacity(wanted.len());
        while let Some(answer) = answers.next().await {
            found.push(answer?);
        }
        Ok(found)
    }

    async fn get(
        &self,
        served: &Served,
        controller: Arc<Controller>,
    ) -> Result<(Arc<Controller>, Known), Error> {
        let api = self.api(served, &controller.namespace);
        let object = within(api.get_metadata_opt(&controller.name)).await?;
        let known = object.map_or(Known::Gone, |object| known(&object.metadata, &controller));
        Ok((controller, known))
    }

    async fn list(
        &self,
        served: &Served,
        wanted: &[Arc<Controller>],
    ) -> Result<Vec<(Arc<Controller>, Known)>, Error> {
        let mut missing: HashSet<&Arc<Controller>> = wanted.iter().collect();
        let by_uid: HashMap<&str, &Arc<Controller>> = wanted.iter().map(|c| (&*c.uid, c)).collect();
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &served.resource);
        let (mut found, mut from) = (Vec::with_capacity(wanted.len()), None);
        loop {
            let page = ListParams { limit: Some(PAGE), continue_token: from, ..ListParams::default() };
            let ask = Request::new(api.resource_url()).list_metadata(&page).map_err(Error::BuildRequest)?;
            // The library's own type keeps the managed fields, which are most of a page, as trees.
            let page: ObjectList<SlimObject> = within(self.client.request(ask)).await?;
            for object in &page.items {
                let uid = object.metadata.uid.as_deref().unwrap_or_default();
                if let Some(controller) = by_uid.get(uid) {
                    missing.remove(controller);
                    found.push((Arc::clone(controller), known(&object.metadata, controller)));
                }
            }
            from = page.metadata.continue_.filter(|token| !token.is_empty());
            if from.is_none() {
                break;
            }
        }
        found.extend(missing.into_iter().map(|controller| (Arc::clone(controller), Known::Gone)));
        Ok(found)
    }

    fn api(&self, served: &Served, namespace: &str) -> Api<DynamicObject> {
        if served.namespaced {
            Api::namespaced_with(self.client.clone(), namespace, &served.resource)
        } else {
            Api::all_with(self.client.clone(), &served.resource)
        }
    }
}

impl Reader for KubeReader {
    fn read(&self, wanted: Vec<Arc<Controller>>) -> BoxFuture<'_, Reading> {
        self.ask(wanted).boxed()
    }
}

async fn discover(client: &Client, api_version: &str) -> Result<Vec<Served>, Error> {
    let listed = match within(client.list_api_group_resources(api_version)).await {
        Ok(listed) => listed,
        Err(Error::Api(status)) if status.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let readable = listed.resources.into_iter().filter(|resource| {
        kinds::is_plain(&resource.name) && resource.verbs.iter().any(|verb| verb == "get")
    });
    Ok(readable.map(|r| kinds::served(api_version, &r.kind, &r.name, r.namespaced)).collect())
}

fn known(meta: &ObjectMeta, asked: &Controller) -> Known {
    if meta.uid.as_deref() != Some(&*asked.uid) {
        return Known::Gone;
    }
    let mut references = meta.owner_references.iter().flatten();
    let above = references.find(|reference| reference.controller == Some(true));
    let controller = above.map(|above| {
        Arc::new(Controller {
            // Mostly the same, and there are very many.
            api_version: if *above.api_version == *asked.api_version {
                Arc::clone(&asked.api_version)
            } else {
                above.api_version.as_str().into()
            },
            kind: above.kind.as_str().into(),
            namespace: Arc::clone(&asked.namespace),
            name: above.name.as_str().into(),
            uid: above.uid.as_str().into(),
        })
    });
    // What means nothing in an owner's annotations is complained about nowhere: its pods would
    // each repeat it.
    let marks = marks::present(meta);
    Known::There { controller, asks: Asks::parse(meta.annotations.as_ref()).0, marks }
}

fn close(wanted: Vec<Arc<Controller>>) -> Vec<(Arc<Controller>, Known)> {
    wanted.into_iter().map(|controller| (controller, Known::Closed)).collect()
}

fn away(controller: &Controller, error: &Error) -> ReadError {
    ReadError::Away {
        api_version: controller.api_version.chars().take(64).collect(),
        kind: controller.kind.chars().take(64).collect(),
        reason: reason(error),
    }
}
