//! How records look on disk: private JSON with short field names. A field that is added later has
//! a default, so that older rows stay readable without a migration.

mod context;
mod digest;
mod image;
mod known;
mod notice;
mod package;
mod pod;
mod scanner;

pub(crate) use context::ContextRow;
pub(crate) use digest::{DigestText, digest_text};
pub(crate) use image::{ImageRow, ScanRow};
pub(crate) use known::Known;
pub(crate) use notice::NoticeRow;
pub(crate) use package::{FindingRow, PackageRow};
pub(crate) use pod::PodRow;
pub(crate) use scanner::{ScannerRow, SourceRow};

use crate::StoreError;
use serde::{Deserialize, Serialize};
use std::borrow::{Borrow, Cow};

/// A text within a row: borrowed from it unless an escape forbids that.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Text<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Text(Cow::Borrowed(text))
    }
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A row's text.
pub(crate) fn write<T: Serialize>(what: &'static str, row: &T) -> Result<Vec<u8>, StoreError> {
    // Most rows fit: growing a text step by step costs more than writing it.
    let mut text = Vec::with_capacity(1024);
    match serde_json::to_writer(&mut text, row) {
        Ok(()) => Ok(text),
        Err(error) => Err(StoreError::Unwritable { what, message: error.to_string() }),
    }
}

/// The row that a text is.
pub(crate) fn read<'a, T: Deserialize<'a>>(what: &'static str, text: &'a [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(text).map_err(|error| StoreError::Row { what, message: error.to_string() })
}

/// A row that has the right shape and says something impossible.
pub(crate) fn wrong(what: &'static str, error: impl std::fmt::Display) -> StoreError {
    StoreError::Row { what, message: error.to_string() }
}
