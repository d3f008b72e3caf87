//! What the commands say about the configuration, and about how they were called.

use testkit::{Sandbox, guests};

use crate::{OMNIFS, config_of, mounted};

#[test]
fn a_missing_file_is_explained_with_an_example() {
    let sandbox = Sandbox::new(OMNIFS);
    for command in ["start", "restart"] {
        let output = sandbox.omnifs([command]).expect_code(4);
        let file = sandbox.config_file();
        assert!(
            output
                .stderr
                .starts_with(&format!("error: there is no configuration at {}", file.display()))
        );
        assert!(output.stderr.contains("mount = \"/omnifs/my-provider\""), "{}", output.stderr);
        assert_eq!(output.stdout, "");
    }
}

#[test]
fn a_mistake_is_shown_in_its_line_and_nothing_is_lost() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]);
    let daemon = sandbox.daemon();
    sandbox.configure("[[provider]]\nname = \"hello\"\npath = \"/x.wasm\"\nmoutn = \"/m\"\n");
    let output = sandbox.omnifs(["restart"]).expect_code(4);
    let expected = format!(
        "error: unknown key `moutn`
   ╭─[{}:4:1]
 3 │ path = \"/x.wasm\"
 4 │ moutn = \"/m\"
   · ──┬──
   ·   ╰── no such key here
   ╰────
  help: did you mean `mount`?
",
        sandbox.config_file().display()
    );
    assert_eq!(output.stderr, expected);
    assert_eq!(sandbox.daemon(), daemon);
    let content = std::fs::read_to_string(mounts.join("hello/hello.txt")).unwrap();
    assert_eq!(content, "hello from omnifs\n");
}

#[test]
fn mounts_do_not_nest() {
    let sandbox = Sandbox::new(OMNIFS);
    let inner = sandbox.root().join("mnt/hello/inner");
    let outer = config_of(&sandbox, &[("hello", guests::HELLO_PATH)], "");
    let path = guests::TREE_PATH;
    sandbox.configure(&format!(
        "{outer}[[provider]]\nname = \"tree\"\npath = {path:?}\nmount = {inner:?}\n"
    ));
    let output = sandbox.omnifs(["start"]).expect_code(4);
    assert!(output.stderr.contains("is inside the mount of \"hello\""), "{}", output.stderr);
    assert!(sandbox.mounts().is_empty());
}

#[test]
fn mounts_do_not_nest_by_symbolic_links_either() {
    let sandbox = Sandbox::new(OMNIFS);
    let outer = config_of(&sandbox, &[("hello", guests::HELLO_PATH)], "");
    let link = sandbox.root().join("link");
    std::os::unix::fs::symlink(sandbox.root().join("mnt/hello"), &link).unwrap();
    std::fs::create_dir_all(sandbox.root().join("mnt/hello")).unwrap();
    let (path, inner) = (guests::TREE_PATH, link.join("inner"));
    sandbox.configure(&format!(
        "{outer}[[provider]]\nname = \"tree\"\npath = {path:?}\nmount = {inner:?}\n"
    ));
    let output = sandbox.omnifs(["start"]).expect_code(5);
    assert!(output.stderr.contains("error: tree: "), "{}", output.stderr);
    assert!(
        output.stderr.contains("mounts do not nest, not by symbolic links either"),
        "{}",
        output.stderr
    );
    assert_eq!(sandbox.mounts(), [sandbox.root().join("mnt/hello")]);
}

#[test]
fn a_disabled_provider_is_not_mounted() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure(&config_of(&sandbox, &[("hello", guests::HELLO_PATH)], "enabled = false"));
    let output = sandbox.omnifs(["start"]).expect_code(0);
    assert_eq!(output.stdout, format!("no providers in {}\n", sandbox.config_file().display()));
    assert!(sandbox.mounts().is_empty());
}

#[test]
fn an_empty_file_starts_a_daemon_that_says_so() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure("");
    let said = format!("no providers in {}\n", sandbox.config_file().display());
    assert_eq!(sandbox.omnifs(["start"]).expect_code(0).stdout, said);
    assert_eq!(sandbox.omnifs(["status"]).expect_code(0).stdout, said);
    assert_eq!(sandbox.omnifs(["stop"]).expect_code(0).stdout, "stopped\n");
}

#[test]
fn the_file_of_the_variable_comes_first() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure("this is not read");
    let other = sandbox.root().join("other.toml");
    std::fs::write(&other, "").unwrap();
    let output = testkit::run(sandbox.command("omnifs").arg("start").env("OMNIFS_CONFIG", &other));
    assert_eq!(output.expect_code(0).stdout, format!("no providers in {}\n", other.display()));
}

