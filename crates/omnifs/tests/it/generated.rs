//! A provider that the test makes up: nothing in the host can know its names or bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use testkit::{Sandbox, run};

use crate::{OMNIFS, config_of};

const BIG: usize = 60 << 20;

/// A generator of numbers, xorshift64*; the guest has the same one for its big file.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn word(&mut self) -> String {
        const LETTERS: &[&str] = &["a", "Z", "7", "-", "_", " ", ".", "ß", "日", "🦀", "'", "\\"];
        let length = 3 + self.next() % 20;
        let letters = (0..length).map(|_| LETTERS[self.next() as usize % LETTERS.len()]);
        format!("n{}{}", letters.collect::<String>(), self.next() % 100_000)
    }
}

#[derive(Debug)]
enum Content {
    Directory,
    Bytes(Vec<u8>),
    /// `BIG` bytes from this seed.
    Big(u64),
}

#[derive(Debug)]
struct Item {
    parent: u64,
    name: String,
    inode: u64,
    content: Content,
}

/// Makes up a tree of depth 3 with the inodes and contents that are worth a test.
fn tree(random: &mut Random) -> Vec<Item> {
    let mut items = Vec::new();
    let mut put = |parent, name: String, inode, content| {
        items.push(Item { parent, name, inode, content });
    };
    let [first, second, third] = [2, 1 << 32, u64::MAX - 1];
    put(0, random.word(), first, Content::Directory);
    put(first, random.word(), second, Content::Directory);
    put(second, random.word(), third, Content::Bytes(b"deep\n".to_vec()));
    put(0, random.word(), 5, Content::Bytes(Vec::new()));
    put(first, random.word(), 6, Content::Big(random.next() | 1));
    put(second, "empty".into(), 7, Content::Directory);
    for inode in 100..140 {
        let parent = [0, first, second][inode as usize % 3];
        let length = random.next() % 2_000;
        let bytes = (0..length).map(|_| random.next().to_le_bytes()[3]).collect();
        put(parent, random.word(), inode, Content::Bytes(bytes));
    }
    items
}

fn source(items: &[Item]) -> String {
    let mut arms = [String::new(), String::new(), String::new()];
    let mut listings: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for Item { parent, name, inode, content } in items {
        listings.entry(*parent).or_default().push(name);
        let kind = if matches!(content, Content::Directory) { "Directory" } else { "File" };
        let found = format!("LookupResult {{ inode: {inode}, kind: NodeKind::{kind} }}");
        writeln!(arms[0], "({parent}, {name:?}) => {found},").unwrap();
        match content {
            Content::Directory => {}
            Content::Bytes(bytes) => writeln!(arms[2], "{inode} => vec!{bytes:?},").unwrap(),
            Content::Big(seed) => writeln!(arms[2], "{inode} => big({seed}),").unwrap(),
        }
    }
    for (inode, names) in listings {
        writeln!(arms[1], "{inode} => &{names:?},").unwrap();
    }
    let [lookups, listings, reads] = arms;
    format!(
        "use omnifs_provider::exports::omnifs::provider::filesystem::{{Guest, LookupResult, NodeKind}};
        struct Generated;
        fn big(mut state: u64) -> Vec<u8> {{
            let mut bytes = Vec::with_capacity({BIG});
            while bytes.len() < {BIG} {{
                state ^= state >> 12; state ^= state << 25; state ^= state >> 27;
                bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
            }}
            bytes
        }}
        impl Guest for Generated {{
            fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {{
                Some(match (parent, name.as_str()) {{ {lookups} _ => return None }})
            }}
            fn list_children(inode: u64) -> Vec<String> {{
                let names: &[&str] = match inode {{ {listings} _ => &[] }};
                names.iter().map(|name| name.to_string()).collect()
            }}
            fn read_file(inode: u64) -> Option<Vec<u8>> {{
                Some(match inode {{ {reads} _ => return None }})
            }}
        }}
        omnifs_provider::export!(Generated with_types_in omnifs_provider);"
    )
}

/// Builds a provider from its source as an author does, and returns its component.
fn build(sandbox: &Sandbox, name: &str, source: &str) -> PathBuf {
    let _ = sandbox.omnifs(["init", name]).expect_code(0);
    let project = sandbox.home().join(name);
    fs::write(project.join("src/lib.rs"), source).unwrap();
    let build = ["build", "--target", "wasm32-wasip2"];
    let _ = run(sandbox.rust_command("omnifs").args(build).current_dir(&project)).expect_code(0);
    project.join(format!("target/wasm32-wasip2/release/{}.wasm", name.replace('-', "_")))
}

/// Writes the same tree as ordinary files, and returns the inode of each path.
fn copy(items: &[Item], to: &Path) -> BTreeMap<PathBuf, u64> {
    let mut places = BTreeMap::from([(0, PathBuf::new())]);
    let mut inodes = BTreeMap::new();
    for Item { parent, name, inode, content } in items {
        let path = places[parent].join(name);
        places.insert(*inode, path.clone());
        inodes.insert(path.clone(), *inode);
        match content {
            Content::Directory => fs::create_dir_all(to.join(path)).unwrap(),
            Content::Bytes(bytes) => fs::write(to.join(path), bytes).unwrap(),
            Content::Big(seed) => {
                let mut random = Random(*seed);
                let words = (0..BIG / 8).map(|_| random.next().to_le_bytes());
                fs::write(to.join(path), words.flatten().collect::<Vec<u8>>()).unwrap();
            }
        }
    }
    inodes
}

