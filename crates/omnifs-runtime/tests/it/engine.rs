//! Compiled code that is kept between runs.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use omnifs_runtime::{Engine, EngineError, EngineOptions, Limits};
use testkit::guests;

use crate::fixture::Fixture;

/// Returns the files of compiled code.
fn compiled(directory: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn inodes(files: &BTreeSet<PathBuf>) -> Vec<u64> {
    files.iter().map(|file| fs::metadata(file).unwrap().ino()).collect()
}

fn engine(directory: &Path) -> Engine {
    Engine::new(EngineOptions {
        compiled: Some(directory.to_path_buf()),
        ..EngineOptions::default()
    })
    .unwrap()
}

async fn load_and_read(directory: &Path) {
    let hello = Fixture::on(&engine(directory), guests::HELLO, Limits::default());
    assert_eq!(hello.text("hello.txt").await, "hello from omnifs\n");
}

#[tokio::test]
async fn a_second_load_uses_what_the_first_compiled() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("cache/compiled");
    load_and_read(&directory).await;
    let first = compiled(&directory);
    assert_eq!(first.len(), 1, "{first:?}");
    let before = inodes(&first);
    load_and_read(&directory).await;
    assert_eq!(compiled(&directory), first);
    assert_eq!(inodes(&first), before, "compiled anew");
}

#[tokio::test]
async fn what_was_kept_and_is_damaged_is_compiled_anew() {
    let home = tempfile::tempdir().unwrap();
    load_and_read(home.path()).await;
    let files = compiled(home.path());
    let file = files.first().unwrap();
    let whole = fs::read(file).unwrap();
    for damaged in [&[][..], b"nothing of the sort", &whole[..whole.len() / 2]] {
        fs::write(file, damaged).unwrap();
        load_and_read(home.path()).await;
        assert_eq!(fs::read(file).unwrap().len(), whole.len());
    }
    assert_eq!(compiled(home.path()), files);
}

#[tokio::test]
async fn where_nothing_can_be_kept_it_is_compiled_each_time() {
    let home = tempfile::tempdir().unwrap();
    let engine = engine(home.path());
    // It is gone: root may write to any directory that is there.
    fs::remove_dir(home.path()).unwrap();
    let hello = Fixture::on(&engine, guests::HELLO, Limits::default());
    assert_eq!(hello.text("hello.txt").await, "hello from omnifs\n");
    assert!(!home.path().exists());
}

#[test]
fn the_directory_is_private_whoever_made_it() {
    let home = tempfile::tempdir().unwrap();
    let (fresh, open) = (home.path().join("a/b"), home.path().join("open"));
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
    for directory in [fresh, open] {
        engine(&directory);
        let mode = fs::metadata(&directory).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700, "{}", directory.display());
    }
}

#[test]
fn a_place_that_cannot_be_a_directory_is_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let outcome =
        Engine::new(EngineOptions { compiled: Some(file.clone()), ..EngineOptions::default() });
    let Err(error @ EngineError::Directory { .. }) = outcome else { panic!("{outcome:?}") };
    assert!(error.to_string().contains(&file.display().to_string()), "{error}");
}
