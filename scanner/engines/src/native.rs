//! Our own engine: the extractors of `scanner-extract`, within a budget.

use crate::{Engine, Stopwatch};
use api_vocab::{ExtractorSet, Inventory};
use scanner_extract::{Extractor, LayerInventory, registry};
use scanner_rootfs::Budget;
use std::io::Read;

/// All extractors of the registry.
pub struct Native {
    extractors: Vec<Box<dyn Extractor>>,
    budget: Budget,
}

impl Native {
    /// With this budget for each layer.
    pub fn new(budget: Budget) -> Self {
        Native { extractors: registry::all(), budget }
    }
}

impl Default for Native {
    fn default() -> Self {
        Native::new(Budget::default())
    }
}

impl Engine for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn extractor_set(&self) -> ExtractorSet {
        registry::set_of(&self.extractors)
    }

    fn extract_layer(&self, layer: &mut dyn Read, stopwatch: Stopwatch<'_>) -> LayerInventory {
        scanner_extract::extract_layer(layer, &self.extractors, &self.budget, stopwatch)
    }

    fn stack(&self, layers: &[LayerInventory]) -> Inventory {
        scanner_extract::stack(layers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// A layer of one file.
    fn a_layer(path: &str, content: &str) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, content.as_bytes()).unwrap();
        builder.into_inner().unwrap()
    }

    fn extract(engine: &Native, layer: &[u8]) -> LayerInventory {
        engine.extract_layer(&mut &*layer, &|| Duration::ZERO)
    }

    #[test]
    fn layers_stacked_give_packages_of_the_release_below() {
        let engine = Native::default();
        let base = a_layer("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
        let status =
            "Package: openssl\nStatus: install ok installed\nVersion: 3.0.1-1\nArchitecture: amd64\n\n";
        let top = a_layer("var/lib/dpkg/status", status);
        let inventory = engine.stack(&[extract(&engine, &base), extract(&engine, &top)]);
        let [installed] = inventory.packages.as_slice() else { panic!("{inventory:?}") };
        assert_eq!(installed.package.name(), "openssl");
        assert_eq!(installed.package.ecosystem().to_string(), "Debian:12");
        assert!(!inventory.is_partial(), "{:?}", inventory.problems);
    }

    #[test]
    fn layer_over_the_budget_is_partial() {
        let engine = Native::new(Budget { entries: 0, ..Budget::default() });
        assert!(engine.stack(&[extract(&engine, &a_layer("a", "b"))]).is_partial());
    }
}
