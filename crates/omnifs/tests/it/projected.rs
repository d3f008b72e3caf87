//! A provider of the second face over a real mount.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use testkit::{Answer, Sandbox, Upstream, guests};

use crate::http::{READING, Rig};
use crate::{OMNIFS, mounted};

fn mount(sandbox: &Sandbox) -> PathBuf {
    mounted(sandbox, &[("p", guests::PROJECTED_PATH)]).join("p")
}

fn face(sandbox: &Sandbox) -> serde_json::Value {
    let status = sandbox.omnifs(["status", "--json"]).expect_code(0).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    status["providers"][0]["face"].clone()
}

#[test]
fn files_directories_and_links_are_what_it_says() {
    let sandbox = Sandbox::new(OMNIFS);
    let mount = mount(&sandbox);
    assert_eq!(face(&sandbox), 2);
    let read = |path: &str| fs::read_to_string(mount.join(path)).unwrap();
    assert_eq!((read("sized"), read("unsized")), ("sized\n".into(), "not told\n".into()));
    assert_eq!(fs::metadata(mount.join("unsized")).unwrap().len(), 9);
    let leaf = fs::metadata(mount.join("dir/leaf")).unwrap();
    let times = (leaf.mtime(), leaf.mtime_nsec());
    assert_eq!((leaf.len(), times), (5, (1_000_000_000, 5)));
    assert!(leaf.ino() <= 1 << 53, "a double holds it");
    assert_eq!(fs::read_link(mount.join("link")).unwrap(), Path::new("dir/leaf"));
    assert_eq!(read("link"), "leaf\n");
    let link = fs::symlink_metadata(mount.join("link")).unwrap();
    assert!(link.is_symlink() && link.len() == 8);
    let out = fs::symlink_metadata(mount.join("out")).unwrap_err();
    assert_eq!(out.raw_os_error(), Some(rustix::io::Errno::IO.raw_os_error()));
    // The tools see links as links.
    let listed = sandbox.shell(&format!("cd {} && find . -type l", mount.display()));
    assert_eq!(listed.stdout.trim().lines().count(), 2, "{}", listed.stdout);
    let copied = format!(
        "mkdir copy && cp -a {0}/link {0}/dir {0}/sized copy && readlink copy/link && cat copy/link",
        mount.display()
    );
    assert_eq!(sandbox.shell(&copied).expect_code(0).stdout, "dir/leaf\nleaf\n");
    let explain = |path: &str| sandbox.omnifs(["explain".into(), mount.join(path)]).stdout;
    let _listed = fs::read_dir(mount.join("dir")).unwrap().count();
    assert!(
        explain("dir/leaf").contains("source: https://example.com/leaf\n"),
        "{}",
        explain("dir/leaf")
    );
    assert!(explain("link").contains("a symbolic link to dir/leaf\n"), "{}", explain("link"));
    let source =
        format!("getfattr --only-values -n user.omnifs.source {}/dir/leaf", mount.display());
    assert_eq!(sandbox.shell(&source).expect_code(0).stdout, "https://example.com/leaf");
    // Over a restart an object has the same number.
    let _restarted = sandbox.omnifs(["restart"]).expect_code(0);
    assert_eq!(fs::metadata(mount.join("dir/leaf")).unwrap().ino(), leaf.ino());
}

/// Returns how reading a directory fails.
fn failure(directory: &Path) -> Option<std::io::Error> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.filter_map(Result::err).next(),
        Err(error) => Some(error),
    }
}

#[test]
fn pages_are_one_listing_and_what_is_not_complete_proves_nothing() {
    let sandbox = Sandbox::new(OMNIFS);
    let mount = mount(&sandbox);
    let line =
        format!("cd {}/many && ls -U | wc -l && cat * | sort -n -k 2 | tail -1", mount.display());
    assert_eq!(sandbox.shell(&line).expect_code(0).stdout, "1000\nnumber 999\n");
    assert_eq!(fs::read_dir(mount.join("open")).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(mount.join("open/hidden")).unwrap(), "hidden\n");
    let looped = failure(&mount.join("loop")).unwrap();
    assert_eq!(looped.raw_os_error(), Some(rustix::io::Errno::IO.raw_os_error()));
    let errors = sandbox.omnifs(["errors"]).stdout;
    assert!(errors.contains("the cursor \"again\", which was there before"), "{errors}");
}

