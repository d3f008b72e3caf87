//! What the sample tree holds.

/// What stands behind a path.
pub enum Content {
    /// A directory.
    Directory,
    /// This text.
    Text(&'static str),
    /// So many numbered lines that name the file.
    Lines(usize),
    /// So many bytes of every value.
    Bytes(usize),
}

/// One file or directory.
pub struct Entry {
    /// The path from the root, without a leading slash.
    pub path: String,
    /// What it is.
    pub content: Content,
}

impl Entry {
    /// Returns the bytes of a file, none for a directory.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self.content {
            Content::Directory => None,
            Content::Text(text) => Some(text.as_bytes().to_vec()),
            Content::Lines(count) => {
                let line = |n| format!("line {n} of {}\n", self.path);
                Some((1..=count).map(line).collect::<String>().into_bytes())
            }
            // 251 is prime, so that no block of the file repeats at a power of two.
            Content::Bytes(size) => Some((0..=250).cycle().take(size).collect()),
        }
    }
}

const README: &str = "\
A sample tree, made by the provider `tree`.

  docs     text that a search finds
  sizes    files whose sizes lie around the steps of a page and of a request
  names    names that scripts trip over
  deep     eight directories, one in the other
  many     a hundred small files
  empty    a directory with nothing in it
";

const GUIDE: &str = "\
# Guide

A provider answers three questions: what is this name, what is in this directory, what
is in this file. Try:

    find . -type f | wc -l
    rg -l needle
    tar c . | tar t
";

/// The names under `names`, all legal: 1 to 255 bytes, no slash, no control character.
const NAMES: [&str; 14] = [
    " leading space",
    "trailing space ",
    "two  spaces",
    "-dash",
    ".hidden",
    "...",
    "quote'\"`",
    "star*?[x]",
    "back\\slash",
    "dollar$HOME",
    "semi;colon&",
    "\u{fc}ml\u{e4}ut",
    "\u{65e5}\u{672c}\u{8a9e}",
    "crab \u{1f980}",
];

/// Returns every entry, each directory before what is in it.
pub fn entries() -> Vec<Entry> {
    let mut all = Vec::new();
    let mut add = |path: String, content| all.push(Entry { path, content });
    add("README.txt".into(), Content::Text(README));
    for directory in ["docs", "docs/reference", "sizes", "names", "deep", "many", "empty"] {
        add(directory.into(), Content::Directory);
    }
    add("docs/guide.md".into(), Content::Text(GUIDE));
    add("docs/reference/errors.md".into(), Content::Lines(40));
    add("docs/reference/haystack.txt".into(), Content::Lines(2_000));
    for size in [0, 1, 4_095, 4_096, 4_097, 65_536, 131_073, 1_048_577] {
        add(format!("sizes/{size}.bin"), Content::Bytes(size));
    }
    for name in NAMES {
        add(format!("names/{name}"), Content::Lines(1));
    }
    add(format!("names/{}", "n".repeat(255)), Content::Lines(1));
    let mut path = "deep".to_string();
    for level in 1..=8 {
        path = format!("{path}/{level}");
        add(path.clone(), Content::Directory);
    }
    add(format!("{path}/bottom.txt"), Content::Text("the bottom\n"));
    for number in 0..100 {
        add(format!("many/{number:03}.txt"), Content::Lines(3));
    }
    all
}
