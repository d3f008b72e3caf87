//! Manners: how many requests at a time, how many in a minute, and when a host asked for a
//! pause.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use hyper::StatusCode;
use hyper::header::{HeaderMap, RETRY_AFTER};
use omnifs_vfs::Clock;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::failure::HttpFailure;
use super::limits::{HttpLimits, count};

/// The longest pause that is believed; a header that asks for years is a mistake or malice.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// What a provider asked of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostStatistics {
    /// Host, and port where it is not the scheme's.
    pub host: String,
    /// Requests that were sent.
    pub requests: u64,
    /// Requests that failed: no answer, or a status of 400 and more but 404 and 410.
    pub errors: u64,
    /// Until when the host asked to be left alone, in seconds since 1970.
    pub limited_until: Option<u64>,
}

/// Paces the requests of one provider.
pub(super) struct Pacer {
    clock: Arc<dyn Clock>,
    all: Arc<Semaphore>,
    brake: Option<DefaultDirectRateLimiter>,
    limits: HttpLimits,
    /// Guards the table only; by scheme, host and port.
    hosts: Mutex<HashMap<String, Host>>,
}

struct Host {
    turns: Arc<Semaphore>,
    requests: u64,
    errors: u64,
    /// On the monotonic clock.
    paused_until: Option<Duration>,
}

impl Host {
    fn new(limits: &HttpLimits) -> Self {
        let turns = Arc::new(Semaphore::new(count(limits.per_host)));
        Self { turns, requests: 0, errors: 0, paused_until: None }
    }
}

/// The right to send one request.
pub(super) struct Turn {
    _all: OwnedSemaphorePermit,
    _host: OwnedSemaphorePermit,
}

impl Pacer {
    pub(super) fn new(clock: Arc<dyn Clock>, limits: HttpLimits) -> Self {
        let quota = limits.per_minute.and_then(NonZeroU32::new).map(Quota::per_minute);
        Self {
            clock,
            all: Arc::new(Semaphore::new(count(limits.in_flight))),
            brake: quota.map(RateLimiter::direct),
            limits,
            hosts: Mutex::default(),
        }
    }

    /// Waits for its turn: for the pause that the host asked for, the brake, and the requests
    /// that are under way.
    ///
    /// # Errors
    /// [`HttpFailure::RateLimited`] at once when the wait would end after `deadline`,
    /// [`HttpFailure::Timeout`] when no turn came until then.
    pub(super) async fn turn(&self, origin: &str, deadline: Instant) -> Result<Turn, HttpFailure> {
        if let Some(wait) = self.pause(origin) {
            sleep(wait, deadline, || format!("{origin} asked to be left alone")).await?;
        }
        while let Some(Err(early)) = self.brake.as_ref().map(DefaultDirectRateLimiter::check) {
            let wait = early.wait_time_from(DefaultClock::default().now());
            let reason = || {
                format!(
                    "the provider has made {} requests in a minute, all it may \
                     (limits.requests_per_minute)",
                    self.limits.per_minute.unwrap_or(0)
                )
            };
            sleep(wait, deadline, reason).await?;
        }
        let host = {
            let mut hosts = self.hosts.lock();
            let host = hosts.entry(origin.to_owned());
            Arc::clone(&host.or_insert_with(|| Host::new(&self.limits)).turns)
        };
        let turns = async {
            let host = host.acquire_owned().await.ok()?;
            let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Turn { _all: all, _host: host })
        };
        match tokio::time::timeout_at(deadline, turns).await {
            Ok(Some(turn)) => Ok(turn),
            Ok(None) | Err(_) => Err(HttpFailure::Timeout(format!(
                "other requests of the provider left no room for one to {origin} \
                 (limits.http_in_flight, limits.http_per_host)"
            ))),
        }
    }

    fn pause(&self, origin: &str) -> Option<Duration> {
        let until = self.hosts.lock().get(origin)?.paused_until?;
        until.checked_sub(self.clock.monotonic()).filter(|wait| !wait.is_zero())
    }

    /// Counts a request, and what it came to.
    pub(super) fn count(&self, origin: &str, failed: bool) {
        let mut hosts = self.hosts.lock();
        let host = hosts.entry(origin.to_owned()).or_insert_with(|| Host::new(&self.limits));
        host.requests += 1;
        host.errors += u64::from(failed);
    }

    /// Takes note of what an answer says about how often to ask. Returns for how long to wait
    /// when this answer is a refusal for that reason.
    pub(super) fn heed(
        &self,
        origin: &str,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Option<Duration> {
        let now = self.clock.calendar().seconds;
        let refused = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::FORBIDDEN
        );
        let after = headers.get(RETRY_AFTER).filter(|_| refused);
        let after = after.and_then(|value| retry_after(value.to_str().ok()?, now));
        let wait = after.or_else(|| exhausted(headers, now))?.min(LONGEST_PAUSE);
        let until = self.clock.monotonic() + wait;
        let mut hosts = self.hosts.lock();
        let host = hosts.entry(origin.to_owned()).or_insert_with(|| Host::new(&self.limits));
        host.paused_until = host.paused_until.max(Some(until));
        drop(hosts);
        refused.then_some(wait)
    }

    /// Returns how many requests are under way: until the last byte of their answers.
    pub(super) fn in_flight(&self) -> u64 {
        let taken = count(self.limits.in_flight).saturating_sub(self.all.available_permits());
        u64::try_from(taken).unwrap_or(u64::MAX)
    }

    /// Returns what was asked of each host, in order.
    pub(super) fn statistics(&self) -> Vec<HostStatistics> {
        let (now, today) = (self.clock.monotonic(), self.clock.calendar().seconds);
        let limited = |host: &Host| {
            let wait = host.paused_until?.checked_sub(now).filter(|wait| !wait.is_zero())?;
            Some(today + wait.as_secs().max(1))
        };
        let hosts = self.hosts.lock();
        let mut all: Vec<_> = hosts
            .iter()
            .map(|(origin, host)| HostStatistics {
                host: origin.clone(),
                requests: host.requests,
                errors: host.errors,
                limited_until: limited(host),
            })
            .collect();
        drop(hosts);
        all.sort_by(|a, b| a.host.cmp(&b.host));
        all
    }
}

