//! Which signals end a waiting request.
//!
//! The kernel sends INTERRUPT for every signal that a process handles, and EINTR for a handled
//! SIGALRM or SIGCHLD breaks programs. So the request is only given up when a signal that
//! means "stop" is pending for its thread; a fatal default action shows as SIGKILL. INTERRUPT
//! comes once per request, so later signals are found by looking again.

use std::time::Duration;

/// How often to look for another signal.
const INTERVAL: Duration = Duration::from_millis(50);
/// KILL, INT, TERM, QUIT, HUP.
const STOPPING: [u32; 5] = [9, 2, 15, 3, 1];

/// Returns when thread `pid` has a signal pending that shall end its request.
///
/// A thread that cannot be looked at (0, another pid namespace, hidden `/proc` entries) is
/// taken to be ending, so that Ctrl-C always works.
pub(crate) async fn stopped(pid: u32) {
    while !stopping(pid) {
        tokio::time::sleep(INTERVAL).await;
    }
}

fn stopping(pid: u32) -> bool {
    pid == 0
        || std::fs::read_to_string(format!("/proc/{pid}/status"))
            .map_or(true, |status| is_stopping(&status))
}

/// Returns whether `status`, as in `/proc/PID/status`, shows an unblocked pending signal that
/// ends a request.
fn is_stopping(status: &str) -> bool {
    let mask = |field: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
            .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .unwrap_or(0)
    };
    let pending = (mask("SigPnd") | mask("ShdPnd")) & !mask("SigBlk");
    STOPPING.iter().any(|signal| pending & (1 << (signal - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(own: u64, shared: u64, blocked: u64) -> String {
        format!(
            "Name:\tx\nSigQ:\t0/1\nSigPnd:\t{own:016x}\nShdPnd:\t{shared:016x}\nSigBlk:\t{blocked:016x}\n"
        )
    }

    #[test]
    fn only_signals_that_mean_stop_end_a_request() {
        for signal in 1..=31_u32 {
            let bit = 1 << (signal - 1);
            let expected = matches!(signal, 1 | 2 | 3 | 9 | 15);
            assert_eq!(is_stopping(&status(bit, 0, 0)), expected, "signal {signal}");
            assert_eq!(is_stopping(&status(0, bit, 0)), expected, "signal {signal}");
            assert!(!is_stopping(&status(bit, bit, bit)), "blocked signal {signal}");
        }
        assert!(!is_stopping(&status(0, 0, 0)));
        assert!(!is_stopping(""));
    }

    #[test]
    fn this_process_is_not_stopping_and_an_unknown_one_is() {
        assert!(!stopping(std::process::id()));
        assert!(stopping(0));
        assert!(stopping(u32::MAX));
    }
}
