//! The defaults as a layer of their own, beneath all others.
//!
//! Serde fills what a section leaves out from the defaults of the section's type. A service may
//! have others for it, which must not be lost because one key of the section is set.

use super::Builder;
use ::config::{ConfigError, Value, ValueKind};
use serde::Serialize;
use serde_json::Value as Json;

/// What [`super::hidden`] writes for a secret, which is no value.
const HIDDEN: &str = "***";

/// Put the values of `settings` into the lowest layer; what is absent or hidden stays serde's.
pub(super) fn add<T: Serialize>(builder: Builder, settings: &T) -> Result<Builder, ConfigError> {
    let tree = serde_json::to_value(settings).unwrap_or_default();
    add_fields(builder, "", &tree)
}

fn add_fields(builder: Builder, path: &str, tree: &Json) -> Result<Builder, ConfigError> {
    let Json::Object(fields) = tree else { return Ok(builder) };
    fields.iter().try_fold(builder, |builder, (name, field)| {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value_of(field) {
            Some(value) => builder.set_default(key, Value::new(None, value)),
            None => add_fields(builder, &key, field),
        }
    })
}

/// The value of a leaf, if it says anything.
fn value_of(json: &Json) -> Option<ValueKind> {
    match json {
        Json::Bool(value) => Some((*value).into()),
        Json::Number(number) => {
            let unsigned = || number.as_u64().map(ValueKind::U64);
            number.as_i64().map(ValueKind::I64).or_else(unsigned).or(number.as_f64().map(ValueKind::Float))
        }
        Json::String(text) => (text != HIDDEN).then(|| text.clone().into()),
        Json::Array(items) => {
            let items: Option<Vec<Value>> =
                items.iter().map(|item| value_of(item).map(|kind| Value::new(None, kind))).collect();
            items.map(ValueKind::Array)
        }
        Json::Null | Json::Object(_) => None,
    }
}
