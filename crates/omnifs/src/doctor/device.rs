//! `/dev/fuse` and who may mount through it.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use super::{Finding, User};
use crate::config::Config;

const DEVICE: &str = "/dev/fuse";

/// `CAP_SYS_ADMIN` of capabilities(7), as a bit.
const SYS_ADMIN: u64 = 1 << 21;

/// The set-user-id bit of a file's mode.
const SET_USER_ID: u32 = 0o4000;

/// Looks at the device, and at what this user needs besides.
pub(super) fn check(user: User) -> Vec<Finding> {
    let mut findings = vec![device(OpenOptions::new().read(true).write(true).open(DEVICE))];
    if user == User::Ordinary {
        findings.push(fusermount());
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    findings.extend(privileges(user, &status));
    findings
}

fn device(opened: std::io::Result<File>) -> Finding {
    match opened {
        Ok(_) => Finding::ok("device", format!("{DEVICE} can be opened")),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Finding::error(
            "device",
            format!("{DEVICE} may not be opened by this user: {error}"),
            format!("sudo chmod 666 {DEVICE}; a container may need --device {DEVICE}, too"),
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => Finding::error(
            "device",
            format!("{DEVICE} does not exist"),
            format!("sudo modprobe fuse; a container needs --device {DEVICE}"),
        ),
        Err(error) => Finding::error(
            "device",
            format!("{DEVICE} cannot be opened: {error}"),
            format!("sudo modprobe fuse; `ls -l {DEVICE}` should show a device 10, 229"),
        ),
    }
}

/// Looks for the program that mounts for ordinary users.
fn fusermount() -> Finding {
    const TOPIC: &str = "fusermount3";
    const INSTALL: &str = "install the package fuse3";
    let found = Command::new("sh")
        .args(["-c", "command -v fusermount3"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let path = match found {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        Ok(_) => return Finding::error(TOPIC, "fusermount3 is not installed", INSTALL),
        Err(error) => return Finding::error(TOPIC, format!("cannot run sh: {error}"), INSTALL),
    };
    match std::fs::metadata(&path) {
        Ok(file) if file.uid() == 0 && file.mode() & SET_USER_ID != 0 => {
            Finding::ok(TOPIC, format!("{path} is set-user-id root"))
        }
        Ok(_) => Finding::error(
            TOPIC,
            format!("{path} is not set-user-id root, and cannot mount"),
            format!("sudo chown root {path} && sudo chmod u+s {path}"),
        ),
        Err(error) => Finding::error(TOPIC, format!("cannot look at {path}: {error}"), INSTALL),
    }
}

/// Reads from `/proc/self/status` (proc_pid_status(5)) whether mounting is permitted at all.
fn privileges(user: User, status: &str) -> Option<Finding> {
    const TOPIC: &str = "privileges";
    let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    match user {
        User::Root => {
            let set = u64::from_str_radix(field("CapEff:")?, 16).ok()?;
            (set & SYS_ADMIN == 0).then(|| {
                Finding::error(
                    TOPIC,
                    "root may not mount here: CAP_SYS_ADMIN is missing",
                    "a container needs --cap-add SYS_ADMIN, and perhaps \
                     --security-opt apparmor=unconfined",
                )
            })
        }
        User::Ordinary => (field("NoNewPrivs:")? == "1").then(|| {
            Finding::error(
                TOPIC,
                "\"no new privileges\" is on, so that fusermount3 cannot mount",
                "leave NoNewPrivileges out of the service, and no-new-privileges out of the container",
            )
        }),
    }
}

/// Looks whether other users may be let in, when the configuration asks for that.
pub(super) fn allow_other(user: User, config: &Config) -> Option<Finding> {
    const FILE: &str = "/etc/fuse.conf";
    if user == User::Root || !config.host.allow_other {
        return None;
    }
    let text = std::fs::read_to_string(FILE).unwrap_or_default();
    if text.lines().any(|line| line.trim() == "user_allow_other") {
        return Some(Finding::ok("allow_other", format!("{FILE} permits it")));
    }
    Some(Finding::error(
        "allow_other",
        format!("allow_other is set, but {FILE} does not permit it to ordinary users"),
        format!("echo user_allow_other | sudo tee -a {FILE}; or leave allow_other out"),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_device_that_is_missing_or_forbidden_comes_with_the_command() {
        for (kind, fix) in [
            (ErrorKind::NotFound, "sudo modprobe fuse; a container needs --device /dev/fuse"),
            (ErrorKind::PermissionDenied, "sudo chmod 666 /dev/fuse"),
            (ErrorKind::Other, "10, 229"),
        ] {
            let found = device(Err(kind.into()));
            assert_eq!(found.level, Level::Error);
            assert!(found.fix.as_ref().unwrap().contains(fix), "{found:?}");
        }
    }

    #[test]
    fn what_keeps_from_mounting_is_read_from_the_status() {
        let status =
            |set: &str, none: &str| format!("Name:\tx\nCapEff:\t{set}\nNoNewPrivs:\t{none}\n");
        let all = "000001ffffffffff";
        assert_eq!(privileges(User::Root, &status(all, "1")), None);
        let few = privileges(User::Root, &status("00000000a80425fb", "0")).unwrap();
        assert!(few.text.contains("CAP_SYS_ADMIN"), "{few:?}");
        assert_eq!(privileges(User::Ordinary, &status("0", "0")), None);
        let bound = privileges(User::Ordinary, &status("0", "1")).unwrap();
        assert!(bound.fix.unwrap().contains("NoNewPrivileges"));
        assert_eq!(privileges(User::Root, ""), None);
    }
}
