//! Mounting as an ordinary user, by `fusermount3`.
//!
//! In a mount namespace of its own, where everybody may open a node that lies over
//! `/dev/fuse`; the machine's own node stays as it is.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::mounted::{server, text};

/// Runs `script` as the user `nobody`; `$D` is a directory of that user, `$SERVER` the server.
/// `device` is the mode of `/dev/fuse`.
fn as_nobody(device: &str, script: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).unwrap();
    // The build's own directory may be closed to others.
    let program = directory.path().join("serve_memory");
    std::fs::copy(server(), &program).unwrap();
    std::fs::write(directory.path().join("script"), script).unwrap();
    let outer = format!(
        "set -e
         mount --make-rprivate /
         mknod $T/fuse c 10 229
         chmod {device} $T/fuse
         mount --bind $T/fuse /dev/fuse
         mkdir $T/home $T/home/m
         chown -R 65534:65534 $T/home
         export D=$T/home SERVER=$T/serve_memory
         cd $D
         exec setpriv --reuid 65534 --regid 65534 --clear-groups sh $T/script"
    );
    let output = Command::new("timeout")
        .args(["-k", "1", "60", "unshare", "-m", "sh", "-c", &outer])
        .env("T", directory.path())
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    stdout
}

/// Starts the server on `$D/m` and waits until it serves; its input stays open on 3.
const START: &str = "
    mkfifo $D/input $D/output
    $SERVER $D/m mine < $D/input > $D/output 2> $D/errors &
    server=$!
    exec 3> $D/input
    read line < $D/output
    [ \"$line\" = ready ] || { cat $D/errors; exit 1; }
";

#[test]
fn an_ordinary_user_mounts_reads_and_unmounts() {
    let printed = as_nobody(
        "666",
        &format!(
            "{START}
             id -u
             cat $D/m/hello.txt $D/m/directory/deep.txt
             stat -c '%u %a' $D/m/hello.txt
             grep \" $D/m \" /proc/self/mountinfo | sed 's/.* \\(ro,[a-z,]*\\) .* - /\\1 /'
             exec 3>&-
             wait $server; echo $?
             grep -c \" $D/m \" /proc/self/mountinfo
             ls $D/m; true"
        ),
    );
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[..4], ["65534", "hello from memory", "deep", "65534 444"], "{printed}");
    for part in ["ro,", "nosuid", "nodev", "noexec", "fuse.omnifs mine "] {
        assert!(lines[4].contains(part), "{part} in {}", lines[4]);
    }
    assert_eq!(lines[5..], ["0", "0"], "{printed}");
}

#[test]
fn an_ordinary_user_unmounts_what_is_in_use() {
    let printed = as_nobody(
        "666",
        &format!(
            "{START}
             (cd $D/m && exec sleep 60 3>&-) &
             sleeper=$!
             while [ \"$(readlink /proc/$sleeper/cwd)\" != $D/m ]; do sleep 0.01; done
             exec 3>&-
             wait $server; echo $?
             grep -c \" $D/m \" /proc/self/mountinfo
             kill $sleeper"
        ),
    );
    assert_eq!(printed, "0\n0\n");
}

#[test]
fn what_stands_in_the_way_is_said_with_its_remedy() {
    let denied = as_nobody("600", "$SERVER $D/m mine 2>&1; true");
    assert!(denied.contains("DeviceDenied"), "{denied}");
    let missing = as_nobody("666", "$SERVER $D/missing mine 2>&1; true");
    assert!(missing.contains("Mountpoint"), "{missing}");
    let foreign = as_nobody("666", "$SERVER /usr mine 2>&1; true");
    assert!(foreign.contains("NotWritable"), "{foreign}");
    let unhelped = as_nobody("666", "PATH= $SERVER $D/m mine 2>&1; true");
    assert!(unhelped.contains("NoFusermount"), "{unhelped}");
    let powerless = as_nobody("666", "setpriv --no-new-privs $SERVER $D/m mine 2>&1; true");
    assert!(powerless.contains("NotPermitted"), "{powerless}");
}

#[test]
fn an_ordinary_user_clears_what_a_killed_server_left() {
    let printed = as_nobody(
        "666",
        &format!(
            "{START}
             (cd $D/m && exec sleep 60 3>&-) &
             sleeper=$!
             while [ \"$(readlink /proc/$sleeper/cwd)\" != $D/m ]; do sleep 0.01; done
             $SERVER --clear $D/m
             kill -KILL $server
             wait $server
             grep -c \" $D/m \" /proc/self/mountinfo
             $SERVER --clear $D/m
             grep -c \" $D/m \" /proc/self/mountinfo
             kill $sleeper"
        ),
    );
    assert_eq!(printed, "Alive\n1\nDisconnected\n0\n");
}
