//! The rows of the matrix: lines of shell, by tool.
//!
//! Each runs in the root of a tree with `OUT`, an empty directory, `PLAIN`, the tree's copy on a
//! disk, and `FILE`, a file of the tree; both outputs have to be equal. What differs by nature
//! (times, owners, blocks, the size and the number of links of a directory) is left out by the
//! tool's own options, or by the `sed` that follows where it has none.

/// What rows call: `every` hands all files but the one of 60 MiB to a command, in one order;
/// `some`, a sixteenth of them, is for tools that take milliseconds a file.
pub(super) const FUNCTIONS: &str = "
every() { find . -type f -size -1000k -print0 | sort -z | xargs -0 \"$@\"; }
some() { find . -type f -size -1000k -print0 | sort -z | sed -zn '1~16p' | xargs -0 \"$@\"; }
";

/// A row that reads every file.
pub(super) const FIRST: &str =
    "every sha256sum | (cd \"$PLAIN\" && sha256sum --check --quiet) && echo same";

/// All rows but those of node.
pub(super) const FAMILIES: &[&[&str]] =
    &[LS, FIND, FD, DU, RG, GREP, TAR, RSYNC, CP, DIFF, PARTS, LOOK, SUMS, PYTHON, GIT, VIM];

const LS: &[&str] = &[
    "ls -a",
    "ls -1AU | sort",
    "ls -AR --quoting-style=c --file-type",
    "ls -laRgo --time-style=+ | sed -E 's/^(d[^ ]*) +[0-9]+ +[0-9]+ +/\\1 /; s/^total .*//; s/ +/ /g'",
];

const FIND: &[&str] = &[
    "find . | sort",
    "find . | wc -l",
    "find . -type f -size +2000c | sort",
    "find . -empty | sort",
    "find . -mindepth 1 -type f -printf '%P %s %m %y %n %l\\n' | sort",
    "find . -type d -printf '%P %m %y %d\\n' | sort",
    "find . -name '*[0-4]' -o -iname '*É*' | sort",
    "find . -type f -readable ! -executable -user \"$(id -un)\" | sort",
];

const FD: &[&str] = &[
    "fdfind --unrestricted . | sort",
    "fdfind --unrestricted --type f --size +2k . | sort",
    "fdfind --unrestricted --type d --absolute-path '[48]$' | sed \"s|^$PWD||\" | sort",
];

const DU: &[&str] =
    &["du --inodes . | sort", "find . -type f -print0 | sort -z | du -b --files0-from=-"];

const RG: &[&str] = &[
    "rg --no-config -uuu --sort path omnifs",
    "rg --no-config -uuu --count --sort path --mmap omnifs",
    "rg --no-config -uu --count-matches --sort path --no-mmap '^[0-9]+'",
    "rg --no-config -uuu --files | sort",
];

const GREP: &[&str] = &[
    "grep -r omnifs . | sort",
    "grep -rac -P '\\xff' . | sort",
    "grep -rlw --include='*[02468]*' omnifs | sort",
];

const TAR: &[&str] = &[
    "tar c --sort=name --owner=0 --group=0 --mtime=@0 . | sha256sum",
    "tar cS --owner=0 --group=0 --mtime=@0 \"$FILE\" | sha256sum",
    "tar c . | tar x -C \"$OUT\" && diff -r \"$PLAIN\" \"$OUT\" && echo same",
    "tar c . | tar d -C \"$PLAIN\" | grep -v -e 'Mod time differs' -e 'Uid differs' -e 'Gid differs'; echo compared",
];

const RSYNC: &[&str] = &[
    "rsync -rp --chmod=Du+w --itemize-changes ./ \"$OUT\"/copy | sort && diff -r \"$PLAIN\" \"$OUT\"/copy",
    "rsync -rpcni --delete ./ \"$PLAIN\"/ && rsync -rpcni --delete \"$PLAIN\"/ ./ && echo same",
    "rsync -r --inplace --no-whole-file --files-from=- . \"$OUT\" <<END && cmp \"$FILE\" \"$OUT/$FILE\" && echo same\n$FILE\nEND",
];

const CP: &[&str] = &[
    "cp -r . \"$OUT\"/copy && diff -r \"$PLAIN\" \"$OUT\"/copy && echo same",
    "cp -r --preserve=mode --sparse=always \"$FILE\" \"$OUT\" && cmp \"$PLAIN/$FILE\" \"$OUT/$FILE\" && ls \"$OUT\"",
    "dd if=\"$FILE\" of=\"$OUT\"/part bs=999 skip=1 count=700 status=none && sha256sum < \"$OUT\"/part",
    "install -m 600 \"$FILE\" \"$OUT\"/installed && stat -c '%s %a' \"$OUT\"/installed",
];

const DIFF: &[&str] = &["diff -r . \"$PLAIN\" && echo same"];

const PARTS: &[&str] = &[
    "find . -type f -print0 | sort -z | wc -lc --files0-from=-",
    "every head -n 2",
    "head -c 61000000 \"$FILE\" | sha256sum",
    "every tail -n 2",
    "tail -c 5 \"$FILE\" | od -c",
    "sleep 0.3 & tail -s 0.1 -c 9 -f --pid=$! \"$FILE\" | od -c",
    "od -A d -t x1 -N 99999 \"$FILE\" | tail -n 3",
    "dd if=\"$FILE\" bs=5 skip=1 count=2 status=none | od -c",
];

const LOOK: &[&str] = &[
    "some file",
    "file --brief --mime \"$FILE\"",
    "some less -f | sha256sum",
    "some cat -A | sha256sum",
    "every stat -c '%n %s %f %F %h'",
];

const SUMS: &[&str] = &["sha256sum \"$FILE\"", FIRST];

const PYTHON: &[&str] = &[
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

/// For machines with node: no distribution package that the gate would ask for has it.
pub(super) const NODE: &[&str] = &[r#"node -e '
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

const GIT: &[&str] = &[
    "export GIT_DIR=\"$OUT\"/git GIT_WORK_TREE=\"$PWD\" GIT_CONFIG_NOSYSTEM=1
     git init -q && git -c core.compression=0 add '*[24]/*' \"$FILE\" && git write-tree
     git status --porcelain | sort | sha256sum
     git -c user.name=a -c user.email=a@b commit -qm all && git status --porcelain && git diff --stat HEAD
     git -c core.quotePath=true ls-files -s",
    "git diff --no-index --stat . \"$PLAIN\" && echo same",
];

const VIM: &[&str] = &[
    "export LIST=$(find . -type f -size -9 | sort | tail -n 1)
     vim -Nu NONE -i NONE -nR -es -c '%print' -c 'qall!' \"$LIST\" 2>&1",
    "export BINARY=$(find . -type f -size -9000c | sort | sed -n '$p;/7$/{p;q}' | head -n 1)
     vim -Nu NONE -i NONE -nR -es -b -c \"silent write! $OUT/copy\" -c 'qall!' \"$BINARY\"
     cmp \"$PLAIN/$BINARY\" \"$OUT/copy\" && echo same",
];