/// > An error that a provider names has the errno of its sort.
#[test]
fn errors_have_their_errnos_and_reasons() {
    let sandbox = Sandbox::new(OMNIFS);
    let mount = mount(&sandbox);
    for (name, errno, reason) in [
        ("denied", "Permission denied", "told to"),
        ("unauthenticated", "Permission denied", "it needs credentials: told to"),
        ("rate-limited", "Device or resource busy", "asks to wait for 7 s"),
        ("unavailable", "Input/output error", "told to"),
        ("timed-out", "Connection timed out", "gave up waiting"),
        ("too-large", "File too large", "more than can be shown"),
        ("invalid", "Input/output error", "told to"),
    ] {
        let cat = format!("LC_ALL=C cat {}/errors/{name}", mount.display());
        let failed = sandbox.shell(&cat).expect_code(1);
        assert!(failed.stderr.contains(errno), "{name}: {}", failed.stderr);
        let errors = sandbox.omnifs(["errors"]).stdout;
        assert!(errors.contains(reason), "{name}: {errors}");
    }
    for name in ["empty-id", "long-id", "time", "length"] {
        let stat = fs::symlink_metadata(mount.join("wrong").join(name)).unwrap_err();
        let errno = Some(rustix::io::Errno::IO.raw_os_error());
        assert_eq!(stat.raw_os_error(), errno, "{name}");
    }
    assert_eq!(fs::read_to_string(mount.join("sized")).unwrap(), "sized\n", "it goes on");
}

/// An upstream with a thousand objects in pages of a hundred, and a mount of it.
fn objects() -> (Rig, Upstream) {
    let rig = Rig::of(guests::PROJECTED_PATH, READING);
    let upstream = rig.upstream("api.example.com");
    for page in 0..=10 {
        let ids = (page * 100..(page + 1) * 100).take_while(|id| *id < 1_000);
        let page: Vec<_> =
            ids.map(|id| serde_json::json!({"id": id, "title": format!("title {id}")})).collect();
        let number = page.first().map_or(10, |first| first["id"].as_u64().unwrap() / 100);
        let body = serde_json::to_vec(&page).unwrap();
        upstream.answer(&format!("/objects/{number}"), Answer::json(body));
    }
    rig.start();
    (rig, upstream)
}

#[test]
fn a_walk_over_a_thousand_objects_costs_the_pages_of_their_listing() {
    let (rig, upstream) = objects();
    let sandbox = &rig.sandbox;
    let at = sandbox.root().join("mnt/f/objects");
    let found = sandbox.shell(&format!("cd {} && find . -type f | wc -l", at.display()));
    assert_eq!(found.expect_code(0).stdout, "1000\n");
    // Ten pages of a hundred, and the one that shows that there are no more.
    assert_eq!(upstream.requests().len(), 11);
    let grep = format!("cd {} && grep -r 'title 77' . | wc -l", at.display());
    assert_eq!(sandbox.shell(&grep).expect_code(0).stdout, "11\n");
    let sizes = format!("cd {} && du -ab . | tail -1 | cut -f1", at.display());
    let bytes: u64 = (0..1_000).map(|id| format!("title {id}\n").len() as u64).sum();
    assert_eq!(sandbox.shell(&sizes).expect_code(0).stdout.trim(), bytes.to_string());
    assert_eq!(upstream.requests().len(), 11, "and nothing more");
}

#[test]
fn a_body_that_the_host_downloads_is_a_file() {
    let (rig, upstream) = objects();
    let sandbox = &rig.sandbox;
    let blob = sandbox.root().join("mnt/f/blob");
    let line = format!("wc -c < {0}; sha256sum < {0}", blob.display());
    let got = sandbox.shell(&line).expect_code(0).stdout;
    let cycle: Vec<u8> = (0..=250).collect();
    let plain = sandbox.root().join("plain");
    fs::write(&plain, &cycle.repeat(400)[..100_000]).unwrap();
    let right = sandbox.shell(&format!("wc -c < {0}; sha256sum < {0}", plain.display())).stdout;
    assert_eq!(got, right);
    assert_eq!(upstream.requests().len(), 1);
}

