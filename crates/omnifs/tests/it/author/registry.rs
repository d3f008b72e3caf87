//! Somebody else's crate with the SDK's name.

use std::fs;

use super::Project;

/// Lets cargo find an `omnifs-provider` 1.0.0 in what it takes for the registry: a directory
/// source (The Cargo Book, "Source Replacement").
fn publish_a_stranger(project: &Project) {
    let vendor = project.sandbox.home().join("vendor");
    let stranger = vendor.join("omnifs-provider");
    fs::create_dir_all(stranger.join("src")).unwrap();
    let manifest = "[package]\nname = \"omnifs-provider\"\nversion = \"1.0.0\"\n\
                    edition = \"2021\"\nbuild = \"build.rs\"\n";
    fs::write(stranger.join("Cargo.toml"), manifest).unwrap();
    fs::write(stranger.join("src/lib.rs"), "").unwrap();
    let build = "fn main() { std::fs::write(\"/proc/self/cwd/ran\", \"\").unwrap(); }";
    fs::write(stranger.join("build.rs"), build).unwrap();
    fs::write(stranger.join(".cargo-checksum.json"), "{\"files\":{}}").unwrap();
    let config = format!(
        "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = {vendor:?}\n"
    );
    project.write(".cargo/config.toml", &config);
    fs::remove_file(project.directory.join("Cargo.lock")).unwrap();
}

#[test]
fn an_sdk_from_a_registry_is_refused_before_it_runs() {
    let project = Project::new();
    publish_a_stranger(&project);
    let output = project.build(&[]).expect_code(1);
    let said = &output.stderr;
    assert!(said.contains("error: cargo takes omnifs-provider from a registry"), "{said}");
    assert!(said.contains("omnifs-provider = { path = \".omnifs/sdk\" }"), "{said}");
    assert!(!project.directory.join("target").exists());
    assert!(!project.sandbox.home().join("vendor/omnifs-provider/ran").exists());
}

#[test]
fn the_remedy_works() {
    let project = Project::new();
    fs::remove_dir_all(project.directory.join(".omnifs")).unwrap();
    let patch = project.read(".cargo/config.toml");
    project.write(".cargo/config.toml", "");
    let output = project.build(&[]).expect_code(1);
    assert!(output.stderr.contains("write this into .cargo/config.toml"), "{}", output.stderr);
    let remedy: String = output.stderr.lines().filter_map(|line| line.strip_prefix("  ")).fold(
        String::new(),
        |text, line| match line {
            "[patch.crates-io]" => line.to_string() + "\n",
            _ if text.starts_with('[') => text + line + "\n",
            _ => text,
        },
    );
    assert!(patch.ends_with(&remedy), "{remedy}");
    project.write(".cargo/config.toml", &remedy);
    let _said = project.build(&[]).expect_code(0);
}
