//! `omnifs init` and `omnifs build`, as an author types them.

mod contract;
mod dev;
mod guide;
mod http;
mod registry;
mod router;
mod toolchain;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use omnifs_runtime::artifact;
use testkit::{Output, Sandbox, run};

use crate::OMNIFS;

/// Where cargo puts the component, as the page has it.
const BUILT: &str = "target/wasm32-wasip2/release/my_provider.wasm";

/// A provider that `omnifs init` has made.
struct Project {
    sandbox: Sandbox,
    directory: PathBuf,
}

impl Project {
    fn new() -> Self {
        Self::begin("minimal").0
    }

    /// Makes one from a template, and returns what `omnifs init` printed.
    fn begin(template: &str) -> (Self, String) {
        let sandbox = Sandbox::new(OMNIFS);
        let init = ["init", "my-provider", "--template", template];
        let said = sandbox.omnifs(init).expect_code(0);
        let directory = sandbox.home().join("my-provider");
        (Self { sandbox, directory }, said.stdout)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.sandbox.rust_command(program);
        command.current_dir(&self.directory);
        command
    }

    /// Runs `omnifs build` without a network: all that it needs was downloaded for our own
    /// providers.
    fn build(&self, arguments: &[&str]) -> Output {
        run(self.command("omnifs").args(["build", "--offline"]).args(arguments))
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.directory.join(file)).unwrap()
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.directory.join(file), text).unwrap();
    }

    fn is_formatted(&self) {
        let _said = run(self.command("cargo").args(["fmt", "--all", "--check"])).expect_code(0);
    }

    /// It is formatted, and so many tests of its own pass without a warning.
    fn is_formatted_and_tested(&self, tests: u32) {
        self.is_formatted();
        let tested = run(self.command("cargo").args(["test", "--offline", "--locked"]));
        let tested = tested.expect_code(0);
        let passed = format!("{tests} passed; 0 failed; 0 ignored");
        assert!(tested.stdout.contains(&passed), "{}", tested.stdout);
        assert!(!tested.stderr.contains("warning"), "{}", tested.stderr);
    }
}

/// Returns the entry of `providers.toml` that `omnifs init` printed.
fn entry(said: &str) -> String {
    let (_, entry) = said.split_once("[[provider]]").unwrap();
    let lines = entry.lines().skip(1).map_while(|line| line.strip_prefix("  "));
    lines.fold("[[provider]]\n".to_string(), |text, line| text + line + "\n")
}

fn files_below(directory: &Path) -> Vec<String> {
    let output = run(Command::new("find").arg(directory).args(["-type", "f", "-printf", "%P\n"]));
    let mut files: Vec<String> = output.stdout.lines().map(String::from).collect();
    files.sort();
    files
}

/// Returns the files of a project without the SDK's.
fn own_files(directory: &Path) -> Vec<String> {
    let mut files = files_below(directory);
    files.retain(|file| !file.starts_with(".omnifs/"));
    files
}

