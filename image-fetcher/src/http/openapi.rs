//! The API's description, generated from the handlers.

use super::handlers;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Perceptor image-fetcher",
        version = "1",
        description = "Brings images' layers within a scanner's reach. Served on a unix socket.",
        license(name = "Apache-2.0")
    ),
    paths(
        handlers::resolve,
        handlers::layers,
        handlers::layer,
        handlers::archive,
        handlers::release,
        handlers::holds,
        handlers::health
    ),
    components(schemas(api_wire::fetcher::LayerStart))
)]
struct ApiDoc;

/// The document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    ApiDoc::openapi()
}
