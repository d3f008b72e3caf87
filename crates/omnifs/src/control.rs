//! The control socket: how commands talk to the daemon.
//!
//! HTTP over a Unix socket that only its owner can reach: `GET /v1/status` answers a
//! [`Status`], `GET /v1/errors` the failures, `GET /v1/caches` what is kept, `GET /v1/activity` and
//! `GET /metrics` what the providers did ([`activity`], [`metrics`]), `POST /v1/explain` what
//! is known of a [`Place`]; `POST /v1/refresh` believes nothing of one any more, `POST /v1/clear`
//! keeps nothing of it either. `POST /v1/stat`, `/v1/list` and `/v1/read` answer what a mount would:
//! JSON, but for the bytes of a file, or 422 with a [`Refusal`]. `POST /v1/reload` applies the
//! configuration and `POST /v1/stop` ends the daemon.

pub(crate) mod activity;
pub(crate) mod client;
pub(crate) mod metrics;
pub(crate) mod server;

use omnifs_vfs::{AnsweredBy, NodeKind};
use serde::{Deserialize, Serialize};

/// The version of [`Status`] as JSON.
pub(crate) const SCHEMA: u32 = 1;

/// What `omnifs status --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// [`SCHEMA`].
    pub(crate) schema: u32,
    /// The daemon's process.
    pub(crate) pid: i32,
    /// The daemon's version, which may not be this program's.
    pub(crate) version: String,
    /// The providers, in the order of the configuration.
    pub(crate) providers: Vec<ProviderStatus>,
    /// Whether they are served without mounts; not written when it is not so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) no_mount: bool,
}

/// One provider of a [`Status`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProviderStatus {
    /// Its name.
    pub(crate) name: String,
    /// Its component.
    pub(crate) path: String,
    /// Its mount.
    pub(crate) mount: String,
    /// Whether it serves.
    pub(crate) state: State,
    /// Why it does not.
    pub(crate) error: Option<Trouble>,
    /// Which face of the contract it has.
    pub(crate) face: u32,
    /// Instances now.
    pub(crate) instances: u64,
    /// Traps since it was loaded.
    pub(crate) traps: u64,
    /// The hosts that it asked.
    pub(crate) http: Vec<UpstreamStatus>,
    /// What its cache holds.
    pub(crate) cache: CacheStatus,
    /// What it takes of the daemon's memory.
    #[serde(default)]
    pub(crate) memory: MemoryStatus,
    /// How its watcher fares.
    #[serde(default)]
    pub(crate) watch: WatchStatus,
}

/// A call that failed, of `omnifs errors`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallFailure {
    /// When, in seconds since 1970.
    pub(crate) at: u64,
    /// Whose call.
    pub(crate) provider: String,
    /// The function of the contract.
    pub(crate) op: String,
    /// What it was about, below the mount.
    pub(crate) path: String,
    /// The same from the provider's root.
    pub(crate) inside: String,
    /// What a program got that asked for it: `EACCES`.
    pub(crate) errno: String,
    /// Why.
    pub(crate) reason: String,
    /// What helps.
    pub(crate) remedy: String,
    /// Whether there was an answer all the same, which may not be all.
    pub(crate) partial: bool,
    /// How often it happened in a row.
    pub(crate) times: u64,
    /// Names the call, in the log as well.
    pub(crate) request: String,
    /// What the call asked upstream.
    pub(crate) exchanges: Exchanges,
}

/// What a call asked upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exchanges {
    /// In the order of the ends.
    pub(crate) first: Vec<ExchangeReport>,
    /// How many more there were.
    pub(crate) more: u64,
}

/// One request to an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExchangeReport {
    /// The method.
    pub(crate) method: String,
    /// Where it went, after redirects.
    pub(crate) url: String,
    /// The status of the answer.
    pub(crate) status: Option<u16>,
    /// Why there was no answer.
    pub(crate) failure: Option<String>,
    /// How long it took, in milliseconds.
    pub(crate) milliseconds: u64,
    /// Who answered.
    pub(crate) by: AnsweredBy,
    /// The answer's `ETag`.
    pub(crate) etag: Option<String>,
}

