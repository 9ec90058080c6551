//! The fetcher's HTTP API: what `api_wire::fetcher` says, on a unix socket.

mod error;
mod handlers;
mod metrics;
mod openapi;

pub use metrics::FetcherMetrics;
pub use openapi::openapi;

use crate::Fetcher;
use actix_web::web::{self, ServiceConfig};
use api_wire::fetcher as routes;
use std::sync::Arc;

/// Add the API's routes.
pub fn routes(fetcher: Arc<Fetcher>, metrics: FetcherMetrics) -> impl Fn(&mut ServiceConfig) + Clone + Send {
    move |config| {
        config
            .app_data(web::Data::from(Arc::clone(&fetcher)))
            .app_data(web::Data::new(metrics.clone()))
            .service(web::resource(routes::RESOLVE).route(web::post().to(handlers::resolve)))
            .service(web::resource(routes::LAYERS).route(web::post().to(handlers::layers)))
            .service(web::resource(routes::LAYER).route(web::get().to(handlers::layer)))
            .service(web::resource(routes::ARCHIVE).route(web::get().to(handlers::archive)))
            .service(web::resource(routes::HANDLE).route(web::delete().to(handlers::release)))
            .service(web::resource(routes::HOLDS).route(web::get().to(handlers::holds)))
            .service(web::resource(routes::HEALTH).route(web::get().to(handlers::health)));
    }
}
