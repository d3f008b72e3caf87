//! The kernel's version, and what it lacks of what omnifs uses.

use super::Finding;

const TOPIC: &str = "kernel";

/// A release of Linux.
type Release = (u32, u32);

/// The oldest that omnifs runs on.
const OLDEST: Release = (5, 15);

/// What newer kernels have, the release that brought it, and what it is for. Each is tried
/// once a mount and replaced where it is missing.
///
/// Releases: include/uapi/linux/fuse.h, the history at its top.
const FEATURES: [(&str, Release, &str); 2] = [
    ("NOTIFY_PRUNE", (6, 18), "changed files show at once, also in directories that are busy"),
    ("EXPIRE_ONLY", (6, 4), "changed files show at once, and others stay in the kernel's cache"),
];

/// Looks at the kernel that runs.
pub(super) fn check() -> Finding {
    match std::fs::read_to_string("/proc/sys/kernel/osrelease") {
        Ok(text) => judge(text.trim()),
        Err(error) => Finding::error(
            TOPIC,
            format!("cannot read the kernel's version: {error}"),
            "mount /proc: `mount -t proc proc /proc` as root",
        ),
    }
}

fn judge(text: &str) -> Finding {
    let Some(release) = release(text) else {
        let asked = "`uname -r` should begin as 6.12 does: omnifs wants Linux 5.15 or newer";
        return Finding::warning(TOPIC, format!("the kernel calls itself {text:?}"), asked);
    };
    let (major, minor) = OLDEST;
    if release < OLDEST {
        return Finding::error(
            TOPIC,
            format!("Linux {text} is too old"),
            format!("install Linux {major}.{minor} or newer"),
        );
    }
    let lacking: Vec<_> = FEATURES.iter().filter(|(_, since, _)| release < *since).collect();
    let Some((_, (major, minor), _)) = lacking.first() else {
        return Finding::ok(TOPIC, format!("Linux {text} has all that omnifs uses"));
    };
    let named: Vec<_> = lacking
        .iter()
        .map(|(name, (major, minor), use_)| format!("{name} of Linux {major}.{minor} ({use_})"))
        .collect();
    Finding::warning(
        TOPIC,
        format!("Linux {text} lacks {}", named.join(" and ")),
        format!(
            "nothing is wrong, changes only show when `ttl` is over; Linux {major}.{minor} or newer has it"
        ),
    )
}

/// Reads the first two numbers of a version.
fn release(text: &str) -> Option<Release> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_kernel_is_judged_by_its_first_two_numbers() {
        for (text, level, says) in [
            ("6.18.44-fc-v782", Level::Ok, "has all"),
            ("7.0.0-rc1", Level::Ok, "has all"),
            ("6.12-amd64", Level::Warning, "lacks NOTIFY_PRUNE of Linux 6.18"),
            ("5.15.0-91-generic", Level::Warning, "and EXPIRE_ONLY of Linux 6.4"),
            ("5.14.21", Level::Error, "too old"),
            ("mystery", Level::Warning, "calls itself"),
        ] {
            let found = judge(text);
            assert_eq!(found.level, level, "{found:?}");
            assert!(found.text.contains(says), "{found:?}");
            assert_eq!(found.fix.is_none(), level == Level::Ok, "{found:?}");
        }
    }
}
