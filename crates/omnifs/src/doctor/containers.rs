//! Whether mounts that are made in a container are seen outside.

use std::path::Path;

use super::Finding;
use crate::config::Config;

const TOPIC: &str = "propagation";

/// What container engines leave inside: docker, podman, systemd-nspawn and others.
const MARKS: [&str; 3] = ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"];

/// Looks at the file systems that mounts are made on, when this is a container.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    if !MARKS.iter().any(|mark| Path::new(mark).exists()) {
        return Vec::new();
    }
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    config.enabled().map(|provider| judge(&table, &provider.mount)).collect()
}

fn judge(table: &str, mount: &Path) -> Finding {
    let shown = mount.display();
    if is_shared(table, mount) {
        return Finding::ok(TOPIC, format!("{shown} is seen outside of the container, too"));
    }
    let above = mount.parent().unwrap_or(mount).display();
    Finding::warning(
        TOPIC,
        format!("{shown} is seen inside of this container alone"),
        format!("to see it outside, start the container with -v {above}:{above}:rshared"),
    )
}

/// Reads from mountinfo (proc_pid_mountinfo(5)) whether the file system that holds `path`
/// passes mounts on. The mount itself, made by a daemon already, says nothing about that.
fn is_shared(table: &str, path: &Path) -> bool {
    let outer = table.lines().filter_map(|line| {
        let (mount, _) = line.split_once(" - ")?;
        let mut fields = mount.split(' ');
        let at = Path::new(fields.nth(4)?);
        let holds = at != path && path.starts_with(at);
        holds.then(|| (at.as_os_str().len(), fields.any(|field| field.starts_with("shared:"))))
    });
    // Of two at the same place the later covers the earlier.
    outer.max_by_key(|(length, _)| *length).is_some_and(|(_, shared)| shared)
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn the_innermost_file_system_decides() {
        let table = "\
1 0 0:1 / / rw - overlay overlay rw
2 1 0:2 / /omnifs rw,relatime shared:7 master:1 - ext4 /dev/a rw
3 2 0:3 / /omnifs/p ro - fuse.omnifs p ro
4 1 0:4 / /omnifs-not rw - ext4 /dev/b rw
";
        assert_eq!(judge(table, Path::new("/omnifs/p")).level, Level::Ok);
        let alone = judge(table, Path::new("/omnifs-not/p"));
        assert_eq!(alone.level, Level::Warning);
        assert!(alone.fix.unwrap().ends_with("-v /omnifs-not:/omnifs-not:rshared"));
        assert_eq!(judge(table, Path::new("/home/x")).level, Level::Warning);
    }
}
