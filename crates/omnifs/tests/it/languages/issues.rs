//! `examples/javascript`: the issues of a repository.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde_json::{Value, json};
use testkit::{Answer, Upstream};

use super::{alone, compare, example};
use crate::http::{Rig, VALUE};

const ISSUES: &str = "/repos/acme/widgets/issues";

/// Every answer is kept by the host for as long as the upstream says, and no longer.
const CONFIG: &str = "[provider.capabilities]\nhttp = { allow = [\"api.example.com\"] }\n\
    secrets = { TOKEN = { env = \"KEY\" } }\n\
    [provider.cache]\nttl = 0\nnegative = 0\nstale_while_revalidate = 0\nstale_if_error = 0\n\
    [provider.config]\nbase_url = \"https://api.example.com/\"\nrepository = \"acme/widgets\"\n";

/// The issues, written by hand; the keys are in the order in which both sides write them.
fn open() -> [Value; 3] {
    [
        json!({"body": "It says \"5 €\".\r\n\nTwice.", "number": 12, "state": "open", "title": "Ünits are wrong"}),
        json!({"body": null, "number": 7, "state": "open", "title": "no words"}),
        json!({"body": "x", "labels": [], "number": 123_456_789, "state": "open", "title": "a large number"}),
    ]
}

fn closed() -> Value {
    json!({"body": "done", "number": 1, "state": "closed", "title": "first"})
}

/// How long an answer holds: as on GitHub, where it is a minute, or not at all.
const AN_HOUR: &str = "private, max-age=3600";
const NOT_AT_ALL: &str = "no-store";

fn answer(body: &Value, holds: &str) -> Answer {
    Answer::json(body.to_string()).header("Cache-Control", holds)
}

fn serve(upstream: &Upstream, base: &str, holds: &str) {
    let [first, second, third] = open();
    let pull = json!({"body": "", "number": 3, "pull_request": {}, "state": "open", "title": "p"});
    let page = format!("{ISSUES}?state=open&per_page=100");
    let links = format!("<{base}{page}&page=2>; rel=\"next\", <{base}{page}&page=2>; rel=\"last\"");
    upstream.answer(&page, answer(&json!([first, pull, second]), holds).header("Link", &links));
    let links = format!("<{base}{page}>; rel=\"first\"");
    upstream
        .answer(&format!("{page}&page=2"), answer(&json!([third]), holds).header("Link", &links));
    let page = format!("{ISSUES}?state=closed&per_page=100");
    upstream.answer(&page, answer(&json!([closed()]), holds));
    for issue in open().iter().chain([&closed(), &pull]) {
        upstream.answer(&format!("{ISSUES}/{}", issue["number"]), answer(issue, holds));
    }
}

/// Writes the tree that it is to be.
fn plant(root: &Path) {
    for issue in open().into_iter().chain([closed()]) {
        let place = root.join(issue["state"].as_str().unwrap()).join(issue["number"].to_string());
        fs::create_dir_all(&place).unwrap();
        let title = format!("{}\n", issue["title"].as_str().unwrap());
        fs::write(place.join("title"), title).unwrap();
        let body = format!("{}\n", issue["body"].as_str().unwrap_or_default());
        fs::write(place.join("body.md"), body).unwrap();
        let whole = serde_json::to_string_pretty(&issue).unwrap();
        fs::write(place.join("issue.json"), whole + "\n").unwrap();
    }
}

#[test]
fn every_name_and_byte_of_the_issues_is_right_and_every_failure_is_told() {
    let component = example("issues.wasm");
    let rig = Rig::of(&component, CONFIG);
    let expected = rig.sandbox.root().join("expected");
    plant(&expected);
    without_a_mount(&rig, &component, &expected);

    let upstream = rig.upstream("api.example.com");
    serve(&upstream, "https://api.example.com", AN_HOUR);
    rig.start();
    let mount = rig.sandbox.root().join("mnt/f");
    assert_eq!(rig.shell("LC_ALL=C ls").expect_code(0).stdout, "closed\nopen\n");
    assert_eq!(upstream.requests().len(), 0, "the root needs no answer");
    compare(&rig.sandbox, &mount, &expected);
    // Three pages and four issues, as the README says, and the secret on each of them.
    let requests = upstream.requests();
    assert_eq!(requests.len(), 7, "{requests:#?}");
    for request in &requests {
        let token = format!("Bearer {VALUE}");
        assert_eq!(request.header("authorization"), Some(token.as_str()));
    }
    // Neither a pull request, nor one in another state, nor one that is not there.
    let line = "LC_ALL=C ls -d open/3 open/1 open/99 open/012 open/error.txt error.txt 2>&1 | grep -c 'No such file'";
    assert_eq!(rig.shell(line).expect_code(0).stdout, "6\n");
    // What holds for an hour is not asked for again, so another daemon sees what changes.
    let _said = rig.sandbox.omnifs(["stop"]).expect_code(0);
    serve(&upstream, "https://api.example.com", NOT_AT_ALL);
    rig.start();
    closes(&rig, &upstream, &mount);
    fails(&rig, &upstream, &mount);
}

