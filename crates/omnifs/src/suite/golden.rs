//! The tree as a text, a line a node, that is compared with what it was.

use std::collections::BTreeSet;
use std::sync::Arc;

use omnifs_vfs::Tree;

use super::survey::Survey;
use super::{Rule, Verdict};
use crate::control::{Kind, Refusal};
use crate::walk::Walk;

/// The longest text that stands in its line, in bytes; of others there is a digest.
const SHORT: usize = 64;

/// Returns the tree as programs see it, of all that a walk saw.
///
/// # Errors
/// What of it cannot be read.
pub(super) async fn tree(tree: Arc<Tree>, seen: &Survey) -> Result<String, String> {
    let walk = Walk::new(tree);
    let mut text = String::new();
    for path in seen.seen.keys() {
        let refused = |Refusal { errno, reason }| format!("{path}: {errno}: {reason}");
        let stat = walk.stat(path).await.map_err(refused)?;
        match stat.kind {
            Kind::Directory => text.push_str(&format!("directory  {path}\n")),
            Kind::Symlink => {
                let target = stat.target.unwrap_or_default();
                text.push_str(&format!("link       {path}  -> {target}\n"));
            }
            Kind::File => {
                let bytes = walk.read(path).await.map_err(refused)?;
                if bytes.len() as u64 != stat.size {
                    let (size, length) = (stat.size, bytes.len());
                    return Err(format!("{path}: stat says {size} bytes, and {length} are read"));
                }
                let shown = shown(&bytes);
                text.push_str(&format!("file       {path}  {}  {shown}\n", bytes.len()));
            }
        }
    }
    Ok(text)
}

/// Returns a short text as it is, and the digest of anything else.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= SHORT => format!("{text:?}"),
        _ => format!("blake3:{}", &*blake3::hash(bytes).to_hex()),
    }
}

/// Compares a tree with what it is to be. One that cannot be read is a finding only where no other
/// rule says why.
pub(super) fn compare(
    tree: Result<&str, &String>,
    golden: Option<&str>,
    others: &[Verdict],
) -> Verdict {
    let explained = others.iter().any(|verdict| !verdict.findings.is_empty());
    match (tree, golden) {
        (Err(why), _) if explained => {
            Verdict::of(Rule::Tree, Vec::new()).noting(vec![format!("not compared: {why}")])
        }
        (Err(why), _) => Verdict::of(Rule::Tree, vec![why.clone()]),
        (Ok(_), None) => Verdict::of(Rule::Tree, Vec::new())
            .noting(vec!["there is no tests/tree.txt: `omnifs test --bless` writes it".to_owned()]),
        (Ok(tree), Some(golden)) => Verdict::of(Rule::Tree, difference(golden, tree)),
    }
}

/// Returns the lines that only one of two trees has, in the order of their paths.
fn difference(golden: &str, tree: &str) -> Vec<String> {
    let (was, is): (BTreeSet<&str>, BTreeSet<&str>) =
        (golden.lines().collect(), tree.lines().collect());
    let gone = was.difference(&is).map(|line| (path(line), '-', line));
    let new = is.difference(&was).map(|line| (path(line), '+', line));
    let mut all: Vec<_> = gone.chain(new).collect();
    // Of a line that changed first what it was.
    all.sort_by_key(|(path, sign, _)| (*path, *sign == '+'));
    all.into_iter().map(|(_, sign, line)| format!("{sign} {line}")).collect()
}

fn path(line: &str) -> &str {
    let rest = line.split_once(" /").map_or(line, |(_, rest)| rest);
    rest.split_once("  ").map_or(rest, |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_was_and_what_is() {
        let golden = "directory  /\nfile       /a  1  \"x\"\nfile       /c  1  \"c\"\n";
        let tree = "directory  /\nfile       /a  2  \"xy\"\nfile       /b  1  \"b\"\n";
        let expected = [
            "- file       /a  1  \"x\"",
            "+ file       /a  2  \"xy\"",
            "+ file       /b  1  \"b\"",
            "- file       /c  1  \"c\"",
        ];
        assert_eq!(difference(golden, tree), expected);
        assert_eq!(difference(tree, tree), Vec::<String>::new());
    }

    #[test]
    fn long_and_binary_files_have_a_digest() {
        assert_eq!(shown(b"a\n"), "\"a\\n\"");
        assert!(shown(&[b'x'; 65]).starts_with("blake3:") && shown(b"\xff").len() == 71);
    }
}
