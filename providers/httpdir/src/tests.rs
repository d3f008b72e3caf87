//! The whole of it, against what `tests/exchanges` has of servers.

use omnifs_provider::testing::{Exchanges, Provider};

use crate::app;

fn provider() -> Provider {
    Provider::new(app).config(r#"{ "url": "https://files.example.com/pub/" }"#)
}

#[test]
fn it_keeps_the_contract() {
    provider().contract();
}

#[test]
fn every_name_is_the_server_s() {
    let names = provider().list("/").expect("a listing");
    let expected = [
        "README.md",
        "a&b.txt",
        "apache",
        "json",
        "long-name-which-is-cut-where-people-read-it-as-they-often-are.txt",
        "line%0Abreak",
        "100%25",
        "\u{fc}ml\u{e4}ut",
    ];
    assert_eq!(names, expected);
    assert_eq!(provider().list("/apache").expect("a listing"), ["a b.txt", "empty"]);
    assert_eq!(provider().list("/json").expect("a listing"), ["deeper", "x\"y.txt"]);
}

#[test]
fn files_are_their_bytes() {
    for (path, text) in [
        ("/README.md", "read\n"),
        ("/a&b.txt", "and\n"),
        ("/100%25", "all\n"),
        ("/line%0Abreak", "two\n"),
        ("/apache/a b.txt", "blank\n"),
        ("/json/x\"y.txt", "quote\n"),
    ] {
        assert_eq!(provider().text(path).expect(path), text, "{path}");
    }
}

#[test]
fn a_directory_that_is_not_listed_is_an_error_and_says_why() {
    let failures = Exchanges::read("tests/failures").expect("recordings");
    let provider = provider().exchanges(failures);
    for (name, why) in [
        ("switched-off", "answered 403"),
        ("broken", "answered 500"),
        ("gone", "NotFound"),
        ("an-index-page", "/an-index-page/ is no directory listing: it is a page of another kind"),
        ("led-away", "/login is no directory listing: it leads away from the directory"),
        ("a-picture", "it is \"image/png\", and no HTML or JSON"),
    ] {
        let error = provider.list(&format!("/{name}")).expect_err(name).to_string();
        assert!(error.contains(why), "{name}: {error}");
    }
}

#[test]
fn without_its_url_it_says_what_is_missing() {
    let error = Provider::new(app).list("/").expect_err("no url").to_string();
    assert!(error.contains("[provider.config]: missing field `url`"), "{error}");
    let error = provider().config(r#"{ "url": "x", "uri": "y" }"#).list("/").expect_err("uri");
    assert!(error.to_string().contains("unknown field `uri`"), "{error}");
}
