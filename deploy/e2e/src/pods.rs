//! Pods for tests: what they ask for, and what the cluster says runs.

use crate::cluster::Cluster;
use crate::until::until;
use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
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

/// A Deployment in `default` of one pod on the node of that name.
pub fn deployment(name: &str, node: &str, mut specification: Value) -> Value {
    if let Some(fields) = specification.as_object_mut() {
        fields.insert("nodeName".to_owned(), json!(node));
    }
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": specification},
        },
    })
}

impl Cluster {
    /// Make a pod in `default` on the node of that name.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub fn run_pod(&self, name: &str, node: &str, mut specification: Value) -> Result<()> {
        if let Some(fields) = specification.as_object_mut() {
            fields.insert("nodeName".to_owned(), json!(node));
        }
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
        let pods: Api<Pod> = Api::namespaced(self.client().await?, namespace);
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"schedulerName": "nobody", "automountServiceAccountToken": false,
                "containers": [{"name": "main", "image": image}]},
        });
        pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
        let status = json!({"status": {"phase": "Running", "containerStatuses": [{
            "name": "main", "image": image, "imageID": image_id, "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        }]}});
        pods.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await?;
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
