//! HTTP: routes, and what handlers share. Handlers parse, have one command applied, and render.

pub mod docs;
pub mod openapi;
pub mod page;
pub mod refusal;
pub mod role;
pub mod single;
pub mod v1;
pub mod workloads;

use api_chassis::http::HttpError;

/// What a handler gives back.
pub type Answer = Result<actix_web::HttpResponse, HttpError>;

/// A query for handlers that know no key: any key is one too many.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoQuery {}