#[test]
fn wrong_usage_is_code_2_and_help_is_not() {
    let sandbox = Sandbox::new(OMNIFS);
    for arguments in [vec![], vec!["mount"], vec!["start", "--now"], vec!["logs", "-n", "x"]] {
        let output = sandbox.omnifs(&arguments).expect_code(2);
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    assert_eq!(sandbox.omnifs(["--version"]).expect_code(0).stdout, "omnifs 1.0.0\n");
    let help = sandbox.omnifs(["--help"]).expect_code(0).stdout;
    assert!(help.contains("restart") && !help.contains("probe"), "{help}");
    let log = testkit::run(
        sandbox.command("omnifs").arg("start").env("OMNIFS_LOG", "=,=").env("HOME", "/nowhere"),
    );
    assert!(log.stderr.contains("there is no configuration"), "{}", log.stderr);
}

#[test]
fn a_log_filter_that_is_none_is_refused() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure("");
    let output =
        testkit::run(sandbox.command("omnifs").arg("start").env("OMNIFS_LOG", "omnifs=loud"));
    let output = output.expect_code(2);
    assert!(output.stderr.contains("OMNIFS_LOG is \"omnifs=loud\""), "{}", output.stderr);
    assert_eq!(sandbox.daemon(), None);
}

#[test]
fn check_tells_a_provider_from_another_file() {
    let sandbox = Sandbox::new(OMNIFS);
    let good = sandbox.omnifs(["check", guests::HELLO_PATH]).expect_code(0);
    assert!(
        good.stdout.starts_with(&format!("{} is a provider (face 1)", guests::HELLO_PATH)),
        "{}",
        good.stdout
    );
    assert!(good.stdout.ends_with("\nasks for: nothing\n"), "{}", good.stdout);
    let asking = sandbox.omnifs(["check", guests::IMPORTS_HTTP_PATH]).expect_code(0);
    assert!(asking.stdout.ends_with("\nasks for: http, secrets\n"), "{}", asking.stdout);
    for shown in
        ["sdk: omnifs-provider 1.0.0\n", "component-type: not there", "  omnifs:sdk: 5 bytes"]
    {
        assert!(asking.stdout.contains(shown), "{shown}: {}", asking.stdout);
    }
    std::fs::write(sandbox.home().join("text.wasm"), "text").unwrap();
    let bad = sandbox.omnifs(["check", "text.wasm"]).expect_code(1);
    assert!(bad.stderr.starts_with("error: text.wasm: "), "{}", bad.stderr);
    let missing = sandbox.omnifs(["check", "none.wasm"]).expect_code(1);
    assert!(missing.stderr.contains("cannot read none.wasm: No such file"), "{}", missing.stderr);
}

#[test]
fn check_tells_programs_the_same() {
    let sandbox = Sandbox::new(OMNIFS);
    let check = |file: &str, code| {
        let text = sandbox.omnifs(["check", "--json", file]).expect_code(code).stdout;
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let good = check(guests::ROUTED_PATH, 0);
    assert_eq!(
        (&good["schema"], &good["fits"], &good["error"]),
        (&1.into(), &true.into(), &().into())
    );
    let component = &good["component"];
    assert_eq!((&component["face"], &component["kind"]), (&2.into(), &"component".into()));
    assert_eq!(component["faces"], serde_json::json!([2]));
    assert_eq!(component["size"], guests::ROUTED.len());
    assert_eq!((&component["sdk"], &component["labelled"]), (&"1.0.0".into(), &false.into()));
    let sections = component["sections"].as_array().unwrap();
    let sdk = sections.iter().find(|section| section["name"] == "omnifs:sdk").unwrap();
    assert_eq!((&sdk["size"], &sdk["inside"]), (&5.into(), &true.into()));
    let asks = &check(guests::IMPORTS_HTTP_PATH, 0)["component"]["asks"];
    assert_eq!(*asks, serde_json::json!({"http": [], "secrets": [], "open": ["http", "secrets"]}));
    std::fs::write(sandbox.home().join("text.wasm"), "text").unwrap();
    let bad = check("text.wasm", 1);
    assert_eq!((&bad["fits"], &bad["component"]), (&false.into(), &().into()));
    let reason = bad["error"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("it is not a WebAssembly file"), "{reason}");
}

#[test]
fn a_directory_that_cannot_be_made_comes_with_the_variable_that_moves_it() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure("");
    let mut start = sandbox.command("omnifs");
    let output = testkit::run(start.arg("start").env("OMNIFS_RUNTIME_DIR", "/dev/null/run"));
    let expected = "error: cannot make the directory /dev/null/run: Not a directory (os error 20)\n  \
                    help: set OMNIFS_RUNTIME_DIR to a directory that you may write to\n";
    assert_eq!(output.expect_code(1).stderr, expected);
}
