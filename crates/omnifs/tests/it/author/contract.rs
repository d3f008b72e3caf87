//! `omnifs test`: a provider is judged by the contract and by recorded exchanges.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use testkit::{Answer, Network, Output, Sandbox, Upstream, guests, run};

use super::Project;
use crate::OMNIFS;

/// What the component `unruly` asks for.
fn recording() -> String {
    let answer = |path: &str, body: Value| {
        let url = format!("https://api.example.com{path}");
        json!({ "request": { "method": "GET", "url": url }, "response": { "status": 200, "body": body } })
    };
    let (one, two) = (json!({ "id": 1, "title": "one" }), json!({ "id": 2, "title": "two" }));
    let exchanges =
        [answer("/items", json!([one, two])), answer("/items/1", one), answer("/items/2", two)];
    json!({ "made": "by hand", "exchanges": exchanges }).to_string()
}

const GRANTS: &str = "[capabilities]\nhttp = { allow = [\"api.example.com\"] }\n\
                      [config]\nbase = \"https://api.example.com\"\n";

fn write(sandbox: &Sandbox, file: &str, text: &str) {
    let file = sandbox.home().join("tests").join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// Returns a home in which the component `unruly` is tested, which breaks no rule yet.
fn unruly() -> Sandbox {
    let sandbox = Sandbox::new(OMNIFS);
    write(&sandbox, "exchanges/items.json", &recording());
    break_rule(&sandbox, "none");
    sandbox
}

/// Has the component break a rule, and no other.
fn break_rule(sandbox: &Sandbox, rule: &str) {
    write(sandbox, "provider.toml", &format!("{GRANTS}breaks = \"{rule}\"\n"));
}

fn judged(sandbox: &Sandbox, component: &str, arguments: &[&str]) -> Output {
    let all = ["test", "--provider", component].into_iter().chain(arguments.iter().copied());
    sandbox.omnifs(all)
}

/// Returns the rules that a component breaks, each with its findings.
fn broken(sandbox: &Sandbox, component: &str) -> Vec<(String, Vec<String>)> {
    let output = judged(sandbox, component, &["--json"]);
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let rules = report["rules"].as_array().unwrap().iter();
    let rules =
        rules.map(|rule| (rule["rule"].as_str().unwrap().to_owned(), texts(&rule["findings"])));
    let broken: Vec<_> = rules.filter(|(_, findings)| !findings.is_empty()).collect();
    assert_eq!(report["passed"], broken.is_empty());
    assert_eq!(output.code(), i32::from(!broken.is_empty()));
    broken
}

#[test]
fn a_provider_that_breaks_a_rule_fails_that_rule_and_no_other() {
    // One home: what is compiled is kept.
    let sandbox = unruly();
    for (breaks, rule, finding) in [
        ("load", "load", "the routes /a and /a are the same"),
        ("exchanges", "exchanges", "GET https://api.example.com/extra"),
        ("walk", "walk", "read-file(/note.txt): upstream failed: not today"),
        ("ghost", "names", "/ghost is listed, and lookup-child does not find it"),
        ("bad-name", "names", "/ lists \"a/b\", which no file can be called"),
        ("kind", "names", "/note.txt is listed as a directory, and found as a file"),
        (
            "identities",
            "identities",
            "/note.txt was \"note 2\", and is \"note 1\" in a fresh instance",
        ),
        ("shared", "identities", "/items and /note.txt are both \"note\", and not the same"),
        ("sizes", "sizes", "/note.txt is listed with 6 bytes, and has 5"),
        ("versions", "versions", "/note.txt has the same bytes walked again, and the version"),
        (
            "contents",
            "contents",
            "/items/1.txt has other bytes from list-children than from read-file",
        ),
        ("pages", "pages", "returned the cursor \"again\""),
        ("absence", "absence", "/items/omnifs-made-up-name is found, and nobody listed it"),
        ("unavailable", "unavailable", "/items: /items does not list \"1.txt\""),
        ("refused", "refused", "GET https://api.example.com/items/2: /items/2.txt has other bytes"),
        ("late", "late", "GET https://api.example.com/items/1: /items/1.txt has other bytes"),
    ] {
        break_rule(&sandbox, breaks);
        let broken = broken(&sandbox, guests::UNRULY_PATH);
        let rules: Vec<&str> = broken.iter().map(|(rule, _)| rule.as_str()).collect();
        assert_eq!(rules, [rule], "{breaks}: {broken:?}");
        assert!(broken[0].1.iter().any(|one| one.contains(finding)), "{breaks}: {broken:?}");
    }
}

#[test]
fn a_provider_that_keeps_them_all_passes_and_texts_without_an_end_are_noted() {
    let sandbox = unruly();
    assert_eq!(broken(&sandbox, guests::UNRULY_PATH), []);
    break_rule(&sandbox, "lines");
    let noted = judged(&sandbox, guests::UNRULY_PATH, &[]).expect_code(0).stdout;
    assert!(
        noted.contains("note: /note.txt is a text without a line's end at its end\n"),
        "{noted}"
    );
    // Of the first face, and without an upstream.
    assert_eq!(broken(&Sandbox::new(OMNIFS), guests::HELLO_PATH), []);
}

#[test]
fn a_provider_that_numbers_on_discovery_is_found_out() {
    let broken = broken(&Sandbox::new(OMNIFS), guests::COUNTER_PATH);
    let rules: Vec<&str> = broken.iter().map(|(rule, _)| rule.as_str()).collect();
    // Its file `trap` cannot be read.
    assert_eq!(rules, ["walk", "identities"]);
}

#[test]
fn what_is_broken_is_shown_with_its_remedy_and_the_tree_as_a_difference() {
    let sandbox = unruly();
    let blessed = judged(&sandbox, guests::UNRULY_PATH, &["--bless"]).expect_code(0);
    assert_eq!(blessed.stderr, "note: wrote tests/tree.txt\n");
    let file = sandbox.home().join("tests/tree.txt");
    let tree = fs::read_to_string(&file).unwrap();
    let expected = "\
directory  /
directory  /items
file       /items/1.txt  4  \"one\\n\"
file       /items/2.txt  4  \"two\\n\"
file       /note.txt  5  \"note\\n\"
";
    assert_eq!(tree, expected);
    let all = judged(&sandbox, guests::UNRULY_PATH, &[]).expect_code(0).stdout;
    assert!(all.ends_with("all 15 rules are kept\n"), "{all}");
    fs::write(&file, tree.replace("one", "ONE").replace("directory  /items\n", "")).unwrap();
    let said = judged(&sandbox, guests::UNRULY_PATH, &[]).expect_code(1).stdout;
    let expected = "\
FAILED  tree         the tree is that of tests/tree.txt
          + directory  /items
          - file       /items/1.txt  4  \"ONE\\n\"
          + file       /items/1.txt  4  \"one\\n\"
          help: `omnifs test --bless` writes the tree anew, if it is meant to be so
1 of 15 rules FAILED
";
    assert!(said.ends_with(expected), "{said}");
}

#[test]
fn a_walk_has_bounds_and_says_so() {
    let sandbox = unruly();
    for (bound, said) in [
        (["--nodes", "2"], "note: / has more names than are walked (--nodes)"),
        (["--depth", "1"], "note: /items is as deep as is walked (--depth)"),
    ] {
        let all = judged(&sandbox, guests::UNRULY_PATH, &bound).expect_code(0).stdout;
        assert!(all.contains(said), "{all}");
    }
}

#[test]
fn what_is_wrong_with_the_files_is_said_with_its_place() {
    let sandbox = unruly();
    write(&sandbox, "provider.toml", "[capabilities]\nhtpp = {}\n");
    let said = judged(&sandbox, guests::UNRULY_PATH, &[]).expect_code(4).stderr;
    assert!(
        said.contains("unknown key `htpp`") && said.contains("tests/provider.toml:2:1"),
        "{said}"
    );
    write(&sandbox, "provider.toml", GRANTS);
    write(&sandbox, "exchanges/more.json", r#"{ "made": "by hand", "exchanges": [{}] }"#);
    let said = judged(&sandbox, guests::UNRULY_PATH, &[]).expect_code(4).stderr;
    assert!(said.contains("tests/exchanges/more.json: missing field `request`"), "{said}");
}

/// Builds a template offline and tests it.
fn tested(project: &Project, arguments: &[&str]) -> Output {
    run(project.command("omnifs").args(["test", "--offline"]).args(arguments))
}

/// Begins a provider, and tests it before anything is written.
fn passes_at_once(template: &str) -> String {
    let (project, _) = Project::begin(template);
    let said = tested(&project, &[]).expect_code(0);
    assert!(said.stdout.ends_with("all 15 rules are kept\n"), "{}", said.stdout);
    assert!(!said.stderr.contains("warning"), "{}", said.stderr);
    said.stdout
}

#[test]
fn the_minimal_template_passes_and_is_told_of_the_tree() {
    let said = passes_at_once("minimal");
    assert!(said.contains("note: there is no tests/tree.txt: `omnifs test --bless`"), "{said}");
}

#[test]
fn the_http_template_passes_at_once() {
    let said = passes_at_once("http");
    assert_eq!(said.matches("note:").count(), 1, "only how much was walked: {said}");
}

#[test]
fn the_router_template_passes_at_once() {
    let said = passes_at_once("router");
    assert_eq!(said.matches("note:").count(), 1, "only how much was walked: {said}");
}

#[test]
fn an_edited_template_fails_where_it_is_wrong() {
    let (project, _) = Project::begin("router");
    let source = project.read("src/lib.rs");
    // A failure becomes an empty list of another state.
    let edited = source.replace(
        "for issue in all(&state)? {",
        "for issue in all(&state).or_else(|_| all(\"closed\"))? {",
    );
    assert_ne!(edited, source);
    project.write("src/lib.rs", &edited);
    let said = tested(&project, &[]).expect_code(1).stdout;
    for rule in ["unavailable", "refused", "late"] {
        assert!(said.contains(&format!("FAILED  {rule}")), "{said}");
    }
    let request = "GET https://api.example.com/issues?state=open: /issues/open does not list \"1\"";
    assert!(said.contains(request) && said.ends_with("3 of 15 rules FAILED\n"), "{said}");

    let ambiguous = source.replace("\"/issues/{state}/{number}\"", "\"/issues/{other}/{number}\"");
    project.write("src/lib.rs", &ambiguous);
    let said = tested(&project, &[]).expect_code(1).stdout;
    let routes = "the routes /issues/{state} and /issues/{other}/{number} call one capture";
    assert!(said.contains("FAILED  load") && said.contains(routes), "{said}");
}

#[test]
fn a_recording_holds_what_the_upstream_answered_and_no_secret() {
    const SECRET: &str = "open sesame and more";
    let network = Network::new();
    network.name("api.example.com", &["11.22.33.1"]);
    let upstream = Upstream::https(&network, "api.example.com");
    let issues = |numbers: &[u64]| {
        let list: Vec<_> = numbers.iter().map(|n| json!({ "number": n, "title": "x" })).collect();
        let answer = Answer::json(serde_json::to_vec(&list).unwrap());
        let answer = answer.header("Cache-Control", "max-age=60").header("Set-Cookie", "id=crumbs");
        answer.header("X-Request-Id", "4711")
    };
    let next = "</more?access_token=tattle>; rel=\"next\"";
    upstream.answer("/issues", issues(&[1, 2]).header("Link", next));
    upstream.answer("/more", issues(&[3]));
    let (project, _) = Project::begin("router");
    let project = Project { sandbox: project.sandbox.inside(&network), ..project };
    let exchanges = project.directory.join("tests/exchanges");
    fs::remove_file(exchanges.join("issues.json")).unwrap();
    trust(&project, &network);

    let mut record = project.command("omnifs");
    let record =
        record.args(["test", "--offline", "--record", "--bless"]).env("MY_API_KEY", SECRET);
    let said = run(record).expect_code(0);
    assert!(
        said.stderr.contains("note: wrote 3 exchanges to tests/exchanges/recorded.json"),
        "{}",
        said.stderr
    );
    assert!(
        upstream.requests().iter().all(|request| {
            request.header("authorization") == Some(&format!("Bearer {SECRET}"))
        })
    );
    let text = fs::read_to_string(exchanges.join("recorded.json")).unwrap();
    for gone in [SECRET, "Bearer", "tattle", "crumbs", "4711"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    let recorded: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(recorded["made"], "recorded");
    let first = &recorded["exchanges"][0];
    assert_eq!(first["request"]["headers"]["authorization"], json!({ "secret": "MY_API_KEY" }));
    assert_eq!(first["response"]["headers"]["link"], "</more>; rel=\"next\"");

    // Without variable and upstream the same comes out.
    drop(upstream);
    let again = tested(&project, &[]).expect_code(0).stdout;
    assert!(again.ends_with("all 15 rules are kept\n"), "{again}");
    assert!(project.read("tests/tree.txt").contains("/issues/open/3/title"));
}

/// Has a project trust the authority of a network, as a machine would.
fn trust(project: &Project, network: &Network) {
    let file = project.sandbox.config_file();
    fs::create_dir_all(file.parent().unwrap_or(Path::new("/"))).unwrap();
    fs::write(file, format!("[host]\nca_file = {:?}\n", network.ca_file())).unwrap();
}

#[test]
fn an_answer_with_the_secret_in_it_is_not_recorded() {
    let network = Network::new();
    network.name("api.example.com", &["11.22.33.1"]);
    let upstream = Upstream::https(&network, "api.example.com");
    upstream.answer("/issues", Answer::json("[\"open sesame and more\"]"));
    let (project, _) = Project::begin("router");
    let project = Project { sandbox: project.sandbox.inside(&network), ..project };
    trust(&project, &network);
    let mut record = project.command("omnifs");
    let record =
        record.args(["test", "--offline", "--record"]).env("MY_API_KEY", "open sesame and more");
    let said = run(record).expect_code(1).stderr;
    assert!(said.contains("nothing was recorded") && said.contains("\"MY_API_KEY\""), "{said}");
    assert!(!said.contains("open sesame"), "{said}");
    assert!(!project.directory.join("tests/exchanges/recorded.json").exists());
    let mut without = project.command("omnifs");
    let said = run(without.args(["test", "--offline", "--record"])).expect_code(1).stderr;
    assert!(said.contains("the variable MY_API_KEY is not set"), "{said}");
}

#[test]
fn the_page_has_every_rule() {
    let page = include_str!("../../../../../docs/testing.md");
    let said = judged(&unruly(), guests::UNRULY_PATH, &[]).expect_code(0).stdout;
    let rules: Vec<String> = said
        .lines()
        .filter_map(|line| line.strip_prefix("ok "))
        .map(|line| {
            let (rule, promise) = line.trim_start().split_once(' ').unwrap();
            format!("| `{rule}` | {} |", promise.trim_start())
        })
        .collect();
    assert_eq!(rules.len(), 15, "{said}");
    assert!(page.contains(&rules.join("\n")), "{rules:#?}");
}
