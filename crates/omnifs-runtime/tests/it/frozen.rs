//! Components that were built once, and that every later host has to run.

use omnifs_runtime::artifact::Face;
use omnifs_vfs::{ByteRange, Content, Source, VfsError};

use crate::fixture::{Fixture, name};

const FILESYSTEM: &[u8] = include_bytes!("../frozen/filesystem.wasm");
const IMPORTS: &[u8] = include_bytes!("../frozen/imports.wasm");
const PROJECTION: &[u8] = include_bytes!("../frozen/projection.wasm");
const WATCHER: &[u8] = include_bytes!("../frozen/watcher.wasm");

#[tokio::test]
async fn the_first_interface() {
    let frozen = Fixture::new(FILESYSTEM);
    assert_eq!(frozen.provider.face(), Face::Filesystem);
    assert_eq!(frozen.list("").await.unwrap(), ["hello.txt"]);
    assert_eq!(frozen.text("hello.txt").await, "hello from omnifs\n");
    assert_eq!(frozen.lookup(&frozen.root, "absent").await, Ok(None));
}

#[tokio::test]
async fn the_first_interface_with_capabilities() {
    let frozen = Fixture::new(IMPORTS);
    assert_eq!(frozen.provider.face(), Face::Filesystem);
    // Nothing is granted, and without a grant nobody is asked.
    let listed = frozen.list("").await;
    assert!(!matches!(listed, Err(VfsError::Trap(_) | VfsError::Internal(_))), "{listed:?}");
    assert_eq!(frozen.provider.statistics().traps, 0);
}

#[tokio::test]
async fn the_second_interface() {
    let frozen = Fixture::new(PROJECTION);
    assert_eq!(frozen.provider.face(), Face::Projection);
    let provider = &frozen.provider;
    let root = provider.list_children(&frozen.root, None).await.unwrap().value;
    assert!(root.complete && root.next.is_none());
    let details = |text: &str| {
        let place = root.names.iter().position(|name| name == text).unwrap();
        root.found[place].details.clone().unwrap()
    };
    assert_eq!(details("sized").size, Some(6));
    assert_eq!(details("link").target.as_deref(), Some("dir/leaf"));
    assert!(details("parts").ranges);
    let object = |text: &'static str| {
        let place = root.names.iter().position(|name| name == text).unwrap();
        frozen.identified(text, &root.found[place])
    };
    let sized = provider.read_file(&object("sized"), None).await.unwrap().value;
    assert_eq!(sized, Some(Content::from("sized\n")));
    let range = Some(ByteRange { offset: 251, length: 3 });
    let part = provider.read_file(&object("parts"), range).await.unwrap().value;
    assert_eq!(part, Some(Content::from(vec![0, 1, 2])));
    let (mut cursor, mut names) = (None, 0);
    loop {
        let page = provider.list_children(&object("many"), cursor.as_deref()).await.unwrap().value;
        assert!(page.found[0].details.as_ref().unwrap().content.is_some());
        names += page.names.len();
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, 1_000);
    let errors = object("errors");
    let denied = provider.lookup_child(&errors, &name("denied")).await.unwrap().value.unwrap();
    let denied = frozen.below(&errors, "denied", &denied);
    let denied = provider.read_file(&denied, None).await;
    assert!(matches!(denied, Err(VfsError::Denied(_))), "{denied:?}");
}

#[tokio::test]
async fn a_watcher() {
    let frozen = Fixture::new(WATCHER);
    assert_eq!(frozen.provider.face(), Face::Projection);
    assert!(frozen.provider.outdates());
}
