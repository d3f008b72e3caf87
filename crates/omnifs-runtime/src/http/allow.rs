//! Entries of `http.allow`: hosts that a provider may reach through the host.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use url::{Host, Url};

use super::path_rules::PathPattern;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowEntry {
    /// Where requests go.
    pub target: Target,
    /// Which methods; empty is all.
    pub methods: Vec<AllowedMethod>,
    /// Which paths; empty is all.
    pub paths: Vec<PathPattern>,
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Hosts of the network.
    Network {
        /// Scheme, host and port.
        origin: Origin,
        /// Whether it may have an address that is not on the public internet.
        allow_private: bool,
    },
    /// A socket of this machine, under a name that is never resolved.
    Socket {
        /// The socket's path.
        path: PathBuf,
        /// The name that stands for it in `http://NAME/`.
        alias: String,
    },
}

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `https`, unless the entry says `http://`.
    pub scheme: Scheme,
    /// Which hosts.
    pub host: HostPattern,
    /// Which port.
    pub port: u16,
}

/// How the host talks to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// Returns the port that the scheme has where none is written.
    pub(crate) fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Which hosts an entry means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// This name, in lower case.
    Name(String),
    /// Every name below this one, at any depth, without itself.
    Below(String),
    /// This address.
    Address(IpAddr),
}

/// A method of HTTP that an entry can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedMethod {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
}

impl AllowedMethod {
    const ALL: [Self; 7] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options];

    /// Returns the method as it is written on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// Parses a method as it is written on the wire, or returns `None`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == text)
    }
}

impl AllowEntry {
    /// Parses an entry that is a string, as `omnifs:needs` has them too: every method and path
    /// of an origin, on public addresses.
    ///
    /// # Errors
    /// The reason, for the reader of the configuration.
    pub fn of_origin(text: &str) -> Result<Self, String> {
        let target = Target::Network { origin: Origin::parse(text)?, allow_private: false };
        Ok(Self { target, methods: Vec::new(), paths: Vec::new() })
    }

    /// Returns the entry of the one origin that a URL is of, as the user wrote it.
    ///
    /// # Errors
    /// The reason why it is of none that could be asked.
    pub fn of_url(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        let origin = Origin::of(&url).ok_or("it is no URL of http or https with a host")?;
        let target = Target::Network { origin, allow_private: false };
        Ok(Self { target, methods: Vec::new(), paths: Vec::new() })
    }

    /// Returns whether there is anywhere that both lead to.
    pub fn meets(&self, other: &Self) -> bool {
        match (&self.target, &other.target) {
            (Target::Network { origin: own, .. }, Target::Network { origin: other, .. }) => {
                own.covers(other) || other.covers(own)
            }
            (Target::Socket { alias, .. }, Target::Network { origin, .. })
            | (Target::Network { origin, .. }, Target::Socket { alias, .. }) => {
                origin.scheme == Scheme::Http && origin.host == HostPattern::Name(alias.clone())
            }
            (Target::Socket { alias: own, .. }, Target::Socket { alias: other, .. }) => {
                own == other
            }
        }
    }
}

impl Origin {
    /// Returns the one origin of a parsed URL, or `None` when it is of neither scheme or has no
    /// host.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let scheme = match url.scheme() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return None,
        };
        let host = match url.host()? {
            Host::Domain(name) => HostPattern::Name(name.to_owned()),
            Host::Ipv4(address) => HostPattern::Address(address.into()),
            Host::Ipv6(address) => HostPattern::Address(address.into()),
        };
        Some(Self { scheme, host, port: url.port().unwrap_or_else(|| scheme.default_port()) })
    }

    /// Returns whether it means this one origin.
    pub(crate) fn covers(&self, asked: &Self) -> bool {
        self.scheme == asked.scheme && self.port == asked.port && self.host.covers(&asked.host)
    }

    /// Parses `h`, `h:port` or `scheme://h[:port]`.
    ///
    /// # Errors
    /// The reason, for the reader of the configuration.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(("http", rest)) => (Scheme::Http, rest),
            Some((other, _)) => return Err(format!("scheme {other:?} is neither http nor https")),
            None => (Scheme::Https, text),
        };
        if rest.contains(['/', '?', '#']) {
            return Err("an entry names a host; which paths it may ask for goes into \
                        { host = \"...\", paths = [\"/...\"] }"
                .to_owned());
        }
        if rest.contains('@') {
            return Err("an entry has no user or password: secrets go into `secrets`".to_owned());
        }
        let (host, port) = split_port(rest)?;
        let port = match port {
            Some(port) => parse_port(port)?,
            None => scheme.default_port(),
        };
        Ok(Self { scheme, host: HostPattern::parse(host)?, port })
    }
}

/// Splits `host:port`, where the host may be an IPv6 address in brackets.
fn split_port(text: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (_, after) = rest.split_once(']').ok_or("the bracket [ has no end")?;
        let host = text.strip_suffix(after).unwrap_or(text);
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(format!("{after:?} after the address is not a port")),
        };
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => {
            Err("an IPv6 address stands in brackets: [::1] or [::1]:8080".to_owned())
        }
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or_else(|| format!("{text:?} is not a port from 1 to 65535"))
}

impl HostPattern {
    fn covers(&self, asked: &Self) -> bool {
        match (self, asked) {
            (Self::Below(apex), Self::Name(asked)) => asked
                .strip_suffix(apex.as_str())
                .and_then(|front| front.strip_suffix('.'))
                .is_some_and(|front| !front.is_empty()),
            (own, asked) => own == asked,
        }
    }

