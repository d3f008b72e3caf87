//! What is fetched before somebody asks for it, counted by the server.

use std::collections::HashMap;
use std::time::Duration;

use testkit::Upstream;

use super::{Rig, mirrored};

const DIRECTORIES: usize = 20;
const FILES: usize = 10;

/// A mount of a server with files that stay fresh for as long as a test takes.
fn rig() -> (Rig, Upstream) {
    let content = |directory, file| format!("{directory} {file}\n").into_bytes();
    let (rig, upstream) = mirrored("ttl = \"1h\"\n", (DIRECTORIES, FILES), content, Duration::ZERO);
    // Looking at the mount is part of starting it.
    upstream.clear();
    (rig, upstream)
}

/// Returns how often each target was asked for.
fn asked(upstream: &Upstream) -> HashMap<String, usize> {
    let mut asked = HashMap::new();
    for request in upstream.requests() {
        *asked.entry(request.target).or_default() += 1;
    }
    asked
}

#[test]
fn what_is_read_ahead_is_counted_by_the_server() {
    let (rig, upstream) = rig();
    assert_eq!(rig.shell("cat d07/f3.txt").expect_code(0).stdout, "7 3\n");
    assert_eq!(asked(&upstream), HashMap::from([("/d07/f3.txt".to_owned(), 1)]));
    assert_eq!(rig.shell("cat d07/f4.txt d11/f9.txt").expect_code(0).stdout, "7 4\n11 9\n");
    assert_eq!(upstream.requests().len(), 3, "{:?}", asked(&upstream));
    assert_eq!(rig.shell("ls d07 d08 | wc -l").expect_code(0).stdout, "23\n");
    assert_eq!(upstream.requests().len(), 5, "{:?}", asked(&upstream));

    let found = rig.shell("find . -type f | wc -l").expect_code(0).stdout;
    assert_eq!(found, format!("{}\n", DIRECTORIES * FILES));
    let listed = asked(&upstream);
    let listings = listed.iter().filter(|(target, _)| target.ends_with('/'));
    assert!(listings.clone().all(|(_, times)| *times == 1), "{listed:?}");
    assert_eq!(listings.count(), DIRECTORIES, "the root is known since the start");

    let sum = rig.shell("cat d*/* | sort | uniq | wc -l").expect_code(0).stdout;
    assert_eq!(sum, format!("{}\n", DIRECTORIES * FILES));
    let read = asked(&upstream);
    assert!(read.values().all(|times| *times == 1), "{read:?}");
    assert_eq!(read.len(), DIRECTORIES * FILES + DIRECTORIES);
}
