//! Where the images of a registry are asked for: its mirrors, then itself.

use super::error::RegistryError;
use super::settings::HostSettings;
use api_vocab::{Digest, ImageRef};
use reqwest::Url;
use std::collections::HashMap;
use std::path::PathBuf;

const HUB: &str = "docker.io";
/// The host behind the name.
const HUB_HOST: &str = "registry-1.docker.io";

/// A repository at one registry or mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The registry's host and port, as messages have it.
    pub(super) host: String,
    /// The repository as that host has it; credentials are found by it.
    pub(super) image: ImageRef,
    base: Url,
}

impl Place {
    /// The address of a manifest.
    pub(super) fn manifest(&self, reference: &Reference<'_>) -> Url {
        match reference {
            Reference::Digest(digest) => self.below("manifests", &digest.to_string()),
            Reference::Tag(tag) => self.below("manifests", tag),
        }
    }

    /// The address of a blob.
    pub(super) fn blob(&self, digest: &Digest) -> Url {
        self.below("blobs", &digest.to_string())
    }

    /// Repositories, tags and digests are parsed: none of them can leave its place in the path.
    fn below(&self, kind: &str, name: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{}/{kind}/{name}", self.image.repository()));
        url
    }
}

/// What a manifest is asked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference<'a> {
    /// Its digest.
    Digest(&'a Digest),
    /// A tag.
    Tag(&'a str),
}

/// A host and its port, as connections know them.
pub(super) type Authority = (String, u16);

/// The listed registries.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    listed: HashMap<Authority, Listed>,
    mirrors: HashMap<String, (Vec<String>, bool)>,
}

/// What is known of a listed registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its own authorities.
    pub(super) ca_file: Option<PathBuf>,
    /// Whether it speaks HTTP.
    pub(super) plain_http: bool,
}

impl Hosts {
    pub(super) fn new(settings: &[HostSettings]) -> Result<Self, RegistryError> {
        let mut hosts = Hosts::default();
        for host in settings {
            let name = host.host.to_ascii_lowercase();
            let malformed =
                |reason: &str| RegistryError::Settings { host: host.host.clone(), reason: reason.to_owned() };
            let known = image_at(&name, "x").filter(|image| image.registry() == name || name == HUB);
            known.ok_or_else(|| {
                malformed("expected a host with an optional port, as registry.example:5000")
            })?;
            let url = base_url(&name, host.plain_http).ok_or_else(|| malformed("not a host"))?;
            let authority = authority_of(&url).ok_or_else(|| malformed("not a host"))?;
            let listed = Listed { ca_file: host.ca_file.clone(), plain_http: host.plain_http };
            hosts.listed.insert(authority, listed);
            if host.mirrors.iter().any(|mirror| image_at(&mirror.to_ascii_lowercase(), "x").is_none()) {
                return Err(malformed("a mirror is a host with an optional port and path"));
            }
            let mirrors = host.mirrors.iter().map(|mirror| mirror.to_ascii_lowercase()).collect();
            hosts.mirrors.insert(name, (mirrors, host.mirrors_only));
        }
        Ok(hosts)
    }

    /// What is listed for the host of `url`.
    pub(super) fn listed(&self, url: &Url) -> Option<&Listed> {
        self.listed.get(&authority_of(url)?)
    }

    /// Where `image` is asked for, in order.
    pub(super) fn places(&self, image: &ImageRef) -> Vec<Place> {
        let (mirrors, only) = match self.mirrors.get(image.registry()) {
            Some((mirrors, only)) => (mirrors.as_slice(), *only),
            None => (&[][..], false),
        };
        let own = (!only).then(|| image.name());
        let mirrored = mirrors.iter().filter_map(|mirror| image_at(mirror, image.repository()));
        let own = own.and_then(|name| name.parse().ok());
        mirrored.chain(own).filter_map(|image| self.place(image)).collect()
    }

    fn place(&self, image: ImageRef) -> Option<Place> {
        let host = image.registry().to_owned();
        let secure = base_url(&host, false)?;
        let plain = base_url(&host, true)?;
        let is_plain = self.listed(&plain).is_some_and(|listed| listed.plain_http);
        Some(Place { host, image, base: if is_plain { plain } else { secure } })
    }
}