/// A path of a provider, for `POST /v1/explain` and `POST /v1/refresh`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The provider.
    pub(crate) provider: String,
    /// The path from its root.
    pub(crate) path: String,
}

/// What `POST /v1/explain` answers: what the daemon knows without asking anybody; nothing when no
/// name on the way was looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The node's number; of a file it stands for one version.
    pub(crate) node: u64,
    /// Whether it is a directory.
    pub(crate) directory: bool,
    /// The exact size in bytes of a file, if it is known.
    pub(crate) size: Option<u64>,
    /// Where a symbolic link leads to.
    pub(crate) target: Option<String>,
    /// The URL that a person would open.
    pub(crate) source: Option<String>,
    /// When the bytes or names that are kept were fetched, in seconds since 1970.
    pub(crate) fetched_at: Option<u64>,
    /// Until when the answer is fresh, in seconds since 1970.
    pub(crate) fresh_until: Option<u64>,
    /// Whether it is past that.
    pub(crate) stale: bool,
    /// Whether something failed while it was made.
    pub(crate) partial: bool,
    /// Names the call that made what is kept.
    pub(crate) request: Option<String>,
    /// What that call asked upstream.
    pub(crate) exchanges: Exchanges,
}

/// What `omnifs cache stats --json` prints, and `GET /v1/caches` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Caches {
    /// [`SCHEMA`].
    pub(crate) schema: u32,
    /// Those of the providers, in the order of the configuration.
    pub(crate) providers: Vec<CacheReport>,
}

/// What is kept of one provider's answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CacheReport {
    /// Its name.
    pub(crate) provider: String,
    /// Bytes in memory; nothing while no daemon runs.
    pub(crate) memory: Option<u64>,
    /// What is on disk; nothing when that is switched off or not possible.
    pub(crate) disk: Option<DiskReport>,
}

/// What a disk cache holds and did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DiskReport {
    /// Bytes of its files.
    pub(crate) bytes: u64,
    /// Bytes that it may have.
    pub(crate) budget: Option<u64>,
    /// What it did since the daemon started.
    pub(crate) counts: Option<DiskCounts>,
    /// Why nothing can be written at the moment.
    pub(crate) trouble: Option<String>,
}

/// What a disk cache did since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DiskCounts {
    /// Records that can be found.
    pub(crate) records: u64,
    /// Records that were looked for and found.
    pub(crate) hits: u64,
    /// Records that were looked for and not found.
    pub(crate) misses: u64,
    /// Records that were not as they had been written, and are fetched again.
    pub(crate) damaged: u64,
    /// Records that were not kept, as the disk was slower than they came, or full.
    pub(crate) dropped: u64,
}

/// What `POST /v1/refresh` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refreshed {
    /// Whether anything was known that is not believed any more.
    pub(crate) known: bool,
}

/// What `POST /v1/reload` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reloaded {
    /// What is wrong with the configuration, rendered for the terminal; nothing changed then.
    pub(crate) mistake: Option<String>,
}

/// Whether a provider serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It serves.
    Ready,
    /// It serves, but not well.
    Degraded,
    /// It could not be loaded or mounted, or its mount died.
    Failed,
    /// Somebody unmounted it.
    Unmounted,
    /// It is being loaded.
    Loading,
}

impl State {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Ready, Self::Degraded, Self::Failed, Self::Unmounted, Self::Loading];

    /// Returns the word of the status.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Unmounted => "unmounted",
            Self::Loading => "loading",
        }
    }
}

/// Why something does not work, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trouble {
    /// What is wrong.
    pub(crate) reason: String,
    /// What to do.
    pub(crate) remedy: String,
}

/// The requests to one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UpstreamStatus {
    /// Its name.
    pub(crate) host: String,
    /// Requests so far.
    pub(crate) requests: u64,
    /// Those that failed.
    pub(crate) errors: u64,
    /// Until when it asked to be left alone, in seconds since 1970.
    pub(crate) limited_until: Option<u64>,
}