#[test]
fn init_writes_the_page_s_manifest_and_says_what_comes_next() {
    let sandbox = Sandbox::new(OMNIFS);
    let said = sandbox.omnifs(["init", "my-provider"]).expect_code(0);
    assert_eq!(said.stderr, "");
    let home = sandbox.home();
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
";
    assert_eq!(said.stdout.replace(home.to_str().unwrap(), "HOME"), expected);
    let manifest = fs::read_to_string(home.join("my-provider/Cargo.toml")).unwrap();
    let page = "\
[package]
name = \"my-provider\"
version = \"0.1.0\"
edition = \"2021\"
[lib]
crate-type = [\"cdylib\"]
[dependencies]
omnifs-provider = \"1.0.0\"
[profile.release]
opt-level = \"s\"
strip = true
";
    assert_eq!(manifest, page);
    let expected = [
        ".cargo/config.toml",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "src/lib.rs",
        "wit/provider.wit",
    ];
    assert_eq!(own_files(&home.join("my-provider")), expected);
    let contract = include_str!("../../../../wit/provider.wit");
    assert_eq!(fs::read_to_string(home.join("my-provider/wit/provider.wit")).unwrap(), contract);
}

#[test]
fn what_init_writes_is_formatted() {
    Project::new().is_formatted();
}

#[test]
fn init_refuses_what_it_would_spoil_and_names_that_cargo_refuses() {
    let sandbox = Sandbox::new(OMNIFS);
    fs::create_dir(sandbox.home().join("empty")).unwrap();
    fs::create_dir(sandbox.home().join("full")).unwrap();
    fs::write(sandbox.home().join("full/notes"), "mine").unwrap();
    fs::write(sandbox.home().join("file"), "mine").unwrap();
    let _said = sandbox.omnifs(["init", "empty"]).expect_code(0);
    for (name, said) in [
        ("full", "\"full\" exists and is not empty"),
        ("file", "\"file\" exists and is no directory"),
        ("../up", "\"../up\" is a path"),
        ("a b", "\"a b\" contains ' '"),
        ("1st", "\"1st\" starts with '1'"),
        ("match", "\"match\" is a keyword of Rust"),
        ("omnifs-provider", "\"omnifs-provider\" is the name of the SDK"),
    ] {
        let output = sandbox.omnifs(["init", name]).expect_code(1);
        assert!(output.stderr.starts_with(&format!("error: {said}")), "{}", output.stderr);
        assert_eq!(output.stdout, "");
    }
    assert_eq!(files_below(&sandbox.home().join("full")), ["notes"]);
    assert!(!sandbox.root().join("up").exists());
}

#[test]
fn below_another_workspace_the_provider_is_one_of_its_own() {
    let sandbox = Sandbox::new(OMNIFS);
    fs::write(sandbox.home().join("Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
    let said = sandbox.omnifs(["init", "inner"]).expect_code(0);
    assert!(said.stdout.contains("[workspace] in inner/Cargo.toml"), "{}", said.stdout);
    let mut build = sandbox.rust_command("omnifs");
    let _said = run(build.args(["build", "--offline"]).current_dir(sandbox.home().join("inner")))
        .expect_code(0);
}

#[test]
fn build_labels_the_component_once_however_often_it_runs() {
    let project = Project::new();
    let file = project.directory.join(BUILT);
    let first = project.build(&["--target", "wasm32-wasip2"]).expect_code(0);
    let labelled = fs::read(&file).unwrap();
    assert!(artifact::check(&labelled).unwrap().labelled);
    let lines: Vec<&str> = first.stdout.lines().collect();
    assert_eq!(lines[0], BUILT);
    assert_eq!(lines[1], format!("  size     {} bytes", labelled.len()));
    assert_eq!(lines[2], "  imports  wasi:cli, wasi:io");
    assert_eq!(lines.len(), 3);
    // Cargo's own progress.
    assert!(first.stderr.contains("Compiling my-provider v0.1.0"), "{}", first.stderr);

    // Cargo has nothing to do, and puts its own file there again.
    let second = project.build(&[]).expect_code(0);
    assert_eq!(second.stdout, first.stdout);
    assert!(!second.stderr.contains("Compiling"), "{}", second.stderr);
    assert_eq!(fs::read(&file).unwrap(), labelled);

    // The page's way without us: the same component, without the label.
    let arguments = ["build", "--release", "--target", "wasm32-wasip2", "--offline", "--locked"];
    let _said = run(project.command("cargo").args(arguments)).expect_code(0);
    let plain = fs::read(&file).unwrap();
    assert!(!artifact::check(&plain).unwrap().labelled);
    assert_eq!(artifact::label(&plain).unwrap(), labelled);
    assert_eq!(project.build(&["--", "--locked"]).expect_code(0).stdout, first.stdout);
    assert_eq!(fs::read(&file).unwrap(), labelled);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn build_works_below_the_manifest_and_shows_the_whole_path() {
    let project = Project::new();
    let mut build = project.command("omnifs");
    build.args(["build", "--offline"]).current_dir(project.directory.join("src"));
    let output = run(&mut build).expect_code(0);
    let whole = project.directory.join(BUILT);
    assert_eq!(output.stdout.lines().next(), whole.to_str());
}

#[test]
fn a_clone_builds_with_cargo_alone() {
    let project = Project::new();
    let script = "git init -q . && git add . && git -c user.name=a -c user.email=a@b commit -qm a \
                  && git clone -q . ../clone && cd ../clone \
                  && cargo build --release --target wasm32-wasip2 --locked --offline";
    let _said = run(project.command("sh").args(["-c", script])).expect_code(0);
    assert!(project.sandbox.home().join("clone").join(BUILT).exists());
}

#[test]
fn compile_errors_pass_through() {
    let project = Project::new();
    let broken = project.read("src/lib.rs").replace("Some(LookupResult", "Sum(LookupResult");
    project.write("src/lib.rs", &broken);
    let output = project.build(&[]).expect_code(1);
    assert_eq!(output.stdout, "");
    assert!(output.stderr.contains("error[E0425]"), "{}", output.stderr);
    assert!(output.stderr.contains("--> src/lib.rs:"), "{}", output.stderr);
    let last = output.stderr.lines().last();
    assert_eq!(last, Some("error: cargo build ended with code 101 (see above)"));
}

#[test]
fn a_crate_that_is_no_component_is_named() {
    let project = Project::new();
    let manifest = project.read("Cargo.toml").replace("cdylib", "rlib");
    project.write("Cargo.toml", &manifest);
    let output = project.build(&[]).expect_code(1);
    assert!(output.stderr.contains("crate-type = [\"cdylib\"]"), "{}", output.stderr);
}

#[test]
fn a_component_that_is_no_provider_is_refused_and_left_as_it_was() {
    let project = Project::new();
    project.write("src/lib.rs", "#[unsafe(no_mangle)]\npub extern \"C\" fn f() {}\n");
    let output = project.build(&[]).expect_code(1);
    assert!(output.stderr.contains("omnifs:provider/filesystem"), "{}", output.stderr);
    assert!(output.stderr.contains(BUILT), "{}", output.stderr);
    let built = fs::read(project.directory.join(BUILT)).unwrap();
    assert!(!artifact::inspect(&built).unwrap().labelled);
}

#[test]
fn without_a_manifest_build_names_init() {
    let sandbox = Sandbox::new(OMNIFS);
    let output = sandbox.omnifs(["build"]).expect_code(1);
    assert!(output.stderr.contains("there is no Cargo.toml in"), "{}", output.stderr);
    assert!(output.stderr.contains("omnifs init NAME"), "{}", output.stderr);
}

#[test]
fn build_refreshes_the_sdk_and_says_so() {
    let project = Project::new();
    let sdk = files_below(&project.directory.join(".omnifs"));
    let current = project.read(".omnifs/sdk/Cargo.toml");
    project.write(".omnifs/sdk/Cargo.toml", &current.replace("1.0.0", "1.0.0-alpha"));
    let output = project.build(&[]).expect_code(0);
    assert!(output.stderr.contains("note: replaced the SDK 1.0.0-alpha in "), "{}", output.stderr);
    assert_eq!(project.read(".omnifs/sdk/Cargo.toml"), current);
    assert!(!project.build(&[]).expect_code(0).stderr.contains("note:"));

    fs::remove_dir_all(project.directory.join(".omnifs")).unwrap();
    let output = project.build(&[]).expect_code(0);
    assert!(output.stderr.contains("note: wrote the SDK 1.0.0 to "), "{}", output.stderr);
    assert_eq!(files_below(&project.directory.join(".omnifs")), sdk);
}
