//! Everyday tools print the same in a mount as in the same tree on a disk, for root and for an
//! ordinary user.

mod rows;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use testkit::{Output, Private, User, guests, run};

use crate::OMNIFS;

/// How many rows run at a time: they wait more than they work.
const WORKERS: usize = 3;

/// A tree that is mounted and copied, and the file of it that single rows read.
struct Tree {
    name: &'static str,
    component: &'static [u8],
    file: &'static str,
    /// How it is cached.
    cache: &'static str,
}

const TREES: [Tree; 2] = [
    // Read once and kept: the rows are about what programs see, not about how fast.
    Tree {
        name: "forest",
        component: guests::FOREST,
        file: "big.bin",
        cache: "ttl = \"1h\"\nmemory = \"128MiB\"",
    },
    // Nothing is believed for longer than a moment: each row finds everything anew.
    Tree {
        name: "hello",
        component: guests::HELLO,
        file: "hello.txt",
        cache: "ttl = \"1ms\"\nnegative = 0\nstale_while_revalidate = 0",
    },
];

/// A line of shell, and the tree that it runs in.
type Row<'a> = (&'a Tree, &'a str);

/// Both trees, mounted in `mnt` and copied to a file system in memory in `ram/plain`.
struct Trees {
    private: Private,
    user: User,
}

impl Trees {
    fn new(user: User) -> Self {
        let id = user.id();
        let prepare = format!("mkdir mnt ram && chown {id} mnt && mount -t tmpfs none ram");
        let private = Private::new(OMNIFS, user, &prepare);
        let mut config = String::new();
        for Tree { name, component, cache, .. } in &TREES {
            let path = private.bring(name, component);
            let mount = private.sandbox().root().join("mnt").join(name);
            let lines = format!("name = {name:?}\npath = {path:?}\nmount = {mount:?}");
            writeln!(config, "[[provider]]\n{lines}\n[provider.cache]\n{cache}").unwrap();
        }
        private.configure(&config);
        let _started = private.shell("omnifs start").expect_code(0);
        let trees = Self { private, user };
        trees.plant();
        trees
    }

    fn path(&self, below: &str) -> PathBuf {
        self.private.sandbox().root().join(below)
    }

    /// Writes the copies, which belong to the user as the mounts do.
    fn plant(&self) {
        let plain = self.private.from_outside(&self.path("ram/plain"));
        let hello = plain.join("hello");
        fs::create_dir_all(&hello).unwrap();
        fs::write(hello.join("hello.txt"), "hello from omnifs\n").unwrap();
        for (path, mode) in [(hello.join("hello.txt"), 0o444), (hello, 0o555)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        guests::plant_forest(&plain.join("forest")).unwrap();
        let owner = format!("{0}:{0}", self.user.id());
        let mut give = self.private.sandbox().command("chown");
        let _given = run(give.args(["-R", &owner]).arg(plain)).expect_code(0);
    }

    /// Runs a row in one of the two places of a tree.
    fn outcome(&self, place: &str, (tree, row): Row<'_>, worker: usize) -> Output {
        let out = self.path(&format!("ram/out-{worker}"));
        let seen = self.private.from_outside(&out);
        fs::create_dir(&seen).unwrap();
        chown(&seen, Some(self.user.id()), Some(self.user.id())).unwrap();
        let lines = format!("cd \"$AT\" || exit\n{}\n{row}", rows::FUNCTIONS);
        let mut shell = self.private.command(["bash", "-o", "pipefail", "-c", &lines]);
        shell
            .env("LC_ALL", "C.UTF-8")
            .env("AT", self.path(place).join(tree.name))
            .env("PLAIN", self.path("ram/plain").join(tree.name))
            .env("FILE", tree.file)
            .env("OUT", &out);
        let output = run(&mut shell);
        fs::remove_dir_all(&seen).unwrap();
        output
    }

    /// Runs a row in both places of a tree, and says what is not as it should be.
    fn compare(&self, (tree, row): Row<'_>, worker: usize) -> Option<String> {
        let here = self.outcome("mnt", (tree, row), worker);
        let there = self.outcome("ram/plain", (tree, row), worker);
        let fault = if here.stderr != there.stderr {
            format!("standard errors differ: {}\n{}", here.stderr, there.stderr)
        } else if here.bytes != there.bytes {
            let first = here.stdout.lines().zip(there.stdout.lines()).find(|(a, b)| a != b);
            format!("mounted and copied, the first lines that differ: {first:#?}")
        } else if here.status != there.status {
            format!("{} mounted, {} copied: {}", here.status, there.status, here.stderr)
        // A row that fails or says nothing in both places compares nothing.
        } else if tree.name == "forest" && (here.code() != 0 || here.bytes.is_empty()) {
            format!("no outcome: {}\n{}", here.status, here.stderr)
        } else {
            return None;
        };
        Some(format!("{row}\nin {} as {:?}: {fault}", tree.name, self.user))
    }
}

/// Runs all rows in both trees as a user.
fn compare_all(user: User) {
    let trees = Trees::new(user);
    let node = trees.private.shell("command -v node").code() == 0;
    let families = rows::FAMILIES.iter().copied().chain(node.then_some(rows::NODE));
    let all = TREES.iter().flat_map(|tree| families.clone().flatten().map(move |row| (tree, *row)));
    // Alone, and first: it reads every file, which the others find in memory.
    let first = trees.compare((&TREES[0], rows::FIRST), 0);
    let (waiting, faults) = (Mutex::new(all), Mutex::new(Vec::from_iter(first)));
    let next = || waiting.lock().unwrap().next();
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (trees, faults) = (&trees, &faults);
            scope.spawn(move || {
                while let Some(row) = next() {
                    let fault = trees.compare(row, worker);
                    faults.lock().unwrap().extend(fault);
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} rows:\n\n{}", faults.len(), faults.join("\n\n"));
}

/// > A size is exactly the number of bytes that a read returns, for every tool; none is guessed.
#[test]
fn every_row_is_equal_for_root() {
    compare_all(User::Root);
}

#[test]
fn every_row_is_equal_for_an_ordinary_user() {
    compare_all(User::Nobody);
}
