//! What work costs: the time on the clock, and the CPU time of this process and of servers.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What a piece of work took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// On the clock.
    pub(crate) wall: Duration,
    /// CPU time of this process.
    pub(crate) own: Duration,
    /// CPU time of the servers.
    pub(crate) servers: Duration,
}

impl Cost {
    /// Returns the CPU time of both for each of `calls`, in microseconds.
    pub(crate) fn cpu_micros(&self, calls: usize) -> f64 {
        (self.own + self.servers).as_secs_f64() * 1e6 / count(calls)
    }
}

/// Returns a count as a number to divide by.
pub(crate) fn count(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// Does some work, and says what it cost this process and those of `servers`.
pub(crate) fn measure<T>(servers: &[u32], work: impl FnOnce() -> T) -> (T, Cost) {
    let before = threads(servers);
    let (own, begun) = (own_cpu(), Instant::now());
    let result = work();
    let (wall, own) = (begun.elapsed(), own_cpu().saturating_sub(own));
    let nanoseconds = threads(servers).into_iter().map(|(thread, after)| {
        after.saturating_sub(before.get(&thread).copied().unwrap_or_default())
    });
    (result, Cost { wall, own, servers: Duration::from_nanos(nanoseconds.sum()) })
}

fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = Duration::from_secs(time.tv_sec.unsigned_abs());
    seconds + Duration::from_nanos(time.tv_nsec.unsigned_abs())
}

/// Returns the CPU time of each thread in nanoseconds, which `/proc/PID/stat` has in hundredths
/// of a second only (proc(5): schedstat).
fn threads(processes: &[u32]) -> BTreeMap<u32, u64> {
    let mut times = BTreeMap::new();
    for process in processes {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let Some(thread) = task.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let time = text.split(' ').next().and_then(|time| time.parse().ok());
            times.insert(thread, time.unwrap_or_default());
        }
    }
    times
}

/// Returns a figure of `/proc/PID/status` in MiB, such as that of `VmRSS`, of all processes.
pub(crate) fn memory(processes: &[u32], field: &str) -> f64 {
    let of = |process: &u32| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        line.trim().trim_end_matches(" kB").parse::<f64>().ok()
    };
    processes.iter().filter_map(of).sum::<f64>() / 1024.0
}

/// Makes `VmHWM`, the most memory there was, begin anew (proc(5): `clear_refs`).
pub(crate) fn reset_peak(processes: &[u32]) {
    for process in processes {
        // Not permitted: the peak is then that of the whole life, which is no less.
        let _ = fs::write(format!("/proc/{process}/clear_refs"), "5");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_what_it_takes() {
        let (sum, cost) =
            measure(&[std::process::id()], || (0..20_000_000_u64).fold(0, |a, b| a ^ b));
        assert_ne!(sum, 1);
        assert!(cost.wall > Duration::ZERO && cost.own > Duration::ZERO);
        assert!(memory(&[std::process::id()], "VmRSS") > 0.5);
    }
}
