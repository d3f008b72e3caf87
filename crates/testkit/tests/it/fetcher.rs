//! The component `fetcher` reads paths as its documentation says.

#[path = "../../guests/fetcher/src/path.rs"]
mod path;

use path::{Ask, File, Node, Part, Value, Verb, parse};
use testkit::guests::escape;

const URL: &str = "https://api.example.com/items?a=b%20c#%";

/// Parses a path whose `URL` stands for the one above.
fn at(path: &str) -> Option<Node> {
    let url = escape(URL);
    let part = |part: &str| if part == "URL" { url.clone() } else { part.to_owned() };
    parse(&path.split('/').filter(|part| !part.is_empty()).map(part).collect::<Vec<_>>())
}

fn ask() -> Ask {
    Ask { url: URL.to_owned(), ..Ask::default() }
}

#[test]
fn urls_become_names_and_back() {
    assert_eq!(escape("https://x/"), "https:%2F%2Fx%2F");
    for url in [URL, "http://[::1]:80/", "//x", "x", "..", "\u{7f}\n\u{fc}:%2f"] {
        let node = parse(&["text".to_owned(), escape(url)]);
        assert_eq!(node, Some(Node::File(File::Text(Ask { url: url.to_owned(), ..ask() }))));
    }
}

#[test]
fn an_answer_is_a_directory_of_files() {
    let names = |path| match at(path) {
        Some(Node::Directory(names)) => names.join(" "),
        other => panic!("{other:?}"),
    };
    assert_eq!(names("get/URL"), "status headers body error report url");
    assert_eq!(names("download/follow/URL"), "status headers body error report size");
    assert_eq!(names("open/URL"), "status headers body error report");
    for (path, verb, part) in [
        ("get/URL/url", Verb::Get, Part::Url),
        ("get/URL/report", Verb::Get, Part::Report),
        ("download/URL/size", Verb::Download, Part::Size),
        ("download/URL/range-10-20", Verb::Download, Part::Range(10, 20)),
        ("open/URL/first-7", Verb::Open, Part::First(7)),
        ("open/URL/status", Verb::Open, Part::Status),
    ] {
        assert_eq!(at(path), Some(Node::File(File::Part(verb, ask(), part))), "{path}");
    }
    for path in
        ["get/URL/size", "get/URL/first-7", "open/URL/range-1-2", "get/URL/body/x", "get/URL/other"]
    {
        assert_eq!(at(path), None, "{path}");
    }
}

#[test]
fn options_describe_the_request() {
    let path = "text/follow/method/POST/timeout/500/bearer/KEY/basic/me/PASSWORD/raw/X-A/B\
        /prefix/X-C/token%20/D/header/Accept/a%2Fb/pad-header/X-Long/3/pad-body/2/pad-url/4/URL";
    let text = |text: &str| text.to_owned();
    let expected = Ask {
        url: format!("{URL}aaaa"),
        method: Some(text("POST")),
        follow: true,
        timeout_ms: Some(500),
        headers: vec![
            (text("Authorization"), Value::Bearer(text("KEY"))),
            (text("Authorization"), Value::Basic(text("me"), text("PASSWORD"))),
            (text("X-A"), Value::Raw(text("B"))),
            (text("X-C"), Value::Prefix(text("token "), text("D"))),
            (text("Accept"), Value::Text(text("a/b"))),
            (text("X-Long"), Value::Text(text("aaa"))),
        ],
        body: Some(b"aa".to_vec()),
    };
    assert_eq!(at(path), Some(Node::File(File::Text(expected))));
    let body = Ask { body: Some(b"a b".to_vec()), ..ask() };
    assert_eq!(at("sentinel/body/a%20b/URL"), Some(Node::File(File::Sentinel(body))));
    // On the way to a URL there are directories.
    for path in ["get", "get/bearer", "get/header/Accept", "get/bearer/KEY", "all", "all/3"] {
        assert_eq!(at(path), Some(Node::Directory(Vec::new())), "{path}");
    }
    for path in ["get/.git", "get/HEAD", "get/timeout/soon/URL", "all/many/URL", "text/URL/x"] {
        assert_eq!(at(path), None, "{path}");
    }
}

#[test]
fn the_rest_is_as_documented() {
    for (path, file) in [
        ("config", File::Config),
        ("secret/KEY", File::Secret("KEY".to_owned())),
        ("log/warn/a%2Fb", File::Log("warn".to_owned(), "a/b".to_owned())),
        ("all/64/URL", File::All(64, ask())),
        ("sentinel/URL", File::Sentinel(ask())),
    ] {
        assert_eq!(at(path), Some(Node::File(file)), "{path}");
    }
    assert_eq!(at("list/URL"), Some(Node::Listing(ask())));
    assert_eq!(at("list/URL/first"), Some(Node::Item(ask(), "first".to_owned())));
    assert_eq!(at("other"), None);
    assert!(matches!(at(""), Some(Node::Directory(names)) if names.len() == 10));
}
