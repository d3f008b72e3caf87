//! Reading `/proc/self/mountinfo`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::Mount;
use crate::mount::FILE_SYSTEM;

/// Returns our mounts among the lines of a mountinfo, in their order.
pub(super) fn parse(table: &[u8]) -> Vec<Mount> {
    table.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// Reads one line: `ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS TAGS... - TYPE SOURCE SUPER`,
/// as proc(5) has it.
fn line(line: &[u8]) -> Option<Mount> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let dash = fields.iter().skip(6).position(|field| *field == b"-")? + 6;
    if *fields.get(dash + 1)? != FILE_SYSTEM.as_bytes() {
        return None;
    }
    let device = std::str::from_utf8(fields.get(2)?).ok()?.strip_prefix("0:")?.parse().ok()?;
    Some(Mount {
        mountpoint: OsString::from_vec(unescape(fields.get(4)?)).into(),
        name: String::from_utf8_lossy(&unescape(fields.get(dash + 2)?)).into_owned(),
        device,
    })
}

/// Replaces `\OOO`, by which the kernel writes space, tab, newline and backslash.
fn unescape(mut field: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(field.len());
    while let Some((byte, rest)) = field.split_first() {
        field = rest;
        if *byte == b'\\'
            && let Some((digits, rest)) = rest.split_at_checked(3)
            && let Ok(digits) = std::str::from_utf8(digits)
            && let Ok(decoded) = u8::from_str_radix(digits, 8)
        {
            text.push(decoded);
            field = rest;
        } else {
            text.push(*byte);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const TABLE: &[u8] = b"\
22 1 254:0 / / rw,relatime - ext4 /dev/root rw\n\
90 22 0:41 / /mnt/a\\040b\\134c rw,nosuid,nodev,noexec shared:1 - fuse.omnifs a\\054b ro,user_id=0\n\
91 22 0:42 / /mnt/other rw master:2 propagate_from:1 - fuse.sshfs host: rw\n\
92 22 0:43 / /mnt/two ro - fuse.omnifs two ro\n\
93 22 0:44 / /mnt/two ro - fuse.omnifs upper ro\n\
94 22 8:1 / /mnt/odd ro - fuse.omnifs odd ro\n\
broken line\n";

    #[test]
    fn finds_ours_and_decodes_their_paths() {
        let mounts = parse(TABLE);
        let devices: Vec<u32> = mounts.iter().map(|mount| mount.device).collect();
        assert_eq!(devices, [41, 43, 44]);
        assert_eq!(mounts[0].mountpoint, Path::new("/mnt/a b\\c"));
        assert_eq!(mounts[0].name, "a,b");
        assert_eq!(mounts[2].name, "upper");
    }

    #[test]
    fn leaves_what_is_no_escape_alone() {
        for (field, text) in [("a\\", "a\\"), ("\\9xx", "\\9xx"), ("\\04", "\\04"), ("", "")] {
            assert_eq!(unescape(field.as_bytes()), text.as_bytes());
        }
        assert_eq!(unescape(b"\\303\\251"), "é".as_bytes());
    }
}
