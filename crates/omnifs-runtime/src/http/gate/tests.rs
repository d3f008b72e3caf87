//! Every rule of the gate, by URLs with their verdicts, and against a second matcher that
//! shares nothing with the first.

use proptest::prelude::*;

use super::super::allow::AllowedMethod;
use super::super::path_rules::PathPattern;
use super::*;

fn origin(text: &str) -> AllowEntry {
    AllowEntry::of_origin(text).unwrap()
}

fn private(text: &str) -> AllowEntry {
    let mut entry = origin(text);
    if let Target::Network { allow_private, .. } = &mut entry.target {
        *allow_private = true;
    }
    entry
}

fn narrowed(text: &str, methods: &[&str], paths: &[&str]) -> AllowEntry {
    AllowEntry {
        methods: methods.iter().map(|method| AllowedMethod::parse(method).unwrap()).collect(),
        paths: paths.iter().map(|path| PathPattern::parse(path).unwrap()).collect(),
        ..origin(text)
    }
}

fn socket(path: &str, alias: &str) -> AllowEntry {
    AllowEntry {
        target: Target::Socket { path: path.into(), alias: alias.to_owned() },
        methods: Vec::new(),
        paths: Vec::new(),
    }
}

fn gate(entries: &[AllowEntry]) -> Gate {
    Gate::new("p".into(), entries.to_vec(), None)
}

#[track_caller]
fn all_pass(entries: &[AllowEntry], urls: &[&str]) {
    for url in urls {
        let verdict = gate(entries).check("GET", url);
        assert!(verdict.is_ok(), "{url}: {verdict:?}");
    }
}

#[track_caller]
fn none_pass(entries: &[AllowEntry], urls: &[&str]) {
    for url in urls {
        let verdict = gate(entries).check("GET", url);
        assert!(verdict.is_err(), "{url}: {verdict:?}");
    }
}

#[test]
fn bytes_that_a_parser_would_drop_are_refused_before_it_sees_them() {
    let entries = [origin("a.example")];
    none_pass(
        &entries,
        &[
            "https://a.example/ ",
            " https://a.example/",
            "https://a.example/a b",
            "https://a.exam\tple/",
            "https://a.example/\n",
            "https://a.example/\r\nhost: b",
            "https://a.example/\0",
            "https://a.example/\u{7f}",
            "ht\ntps://a.example/",
            &format!("https://a.example/{}", "x".repeat(16 << 10)),
        ],
    );
    all_pass(&entries, &["https://a.example/%20%00", "https://a.example/é", "https://a.example"]);
}

#[test]
fn the_parsed_form_is_compared() {
    all_pass(
        &[origin("a.example")],
        &[
            "https://a.example",
            "https://A.EXAMPLE/",
            "HTTPS://a.example/",
            "https://a.example./",
            "https://a.example:443/",
            "https:a.example/",
            "https:\\\\a.example\\x",
            "https://%61.example/",
            "https://ａ.example/",
        ],
    );
    none_pass(
        &[origin("a.example")],
        &[
            "https://b.example/",
            "https://a.example.b.example/",
            "https://ba.example/",
            "https://a.example../",
            "https://a..example/",
            "https:///b.example/a.example",
            "//a.example/",
            "a.example",
            "",
            "https://",
        ],
    );
}

#[test]
fn users_fragments_and_port_zero_are_refused() {
    none_pass(
        &[origin("a.example"), origin("http://127.0.0.1"), origin("evil.example")],
        &[
            "https://user@a.example/",
            "https://user:password@a.example/",
            "https://:password@a.example/",
            "https://a.example@evil.example/",
            "https://a.example%40evil.example/",
            "https://a.example:443@evil.example/",
            "https://a.example/#fragment",
            "https://a.example/#",
            "https://a.example:0/",
            "http://user@127.0.0.1/",
        ],
    );
}

