//! Providers and places that do not work, beside those that do.

use testkit::{Sandbox, guests, run};

use crate::{OMNIFS, config_of};

/// Returns the standard error of a start that mounts nothing.
fn refused(sandbox: &Sandbox) -> String {
    let output = sandbox.omnifs(["start"]).expect_code(1);
    assert!(output.stdout.contains("failed"), "{}", output.stdout);
    assert!(sandbox.mounts().is_empty());
    output.stderr
}

#[test]
fn one_that_fails_leaves_the_others_serving() {
    let sandbox = Sandbox::new(OMNIFS);
    let text = sandbox.root().join("text.wasm");
    std::fs::write(&text, "this is text").unwrap();
    let providers = [
        ("hello", guests::HELLO_PATH),
        ("broken", text.to_str().unwrap()),
        ("tree", guests::TREE_PATH),
    ];
    sandbox.configure(&config_of(&sandbox, &providers, ""));
    for command in ["start", "restart"] {
        let output = sandbox.omnifs([command]).expect_code(5);
        assert!(output.stderr.starts_with("error: broken: "), "{}", output.stderr);
        assert!(output.stderr.contains("\n  help: "), "{}", output.stderr);
        assert_eq!(output.stdout.matches("ready").count(), 2);
        assert_eq!(output.stdout.matches("failed").count(), 1);
        assert_eq!(sandbox.mounts().len(), 2);
        let hello = sandbox.root().join("mnt/hello/hello.txt");
        assert_eq!(std::fs::read_to_string(hello).unwrap(), "hello from omnifs\n");
    }
    let status = sandbox.omnifs(["status"]).expect_code(5).stdout;
    assert!(status.contains("error: broken: ") && status.contains("  help: "), "{status}");
    let json: serde_json::Value =
        serde_json::from_str(&sandbox.omnifs(["status", "--json"]).expect_code(5).stdout).unwrap();
    assert_eq!(json["providers"][1]["state"], "failed");
    for key in ["reason", "remedy"] {
        assert!(!json["providers"][1]["error"][key].as_str().unwrap().is_empty());
    }
}

#[test]
fn a_missing_component_is_named() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure(&config_of(&sandbox, &[("none", "/no/such.wasm")], ""));
    let said = "error: none: cannot read the component /no/such.wasm: No such file or directory (os error 2)\n  \
                help: put the component there, or correct `path`\n";
    assert_eq!(refused(&sandbox), said);
}

#[test]
fn a_capability_that_is_not_granted_is_denied_with_the_line_that_would_grant_it() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure(&config_of(&sandbox, &[("net", guests::IMPORTS_HTTP_PATH)], ""));
    let _started = sandbox.omnifs(["start"]).expect_code(0);
    let file = sandbox.root().join("mnt/net/status").display().to_string();
    let read = sandbox.shell(&format!("cat {file}")).expect_code(0).stdout;
    let line = "add \\\"api.example.com\\\" to http.allow in [provider.capabilities]";
    assert!(read.contains("Denied") && read.contains(line), "{read}");
    let log = sandbox.omnifs(["logs"]).expect_code(0).stdout;
    assert!(log.contains("may not GET https://api.example.com/"), "{log}");
}

#[test]
fn a_mount_hides_nothing() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure(&config_of(&sandbox, &[("hello", guests::HELLO_PATH)], ""));
    let mount = sandbox.root().join("mnt/hello");
    std::fs::create_dir_all(&mount).unwrap();
    std::fs::write(mount.join("precious"), "").unwrap();
    let said = refused(&sandbox);
    assert!(
        said.contains(&format!("{} is not empty: a mount would hide", mount.display())),
        "{said}"
    );
    let _stopped = sandbox.omnifs(["stop"]).expect_code(0);

    std::fs::remove_file(mount.join("precious")).unwrap();
    let tmpfs = ["-t", "tmpfs", "none"];
    let _mounted = run(sandbox.command("mount").args(tmpfs).arg(&mount)).expect_code(0);
    let output = sandbox.omnifs(["start"]);
    let _unmounted = run(sandbox.command("umount").arg(&mount)).expect_code(0);
    let said = output.expect_code(1).stderr;
    assert!(said.contains("another file system is mounted at"), "{said}");
}

#[test]
fn the_mount_of_another_daemon_is_left_alone() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure(&config_of(&sandbox, &[("hello", guests::HELLO_PATH)], ""));
    let _first = sandbox.omnifs(["start"]).expect_code(0);
    let elsewhere = sandbox.root().join("elsewhere");
    let other = |command: &str| {
        let mut omnifs = sandbox.command("omnifs");
        run(omnifs
            .arg(command)
            .env("OMNIFS_RUNTIME_DIR", &elsewhere)
            .env("OMNIFS_STATE_DIR", &elsewhere))
    };
    let second = other("start");
    let _stopped = other("stop").expect_code(0);
    let said = second.expect_code(1).stderr;
    assert!(said.contains("another omnifs serves \"hello\" at "), "{said}");
    let hello = sandbox.root().join("mnt/hello/hello.txt");
    assert_eq!(std::fs::read_to_string(hello).unwrap(), "hello from omnifs\n");
}

#[test]
fn a_provider_whose_root_cannot_be_read_is_degraded() {
    let sandbox = Sandbox::new(OMNIFS);
    let limits = "[provider.limits]\nnames = 2";
    sandbox.configure(&config_of(&sandbox, &[("logger", guests::LOGGER_PATH)], limits));
    let output = sandbox.omnifs(["start"]).expect_code(5);
    assert!(output.stdout.contains("degraded"), "{}", output.stdout);
    let said = "is mounted, but cannot be read: Value too large for defined data type";
    assert!(output.stderr.contains(said), "{}", output.stderr);
}
