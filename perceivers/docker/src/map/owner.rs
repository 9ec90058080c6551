//! Owners: the Compose service, the Swarm service, or the container itself.

use api_vocab::Owner;
use std::collections::HashMap;

const COMPOSE: [(&str, &str); 2] = [
    ("com.docker.compose.project", "com.docker.compose.service"),
    ("io.podman.compose.project", "io.podman.compose.service"),
];
const SWARM_SERVICE: &str = "com.docker.swarm.service.name";
const SWARM_STACK: &str = "com.docker.stack.namespace";

/// The workload that a container with these labels belongs to. Anyone may write labels: what is
/// no owner is passed over.
pub(super) fn owner(labels: Option<&HashMap<String, String>>, container: &str) -> Option<Owner> {
    let label = |name: &str| labels.and_then(|labels| labels.get(name)).filter(|text| !text.is_empty());
    let compose = COMPOSE.iter().find_map(|(project, service)| {
        Owner::new("compose", &format!("{}/{}", label(project)?, label(service)?)).ok()
    });
    // A stack's service is called `<stack>_<service>` already.
    let swarm = || {
        let name = label(SWARM_SERVICE).or(label(SWARM_STACK))?;
        Owner::new("swarm", name).ok()
    };
    compose.or_else(swarm).or_else(|| Owner::new("container", container).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_comes_from_the_labels_that_say_most() {
        let compose = [("com.docker.compose.project", "shop"), ("com.docker.compose.service", "web")];
        let podman = [("io.podman.compose.project", "shop"), ("io.podman.compose.service", "web")];
        let stack = [("com.docker.stack.namespace", "st"), ("com.docker.swarm.service.name", "st_web")];
        for (labels, expected) in [
            (&compose[..], "compose/shop/web"),
            (&podman[..], "compose/shop/web"),
            (&stack[..], "swarm/st_web"),
            (&stack[1..], "swarm/st_web"),
            (&stack[..1], "swarm/st"),
            (&compose[..1], "container/web-1"),
            (&[("com.docker.swarm.service.name", "a\nb")], "container/web-1"),
            (&[("com.docker.swarm.service.name", "")], "container/web-1"),
            (&[], "container/web-1"),
        ] {
            let labels = labels.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
            assert_eq!(owner(Some(&labels), "web-1").unwrap().as_str(), expected, "{labels:?}");
        }
        assert_eq!(owner(None, "web-1").unwrap().as_str(), "container/web-1");
    }
}
