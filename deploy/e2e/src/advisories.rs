//! A folder of advisories, as a mirror of the public feeds has it.

use anyhow::Result;
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// An advisory on an npm package.
pub struct Advisory {
    /// Its id.
    pub id: &'static str,
    /// The package.
    pub package: &'static str,
    /// The first version that is not affected.
    pub fixed: &'static str,
    /// CVSS 3.1, without its prefix.
    pub vector: &'static str,
}

/// Of severity critical.
pub const CRITICAL: &str = "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
/// Of severity high.
pub const HIGH: &str = "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N";

/// Publish these, and no others, for npm below `folder`.
///
/// # Errors
/// When it cannot be written.
pub fn publish(folder: &Path, advisories: &[Advisory]) -> Result<()> {
    let npm = folder.join("npm");
    std::fs::create_dir_all(&npm)?;
    let (file, new) = (npm.join("all.zip"), npm.join("new.zip"));
    let mut zip = zip::ZipWriter::new(File::create(&new)?);
    for Advisory { id, package, fixed, vector } in advisories {
        let record = json!({
            "id": id, "summary": format!("a flaw in {package}"),
            "published": "2025-06-01T00:00:00Z", "modified": "2025-06-02T00:00:00Z",
            "severity": [{"type": "CVSS_V3", "score": format!("CVSS:3.1/{vector}")}],
            "affected": [{"package": {"ecosystem": "npm", "name": package},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}],
        });
        zip.start_file(format!("{id}.json"), zip::write::SimpleFileOptions::default())?;
        zip.write_all(record.to_string().as_bytes())?;
    }
    zip.finish()?;
    // Nobody reads half of it.
    Ok(std::fs::rename(new, file)?)
}
