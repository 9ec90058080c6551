//! Roles as extractors: a handler names first who may call it, and no body is read for others.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use api_chassis::auth::{Caller, Role, require};
use api_chassis::http::HttpError;
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, TryFutureExt};

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
    /// A perceiver calls.
    ByPerceiver, Role::Perceiver
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