/// The bytes that a cache holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CacheStatus {
    /// In memory.
    pub(crate) memory: u64,
    /// On disk.
    pub(crate) disk: u64,
}

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    File,
    Directory,
    Symlink,
}

impl Kind {
    /// Returns the word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "link",
        }
    }
}

impl From<NodeKind> for Kind {
    fn from(kind: NodeKind) -> Self {
        match kind {
            NodeKind::File => Self::File,
            NodeKind::Directory => Self::Directory,
            NodeKind::Symlink => Self::Symlink,
        }
    }
}

/// What `POST /v1/stat` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stat {
    pub(crate) kind: Kind,
    /// `st_ino`.
    pub(crate) inode: u64,
    /// In bytes.
    pub(crate) size: u64,
    /// In seconds since 1970.
    pub(crate) modified: u64,
    /// Where a link leads to.
    pub(crate) target: Option<String>,
}

/// A name in a directory, of `POST /v1/list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) name: String,
    /// What it stands for, if that is known.
    pub(crate) kind: Option<Kind>,
}

/// Why a path cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    /// What a program would get: `ENOENT`.
    pub(crate) errno: String,
    pub(crate) reason: String,
}

/// What a provider takes of the daemon's memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemoryStatus {
    /// The linear memory of its instances.
    pub(crate) instances: u64,
    /// Contents of files and listings.
    pub(crate) cache: u64,
    /// What the kernel knows of its tree.
    pub(crate) nodes: u64,
    /// Answers of its upstreams.
    pub(crate) http: u64,
}

/// How a provider's watcher fares, and what the provider says is outdated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WatchStatus {
    /// What it does.
    pub(crate) state: Watching,
    /// How often it was started again.
    pub(crate) restarts: u64,
    /// How often something was said to be outdated, in whichever call.
    pub(crate) outdated: u64,
    /// How often that could be no node.
    pub(crate) dropped: u64,
}

/// What a watcher does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Watching {
    /// There is none, or it is not served.
    #[default]
    None,
    /// It runs.
    Running,
    /// It ended and waits to be started again.
    Waiting,
}

impl Watching {
    /// Returns the word of the status.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Running => "running",
            Self::Waiting => "waiting",
        }
    }
}

impl MemoryStatus {
    /// Returns all of it.
    pub(crate) fn total(&self) -> u64 {
        self.instances + self.cache + self.nodes + self.http
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_has_the_shape_of_the_manual() {
        let status = Status {
            schema: SCHEMA,
            pid: 1,
            version: "1.0.0".to_owned(),
            providers: vec![ProviderStatus {
                name: "n".to_owned(),
                path: "/n.wasm".to_owned(),
                mount: "/omnifs/n".to_owned(),
                state: State::Failed,
                error: Some(Trouble { reason: "r".to_owned(), remedy: "m".to_owned() }),
                face: 1,
                instances: 2,
                traps: 3,
                http: Vec::new(),
                cache: CacheStatus { memory: 4, disk: 0 },
                memory: MemoryStatus { instances: 5, cache: 4, nodes: 6, http: 7 },
                watch: WatchStatus {
                    state: Watching::Waiting,
                    restarts: 8,
                    outdated: 9,
                    dropped: 1,
                },
            }],
            no_mount: false,
        };
        let expected = concat!(
            r#"{"schema":1,"pid":1,"version":"1.0.0","providers":[{"name":"n","path":"/n.wasm","#,
            r#""mount":"/omnifs/n","state":"failed","error":{"reason":"r","remedy":"m"},"face":1,"#,
            r#""instances":2,"traps":3,"http":[],"cache":{"memory":4,"disk":0},"#,
            r#""memory":{"instances":5,"cache":4,"nodes":6,"http":7},"#,
            r#""watch":{"state":"waiting","restarts":8,"outdated":9,"dropped":1}}]}"#
        );
        assert_eq!(serde_json::to_string(&status).unwrap(), expected);
    }

    #[test]
    fn the_words_are_those_of_the_json() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
        for state in [Watching::None, Watching::Running, Watching::Waiting] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
    }
}
