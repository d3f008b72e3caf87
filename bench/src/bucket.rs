//! The tree as the listings of an object store, for the one peer that speaks to nothing else.
//!
//! They are answered as fast as nginx reads a file, which no real store does: in its favour.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::tree::{DIRECTORIES, FILES, Folder, LARGE, LARGE_NAME, SMALL};

/// Writes the listings of all prefixes that end with a slash.
pub(crate) fn plant(tree: &Path) -> Result<()> {
    let root = tree.join(".bucket");
    let small = root.join(Folder::Small.name());
    let mut directories = String::new();
    for directory in 0..DIRECTORIES {
        let prefix = format!("d{directory:03}/");
        write!(directories, "<CommonPrefixes><Prefix>{prefix}</Prefix></CommonPrefixes>")?;
        let files: String = (0..FILES)
            .map(|file| {
                object(&format!("{prefix}f{file:03}.txt"), u64::try_from(SMALL).unwrap_or(0))
            })
            .collect();
        put(&small.join(&prefix), (Folder::Small.name(), &prefix), &files)?;
    }
    put(&small, (Folder::Small.name(), ""), &directories)?;
    let large = root.join(Folder::Large.name());
    put(&large, (Folder::Large.name(), ""), &object(LARGE_NAME, LARGE))?;
    fs::write(root.join("none.xml"), listing(("none", ""), ""))?;
    Ok(())
}

fn put(folder: &Path, names: (&str, &str), content: &str) -> Result<()> {
    fs::create_dir_all(folder)?;
    Ok(fs::write(folder.join("list.xml"), listing(names, content))?)
}

fn listing((bucket, prefix): (&str, &str), content: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{bucket}</Name>\
         <Prefix>{prefix}</Prefix><Marker></Marker><MaxKeys>1000</MaxKeys><Delimiter>/</Delimiter>\
         <IsTruncated>false</IsTruncated>{content}</ListBucketResult>"
    )
}

fn object(key: &str, size: u64) -> String {
    format!(
        "<Contents><Key>{key}</Key><LastModified>2025-06-15T15:06:40.000Z</LastModified>\
         <ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag><Size>{size}</Size>\
         <StorageClass>STANDARD</StorageClass></Contents>"
    )
}
