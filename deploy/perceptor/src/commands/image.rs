//! Which image a person means: by a digest, by how a digest begins, or by a reference.

use super::WrongInput;
use anyhow::Result;
use api_client::Client;
use api_vocab::{Digest, ImageRef};
use api_wire::image::{Image, ImageQuery};
use futures_util::TryStreamExt;

/// Fewer digits of a digest could be meant as a name.
const MIN_DIGITS: usize = 6;
/// How many images a complaint names.
const NAMED: usize = 5;
/// Most images of a page.
const PAGE: u32 = 1_000;

/// The digest of the image that `text` means.
///
/// # Errors
/// None is meant, or several are: [`WrongInput`].
pub async fn find(client: &Client, text: &str) -> Result<Digest> {
    if let Ok(digest) = text.parse() {
        return Ok(digest);
    }
    let reference = beginning(text).is_none().then(|| text.to_owned());
    let query = ImageQuery { reference, limit: Some(PAGE), ..ImageQuery::default() };
    let images: Vec<Image> = client.every_image(query).try_collect().await?;
    choose(images, text).map_err(|reason| WrongInput(reason).into())
}

/// The digits that a digest is to begin with, if `text` is such.
fn beginning(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let well_formed = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (digits.len() >= MIN_DIGITS && well_formed).then_some(digits)
}

/// The only image that is meant: one that is called so goes before those that are called like it.
fn choose(images: Vec<Image>, text: &str) -> Result<Digest, String> {
    let digits = beginning(text);
    let begins = |image: &Image| {
        let mut digests = std::iter::once(&image.digest).chain(&image.aliases);
        digits.is_some_and(|digits| digests.any(|digest| digest.hex().starts_with(digits)))
    };
    let like = |image: &Image| begins(image) || image.references.iter().any(|name| name.contains(text));
    let mut meant: Vec<Image> = images.into_iter().filter(like).collect();
    if meant.iter().any(|image| is_called(image, text)) {
        meant.retain(|image| is_called(image, text));
    }
    match meant.as_slice() {
        [only] => Ok(only.digest.clone()),
        [] => Err(format!("no image is {text:?}; `perceptor images -o wide` lists them with their digests")),
        several => {
            let names: Vec<String> = several.iter().take(NAMED).map(|image| image.digest.short()).collect();
            let more = if several.len() > NAMED { ", …" } else { "" };
            Err(format!(
                "{text:?} is {} images: {}{more}; expected one digest",
                several.len(),
                names.join(", ")
            ))
        }
    }
}

/// Whether a reference of the image says the same as `text`.
fn is_called(image: &Image, text: &str) -> bool {
    let asked = text.parse::<ImageRef>().ok();
    image
        .references
        .iter()
        .any(|name| name == text || (asked.is_some() && name.parse::<ImageRef>().ok() == asked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn image(byte: u8, references: &[&str]) -> Image {
        serde_json::from_value(json!({
            "digest": Digest::sha256([byte; 32]).to_string(), "aliases": [], "references": references,
            "state": {"state": "queued", "since": "2026-01-01T00:00:00Z"}, "pods": 1, "layers": [],
            "first_seen": "2026-01-01T00:00:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn image_is_found_by_reference_part_of_one_or_beginning_of_its_digest() {
        let images = || {
            vec![
                image(0xab, &["docker.io/library/nginx:1.27"]),
                image(0xac, &["quay.io/x/nginx:1.27", "quay.io/x/nginx:latest"]),
                image(0xcd, &["sample/web:1.4"]),
            ]
        };
        for (text, byte) in [
            ("nginx:1.27", Some(0xab)),
            ("quay.io/x/nginx", Some(0xac)),
            ("web", Some(0xcd)),
            ("abababab", Some(0xab)),
            ("sha256:cdcdcdcd", Some(0xcd)),
            ("nginx", None),
            ("redis", None),
            ("ababac", None),
        ] {
            let found = choose(images(), text);
            assert_eq!(found.clone().ok(), byte.map(|byte| Digest::sha256([byte; 32])), "{text}: {found:?}");
        }
        assert!(choose(images(), "nginx").unwrap_err().contains("is 2 images: abababababab, acacacacacac"));
    }
}
