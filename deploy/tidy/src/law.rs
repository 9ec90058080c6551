//! The law itself: rooms, import arrows, fences, refused names, where settings are.

use crate::settings::Root;

/// A room: a workspace crate, where it stands, and the workspace crates it may import.
/// `api-vocab` is always allowed.
pub struct Room {
    /// The crate's name.
    pub name: &'static str,
    /// Its folder below the repository's root.
    pub path: &'static str,
    /// What it may import.
    pub may_import: &'static [&'static str],
}

const CORE: &[&str] =
    &["core-model", "core-versions", "core-advisories", "core-store", "api-wire", "api-chassis"];

/// Every room, in the workspace's reading order.
pub const ROOMS: &[Room] = &[
    Room { name: "api-vocab", path: "api-spec/vocab", may_import: &[] },
    Room { name: "api-wire", path: "api-spec/wire", may_import: &[] },
    Room { name: "api-client", path: "api-spec/client", may_import: &["api-wire"] },
    Room { name: "api-chassis", path: "api-spec/chassis", may_import: &[] },
    Room { name: "core-model", path: "core/model", may_import: &[] },
    Room { name: "core-versions", path: "core/versions", may_import: &[] },
    Room { name: "core-advisories", path: "core/advisories", may_import: &["core-versions"] },
    Room { name: "core-store", path: "core/store", may_import: &["core-model"] },
    Room { name: "core-server", path: "core/server", may_import: CORE },
    Room { name: "scanner-rootfs", path: "scanner/rootfs", may_import: &[] },
    Room { name: "scanner-extract", path: "scanner/extract", may_import: &["scanner-rootfs"] },
    Room {
        name: "scanner-engines",
        path: "scanner/engines",
        may_import: &["scanner-extract", "scanner-rootfs"],
    },
    Room {
        name: "scanner-worker",
        path: "scanner/worker",
        may_import: &[
            "scanner-engines",
            "scanner-extract",
            "scanner-rootfs",
            "api-client",
            "api-wire",
            "api-chassis",
        ],
    },
    Room { name: "image-fetcher", path: "image-fetcher", may_import: &["api-wire", "api-chassis"] },
    Room {
        name: "perceiver-kit",
        path: "perceivers/kit",
        may_import: &["api-client", "api-wire", "api-chassis"],
    },
    Room {
        name: "perceiver-docker",
        path: "perceivers/docker",
        may_import: &["perceiver-kit", "api-client", "api-wire", "api-chassis"],
    },
    Room {
        name: "perceiver-kubernetes",
        path: "perceivers/kubernetes",
        may_import: &["perceiver-kit", "api-client", "api-wire", "api-chassis"],
    },
    Room {
        name: "perceiver-openshift",
        path: "perceivers/openshift",
        may_import: &["perceiver-kubernetes", "perceiver-kit", "api-client", "api-wire", "api-chassis"],
    },
    Room { name: "perceptor", path: "deploy/perceptor", may_import: ANYTHING },
    Room { name: "tidy", path: "deploy/tidy", may_import: &[] },
    Room { name: "bench", path: "deploy/bench", may_import: ANYTHING },
    Room { name: "e2e", path: "deploy/e2e", may_import: ANYTHING },
];

/// May import every room.
pub const ANYTHING: &[&str] = &["*"];

/// A fence: an outside crate, and the only rooms that may import it.
pub struct Fence {
    /// The outside crate.
    pub outside: &'static str,
    /// Rooms that may import it, tests included.
    pub rooms: &'static [&'static str],
}

/// The fences.
pub const FENCES: &[Fence] = &[
    Fence { outside: "actix-web", rooms: &["core-server", "image-fetcher", "api-chassis", "perceptor"] },
    Fence { outside: "rusqlite", rooms: &["core-store"] },
    Fence {
        outside: "kube",
        rooms: &[
            "perceiver-kubernetes",
            "perceiver-openshift",
            "image-fetcher",
            "core-server",
            "e2e",
            "bench",
        ],
    },
    Fence { outside: "aws-lc-rs", rooms: &["api-vocab"] },
    Fence { outside: "sha2", rooms: &[] },
    Fence { outside: "tonic", rooms: &["image-fetcher"] },
    Fence { outside: "bollard", rooms: &["perceiver-docker", "image-fetcher", "e2e"] },
];

/// Rooms of plain synchronous code: no `tokio`.
pub const SYNCHRONOUS: &[&str] = &[
    "api-vocab",
    "api-wire",
    "core-model",
    "core-versions",
    "core-advisories",
    "scanner-rootfs",
    "scanner-extract",
];

/// Words that name nothing.
pub const REFUSED_WORDS: &[&str] =
    &["Manager", "Helper", "Util", "Common", "Data", "Info", "Processor", "Impl", "Base", "Wrapper"];

/// Lines above which a file says in its module doc why it is one thing.
pub const LARGE_FILE: usize = 500;

/// Where the settings of each binary begin; [docs/settings.md] lists them.
///
/// [docs/settings.md]: ../../../docs/settings.md
pub const SETTINGS: &[Root] = &[
    Root {
        binary: "perceptor-core",
        prefix: "PERCEPTOR_CORE",
        file: "core/server/src/config.rs",
        name: "Config",
    },
    Root {
        binary: "perceptor-scanner",
        prefix: "PERCEPTOR_SCANNER",
        file: "scanner/worker/src/config.rs",
        name: "ScannerSettings",
    },
    Root {
        binary: "perceptor-image-fetcher",
        prefix: "PERCEPTOR_IMAGE_FETCHER",
        file: "image-fetcher/src/config.rs",
        name: "FetcherSettings",
    },
    Root {
        binary: "perceptor-perceiver-docker",
        prefix: "PERCEPTOR_DOCKER",
        file: "perceivers/docker/src/config.rs",
        name: "Settings",
    },
    Root {
        binary: "perceptor-perceiver-kubernetes",
        prefix: "PERCEPTOR_KUBERNETES",
        file: "perceivers/kubernetes/src/config.rs",
        name: "Settings",
    },
    Root {
        binary: "perceptor-perceiver-openshift",
        prefix: "PERCEPTOR_OPENSHIFT",
        file: "perceivers/openshift/src/config.rs",
        name: "Settings",
    },
];
