//! How much of a foreign archive is read, and for how long.

use std::time::Duration;

/// Time since the work began. The caller owns the clock.
pub type Clock<'c> = &'c dyn Fn() -> Duration;

/// Limits of one layer. Where one ends, reading ends, and the layer is partial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Bytes after decompression, and before it.
    pub bytes: u64,
    /// Bytes after decompression for each byte before it; counts from [`Budget::ratio_floor`].
    pub ratio: u64,
    /// Decompressed bytes that no ratio forbids.
    pub ratio_floor: u64,
    /// Entries.
    pub entries: u64,
    /// Components of a path.
    pub depth: usize,
    /// Bytes of a path.
    pub path: usize,
    /// Bytes that are read of one file's content.
    pub file: u64,
    /// Bytes of memory, roughly, that what is kept of a layer may take.
    pub kept: u64,
    /// Problems that are kept of a layer.
    pub problems: usize,
    /// Logarithm of the largest zstd window; this much memory may be taken.
    pub window_log: u32,
    /// Time for the layer.
    pub time: Duration,
    /// Time for one file.
    pub file_time: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Budget {
            bytes: 64 << 30,
            ratio: 1000,
            ratio_floor: 256 << 20,
            entries: 10_000_000,
            depth: 256,
            path: 4096,
            file: 1 << 30,
            kept: 32 << 20,
            problems: 256,
            window_log: 26,
            time: Duration::from_secs(600),
            file_time: Duration::from_secs(60),
        }
    }
}
