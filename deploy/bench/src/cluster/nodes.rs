//! Nodes as an API server writes them.

use super::layout;
use std::fmt::Write;

/// Images that a kubelet names of those that its node holds.
const NAMED: usize = 50;

/// The name of node `n`.
pub fn node_name(n: usize) -> String {
    format!("ip-10-1-{}-{}.eu-central-1.compute.internal", n >> 8, n & 255)
}

/// What follows the metadata of node `n`; most of it is the images that it holds. Every fourth is of
/// another architecture.
pub fn node_rest(n: usize) -> String {
    let architecture = if n.is_multiple_of(4) { "arm64" } else { "amd64" };
    let mut rest = format!(
        r#","spec":{{"podCIDR":"10.{}.{}.0/24","providerID":"aws:///eu-central-1b/{}"}},"status":{{"capacity":{{"cpu":"16","memory":"64Gi","pods":"110"}},"conditions":[{{"type":"Ready","status":"True","reason":"KubeletReady"}}],"nodeInfo":{{"architecture":"{architecture}","operatingSystem":"linux","kernelVersion":"6.12.40","osImage":"Bottlerocket OS 1.46.0","containerRuntimeVersion":"containerd://2.1.4","kubeletVersion":"v1.36.3"}},"images":["#,
        64 + (n >> 8),
        n & 255,
        node_name(n)
    );
    for at in 0..NAMED {
        let comma = if at == 0 { "" } else { "," };
        let (repository, digest) = layout::image(n * 7 + at);
        // Writing into a text cannot fail.
        let _ = write!(
            rest,
            r#"{comma}{{"names":["{repository}@{digest}","{repository}:1.4.2"],"sizeBytes":104857600}}"#
        );
    }
    rest.push_str("]}");
    rest
}
