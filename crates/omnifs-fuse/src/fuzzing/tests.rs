//! The corpora of this crate: replayed, and made.

use std::collections::BTreeMap;

use vfs_testing::corpus::{folder, replay};

use super::*;
use crate::wire::Opcode;

#[test]
fn the_corpus_of_requests_replays() {
    replay("requests", requests);
}

#[test]
fn the_corpus_of_dirents_replays() {
    replay("dirents", dirents);
}

/// Returns a message with these places of its header.
fn message(opcode: Opcode, extensions: u16, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    message.extend(u32::try_from(40 + body.len()).unwrap().to_le_bytes());
    message.extend(opcode.number().to_le_bytes());
    message.extend(0x1234_5678_9abc_u64.to_le_bytes());
    message.extend(7_u64.to_le_bytes());
    message.extend([1000_u32, 100, 4321].iter().flat_map(|word| word.to_le_bytes()));
    message.extend(extensions.to_le_bytes());
    message.extend([0; 2]);
    message.extend(body);
    message
}

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Every operation as the kernel sends it, and the mistakes that a decoder can make.
fn of_requests() -> BTreeMap<String, Vec<u8>> {
    let mut inputs = BTreeMap::new();
    for opcode in Opcode::ALL {
        let body = match opcode {
            Opcode::Init => words(&[0x2d_0000_0007, 0xffff_ffff_0002_0000, 0, 0, 0, 0, 0, 0]),
            Opcode::Lookup => b"name\0".to_vec(),
            Opcode::Forget | Opcode::Interrupt => words(&[3]),
            Opcode::BatchForget => words(&[2, 5, 1, 6, 3]),
            Opcode::Read | Opcode::Readdir | Opcode::Readdirplus => words(&[1, 2, 4096, 0, 0]),
            Opcode::Releasedir => words(&[9, 0, 0]),
            Opcode::Getxattr => [&words(&[10])[..], b"user.omnifs.error\0"].concat(),
            Opcode::Listxattr => words(&[10]),
            _ => Vec::new(),
        };
        inputs.insert(opcode.name().to_lowercase(), message(*opcode, 0, &body));
    }
    let lookup = |extensions, body: &[u8]| message(Opcode::Lookup, extensions, body);
    let mut lying = lookup(0, b"name\0");
    lying[0] += 1;
    for (name, bytes) in [
        ("nothing", Vec::new()),
        ("half-a-header", vec![0; 39]),
        ("header-alone", vec![0; 40]),
        ("length-lies", lying),
        ("name-without-end", lookup(0, b"name")),
        ("name-with-two-ends", lookup(0, b"na\0me\0")),
        ("name-that-is-empty", lookup(0, b"\0")),
        ("extension", lookup(1, b"name\0extended")),
        ("extension-past-the-start", lookup(9, b"name\0")),
        ("extension-of-everything", lookup(0xffff, b"name\0")),
        ("forgets-cut-short", message(Opcode::BatchForget, 0, &words(&[3, 5, 1, 6, 3]))),
        ("forgets-without-end", message(Opcode::BatchForget, 0, &words(&[0xffff_ffff, 5, 1]))),
        ("read-of-too-much", message(Opcode::Read, 0, &words(&[1, 2, 0x0010_0001, 0, 0]))),
        ("read-at-the-end", message(Opcode::Read, 0, &words(&[1, u64::MAX, 0x0010_0000, 0, 0]))),
        ("init-of-an-old-kernel", message(Opcode::Init, 0, &words(&[0x1f_0000_0007, 5]))),
    ] {
        inputs.insert(format!("x-{name}"), bytes);
    }
    inputs
}

fn of_dirents() -> BTreeMap<String, Vec<u8>> {
    let input = |form: u8, room: u16, names: &[&str]| {
        [&[form][..], &room.to_le_bytes(), names.join("\0").as_bytes()].concat()
    };
    let [long, wide] = ["x".repeat(255), "\u{1f980}".repeat(63)];
    let many: Vec<String> = (0..200).map(|number| format!("name-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let some = ["a", "bc", "def", "ghij", "klmno", "pqrstu", "vwxyz01", "23456789"];
    let mut inputs = BTreeMap::new();
    for (form, kind) in [(0, "names"), (1, "attributes")] {
        for (name, room, names) in [
            ("nothing", 4096, &[][..]),
            ("no-room", 0, &["a"]),
            ("some", 4096, &some),
            ("one-at-a-time", 160, &some),
            ("exactly-one", 24 + 8 + 128 * u16::from(form), &some),
            ("one-byte-short", 23 + 8 + 128 * u16::from(form), &some),
            ("many", 4096, &many),
            ("many-in-pieces", 1000, &many),
            ("longest", 0xffff, &[long.as_str(), wide.as_str(), long.as_str()]),
            ("longest-does-not-fit", 200, &["a", long.as_str()]),
            ("odd", 4096, &["-rf", " ", "...", "caf\u{e9}", "a\\b", "a/b", "\u{7f}", ".", ".."]),
        ] {
            inputs.insert(format!("{kind}-{name}"), input(form, room, names));
        }
    }
    inputs
}

#[test]
#[expect(clippy::disallowed_methods, reason = "tests read no configuration")]
fn the_corpora_are_what_is_made_here() {
    for (target, made) in [("requests", of_requests()), ("dirents", of_dirents())] {
        let folder = folder(target);
        if std::env::var_os("OMNIFS_BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            for (name, bytes) in &made {
                std::fs::write(folder.join(name), bytes).unwrap();
            }
        }
        for (name, bytes) in made {
            let there = std::fs::read(folder.join(&name)).unwrap_or_default();
            assert!(there == bytes, "{target}/{name} is another: run with OMNIFS_BLESS=1");
        }
    }
}
