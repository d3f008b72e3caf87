//! Listings that come in pages.

use std::time::Duration;

use omnifs_vfs::{Caching, Details, NodeId, Settings, VfsError};

use crate::rig::{Rig, TTL};

/// Returns a tree whose root lists `names` names, `page` at a time, and tells what they are.
fn rig(names: usize, page: usize) -> Rig {
    let rig = Rig::with(Settings { ttl: TTL, ..Settings::default() });
    for number in 0..names {
        let path = format!("f{number:03}");
        rig.source
            .file(&path, "12345")
            .tell(&path, Details { size: Some(5), ..Details::default() });
    }
    rig.source.page(page);
    rig
}

/// Reads `handle` once from `cookie` on; returns the names and where they end.
async fn read(rig: &Rig, handle: u64, cookie: u64) -> Result<(Vec<String>, u64), VfsError> {
    let mut reader = rig.tree.read_directory(handle, cookie).await?;
    let (mut names, mut end) = (Vec::new(), cookie);
    while let Some(entry) = reader.peek() {
        names.push(entry.name.to_owned());
        end = entry.cookie;
        reader.advance();
    }
    Ok((names, end))
}

async fn read_all(rig: &Rig, handle: u64) -> Vec<String> {
    let (mut all, mut cookie) = (Vec::new(), 0);
    loop {
        let (names, end) = read(rig, handle, cookie).await.unwrap();
        if names.is_empty() {
            return all;
        }
        all.extend(names);
        cookie = end;
    }
}

/// > A listing is shown as its pages come: the first names before the last page was asked for.
#[tokio::test]
async fn names_are_shown_before_the_last_page_is_asked_for() {
    let rig = rig(30, 10);
    let handle = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    assert_eq!(rig.source.calls().listings, 1);
    assert_eq!(handle.caching, Caching::Nothing, "what it will be nobody knows");
    let (names, end) = read(&rig, handle.id, 0).await.unwrap();
    assert_eq!((names[0].as_str(), names[1].as_str(), names.len()), (".", "..", 12));
    assert_eq!(rig.source.calls().listings, 1);
    let (names, _) = read(&rig, handle.id, end).await.unwrap();
    assert_eq!(names.first().unwrap(), "f010");
    rig.settle().await;
    assert_eq!(rig.source.calls().listings, 3, "the next page comes while this one is read");
    let all = read_all(&rig, handle.id).await;
    assert_eq!((all.len(), all[31].as_str()), (32, "f029"));
    assert_eq!(rig.source.calls().listings, 3);
    assert_eq!(rig.list(NodeId::ROOT).await.len(), 30);
    assert_eq!(rig.source.calls().listings, 3, "and all of it is kept");
}

#[tokio::test]
async fn names_of_pages_that_came_are_known() {
    let rig = rig(30, 10);
    let _handle = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    let entry = rig.entry(NodeId::ROOT, "f003").await;
    assert_eq!((entry.attributes.size, rig.source.calls().lookups), (5, 0));
    rig.entry(NodeId::ROOT, "f017").await;
    assert_eq!(rig.source.calls().lookups, 1, "not listed yet: asked for");
}

#[tokio::test]
async fn readers_share_the_pages_and_whoever_leaves_ends_nothing() {
    let rig = rig(30, 10);
    let first = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    read(&rig, first.id, 0).await.unwrap();
    rig.tree.release_directory(first.id);
    let (second, third) = (
        rig.tree.open_directory(NodeId::ROOT).await.unwrap(),
        rig.tree.open_directory(NodeId::ROOT).await.unwrap(),
    );
    assert_eq!(rig.source.calls().listings, 1, "nobody read on");
    let (second, third) = tokio::join!(read_all(&rig, second.id), read_all(&rig, third.id));
    assert_eq!((second.len(), &second), (32, &third));
    assert_eq!(rig.source.calls().listings, 3);
}

/// > A page that fails is an error where its names would be, and no end; who reads on asks again.
#[tokio::test]
async fn a_page_that_fails_is_no_end() {
    let rig = rig(30, 10);
    let handle = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    rig.source.fail(Some(VfsError::Upstream("503".to_owned())));
    let (_, end) = read(&rig, handle.id, 0).await.unwrap();
    assert!(matches!(read(&rig, handle.id, end).await, Err(VfsError::Upstream(_))));
    let again = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    assert_eq!(read(&rig, again.id, 0).await.unwrap().0.len(), 12, "what is there is served");
    rig.source.fail(None);
    assert_eq!(read_all(&rig, handle.id).await.len(), 32);
}

#[tokio::test]
async fn a_listing_that_is_there_is_refreshed_as_a_whole() {
    let rig = rig(30, 10);
    let handle = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    let before = read_all(&rig, handle.id).await;
    let (_, cookie) = read(&rig, handle.id, 0).await.unwrap();
    rig.clock.advance(TTL);
    let stale = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    rig.settle().await;
    assert_eq!(rig.source.calls().listings, 6);
    let fresh = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    assert_eq!(read_all(&rig, fresh.id).await, before);
    assert_eq!(read_all(&rig, stale.id).await, before);
    let (rest, _) = read(&rig, fresh.id, cookie).await.unwrap();
    assert!(rest.is_empty(), "the same names have the same places: {rest:?}");
}

#[tokio::test]
async fn what_was_begun_before_a_refresh_by_hand_is_not_believed() {
    let rig = rig(30, 10);
    let handle = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    read(&rig, handle.id, 0).await.unwrap();
    rig.tree.expire("/");
    let new = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    assert_eq!(rig.source.calls().listings, 2, "from the first page on");
    assert_eq!(read_all(&rig, handle.id).await.len(), 32, "who reads goes on");
    assert_eq!(read_all(&rig, new.id).await.len(), 32);
}

#[tokio::test]
async fn names_and_bytes_of_all_pages_count_together() {
    let settings = Settings { names: 15, ttl: TTL, ..Settings::default() };
    let rig = Rig::with(settings);
    for number in 0..20 {
        rig.source.file(&format!("f{number}"), "x");
    }
    rig.source.page(10);
    let handle = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    let (_, end) = read(&rig, handle.id, 0).await.unwrap();
    let error = read(&rig, handle.id, end).await.unwrap_err();
    assert_eq!(error, VfsError::ListingTooLarge { names: 20, limit: 15 });
}

#[tokio::test(start_paused = true)]
async fn a_slow_page_comes_for_whoever_asks_next() {
    let rig = rig(20, 10);
    let handle = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    rig.source.slow_list("", Duration::from_secs(15));
    let (_, end) = read(&rig, handle.id, 0).await.unwrap();
    let answer = Settings::default().answer;
    assert!(tokio::time::timeout(answer, read(&rig, handle.id, end)).await.is_err());
    let (names, _) = read(&rig, handle.id, end).await.unwrap();
    assert_eq!((names.len(), rig.source.calls().listings), (10, 2));
}
