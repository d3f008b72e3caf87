//! Extended attributes: none to copy, and none asked for twice.

use testkit::{Sandbox, guests, run};

use crate::{OMNIFS, config_of};

/// Starts a daemon whose log holds every request, and returns its mounts' directory.
fn traced(sandbox: &Sandbox) -> std::path::PathBuf {
    sandbox.configure(&config_of(sandbox, &[("big", guests::BIG_PATH)], ""));
    let _ = run(sandbox.command("omnifs").arg("start").env("OMNIFS_LOG", "info,omnifs_fuse=trace"))
        .expect_code(0);
    sandbox.root().join("mnt")
}

fn requests(sandbox: &Sandbox, opcode: &str) -> usize {
    let log = sandbox.omnifs(["logs"]).stdout;
    log.lines().filter(|line| line.contains(&format!("request op=\"{opcode}\""))).count()
}

#[test]
fn a_long_listing_asks_for_two_attributes_in_all() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = traced(&sandbox);
    let listed = sandbox.shell(&format!("ls -l {}/big/many | wc -l", mounts.display()));
    assert_eq!(listed.stdout, "10001\n");
    // Sizes that were read ahead come with the lookup.
    let stats = requests(&sandbox, "GETATTR") + requests(&sandbox, "LOOKUP");
    assert!(stats >= 1_000, "the trace holds requests");
    let asked = requests(&sandbox, "GETXATTR") + requests(&sandbox, "LISTXATTR");
    assert!(asked <= 2, "{asked} requests");
}

/// > Extended attributes are not listed, so copies take none along, and `ls -l` asks for two in
/// > all.
#[test]
fn copies_carry_no_attribute() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = traced(&sandbox);
    let file = format!("{}/big/many/name-000001", mounts.display());
    for line in [
        format!("cp -a {file} copied"),
        format!("rsync -aX {file} copied"),
        format!("cp --preserve=all {file} copied"),
    ] {
        let _ = sandbox.shell(&line).expect_code(0);
        let listed = sandbox.shell("getfattr --dump --match=- copied").expect_code(0).stdout;
        assert_eq!(listed, "", "{line}");
        let _ = sandbox.shell("cmp copied copied && rm copied").expect_code(0);
    }
}
