//! Pods for tests: what they ask for, and what the cluster says runs.

use crate::cluster::Cluster;
use crate::until::until;
use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{ContainerStatus, Node, Pod};
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

/// A pod's specification that runs on a real node here: in the host's network, without an image
/// that nobody has, and gone at once when it is deleted.
pub fn specification(image: &str, pull_secrets: &[&str]) -> Value {
    let policy = if pull_secrets.is_empty() { "Never" } else { "IfNotPresent" };
    json!({
        "hostNetwork": true,
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": false,
        "containers": [{
            "name": "main",
            "image": image,
            "imagePullPolicy": policy,
            "command": ["/bin/sleep", "infinity"],
        }],
        "imagePullSecrets": pull_secrets.iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
    })
}

/// The same on the node of that name, whatever the scheduler thinks.
pub fn on_node(node: &str, mut specification: Value) -> Value {
    if let Some(fields) = specification.as_object_mut() {
        fields.insert("nodeName".to_owned(), json!(node));
    }
    specification
}

/// A Deployment in `default` of one pod on the node of that name.
pub fn deployment(name: &str, node: &str, specification: Value) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": on_node(node, specification)},
        },
    })
}

impl Cluster {
    /// Make a pod in `default` on the node of that name.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub fn run_pod(&self, name: &str, node: &str, specification: Value) -> Result<()> {
        let specification = on_node(node, specification);
        let pod =
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": specification});
        self.apply(&pod.to_string())?;
        Ok(())
    }

    /// Make a pod that no node runs; its status says what a kubelet would. `image_id` is as a
    /// kubelet writes it: `registry/repository@sha256:…`.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn pretend_pod(&self, namespace: &str, name: &str, image: &str, image_id: &str) -> Result<()> {
        let specification = json!({"schedulerName": "nobody", "automountServiceAccountToken": false,
            "containers": [{"name": "main", "image": image}]});
        self.pretend_pod_of(namespace, name, specification, image_id).await
    }

    /// The same of any specification of one container.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn pretend_pod_of(
        &self,
        namespace: &str,
        name: &str,
        specification: Value,
        image_id: &str,
    ) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.client().await?, namespace);
        let image = specification.pointer("/containers/0/image").cloned();
        let pod =
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": specification});
        pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
        let status = json!({"status": {"phase": "Running", "containerStatuses": [{
            "name": "main", "image": image, "imageID": image_id, "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        }]}});
        pods.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await?;
        Ok(())
    }

    /// Make a node that no kubelet speaks for, of that architecture.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn pretend_node(&self, name: &str, architecture: &str) -> Result<()> {
        let nodes: Api<Node> = Api::all(self.client().await?);
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
        nodes.create(&PostParams::default(), &serde_json::from_value(node)?).await?;
        let info = json!({"architecture": architecture, "operatingSystem": "linux", "bootID": "", "systemUUID": "",
            "machineID": "", "kernelVersion": "", "osImage": "", "containerRuntimeVersion": "",
            "kubeletVersion": "", "kubeProxyVersion": ""});
        let status = json!({"status": {"nodeInfo": info}});
        nodes.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await?;
        Ok(())
    }

    /// The state of the pod's first container, once it runs.
    ///
    /// # Errors
    /// When it does not run in time; the error says why.
    pub async fn running(&self, pod: &str) -> Result<ContainerStatus> {
        let started = |status: &ContainerStatus| status.state.as_ref().is_some_and(|it| it.running.is_some());
        let running = self.first_container(pod, started).await;
        running.with_context(|| self.kubectl(&["get", "pod", pod, "-o", "yaml"]).unwrap_or_default())
    }

    /// The state of the pod's first container, once it waits for one of these reasons: kubelets say
    /// now what went wrong, now that they will try again.
    ///
    /// # Errors
    /// When it does not come to that in time.
    pub async fn waiting(&self, pod: &str, reasons: &[&str]) -> Result<ContainerStatus> {
        let waits = |status: &ContainerStatus| {
            let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
            waiting.and_then(|waiting| waiting.reason.as_deref()).is_some_and(|it| reasons.contains(&it))
        };
        self.first_container(pod, waits).await
    }

    async fn first_container(
        &self,
        pod: &str,
        condition: impl Fn(&ContainerStatus) -> bool,
    ) -> Result<ContainerStatus> {
        let pods: Api<Pod> = Api::default_namespaced(self.client().await?);
        until(&format!("the container of pod {pod}"), async || {
            let statuses = pods.get(pod).await?.status.and_then(|status| status.container_statuses);
            Ok(statuses.into_iter().flatten().next().filter(|status| condition(status)))
        })
        .await
    }
}
