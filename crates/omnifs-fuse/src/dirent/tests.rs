use std::cell::Cell;
use std::time::Duration;

use omnifs_vfs::{Attributes, Timestamp};
use proptest::prelude::*;
use zerocopy::FromBytes;

use super::*;

const OWNER: Owner = Owner { uid: 1, gid: 2 };

/// A listing in memory; names that start with `k` have attributes.
struct Names {
    names: Vec<String>,
    at: usize,
    counted: Cell<usize>,
}

impl Names {
    fn new(names: &[&str]) -> Self {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Self { names, at: 0, counted: Cell::new(0) }
    }
}

impl Walk for Names {
    fn peek(&self) -> Option<DirEntry<'_>> {
        let name = self.names.get(self.at)?;
        Some(DirEntry {
            cookie: self.at as u64 + 1,
            st_ino: self.at as u64 + 100,
            kind: match name.as_bytes()[0] {
                b'k' => Some(NodeKind::File),
                b'd' | b'.' => Some(NodeKind::Directory),
                _ => None,
            },
            name: name.as_str(),
        })
    }

    fn entry(&self) -> Option<Entry> {
        let name = self.names.get(self.at)?;
        name.starts_with('k').then(|| {
            self.counted.set(self.counted.get() + 1);
            let attributes = Attributes {
                st_ino: self.at as u64 + 100,
                kind: NodeKind::File,
                size: 3,
                modified: Timestamp { seconds: 1, nanoseconds: 0 },
                valid: Duration::from_secs(9),
            };
            Entry { node: NodeId(self.at as u64 + 2), attributes, valid: Duration::from_secs(5) }
        })
    }

    fn advance(&mut self) {
        self.at += 1;
    }
}

/// Name, inode, offset and type of each entry, and the node id of a full one.
fn unpack(mut bytes: &[u8], form: Form) -> Vec<(String, Dirent, u64)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let mut node = 0;
        let mut rest = bytes;
        if form == Form::Attributes {
            let (entry, tail) = EntryOut::read_from_prefix(rest).unwrap();
            node = entry.nodeid;
            rest = tail;
        }
        let (head, tail) = Dirent::read_from_prefix(rest).unwrap();
        let name = std::str::from_utf8(&tail[..head.namelen as usize]).unwrap().to_owned();
        let length = (form.head() + name.len()).next_multiple_of(8);
        found.push((name, head, node));
        bytes = &bytes[length..];
    }
    found
}

#[test]
fn names_carry_cookie_inode_and_kind() {
    let mut names = Names::new(&[".", "k1", "?", "dir"]);
    let packed = pack(&mut names, Form::Names, 4096, OWNER).unwrap();
    let found = unpack(&packed.bytes, Form::Names);
    let kinds: Vec<u32> = found.iter().map(|(_, head, _)| head.kind).collect();
    assert_eq!(kinds, [4, 8, 0, 4]);
    assert_eq!(found[3].0, "dir");
    assert_eq!((found[3].1.off, found[3].1.ino), (4, 103));
    assert!(packed.nodes.is_empty());
    assert_eq!(names.counted.get(), 0);
}

#[test]
fn full_entries_count_lookups_and_the_others_have_node_0() {
    let mut names = Names::new(&["..", "k1", "?", "k2"]);
    let packed = pack(&mut names, Form::Attributes, 4096, OWNER).unwrap();
    let nodes: Vec<u64> =
        unpack(&packed.bytes, Form::Attributes).iter().map(|(_, _, node)| *node).collect();
    assert_eq!(nodes, [0, 3, 0, 5]);
    assert_eq!(packed.nodes, [NodeId(3), NodeId(5)]);
}

#[test]
fn an_entry_that_does_not_fit_counts_no_lookup() {
    let one = (Form::Attributes.head() + 2).next_multiple_of(8);
    let mut names = Names::new(&["k1", "k2"]);
    let packed = pack(&mut names, Form::Attributes, one, OWNER).unwrap();
    assert_eq!((packed.nodes.len(), names.counted.get(), names.at), (1, 1, 1));
}

#[test]
fn a_buffer_too_small_for_one_entry_is_an_error_and_not_the_end() {
    let mut names = Names::new(&["k1"]);
    for form in [Form::Names, Form::Attributes] {
        for size in [0, 1, form.head(), form.head() + 1] {
            assert_eq!(pack(&mut names, form, size, OWNER).err(), Some(Errno::INVAL));
        }
    }
    assert_eq!(names.counted.get(), 0);
    let mut none = Names::new(&[]);
    assert!(pack(&mut none, Form::Names, 0, OWNER).unwrap().bytes.is_empty());
}

proptest! {
    #[test]
    fn every_name_comes_once_and_in_order_whatever_the_buffer(
        names in proptest::collection::vec("[kdx]\\PC{0,40}", 0..40),
        sizes in proptest::collection::vec(200usize..900, 1..8),
        full in any::<bool>(),
    ) {
        let form = if full { Form::Attributes } else { Form::Names };
        let mut walk = Names { names: names.clone(), at: 0, counted: Cell::new(0) };
        let mut seen = Vec::new();
        let mut nodes = 0;
        for size in sizes.iter().cycle() {
            // Forty characters of four bytes are the longest name here.
            let size = size + 170;
            let packed = pack(&mut walk, form, size, OWNER).unwrap();
            prop_assert!(packed.bytes.len() <= size);
            prop_assert_eq!(packed.bytes.len() % 8, 0);
            if packed.bytes.is_empty() {
                break;
            }
            nodes += packed.nodes.len();
            seen.extend(unpack(&packed.bytes, form).into_iter().map(|(name, _, _)| name));
        }
        prop_assert_eq!(seen, names);
        prop_assert_eq!(nodes, walk.counted.get());
    }
}
