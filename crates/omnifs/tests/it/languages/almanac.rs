//! `examples/python`: the days of the years.

use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;

use testkit::Sandbox;

use super::{alone, compare, example};
use crate::{OMNIFS, mounted_with};

/// The years that the script writes.
const CONFIG: &str = r#"{"first": 2024, "last": 2026}"#;

#[test]
fn every_name_and_byte_of_the_almanac_is_right() {
    let sandbox = Sandbox::new(OMNIFS);
    let component = example("almanac.wasm");
    let expected = sandbox.root().join("expected");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts/almanac.sh");
    let _written = sandbox.shell(&format!("sh '{script}' '{}'", expected.display())).expect_code(0);

    let checked = sandbox.omnifs(["check", component.as_str()]).expect_code(0).stdout;
    assert!(checked.ends_with("asks for: nothing\n"), "{checked}");

    // Without a mount, where it is compiled.
    let read = |name: &str, arguments: &[&str]| {
        alone(&mut sandbox.command("omnifs"), (name, &component), arguments).stdout
    };
    assert_eq!(read("ls", &["--config-json", CONFIG, "/"]), "2024\n2025\n2026\n");
    let found = read("find", &["--config-json", CONFIG, "--type", "f", "/"]);
    let files = sandbox.shell(&format!(
        "cd '{}' && find . -type f | sed 's/^\\.//' | LC_ALL=C sort",
        expected.display()
    ));
    let mut found: Vec<&str> = found.lines().collect();
    found.sort_unstable();
    assert_eq!(found, files.expect_code(0).stdout.lines().collect::<Vec<_>>());
    // Each without the answer of the clock, which has other years.
    let easter = std::fs::read_to_string(expected.join("2026/easter.txt")).unwrap();
    assert_eq!(read("cat", &["/2026/easter.txt"]), easter);
    let wrong = [r#"{"first": "x"}"#, r#"{"first": 2, "last": 1}"#, r#"{"last": 10000}"#];
    for (config, reason) in wrong.iter().zip(["first = \"x\"", "first = 2", "last = 10000"]) {
        assert_eq!(read("ls", &["--config-json", config, "/"]), "error.txt\n");
        let error = read("cat", &["--config-json", config, "/error.txt"]);
        assert!(error.starts_with(reason), "{error}");
    }

    let mount = mounted_with(
        &sandbox,
        &[("almanac", &component)],
        "[provider.config]\nfirst = 2024\nlast = 2026\n",
    )
    .join("almanac");
    compare(&sandbox, &mount, &expected);

    // Years that are not listed are there, and what is no day is not.
    let first = std::fs::read_to_string(mount.join("0001/01/01.txt")).unwrap();
    assert_eq!(first, "date: 0001-01-01\nweekday: Monday\nweek: 0001-W01\nday: 1\n");
    let mut absent = String::new();
    for path in ["2026/02/29.txt", "2026/13", "0000", "26", "2026/3", "error.txt", "2026/03/1.txt"]
    {
        write!(absent, " '{path}'").unwrap();
    }
    let line =
        format!("cd {} && LC_ALL=C ls -d{absent} 2>&1 | grep -c 'No such file'", mount.display());
    assert_eq!(sandbox.shell(&line).expect_code(0).stdout, "7\n");
    // The number that the README tells, and one.
    assert_eq!(std::fs::metadata(mount.join("2026/03/01.txt")).unwrap().ino(), 320_260_302);
    assert_eq!(sandbox.omnifs(["errors"]).expect_code(0).stdout, "no errors\n");
}
