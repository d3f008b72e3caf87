//! Reading without a mount: `omnifs ls`, `cat`, `find` and `stat`.

use std::fs;

use testkit::{Output, Sandbox, guests};

use crate::{OMNIFS, config_of, mounted};

/// Runs a command on a component of its own, without a daemon.
fn alone(sandbox: &Sandbox, command: &str, component: &str, arguments: &[&str]) -> Output {
    let all = [command, "--provider", component].into_iter().chain(arguments.iter().copied());
    sandbox.omnifs(all)
}

#[test]
fn a_component_is_read_without_daemon_and_mount() {
    let sandbox = Sandbox::new(OMNIFS);
    let tree =
        |command: &str, arguments: &[&str]| alone(&sandbox, command, guests::TREE_PATH, arguments);
    let entries = guests::sample::entries();
    let files = entries.iter().filter(|entry| entry.bytes().is_some());
    let found = tree("find", &["/", "--type", "f"]).expect_code(0).stdout;
    assert_eq!(found.lines().count(), files.clone().count());
    for entry in files.filter(|entry| entry.bytes().is_some_and(|bytes| bytes.is_ascii())).take(9) {
        let path = format!("/{}", entry.path);
        let text = tree("cat", &[&path]).expect_code(0).stdout;
        assert_eq!(text.as_bytes(), entry.bytes().unwrap(), "{path}");
    }
    let names = tree("ls", &["/"]).expect_code(0).stdout;
    assert!(names.lines().is_sorted() && names.contains("README.txt"), "{names}");
    let line = format!(
        "mkdir at && cp {} tree.wasm && cd at && omnifs ls --provider ../tree.wasm /",
        guests::TREE_PATH
    );
    assert_eq!(sandbox.shell(&line).expect_code(0).stdout, names);
    let long = tree("ls", &["-l", "/"]).expect_code(0).stdout;
    assert!(long.starts_with("KIND"), "{long}");
    let size = entries.iter().find(|entry| entry.path == "README.txt").unwrap();
    let size = size.bytes().unwrap().len();
    let about = tree("stat", &["/README.txt"]).expect_code(0).stdout;
    assert!(
        about.contains("kind: file\n") && about.contains(&format!("size: {size}\n")),
        "{about}"
    );
    let missing = tree("cat", &["/none"]).expect_code(1).stderr;
    assert_eq!(missing, "error: /none: ENOENT: not found\n");
    let directory = tree("cat", &["/"]).expect_code(1).stderr;
    assert!(directory.contains("EISDIR"), "{directory}");
    assert!(sandbox.mounts().is_empty() && sandbox.daemon().is_none());
}

#[test]
fn links_are_followed_as_a_kernel_does() {
    let sandbox = Sandbox::new(OMNIFS);
    let read = |command: &str, path: &str| {
        alone(&sandbox, command, guests::PROJECTED_PATH, &[path]).expect_code(0).stdout
    };
    assert_eq!(read("cat", "/link"), "leaf\n");
    assert_eq!(read("cat", "/dir/../dir/./leaf"), "leaf\n");
    let about = read("stat", "/link");
    assert!(about.contains("kind: link\nleads to: dir/leaf\n"), "{about}");
}

