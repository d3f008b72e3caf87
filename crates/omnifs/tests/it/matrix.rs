//! Everyday tools print the same in a mount as in the same tree on a disk.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use testkit::{Output, Sandbox, guests, run, run_for};

use crate::{LIMIT, OMNIFS, mounted};

/// Lines of shell for one family of tools. Each runs in the root of a tree with `OUT`, an
/// empty directory, `PLAIN`, the tree's copy on a disk, and `FILE`, a file of the tree; both
/// outputs have to be equal. What differs by nature (times, owners, blocks, the size and the
/// number of links of a directory) is left out by the tool's own options, or by the `sed` that
/// follows where it has none.
type Rows<'a> = &'a [&'a str];

/// A line of shell that hands every file to the command that follows, in one order.
const EVERY_FILE: &str = "every() { find . -type f -print0 | sort -z | xargs -0 \"$@\"; }\n";

const LS: Rows<'_> = &[
    "ls",
    "ls -a",
    "ls -1AU | sort",
    "ls -R",
    "ls -AR --quoting-style=c --file-type",
    "ls -laRgo --time-style=+ | sed -E 's/^(d[^ ]*) +[0-9]+ +[0-9]+ +/\\1 /; s/^total .*//; s/ +/ /g'",
    "ls -lS --time-style=+ -go ./*/* | sed -E 's/ +/ /g'",
];

const FIND: Rows<'_> = &[
    "find . | sort",
    "find . | wc -l",
    "find . -type d | sort",
    "find . -type f -size +2000c | sort",
    "find . -empty | sort",
    "find . -mindepth 1 -type f -printf '%P %s %m %y %n %l\\n' | sort",
    "find . -type d -printf '%P %m %y %d\\n' | sort",
    "find . -name '*[0-4]' -o -iname '*É*' | sort",
    "find . -type f -readable ! -executable -user \"$(id -un)\" | sort",
    "find . -depth -print0 | sort -z | sha256sum",
];

const FD: Rows<'_> = &[
    "fdfind --unrestricted . | sort",
    "fdfind --unrestricted --type f --size +2k . | sort",
    "fdfind --unrestricted --type empty . | sort",
    "fdfind --unrestricted --type d --absolute-path '[48]$' | sed \"s|^$PWD||\" | sort",
];

const DU: Rows<'_> = &[
    "du --inodes -s .",
    "du --inodes . | sort",
    "find . -type f -print0 | sort -z | du -b --files0-from=-",
];

const RG: Rows<'_> = &[
    "rg --no-config -uuu --sort path omnifs",
    "rg --no-config -uuu --count --sort path --mmap omnifs",
    "rg --no-config -uu --count-matches --sort path --no-mmap '^[0-9]+'",
    "rg --no-config -uuu --files | sort",
    "rg --no-config -uuu --files-without-match omnifs | sort",
];

const GREP: Rows<'_> = &[
    "grep -r omnifs . | sort",
    "grep -rc omnifs . | sort",
    "grep -rLZ omnifs . | sort -z | sha256sum",
    "grep -rac -P '\\xff' . | sort",
    "grep -rlw --include='*[02468]*' omnifs | sort",
];

const TAR: Rows<'_> = &[
    "tar c --sort=name --owner=0 --group=0 --mtime=@0 . | sha256sum",
    "tar c --sort=name --owner=0 --group=0 --mtime=@0 --format=pax --pax-option=delete=atime,delete=ctime . | tar tv",
    "tar cS --sort=name --owner=0 --group=0 --mtime=@0 . | sha256sum",
    "tar c . | tar x -C \"$OUT\" && diff -r . \"$OUT\" && diff -r \"$PLAIN\" \"$OUT\" && echo same",
    "tar c . | tar d -C \"$PLAIN\" | grep -v -e 'Mod time differs' -e 'Uid differs' -e 'Gid differs'; echo compared",
];

const RSYNC: Rows<'_> = &[
    "rsync -rp --itemize-changes ./ \"$OUT\"/ | sort && diff -r \"$PLAIN\" \"$OUT\"",
    "rsync -rpcni --delete ./ \"$PLAIN\"/ && rsync -rpcni --delete \"$PLAIN\"/ ./ && echo same",
    "rsync -r --inplace --no-whole-file --files-from=- . \"$OUT\" <<END && cmp \"$FILE\" \"$OUT/$FILE\" && echo same\n$FILE\nEND",
];

