//! Programs that read every file they find, and would fetch whole services by it.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Finding;
use crate::config::Config;

const TOPIC: &str = "indexers";

/// The type of our mounts, which updatedb compares as a whole.
const FILE_SYSTEM: &str = "fuse.omnifs";

const UPDATEDB: &str = "/etc/updatedb.conf";

/// Programs that index home directories: the name of the process, at most 15 bytes
/// (`TASK_COMM_LEN`), and how a directory is left out.
const INDEXERS: [(&str, &str); 4] = [
    ("baloo_file", "balooctl6 config add excludeFolders"),
    ("tracker-miner-f", "add to ignored-directories of org.freedesktop.Tracker3.Miner.Files:"),
    ("localsearch-3", "add to ignored-directories of org.freedesktop.Tracker3.Miner.Files:"),
    ("recollindex", "add to skippedPaths in ~/.recoll/recoll.conf:"),
];

/// Looks for updatedb and for indexers that run.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mounts: Vec<&Path> = config.enabled().map(|provider| provider.mount.as_path()).collect();
    if mounts.is_empty() {
        return Vec::new();
    }
    let updatedb = match std::fs::read_to_string(UPDATEDB) {
        Ok(text) => judge(&text, &mounts),
        Err(_) if is_installed("updatedb") => Finding::warning(
            TOPIC,
            format!("updatedb would read every mount: there is no {UPDATEDB}"),
            format!("echo 'PRUNEFS = \"{FILE_SYSTEM}\"' | sudo tee {UPDATEDB}"),
        ),
        Err(_) => Finding::ok(TOPIC, "no updatedb"),
    };
    let mut findings = vec![updatedb];
    let running = processes();
    for (name, leave_out) in INDEXERS {
        if running.iter().any(|process| process == name) {
            let mounts: Vec<_> = mounts.iter().map(|mount| mount.display().to_string()).collect();
            findings.push(Finding::warning(
                TOPIC,
                format!("{name} is running, and may read every mount below its directories"),
                format!("{leave_out} {}", mounts.join(" ")),
            ));
        }
    }
    findings
}

/// Reads updatedb.conf(5): our type of file system, or every mount's path, has to be there.
fn judge(text: &str, mounts: &[&Path]) -> Finding {
    let types = words(text, "PRUNEFS");
    if types.iter().any(|word| word.eq_ignore_ascii_case(FILE_SYSTEM)) {
        return Finding::ok(TOPIC, format!("updatedb leaves {FILE_SYSTEM} out"));
    }
    let paths = words(text, "PRUNEPATHS");
    if mounts.iter().all(|mount| paths.iter().any(|path| mount.starts_with(path))) {
        return Finding::ok(TOPIC, "updatedb leaves the mounts' paths out");
    }
    let fix = if types.is_empty() {
        format!("echo 'PRUNEFS = \"{FILE_SYSTEM}\"' | sudo tee -a {UPDATEDB}")
    } else {
        format!("sudo sed -i 's/^ *PRUNEFS *= *\"/&{FILE_SYSTEM} /' {UPDATEDB}")
    };
    Finding::warning(
        TOPIC,
        format!("updatedb may read every mount: {FILE_SYSTEM} is not in PRUNEFS of {UPDATEDB}"),
        fix,
    )
}

/// Returns the words of a variable's quoted value.
fn words<'a>(text: &'a str, variable: &str) -> Vec<&'a str> {
    let value = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == variable).then(|| value.trim().trim_matches('"'))
    });
    value.map(|value| value.split_whitespace().collect()).unwrap_or_default()
}

fn is_installed(program: &str) -> bool {
    let ask = format!("command -v {program}");
    let status =
        Command::new("sh").args(["-c", &ask]).stdin(Stdio::null()).stdout(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Returns the names of all processes.
fn processes() -> Vec<String> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("comm")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn updatedb_has_to_leave_the_type_or_the_paths_out() {
        let mounts = [Path::new("/omnifs/a"), Path::new("/omnifs/b")];
        let judge = |text| judge(text, &mounts);
        assert_eq!(judge("PRUNEFS=\"nfs FUSE.omnifs\"\n").level, Level::Ok);
        assert_eq!(judge("# x\n PRUNEPATHS = \"/tmp /omnifs\"\n").level, Level::Ok);
        let bad = judge("PRUNEFS = \"nfs fuse\"\nPRUNEPATHS = \"/omnifs/a\"\n");
        assert_eq!(bad.level, Level::Warning);
        assert!(bad.fix.unwrap().contains("sed -i"));
        let none = judge("# PRUNEFS=\"fuse.omnifs\"\n");
        assert!(none.fix.unwrap().starts_with("echo 'PRUNEFS = \"fuse.omnifs\"'"));
    }

    #[test]
    fn names_of_processes_fit_what_the_kernel_keeps() {
        assert!(INDEXERS.iter().all(|(name, _)| name.len() <= 15));
        assert!(!processes().is_empty());
    }
}
