//! A certificate authority, by openssl(1).

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::run::run;

/// The files of a certificate, which last as long as the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate in PEM.
    pub chain: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// A key and a certificate that signs others.
#[derive(Debug)]
pub(super) struct Authority {
    directory: TempDir,
    file: PathBuf,
    issued: AtomicU32,
}

/// The kind of key: small and fast to make.
const KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

impl Authority {
    pub(super) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("omnifs-ca-").tempdir();
        let directory = directory.expect("cannot make a temporary directory");
        let file = directory.path().join("ca.pem");
        let authority = Self { directory, file, issued: AtomicU32::new(0) };
        let usage = "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign";
        let config = authority.config("ca", usage);
        authority.request(&config, "ca", &["-x509", "-days", "30"]);
        authority
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    #[track_caller]
    pub(super) fn certificate(&self, names: &[&str]) -> Certificate {
        let (name, config) = self.prepare(names);
        let signing = ["-x509", "-days", "30", "-CA", "ca.pem", "-CAkey", "ca.key"];
        self.request(&config, &name, &signing);
        self.files(&name)
    }

    /// `openssl ca` is the one command whose every version takes dates of the past.
    #[track_caller]
    pub(super) fn expired(&self, names: &[&str]) -> Certificate {
        let (name, config) = self.prepare(names);
        self.request(&config, &name, &[]);
        let pem = format!("{name}.pem");
        let request = format!("{name}.csr");
        fs::rename(self.at(&pem), self.at(&request)).expect("the request exists");
        fs::write(self.at("index"), "").expect("cannot write");
        let mut openssl = self.openssl("ca", &config);
        openssl.args(["-batch", "-notext", "-extensions", "extensions"]);
        openssl.args(["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"]);
        let _done = run(openssl.args(["-in", &request, "-out", &pem])).expect_code(0);
        self.files(&name)
    }

    /// Returns the next file's name and the configuration of a certificate for these names.
    fn prepare(&self, names: &[&str]) -> (String, String) {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let kind = |name: &&str| match name.parse::<IpAddr>() {
            Ok(_) => format!("IP:{name}"),
            Err(_) => format!("DNS:{name}"),
        };
        let alternatives: Vec<String> = names.iter().map(kind).collect();
        let usage = format!(
            "basicConstraints = critical, CA:FALSE\nextendedKeyUsage = serverAuth\n\
             subjectAltName = {}",
            alternatives.join(",")
        );
        let name = number.to_string();
        let config = self.config(&name, &usage);
        (name, config)
    }

    /// Writes a configuration and returns the file's name.
    fn config(&self, name: &str, extensions: &str) -> String {
        let file = format!("{name}.cnf");
        let text = format!(
            "[req]\ndistinguished_name = name\nprompt = no\n\
             [name]\nCN = testkit {name}\n\
             [ca]\ndefault_ca = authority\n\
             [authority]\ndatabase = index\nnew_certs_dir = .\nprivate_key = ca.key\n\
             certificate = ca.pem\ndefault_md = sha256\nrand_serial = yes\npolicy = policy\n\
             [policy]\ncommonName = supplied\n\
             [extensions]\n{extensions}\n"
        );
        fs::write(self.at(&file), text).expect("cannot write");
        file
    }

    /// Makes a key, and a request or a certificate for it.
    #[track_caller]
    fn request(&self, config: &str, name: &str, signing: &[&str]) {
        let (key, pem) = (format!("{name}.key"), format!("{name}.pem"));
        let mut openssl = self.openssl("req", config);
        openssl.args(["-new", "-extensions", "extensions"]).args(KEY).args(signing);
        let _done = run(openssl.args(["-keyout", &key, "-out", &pem])).expect_code(0);
    }

    fn openssl(&self, command: &str, config: &str) -> Command {
        let mut openssl = Command::new("openssl");
        openssl.current_dir(self.directory.path()).args([command, "-config", config]);
        openssl
    }

    fn files(&self, name: &str) -> Certificate {
        let (chain, key) = (self.at(&format!("{name}.pem")), self.at(&format!("{name}.key")));
        Certificate { chain, key }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}
