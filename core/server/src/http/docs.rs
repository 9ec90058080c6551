//! The human page of the API; everything it needs is in this program.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::web::{self, Path, ServiceConfig, get, resource};
use api_chassis::http::HttpError;
use std::sync::Arc;

const POLICY: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// What the page calls itself, and what it should: on a small screen it is as wide as the screen.
const TITLE: &str = "<title>Swagger UI</title>";
const OWN_TITLE: &str = "<title>Perceptor core API</title>
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />";

/// `/docs`, and the files of the page below it; `/` leads there.
pub fn routes(config: &mut ServiceConfig) {
    let document = format!("{}{}", api_wire::routes::API, api_wire::routes::OPENAPI);
    let page = web::Data::new(utoipa_swagger_ui::Config::from(document).use_base_layout());
    config
        .app_data(page)
        .service(resource("/").route(get().to(enter)))
        .service(resource("/docs").route(get().to(redirect)))
        .service(resource("/docs/{file:.*}").route(get().to(file)));
}

/// Relative, so that it holds behind a gate that puts a path before ours.
async fn enter() -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, "docs/")).finish()
}

async fn redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish()
}

async fn file(
    page: web::Data<utoipa_swagger_ui::Config<'static>>,
    path: Path<String>,
) -> Result<HttpResponse, HttpError> {
    let page: Arc<utoipa_swagger_ui::Config<'static>> = page.into_inner();
    let file = utoipa_swagger_ui::serve(&path, page).map_err(HttpError::bug)?;
    let file = file.ok_or_else(|| HttpError::not_found("the documentation has no such file"))?;
    let mut answer = HttpResponse::Ok();
    answer.content_type(&*file.content_type).insert_header((CONTENT_SECURITY_POLICY, POLICY));
    Ok(match std::str::from_utf8(&file.bytes) {
        Ok(page) if file.content_type == "text/html" => answer.body(page.replace(TITLE, OWN_TITLE)),
        _ => answer.body(file.bytes.into_owned()),
    })
}
