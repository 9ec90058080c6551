//! Paths: the routes of `api-wire` with their places filled in.

use api_wire::routes::API;
use std::fmt::{Display, Write};

/// `route` below the API's prefix, each `{…}` replaced by the next of `parts`, percent-encoded.
pub(crate) fn path(route: &str, parts: &[&dyn Display]) -> String {
    let mut path = API.to_owned();
    let mut parts = parts.iter();
    let mut rest = route;
    while let Some((before, after)) = rest.split_once('{') {
        path.push_str(before);
        if let Some(part) = parts.next() {
            encode(&part.to_string(), &mut path);
        }
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    path.push_str(rest);
    path
}

fn encode(text: &str, path: &mut String) {
    // A segment of dots alone would climb.
    let climbs = text.bytes().all(|b| b == b'.');
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~:".contains(&byte) || (byte == b'.' && !climbs) {
            path.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_wire::routes;

    #[test]
    fn path_with_places_is_filled_and_encoded() {
        assert_eq!(path(routes::PODS, &[]), "/api/v1/pods");
        assert_eq!(path(routes::LEASE_LAYER, &[&"0af", &"sha256:00"]), "/api/v1/leases/0af/layers/sha256:00");
        assert_eq!(path(routes::SCANNER, &[&"a/b c?é"]), "/api/v1/scanners/a%2Fb%20c%3F%C3%A9");
        assert_eq!(path(routes::SCANNER, &[&"1.2"]), "/api/v1/scanners/1.2");
        assert_eq!(path(routes::SCANNER, &[&".."]), "/api/v1/scanners/%2E%2E");
    }
}
