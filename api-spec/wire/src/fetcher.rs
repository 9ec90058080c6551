//! The image-fetcher's API (`image-fetcher.v1`), below `/v1` on its unix socket.

use crate::lease::{ImageIdentity, PullSecretRef};
use api_vocab::{Digest, Platform, SourceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// POST: a [`ResolveRequest`]; 200 with a [`ResolvedImage`].
pub const RESOLVE: &str = "/v1/resolve";
/// GET: the bytes of one layer of a resolved image, as stored (compressed or not).
pub const LAYER: &str = "/v1/images/{handle}/layers/{diff_id}";
/// POST: a [`LayersRequest`]; 200 with a stream of [`crate::frame`]s: the wanted layers in
/// whatever order the store gives them, in one pass.
pub const LAYERS: &str = "/v1/images/{handle}/layers";
/// GET: the whole image as an archive (`docker save` layout), for outside engines.
pub const ARCHIVE: &str = "/v1/images/{handle}/archive";
/// DELETE: the scan is over; what was spooled for it may go.
pub const HANDLE: &str = "/v1/images/{handle}";
/// GET: what images the node's stores hold.
pub const HOLDS: &str = "/v1/holds";
/// GET: the sources it reaches and whether each answers.
pub const HEALTH: &str = "/healthz";

/// Which image is wanted: any of its names will do; digests are tried first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ResolveRequest {
    /// Digests of the image: config, manifest or index.
    #[schema(value_type = Vec<String>)]
    pub digests: Vec<Digest>,
    /// References, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// The platform to choose from an index, as `linux/arm64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub platform: Option<Platform>,
    /// The platform of the nodes that run it: what to choose from an index instead of this machine's
    /// where no platform is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub runs_on: Option<Platform>,
    /// Secrets that it may be pulled from a registry with; those of other sources are passed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pull_secrets: Vec<PullSecretRef>,
}

/// An image that can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResolvedImage {
    /// What the following calls name; 32 hexadecimal digits.
    pub handle: String,
    /// Its digests and platform.
    pub identity: ImageIdentity,
    /// Its layers, bottom first.
    pub layers: Vec<FetchableLayer>,
    /// The kind of store it comes from, as `docker` or `oci-archive`.
    pub fetched_from: String,
    /// `repository:tag` names that the store has for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
}

/// One layer of a resolved image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FetchableLayer {
    /// The digest of the uncompressed layer.
    #[schema(value_type = String)]
    pub diff_id: Digest,
    /// The digest of the layer as stored, where the store keeps one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub digest: Option<Digest>,
    /// Bytes as stored, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// Which layers of a resolved image are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct LayersRequest {
    /// Diff-ids, at most 512; each is sent once.
    #[schema(value_type = Vec<String>)]
    pub wanted: Vec<Digest>,
}

/// What is known of a layer before its bytes come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LayerStart {
    /// The digest of the uncompressed layer. Whoever uncompresses it verifies it.
    #[schema(value_type = String)]
    pub diff_id: Digest,
    /// Bytes as stored; 0 for a reconstructed layer.
    pub size: u64,
    /// It was made from what a runtime unpacked, because the layer itself is not kept: it means
    /// the same, but its digest is another. Nobody else may rely on what is found in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reconstructed: bool,
}

/// What the node's stores hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Holds {
    /// Digests of images: config, manifest, index.
    #[schema(value_type = Vec<String>)]
    pub digests: Vec<Digest>,
}

/// GET /healthz.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct FetcherHealth {
    /// One line per store.
    pub stores: Vec<StoreHealth>,
}

/// Whether one store answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreHealth {
    /// The kind, as `docker`.
    pub kind: String,
    /// The source it belongs to, where it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub source: Option<SourceId>,
    /// Whether it answers.
    pub reachable: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
