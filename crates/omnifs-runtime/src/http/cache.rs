//! Answers kept as HTTP allows (RFC 9111), within one provider and in memory.

mod kept;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_cache_semantics::{AfterResponse, BeforeRequest, CacheOptions, CachePolicy};
use hyper::header::{self, AGE, CACHE_CONTROL, ETAG, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use omnifs_vfs::Clock;
use quick_cache::Weighter;

use super::failure::HttpFailure;
use super::request;
use super::{Answer, Prepared};
use kept::Kept;

/// How many bytes of answers are kept.
const BUDGET: u64 = 16 << 20;

/// How large an answer may be to be kept: one must not push all others out.
const LARGEST: usize = 2 << 20;

/// How large a small answer is with its headers: the cache makes room for as many to begin with.
const SMALL: u64 = 2 << 10;

/// Tells one request from another: method, URL, redirects, every header, a secret by its name,
/// and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key(String);

impl Key {
    pub(super) fn of(prepared: &Prepared) -> Self {
        Self::with(prepared, |_| true)
    }

    /// Returns what tells an answer from another: how old one may be makes no other answer.
    pub(super) fn of_answer(prepared: &Prepared) -> Self {
        Self::with(prepared, |name| *name != CACHE_CONTROL)
    }

    fn with(prepared: &Prepared, counts: impl Fn(&HeaderName) -> bool) -> Self {
        let Prepared { to, fields, redirects, limit, .. } = prepared;
        let mut key = format!("{} {} {redirects:?} {limit:?}", to.method, to.url);
        for (name, value) in request::redacted(fields).iter().filter(|(name, _)| counts(name)) {
            key.push_str(&format!("\n{name}: {}", value.as_bytes().escape_ascii()));
        }
        Self(key)
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<Key, Arc<Kept>> for Weight {
    fn weight(&self, key: &Key, kept: &Arc<Kept>) -> u64 {
        (key.0.len() + kept.weight()) as u64
    }
}

/// What the cache has for a request.
pub(super) enum Found {
    /// An answer that holds.
    Fresh(Arc<Answer>),
    /// One that the upstream has to confirm, asked with these headers.
    Stale(HeaderMap),
    Nothing,
}

/// The answers of one provider's upstreams.
pub(super) struct Cache {
    clock: Arc<dyn Clock>,
    /// What was asked for in an earlier age is asked for again, with conditions.
    age: AtomicU64,
    kept: quick_cache::sync::Cache<Key, Arc<Kept>, Weight>,
}

/// Returns a request as the rules of caching see it: without secrets.
pub(super) fn request(prepared: &Prepared) -> Result<Request<()>, HttpFailure> {
    let uri = Uri::try_from(prepared.to.url.as_str()).map_err(|error| {
        HttpFailure::Protocol(format!("{} cannot be asked for: {error}", prepared.to.url))
    })?;
    let mut request = Request::new(());
    *request.method_mut() = prepared.to.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = request::redacted(&prepared.fields);
    if prepared.anew {
        request.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    Ok(request)
}

/// Returns whether a request is for what the upstream has now.
fn is_anew(request: &Request<()>) -> bool {
    request.headers().get(CACHE_CONTROL).is_some_and(|value| value == "no-cache")
}

impl Cache {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let items = usize::try_from(BUDGET / SMALL).unwrap_or(usize::MAX);
        let age = AtomicU64::new(0);
        Self { clock, age, kept: quick_cache::sync::Cache::with_weighter(items, BUDGET, Weight) }
    }

    /// Returns how many bytes of answers are kept.
    pub(super) fn weight(&self) -> u64 {
        self.kept.weight()
    }

    /// Returns the age, to be taken before something is asked for.
    pub(super) fn age(&self) -> u64 {
        self.age.load(Ordering::Acquire)
    }

    /// Has every answer confirmed that was asked for before now.
    pub(super) fn outdate(&self) {
        self.age.fetch_add(1, Ordering::AcqRel);
    }

    /// Looks for an answer to a request.
    pub(super) fn find(&self, key: &Key, request: &Request<()>) -> Found {
        let Some(kept) = self.kept.get(key) else { return Found::Nothing };
        let Some((policy, mut answer)) = kept.open() else { return Found::Nothing };
        match policy.before_request(request, self.now()) {
            BeforeRequest::Fresh(parts) if kept.asked == self.age() => {
                // Nothing else of them: a `Date` says when the upstream answered (RFC 9110, 6.6.1).
                if let Some(age) = parts.headers.get(AGE) {
                    answer.headers.insert(AGE, age.clone());
                }
                Found::Fresh(Arc::new(answer))
            }
            BeforeRequest::Fresh(_) => Found::Stale(conditions(&answer)),
            // A time has a second's resolution: what grew within it would be confirmed.
            BeforeRequest::Stale { .. }
                if is_anew(request) && !answer.headers.contains_key(ETAG) =>
            {
                Found::Nothing
            }
            BeforeRequest::Stale { request: asked, matches: true } => {
                let own = |name: &&HeaderName| {
                    let name = name.as_str();
                    name == "if-none-match" || name == "if-modified-since"
                };
                let conditions = asked.headers.iter().filter(|(name, _)| own(name));
                Found::Stale(conditions.map(|(n, v)| (n.clone(), v.clone())).collect())
            }
            BeforeRequest::Stale { matches: false, .. } => Found::Nothing,
        }
    }

    /// Takes an answer in: keeps it if it may be kept, and returns the kept one that it
    /// confirms, if it does.
    pub(super) fn settle(
        &self,
        (key, asked): (&Key, u64),
        request: &Request<()>,
        answer: Answer,
    ) -> Arc<Answer> {
        let response = response(&answer);
        // Asked with conditions of the provider's own, a 304 is the provider's answer.
        if answer.status == StatusCode::NOT_MODIFIED
            && let Some((policy, known)) = self.kept.get(key).and_then(|kept| kept.open())
            && let AfterResponse::NotModified(policy, parts) =
                policy.after_response(request, &response, self.now())
        {
            let Answer { url, body, .. } = known;
            let confirmed = Answer { status: parts.status, url, headers: parts.headers, body };
            self.keep(key, Kept::new(policy, asked, &confirmed));
            return Arc::new(confirmed);
        }
        let policy = CachePolicy::new_options(
            request,
            &response,
            self.now(),
            CacheOptions {
                shared: false,
                // What an upstream does not say is not guessed: the tree has its own freshness.
                cache_heuristic: 0.0,
                ..CacheOptions::default()
            },
        );
        let redirected = *request.uri() != *answer.url.as_str();
        let may_be_kept = policy.is_storable() && !redirected && answer.body.len() <= LARGEST;
        self.keep(key, may_be_kept.then(|| Kept::new(policy, asked, &answer)).flatten());
        Arc::new(answer)
    }

    /// Keeps this instead of what was kept, if anything.
    fn keep(&self, key: &Key, kept: Option<Kept>) {
        match kept {
            Some(kept) => self.kept.insert(key.clone(), Arc::new(kept)),
            None => {
                self.kept.remove(key);
            }
        }
    }

    fn now(&self) -> SystemTime {
        let now = self.clock.calendar();
        UNIX_EPOCH + Duration::new(now.seconds, now.nanoseconds)
    }
}

/// Returns the headers that ask whether an answer still holds (RFC 9110, 13.1).
fn conditions(answer: &Answer) -> HeaderMap {
    let asked = [(ETAG, header::IF_NONE_MATCH)];
    let asked = asked.into_iter().chain([(header::LAST_MODIFIED, header::IF_MODIFIED_SINCE)]);
    asked.filter_map(|(has, asks)| Some((asks, answer.headers.get(has)?.clone()))).collect()
}

fn response(answer: &Answer) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers.clone();
    response
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use omnifs_vfs::TestClock;
    use url::Url;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &'static str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            url: Url::parse("https://a.example/").unwrap(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()))
                .collect(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    struct Rig {
        clock: Arc<TestClock>,
        cache: Cache,
        key: Key,
        request: Request<()>,
    }

    impl Rig {
        fn new() -> Self {
            let clock = Arc::new(TestClock::new());
            let request = Request::builder().uri("https://a.example/").body(()).unwrap();
            let cache = Cache::new(Arc::clone(&clock) as Arc<dyn Clock>);
            Self { clock, cache, key: Key("k".to_owned()), request }
        }

        fn settle(&self, answer: Answer) -> Arc<Answer> {
            self.cache.settle((&self.key, self.cache.age()), &self.request, answer)
        }

        fn find(&self) -> Found {
            self.cache.find(&self.key, &self.request)
        }
    }

    #[test]
    fn an_answer_holds_as_long_as_it_says() {
        let rig = Rig::new();
        rig.settle(answer(200, &[("cache-control", "max-age=60")], "x"));
        assert!(matches!(rig.find(), Found::Fresh(found) if found.body == "x"));
        rig.clock.advance(Duration::from_secs(61));
        assert!(matches!(rig.find(), Found::Stale(_)));
    }

    #[test]
    fn an_answer_that_was_kept_says_how_old_it_is() {
        let rig = Rig::new();
        let date = ("date", "Tue, 14 Nov 2023 22:13:20 GMT");
        let headers = [("cache-control", "max-age=60"), ("age", "5"), date];
        rig.settle(answer(200, &headers, "x"));
        rig.clock.advance(Duration::from_secs(40));
        let Found::Fresh(found) = rig.find() else { panic!("stale") };
        assert_eq!(
            (&found.headers["age"], &found.headers["date"]),
            (&"45".parse().unwrap(), &date.1.parse().unwrap())
        );
    }

    #[test]
    fn what_was_asked_for_before_something_is_outdated_has_to_be_confirmed() {
        let rig = Rig::new();
        let fresh = [("cache-control", "max-age=60"), ("etag", "\"1\"")];
        let asked = rig.cache.age();
        rig.settle(answer(200, &fresh, "x"));
        rig.cache.outdate();
        let Found::Stale(conditions) = rig.find() else { panic!("fresh") };
        assert_eq!(conditions["if-none-match"], "\"1\"");
        rig.settle(answer(304, &fresh, ""));
        assert!(matches!(rig.find(), Found::Fresh(found) if found.body == "x"));
        // An answer to what was asked before comes late.
        rig.cache.settle((&rig.key, asked), &rig.request, answer(200, &fresh, "y"));
        assert!(matches!(rig.find(), Found::Stale(_)));
    }

    #[test]
    fn what_says_nothing_or_no_store_is_asked_for_again() {
        let rig = Rig::new();
        rig.settle(answer(200, &[("cache-control", "no-store"), ("etag", "\"1\"")], "x"));
        assert!(matches!(rig.find(), Found::Nothing));
        rig.settle(answer(200, &[("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT")], "x"));
        let Found::Stale(conditions) = rig.find() else { panic!("guessed") };
        assert_eq!(conditions["if-modified-since"], "Wed, 21 Oct 2015 07:28:00 GMT");
    }

    #[test]
    fn a_confirmed_answer_keeps_its_bytes_and_takes_the_new_headers() {
        let rig = Rig::new();
        rig.settle(answer(200, &[("etag", "\"1\""), ("cache-control", "max-age=0")], "x"));
        let Found::Stale(conditions) = rig.find() else { panic!("fresh") };
        assert_eq!(conditions["if-none-match"], "\"1\"");
        let confirmed = [("etag", "\"1\""), ("cache-control", "max-age=60")];
        let kept = rig.settle(answer(304, &confirmed, ""));
        assert_eq!((kept.status.as_u16(), kept.body.as_ref()), (200, b"x".as_slice()));
        assert!(matches!(rig.find(), Found::Fresh(_)));
    }

    #[test]
    fn a_304_that_nobody_here_asked_for_is_given_on() {
        let rig = Rig::new();
        let given = rig.settle(answer(304, &[("etag", "\"1\"")], ""));
        assert_eq!(given.status, StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn who_wants_what_there_is_now_gets_nothing_that_is_only_fresh() {
        let mut rig = Rig::new();
        let tagged = [("etag", "\"1\""), ("cache-control", "max-age=60")];
        rig.settle(answer(200, &tagged, "x"));
        assert!(matches!(rig.find(), Found::Fresh(_)));
        rig.request.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let Found::Stale(conditions) = rig.find() else { panic!("not to be confirmed") };
        assert_eq!(conditions["if-none-match"], "\"1\"");
        let dated = [("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT")];
        rig.settle(answer(200, &dated, "x"));
        assert!(matches!(rig.find(), Found::Nothing), "it may have grown within that second");
    }

    #[test]
    fn who_takes_what_is_a_few_seconds_old_gets_it_and_nobody_else_does() {
        let mut rig = Rig::new();
        rig.settle(answer(200, &[], "x"));
        assert!(!matches!(rig.find(), Found::Fresh(_)));
        rig.request.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-stale=5"));
        assert!(matches!(rig.find(), Found::Fresh(found) if found.body == "x"));
        rig.clock.advance(Duration::from_secs(4));
        assert!(matches!(rig.find(), Found::Fresh(_)));
        rig.clock.advance(Duration::from_secs(2));
        assert!(!matches!(rig.find(), Found::Fresh(_)));
        rig.settle(answer(200, &[], "y"));
        rig.cache.outdate();
        assert!(!matches!(rig.find(), Found::Fresh(_)), "it was asked for anew since");
    }

    #[test]
    fn a_part_is_never_kept() {
        let rig = Rig::new();
        rig.settle(answer(206, &[("etag", "\"1\""), ("cache-control", "max-age=60")], "x"));
        assert!(matches!(rig.find(), Found::Nothing));
    }
}