#[test]
fn what_looks_like_the_host_is_not_taken_for_it() {
    none_pass(
        &[origin("a.example")],
        &[
            "https://evil.example\\@a.example/",
            "https://evil.example/@a.example",
            "https://evil.example?a.example",
            "https://evil.example/https://a.example/",
            "https://evil.example:443/a.example",
            "https://a.example%2eevil.example/",
            "https://a.example%00.evil.example/",
            "https://[a.example]/",
        ],
    );
}

#[test]
fn https_only_unless_the_entry_says_otherwise() {
    none_pass(
        &[origin("a.example"), origin("http://b.example")],
        &[
            "http://a.example/",
            "http://a.example:443/",
            "https://b.example/",
            "https://b.example:80/",
            "ftp://a.example/",
            "ws://a.example/",
            "file:///etc/passwd",
            "data:text/plain,x",
            "javascript:1",
            "gopher://a.example/",
            "unix:/run/docker.sock",
        ],
    );
    all_pass(&[origin("http://b.example")], &["http://b.example/", "http://b.example:80/"]);
}

#[test]
fn a_port_is_that_of_the_entry() {
    none_pass(
        &[origin("a.example"), origin("b.example:8443"), origin("http://c.example:8080")],
        &[
            "https://a.example:8443/",
            "https://a.example:80/",
            "https://a.example:4430/",
            "https://b.example/",
            "https://b.example:443/",
            "http://c.example/",
            "https://c.example:8080/",
            "https://a.example:65536/",
        ],
    );
    all_pass(
        &[origin("b.example:8443"), origin("http://c.example:8080")],
        &["https://b.example:8443/", "http://c.example:8080/x"],
    );
}

#[test]
fn a_star_is_every_name_below_and_not_the_name() {
    all_pass(&[origin("*.a.example")], &["https://x.a.example/", "https://x.y.z.a.example/"]);
    none_pass(
        &[origin("*.a.example")],
        &[
            "https://a.example/",
            "https://.a.example/",
            "https://xa.example/",
            "https://x.a.example.b/",
            "https://x-a.example/",
            "https://example/",
            "https://x.b.example/",
            "https://*.a.example.evil/",
        ],
    );
}

#[test]
fn an_address_is_allowed_by_itself_only() {
    for spelling in [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://１２７.0.0.1/",
    ] {
        none_pass(&[origin("localhost"), origin("http://a.example")], &[spelling]);
        let approved = gate(&[origin("http://127.0.0.1")]).check("GET", spelling).unwrap();
        assert_eq!(approved.url.host_str(), Some("127.0.0.1"), "{spelling}");
        assert_eq!(approved.route, Route::Network(Reach::Any));
    }
    none_pass(
        &[origin("http://127.0.0.1")],
        &[
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::127.0.0.1]/",
            "http://127.0.0.2/",
            "http://0.0.0.0/",
            "http://localhost/",
            "http://127.0.0.1.evil.example/",
            "http://1270.0.0.1/",
            "http://[64:ff9b::7f00:1]/",
        ],
    );
}

#[test]
fn which_addresses_a_name_may_have_is_its_entry_s_affair() {
    let reach = |entries: &[AllowEntry], url| gate(entries).check("GET", url).unwrap().route;
    for (entries, url, expected) in [
        (vec![origin("a.example")], "https://a.example/", Reach::Public),
        (vec![origin("*.a.example")], "https://x.a.example/", Reach::Public),
        (vec![origin("localhost")], "https://localhost/", Reach::Loopback),
        (vec![private("localhost")], "https://localhost/", Reach::Loopback),
        (vec![private("a.example")], "https://a.example/", Reach::Any),
        (vec![origin("a.example"), private("a.example")], "https://a.example/", Reach::Any),
        (vec![origin("10.0.0.1")], "https://10.0.0.1/", Reach::Any),
        (vec![origin("[fd00::1]")], "https://[fd00::1]/", Reach::Any),
    ] {
        assert_eq!(reach(&entries, url), Route::Network(expected), "{url}");
    }
    // An entry for other paths does not lend its private addresses.
    let mut other = narrowed("a.example", &[], &["/private/**"]);
    if let Target::Network { allow_private, .. } = &mut other.target {
        *allow_private = true;
    }
    let entries = [origin("a.example"), other];
    assert_eq!(reach(&entries, "https://a.example/x"), Route::Network(Reach::Public));
    assert_eq!(reach(&entries, "https://a.example/private/x"), Route::Network(Reach::Any));
}

