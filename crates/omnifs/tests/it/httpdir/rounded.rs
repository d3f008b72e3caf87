//! Sizes that a listing rounds, or does not tell.

use std::fs;

use testkit::Apache;

use super::{age, rig};

/// Where a listing rounds sizes, each file that is asked for its size costs one request, and a small
/// one nothing more.
#[test]
fn rounded_sizes_are_exact_and_cost_a_request_each() {
    let rig = rig("http://files.example.com/", "[provider.cache]\nttl = \"1h\"\n");
    rig.network.name("files.example.com", &["11.22.33.1"]);
    let apache = Apache::new(&rig.network, "files.example.com");
    let sizes = [0, 1, 972, 973, 1_024, 12_345, 65_535, 65_536, 65_537, 1_500_000, 3 << 20];
    for size in sizes {
        let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
        fs::write(apache.files().join(size.to_string()), bytes).unwrap();
    }
    age(&apache.files());
    rig.start();
    let _listed = rig.shell("ls").expect_code(0);
    let before = apache.requests().len();
    let told = rig.shell("stat -c '%n %s' * | sort -n").expect_code(0).stdout;
    let right: Vec<String> = sizes.iter().map(|size| format!("{size} {size}\n")).collect();
    assert_eq!(told, right.concat());
    let asked = apache.requests().split_off(before);
    // Up to 972 bytes the listing is exact. The directory is listed once more to look names up in.
    let parts = asked.iter().filter(|line| line.ends_with(" 206 bytes=0-65535"));
    assert_eq!((parts.count(), asked.len() <= 9), (8, true), "{asked:?}");
    let read = rig.shell("cat 973 1024 12345 65535 65536 | wc -c").expect_code(0).stdout;
    assert_eq!(read, format!("{}\n", 973 + 1_024 + 12_345 + 65_535 + 65_536));
    assert_eq!(apache.requests().len() - before, asked.len(), "they came with their sizes");
    let sums = "sha256sum *";
    let mut shell = rig.sandbox.command("sh");
    let right = testkit::run(shell.args(["-c", sums]).current_dir(apache.files()));
    assert_eq!(rig.shell(sums).expect_code(0).stdout, right.expect_code(0).stdout);
    let known = apache.requests().len();
    assert_eq!(rig.shell("sha256sum * | wc -l").expect_code(0).stdout, "11\n");
    assert_eq!(apache.requests().len(), known, "warm, it costs nothing");
    assert!(
        !apache.requests().iter().any(|line| line.starts_with("HEAD")),
        "and nobody asks twice"
    );
}
