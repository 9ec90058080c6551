//! The climb: from a pod's controller upwards, as far as is known. Pure.

use crate::asks::Asks;
use crate::record::Controller;
use api_vocab::Owner;
use std::sync::Arc;

/// Nothing has more controllers above it; what goes on longer goes round.
const MAX_STEPS: usize = 8;

/// What an object says to us.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Says {
    /// What its annotations ask for.
    pub asks: Asks,
    /// Marks of ours that it bears.
    pub marks: Option<u64>,
}

/// What is known of a controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It is there.
    There {
        /// What controls it.
        controller: Option<Arc<Controller>>,
        /// What it says; most say nothing.
        says: Option<Box<Says>>,
    },
    /// It is gone, or another object has its name now.
    Gone,
    /// It cannot be read: no permission, or a kind that is not followed.
    Closed,
}

/// The workload that a pod belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Workload {
    /// As `deployment/web`.
    pub owner: Arc<str>,
    /// What its annotations, and those of what stands between it and the pod, ask for.
    pub asks: Asks,
    /// Where it is; none if it is the pod itself.
    pub top: Option<Arc<Controller>>,
    /// Marks of ours that it bears, as far as that is known.
    pub marks: Option<u64>,
}

/// How far a climb came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Climb {
    /// This must be read first; the workload is the last one known, for as long as it is not.
    Needs(Arc<Controller>, Workload),
    /// To the top.
    Done(Workload),
    /// To something that may not be read; the workload is the last one known.
    Ends(Workload),
}

/// Climb from `first`; `known` is what was read.
pub fn climb<'a>(first: &Arc<Controller>, known: impl Fn(&Controller) -> Option<&'a Known>) -> Climb {
    let (mut at, mut asks, mut borne) = (Arc::clone(first), Asks::default(), None);
    for _ in 0..MAX_STEPS {
        let (controller, says) = match known(&at) {
            None => {
                let last = workload(&at, asks, None);
                return Climb::Needs(at, last);
            }
            Some(Known::Gone) => {
                borne = None;
                break;
            }
            Some(Known::Closed) => return Climb::Ends(workload(&at, asks, None)),
            Some(Known::There { controller, says }) => (controller, says.as_deref()),
        };
        borne = says.and_then(|says| says.marks);
        if let Some(says) = says {
            // What stands higher is what people write annotations on.
            asks = says.asks.or(&asks);
        }
        match controller {
            Some(above) => at = Arc::clone(above),
            None => break,
        }
    }
    Climb::Done(workload(&at, asks, borne))
}

fn workload(controller: &Arc<Controller>, asks: Asks, marks: Option<u64>) -> Workload {
    let kind = controller.kind.to_ascii_lowercase();
    // The core would refuse the pod together with an owner that is none.
    let owner = Owner::new(&kind, &controller.name);
    let owner = owner.map_or_else(|_| "unknown/unknown".into(), |owner| owner.as_str().into());
    Workload { owner, asks, top: Some(Arc::clone(controller)), marks }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn controller(kind: &str, name: &str) -> Arc<Controller> {
        Arc::new(Controller {
            api_version: "apps/v1".into(),
            kind: kind.into(),
            namespace: "shop".into(),
            name: name.into(),
            uid: format!("{kind}-{name}").into(),
        })
    }

    fn there(above: Option<&Arc<Controller>>) -> Known {
        Known::There { controller: above.cloned(), says: None }
    }

    fn owner(first: &Arc<Controller>, known: &HashMap<Controller, Known>) -> (String, Option<String>) {
        match climb(first, |controller| known.get(controller)) {
            Climb::Done(workload) | Climb::Ends(workload) => (workload.owner.to_string(), None),
            Climb::Needs(needed, workload) => (workload.owner.to_string(), Some(needed.name.to_string())),
        }
    }

    #[test]
    fn climb_goes_as_far_as_is_known() {
        let set = controller("ReplicaSet", "web-1");
        let deployment = controller("Deployment", "web");
        let custom = controller("Shop", "main");
        let mut known = HashMap::new();
        assert_eq!(owner(&set, &known), ("replicaset/web-1".into(), Some("web-1".into())));
        known.insert((*set).clone(), there(Some(&deployment)));
        assert_eq!(owner(&set, &known), ("deployment/web".into(), Some("web".into())));
        known.insert((*deployment).clone(), there(Some(&custom)));
        known.insert((*custom).clone(), there(None));
        assert_eq!(owner(&set, &known), ("shop/main".into(), None));
        known.insert((*custom).clone(), Known::Closed);
        assert_eq!(owner(&set, &known), ("shop/main".into(), None), "the reference names it");
        known.insert((*deployment).clone(), Known::Gone);
        assert_eq!(owner(&set, &known), ("deployment/web".into(), None));
    }

    #[test]
    fn controllers_that_go_round_end_somewhere() {
        let (a, b) = (controller("A", "a"), controller("B", "b"));
        let known = HashMap::from([((*a).clone(), there(Some(&b))), ((*b).clone(), there(Some(&a)))]);
        assert!(owner(&a, &known).1.is_none());
    }

    #[test]
    fn annotation_on_the_higher_one_wins() {
        let (set, deployment) = (controller("ReplicaSet", "web-1"), controller("Deployment", "web"));
        let asks = |team: &str| Asks { team: Some(team.into()), ..Asks::default() };
        let says = |team: &str| Some(Box::new(Says { asks: asks(team), marks: None }));
        let known = HashMap::from([
            ((*set).clone(), Known::There { controller: Some(deployment.clone()), says: says("set") }),
            ((*deployment).clone(), Known::There { controller: None, says: says("deployment") }),
        ]);
        let Climb::Done(workload) = climb(&set, |controller| known.get(controller)) else { panic!() };
        assert_eq!(workload.asks.team.as_deref(), Some("deployment"));
    }
}
