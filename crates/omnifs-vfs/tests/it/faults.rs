//! Each single call of the source fails once: what needed it is that failure, nothing else is
//! harmed, and the next try is right.

use std::time::Duration;

use omnifs_vfs::{Lookup, Name, NodeId, NodeKind, Settings, VfsError};

use crate::rig::{Rig, TTL};

const FILES: &[(&str, &str)] = &[
    ("a", "first"),
    ("b", ""),
    ("d/c", "in d"),
    ("d/e/f", "deeper"),
    ("d/e/g", "beside it"),
    ("h/i", "last"),
];

fn failure() -> VfsError {
    VfsError::Upstream("told to".into())
}

fn rig(settings: Settings) -> Rig {
    let rig = Rig::with(settings);
    for (path, bytes) in FILES {
        rig.source.file(path, *bytes);
    }
    rig
}

fn settings(stale_if_error: Duration) -> Settings {
    let stale_while_revalidate = Duration::ZERO;
    Settings { ttl: TTL, stale_while_revalidate, stale_if_error, ..Settings::default() }
}

/// What a walk saw: files with their bytes, and how much of it failed.
#[derive(Debug, Default)]
struct Walk {
    files: Vec<(String, String)>,
    failures: usize,
}

impl Walk {
    /// Goes through everything: lists, looks up, asks for sizes and reads.
    async fn of(rig: &Rig) -> Self {
        let mut walk = Self::default();
        let mut left = vec![(NodeId::ROOT, String::new())];
        while let Some((directory, path)) = left.pop() {
            let handle = match rig.tree.open_directory(directory).await {
                Ok(handle) => handle,
                Err(error) => {
                    walk.failed(&error);
                    continue;
                }
            };
            let mut names = Vec::new();
            let mut reader = rig.tree.read_directory(handle.id, 0).await.unwrap();
            while let Some(entry) = reader.peek() {
                names.push(entry.name.to_owned());
                reader.advance();
            }
            rig.tree.release_directory(handle.id);
            for name in names.iter().filter(|name| !name.starts_with('.')) {
                let below = format!("{path}{name}");
                match walk.entry(rig, directory, name).await {
                    Some((node, NodeKind::Directory)) => left.push((node, format!("{below}/"))),
                    Some((node, NodeKind::File)) => walk.read(rig, node, below).await,
                    Some((_, NodeKind::Symlink)) | None => {}
                }
            }
        }
        walk.files.sort();
        walk
    }

    fn failed(&mut self, error: &VfsError) {
        assert_eq!(*error, failure(), "the failure and no other");
        self.failures += 1;
    }

    async fn entry(&mut self, rig: &Rig, parent: NodeId, name: &str) -> Option<(NodeId, NodeKind)> {
        match rig.tree.lookup(parent, &Name::from_provider(name).unwrap()).await {
            Ok(Lookup::Found(entry)) => Some((entry.node, entry.attributes.kind)),
            Ok(other) => panic!("{name} is listed: {other:?}"),
            Err(error) => {
                self.failed(&error);
                None
            }
        }
    }

    async fn read(&mut self, rig: &Rig, file: NodeId, path: String) {
        let size = match rig.tree.attributes(file).await {
            Ok(attributes) => attributes.size,
            Err(error) => return self.failed(&error),
        };
        match rig.read(file).await {
            Ok(bytes) => {
                assert_eq!(bytes.len() as u64, size, "{path}");
                self.files.push((path, String::from_utf8(bytes.to_vec()).unwrap()));
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Whether everything is there; all of it that is there is right.
    fn is_whole(&self) -> bool {
        for (path, bytes) in &self.files {
            assert!(FILES.contains(&(path, bytes)), "{path} has {bytes:?}");
        }
        self.files.len() == FILES.len()
    }
}

/// > A failure is never shown as absence: no tool ends with success on a short answer.
#[tokio::test]
async fn each_call_that_fails_is_one_failure_and_the_next_try_is_right() {
    let mut nth = 0;
    loop {
        nth += 1;
        let rig = rig(settings(Duration::ZERO));
        rig.source.fail_nth(nth, failure());
        let walk = Walk::of(&rig).await;
        assert_eq!(walk.is_whole(), walk.failures == 0, "call {nth}: {walk:?}");
        if !rig.source.has_failed() {
            break;
        }
        rig.clock.advance(Duration::from_secs(2));
        let again = Walk::of(&rig).await;
        assert!(again.is_whole() && again.failures == 0, "call {nth}: {again:?}");
    }
    assert!(nth > FILES.len() as u64, "{nth} calls");
}

#[tokio::test]
async fn each_refresh_that_fails_is_not_noticed_while_the_old_answer_may_serve() {
    let mut nth = 0;
    loop {
        nth += 1;
        let rig = rig(settings(Duration::from_secs(3_600)));
        assert!(Walk::of(&rig).await.is_whole());
        rig.clock.advance(TTL * 2);
        rig.source.fail_nth(nth, failure());
        let walk = Walk::of(&rig).await;
        assert!(walk.is_whole() && walk.failures == 0, "call {nth}: {walk:?}");
        if !rig.source.has_failed() {
            break;
        }
        rig.clock.advance(TTL * 2);
        assert!(Walk::of(&rig).await.is_whole());
    }
    assert!(nth > 3, "{nth} calls");
}
