//! Nothing below a mount can be changed.

use testkit::{Sandbox, guests};

use crate::{OMNIFS, mounted};

/// > Nothing can be written: every change is refused as on a read-only file system.
#[test]
fn every_change_is_refused_as_on_a_read_only_file_system() {
    let sandbox = Sandbox::new(OMNIFS);
    let hello = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]).join("hello");
    for line in [
        "touch new",
        "touch hello.txt",
        "rm hello.txt",
        "mkdir new",
        "mv hello.txt new",
        "chmod u+w hello.txt",
        "sh -c 'echo x >> hello.txt'",
        "sh -c 'echo x > new'",
        "ln -s hello.txt new",
        "truncate -s 0 hello.txt",
        "setfattr -n user.x -v y hello.txt",
    ] {
        let output = sandbox.shell(&format!("cd {} && LC_ALL=C {line}", hello.display()));
        assert_ne!(output.code(), 0, "{line}");
        assert!(output.stderr.contains("Read-only file system"), "{line}: {}", output.stderr);
    }
    assert_eq!(
        sandbox.shell(&format!("cat {}/hello.txt", hello.display())).stdout,
        "hello from omnifs\n"
    );
}
