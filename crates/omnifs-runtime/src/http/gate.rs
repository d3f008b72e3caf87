//! The gate: which requests a provider may make.
//!
//! A request passes when the provider's declared needs and the user's grant both have an entry
//! for it. What is checked is what is sent: the URL is parsed once, by the rules that every
//! browser has (WHATWG), and only the parsed form is used.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use hyper::Method;
use url::{Host, Url};

use super::allow::{AllowEntry, HostPattern, Origin, Scheme, Target};
use super::limits::HttpLimits;
use super::path_rules;
use crate::limits::Bytes;

/// Decides for one provider.
#[derive(Debug)]
pub struct Gate {
    provider: Arc<str>,
    granted: Vec<AllowEntry>,
    /// What the component says that it needs; none when it says nothing, which asks for all
    /// that is granted.
    needed: Option<Vec<AllowEntry>>,
    /// The longest URL, in bytes.
    url_limit: u64,
}

/// A request that may be made, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The method, one that there is.
    pub method: Method,
    /// Parsed, without userinfo and fragment, the host in lower case without a dot at its end.
    pub url: Url,
    /// Where it goes.
    pub route: Route,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To an address that the host resolves to.
    Network(Reach),
    /// To a socket of this machine.
    Socket(PathBuf),
}

/// Which addresses may be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reach {
    /// Those of the public internet.
    Public,
    /// This machine's own, for `localhost`.
    Loopback,
    /// All: the user named an address, or allowed private ones.
    Any,
}

/// A request that may not be made, why, and what would allow it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {remedy}")]
pub struct Denied {
    /// What is not allowed.
    pub reason: String,
    /// What would allow it.
    pub remedy: String,
}

impl Denied {
    pub(crate) fn new(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { reason: reason.into(), remedy: remedy.into() }
    }
}

impl Gate {
    /// Returns the gate of a provider.
    pub fn new(
        provider: Arc<str>,
        granted: Vec<AllowEntry>,
        needed: Option<Vec<AllowEntry>>,
    ) -> Self {
        let url_limit = HttpLimits::default().url;
        Self { provider, granted, needed, url_limit }
    }

    /// Holds URLs to another limit than the default, in bytes.
    pub(crate) fn with_url_limit(self, url_limit: u64) -> Self {
        Self { url_limit, ..self }
    }

    /// Checks a request as a provider made it.
    ///
    /// # Errors
    /// [`Denied`] with the line of providers.toml that would allow it, if one would.
    pub fn check(&self, method: &str, url: &str) -> Result<Approved, Denied> {
        let method = checked_method(method)?;
        self.printable(url)?;
        self.approve(method, parse(url)?)
    }

    /// Checks a hop: where an answer to a request for `from` sends the client.
    ///
    /// # Errors
    /// As [`Gate::check`].
    pub(crate) fn check_hop(
        &self,
        method: Method,
        from: &Url,
        location: &str,
    ) -> Result<Approved, Denied> {
        self.printable(location)?;
        let mut to =
            from.join(location).map_err(|error| not_a_url(location, &error.to_string()))?;
        // A fragment is for the client, and may stand in a Location (RFC 9110, 10.2.2).
        to.set_fragment(None);
        if from.scheme() == "https" && to.scheme() == "http" {
            let reason = format!("{from} redirects from https to http", from = shown_origin(from));
            return Err(Denied::new(
                reason,
                "that is never followed; ask the upstream to use https",
            ));
        }
        self.approve(method, checked(to)?)
    }

    /// Checks a URL's bytes before anything is made of them.
    fn printable(&self, url: &str) -> Result<(), Denied> {
        if url.len() as u64 > self.url_limit {
            let (length, limit) = (url.len(), Bytes(self.url_limit));
            let reason =
                format!("a URL of {length} bytes is over the limit of {limit} (limits.http_url)");
            return Err(Denied::new(reason, "send what is long in a body"));
        }
        match url.bytes().find(|byte| *byte < 0x21 || *byte == 0x7f) {
            Some(byte) => Err(Denied::new(
                format!("a URL holds the byte 0x{byte:02x}"),
                "percent-encode blanks and control characters",
            )),
            None => Ok(()),
        }
    }

    fn approve(&self, method: Method, url: Url) -> Result<Approved, Denied> {
        let asked = Asked::of(&method, &url)?;
        let mut routes: Vec<Route> =
            self.granted.iter().filter_map(|entry| asked.granted_by(entry)).collect();
        if routes.is_empty() {
            return Err(self.denial(&asked));
        }
        if let Some(needed) = &self.needed
            && !needed.iter().any(|entry| asked.named_by(entry))
        {
            let provider = &self.provider;
            return Err(Denied::new(
                format!("provider {provider:?} asks for {asked}, which it does not declare"),
                "its author has to add it to needs! { http: [..] } and build it again",
            ));
        }
        // A socket's alias is never resolved; of networks, the entry that allows most.
        let socket = routes.iter().position(|route| matches!(route, Route::Socket(_)));
        let route = match socket {
            Some(at) => routes.swap_remove(at),
            None => Route::Network(routes.iter().map(reach).max().unwrap_or(Reach::Public)),
        };
        Ok(Approved { method, url, route })
    }

