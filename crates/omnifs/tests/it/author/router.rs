//! `omnifs init --template router`: routes and plain functions over a paged API.

use std::fs;

use omnifs_runtime::artifact;
use testkit::{Answer, Network, Upstream, run};

use super::{BUILT, Project, entry};

#[test]
fn the_template_shows_a_paged_api_for_the_pages_of_its_listing() {
    let network = Network::new();
    network.name("api.example.com", &["11.22.33.1"]);
    let upstream = Upstream::https(&network, "api.example.com");
    let (project, said) = Project::begin("router");
    let project = Project { sandbox: project.sandbox.inside(&network), ..project };
    let source = fs::read_to_string(project.directory.join("src/lib.rs")).unwrap();
    assert!(source.lines().count() < 150);

    let built = project.build(&["--", "--locked"]).expect_code(0);
    assert!(!built.stderr.contains("warning"), "{}", built.stderr);
    let component = fs::read(project.directory.join(BUILT)).unwrap();
    let artifact = artifact::inspect(&component).unwrap();
    assert_eq!(artifact.face, Some(artifact::Face::Projection));
    assert!(artifact.labelled);

    let answer = |numbers: &[u64]| {
        let list: Vec<_> = numbers
            .iter()
            .map(|n| serde_json::json!({"number": n, "title": format!("issue {n}")}))
            .collect();
        let body = serde_json::to_vec(&list).unwrap();
        Answer::json(body).header("Cache-Control", "max-age=60")
    };
    let first = answer(&[1, 2, 3]).header("Link", "</more>; rel=\"next\"");
    upstream.answer("/issues", first);
    upstream.answer("/more", answer(&[4, 5]));
    let sandbox = &project.sandbox;
    let mount = sandbox.root().join("mnt").display().to_string();
    let entry = entry(&said).replace("/omnifs/my-provider", &mount);
    sandbox.configure(&format!("[host]\nca_file = {:?}\n{entry}", network.ca_file()));
    let mut start = sandbox.command("omnifs");
    let _said = run(start.arg("start").env("MY_API_KEY", "open sesame")).expect_code(0);
    let types = |line: &str| sandbox.shell(&format!("cd {mount} && {line}")).expect_code(0).stdout;
    assert_eq!(types("ls"), "README.md\nissues\n");
    assert_eq!(types("ls issues/open"), "1\n2\n3\n4\n5\ncount\nindex.jsonl\n");
    assert_eq!(upstream.requests().len(), 2, "a request a page");
    assert_eq!(types("cat issues/open/4/title"), "issue 4\n");
    assert_eq!(types("cat issues/open/count"), "5\n");
    let index = types("cat issues/open/index.jsonl");
    assert_eq!(index.lines().count(), 5);
    assert!(index.starts_with("{\"number\":1,\"title\":\"issue 1\"}\n"), "{index}");
    assert_eq!(types("find issues/open -type f | wc -l"), "12\n");
    assert_eq!(types("grep -rl 'issue 3' issues/open | wc -l"), "3\n");
    assert_eq!(upstream.requests().len(), 2, "and nothing more");
    for request in upstream.requests() {
        assert_eq!(request.header("authorization"), Some("Bearer open sesame"));
    }
}

#[test]
fn the_template_is_formatted_and_passes_its_own_tests() {
    Project::begin("router").0.is_formatted_and_tested(2);
}
