//! `omnifs init --template http`: a provider that reads an API.

use std::fs;

use omnifs_runtime::artifact;
use testkit::{Answer, Network, Output, Sandbox, Upstream, run, wait_until};

use super::{BUILT, Project, entry, own_files};
use crate::LIMIT;

#[test]
fn init_shows_the_grants_that_the_template_needs() {
    let (project, said) = Project::begin("http");
    let expected = "\
created the provider my-provider in my-provider/

next:
  cd my-provider
  omnifs build --target wasm32-wasip2
  omnifs restart

before the last one, add it to HOME/.config/omnifs/providers.toml:

  [[provider]]
  name = \"my-provider\"
  path = \"HOME/my-provider/target/wasm32-wasip2/release/my_provider.wasm\"
  mount = \"/omnifs/my-provider\"
  [provider.capabilities]
  http = { allow = [\"api.example.com\"] }
  secrets = { MY_API_KEY = { env = \"MY_API_KEY\" } }
  [provider.config]
  base_url = \"https://api.example.com\"

put your API in the place of api.example.com; leave secrets out if it wants no key
";
    assert_eq!(said.replace(project.sandbox.home().to_str().unwrap(), "HOME"), expected);
    let expected = [
        ".cargo/config.toml",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "src/lib.rs",
        "src/tree.rs",
        "tests/exchanges/items.json",
        "tests/provider.toml",
        "tests/tree.txt",
        "wit/provider.wit",
    ];
    assert_eq!(own_files(&project.directory), expected);
    assert_eq!(entry(&said).lines().count(), 9);
}

/// Keeps nothing, so that every reading asks the API.
const FRESH: &str = "[provider.cache]\nttl = 0\nnegative = 0\nstale_while_revalidate = 0\n\
                     stale_if_error = 0\n";

#[test]
fn the_template_builds_offline_and_reads_an_api() {
    let network = Network::new();
    network.name("api.example.com", &["11.22.33.1"]);
    let upstream = Upstream::https(&network, "api.example.com");
    let (project, said) = Project::begin("http");
    let project = Project { sandbox: project.sandbox.inside(&network), ..project };

    let built = project.build(&["--", "--locked"]).expect_code(0);
    assert!(!built.stderr.contains("warning"), "{}", built.stderr);
    for capability in ["config", "http", "log", "secrets"] {
        let name = format!("omnifs:provider/{capability}@1.0.0");
        assert!(built.stdout.contains(&name), "{}", built.stdout);
    }
    let needs = artifact::inspect(&fs::read(project.directory.join(BUILT)).unwrap()).unwrap().needs;
    let needs = needs.unwrap();
    assert_eq!((needs.http, needs.secrets), (None, Some(vec!["MY_API_KEY".to_string()])));
    let _said = run(project.command("omnifs").args(["check", BUILT])).expect_code(0);

    let sandbox = &project.sandbox;
    let mount = sandbox.root().join("mnt").display().to_string();
    let entry = entry(&said).replace("/omnifs/my-provider", &mount);
    sandbox.configure(&format!("[host]\nca_file = {:?}\n{entry}{FRESH}", network.ca_file()));
    let mut start = sandbox.command("omnifs");
    let _said = run(start.arg("start").env("MY_API_KEY", "open sesame")).expect_code(0);
    reads(sandbox, &upstream, &mount);
    fails(sandbox, &upstream, &mount);
}

fn types(sandbox: &Sandbox, mount: &str, line: &str) -> Output {
    sandbox.shell(&format!("cd {mount} && LC_ALL=C {line}"))
}

fn reads(sandbox: &Sandbox, upstream: &Upstream, mount: &str) {
    // The root needs no answer.
    assert_eq!(types(sandbox, mount, "ls").stdout, "items\n");
    assert_eq!(upstream.requests().len(), 0);

    let first = r#"[{ "id": 1, "title": "one" }, {"title":"no id"}]"#;
    upstream.answer("/items", Answer::json(first).header("Link", "</more>; rel=\"next\""));
    upstream.answer("/more", Answer::json(r#"[{"id":"a/b","title":"two"}]"#));
    for (line, printed) in [
        ("ls items", "1\na%2Fb\n"),
        ("ls items/a%2Fb", "item.json\ntitle\n"),
        ("cat items/1/title items/a%2Fb/title", "one\ntwo\n"),
        ("cat items/1/item.json", "{ \"id\": 1, \"title\": \"one\" }\n"),
        ("find items -type f | sort | tail -n 1", "items/a%2Fb/title\n"),
    ] {
        assert_eq!(types(sandbox, mount, line).expect_code(0).stdout, printed, "{line}");
    }
    let requests = upstream.requests();
    assert!(requests.iter().any(|request| request.target == "/more"));
    for request in requests {
        assert_eq!(request.header("authorization"), Some("Bearer open sesame"));
    }
}

fn fails(sandbox: &Sandbox, upstream: &Upstream, mount: &str) {
    // What the host sees fail is an errno, and what it cannot see is a file; both as soon as
    // the provider has forgotten the answer before.
    let shows = |line: &str, what: &str| {
        let mut last = String::new();
        let shown = wait_until(LIMIT, || {
            let Output { stdout, stderr, .. } = types(sandbox, mount, line);
            last = stdout + &stderr;
            last.contains(what)
        });
        assert!(shown, "{line}: {last}");
    };
    upstream.answer("/items", Answer::new(500, ""));
    shows("ls items", "Input/output error");
    upstream.answer("/items", Answer::new(401, ""));
    shows("ls items", "Permission denied");
    upstream.answer("/items", Answer::new(200, "<html>"));
    shows("ls items", "error.txt");
    shows("cat items/error.txt", "https://api.example.com/items: the body is not the JSON");
    shows("ls", "items\n");
}

#[test]
fn the_template_is_formatted_and_passes_its_own_tests() {
    Project::begin("http").0.is_formatted_and_tested(3);
}
