//! Where each resource lives, below `/api/v1`.

/// The prefix of every versioned route.
pub const API: &str = "/api/v1";
/// POST: a batch of observations of one source.
pub const OBSERVATIONS: &str = "/sources/{kind}/{name}/observations";
/// PUT: the full state of one source, one pod a line.
pub const SOURCE_STATE: &str = "/sources/{kind}/{name}/state";
/// GET: how its pods and listed images stand, then what changes of it, one a line (NDJSON).
pub const STANDINGS: &str = "/sources/{kind}/{name}/standings";
/// GET: findings of one image that the source runs or lists, by any of its digests.
pub const SOURCE_IMAGE_FINDINGS: &str = "/sources/{kind}/{name}/images/{digest}/findings";
/// GET: one source.
pub const SOURCE: &str = "/sources/{kind}/{name}";
/// GET: all sources.
pub const SOURCES: &str = "/sources";
/// PUT: register a scanner; GET: one scanner.
pub const SCANNER: &str = "/scanners/{name}";
/// GET: all scanners.
pub const SCANNERS: &str = "/scanners";
/// POST: ask for a lease, waiting if there is no work.
pub const LEASES: &str = "/leases";
/// POST: renew a lease.
pub const LEASE_RENEW: &str = "/leases/{lease}/renew";
/// POST: say which layers the image has; learn which are unknown.
pub const LEASE_LAYERS: &str = "/leases/{lease}/layers";
/// PUT: one extracted layer.
pub const LEASE_LAYER: &str = "/leases/{lease}/layers/{diff_id}";
/// POST: the inventory; ends the lease.
pub const LEASE_REPORT: &str = "/leases/{lease}/report";
/// POST: it did not work; ends the lease.
pub const LEASE_FAILURE: &str = "/leases/{lease}/failure";
/// GET: one extracted layer.
pub const LAYER: &str = "/layers/{diff_id}";
/// GET: pods.
pub const PODS: &str = "/pods";
/// GET: images.
pub const IMAGES: &str = "/images";
/// GET: one image, by any of its digests.
pub const IMAGE: &str = "/images/{digest}";
/// POST: extract it again.
pub const IMAGE_RESCAN: &str = "/images/{digest}/rescan";
/// GET: its packages.
pub const IMAGE_PACKAGES: &str = "/images/{digest}/packages";
/// GET: its findings.
pub const IMAGE_FINDINGS: &str = "/images/{digest}/findings";
/// GET: its SBOM.
pub const IMAGE_SBOM: &str = "/images/{digest}/sbom";
/// GET: packages of the fleet.
pub const PACKAGES: &str = "/packages";
/// GET: where packages run.
pub const PACKAGE_PLACES: &str = "/packages/places";
/// GET: findings of the fleet.
pub const FINDINGS: &str = "/findings";
/// GET: images that wait for a scan.
pub const QUEUE: &str = "/queue";
/// GET: the fleet in numbers.
pub const SUMMARY: &str = "/summary";
/// GET: the advisory set in force. POST: look for a newer one now.
pub const ADVISORIES: &str = "/advisories";
/// GET: server-sent events.
pub const EVENTS: &str = "/events";
/// GET: this API, as OpenAPI 3.1.
pub const OPENAPI: &str = "/openapi.json";
