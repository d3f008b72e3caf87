//! What changes on the server, and what does not.

use std::fs;
use std::time::Duration;

use testkit::wait_until;

use super::{Scene, age};
use crate::LIMIT;

/// What a server has not changed is not read again, however often it is listed.
#[test]
fn only_what_changed_is_read_again() {
    // Longer than any answer takes: what is old when it comes is read again, and rightly so.
    let cache = "[provider.cache]\nttl = \"3s\"\nstale_while_revalidate = 0\nnegative = 0\n";
    let scene = Scene::new("/listed/", cache);
    for name in ["a", "b", "c"] {
        scene.nginx.put(name, format!("{name}\n"));
    }
    age(&scene.nginx.files());
    scene.rig.start();
    assert_eq!(scene.shell("cat a b c"), "a\nb\nc\n");
    let files = |scene: &Scene| {
        let requests = scene.nginx.requests();
        requests.into_iter().filter(|r| !r.target.ends_with('/')).map(|r| r.target).collect()
    };
    let first: Vec<String> = files(&scene);
    assert_eq!(first.len(), 3);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(scene.shell("ls; cat a b c"), "a\nb\nc\na\nb\nc\n");
    assert_eq!(files(&scene), first, "nothing has changed");
    scene.nginx.put("b", "new\n");
    fs::remove_file(scene.nginx.files().join("c")).unwrap();
    scene.nginx.put("d", "d\n");
    assert!(wait_until(LIMIT, || {
        let output = scene.rig.shell("cat a b d");
        output.code() == 0 && output.stdout == "a\nnew\nd\n"
    }));
    assert!(wait_until(LIMIT, || scene.rig.shell("ls").stdout == "a\nb\nd\n"));
    let again = files(&scene);
    assert!(!again[3..].contains(&"/listed/a".to_owned()), "a is what it was: {again:?}");
    let gone = scene.rig.shell("LC_ALL=C cat c").expect_code(1).stderr;
    assert!(gone.contains("No such file or directory"), "{gone}");
}

/// A file that was just written may be written again without its time and size showing it: until its
/// time is settled it is read again.
#[test]
fn a_file_of_this_minute_is_not_believed_by_its_time() {
    let cache = "[provider.cache]\nttl = \"300ms\"\nstale_while_revalidate = 0\nnegative = 0\n";
    let scene = Scene::new("/listed/", cache);
    scene.nginx.put("a", "one\n");
    scene.rig.start();
    assert_eq!(scene.shell("ls; cat a"), "a\none\n");
    scene.nginx.put("a", "two\n");
    assert!(wait_until(LIMIT, || scene.shell("ls; cat a") == "a\ntwo\n"));
}

/// `omnifs refresh` goes past what was listed a moment ago.
#[test]
fn a_refresh_sees_what_there_is_now() {
    let scene = Scene::new("/listed/", "");
    scene.nginx.put("a", "one\n");
    age(&scene.nginx.files());
    scene.rig.start();
    assert_eq!(scene.shell("cat a"), "one\n");
    scene.nginx.put("a", "another\n");
    scene.nginx.put("b", "b\n");
    let mount = scene.rig.sandbox.root().join("mnt/f");
    let _done = scene.rig.sandbox.omnifs(["refresh".into(), mount]).expect_code(0);
    assert_eq!(scene.shell("cat b a"), "b\nanother\n");
}