#[test]
fn methods_are_in_capitals_and_two_are_never_sent() {
    let open = gate(&[origin("a.example")]);
    for method in ["get", "Get", "TRACE", "CONNECT", "", "GET ", "G\nET", "GET/1", "trace"] {
        assert!(open.check(method, "https://a.example/").is_err(), "{method:?}");
    }
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        assert!(open.check(method, "https://a.example/").is_ok(), "{method}");
    }
    let reading = gate(&[narrowed("a.example", &["GET", "HEAD"], &[])]);
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let denied = reading.check(method, "https://a.example/").unwrap_err();
        assert!(denied.remedy.contains(&format!("add {method:?} to `methods`")), "{denied}");
    }
}

#[test]
fn paths_are_compared_in_one_form() {
    let entries = [narrowed("a.example", &[], &["/v1/*", "/open/**"])];
    all_pass(
        &entries,
        &[
            "https://a.example/v1/x",
            "https://a.example/v1/x?q=/admin",
            "https://a.example/%76%31/x",
            "https://a.example/v1/./x",
            "https://a.example/admin/../v1/x",
            "https://a.example/open/a/b/c",
            "https://a.example/open/",
            "https://a.example\\v1\\x",
        ],
    );
    none_pass(
        &entries,
        &[
            "https://a.example/",
            "https://a.example/v1",
            "https://a.example/v1/",
            "https://a.example/v1/x/y",
            "https://a.example/v2/x",
            "https://a.example/v1/../admin",
            "https://a.example/v1/%2e%2e/admin",
            "https://a.example/v1/..%2fadmin",
            "https://a.example/open/..%2F..%2Fadmin",
            "https://a.example/open/x%5c..%5cadmin",
            "https://a.example//v1/x",
            "https://a.example/?/v1/x",
        ],
    );
}

#[test]
fn a_socket_has_a_name_that_is_never_resolved() {
    let entries = [socket("/run/docker.sock", "docker"), origin("http://docker")];
    let approved = gate(&entries).check("GET", "http://docker/v1/x").unwrap();
    assert_eq!(approved.route, Route::Socket("/run/docker.sock".into()));
    none_pass(
        &entries[..1],
        &[
            "https://docker/",
            "http://docker:8080/",
            "http://docker.example/",
            "http://x.docker/",
            "http://dockers/",
            "http://user@docker/",
            "unix:///run/docker.sock",
            "http://127.0.0.1/",
        ],
    );
}

#[test]
fn a_hop_passes_the_same_gate() {
    let entries = [origin("a.example"), origin("b.example"), origin("http://a.example")];
    let from = Url::parse("https://a.example/x/y?q").unwrap();
    let hop = |location| gate(&entries).check_hop(Method::GET, &from, location);
    for (location, to) in [
        ("/z", "https://a.example/z"),
        ("z", "https://a.example/x/z"),
        ("?p", "https://a.example/x/y?p"),
        ("//b.example/z", "https://b.example/z"),
        ("https://b.example/", "https://b.example/"),
        ("/z#part", "https://a.example/z"),
    ] {
        assert_eq!(hop(location).unwrap().url.as_str(), to, "{location}");
    }
    for location in [
        "http://a.example/",
        "https://c.example/",
        "//169.254.169.254/",
        "https://127.0.0.1/",
        "https://user@b.example/",
        "ftp://a.example/",
        "/a b",
        "file:///etc/passwd",
        "https://b.example:8443/",
    ] {
        assert!(hop(location).is_err(), "{location}");
    }
}

