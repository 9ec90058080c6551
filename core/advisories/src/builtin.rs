//! Advisories on well-known vulnerabilities that are compiled in, so that findings show where no
//! feed was ever read.

use crate::feed::Imported;
use crate::index::{Index, IndexBuilder, IndexError};
use api_vocab::Timestamp;

/// When the set was last revised.
const REVISED_AT: Timestamp = Timestamp::from_millis(1_795_219_200_000);

impl Index {
    /// The advisories that are compiled in.
    pub fn builtin() -> Result<Index, IndexError> {
        let mut builder = IndexBuilder::new("builtin");
        let mut imported = Imported::default();
        for (name, json) in RECORDS {
            builder.import_record(name, json.as_bytes(), &mut imported);
        }
        builder.build(REVISED_AT)
    }
}

/// File names and contents.
macro_rules! records {
    ($($id:literal)*) => {
        &[$((concat!($id, ".json"), include_str!(concat!("../builtin/", $id, ".json"))),)*]
    };
}

const RECORDS: &[(&str, &str)] = records! {
    "CVE-2014-0160"
    "CVE-2014-6271"
    "CVE-2018-18074"
    "CVE-2019-10906"
    "CVE-2020-14343"
    "CVE-2020-26235"
    "CVE-2020-36518"
    "CVE-2020-8203"
    "CVE-2021-23337"
    "CVE-2021-32714"
    "CVE-2021-3749"
    "CVE-2021-44228"
    "CVE-2021-44832"
    "CVE-2021-44906"
    "CVE-2021-45046"
    "CVE-2021-45105"
    "CVE-2022-1271"
    "CVE-2022-22965"
    "CVE-2022-24713"
    "CVE-2022-24999"
    "CVE-2022-28346"
    "CVE-2022-28391"
    "CVE-2022-32149"
    "CVE-2022-34265"
    "CVE-2022-3602"
    "CVE-2022-37434"
    "CVE-2022-40674"
    "CVE-2022-42003"
    "CVE-2022-42889"
    "CVE-2022-48174"
    "CVE-2023-0286"
    "CVE-2023-22466"
    "CVE-2023-22809"
    "CVE-2023-24538"
    "CVE-2023-26964"
    "CVE-2023-32681"
    "CVE-2023-38545"
    "CVE-2023-39325"
    "CVE-2023-43804"
    "CVE-2023-44487"
    "CVE-2023-45288"
    "CVE-2023-45857"
    "CVE-2023-4863"
    "CVE-2023-48795"
    "CVE-2023-4911"
    "CVE-2023-50447"
    "CVE-2023-5363"
    "CVE-2024-22195"
    "CVE-2024-24790"
    "CVE-2024-29041"
    "CVE-2024-2961"
    "CVE-2024-3094"
    "CVE-2024-45337"
    "CVE-2024-45490"
    "CVE-2024-6119"
    "CVE-2024-6387"
    "RUSTSEC-2020-0159"
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Found;
    use api_vocab::{Package, Severity};

    /// What the sample's images hold, and the id that must be among what is found.
    const HITS: &str = include_str!("../testdata/builtin-hits.txt");

    #[test]
    fn builtin_records_are_all_read() {
        let (mut builder, mut imported) = (IndexBuilder::new("builtin"), Imported::default());
        RECORDS.iter().for_each(|(name, json)| builder.import_record(name, json.as_bytes(), &mut imported));
        assert_eq!((imported.broken, imported.unknown_ecosystems), (0, 0), "{:?}", imported.problems);
        assert_eq!(imported.records, RECORDS.len() as u64);
    }

    #[test]
    fn builtin_hits_are_found_with_fix() {
        let index = Index::builtin().unwrap();
        for line in HITS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('|').map(str::trim).collect();
            let package = Package::new(fields[0].parse().unwrap(), fields[1], fields[2]).unwrap();
            let found = index.find(&package).findings;
            let finding = found.iter().find(|f| &*f.id == fields[3]);
            let finding = finding.unwrap_or_else(|| panic!("{line}"));
            assert_eq!(finding.fix.as_deref(), Some(fields[4]), "{line}");
        }
    }

    #[test]
    fn package_owned_by_a_distributions_is_not_matched_by_its_language() {
        let index = Index::builtin().unwrap();
        let package = Package::new("PyPI".parse().unwrap(), "requests", "2.28.1").unwrap();
        assert!(!index.find(&package).findings.is_empty());
        let owned = package.with_owner("python3-requests").unwrap();
        assert_eq!(index.find(&owned), Found::default());
    }

    #[test]
    fn builtin_log4shell_is_critical() {
        let name = "org.apache.logging.log4j:log4j-core";
        let package = Package::new("Maven".parse().unwrap(), name, "2.14.1").unwrap();
        let found = Index::builtin().unwrap().find(&package).findings;
        let worst = found.iter().find(|f| &*f.id == "CVE-2021-44228").unwrap();
        assert_eq!((worst.severity, worst.score), (Severity::Critical, Some(10.0)));
        assert_eq!(found.len(), 4);
    }
}