/// The repository below a host and perhaps a path.
fn image_at(place: &str, repository: &str) -> Option<ImageRef> {
    let image: ImageRef = format!("{place}/{repository}").parse().ok()?;
    let host = place.split('/').next()?;
    // A first part without dot or port would be taken for a namespace of Docker Hub.
    (image.registry() == host).then_some(image)
}

fn base_url(host: &str, plain_http: bool) -> Option<Url> {
    let host = if host == HUB { HUB_HOST } else { host };
    let scheme = if plain_http { "http" } else { "https" };
    Url::parse(&format!("{scheme}://{host}/")).ok()
}

pub(super) fn authority_of(url: &Url) -> Option<Authority> {
    Some((url.host_str()?.to_ascii_lowercase(), url.port_or_known_default()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(host: &str, mirrors: &[&str], plain_http: bool) -> Result<Hosts, RegistryError> {
        let mirrors = mirrors.iter().map(|mirror| (*mirror).to_owned()).collect();
        Hosts::new(&[HostSettings { host: host.to_owned(), mirrors, plain_http, ..HostSettings::default() }])
    }

    fn addresses(hosts: &Hosts, image: &str) -> Vec<String> {
        let image: ImageRef = image.parse().unwrap();
        let tag = Reference::Tag(image.tag().unwrap());
        hosts.places(&image).iter().map(|place| place.manifest(&tag).to_string()).collect()
    }

    #[test]
    fn image_is_asked_for_where_it_lies() {
        let none = Hosts::default();
        for (image, url) in [
            ("nginx", "https://registry-1.docker.io/v2/library/nginx/manifests/latest"),
            ("a/b:1", "https://registry-1.docker.io/v2/a/b/manifests/1"),
            ("quay.io/a/b:1", "https://quay.io/v2/a/b/manifests/1"),
            ("localhost:5000/a:1", "https://localhost:5000/v2/a/manifests/1"),
            ("[::1]:5000/a:1", "https://[::1]:5000/v2/a/manifests/1"),
        ] {
            assert_eq!(addresses(&none, image), [url]);
        }
        let plain = hosts("r.example:5000", &[], true).unwrap();
        assert_eq!(addresses(&plain, "r.example:5000/a:1"), ["http://r.example:5000/v2/a/manifests/1"]);
        assert_eq!(addresses(&plain, "r.example/a:1"), ["https://r.example/v2/a/manifests/1"]);
        let plain = hosts("r.example", &[], true).unwrap();
        assert_eq!(addresses(&plain, "r.example/a:1"), ["http://r.example/v2/a/manifests/1"]);
    }

    #[test]
    fn mirrors_come_first_in_their_order() {
        let hosts = hosts("docker.io", &["m.example:5000", "m2.example/Hub"], false).unwrap();
        let expected = [
            "https://m.example:5000/v2/library/nginx/manifests/1",
            "https://m2.example/v2/hub/library/nginx/manifests/1",
            "https://registry-1.docker.io/v2/library/nginx/manifests/1",
        ];
        assert_eq!(addresses(&hosts, "nginx:1"), expected);
        assert_eq!(addresses(&hosts, "quay.io/nginx:1").len(), 1);
        let names: Vec<String> =
            hosts.places(&"nginx".parse().unwrap()).iter().map(|place| place.image.name()).collect();
        let expected =
            ["m.example:5000/library/nginx", "m2.example/hub/library/nginx", "docker.io/library/nginx"];
        assert_eq!(names, expected);
    }

    #[test]
    fn host_that_is_none_is_refused() {
        for (host, mirrors) in [
            ("", vec![]),
            ("https://r.example", vec![]),
            ("r.example/path", vec![]),
            ("library", vec![]),
            ("r.example", vec!["https://m.example"]),
            ("r.example", vec!["mirror"]),
            ("r.example", vec!["m.example/../x"]),
        ] {
            assert!(hosts(host, &mirrors, false).is_err(), "{host} {mirrors:?}");
        }
    }
}
