//! Tests of the resolver with a scripted reader.

use super::super::reader::{ReadError, Reading};
use super::*;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::Mutex;

/// What the reader answers, by name; a name that is absent cannot be read now.
#[derive(Default)]
struct Script {
    known: Mutex<HashMap<String, Known>>,
    forbidden: Mutex<bool>,
    /// Everything is answered by all there is.
    lists: Mutex<bool>,
    asked: Mutex<Vec<String>>,
}

impl Reader for Script {
    fn read(&self, wanted: Vec<Arc<Controller>>) -> BoxFuture<'_, Reading> {
        self.asked.lock().unwrap().extend(wanted.iter().map(|controller| controller.name.to_string()));
        let error = ReadError::Forbidden { plural: "replicasets".into(), group: "apps".into() };
        if *self.forbidden.lock().unwrap() {
            let closed = wanted.into_iter().map(|controller| (controller, Known::Closed)).collect();
            return async { Reading { found: closed, error: Some(error), ..Reading::default() } }.boxed();
        }
        let known = self.known.lock().unwrap();
        if *self.lists.lock().unwrap() {
            // Names are ids here.
            let listed = known.iter().map(|(name, known)| (Uid::new(name), known.clone())).collect();
            return async { Reading { listed, ..Reading::default() } }.boxed();
        }
        let found =
            wanted.into_iter().filter_map(|one| Some((Arc::clone(&one), known.get(&*one.name)?.clone())));
        let found = found.collect();
        async { Reading { found, ..Reading::default() } }.boxed()
    }
}

fn controller(kind: &str, name: &str) -> Arc<Controller> {
    Arc::new(Controller {
        api_version: "apps/v1".into(),
        kind: kind.into(),
        namespace: "shop".into(),
        name: name.into(),
        uid: name.into(),
    })
}

fn there(above: Option<Arc<Controller>>) -> Known {
    Known::There { controller: above, says: None }
}

fn owners(found: &Resolvers) -> Vec<(&str, &str)> {
    let mut owners: Vec<_> = found.iter().map(|(first, workload)| (&*first.name, &*workload.owner)).collect();
    owners.sort_unstable();
    owners
}

fn scripted() -> (Arc<Script>, Resolver) {
    let script = Arc::new(Script::default());
    let deployment = controller("Deployment", "web");
    for set in ["web-1", "web-2"] {
        script.known.lock().unwrap().insert(set.into(), there(Some(deployment.clone())));
    }
    script.known.lock().unwrap().insert("web".into(), there(None));
    let resolver = Resolver::new(script.clone());
    (script, resolver)
}

#[tokio::test]
async fn chain_is_climbed_and_each_of_it_is_read_once() {
    let (script, mut resolver) = scripted();
    for set in ["web-1", "web-2", "web-1"] {
        // One deployment stands above both.
        resolver.take(Question::Who(controller("ReplicaSet", set)));
    }
    let found = resolver.work().await;
    assert_eq!(owners(&found), [("web-1", "deployment/web"), ("web-2", "deployment/web")]);
    let mut asked = script.asked.lock().unwrap().clone();
    asked.sort();
    assert_eq!(asked, ["web", "web-1", "web-2"]);
}

#[tokio::test]
async fn owner_that_cannot_be_read_now_is_answered_as_far_as_known_and_again_later() {
    let (script, mut resolver) = scripted();
    script.known.lock().unwrap().remove("web");
    resolver.take(Question::Who(controller("ReplicaSet", "web-1")));
    assert_eq!(owners(&resolver.work().await), [("web-1", "deployment/web")]);
    script.known.lock().unwrap().insert("web".into(), there(Some(controller("Shop", "main"))));
    script.known.lock().unwrap().insert("main".into(), there(None));
    assert_eq!(owners(&resolver.work().await), [("web-1", "shop/main")]);
    assert!(resolver.open.is_empty());
}

#[tokio::test]
async fn permission_taken_away_leaves_the_last_known_owner_and_is_said_once() {
    let (script, mut resolver) = scripted();
    let set = controller("ReplicaSet", "web-1");
    resolver.take(Question::Who(set.clone()));
    resolver.work().await;
    *script.forbidden.lock().unwrap() = true;
    for _ in 0..3 {
        resolver.take(Question::Again(vec![set.clone()]));
        assert!(resolver.work().await.is_empty(), "nothing changed");
    }
    assert_eq!(resolver.said.len(), 1);
    resolver.take(Question::Who(controller("ReplicaSet", "web-9")));
    assert_eq!(owners(&resolver.work().await), [("web-9", "replicaset/web-9")]);
}

#[tokio::test]
async fn server_that_is_away_when_all_is_read_again_makes_nobody_forget() {
    let (script, mut resolver) = scripted();
    let set = controller("ReplicaSet", "web-1");
    resolver.take(Question::Who(set.clone()));
    resolver.work().await;
    let known = std::mem::take(&mut *script.known.lock().unwrap());
    resolver.take(Question::Again(vec![set.clone()]));
    assert!(resolver.work().await.is_empty());
    *script.known.lock().unwrap() = known;
    script.known.lock().unwrap().insert("web".into(), there(Some(controller("Shop", "main"))));
    script.known.lock().unwrap().insert("main".into(), there(None));
    assert_eq!(owners(&resolver.work().await), [("web-1", "shop/main")]);
}

#[tokio::test]
async fn what_was_listed_is_not_read_for_the_next_question_but_when_all_is_read_again() {
    let (script, mut resolver) = scripted();
    *script.lists.lock().unwrap() = true;
    resolver.take(Question::Who(controller("ReplicaSet", "web-1")));
    assert_eq!(owners(&resolver.work().await), [("web-1", "deployment/web")]);
    let asked = script.asked.lock().unwrap().len();
    resolver.take(Question::Who(controller("ReplicaSet", "web-2")));
    assert_eq!(owners(&resolver.work().await), [("web-2", "deployment/web")]);
    assert_eq!(script.asked.lock().unwrap().len(), asked);
    let top = |name: &str| Arc::as_ptr(resolver.told[&controller("ReplicaSet", name)].top.as_ref().unwrap());
    assert_eq!(top("web-1"), top("web-2"), "kept once");
    script.known.lock().unwrap().insert("web".into(), there(Some(controller("Shop", "main"))));
    script.known.lock().unwrap().insert("main".into(), there(None));
    resolver.take(Question::Again(vec![controller("ReplicaSet", "web-1")]));
    assert_eq!(owners(&resolver.work().await), [("web-1", "shop/main")]);
}

#[tokio::test]
async fn what_was_listed_and_forgotten_is_read_again() {
    let (script, mut resolver) = scripted();
    *script.lists.lock().unwrap() = true;
    let mut asked = Vec::new();
    for (set, forget) in [("web-1", false), ("web-2", true), ("web-1", false)] {
        resolver.take(Question::Who(controller("ReplicaSet", set)));
        resolver.work().await;
        asked.push(script.asked.lock().unwrap().len());
        if forget {
            resolver.forget();
        }
    }
    assert!(asked[0] == asked[1] && asked[1] < asked[2], "{asked:?}");
}
