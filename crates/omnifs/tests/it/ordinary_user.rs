//! The same without root.

use testkit::{Private, User, guests, run};

use crate::OMNIFS;

/// A user with a configuration of `hello`, mounted at `mount`, where `ROOT` is the sandbox's.
fn user(mount: &str) -> Private {
    let user = Private::new(OMNIFS, User::Nobody, "true");
    configure(&user, mount, "");
    user
}

/// Writes a configuration of `hello`, mounted at `mount`, with text before the provider.
pub(crate) fn configure(user: &Private, mount: &str, host: &str) {
    let mount = mount.replace("ROOT", user.sandbox().root().to_str().unwrap());
    let component = user.bring("component.wasm", guests::HELLO);
    let provider =
        format!("[[provider]]\nname = \"hello\"\npath = {component:?}\nmount = {mount:?}\n");
    user.configure(&format!("{host}{provider}"));
}

/// > A mount is its user's alone unless others are let in on request.
#[test]
fn a_user_mounts_reads_and_unmounts() {
    let user = user("~/mnt/hello");
    let line = r#"set -e
        omnifs start
        cat mnt/hello/hello.txt
        stat -c '%u %g %a %s' mnt/hello/hello.txt
        grep -c " $PWD/mnt/hello .* fuse.omnifs" /proc/self/mountinfo
        omnifs stop
        grep -c " $PWD/mnt/hello .* fuse.omnifs" /proc/self/mountinfo || true"#;
    let output = user.shell(line).expect_code(0);
    let lines: Vec<&str> = output.stdout.lines().skip(2).collect();
    let owner = format!("{0} {0} 444 18", User::Nobody.id());
    assert_eq!(lines, ["hello from omnifs", &owner, "1", "stopped", "0"], "{}", output.stderr);
}

#[test]
fn a_directory_that_the_user_may_not_make_comes_with_the_command_that_does() {
    let user = user("ROOT/omnifs/hello");
    let root = user.sandbox().root().display();
    let output =
        user.shell("omnifs start; code=$?; omnifs stop >stopped; exit $code").expect_code(1);
    let expected = format!(
        "error: hello: cannot make the mount directory {root}/omnifs/hello: Permission denied (os error 13)\n  \
         help: sudo install -d -o nobody {root}/omnifs, then omnifs restart\n"
    );
    assert_eq!(output.stderr, expected);

    // The command does what it promises.
    let install = ["-d", "-o", "nobody", &format!("{root}/omnifs")];
    let _made = run(user.sandbox().command("install").args(install)).expect_code(0);
    let line = format!("omnifs restart && cat {root}/omnifs/hello/hello.txt && omnifs stop");
    let output = user.shell(&line).expect_code(0);
    assert!(output.stdout.ends_with("hello from omnifs\nstopped\n"), "{}", output.stdout);
}

#[test]
fn another_user_gets_no_word_from_the_control_socket() {
    let user = user("~/mnt/hello");
    // Root may open the socket whatever its mode is; it is not the daemon's user all the same.
    let socket = user.sandbox().root().join("run/omnifs/control.sock");
    let ask = "import socket,sys\n\
               s = socket.socket(socket.AF_UNIX)\n\
               s.settimeout(10)\n\
               s.connect(sys.argv[1])\n\
               try:\n \
               s.sendall(b'GET /v1/status HTTP/1.1\\r\\nhost: omnifs\\r\\n\\r\\n')\n \
               print(len(s.recv(100)))\n\
               except (BrokenPipeError, ConnectionResetError): print(0)\n";
    let script = user.bring("ask.py", ask.as_bytes());
    let (script, socket) = (script.display(), socket.display());
    let output = user.shell(&format!("omnifs start >started && python3 {script} {socket}"));
    assert!(output.expect_code(0).stdout.trim() != "0", "its own user gets an answer");
    let output =
        run(user.sandbox().command("python3").args([script.to_string(), socket.to_string()]));
    assert_eq!(output.expect_code(0).stdout, "0\n");
    let stopped = user.shell("omnifs stop").expect_code(0);
    assert_eq!(stopped.stdout, "stopped\n");
}
