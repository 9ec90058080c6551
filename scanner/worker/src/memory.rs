//! Memory: how many layers may be extracted at once, and whether the machine has enough left.

use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What extracting one layer may take: what is kept of it, a decompression window, chunks under
/// way, a large file of one extractor.
const LAYER_MIB: u32 = 96;
/// Below this much free memory no further work is taken.
const RESERVE: u64 = 64 << 20;

/// The memory that scans share.
#[derive(Debug, Clone)]
pub struct Memory {
    permits: Arc<Semaphore>,
    root: PathBuf,
}

impl Memory {
    /// For extractions of `mib` in all; one is always allowed.
    pub fn of_mib(mib: u32) -> Self {
        let at_once = usize::try_from(mib / LAYER_MIB).unwrap_or(1).max(1);
        Memory { permits: Arc::new(Semaphore::new(at_once)), root: PathBuf::from("/") }
    }

    /// Wait for room to extract one layer after the other.
    pub(crate) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }

    /// Whether the machine, or the control group, has too little left to take further work.
    pub(crate) fn is_short(&self) -> bool {
        let free = [self.free_of_machine(), self.free_of_group()];
        free.into_iter().flatten().min().is_some_and(|free| free < RESERVE)
    }

    fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join(path)).ok()
    }

    fn free_of_machine(&self) -> Option<u64> {
        let kib = field(&self.read("proc/meminfo")?, "MemAvailable:")?;
        Some(kib.saturating_mul(1024))
    }

    /// Cached files count as free: the kernel takes them back.
    fn free_of_group(&self) -> Option<u64> {
        let limit: u64 = self.read("sys/fs/cgroup/memory.max")?.trim().parse().ok()?;
        let used: u64 = self.read("sys/fs/cgroup/memory.current")?.trim().parse().ok()?;
        let cached = field(&self.read("sys/fs/cgroup/memory.stat")?, "inactive_file").unwrap_or(0);
        Some(limit.saturating_sub(used.saturating_sub(cached)))
    }
}

/// The number after `name` in a file of names and numbers.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.split_ascii_whitespace().next() == Some(name))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Memory) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let memory = Memory { root: folder.path().to_owned(), ..Memory::of_mib(1) };
        (folder, memory)
    }

    #[test]
    fn machine_without_memory_is_short() {
        let (_folder, memory) = a_machine(&[("proc/meminfo", "MemTotal: 9 kB\nMemAvailable: 1024 kB\n")]);
        assert!(memory.is_short());
    }

    #[test]
    fn group_at_its_limit_is_short_unless_the_rest_is_cache() {
        let group = |cached: &str| {
            [
                ("proc/meminfo", "MemAvailable: 99999999 kB\n".to_owned()),
                ("sys/fs/cgroup/memory.max", "268435456\n".to_owned()),
                ("sys/fs/cgroup/memory.current", "260000000\n".to_owned()),
                ("sys/fs/cgroup/memory.stat", format!("anon 1\ninactive_file {cached}\n")),
            ]
        };
        for (cached, is_short) in [("0", true), ("200000000", false)] {
            let files = group(cached);
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
            assert_eq!(a_machine(&files).1.is_short(), is_short, "{cached}");
        }
    }

    #[test]
    fn machine_that_tells_nothing_is_not_short() {
        assert!(!a_machine(&[]).1.is_short());
    }

    #[tokio::test]
    async fn room_is_always_for_one() {
        let memory = Memory::of_mib(1);
        let first = memory.room().await.unwrap();
        assert_eq!(memory.permits.available_permits(), 0);
        drop(first);
        assert_eq!(Memory::of_mib(192).permits.available_permits(), 2);
    }
}