    /// Says what is missing.
    fn denial(&self, asked: &Asked<'_>) -> Denied {
        let provider = &self.provider;
        let reason = format!("provider {provider:?} may not {asked}");
        let place = format!("[provider.capabilities] of {provider:?} in providers.toml");
        let origin = asked.origin.to_string();
        let same = self.granted.iter().find(|entry| asked.is_origin_of(entry));
        let remedy = match same {
            Some(entry) if !asked.method_is_in(entry) => {
                format!(
                    "add {:?} to `methods` of the entry {entry} in {place}",
                    asked.method.as_str()
                )
            }
            Some(entry) => {
                format!("add {:?} to `paths` of the entry {entry} in {place}", asked.url.path())
            }
            None => format!("add {origin:?} to http.allow in {place}"),
        };
        Denied::new(reason, remedy)
    }

    /// Says that an address is not one that the request may go to.
    pub(crate) fn denied_address(&self, host: &str, address: std::net::IpAddr) -> Denied {
        let provider = &self.provider;
        Denied::new(
            format!(
                "provider {provider:?} may not reach {host}: its address {address} is not on the \
                 public internet"
            ),
            format!(
                "if that is meant, write {{ host = {host:?}, allow_private = true }} into \
                 http.allow in [provider.capabilities] of {provider:?} in providers.toml"
            ),
        )
    }
}

fn reach(route: &Route) -> Reach {
    match route {
        Route::Network(reach) => *reach,
        Route::Socket(_) => Reach::Public,
    }
}

/// A request, taken apart for the comparison with entries.
struct Asked<'a> {
    method: &'a Method,
    url: &'a Url,
    origin: Origin,
    segments: Option<Vec<String>>,
}

impl<'a> Asked<'a> {
    fn of(method: &'a Method, url: &'a Url) -> Result<Self, Denied> {
        // A URL of one of the two schemes has a host, or it would not have parsed.
        let origin = Origin::of(url).ok_or_else(|| {
            let reason = format!("{}: is neither http nor https", url.scheme());
            Denied::new(reason, "providers reach HTTP only")
        })?;
        Ok(Self { method, url, origin, segments: path_rules::segments(url.path()) })
    }

    /// Returns whether an entry is about this scheme, host and port.
    fn is_origin_of(&self, entry: &AllowEntry) -> bool {
        match &entry.target {
            Target::Network { origin, .. } => origin.covers(&self.origin),
            Target::Socket { alias, .. } => {
                let host = HostPattern::Name(alias.clone());
                let port = Scheme::Http.default_port();
                self.origin == Origin { scheme: Scheme::Http, host, port }
            }
        }
    }

    fn method_is_in(&self, entry: &AllowEntry) -> bool {
        let mut methods = entry.methods.iter();
        entry.methods.is_empty() || methods.any(|method| method.name() == self.method.as_str())
    }

    fn path_is_in(&self, entry: &AllowEntry) -> bool {
        let covered =
            |segments: &Vec<String>| entry.paths.iter().any(|pattern| pattern.covers(segments));
        entry.paths.is_empty() || self.segments.as_ref().is_some_and(covered)
    }

    fn named_by(&self, entry: &AllowEntry) -> bool {
        self.is_origin_of(entry) && self.method_is_in(entry) && self.path_is_in(entry)
    }

    /// Returns where an entry lets the request go, if it does.
    fn granted_by(&self, entry: &AllowEntry) -> Option<Route> {
        self.named_by(entry).then(|| match &entry.target {
            Target::Socket { path, .. } => Route::Socket(path.clone()),
            Target::Network { origin, allow_private } => Route::Network(match &origin.host {
                HostPattern::Address(_) => Reach::Any,
                HostPattern::Name(name) if name == "localhost" => Reach::Loopback,
                HostPattern::Name(_) | HostPattern::Below(_) if *allow_private => Reach::Any,
                HostPattern::Name(_) | HostPattern::Below(_) => Reach::Public,
            }),
        })
    }
}

impl std::fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the query, which may hold what is nobody's business.
        write!(f, "{} {}{}", self.method, shown_origin(self.url), self.url.path())
    }
}

/// Returns scheme, host and port of a URL as its reader would type them.
pub(crate) fn shown_origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn checked_method(method: &str) -> Result<Method, Denied> {
    let capitals = method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    let parsed = Method::from_bytes(method.as_bytes()).ok().filter(|_| capitals);
    match parsed {
        Some(Method::TRACE | Method::CONNECT) => {
            Err(Denied::new(format!("the method {method} is never allowed"), "use another method"))
        }
        Some(method) => Ok(method),
        None => Err(Denied::new(
            format!("{method:?} is not a method"),
            "write it in capitals, as in GET",
        )),
    }
}

fn parse(text: &str) -> Result<Url, Denied> {
    checked(Url::parse(text).map_err(|error| not_a_url(text, &error.to_string()))?)
}

fn not_a_url(text: &str, why: &str) -> Denied {
    Denied::new(
        format!("{text:?} is not a URL that can be asked for ({why})"),
        "write https://host/path",
    )
}

/// Checks what a URL may not have, and brings its host into the one form.
fn checked(mut url: Url) -> Result<Url, Denied> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Denied::new(
            "a URL holds a user or a password",
            "credentials are secrets, which go into a header",
        ));
    }
    if url.fragment().is_some() {
        return Err(Denied::new("a URL holds a fragment (#)", "leave it out: it is never sent"));
    }
    if url.port() == Some(0) {
        return Err(Denied::new("a URL names port 0", "ports are 1 to 65535"));
    }
    if let Some(Host::Domain(host)) = url.host() {
        let name = host.strip_suffix('.').unwrap_or(host).to_owned();
        if name.split('.').any(str::is_empty) {
            return Err(not_a_url(url.as_str(), "its host has an empty label"));
        }
        if url.set_host(Some(&name)).is_err() {
            return Err(not_a_url(url.as_str(), "its host is no host name"));
        }
    }
    Ok(url)
}