/// `omnifs ls`, `cat` and `find` of the component alone, over plain HTTP to this machine.
fn without_a_mount(rig: &Rig, component: &str, expected: &Path) {
    let base = "http://127.0.0.1:8080";
    let upstream = Upstream::http(&rig.network, &["127.0.0.1:8080"]);
    serve(&upstream, base, NOT_AT_ALL);
    let config = json!({"base_url": base, "repository": "acme/widgets"}).to_string();
    let options = ["--config-json", &config, "--allow", base, "--secret", "TOKEN=KEY"];
    let read = |name: &str, more: &[&str]| {
        let mut command = rig.sandbox.command("omnifs");
        let arguments: Vec<&str> = options.iter().chain(more).copied().collect();
        alone(command.env("KEY", VALUE), (name, component), &arguments).stdout
    };
    assert_eq!(read("ls", &["/"]), "closed\nopen\n");
    assert_eq!(read("ls", &["/open"]), "12\n123456789\n7\n");
    let found = read("find", &["--type", "f", "/"]);
    assert_eq!(found.lines().count(), 12, "{found}");
    for path in found.lines() {
        let wanted = fs::read_to_string(expected.join(path.trim_start_matches('/'))).unwrap();
        assert_eq!(read("cat", &[path]), wanted, "{path}");
    }
    // Without a configuration it says what it wants.
    let mut command = rig.sandbox.command("omnifs");
    let said = alone(&mut command, ("cat", component), &["/error.txt"]).stdout;
    assert_eq!(said, "base_url is not set in [provider.config]\n");
}

/// An issue that is closed moves, and is the same object.
fn closes(rig: &Rig, upstream: &Upstream, mount: &Path) {
    let seen = rig.sandbox.seen(mount);
    let before = fs::metadata(seen.join("open/7/title")).unwrap().ino();
    assert_eq!(before, 72, "the number that the README tells, and one");
    let [first, mut second, third] = open();
    second["state"] = "closed".into();
    upstream.answer(
        &format!("{ISSUES}?state=open&per_page=100"),
        answer(&json!([first, third]), NOT_AT_ALL),
    );
    let page = format!("{ISSUES}?state=closed&per_page=100");
    upstream.answer(&page, answer(&json!([second, closed()]), NOT_AT_ALL));
    upstream.answer(&format!("{ISSUES}/7"), answer(&second, NOT_AT_ALL));
    refresh(rig, mount);
    assert_eq!(
        rig.shell("ls -x open; ls -x closed").expect_code(0).stdout,
        "12  123456789\n1  7\n"
    );
    assert_eq!(fs::metadata(seen.join("closed/7/title")).unwrap().ino(), before);
    assert!(!seen.join("open/7").exists());
}

/// What the host sees fail is an errno; what only the provider sees is a file.
fn fails(rig: &Rig, upstream: &Upstream, mount: &Path) {
    let page = format!("{ISSUES}?state=open&per_page=100");
    let issue = format!("{ISSUES}/12");
    let both = |answer: &Answer| {
        upstream.answer(&page, answer.clone());
        upstream.answer(&issue, answer.clone());
        refresh(rig, mount);
    };
    for (status, said) in [(500, "Input/output error"), (401, "Permission denied")] {
        both(&Answer::new(status, "{}"));
        for line in ["ls open", "cat open/12/title", "find open"] {
            let output = rig.shell(&format!("LC_ALL=C {line}"));
            assert_ne!(output.code(), 0, "{status}: {line}: {}", output.stdout);
            assert!(output.stderr.contains(said), "{status}: {line}: {}", output.stderr);
        }
        let errors = rig.sandbox.omnifs(["errors"]).expect_code(0).stdout;
        assert!(errors.contains(&format!("answered {status}")), "{errors}");
    }
    for (answer, reason) in [
        (Answer::new(200, "<html>"), "the answer is no JSON"),
        (Answer::json("{}"), "the answer is no list of issues"),
        (Answer::new(404, "{}"), "there is no such repository, or the token may not see it"),
    ] {
        both(&answer);
        let shown = rig.shell("ls open && cat open/error.txt").expect_code(0).stdout;
        assert!(shown.starts_with("error.txt\nhttps://api.example.com/repos"), "{shown}");
        assert!(shown.contains(reason), "{shown}");
        let logged = rig.sandbox.omnifs(["logs"]).expect_code(0).stdout;
        assert!(logged.contains(reason), "{logged}");
    }
    serve(upstream, "https://api.example.com", NOT_AT_ALL);
    refresh(rig, mount);
    let healthy = rig.shell("cat open/7/title && LC_ALL=C ls open").expect_code(0).stdout;
    assert_eq!(healthy, "no words\n12\n123456789\n7\n");
}

fn refresh(rig: &Rig, mount: &Path) {
    let _said = rig.sandbox.omnifs(["refresh".into(), mount.to_path_buf()]).expect_code(0);
}
