//! Roles as extractors: a handler names first who may call it, and no body is read for others.

use super::refusal;
use actix_web::dev::Payload;
use actix_web::web::Path;
use actix_web::{FromRequest, HttpRequest};
use api_chassis::auth::{Caller, Role, require};
use api_chassis::http::HttpError;
use api_vocab::{SourceId, SourceKind};
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, TryFutureExt};
use serde::Deserialize;

/// An extractor that lets one role (and admins) in.
macro_rules! role {
    ($(#[$meta:meta])* $name:ident, $role:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub struct $name(pub Caller);

        impl FromRequest for $name {
            type Error = HttpError;
            type Future = LocalBoxFuture<'static, Result<Self, HttpError>>;

            fn from_request(request: &HttpRequest, _body: &mut Payload) -> Self::Future {
                require(request, $role).map_ok($name).boxed_local()
            }
        }
    };
}

role! {
    /// A scanner calls.
    ByScanner, Role::Scanner
}
role! {
    /// A reader calls.
    ByReader, Role::Reader
}
role! {
    /// An operator calls.
    ByAdmin, Role::Admin
}

/// A perceiver calls that speaks for the source that the path names. There is no other way to that
/// source: a handler cannot forget to ask.
#[derive(Debug, Clone)]
pub struct ByPerceiver(pub SourceId);

/// The part of a path that names a source.
#[derive(Deserialize)]
struct OfSource {
    kind: SourceKind,
    name: String,
}

impl FromRequest for ByPerceiver {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, body: &mut Payload) -> Self::Future {
        let caller = require(request, Role::Perceiver);
        let path = Path::<OfSource>::from_request(request, body);
        let authorize = async move {
            // First of all: a stranger does not learn what would be well-formed.
            let caller = caller.await?;
            let OfSource { kind, name } = path.await?.into_inner();
            let source = SourceId::new(kind, &name).map_err(refusal::invalid)?;
            caller.check_source(&source)?;
            Ok(ByPerceiver(source))
        };
        authorize.boxed_local()
    }
}