const CP: Rows<'_> = &[
    "cp -r . \"$OUT\"/copy && diff -r \"$PLAIN\" \"$OUT\"/copy && echo same",
    "cp -r --preserve=mode --sparse=always \"$FILE\" \"$OUT\" && cmp \"$FILE\" \"$OUT/$FILE\" && ls \"$OUT\"",
    "cp --reflink=auto \"$FILE\" \"$OUT\" && sha256sum < \"$OUT/$FILE\"",
    "dd if=\"$FILE\" of=\"$OUT\"/part bs=999 skip=1 count=700 status=none && sha256sum < \"$OUT\"/part",
    "install -m 600 \"$FILE\" \"$OUT\"/installed && stat -c '%s %a' \"$OUT\"/installed",
];

const DIFF: Rows<'_> = &[
    "diff -r . \"$PLAIN\" && echo same",
    "diff -rq \"$PLAIN\" . && echo same",
    "cmp \"$FILE\" \"$PLAIN/$FILE\" && echo same",
];

const PARTS: Rows<'_> = &[
    "find . -type f -print0 | sort -z | wc -lc --files0-from=-",
    "every head -n 2",
    "every head -c 100 | sha256sum",
    "head -c 61000000 \"$FILE\" | sha256sum",
    "head -c -1 \"$FILE\" | sha256sum",
    "every tail -n 2",
    "tail -c 5 \"$FILE\" | od -c",
    "tail -c +7 \"$FILE\" | sha256sum",
    "sleep 0.2 & tail -c 9 -f --pid=$! \"$FILE\" | od -c",
    "tac \"$FILE\" | sha256sum",
    "od -A d -t x1 -N 99999 \"$FILE\" | tail -n 3",
    "dd if=\"$FILE\" bs=5 skip=1 count=2 status=none | od -c",
    "split -n 3/7 \"$FILE\" | sha256sum",
];

const LOOK: Rows<'_> = &[
    "every file",
    "file --brief --mime \"$FILE\"",
    "every less -f | sha256sum",
    "less -f \"$FILE\" | sha256sum",
    "every cat -A | sha256sum",
    "every stat -c '%n %s %f %F %h'",
];

const SUMS: Rows<'_> = &[
    "every sha256sum",
    "every cksum",
    "every sha256sum | (cd \"$PLAIN\" && sha256sum --check --quiet) && echo same",
];

const PYTHON: Rows<'_> = &[
    r#"python3 -c '
import hashlib, mmap, os
for base, directories, names in os.walk("."):
    directories.sort()
    for name in sorted(names):
        path = os.path.join(base, name)
        with open(path, "rb") as file:
            data = file.read()
            size = os.fstat(file.fileno()).st_size
            end = file.seek(0, os.SEEK_END)
            part = os.pread(file.fileno(), 100, size // 2)
            mapped = bytes(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)) if size else b""
        assert mapped == data and size == end == len(data), path
        assert part == data[size // 2:][:100], path
        print(ascii(path), size, hashlib.sha256(data).hexdigest())
'"#,
    r#"python3 -c '
import glob, os, pathlib, shutil
print(sorted(map(ascii, glob.glob("**", recursive=True))))
print(sum(path.stat().st_size for path in pathlib.Path(".").rglob("*") if path.is_file()))
shutil.copyfile(os.environ["FILE"], os.environ["OUT"] + "/copy")
print(os.path.samefile(".", os.getcwd()))
' && cmp "$FILE" "$OUT/copy""#,
];

const NODE: Rows<'_> = &[r#"node -e '
const fs = require("fs"), path = require("path"), crypto = require("crypto");
const walk = (at) => fs.readdirSync(at, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .forEach((entry) => {
        const own = path.join(at, entry.name);
        if (entry.isDirectory()) { console.log(own); return walk(own); }
        const data = fs.readFileSync(own), stat = fs.statSync(own);
        if (stat.size !== data.length || !stat.isFile()) throw new Error(own);
        console.log(own, stat.size, crypto.createHash("sha256").update(data).digest("hex"));
    });
walk(".");
'"#];

const GIT: Rows<'_> = &[
    "export GIT_DIR=\"$OUT\"/git GIT_WORK_TREE=\"$PWD\" GIT_CONFIG_NOSYSTEM=1
     git init -q && git -c core.compression=0 add '*[24]/*' \"$FILE\" && git write-tree
     git status --porcelain | sort | sha256sum
     git -c user.name=a -c user.email=a@b commit -qm all && git status --porcelain && git diff --stat HEAD
     git -c core.quotePath=true ls-files -s",
    "git diff --no-index --stat . \"$PLAIN\" && echo same",
];

