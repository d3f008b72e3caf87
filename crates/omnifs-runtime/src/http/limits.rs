//! What the requests of one provider may be, and how long they may take.

use std::time::Duration;

/// The limits of a provider's HTTP: the keys `http_...` of `[provider.limits]`, and
/// `requests_per_minute`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// Requests at a time (`http_in_flight`).
    pub in_flight: u32,
    /// Requests at a time to one host (`http_per_host`).
    pub per_host: u32,
    /// Requests at a time of one call (`http_per_call`).
    pub per_call: u32,
    /// Requests in a minute (`requests_per_minute`); `None` is no brake.
    pub per_minute: Option<u32>,
    /// How long a connection may take, names and TLS included (`http_connect`).
    pub connect: Duration,
    /// How long an upstream may take from a request to its first byte (`http_first_byte`).
    pub first_byte: Duration,
    /// How long nothing of a body may come (`http_idle`).
    pub idle: Duration,
    /// How long a `fetch` may take in all (`http_total`).
    pub total: Duration,
    /// The longest decoded body of a `fetch`, in bytes (`http_body`).
    pub body: u64,
    /// The longest body of a `download`, in bytes: the room that the provider has on disk.
    pub download: u64,
    /// The most bytes of all headers, names and values, of a request or an answer
    /// (`http_headers`).
    pub headers: u64,
    /// The longest body of a request, in bytes (`http_request`).
    pub request: u64,
    /// The longest URL, in bytes (`http_url`).
    pub url: u64,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            in_flight: 64,
            per_host: 32,
            per_call: 64,
            per_minute: None,
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(10),
            idle: Duration::from_secs(5),
            total: Duration::from_secs(30),
            body: 32 << 20,
            download: 1 << 30,
            headers: 64 << 10,
            request: 8 << 20,
            url: 16 << 10,
        }
    }
}

/// Returns a number of them for the types that count with a `usize`.
pub(crate) fn count(limit: u32) -> usize {
    usize::try_from(limit.max(1)).unwrap_or(usize::MAX)
}
