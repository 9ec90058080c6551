//! The choice among the entries of an index, before any of them is read.

use super::choose::{is_same, own_platform, wished};
use super::documents::Descriptor;
use crate::error::ReadError;
use api_vocab::{Digest, Platform};

/// The entry that is meant: one whose digest was asked for, else the one for the platform, which is
/// that of the nodes that run it (or this machine's) where none is wished for.
///
/// # Errors
/// None fits.
pub fn pick<'a>(
    entries: &'a [Descriptor],
    digests: &[Digest],
    wish: Option<&Platform>,
    runs_on: Option<&Platform>,
) -> Result<&'a Descriptor, ReadError> {
    let images: Vec<&Descriptor> = entries.iter().filter(|entry| !entry.is_attachment()).collect();
    if let Some(asked) = images.iter().find(|entry| digests.contains(&entry.digest)) {
        return Ok(asked);
    }
    if let ([only], None) = (images.as_slice(), wish) {
        return Ok(only);
    }
    let wanted = wish.or(runs_on).cloned().or_else(own_platform);
    let fitting: Vec<(&Descriptor, Platform)> = images
        .iter()
        .filter_map(|entry| Some((*entry, entry.platform.as_ref()?.parse()?)))
        .filter(|(_, platform)| wanted.as_ref().is_some_and(|wanted| is_same(platform, wanted)))
        .collect();
    let variant = wanted.as_ref().and_then(usual_variant);
    let usual = fitting.iter().find(|(_, platform)| platform.variant() == variant);
    // Of equal entries the first counts, as for container runtimes.
    let picked = usual.or_else(|| fitting.first()).map(|(entry, _)| *entry);
    let unlabelled = || images.iter().copied().find(|entry| entry.platform.is_none());
    let missing = || {
        ReadError::NotFound(format!("an image for {} (here: {})", wished(wanted.as_ref()), listed(&images)))
    };
    picked.or_else(unlabelled).ok_or_else(missing)
}

/// The variant that is meant where none is said.
fn usual_variant(platform: &Platform) -> Option<&str> {
    platform.variant().or(match platform.architecture() {
        "arm" => Some("v7"),
        "arm64" if platform.os() == "linux" => Some("v8"),
        _ => None,
    })
}

fn listed(entries: &[&Descriptor]) -> String {
    let platforms = entries.iter().filter_map(|entry| entry.platform.as_ref()?.parse());
    let shown: Vec<String> = platforms.take(20).map(|platform| platform.to_string()).collect();
    if shown.is_empty() { "no platforms".to_owned() } else { shown.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn digest(n: usize) -> Digest {
        Digest::sha256([u8::try_from(n).unwrap(); 32])
    }

    /// Entries for these platforms; the digest of each is its place.
    fn index(platforms: &[&str]) -> Vec<Descriptor> {
        let entry = |(at, platform): (usize, &&str)| {
            let mut parts = platform.split('/');
            let media_type = "application/vnd.oci.image.manifest.v1+json";
            let mut entry = json!({"mediaType": media_type, "digest": digest(at), "size": 1});
            if !platform.is_empty() {
                let (os, architecture) = (parts.next(), parts.next());
                entry["platform"] = json!({"os": os, "architecture": architecture});
                if let Some(variant) = parts.next() {
                    entry["platform"]["variant"] = Value::String(variant.to_owned());
                }
            }
            if platform.starts_with("unknown") {
                entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
            }
            serde_json::from_value(entry).unwrap()
        };
        platforms.iter().enumerate().map(entry).collect()
    }

    #[test]
    fn entry_for_the_platform_is_picked() {
        let arms = ["linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", "linux/amd64", "unknown/unknown"];
        for (platforms, wish, picked) in [
            (&arms[..], "linux/amd64", Some(3)),
            (&arms, "linux/arm64", Some(2)),
            (&arms, "linux/arm", Some(1)),
            (&arms, "linux/arm/v6", Some(0)),
            (&arms, "linux/arm/v5", None),
            (&arms, "linux/s390x", None),
            (&["linux/amd64/v3", "linux/amd64"], "linux/amd64", Some(1)),
            (&["linux/amd64/v3"], "linux/amd64", Some(0)),
            (&["linux/amd64", "linux/amd64"], "linux/amd64", Some(0)),
            (&["", "linux/arm64"], "linux/amd64", Some(0)),
            (&["unknown/unknown"], "linux/amd64", None),
            (&[], "linux/amd64", None),
        ] {
            let entries = index(platforms);
            let found = pick(&entries, &[], Some(&wish.parse().unwrap()), None).ok();
            assert_eq!(found.map(|entry| &entry.digest), picked.map(digest).as_ref(), "{platforms:?} {wish}");
        }
    }

    #[test]
    fn entry_asked_for_by_digest_or_alone_is_picked_whatever_its_platform() {
        let entries = index(&["linux/amd64", "linux/s390x"]);
        let wish = "linux/amd64".parse().unwrap();
        assert_eq!(pick(&entries, &[digest(1)], Some(&wish), None).unwrap().digest, digest(1));
        let alone = index(&["linux/s390x", "unknown/unknown"]);
        assert_eq!(pick(&alone, &[], None, Some(&wish)).unwrap().digest, digest(0));
    }

    #[test]
    fn entry_for_the_nodes_that_run_it_is_picked_unless_another_is_wished_for() {
        let entries = index(&["linux/amd64", "linux/s390x", "linux/arm64"]);
        let [nodes, wish] = ["linux/s390x", "linux/arm64"].map(|text| text.parse().unwrap());
        for (wish, picked) in [(None, 1), (Some(&wish), 2)] {
            assert_eq!(pick(&entries, &[], wish, Some(&nodes)).unwrap().digest, digest(picked));
        }
        let nobodys = "linux/riscv64".parse().unwrap();
        let missing = pick(&entries, &[], None, Some(&nobodys)).unwrap_err().to_string();
        assert!(missing.contains("linux/riscv64"), "{missing}");
    }
}