#[test]
fn what_a_component_may_is_said_by_options() {
    let sandbox = Sandbox::new(OMNIFS);
    let fetcher = |arguments: &[&str]| alone(&sandbox, "cat", guests::FETCHER_PATH, arguments);
    let config = fetcher(&["--config-json", r#"{"a":{"b":[1,true]}}"#, "/config"]);
    assert!(config.expect_code(0).stdout.contains(r#"{"a":{"b":[1,true]}}"#));
    let bad = fetcher(&["--config-json", "[", "/config"]).expect_code(2).stderr;
    assert!(bad.contains("--config-json") && bad.contains("help: "), "{bad}");
    let url = guests::escape("https://api.example.com/");
    let path = format!("/get/{url}/error");
    assert!(fetcher(&[&path]).expect_code(0).stdout.starts_with("denied"));
    let allowed = fetcher(&["--allow", "api.example.com", &path]).expect_code(0).stdout;
    assert!(!allowed.starts_with("denied"), "{allowed}");
    let nothing = fetcher(&["--secret", "KEY", "/config"]).expect_code(1).stderr;
    assert!(nothing.contains("KEY"), "{nothing}");
    let without = sandbox.omnifs(["cat", "--allow", "x", "/config"]).expect_code(2).stderr;
    assert!(without.contains("--provider"), "{without}");
}

#[test]
fn a_daemon_without_mounts_serves_and_takes_changes() {
    let sandbox = Sandbox::new(OMNIFS);
    let one = [("hello", guests::HELLO_PATH)];
    sandbox.configure(&config_of(&sandbox, &one, ""));
    let started = sandbox.omnifs(["start", "--no-mount"]).expect_code(0).stdout;
    assert!(started.contains("ready"), "{started}");
    assert!(sandbox.mounts().is_empty());
    let mounts = sandbox.root().join("mnt");
    assert!(!mounts.exists(), "and no directory for one");
    let cat = |path: &str| sandbox.omnifs(["cat".into(), mounts.join(path)]);
    assert_eq!(cat("hello/hello.txt").expect_code(0).stdout, "hello from omnifs\n");
    let both = [one[0], ("tree", guests::TREE_PATH)];
    sandbox.configure(&config_of(&sandbox, &both, ""));
    let _reloaded = sandbox.omnifs(["reload"]).expect_code(0);
    assert!(!cat("tree/README.txt").expect_code(0).stdout.is_empty());
    assert_eq!(cat("hello/hello.txt").expect_code(0).stdout, "hello from omnifs\n");
    let status = sandbox.omnifs(["status", "--json"]).expect_code(0).stdout;
    assert!(status.contains("\"no_mount\":true"), "{status}");
    let _stopped = sandbox.omnifs(["stop"]).expect_code(0);
    let _restarted = sandbox.omnifs(["restart"]).expect_code(0);
    assert_eq!(sandbox.mounts().len(), 2, "a restart mounts");
}

#[test]
fn a_daemon_answers_as_its_mount_does() {
    let sandbox = Sandbox::new(OMNIFS);
    let none = sandbox.omnifs(["ls", "/"]).expect_code(3).stderr;
    assert!(none.contains("omnifs start"), "{none}");
    let mounts = mounted(&sandbox, &[("tree", guests::TREE_PATH), ("hello", guests::HELLO_PATH)]);
    let at = |path: &str| mounts.join(path).display().to_string();
    let hello = sandbox.omnifs(["cat", &at("hello/hello.txt")]).expect_code(0).stdout;
    assert_eq!(hello, fs::read_to_string(at("hello/hello.txt")).unwrap());
    let found = sandbox.omnifs(["find", &at("tree")]).expect_code(0).stdout;
    let by_find = sandbox.shell(&format!("find {} | LC_ALL=C sort", at("tree"))).stdout;
    let mut found: Vec<&str> = found.lines().collect();
    found.sort_unstable();
    // Names with control characters there are none of; others are shown as they are.
    assert_eq!(found, by_find.lines().collect::<Vec<_>>());
    let outside = sandbox.omnifs(["ls", "/"]).expect_code(1).stderr;
    assert!(outside.contains("not below a mount of omnifs"), "{outside}");
    let missing = sandbox.omnifs(["cat", &at("hello/none")]).expect_code(1).stderr;
    assert!(missing.contains("ENOENT"), "{missing}");
}

/// A component of one's own is no provider of the configuration, whatever that is called.
#[test]
fn a_component_that_is_read_alone_costs_no_provider_what_is_kept_of_it() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = mounted(&sandbox, &[("provider", guests::HELLO_PATH)]);
    let _read = fs::read(mounts.join("provider/hello.txt")).unwrap();
    let _stopped = sandbox.omnifs(["stop"]).expect_code(0);
    let at = sandbox.home().join(".cache/omnifs/provider");
    let kept = || {
        let find = format!("find {} -type f -size +0 | sort", at.display());
        sandbox.shell(&find).expect_code(0).stdout
    };
    let before = kept();
    assert!(!before.is_empty());
    let _names = alone(&sandbox, "ls", guests::TREE_PATH, &["/"]).expect_code(0);
    assert_eq!(kept(), before);
}
