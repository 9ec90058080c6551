//! The nodes, as they are heard: what each of them is, so that a pod's image can be chosen from an
//! index as its node chose it.

use super::heard::Heard;
use crate::intern::Interner;
use crate::slim::SlimNode;
use api_vocab::Platform;
use std::collections::HashMap;
use std::sync::Arc;

/// What is known of a node.
#[derive(Debug)]
struct Row {
    platform: Option<Arc<Platform>>,
    /// The list that named it last.
    list: u32,
}

/// The nodes that are there.
#[derive(Debug, Default)]
pub struct Nodes {
    known: HashMap<Box<str>, Row>,
    platforms: Interner<Platform>,
    list: u32,
}

impl Nodes {
    /// What a node is, as far as it says.
    pub fn platform(&self, name: &str) -> Option<&Arc<Platform>> {
        self.known.get(name)?.platform.as_ref()
    }

    /// What is heard of nodes; answers the one that is another platform than was known.
    pub fn hear(&mut self, heard: &Heard<SlimNode>) -> Option<Box<str>> {
        match heard {
            Heard::Begins => self.list = self.list.wrapping_add(1),
            Heard::Listed(node) | Heard::Applied(node) => return self.take(node),
            // Its pods go by their own events.
            Heard::Gone(node) => drop(self.known.remove(node.metadata.name.as_deref()?)),
            Heard::Complete => {
                self.known.retain(|_, row| row.list == self.list);
                self.platforms.sweep();
            }
            Heard::Lost { .. } | Heard::Back => {}
        }
        None
    }

    fn take(&mut self, node: &SlimNode) -> Option<Box<str>> {
        let name: Box<str> = node.metadata.name.as_deref()?.into();
        let platform = platform(node).map(|platform| self.platforms.share(platform));
        let row = Row { platform, list: self.list };
        if let Some(known) = self.known.get_mut(&name)
            && known.platform == row.platform
        {
            known.list = row.list;
            return None;
        }
        let is_news = row.platform.is_some() || self.known.contains_key(&name);
        self.known.insert(name.clone(), row);
        is_news.then_some(name)
    }
}

/// Nothing where the kubelet has not said it yet, or nonsense.
fn platform(node: &SlimNode) -> Option<Platform> {
    let info = &node.status.node_info;
    format!("{}/{}", info.operating_system, info.architecture).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(name: &str, os: &str, architecture: &str) -> SlimNode {
        let info = json!({"operatingSystem": os, "architecture": architecture, "kubeletVersion": "v1.36.3"});
        serde_json::from_value(json!({"metadata": {"name": name}, "status": {"nodeInfo": info}})).unwrap()
    }

    #[test]
    fn node_is_news_only_when_it_is_another_platform_than_was_known() {
        let mut nodes = Nodes::default();
        let arm = Arc::new("linux/arm64".parse().unwrap());
        for (heard, news) in [
            (Heard::Begins, None),
            (Heard::Listed(node("a", "linux", "arm64")), Some("a")),
            (Heard::Listed(node("young", "", "")), None),
            (Heard::Complete, None),
            (Heard::Applied(node("a", "linux", "arm64")), None),
            (Heard::Applied(node("young", "linux", "amd64")), Some("young")),
            (Heard::Applied(node("young", "a \n b", "amd64")), Some("young")),
            (Heard::Applied(serde_json::from_value(json!({"metadata": {"name": "bare"}})).unwrap()), None),
        ] {
            assert_eq!(nodes.hear(&heard).as_deref(), news, "{heard:?}");
        }
        assert_eq!(nodes.platform("a"), Some(&arm));
        assert_eq!((nodes.platform("young"), nodes.platform("unheard")), (None, None));
    }

    #[test]
    fn node_that_a_complete_list_does_not_name_is_gone() {
        let mut nodes = Nodes::default();
        for name in ["stays", "goes", "ends"] {
            nodes.hear(&Heard::Applied(node(name, "linux", "amd64")));
        }
        nodes.hear(&Heard::Begins);
        nodes.hear(&Heard::Lost { forbidden: false });
        assert!(nodes.platform("goes").is_some(), "what was known stays while nothing is heard");
        nodes.hear(&Heard::Listed(node("stays", "linux", "amd64")));
        nodes.hear(&Heard::Complete);
        nodes.hear(&Heard::Gone(node("ends", "linux", "amd64")));
        let there = ["stays", "goes", "ends"].map(|name| nodes.platform(name).is_some());
        assert_eq!(there, [true, false, false]);
    }
}
