//! What is kept on disk: it outlives the daemon, and whatever happens to the disk it gives right
//! bytes or none.

mod damage;
mod upstream;
mod versions;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::{Private, Sandbox, User, guests};

use crate::{OMNIFS, config_of, mounted, mounted_with};

/// Returns where what is kept of a provider lies.
fn cache_of(sandbox: &Sandbox, provider: &str) -> PathBuf {
    sandbox.home().join(".cache/omnifs").join(provider)
}

/// Returns the files of a cache.
fn segments(cache: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|file| file.extension().is_some()).collect();
    files.sort();
    files
}

/// Returns what `omnifs cache stats` says of the one provider that there is.
fn stats(sandbox: &Sandbox) -> Value {
    let text = sandbox.omnifs(["cache", "stats", "--json"]).expect_code(0).stdout;
    let caches: Value = serde_json::from_str(&text).unwrap();
    caches["providers"][0].clone()
}

#[test]
fn it_is_its_owner_s_alone_and_no_backup_needs_it() {
    let sandbox = Sandbox::new(OMNIFS);
    let mount = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]).join("hello");
    let read = format!("cat {}/hello.txt", mount.display());
    let before = sandbox.shell(&read).expect_code(0).stdout;
    let _restarted = sandbox.omnifs(["restart"]).expect_code(0);
    let tag = fs::read_to_string(sandbox.home().join(".cache/omnifs/CACHEDIR.TAG")).unwrap();
    assert!(tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55"), "{tag}");
    let cache = cache_of(&sandbox, "hello");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&cache), 0o700);
    assert!(!segments(&cache).is_empty());
    for file in fs::read_dir(&cache).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    assert_eq!(sandbox.shell(&read).expect_code(0).stdout, before);
    let hits = stats(&sandbox)["disk"]["counts"]["hits"].as_u64().unwrap();
    assert!(hits > 0, "read from there: {}", stats(&sandbox));
    let status = sandbox.omnifs(["status", "--json"]).expect_code(0).stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["providers"][0]["cache"]["disk"], stats(&sandbox)["disk"]["bytes"]);
}

#[test]
fn it_is_shown_and_cleared_with_and_without_a_daemon() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH), ("tree", guests::TREE_PATH)]);
    let cat = format!("cat {}/hello/hello.txt", mounts.display());
    let before = sandbox.shell(&cat).expect_code(0).stdout;
    let hello = mounts.join("hello").display().to_string();
    let table = sandbox.omnifs(["cache", "stats"]).expect_code(0).stdout;
    let heads = table.lines().next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(heads, "NAME MEMORY DISK LIMIT RECORDS HITS MISSES DAMAGED DROPPED");
    let one = sandbox.omnifs(["cache", "stats", &hello]).expect_code(0).stdout;
    assert_eq!(one.lines().count(), 2, "{one}");
    let said = sandbox.omnifs(["cache", "clear", &hello]).expect_code(0).stdout;
    assert_eq!(said, format!("nothing is kept of {hello} any more\n"));
    assert_eq!(sandbox.shell(&cat).expect_code(0).stdout, before);
    let said = sandbox.omnifs(["cache", "clear"]).expect_code(0).stdout;
    assert_eq!(said, "nothing is kept of hello any more\nnothing is kept of tree any more\n");
    assert_eq!(sandbox.shell(&cat).expect_code(0).stdout, before);

    let _stopped = sandbox.omnifs(["stop"]).expect_code(0);
    let cache = cache_of(&sandbox, "hello");
    assert!(!segments(&cache).is_empty());
    let stats = stats(&sandbox);
    let bytes: u64 = segments(&cache).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert_eq!((&stats["provider"], &stats["disk"]["bytes"]), (&"hello".into(), &bytes.into()));
    let outside = sandbox.omnifs(["cache", "clear", "/"]).expect_code(1).stderr;
    assert!(outside.contains("not below a mount of omnifs"), "{outside}");
    let said = sandbox.omnifs(["cache", "clear", &hello]).expect_code(0).stdout;
    assert!(said.starts_with("hello: ") && said.ends_with("removed\n"), "{said}");
    assert!(segments(&cache).is_empty());
    let _cleared = sandbox.omnifs(["cache", "clear"]).expect_code(0);
    assert!(segments(&cache_of(&sandbox, "tree")).is_empty());
    let _started = sandbox.omnifs(["start"]).expect_code(0);
    assert_eq!(sandbox.shell(&cat).expect_code(0).stdout, before);
}

