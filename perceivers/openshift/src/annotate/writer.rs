//! The writer: one annotated Image at a time, by server-side apply; what the server's answers mean.

use super::plan::Write;
use crate::slim::{MANAGER, SlimImage};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Error};
use perceiver_kubernetes::cluster::{reason, retry_after, within};
use serde_json::json;
use std::time::Duration;

/// What came of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is there.
    Written,
    /// The Image is no more.
    Gone,
    /// Somebody else owns one of the annotations, or the server will not have them.
    Refused {
        /// In the server's words.
        reason: String,
    },
    /// Not allowed.
    Forbidden,
    /// Not now.
    Away {
        /// Why.
        reason: String,
        /// How long the server asks to be left alone.
        wait: Option<Duration>,
    },
}

/// Write; nothing but the annotations, and only onto the object that is meant. Whoever else has
/// written one of them keeps it.
pub async fn write(cluster: &Client, write: &Write) -> Outcome {
    let images: Api<SlimImage> = Api::all(cluster.clone());
    let name = write.digest.to_string();
    let body = json!({
        "apiVersion": "image.openshift.io/v1",
        "kind": "Image",
        "metadata": { "name": name, "uid": write.uid, "annotations": write.annotations },
    });
    let params = PatchParams::apply(MANAGER);
    match within(images.patch_metadata(&name, &params, &Patch::Apply(body))).await {
        Ok(_) => Outcome::Written,
        Err(error) => outcome(&error),
    }
}

fn outcome(error: &Error) -> Outcome {
    match error {
        Error::Api(status) if status.code == 403 => Outcome::Forbidden,
        Error::Api(status) if status.code == 404 => Outcome::Gone,
        Error::Api(status) if matches!(status.code, 400 | 409 | 415 | 422) => {
            Outcome::Refused { reason: reason(error) }
        }
        error => Outcome::Away { reason: reason(error), wait: retry_after(error) },
    }
}
