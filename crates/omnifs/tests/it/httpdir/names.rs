//! Names that scripts and listings trip over, in every form of a listing.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use testkit::Apache;

use super::{Scene, age, rig};

const NAMES: [&str; 21] = [
    "a&b",
    "a&amp;b",
    "q'uote",
    "dq\"x",
    "colon:x",
    "javascript:alert(1)",
    "pct%41",
    "100%",
    "%2e%2e",
    "sp ace",
    " ",
    "hash#x",
    "q?x",
    "?C=N;O=D",
    "plus+x",
    "<x>",
    "back\\slash",
    "line\nbreak",
    "\u{fc}ml\u{e4}ut \u{1f980}",
    "tilde~",
    "a name that is so long that servers cut it in the text of the link and write dots in its place",
];

/// A tree of such names.
fn fill(files: &Path) {
    let longest = "n".repeat(255);
    for name in NAMES.into_iter().chain([longest.as_str()]) {
        fs::write(files.join(name), format!("{name}\n")).unwrap();
    }
    let below = files.join("d <&> %41/in it");
    fs::create_dir_all(&below).unwrap();
    fs::write(below.join("at last"), "at last\n").unwrap();
    fs::create_dir(files.join("empty")).unwrap();
    // No name is UTF-8 here, and none can be told of.
    fs::write(files.join(OsStr::from_bytes(b"\xff")), "no\n").unwrap();
    age(files);
}

/// Compares a directory with its mount: names, kinds, sizes, times to the minute, bytes. Returns how
/// many there are.
fn compare(files: &Path, mount: &Path) -> usize {
    let mut expected: Vec<String> = fs::read_dir(files)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .collect();
    let mut shown: Vec<String> = fs::read_dir(mount)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    expected.sort();
    let mut escaped: Vec<String> = expected.iter().map(|name| escape(name)).collect();
    escaped.sort();
    shown.sort();
    assert_eq!(shown, escaped, "{}", mount.display());
    let mut count = expected.len();
    for name in expected {
        let (there, here) = (files.join(&name), mount.join(escape(&name)));
        let (right, seen) = (fs::metadata(&there).unwrap(), fs::metadata(&here).unwrap());
        assert_eq!(seen.is_dir(), right.is_dir(), "{name:?}");
        if right.is_dir() {
            count += compare(&there, &here);
        } else {
            assert_eq!(seen.len(), right.len(), "{name:?}");
            assert_eq!(fs::read(&here).unwrap(), fs::read(&there).unwrap(), "{name:?}");
            // Listings without times tell none.
            if seen.mtime() < right.mtime() + 3_600 * 24 {
                assert_eq!(seen.mtime() / 60, right.mtime() / 60, "{name:?}");
            }
        }
    }
    count
}

/// Returns the name that the mount has for one of the server's: `omnifs_provider::escape_name`.
fn escape(name: &str) -> String {
    name.replace('%', "%25").replace('\n', "%0A")
}

#[test]
fn every_form_of_a_listing_shows_the_server_s_tree() {
    let scene = Scene::new("/listed/", "");
    fill(&scene.nginx.files());
    scene.rig.start();
    let mount = scene.rig.sandbox.seen(scene.rig.sandbox.root().join("mnt/f"));
    assert_eq!(compare(&scene.nginx.files(), &mount), 26);
    for path in ["listed-in-json", "rounded"] {
        let other = Scene::new(&format!("/{path}"), "");
        fill(&other.nginx.files());
        other.rig.start();
        let mount = other.rig.sandbox.seen(other.rig.sandbox.root().join("mnt/f"));
        assert_eq!(compare(&other.nginx.files(), &mount), 26, "{path}");
    }
    let log = scene.rig.sandbox.omnifs(["logs"]).stdout;
    assert!(log.contains("1 names are left out"), "{log}");
}

#[test]
fn every_form_of_apache_shows_the_server_s_tree() {
    for path in ["", "columns/", "names"] {
        let rig = rig(&format!("http://files.example.com/{path}"), "");
        rig.network.name("files.example.com", &["11.22.33.1"]);
        let apache = Apache::new(&rig.network, "files.example.com");
        fill(&apache.files());
        rig.start();
        let mount = rig.sandbox.seen(rig.sandbox.root().join("mnt/f"));
        assert_eq!(compare(&apache.files(), &mount), 26, "{path:?}");
    }
}

/// A directory that leads back into itself ends: a server follows forty links in a path, as its
/// system does, and the mount goes 128 directories deep.
#[test]
fn a_cycle_of_directories_ends() {
    let scene = Scene::new("/listed/", "");
    let files = scene.nginx.files();
    fs::create_dir(files.join("d")).unwrap();
    symlink("..", files.join("d/up")).unwrap();
    scene.rig.start();
    let found: usize = scene.shell("find . 2> /dev/null | wc -l").trim().parse().unwrap();
    assert!((70..=130).contains(&found), "{found}");
}
