//! Memory that a process has freed goes back to the system.
//!
//! glibc's allocator makes arenas, eight a core if need be, gives little of what is free in them
//! back, and what is free in one serves no thread of another. So a process has one arena or a few,
//! and what is free is given back while it grows, and once a minute. Other allocators need no such thing.

use std::time::{Duration, Instant};

/// How often is looked whether there is something to give back.
const LOOK: Duration = Duration::from_secs(1);
/// What a process may grow by, in KiB.
const GROWN: u64 = 4 << 10;
/// Without growth: what is freed does not show until it is given back.
const AT_THE_LATEST: Duration = Duration::from_secs(60);

/// How many arenas a process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arenas {
    /// Least memory; threads that allocate wait for each other.
    One = 1,
    /// For a process whose threads allocate side by side: one for each of them, on a small machine.
    Few = 8,
}

/// Keep little of what is free. First thing in `main`: a thread that was there before has an arena.
pub fn keep_little(arenas: Arenas) {
    if !glibc::have_at_most(arenas) {
        return;
    }
    let name = "memory".to_owned();
    // Where there is no thread to be had, somebody else will complain.
    drop(std::thread::Builder::new().name(name).spawn(give_back_for_ever));
}

fn give_back_for_ever() {
    let (mut left, mut last) = (0, Instant::now());
    loop {
        std::thread::sleep(LOOK);
        if is_due(resident(), left, last.elapsed()) {
            glibc::give_back();
            (left, last) = (resident(), Instant::now());
        }
    }
}

/// Whether to give back, with so many KiB resident now, and so many after the last time.
fn is_due(resident: u64, left: u64, since: Duration) -> bool {
    resident > left.saturating_add(GROWN) || since >= AT_THE_LATEST
}

/// Resident memory in KiB (`proc(5)`, status); 0 where nobody says.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
mod glibc {
    use super::Arenas;

    /// Whether from now on there are no more than these.
    pub fn have_at_most(arenas: Arenas) -> bool {
        // SAFETY: it takes two numbers and sets a field of the allocator's, under the allocator's lock.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas as libc::c_int) == 1 }
    }

    /// Give free pages back, also those between blocks in use.
    pub fn give_back() {
        // SAFETY: it takes a number, moves no block, and locks each arena that it looks at.
        unsafe { libc::malloc_trim(0) };
    }
}

#[cfg(not(target_env = "gnu"))]
mod glibc {
    pub fn have_at_most(_: super::Arenas) -> bool {
        false
    }

    pub fn give_back() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn giving_back_is_due_after_growth_or_a_minute() {
        let second = Duration::from_secs(1);
        for (resident, left, since, due) in [
            (100_000, 0, second, true),
            (104_096, 100_000, second, false),
            (104_097, 100_000, second, true),
            (90_000, 100_000, second, false),
            (90_000, 100_000, 60 * second, true),
            (0, u64::MAX, second, false),
        ] {
            assert_eq!(is_due(resident, left, since), due, "{resident} {left} {since:?}");
        }
    }

    #[test]
    fn resident_memory_of_this_process_is_known() {
        assert!(resident() > 0);
    }
}
