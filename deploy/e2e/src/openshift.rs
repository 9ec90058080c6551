//! OpenShift's kinds on a plain cluster: definitions of the same group, version and fields, as far as
//! anybody here reads or writes them.

mod door;

pub use door::Door;

use crate::cluster::Cluster;
use crate::until::until;
use anyhow::Result;
use serde_json::{Value, json};

/// Group, plural, kind, whether it lives in namespaces.
const KINDS: [(&str, &str, &str, bool); 4] = [
    ("image.openshift.io", "imagestreams", "ImageStream", true),
    ("image.openshift.io", "images", "Image", false),
    ("apps.openshift.io", "deploymentconfigs", "DeploymentConfig", true),
    ("route.openshift.io", "routes", "Route", true),
];

impl Cluster {
    /// Serve image streams, Images, DeploymentConfigs and Routes from now on.
    ///
    /// # Errors
    /// When the API server refuses one.
    pub async fn serve_openshift(&self) -> Result<()> {
        for (group, plural, kind, namespaced) in KINDS {
            self.serve_kind(group, plural, kind, namespaced, fields(kind)).await?;
        }
        Ok(())
    }

    /// Serve constraints, of which the chart makes one.
    ///
    /// # Errors
    /// When the API server refuses their definition.
    pub async fn serve_constraints(&self) -> Result<()> {
        let fields = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true,
            "required": ["allowPrivilegedContainer", "allowHostDirVolumePlugin", "volumes"]});
        let (group, plural) = ("security.openshift.io", "securitycontextconstraints");
        self.serve_kind(group, plural, "SecurityContextConstraints", false, fields).await
    }

    async fn serve_kind(
        &self,
        group: &str,
        plural: &str,
        kind: &str,
        namespaced: bool,
        fields: Value,
    ) -> Result<()> {
        let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "scope": if namespaced { "Namespaced" } else { "Cluster" },
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": fields}}]}});
        self.apply(&definition.to_string())?;
        let name = format!("{plural}.{group}");
        until("the new kind", async || Ok(self.kubectl(&["get", &name, "-A"]).ok())).await.map(drop)
    }
}

fn anything() -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn list_of(item: Value) -> Value {
    json!({"type": "array", "items": item})
}

fn object(properties: Value) -> Value {
    json!({"type": "object", "properties": properties})
}

/// The fields of a kind, by the names that OpenShift gives them.
fn fields(kind: &str) -> Value {
    match kind {
        "Image" => object(json!({
            "dockerImageReference": text(),
            "dockerImageMetadata": anything(),
            "dockerImageMetadataVersion": text(),
            "dockerImageManifest": text(),
            "dockerImageManifestMediaType": text(),
            "dockerImageConfig": text(),
            "dockerImageLayers": list_of(object(json!({
                "name": text(), "size": {"type": "integer", "format": "int64"}, "mediaType": text(),
            }))),
        })),
        "ImageStream" => object(json!({
            "spec": anything(),
            "status": object(json!({
                "dockerImageRepository": text(),
                "publicDockerImageRepository": text(),
                "tags": list_of(object(json!({
                    "tag": text(),
                    "items": {"type": "array", "nullable": true, "items": object(json!({
                        "created": {"type": "string", "format": "date-time"},
                        "dockerImageReference": text(),
                        "image": text(),
                        "generation": {"type": "integer", "format": "int64"},
                    }))},
                    "conditions": list_of(anything()),
                }))),
            })),
        })),
        _ => object(json!({"spec": anything(), "status": anything()})),
    }
}
