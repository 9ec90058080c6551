//! Scanners, between the wire and the model.

use api_vocab::ScannerName;
use api_wire::scanner as wire;
use core_model::{Reach, Registration, Scanner};

/// What the scanner `name` says of itself.
pub fn registration_from(name: ScannerName, shape: wire::ScannerRegistration) -> Registration {
    Registration {
        name,
        version: shape.version.into(),
        extractor_set: shape.extractor_set,
        node: shape.node.map(Into::into),
        sources: shape.sources,
        platforms: shape.platforms,
        max_leases: shape.max_leases,
        reach: match shape.registry {
            None => Reach::Sources,
            Some(true) => Reach::Registry,
            Some(false) => Reach::Node,
        },
    }
}

/// How `scanner` looks on the wire.
pub fn scanner_to(scanner: &Scanner, leases: u32) -> wire::Scanner {
    let registration = &scanner.registration;
    wire::Scanner {
        name: registration.name.clone(),
        registration: wire::ScannerRegistration {
            version: registration.version.to_string(),
            extractor_set: registration.extractor_set.clone(),
            node: registration.node.as_deref().map(str::to_owned),
            sources: registration.sources.clone(),
            platforms: registration.platforms.clone(),
            max_leases: registration.max_leases,
            registry: match registration.reach {
                Reach::Sources => None,
                Reach::Registry => Some(true),
                Reach::Node => Some(false),
            },
        },
        last_seen: scanner.last_seen,
        leases,
    }
}