    /// Parses a host, `*.host` or an address.
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address: Ipv6Addr =
                address.parse().map_err(|_| format!("{address:?} is not an IPv6 address"))?;
            return Ok(Self::Address(address.into()));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        if text == "*" {
            return Err("* would allow every host there is: name the hosts".to_owned());
        }
        match text.strip_prefix("*.") {
            Some(apex) => Ok(Self::Below(domain(apex)?)),
            None => Ok(Self::Name(domain(text)?)),
        }
    }
}

/// Checks a domain name and returns it in lower case, without a dot at its end.
///
/// # Errors
/// The reason, for the reader of the configuration.
pub fn domain(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("the host is empty".to_owned());
    }
    if !text.is_ascii() {
        return Err(format!("{text:?} has to be written in its ASCII form (xn--...)"));
    }
    if text.contains('*') {
        return Err("* stands only at the front, as in *.example.com".to_owned());
    }
    let shaped = |label: &str| {
        let letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (1..=63).contains(&label.len())
            && letters
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels = text.strip_suffix('.').unwrap_or(text);
    if labels.len() > 253 || !labels.split('.').all(shaped) {
        return Err(format!("{text:?} is not a host name"));
    }
    // A URL whose host ends in a number means an address, however it is written.
    let last = labels.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) || last.to_ascii_lowercase().starts_with("0x") {
        return Err(format!(
            "{text:?} is not an IPv4 address: write four numbers, as in 192.0.2.1"
        ));
    }
    Ok(labels.to_ascii_lowercase())
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme == Scheme::Http {
            f.write_str("http://")?;
        }
        match &self.host {
            HostPattern::Name(name) => f.write_str(name)?,
            HostPattern::Below(apex) => write!(f, "*.{apex}")?,
            HostPattern::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            HostPattern::Address(IpAddr::V4(address)) => write!(f, "{address}")?,
        }
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

impl fmt::Display for AllowEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Network { origin, allow_private: false } => write!(f, "{origin}")?,
            Target::Network { origin, allow_private: true } => write!(f, "{origin} (private too)")?,
            Target::Socket { path, alias } => write!(f, "http://{alias} at {}", path.display())?,
        }
        for (index, method) in self.methods.iter().enumerate() {
            let before = if index == 0 { " by " } else { "," };
            write!(f, "{before}{}", method.name())?;
        }
        for path in &self.paths {
            write!(f, " {path}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Origin::parse(text).unwrap().to_string()
    }

    #[test]
    fn entries_meet_where_one_covers_the_other() {
        let entry = |text| AllowEntry::of_origin(text).unwrap();
        let api = entry("api.example.com");
        for other in ["api.example.com", "*.example.com", "https://API.example.com:443"] {
            assert!(api.meets(&entry(other)) && entry(other).meets(&api), "{other}");
        }
        for other in ["example.com", "http://api.example.com", "api.example.com:8443"] {
            assert!(!api.meets(&entry(other)), "{other}");
        }
        let target = Target::Socket { path: "/run/docker.sock".into(), alias: "docker".to_owned() };
        let socket = AllowEntry { target, methods: Vec::new(), paths: Vec::new() };
        assert!(socket.meets(&entry("http://docker")) && !socket.meets(&entry("docker")));
    }

    #[test]
    fn a_bare_host_is_https_on_its_port_only() {
        let origin = Origin::parse("api.example.com").unwrap();
        let host = HostPattern::Name("api.example.com".to_owned());
        assert_eq!(origin, Origin { scheme: Scheme::Https, host, port: 443 });
        assert_eq!(Origin::parse("http://localhost").unwrap().port, 80);
        assert_eq!(Origin::parse("example.com:8443").unwrap().scheme, Scheme::Https);
    }

    #[test]
    fn entries_are_brought_into_one_form() {
        for (written, form) in [
            ("API.Example.com.", "api.example.com"),
            ("https://a.example:443", "a.example"),
            ("http://a.example:8080", "http://a.example:8080"),
            ("*.Example.com", "*.example.com"),
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            ("http://[::1]:80", "http://[::1]"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(shown(written), form);
        }
    }

    #[test]
    fn refuses_what_is_no_host() {
        for bad in [
            "",
            "*",
            "a.*.b",
            "*a.b",
            "ftp://a.b",
            "https://a.b/",
            "a.b/c",
            "u:p@a.b",
            "a b",
            "-a.b",
            "a..b",
            "::1",
            "[::1",
            "[::1]x",
            "a.b:0",
            "a.b:65536",
            "a.b:+1",
            "a.b:",
            "1.2.3",
            "0x7f.1",
            "0x7f000001",
            "münchen.example",
            "a.b:1:2",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_entry_of_a_url_is_its_origin() {
        for (url, entry) in [
            ("https://Files.example.com/pub/?x#y", "files.example.com"),
            ("https://files.example.com:8443", "files.example.com:8443"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://[::1]/", "http://[::1]"),
        ] {
            assert_eq!(AllowEntry::of_url(url).unwrap().to_string(), entry);
        }
        for url in ["files.example.com", "ftp://a.example/", "https://", "", "data:,x"] {
            assert!(AllowEntry::of_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn methods_are_those_of_the_contract() {
        assert_eq!(AllowedMethod::parse("GET"), Some(AllowedMethod::Get));
        for bad in ["get", "TRACE", "CONNECT", ""] {
            assert_eq!(AllowedMethod::parse(bad), None, "{bad}");
        }
    }
}
