//! The page "Your first provider": its commands, typed in its order, give its outputs.

use std::fs;
use std::path::{Path, PathBuf};

use testkit::{Private, User};

use crate::OMNIFS;

const CONTENT: &str = "hello from omnifs\n";

/// The page's source; what `init` writes is the same program.
const SOURCE: &str = include_str!("../../../../providers/hello/src/lib.rs");

/// Who reads the page: has an empty `/omnifs` of its own, so that the page's paths can be
/// typed as they are.
struct Reader {
    private: Private,
    _place: Place,
}

/// The directory `/omnifs`, if it had to be made.
struct Place(bool);

impl Reader {
    fn new() -> Self {
        let place = Place(fs::create_dir("/omnifs").is_ok());
        let private = Private::new(OMNIFS, User::Root, "mount -t tmpfs none /omnifs");
        Self { private, _place: place }
    }

    /// Types a line in the home directory, and returns what it printed.
    #[track_caller]
    fn types(&self, line: &str) -> String {
        self.private.shell(line).expect_code(0).stdout
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.0 {
            let _ = fs::remove_dir("/omnifs");
        }
    }
}

/// Returns the page, where it lies beside the repository.
fn page() -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).unwrap();
    fs::read_to_string(root.join("shared/seed/first-provider.txt")).ok()
}

fn between(text: &str, start: &str, end: &str) -> String {
    let from = text.find(start).unwrap();
    let to = from + text[from..].find(end).unwrap() + end.len();
    text[from..to].to_owned()
}

/// Returns the text without white space: the page lost its indentation.
fn dense(text: &str) -> String {
    text.split_whitespace().collect()
}

fn config(component: &Path) -> String {
    format!(
        "[[provider]]\nname = \"my-provider\"\npath = \"{}\"\nmount = \"/omnifs/my-provider\"\n",
        component.display()
    )
}

/// > `start` returns when every mount answered a read, or says why one did not; one that fails
/// > leaves the others serving.
#[test]
fn its_commands_give_its_outputs() {
    let reader = Reader::new();
    reader.types("omnifs init my-provider");
    let project = reader.private.sandbox().home().join("my-provider");
    let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    let mut source = SOURCE.to_owned();
    if let Some(page) = page() {
        let shown = between(&page, "[package]", "strip = true");
        let blank = |line: &&str| !line.is_empty();
        let lines: Vec<_> = manifest.lines().filter(blank).collect();
        assert_eq!(lines, shown.lines().filter(blank).collect::<Vec<_>>());
        source = between(&page, "use omnifs_provider::exports", "with_types_in omnifs_provider);");
    }
    let written = fs::read_to_string(project.join("src/lib.rs")).unwrap();
    assert!(
        written.contains("omnifs_provider::export!(MyProvider with_types_in omnifs_provider);")
    );
    fs::write(project.join("src/lib.rs"), source).unwrap();

    let built = reader.types("cd my-provider && omnifs build --target wasm32-wasip2");
    assert!(built.contains("target/wasm32-wasip2/release/my_provider.wasm"), "{built}");
    reader
        .private
        .configure(&config(&project.join("target/wasm32-wasip2/release/my_provider.wasm")));
    reader.types("omnifs restart");
    // Nothing waits here: restart returns when ls works.
    assert_eq!(reader.types("ls /omnifs/my-provider/"), "hello.txt\n");
    assert_eq!(reader.types("cat /omnifs/my-provider/hello.txt"), CONTENT);
    tools_agree(&reader);
    manual_build(&reader, &project);
    reader.types("omnifs stop");
    assert_eq!(reader.types("ls -A /omnifs/my-provider"), "");
}

fn tools_agree(reader: &Reader) {
    let file = "/omnifs/my-provider/hello.txt";
    for (line, printed) in [
        (format!("stat -c %s {file}"), "18\n".into()),
        (format!("wc -c < {file}"), "18\n".into()),
        ("find /omnifs/my-provider -type f".into(), format!("{file}\n")),
        ("rg --no-heading -N hello /omnifs/my-provider".into(), format!("{file}:{CONTENT}")),
        ("tar c -C /omnifs/my-provider hello.txt | tar xO".into(), CONTENT.into()),
        (format!("cp {file} copied && cat copied"), CONTENT.into()),
        ("rsync -a /omnifs/my-provider/ synced && cat synced/hello.txt".into(), CONTENT.into()),
        (format!("python3 -c 'print(open(\"{file}\").read(), end=\"\")'"), CONTENT.into()),
        (
            format!(
                "python3 -c 'import mmap; f = open(\"{file}\"); print(mmap.mmap(f.fileno(), 0, \
                 prot=mmap.PROT_READ)[:].decode(), end=\"\")'"
            ),
            CONTENT.into(),
        ),
    ] {
        assert_eq!(reader.types(&line), printed, "{line}");
    }
    let sums = reader.types(&format!("printf '{CONTENT}' | sha256sum; sha256sum < {file}"));
    let sums: Vec<_> = sums.lines().collect();
    assert_eq!(sums[0], sums[1]);
}

/// The manual path: cargo alone, then the label that `wasm-tools component embed` would
/// append. Both give a component that the host loads.
fn manual_build(reader: &Reader, project: &Path) {
    reader.types(
        "cd my-provider && touch src/lib.rs && cargo build --release --target wasm32-wasip2",
    );
    let built = project.join("target/wasm32-wasip2/release/my_provider.wasm");
    let plain = fs::read(&built).unwrap();
    let labelled: PathBuf = project.join("my_provider.component.wasm");
    fs::write(&labelled, omnifs_runtime::artifact::label(&plain).unwrap()).unwrap();
    for component in [&built, &labelled] {
        reader.private.configure(&config(component));
        reader.types("omnifs restart");
        assert_eq!(reader.types("cat /omnifs/my-provider/hello.txt"), CONTENT);
    }
}

#[test]
fn its_source_is_the_repository_s_own_example() {
    let Some(page) = page() else { return };
    let source = between(&page, "use omnifs_provider::exports", "with_types_in omnifs_provider);");
    let example =
        between(SOURCE, "use omnifs_provider::exports", "with_types_in omnifs_provider);");
    // rustfmt puts a comma where the page breaks a line, and the other way round.
    let plain = |text: &str| dense(text).replace(",}", "}").replace(",)", ")");
    assert_eq!(plain(&example), plain(&source));
}
