//! Reads controllers from the server: their metadata and nothing else of them.

use super::climb::{Known, Says};
use super::kinds::{self, Served};
use crate::asks::Asks;
use crate::cluster::{reason, within};
use crate::map;
use crate::record::{Controller, Shelf};
use crate::slim::SlimObject;
use crate::tell::marks;
use api_vocab::Uid;
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
/// Of so many of a kind is remembered what was not asked for.
const MOST: usize = 200_000;

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

/// What came of reading.
#[derive(Debug, Default)]
pub struct Reading {
    /// What was learnt of those that were wanted.
    pub found: Vec<(Arc<Controller>, Known)>,
    /// Others of their kind too, by id, if all were listed; see [`listed`].
    pub listed: HashMap<Uid, Known>,
    /// What went wrong.
    pub error: Option<ReadError>,
}

/// Reads controllers of one kind.
pub trait Reader: Send + Sync + 'static {
    /// What is known of each of `wanted` now; all are of the same kind. One left out of what was found
    /// and of what was listed is unknown.
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
            Ok(None) => return Reading { found: close(wanted), ..Reading::default() },
            Err(error) => return Reading { error: Some(away(&first, &error)), ..Reading::default() },
        };
        let (closed, wanted): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|controller| !kinds::well_formed(controller));
        let answer = if wanted.len() < MANY {
            self.get_each(&served, &wanted).await
        } else {
            self.list(&served, &wanted).await
        };
        let mut reading = match answer {
            Ok(reading) => reading,
            Err(Error::Api(status)) if status.is_forbidden() => {
                let (plural, group) = (served.resource.plural, served.resource.group);
                let error = Some(ReadError::Forbidden { plural, group });
                Reading { found: close(wanted), error, ..Reading::default() }
            }
            Err(error) => Reading { error: Some(away(&first, &error)), ..Reading::default() },
        };
        reading.found.extend(close(closed));
        reading
    }

    async fn get_each(&self, served: &Served, wanted: &[Arc<Controller>]) -> Result<Reading, Error> {
        let asking = wanted.iter().map(|controller| self.get(served, Arc::clone(controller)));
        let mut answers = stream::iter(asking.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        let mut found = Vec::with_capacity(wanted.len());
        while let Some(answer) = answers.next().await {
            found.push(answer?);
        }
        Ok(Reading { found, ..Reading::default() })
    }

    async fn get(
        &self,
        served: &Served,
        controller: Arc<Controller>,
    ) -> Result<(Arc<Controller>, Known), Error> {
        let api = self.api(served, &controller.namespace);
        let object = within(api.get_metadata_opt(&controller.name)).await?;
        let known =
            object.map_or(Known::Gone, |object| known(&object.metadata, &controller, &mut Shelf::default()));
        Ok((controller, known))
    }

    /// All of a kind: whoever wants many of it wants others soon.
    async fn list(&self, served: &Served, wanted: &[Arc<Controller>]) -> Result<Reading, Error> {
        let by_uid: HashMap<&Uid, &Arc<Controller>> = wanted.iter().map(|one| (&one.uid, one)).collect();
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &served.resource);
        let (mut reading, mut shelf, mut from) = (Reading::default(), Shelf::default(), None);
        loop {
            let page = ListParams { limit: Some(PAGE), continue_token: from, ..ListParams::default() };
            let ask = Request::new(api.resource_url()).list_metadata(&page).map_err(Error::BuildRequest)?;
            // The library's own type keeps the managed fields, which are most of a page, as trees.
            let page: ObjectList<SlimObject> = within(self.client.request(ask)).await?;
            for object in &page.items {
                let meta = &object.metadata;
                let uid = Uid::new(meta.uid.as_deref().unwrap_or_default());
                match (by_uid.get(&uid), meta.namespace.as_deref()) {
                    (_, Some(namespace)) if reading.listed.len() < MOST => {
                        reading.listed.insert(uid, there(meta, namespace, &mut shelf));
                    }
                    // What is not in a namespace has one all the same: the pod's that names it.
                    (Some(asked), _) => {
                        reading.found.push((Arc::clone(asked), known(meta, asked, &mut shelf)))
                    }
                    (None, _) => {}
                }
            }
            from = page.metadata.continue_.filter(|token| !token.is_empty());
            if from.is_none() {
                break;
            }
        }
        let found: HashSet<&Controller> = reading.found.iter().map(|(one, _)| &**one).collect();
        let missing =
            wanted.iter().filter(|one| !found.contains(&***one) && listed(&reading.listed, one).is_none());
        let gone: Vec<_> = missing.map(|one| (Arc::clone(one), Known::Gone)).collect();
        reading.found.extend(gone);
        Ok(reading)
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

fn known(meta: &ObjectMeta, asked: &Controller, shelf: &mut Shelf) -> Known {
    if meta.uid.as_deref().map(Uid::new).as_ref() == Some(&asked.uid) {
        there(meta, &asked.namespace, shelf)
    } else {
        Known::Gone
    }
}

fn there(meta: &ObjectMeta, namespace: &str, shelf: &mut Shelf) -> Known {
    // What means nothing in an owner's annotations is complained about nowhere: its pods would
    // each repeat it.
    let says = Says { asks: Asks::parse(meta.annotations.as_ref()).0, marks: marks::present(meta) };
    let says = (says != Says::default()).then(|| Box::new(says));
    Known::There { controller: map::controller(meta, namespace, shelf), says }
}

/// What was listed of a controller. An object of another namespace may have an owner of this id; it
/// controls nothing here.
pub fn listed<'a>(all: &'a HashMap<Uid, Known>, controller: &Controller) -> Option<&'a Known> {
    all.get(&controller.uid).filter(|known| match known {
        Known::There { controller: Some(above), .. } => above.namespace == controller.namespace,
        _ => true,
    })
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
