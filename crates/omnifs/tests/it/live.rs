//! Files that grow while they are open, over a real mount and a real server.

mod follow;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use testkit::{Answer, Sandbox, Upstream, guests, wait_until};

use crate::http::{READING, Rig};
use crate::{LIMIT, OMNIFS, config_of};

/// How the guest lets the size of its files be found out.
const WAYS: [&str; 3] = ["told", "parts", "whole"];

/// A mount of an upstream's logs, of which there is one with these bytes.
fn logs(bytes: &[u8]) -> (Rig, Upstream) {
    let rig = Rig::of(guests::LOG_PATH, READING);
    let upstream = rig.upstream("api.example.com");
    upstream.append("app.log", bytes);
    rig.start();
    (rig, upstream)
}

#[test]
fn a_live_file_is_what_it_is_by_now_for_every_program() {
    let (rig, upstream) = logs(b"first\n");
    let shell = |line: &str| rig.shell(line).expect_code(0).stdout;
    for line in ["second, and longer\n", "third\n"] {
        for way in WAYS {
            let before = shell(&format!("stat -c '%i %s' {way}/app.log; cat {way}/app.log"));
            upstream.append("app.log", line.as_bytes());
            std::thread::sleep(std::time::Duration::from_millis(60));
            let after = shell(&format!("wc -c < {way}/app.log; cat {way}/app.log"));
            let (size, bytes) = after.split_once('\n').unwrap();
            assert_eq!(size, bytes.len().to_string(), "{way}");
            let (_, old) = before.split_once('\n').unwrap();
            assert_eq!(bytes, format!("{old}{line}"), "{way}");
            let tail = shell(&format!("tail -c 7 {way}/app.log; tail -n 1 {way}/app.log"));
            assert_eq!(tail, format!("{}{line}", &bytes[bytes.len() - 7..]), "{way}");
        }
    }
    // Without the mount it is read to where it ends.
    let at = rig.sandbox.root().join("mnt/f/told/app.log");
    let read = rig.sandbox.omnifs(["cat".into(), at]).expect_code(0).stdout;
    assert_eq!(read, shell("cat told/app.log"));
    assert_eq!(shell("ls told"), "app.log\n");
}

#[test]
fn a_truncated_file_is_another_one_for_who_follows_its_name() {
    let (rig, upstream) = logs(b"a first line that is long\n");
    let shell = |line: &str| rig.shell(line).expect_code(0).stdout;
    for way in WAYS {
        let (out, err) = (rig.sandbox.root().join("out"), rig.sandbox.root().join("err"));
        let mut command = rig.sandbox.command("tail");
        let path = format!("{way}/app.log");
        command.args(["-c", "+1", "-s", "0.2", "-F", path.as_str()]);
        let mount = rig.sandbox.root().join("mnt/f");
        let mut tail = follow::Process::start(command.current_dir(mount), &out, &err);
        let before = shell(&format!("cat {path}; stat -c %i {path}"));
        let (bytes, number) = before.trim_end().rsplit_once('\n').unwrap();
        let bytes = format!("{bytes}\n");
        assert!(wait_until(LIMIT, || follow::content(&out) == bytes.as_bytes()), "{way}");
        upstream.truncate("app.log");
        upstream.append("app.log", format!("new, by {way}\n").as_bytes());
        let all = format!("{bytes}new, by {way}\n");
        let followed = wait_until(LIMIT, || follow::content(&out) == all.as_bytes());
        let said = String::from_utf8(follow::content(&err)).unwrap();
        assert!(followed, "{way}: {said}");
        assert!(said.contains("has been replaced"), "{way}: {said}");
        let now = shell(&format!("cat {path}; stat -c %i {path}"));
        assert!(now.starts_with(&format!("new, by {way}\n")), "{way}: {now}");
        assert!(!now.trim_end().ends_with(number), "{way}: another number");
        tail.end();
        upstream.append("app.log", b"so that it is longer than the next one\n");
    }
}

#[test]
fn while_the_upstream_fails_a_live_file_is_an_error_and_then_goes_on() {
    let (rig, upstream) = logs(b"first\n");
    for way in WAYS {
        assert_eq!(rig.shell(&format!("tail -n 1 {way}/app.log")).expect_code(0).stdout, "first\n");
    }
    for path in ["/logs", "/logs/0"] {
        upstream.answer(path, Answer::new(500, "broken\n"));
    }
    std::thread::sleep(std::time::Duration::from_millis(60));
    for way in WAYS {
        let failed = rig.shell(&format!("LC_ALL=C cat {way}/app.log"));
        assert_eq!((failed.code(), failed.stdout.as_str()), (1, ""), "{way}");
        assert!(failed.stderr.contains("Input/output error"), "{way}: {}", failed.stderr);
        let failed = rig.shell(&format!("LC_ALL=C stat {way}/app.log"));
        assert_eq!(failed.code(), 1, "{way}: {}", failed.stdout);
    }
    for path in ["/logs", "/logs/0"] {
        upstream.unanswer(path);
    }
    upstream.append("app.log", b"second\n");
    for way in WAYS {
        let size = || rig.shell(&format!("stat -c %s {way}/app.log")).stdout == "13\n";
        assert!(wait_until(LIMIT, size), "{way}");
        let read = rig.shell(&format!("cat {way}/app.log")).expect_code(0).stdout;
        assert_eq!(read, "first\nsecond\n", "{way}");
    }
}

/// > A file that is called live in a mount which is not declared to have such files is an ordinary
/// > one, and its provider's log says so once.
#[test]
fn a_file_that_is_not_declared_live_is_an_ordinary_one_and_its_author_told_once() {
    let sandbox = Sandbox::new(OMNIFS);
    let mount = crate::mounted(&sandbox, &[("p", guests::PROJECTED_PATH)]).join("p");
    let grows = mount.join("open/grows");
    let told = |sandbox: &Sandbox| {
        let log = sandbox.omnifs(["logs"]).expect_code(0).stdout;
        log.matches("is served as an ordinary file").count()
    };
    assert_eq!(fs::read_to_string(&grows).unwrap(), "grows\n");
    let _refreshed = sandbox.omnifs(["refresh".into(), mount.clone()]).expect_code(0);
    assert_eq!(fs::read_to_string(&grows).unwrap(), "grows\n");
    assert_eq!(told(&sandbox), 1);
    // Declared by its user it is one, in a mount that is made anew for it.
    let device = |path: &PathBuf| fs::metadata(path).unwrap().dev();
    // Held, so that no other mount gets its number.
    let old = fs::File::open(&mount).unwrap();
    let before = device(&mount);
    sandbox.configure(&config_of(&sandbox, &[("p", guests::PROJECTED_PATH)], "live = true\n"));
    let _reloaded = sandbox.omnifs(["reload"]).expect_code(0);
    assert_ne!(device(&mount), before);
    drop(old);
    assert_eq!(fs::read_to_string(&grows).unwrap(), "grows\n");
    assert_eq!(told(&sandbox), 1);
    let other = config_of(
        &sandbox,
        &[("p", guests::PROJECTED_PATH)],
        "live = true\n[provider.cache]\nttl = 5\n",
    );
    let now = device(&mount);
    sandbox.configure(&other);
    let _reloaded = sandbox.omnifs(["reload"]).expect_code(0);
    assert_eq!(device(&mount), now, "what is the same in both is exchanged under the mount");
}