async fn sleep(
    wait: Duration,
    deadline: Instant,
    reason: impl Fn() -> String,
) -> Result<(), HttpFailure> {
    if Instant::now() + wait >= deadline {
        let seconds = wait.as_secs_f64().ceil();
        let reason = format!("{} for another {seconds} s", reason());
        return Err(HttpFailure::RateLimited { reason, wait: Some(wait) });
    }
    tokio::time::sleep(wait).await;
    Ok(())
}

/// Reads a Retry-After: seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(text: &str, now: u64) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    let date = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Duration::from_secs(date.as_secs().saturating_sub(now)))
}

/// Returns how long until a quota that an answer says is used up comes back. `x-ratelimit-reset`
/// is a date in seconds or a number of seconds, as the upstream likes; no pause is as long as
/// a date.
fn exhausted(headers: &HeaderMap, now: u64) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    for (remaining, reset) in
        [("x-ratelimit-remaining", "x-ratelimit-reset"), ("ratelimit-remaining", "ratelimit-reset")]
    {
        if number(remaining) == Some(0)
            && let Some(reset) = number(reset)
        {
            let seconds = if reset > 1_000_000_000 { reset.saturating_sub(now) } else { reset };
            return Some(Duration::from_secs(seconds));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use omnifs_vfs::TestClock;

    use super::*;

    fn pacer(per_minute: Option<u32>) -> (Arc<TestClock>, Pacer) {
        let clock = Arc::new(TestClock::new());
        let limits = HttpLimits { in_flight: 2, per_minute, ..HttpLimits::default() };
        (Arc::clone(&clock), Pacer::new(clock, limits))
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(1)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("7", 0), Some(Duration::from_secs(7)));
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        assert_eq!(retry_after(date, 1_445_412_470), Some(Duration::from_secs(10)));
        assert_eq!(retry_after(date, 1_445_412_490), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", 0), None);
    }

    #[tokio::test]
    async fn a_pause_is_kept_and_ends() {
        let (clock, pacer) = pacer(None);
        let asked = headers(&[("retry-after", "30")]);
        let wait = pacer.heed("o", StatusCode::TOO_MANY_REQUESTS, &asked);
        assert_eq!(wait, Some(Duration::from_secs(30)));
        let refused = pacer.turn("o", soon()).await.err().unwrap();
        assert!(refused.to_string().contains("o asked to be left alone"), "{refused}");
        assert!(pacer.turn("other", soon()).await.is_ok());
        assert_eq!(pacer.statistics()[0].limited_until, Some(1_700_000_030));
        clock.advance(Duration::from_secs(30));
        assert!(pacer.turn("o", soon()).await.is_ok());
    }

    #[test]
    fn a_quota_that_is_used_up_is_a_pause_though_the_answer_is_good() {
        let (_, pacer) = pacer(None);
        for reset in ["60", "1700000060"] {
            let used = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset)]);
            assert_eq!(pacer.heed(reset, StatusCode::OK, &used), None);
            assert_eq!(pacer.pause(reset), Some(Duration::from_secs(60)));
        }
        let left = headers(&[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "60")]);
        pacer.heed("left", StatusCode::OK, &left);
        assert_eq!(pacer.pause("left"), None);
        let other = headers(&[("retry-after", "60")]);
        assert_eq!(pacer.heed("moved", StatusCode::OK, &other), None);
        assert_eq!(pacer.pause("moved"), None);
    }

    #[tokio::test]
    async fn the_brake_says_so() {
        let (_, pacer) = pacer(Some(2));
        for _ in 0..2 {
            drop(pacer.turn("o", soon()).await.unwrap());
        }
        let refused = pacer.turn("o", soon()).await.err().unwrap();
        assert!(refused.to_string().contains("limits.requests_per_minute"), "{refused}");
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_may_be_under_way_wait() {
        let (_, pacer) = pacer(None);
        let held = (pacer.turn("a", soon()).await.unwrap(), pacer.turn("b", soon()).await.unwrap());
        assert_eq!(pacer.in_flight(), 2);
        assert!(matches!(pacer.turn("c", soon()).await, Err(HttpFailure::Timeout(_))));
        drop(held);
        assert!(pacer.turn("c", soon()).await.is_ok());
        assert_eq!(pacer.in_flight(), 0);
    }
}