const VIM: Rows<'_> = &[
    "export LIST=$(find . -type f -size -9 | sort | tail -n 1)
     vim -Nu NONE -i NONE -nR -es -c '%print' -c 'qall!' \"$LIST\" 2>&1",
    "vim -Nu NONE -i NONE -nR -es -b -c \"silent write! $OUT/copy\" -c 'qall!' \"$FILE\"
     cmp \"$FILE\" \"$OUT/copy\" && echo same",
];

/// A tree that is mounted and on a disk, and the file of it that single rows read.
struct Tree<'a> {
    name: &'a str,
    file: &'a str,
}

const TREES: &[Tree<'_>] =
    &[Tree { name: "hello", file: "hello.txt" }, Tree { name: "forest", file: "big.bin" }];

/// Both trees, mounted and copied.
fn prepared() -> Sandbox {
    let sandbox = Sandbox::new(OMNIFS);
    let _ = mounted(&sandbox, &[("hello", guests::HELLO_PATH), ("forest", guests::FOREST_PATH)]);
    let plain = sandbox.root().join("plain");
    let hello = plain.join("hello");
    fs::create_dir_all(&hello).unwrap();
    fs::write(hello.join("hello.txt"), "hello from omnifs\n").unwrap();
    for (path, mode) in [(hello.join("hello.txt"), 0o444), (hello, 0o555)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    guests::plant_forest(&plain.join("forest")).unwrap();
    sandbox
}

/// Runs a row in one of the two places of a tree.
fn outcome(sandbox: &Sandbox, tree: &Tree<'_>, at: &Path, row: &str) -> Output {
    let out = sandbox.root().join("out");
    fs::create_dir(&out).unwrap();
    let mut shell = sandbox.command("bash");
    shell
        .args(["-o", "pipefail", "-c", &format!("{EVERY_FILE}{row}")])
        .current_dir(at)
        .env("LC_ALL", "C.UTF-8")
        .env("FILE", tree.file)
        .env("OUT", &out)
        .env("PLAIN", sandbox.root().join("plain").join(tree.name));
    let output = run_for(&mut shell, LIMIT);
    let writable = format!("chmod -R u+w '{0}' && rm -r '{0}'", out.display());
    let _ = sandbox.shell(&writable).expect_code(0);
    output
}

/// Runs rows in each tree, mounted and copied, and compares.
fn equal(rows: Rows<'_>) {
    let sandbox = prepared();
    for (tree, row) in TREES.iter().flat_map(|tree| rows.iter().map(move |row| (tree, row))) {
        let [here, there] = ["mnt", "plain"]
            .map(|place| outcome(&sandbox, tree, &sandbox.root().join(place).join(tree.name), row));
        let name = tree.name;
        assert_eq!(here.stderr, there.stderr, "{row}\nin {name}");
        let differs = || here.stdout.lines().zip(there.stdout.lines()).find(|(a, b)| a != b);
        let equal = here.bytes == there.bytes;
        assert!(equal, "{row}\nin {name}, mounted and on a disk: {:#?}", differs());
        assert_eq!(here.status, there.status, "{row}\nin {name}: {}", here.stderr);
        // A row that fails or says nothing in both places compares nothing.
        let found = here.code() == 0 && !here.bytes.is_empty();
        assert!(found || name == "hello", "{row}: {}\n{}", here.status, here.stderr);
    }
}

macro_rules! families {
    ($($test:ident: $rows:expr;)*) => {
        $(#[test]
        fn $test() {
            equal($rows);
        })*
    };
}

families! {
    ls: LS;
    find: FIND;
    fd: FD;
    du: DU;
    rg: RG;
    grep: GREP;
    tar: TAR;
    rsync: RSYNC;
    cp: CP;
    diff: DIFF;
    head_tail_and_wc: PARTS;
    less_file_and_stat: LOOK;
    sha256sum: SUMS;
    python: PYTHON;
    git: GIT;
    vim: VIM;
}

/// Node is on few machines, and no distribution package that the gate would ask for.
#[test]
fn node_where_there_is_one() {
    let present = run(Command::new("sh").args(["-c", "command -v node"])).code() == 0;
    if present {
        equal(NODE);
    } else {
        println!("not run: there is no node on this machine");
    }
}
