//! What is decoded of image streams and Images. An Image carries its manifest, its configuration and
//! its layers as text: the decoder passes over them; they are never in this process as values.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::Resource;
use perceiver_kubernetes::owners::{Served, served};
use perceiver_kubernetes::slim::{metadata, or_default};
use perceiver_kubernetes::tell::MANAGER;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Group and version of both kinds.
pub const VERSION: &str = "image.openshift.io/v1";
/// The kind of an Image.
pub const IMAGE: &str = "Image";
/// We write nothing longer.
const MAX_VALUE: usize = 8 << 10;

/// An image stream: names of images within a namespace.
#[derive(Debug, Clone, Deserialize)]
pub struct SlimStream {
    /// Its name, and what its annotations ask for.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// What it leads to.
    #[serde(default, deserialize_with = "or_default")]
    pub status: StreamStatus,
}

/// What an image stream leads to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StreamStatus {
    /// Where the cluster's own registry serves it, as `registry.svc:5000/shop/web`.
    #[serde(deserialize_with = "or_default")]
    pub docker_image_repository: String,
    /// Its tags.
    #[serde(deserialize_with = "or_default")]
    pub tags: Vec<TagHistory>,
}

/// What a tag led to, the newest first.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TagHistory {
    /// As `latest`.
    #[serde(deserialize_with = "or_default")]
    pub tag: String,
    /// Images.
    #[serde(deserialize_with = "or_default")]
    pub items: Vec<TagItem>,
}

/// What a tag led to at one time.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TagItem {
    /// Where it can be pulled.
    #[serde(deserialize_with = "or_default")]
    pub docker_image_reference: String,
    /// The Image object's name: the manifest's digest.
    #[serde(deserialize_with = "or_default")]
    pub image: String,
}

/// An image that the cluster knows; its name is the manifest's digest.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "ImageShape")]
pub struct SlimImage {
    /// Its name.
    pub metadata: ObjectMeta,
    /// Where it can be pulled.
    pub docker_image_reference: String,
    /// The annotations that we have written and nobody has changed since.
    pub ours: BTreeMap<String, String>,
}

/// Where Images are written.
pub fn images() -> Served {
    served(VERSION, IMAGE, "images", false)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageShape {
    metadata: ImageMeta,
    #[serde(default, deserialize_with = "or_default")]
    docker_image_reference: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ImageMeta {
    name: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    #[serde(deserialize_with = "or_default")]
    annotations: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    managed_fields: Vec<Managed>,
}

/// Who has applied what.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Managed {
    manager: String,
    operation: String,
    #[serde(rename = "fieldsV1", deserialize_with = "or_default")]
    fields: Fields,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    #[serde(rename = "f:metadata", deserialize_with = "or_default")]
    metadata: MetaFields,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MetaFields {
    #[serde(rename = "f:annotations", deserialize_with = "or_default")]
    annotations: BTreeMap<String, IgnoredAny>,
}

impl From<ImageShape> for SlimImage {
    fn from(shape: ImageShape) -> Self {
        let ImageMeta { name, uid, resource_version, mut annotations, managed_fields } = shape.metadata;
        let mine = managed_fields.iter().filter(|of| of.manager == MANAGER && of.operation == "Apply");
        let fields = mine.flat_map(|of| of.fields.metadata.annotations.keys());
        let ours = fields.filter_map(|field| annotations.remove_entry(field.strip_prefix("f:")?));
        let ours = ours.filter(|(_, value)| value.len() <= MAX_VALUE).collect();
        let metadata = ObjectMeta { name, uid, resource_version, ..ObjectMeta::default() };
        SlimImage { metadata, docker_image_reference: shape.docker_image_reference, ours }
    }
}

/// Where the API server has a kind of `image.openshift.io/v1`.
macro_rules! of_images {
    ($name:ident, $kind:literal, $plural:literal, $scope:ty) => {
        impl Resource for $name {
            type DynamicType = ();
            type Scope = $scope;

            fn kind((): &()) -> Cow<'_, str> {
                $kind.into()
            }
            fn group((): &()) -> Cow<'_, str> {
                "image.openshift.io".into()
            }
            fn version((): &()) -> Cow<'_, str> {
                "v1".into()
            }
            fn plural((): &()) -> Cow<'_, str> {
                $plural.into()
            }
            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

of_images!(SlimStream, "ImageStream", "imagestreams", NamespaceResourceScope);
of_images!(SlimImage, "Image", "images", ClusterResourceScope);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn image_is_decoded_without_manifest_configuration_and_layers() {
        let image = json!({ "apiVersion": "image.openshift.io/v1", "kind": "Image",
            "metadata": { "name": "sha256:1", "managedFields": [] },
            "dockerImageReference": "quay.io/a/b@sha256:1",
            "dockerImageMetadata": { "Config": { "Env": ["PASSWORD=hunter2"] } },
            "dockerImageManifest": "{hunter2}", "dockerImageLayers": [{ "name": "hunter2" }] });
        let image: SlimImage = serde_json::from_value(image).unwrap();
        assert!(!format!("{image:?}").contains("hunter2"));
        assert_eq!(image.docker_image_reference, "quay.io/a/b@sha256:1");
    }

    #[test]
    fn annotations_are_ours_if_we_applied_them() {
        let fields = |names: &[&str]| {
            let names: serde_json::Map<String, serde_json::Value> =
                names.iter().map(|name| (format!("f:{name}"), json!({}))).collect();
            json!({ "f:metadata": { "f:annotations": names } })
        };
        let image = json!({ "metadata": { "name": "sha256:1", "uid": "1", "annotations": { "a": "1", "b": "2", "c": "3" },
            "managedFields": [
                { "manager": "perceptor", "operation": "Apply", "fieldsV1": fields(&["a", "gone", "."]) },
                { "manager": "perceptor", "operation": "Update", "fieldsV1": fields(&["b"]) },
                { "manager": "oc", "operation": "Apply", "fieldsV1": fields(&["c"]) },
                { "manager": "perceptor", "operation": "Apply", "fieldsV1": { "f:dockerImageManifest": {} } },
            ] } });
        let image: SlimImage = serde_json::from_value(image).unwrap();
        assert_eq!(image.ours, [("a".to_owned(), "1".to_owned())].into());
    }

    #[test]
    fn stream_with_null_where_a_list_is_empty_is_decoded() {
        for status in
            [json!(null), json!({ "tags": null }), json!({ "tags": [{ "tag": "a", "items": null }] })]
        {
            let stream = json!({ "metadata": { "name": "web", "namespace": "shop" }, "status": status });
            let stream: SlimStream = serde_json::from_value(stream).unwrap();
            assert!(stream.status.tags.iter().all(|tag| tag.items.is_empty()));
        }
    }
}
