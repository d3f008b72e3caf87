//! `omnifs provider add httpdir`: one line mounts a directory.

use std::fs;

use testkit::{Answer, Upstream};

use super::bare;

const LISTING: &str = "<title>Index of /pub/</title><a href=\"../\">../</a>\n\
    <a href=\"a.txt\">a.txt</a>  02-Jan-2026 03:04  6\n";

fn upstream(network: &testkit::Network) -> Upstream {
    let upstream = Upstream::http(network, &["127.0.0.1:8080"]);
    let html = || Answer::new(200, LISTING).header("content-type", "text/html");
    upstream.answer("/pub/", html());
    upstream.answer("/pub/a.txt", Answer::new(200, "bytes\n"));
    upstream
}

#[test]
fn one_line_mounts_a_directory() {
    let (network, sandbox) = bare();
    let _upstream = upstream(&network);
    let mount = sandbox.root().join("mnt/pub").display().to_string();
    let config = r#"{ "url": "http://127.0.0.1:8080/pub/" }"#;
    let added = ["httpdir", "--name", "pub", "--mount", &mount, "--config-json", config, "--grant"];
    let output = sandbox.omnifs([&["provider", "add"], added.as_slice()].concat()).expect_code(0);
    let said = format!(
        "added pub: builtin:httpdir\nmount: {mount}\nasks for: http http://127.0.0.1:8080\n\
         next: omnifs start\n"
    );
    assert_eq!((output.stdout, output.stderr), (said, String::new()));
    let text = fs::read_to_string(sandbox.config_file()).unwrap();
    let expected = format!(
        "[[provider]]\nname = \"pub\"\npath = \"builtin:httpdir\"\nmount = {mount:?}\n\n\
         [provider.capabilities]\nhttp = {{ allow = [\"http://127.0.0.1:8080\"] }}\n\n\
         [provider.config]\nurl = \"http://127.0.0.1:8080/pub/\"\n"
    );
    assert_eq!(text, expected);
    let _started = sandbox.omnifs(["start"]).expect_code(0);
    assert_eq!(sandbox.shell(&format!("cat {mount}/a.txt")).expect_code(0).stdout, "bytes\n");
}

#[test]
fn what_is_missing_is_named_with_what_to_type() {
    let (_network, sandbox) = bare();
    let add = |more: &[&str]| sandbox.omnifs([&["provider", "add", "httpdir"], more].concat());
    let output = add(&["--grant"]).expect_code(2);
    let expected = "error: it has to be told which url it is to read\n  \
                    help: as in --config-json '{\"url\": \"https://example.com/\"}'\n";
    assert_eq!(output.stderr, expected);
    let output = add(&["--config-json", r#"{"url": "example.com"}"#]).expect_code(2);
    assert!(output.stderr.contains("the url \"example.com\" cannot be read"), "{}", output.stderr);
    let url = r#"{"url": "https://files.example.com/pub"}"#;
    let output = add(&["--config-json", url]).expect_code(2);
    assert!(output.stderr.contains("asks for http files.example.com"), "{}", output.stderr);
    assert!(output.stderr.contains("grant it with --grant"), "{}", output.stderr);
    assert!(!sandbox.config_file().exists());
}

#[test]
fn what_an_option_grants_is_not_asked_for() {
    let (_network, sandbox) = bare();
    let url = r#"{"url": "http://nas/pub"}"#;
    let allow = "{ host = \"http://nas\", allow_private = true }";
    let add = ["provider", "add", "httpdir", "--config-json", url, "--allow", allow];
    let output = sandbox.omnifs(add).expect_code(0);
    assert!(output.stdout.contains("\nasks for: http http://nas\n"), "{}", output.stdout);
    let text = fs::read_to_string(sandbox.config_file()).unwrap();
    assert!(text.contains(&format!("http = {{ allow = [{allow}] }}")), "{text}");
    let again = [add.as_slice(), &["--name", "other", "--secret", "KEY=MY_KEY"]].concat();
    let _added = sandbox.omnifs(again).expect_code(0);
    let text = fs::read_to_string(sandbox.config_file()).unwrap();
    assert!(text.contains("secrets = { KEY = { env = \"MY_KEY\" } }"), "{text}");
}