/// > A listing is shown as its pages come: the first names before the last page was asked for.
#[test]
fn names_are_shown_before_the_last_page_is_asked_for() {
    let (rig, upstream) = objects();
    // Each page takes a while, so whoever waited for all of them would be seen.
    for page in 1..=10 {
        let later = Duration::from_millis(300);
        let ids = (page * 100..(page + 1) * 100).take_while(|id| *id < 1_000);
        let page_of: Vec<_> = ids.map(|id| serde_json::json!({"id": id, "title": "t"})).collect();
        let body = serde_json::to_vec(&page_of).unwrap();
        upstream.answer(&format!("/objects/{page}"), Answer::json(body).after(later));
    }
    let at = rig.sandbox.root().join("mnt/f/objects");
    let mut ls = rig.sandbox.command("stdbuf");
    let ls = ls.args(["-oL", "ls", "-f"]).arg(at).stdout(Stdio::piped());
    let mut ls = ls.spawn().unwrap();
    let mut names = BufReader::new(ls.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first: Vec<String> = names.by_ref().take(50).collect();
    let asked = upstream.requests().len();
    assert!(first.contains(&"7".to_owned()), "{first:?}");
    assert!(asked < 10, "{asked} pages were asked for");
    assert_eq!(first.len() + names.count(), 1_002);
    assert!(ls.wait().unwrap().success());
    assert_eq!(upstream.requests().len(), 11);
}

#[test]
fn a_page_that_fails_is_an_error_after_the_names_that_came() {
    let (rig, upstream) = objects();
    upstream.answer("/objects/5", Answer::new(500, "no"));
    let at = rig.sandbox.root().join("mnt/f/objects");
    let ls = rig.sandbox.shell(&format!("LC_ALL=C ls -f {}", at.display()));
    assert_eq!(ls.code(), 2, "{}", ls.stderr);
    assert!(ls.stderr.contains("Input/output error"), "{}", ls.stderr);
    assert_eq!(ls.stdout.lines().count(), 502);
    let errors = rig.sandbox.omnifs(["errors"]).stdout;
    assert!(errors.contains("/objects") && errors.contains("500"), "{errors}");
}

/// A large body lies in a file and goes to readers from there.
#[test]
fn a_large_body_goes_through_no_memory() {
    let (rig, upstream) = objects();
    let (large, parts) =
        (rig.sandbox.root().join("mnt/f/large"), rig.sandbox.root().join("mnt/f/parts"));
    let right =
        "import hashlib;print(hashlib.sha256((bytes(range(251))*79682)[:20000000]).hexdigest())";
    let right = rig.sandbox.shell(&format!("python3 -c '{right}'")).expect_code(0).stdout;
    let sum = |file: &Path| {
        let line = format!("sha256sum < {} | cut -d' ' -f1", file.display());
        rig.sandbox.shell(&line).expect_code(0).stdout
    };
    let daemon = rig.sandbox.daemon().unwrap();
    assert_eq!(sum(&large), right);
    let memory = crate::memory_of(daemon, "VmHWM");
    assert_eq!((sum(&large), upstream.requests().len()), (right.clone(), 1));
    assert_eq!(sum(&parts), right, "piece by piece");
    // As a whole it can be read by nobody: jumps are parts, too.
    let jump = format!("tail -c +15000001 {} | head -c 5 | od -An -tu1", parts.display());
    let place = 15_000_000 % 251;
    let bytes: Vec<String> = (place..place + 5).map(|byte| format!("{byte:>4}")).collect();
    assert_eq!(rig.sandbox.shell(&jump).expect_code(0).stdout.trim_end(), bytes.concat());
    let status = rig.sandbox.omnifs(["status", "--json"]).expect_code(0).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let kept = status["providers"][0]["memory"]["cache"].as_u64().unwrap();
    assert!(kept < 1 << 20, "{kept} bytes of {memory} KiB");
}

/// What a listing takes is bounded over all its pages, and so is how many there are.
#[test]
fn listings_without_end_end() {
    let sandbox = Sandbox::new(OMNIFS);
    let mount = mount(&sandbox);
    let _sized = fs::read(mount.join("sized")).unwrap();
    for (name, reason) in [
        ("open/heavy", "a listing has more than 75497472 bytes (limits.lift)"),
        ("open/endless", "more than 1000 pages without a name"),
    ] {
        assert!(failure(&mount.join(name)).is_some(), "{name}");
        let errors = sandbox.omnifs(["errors"]).stdout;
        assert!(errors.contains(reason), "{name}: {errors}");
    }
    let memory = crate::memory_of(sandbox.daemon().unwrap(), "VmHWM");
    assert!(memory < 512 << 10, "{memory} KiB");
    assert_eq!(fs::read_to_string(mount.join("dir/leaf")).unwrap(), "leaf\n", "it goes on");
}
