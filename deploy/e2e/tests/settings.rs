//! The page of all settings says what the binaries say: `make settings` writes it anew.

use anyhow::{Context, Result};
use e2e::mesh::binary;
use e2e::parts::run;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;
use tidy::{law, settings, tree};

#[test]
fn settings_page_holds_the_defaults_that_the_binaries_print() -> Result<()> {
    let root = tree::root();
    let fresh = settings::render_page(&root, &defaults()?)?;
    let page = root.join("docs/settings.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&page, &fresh)?;
    }
    let written = std::fs::read_to_string(&page).context("read docs/settings.md")?;
    assert_eq!(written, fresh, "docs/settings.md is not fresh: `make settings` writes it anew");
    Ok(())
}

/// What each binary prints as its settings where nothing is set.
fn defaults() -> Result<BTreeMap<&'static str, Value>> {
    let printed = law::SETTINGS.iter().map(|of| {
        let text = run(Command::new(binary(of.binary)?).env_clear().arg("--print-config"))?;
        Ok((of.binary, serde_json::from_str(&text)?))
    });
    printed.collect()
}
