//! What is known of a path, and asking for it anew.

use testkit::{Sandbox, guests, wait_until};

use crate::{LIMIT, OMNIFS, mounted_with};

/// > `omnifs refresh PATH` has everything at and below a path asked for anew, whatever an upstream
/// > said of how long it holds (`Cache-Control: max-age`); open files keep their bytes.
#[test]
fn what_is_known_is_explained_and_asked_for_anew_on_request() {
    let sandbox = Sandbox::new(OMNIFS);
    let long = "[provider.cache]\nttl = \"1h\"\n";
    let mount = mounted_with(&sandbox, &[("clocked", guests::CLOCKED_PATH)], long).join("clocked");
    let now = mount.join("now").display().to_string();
    let explain = || sandbox.omnifs(["explain", &now]).expect_code(0).stdout;
    let read = || sandbox.shell(&format!("cat {now}")).expect_code(0).stdout;

    let before = explain();
    let expected = format!(
        "path: {now}\nprovider: clocked\nnode: none, nobody has looked it up\nlast error: none\n"
    );
    assert_eq!(before, expected);
    let nothing = sandbox.omnifs(["refresh", &now]).expect_code(0).stdout;
    assert_eq!(nothing, format!("nothing was known of {now}\n"));

    let first = read();
    assert_eq!(read(), first, "fresh for an hour");
    let known = explain();
    let lines: Vec<&str> = known.lines().skip(2).collect();
    assert!(lines[0].ends_with(&format!("a file of {} bytes", first.len())), "{known}");
    assert!(lines[1].starts_with("fetched: ") && lines[1].ends_with(" GMT"), "{known}");
    assert!(lines[2].starts_with("fresh until: ") && lines[2].ends_with(" GMT"), "{known}");
    assert!(lines[3].starts_with("requests: none (r-"), "{known}");
    assert_eq!(lines[4..], ["last error: none"]);

    let said = sandbox.omnifs(["refresh", &now]).expect_code(0).stdout;
    assert_eq!(said, format!("{now} is asked for anew at its next use\n"));
    // The kernel is told behind the answer.
    assert!(wait_until(LIMIT, || read() != first), "{}", explain());
    let elsewhere = sandbox.omnifs(["refresh", "/"]).expect_code(1).stderr;
    assert!(elsewhere.contains("not below a mount of omnifs"), "{elsewhere}");
}
