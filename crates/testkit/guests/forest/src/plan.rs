//! What the forest holds; both sides make it from here.

/// Directories below the root.
pub(super) const DIRECTORIES: u64 = 100;

/// Files in each directory.
pub(super) const FILES: u64 = 100;

/// The one file in the root, and its size.
pub(super) const BIG: &str = "big.bin";
/// See [`BIG`].
pub(super) const BIG_SIZE: usize = 60 << 20;

/// Parts of names that a script, a pattern or a terminal may trip over.
const ODD: &[&str] = &[
    "plain",
    "two words",
    " blank around ",
    "-rf",
    "--help",
    "'single'",
    "\"double\"",
    "back\\slash\\n",
    "*?[a-z]{x,y}",
    "$HOME",
    "`id`",
    "semi;colon",
    "a&b|c",
    "(round)",
    "<angle>",
    "#hash#",
    "~tilde~",
    "%s%n",
    "!bang!",
    ".hidden.",
    "..two dots..",
    "comma,colon:equals=",
    "@at+plus^",
    "\u{e9} composed",
    "e\u{301} not composed",
    "日本語",
    "🦀",
    "\u{202e}turned",
    "\u{a0}no break\u{a0}",
    "CON",
    ".git.gz",
];

/// A name with the number before an odd part or after it, so that each of them begins some
/// names and ends others.
fn name(odd: u64, number: u64) -> String {
    let part = usize::try_from(odd).ok().and_then(|odd| ODD.get(odd % ODD.len())).unwrap_or(&"");
    match number % 2 {
        0 => format!("{part}{number:02}"),
        _ => format!("{number:02}{part}"),
    }
}

/// Returns the name of a directory.
pub(super) fn directory(number: u64) -> String {
    name(number, number)
}

/// Returns the name of a file in a directory; the last one has 255 bytes, as many as a name
/// may have.
pub(super) fn file(directory: u64, number: u64) -> String {
    let mut name = name(directory + number, number);
    if number == FILES - 1 {
        name.extend(std::iter::repeat_n('x', 255 - name.len()));
    }
    name
}

/// Returns the bytes of a file: none, text without a line end, all byte values, or lines, the
/// word `omnifs` among them.
pub(super) fn content(directory: u64, number: u64) -> Vec<u8> {
    let lines = (directory * 7 + number * 3) % 60;
    match number % 10 {
        3 => Vec::new(),
        5 => format!("no end of line in {number}").into_bytes(),
        7 => (0..=255).cycle().skip(usize::try_from(directory).unwrap_or(0)).take(4097).collect(),
        _ => (0..=lines)
            .map(|line| match line % 40 {
                17 => format!("{line}: omnifs was here\n"),
                _ => format!("{line} of {lines} in {directory}/{number}\n"),
            })
            .collect::<String>()
            .into_bytes(),
    }
}
