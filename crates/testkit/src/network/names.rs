//! The files in `/etc` that say which names a network has.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::IpAddr;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use tempfile::TempDir;

/// The table of names, and the directory whose files are mounted over those in `/etc`.
#[derive(Debug)]
pub(super) struct Names {
    directory: TempDir,
    table: BTreeMap<String, Vec<IpAddr>>,
    /// The file's size, which never shrinks.
    size: usize,
}

impl Names {
    pub(super) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("omnifs-net-").tempdir();
        let directory = directory.expect("cannot make a temporary directory");
        for (name, text) in [
            ("hosts", ""),
            ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
            ("resolv.conf", ""),
            // Without it a name has the addresses of its first line alone.
            ("host.conf", "multi on\n"),
        ] {
            fs::write(directory.path().join(name), text).expect("cannot write");
        }
        let mut names = Self { directory, table: BTreeMap::new(), size: 0 };
        names.table.insert("localhost".to_owned(), vec![IpAddr::from([127, 0, 0, 1])]);
        names.write();
        names
    }

    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn get(&self, name: &str) -> Vec<IpAddr> {
        self.table.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn set(&mut self, name: &str, addresses: Vec<IpAddr>) {
        self.table.insert(name.to_owned(), addresses);
        self.write();
    }

    /// Writes the table in one go over what was there, padded to the old size: who resolves a
    /// name meanwhile must not find an empty or half a file, and another file would not be
    /// the mounted one.
    fn write(&mut self) {
        let mut text = String::new();
        for (name, addresses) in &self.table {
            for address in addresses {
                writeln!(text, "{address} {name}").expect("a text takes it");
            }
        }
        self.size = self.size.max(text.len());
        let padded = format!("{text:\n<width$}", width = self.size);
        let file = File::options().write(true).open(self.directory.path().join("hosts"));
        let written = file.and_then(|file| file.write_all_at(padded.as_bytes(), 0));
        written.expect("cannot write the hosts file");
    }
}
