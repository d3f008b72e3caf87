//! A provider that is routes and plain functions, over a real mount and a real server.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use testkit::{Answer, Upstream, guests, wait_until};

use crate::LIMIT;
use crate::http::{READING, Rig};

/// A server with repositories of these names and numbers, and a mount of it.
struct Scene {
    rig: Rig,
    upstream: Upstream,
}

impl Scene {
    fn new() -> Self {
        let cache = "[provider.cache]\nttl = \"200ms\"\nstale_while_revalidate = 0\n";
        let rig = Rig::of(guests::ROUTED_PATH, &format!("{READING}{cache}"));
        let upstream = rig.upstream("api.example.com");
        Self { rig, upstream }
    }

    fn answer(&self, path: &str, value: &serde_json::Value) {
        self.upstream.answer(path, Answer::json(serde_json::to_vec(value).unwrap()));
    }

    fn repositories(&self, known: &[(u64, &str)]) {
        let list: Vec<_> =
            known.iter().map(|(id, name)| serde_json::json!({"id": id, "name": name})).collect();
        self.answer("/repositories", &list.into());
    }

    fn shell(&self, line: &str) -> String {
        self.rig.shell(line).expect_code(0).stdout
    }
}

#[test]
fn routes_are_a_tree_and_objects_keep_their_identity_when_they_are_renamed() {
    let scene = Scene::new();
    scene.repositories(&[(7, "first"), (8, "second")]);
    let issues = serde_json::json!([{"number": 1, "title": "one"}, {"number": 2, "title": "two"}]);
    scene.answer("/repositories/7/issues", &issues);
    scene.answer("/repositories/7/readme", &"read me".into());
    scene.rig.start();
    assert_eq!(scene.shell("ls"), "README.md\nrepositories\n");
    let readme = scene.shell("cat README.md");
    assert!(readme.starts_with("Repositories and their issues.\n\n| path |"), "{readme}");
    assert_eq!(scene.shell("ls repositories"), "count\nfirst\nindex.jsonl\nsecond\n");
    assert_eq!(scene.shell("cat repositories/count"), "2\n");
    let index = "{\"id\":7,\"name\":\"first\"}\n{\"id\":8,\"name\":\"second\"}\n";
    assert_eq!(scene.shell("cat repositories/index.jsonl"), index);
    assert_eq!(scene.shell("cat repositories/first/README"), "read me\n");
    assert_eq!(scene.shell("cat repositories/first/issues/2"), "two\n");
    assert_eq!(scene.shell("ls repositories/first"), "README\nissues\n");
    let absent = scene.shell("ls repositories/first/.git 2>&1 || true");
    assert!(absent.contains("No such file"), "{absent}");

    let number = |name: &str| {
        let path = scene.rig.sandbox.root().join("mnt/f/repositories").join(name);
        fs::metadata(scene.rig.sandbox.seen(path)).map(|found| found.ino()).ok()
    };
    let before = number("first");
    scene.repositories(&[(8, "second"), (7, "renamed")]);
    assert!(wait_until(LIMIT, || number("renamed").is_some()));
    assert_eq!(number("renamed"), before, "the same object");
    assert!(wait_until(LIMIT, || number("first").is_none()));
    assert_eq!(scene.shell("cat repositories/renamed/issues/1"), "one\n");
}

#[test]
fn a_failure_upstream_is_its_errno_and_not_an_empty_directory() {
    let scene = Scene::new();
    scene.upstream.answer("/repositories", Answer::new(500, "broken"));
    scene.rig.start();
    let mount = scene.rig.sandbox.root().join("mnt/f");
    let listed = scene.rig.sandbox.shell(&format!("LC_ALL=C ls {}/repositories", mount.display()));
    assert_ne!(listed.code(), 0);
    assert!(listed.stderr.contains("Input/output error"), "{}", listed.stderr);
    let errors = scene.rig.sandbox.omnifs(["errors"]).stdout;
    assert!(errors.contains("500"), "{errors}");
}
