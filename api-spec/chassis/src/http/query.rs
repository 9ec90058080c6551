//! What a request asks for behind the `?`; what is wrong with it names the key.

use super::HttpError;
use actix_web::dev::Payload;
use actix_web::error::QueryPayloadError;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error};
use std::future::{Ready, ready};
use std::ops::Deref;

/// The query, as handlers take it.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T> Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = HttpError;
    type Future = Ready<Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = web::Query::<Keyed<T>>::from_query(request.query_string());
        ready(query.map(|query| Query(query.into_inner().0)).map_err(|error| refused(&error)))
    }
}

/// A value whose complaint begins with the key.
struct Keyed<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_path_to_error::deserialize(deserializer).map(Keyed).map_err(D::Error::custom)
    }
}

fn refused(error: &QueryPayloadError) -> HttpError {
    let QueryPayloadError::Deserialize(reason) = error else { return HttpError::invalid(error.to_string()) };
    HttpError::invalid(format!("the query: {reason}"))
}