#[test]
fn its_tree_is_the_tree_it_was_made_from() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let seed = u64::try_from(now % u128::from(u64::MAX)).unwrap() | 1;
    let items = tree(&mut Random(seed));
    let sandbox = Sandbox::new(OMNIFS);
    let component = build(&sandbox, "generated", &source(&items));
    sandbox.configure(&config_of(&sandbox, &[("generated", component.to_str().unwrap())], ""));
    let _ = sandbox.omnifs(["restart"]).expect_code(0);
    let mount = sandbox.root().join("mnt/generated");
    let plain = sandbox.root().join("plain");
    fs::create_dir(&plain).unwrap();
    let inodes = copy(&items, &plain);

    for program in [
        "find . -mindepth 1 -printf '%y %P %s\\n' | sed 's/^\\(d .*\\) [0-9]*$/\\1/' | sort",
        "find . -type f -print0 | sort -z | xargs -0 sha256sum",
        "tar c --sort=name --mtime=@0 --owner=0 --group=0 --mode=a+rX,u+w . | sha256sum",
        "find . -type f -size +1000c | sort",
        "find . -empty | sort",
    ] {
        let [on_mount, on_disk] = [&mount, &plain].map(|tree| {
            sandbox.shell(&format!("cd '{}' && {program}", tree.display())).expect_code(0).stdout
        });
        assert!(!on_disk.is_empty(), "{program}");
        assert_eq!(on_mount, on_disk, "{program}, seed {seed}");
    }
    let _ = sandbox
        .shell(&format!("diff -r '{}' '{}'", mount.display(), plain.display()))
        .expect_code(0);
    let copied =
        format!("cp -r '{0}' copied && diff -r copied '{1}'", mount.display(), plain.display());
    let _ = sandbox.shell(&copied).expect_code(0);
    for (path, inode) in inodes {
        let shown = fs::symlink_metadata(mount.join(&path)).unwrap().ino();
        assert_eq!(shown, inode + 1, "{}, seed {seed}", path.display());
    }
    assert_eq!(fs::symlink_metadata(&mount).unwrap().ino(), 1);
}

/// Calls its object `before` until the file `rename` is read, and `after` from then on; two
/// more children claim the inodes that none may have.
const RENAMING: &str = r#"
use std::sync::atomic::{AtomicBool, Ordering};
use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};
struct Renaming;
static RENAMED: AtomicBool = AtomicBool::new(false);
fn name() -> &'static str {
    if RENAMED.load(Ordering::SeqCst) { "after" } else { "before" }
}
impl Guest for Renaming {
    fn lookup_child(parent: u64, child: String) -> Option<LookupResult> {
        let inode = match (parent, child.as_str()) {
            (0, object) if object == name() => 77,
            (0, "rename") => 2,
            (0, "zero") => 0,
            (0, "max") => u64::MAX,
            _ => return None,
        };
        Some(LookupResult { inode, kind: NodeKind::File })
    }
    fn list_children(_: u64) -> Vec<String> {
        [name(), "rename", "zero", "max"].map(String::from).to_vec()
    }
    fn read_file(inode: u64) -> Option<Vec<u8>> {
        if inode == 2 {
            RENAMED.store(true, Ordering::SeqCst);
        }
        Some(format!("{inode}\n").into_bytes())
    }
}
omnifs_provider::export!(Renaming with_types_in omnifs_provider);
"#;

/// > `st_ino` is the provider's number and one: it is the same after a rename and a restart.
#[test]
fn an_object_keeps_its_number_over_a_rename_and_a_restart() {
    let sandbox = Sandbox::new(OMNIFS);
    let component = build(&sandbox, "renaming", RENAMING);
    // One instance: what was renamed is known to that one alone. And nothing old while something
    // fails: who looks ahead may be told of a bad number just before `before` is asked for.
    let brief = "[provider.cache]\nttl = 0\nnegative = 0\nstale_while_revalidate = 0\n\
                 stale_if_error = 0\n[provider.limits]\ninstances = 1\n";
    sandbox.configure(&config_of(&sandbox, &[("renaming", component.to_str().unwrap())], brief));
    let _ = sandbox.omnifs(["restart"]).expect_code(0);
    let mount = sandbox.root().join("mnt/renaming");
    for _ in 0..2 {
        assert_eq!(fs::metadata(mount.join("before")).unwrap().ino(), 78);
        for name in ["zero", "max"] {
            let output = sandbox.shell(&format!("LC_ALL=C stat {}/{name}", mount.display()));
            assert!(output.stderr.contains("Input/output error"), "{name}: {}", output.stderr);
        }
        assert_eq!(fs::read_to_string(mount.join("rename")).unwrap(), "2\n");
        assert_eq!(fs::metadata(mount.join("after")).unwrap().ino(), 78);
        assert!(fs::metadata(mount.join("before")).is_err());
        assert_eq!(fs::read_to_string(mount.join("after")).unwrap(), "77\n");
        let _ = sandbox.omnifs(["restart"]).expect_code(0);
    }
}
