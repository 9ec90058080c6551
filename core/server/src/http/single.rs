//! Single resources: JSON with an entity tag.

use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use api_chassis::http::HttpError;
use api_vocab::sha256;
use serde::Serialize;

/// Answer `value`, or 304 if the caller has it.
pub fn single(request: &HttpRequest, value: &impl Serialize) -> Result<HttpResponse, HttpError> {
    let body = serde_json::to_vec(value).map_err(HttpError::bug)?;
    Ok(tagged(request, "application/json", body))
}

/// Answer `body`, or 304 if the caller has it.
pub fn tagged(request: &HttpRequest, media_type: &str, body: Vec<u8>) -> HttpResponse {
    let hash = hex::encode(sha256(&body));
    let tag = format!("\"{}\"", hash.get(..32).unwrap_or(&hash));
    let known = has(request, &tag);
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((ETAG, tag)).insert_header((CACHE_CONTROL, "no-cache"));
    if known { answer.finish() } else { answer.content_type(media_type).body(body) }
}

/// Whether `If-None-Match` names `tag`, by weak comparison (RFC 9110, 13.1.2).
fn has(request: &HttpRequest, tag: &str) -> bool {
    let values = request.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == tag || one == "*")
}
