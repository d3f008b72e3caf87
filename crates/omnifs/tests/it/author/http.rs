//! `omnifs init --template http`: a provider that reads an API.

use std::fs;

use omnifs_runtime::artifact;
use testkit::run;

use super::{BUILT, Project, files_below};

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
    let files = files_below(&project.directory);
    let own: Vec<&str> =
        files.iter().map(String::as_str).filter(|file| !file.starts_with(".omnifs/")).collect();
    let expected = [
        ".cargo/config.toml",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "recorded/items.json",
        "src/lib.rs",
        "src/tree.rs",
        "wit/provider.wit",
    ];
    assert_eq!(own, expected);

    // What is printed is an entry that the configuration takes.
    let entry: String = said
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .skip(3)
        .fold(String::new(), |text, line| text + line + "\n");
    project.sandbox.configure(&entry);
    let _said = project.sandbox.omnifs(["config", "check"]).expect_code(0);
}

#[test]
fn the_template_builds_offline_and_says_what_it_needs() {
    let (project, _) = Project::begin("http");
    let build = ["build", "--release", "--target", "wasm32-wasip2", "--offline", "--locked"];
    let built = run(project.command("cargo").args(build)).expect_code(0);
    assert!(!built.stderr.contains("warning"), "{}", built.stderr);
    let component = fs::read(project.directory.join(BUILT)).unwrap();
    let imports = artifact::inspect(&component).unwrap().imports;
    for capability in ["config", "http", "log", "secrets"] {
        let name = format!("omnifs:provider/{capability}@1.0.0");
        assert!(imports.contains(&name), "{imports:?}");
    }
    // The section's name, then its whole content.
    let needs = b"omnifs:needs{\"secrets\":[\"MY_API_KEY\"]}";
    assert_eq!(component.windows(needs.len()).filter(|bytes| bytes == needs).count(), 1);
}

#[test]
fn the_template_is_formatted_and_passes_its_own_tests() {
    let (project, _) = Project::begin("http");
    let _said = run(project.command("cargo").args(["fmt", "--all", "--check"])).expect_code(0);
    let tested = run(project.command("cargo").args(["test", "--offline", "--locked"]));
    let tested = tested.expect_code(0);
    assert!(tested.stdout.contains("3 passed; 0 failed; 0 ignored"), "{}", tested.stdout);
    assert!(!tested.stderr.contains("warning"), "{}", tested.stderr);
}