#[test]
fn both_the_provider_and_the_user_have_to_name_it() {
    let granted = vec![origin("a.example"), origin("b.example")];
    let needed = vec![origin("a.example"), origin("c.example")];
    let gate = |needed| Gate::new("p".into(), granted.clone(), needed);
    let both = gate(Some(needed));
    assert!(both.check("GET", "https://a.example/").is_ok());
    let undeclared = both.check("GET", "https://b.example/").unwrap_err();
    assert!(undeclared.remedy.contains("needs!"), "{undeclared}");
    let ungranted = both.check("GET", "https://c.example/").unwrap_err();
    assert!(ungranted.remedy.contains("add \"c.example\" to http.allow"), "{ungranted}");
    assert!(gate(Some(Vec::new())).check("GET", "https://a.example/").is_err());
    assert!(gate(None).check("GET", "https://b.example/").is_ok());
}

#[test]
fn a_refusal_says_the_line_that_would_allow_it() {
    let none = gate(&[]);
    for (url, line) in [
        ("https://a.example/x?secret=1", "a.example"),
        ("https://a.example:8443/", "a.example:8443"),
        ("http://a.example/", "http://a.example"),
        ("http://10.0.0.1:8080/", "http://10.0.0.1:8080"),
        ("https://[fd00::1]/", "[fd00::1]"),
    ] {
        let denied = none.check("GET", url).unwrap_err();
        let expected = format!(
            "add {line:?} to http.allow in [provider.capabilities] of \"p\" in providers.toml"
        );
        assert_eq!(denied.remedy, expected);
        assert!(!denied.to_string().contains("secret"), "{denied}");
        // And it does.
        assert!(gate(&[origin(line)]).check("GET", url).is_ok(), "{line}");
    }
}

/// A matcher made of other parts: plain text in, plain text compared.
fn second_opinion(entry: &(bool, bool, &str, u16), url: &(bool, String, u16)) -> bool {
    let (entry_tls, below, entry_host, entry_port) = *entry;
    let (tls, host, port) = url;
    let same_host = if below {
        host.len() > entry_host.len() + 1 && host.ends_with(&format!(".{entry_host}"))
    } else {
        host == entry_host
    };
    entry_tls == *tls && entry_port == *port && same_host
}

proptest! {
    #[test]
    fn agrees_with_a_second_matcher(
        entry in (any::<bool>(), any::<bool>(), prop::sample::select(vec!["a.example", "example", "b.a.example"]), prop::sample::select(vec![80_u16, 443, 8443])),
        tls in any::<bool>(),
        labels in prop::collection::vec(prop::sample::select(vec!["a", "b", "example", "xa"]), 1..5),
        port in prop::sample::select(vec![80_u16, 443, 8443]),
        upper in any::<bool>(),
        dot in any::<bool>(),
    ) {
        let scheme = |tls| if tls { "https" } else { "http" };
        let star = if entry.1 { "*." } else { "" };
        let written = format!("{}://{star}{}:{}", scheme(entry.0), entry.2, entry.3);
        let host = labels.join(".");
        let shown = if upper { host.to_uppercase() } else { host.clone() };
        let url = format!("{}://{shown}{}:{port}/x", scheme(tls), if dot { "." } else { "" });
        let verdict = gate(&[origin(&written)]).check("GET", &url).is_ok();
        prop_assert_eq!(verdict, second_opinion(&entry, &(tls, host, port)), "{} {}", written, url);
    }

    #[test]
    fn any_text_gets_a_verdict_and_only_what_is_named_passes(text in ".{0,60}", tail in "[ -~]{0,20}") {
        let gate = gate(&[origin("a.example")]);
        for url in [text.clone(), format!("https://{text}"), format!("https://a.example{tail}")] {
            if let Ok(approved) = gate.check("GET", &url) {
                prop_assert_eq!(approved.url.host_str(), Some("a.example"));
                prop_assert_eq!(approved.url.scheme(), "https");
                prop_assert_eq!(approved.url.port_or_known_default(), Some(443));
            }
        }
    }
}