#[test]
fn switched_off_it_keeps_nothing_and_removes_what_was_kept() {
    let sandbox = Sandbox::new(OMNIFS);
    let provider = [("hello", guests::HELLO_PATH)];
    let mount = mounted(&sandbox, &provider).join("hello");
    let read = format!("cat {}/hello.txt", mount.display());
    let before = sandbox.shell(&read).expect_code(0).stdout;
    let _stopped = sandbox.omnifs(["stop"]).expect_code(0);
    let cache = cache_of(&sandbox, "hello");
    assert!(!segments(&cache).is_empty());
    let _ = mounted_with(&sandbox, &provider, "[provider.cache]\ndisk = false\n");
    assert_eq!(sandbox.shell(&read).expect_code(0).stdout, before);
    assert!(segments(&cache).is_empty());
    assert_eq!(stats(&sandbox)["disk"], Value::Null);
    // While the daemon runs, too.
    sandbox.configure(&config_of(&sandbox, &provider, ""));
    let _reloaded = sandbox.omnifs(["reload"]).expect_code(0);
    assert_eq!(sandbox.shell(&read).expect_code(0).stdout, before);
    assert_ne!(stats(&sandbox)["disk"], Value::Null);
    sandbox.configure(&config_of(&sandbox, &provider, "[provider.cache]\ndisk = false\n"));
    let _reloaded = sandbox.omnifs(["reload"]).expect_code(0);
    assert_eq!(sandbox.shell(&read).expect_code(0).stdout, before);
    let _stopped = sandbox.omnifs(["stop"]).expect_code(0);
    assert!(segments(&cache).is_empty());
}

/// > What one component, grant or configuration brought is there for no other.
#[test]
fn what_one_grant_brought_is_not_there_for_another() {
    let sandbox = Sandbox::new(OMNIFS);
    let provider = [("clocked", guests::CLOCKED_PATH)];
    let long = "[provider.cache]\nttl = \"1h\"\n";
    let mount = mounted_with(&sandbox, &provider, long).join("clocked");
    let read = || sandbox.shell(&format!("cat {}/now", mount.display())).expect_code(0).stdout;
    let first = read();
    let _restarted = sandbox.omnifs(["restart"]).expect_code(0);
    assert_eq!(read(), first, "fresh for an hour");
    let more = format!("{long}[provider.capabilities.http]\nallow = [\"api.example.com\"]\n");
    let _stopped = sandbox.omnifs(["stop"]).expect_code(0);
    let _started = mounted_with(&sandbox, &provider, &more);
    let second = read();
    assert_ne!(second, first);
    sandbox.configure(&config_of(&sandbox, &provider, long));
    let _reloaded = sandbox.omnifs(["reload"]).expect_code(0);
    assert_ne!(read(), second, "a change while it runs is one, too");
}

#[test]
fn a_directory_that_cannot_be_used_costs_the_cache_and_nothing_else() {
    let lines = [
        ("mount -t tmpfs -o ro tmpfs home/.cache/omnifs/hello", "Read-only file system"),
        ("chown 65534 home/.cache/omnifs/hello", "belongs to the user with id 65534"),
        ("rmdir home/.cache/omnifs/hello && touch home/.cache/omnifs/hello", "File exists"),
    ];
    for (line, reason) in lines {
        let made = "mkdir -p home/.cache/omnifs/hello";
        let private = Private::new(OMNIFS, User::Root, &format!("{made} && {line}"));
        let sandbox = private.sandbox();
        private.configure(&config_of(sandbox, &[("hello", guests::HELLO_PATH)], ""));
        let _started = private.shell("omnifs start").expect_code(0);
        let cat = format!("cat {}/mnt/hello/hello.txt", sandbox.root().display());
        assert!(private.shell(&cat).expect_code(0).stdout.starts_with("hello"), "{line}");
        let log = private.shell("omnifs logs").expect_code(0).stdout;
        assert!(log.contains(reason) && log.contains("OMNIFS_CACHE_DIR"), "{line}: {log}");
        let _stopped = private.shell("omnifs stop").expect_code(0);
    }
}

#[test]
fn a_full_disk_costs_what_does_not_fit_and_says_so() {
    let made = "mkdir -p home/.cache/omnifs/forest && \
                mount -t tmpfs -o size=512k,mode=0700 tmpfs home/.cache/omnifs/forest";
    let private = Private::new(OMNIFS, User::Root, made);
    let sandbox = private.sandbox();
    private.configure(&config_of(sandbox, &[("forest", guests::FOREST_PATH)], ""));
    let _started = private.shell("omnifs start").expect_code(0);
    let plain = sandbox.root().join("plain");
    guests::plant_forest(&plain).unwrap();
    let mount = sandbox.root().join("mnt/forest");
    let compare = format!("diff -r {} {}", plain.display(), mount.display());
    assert_eq!(private.shell(&compare).expect_code(0).stdout, "");
    let stats = private.shell("omnifs cache stats --json").expect_code(0).stdout;
    let stats: Value = serde_json::from_str(&stats).unwrap();
    let trouble = stats["providers"][0]["disk"]["trouble"].as_str().unwrap();
    assert!(trouble.contains("No space left"), "{stats}");
    let log = private.shell("omnifs logs").expect_code(0).stdout;
    assert_eq!(log.matches("cannot write to the cache").count(), 1, "{log}");
    let _restarted = private.shell("omnifs restart").expect_code(0);
    assert_eq!(private.shell(&compare).expect_code(0).stdout, "");
}
