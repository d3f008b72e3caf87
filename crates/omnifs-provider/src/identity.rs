//! Numbers for objects whose upstream identity is a text.

/// Returns a number for the object that `identity` names, fit for
/// [`LookupResult::inode`](crate::exports::omnifs::provider::filesystem::LookupResult): 1 to
/// 2^53 - 1, the same in every instance, on every machine and in every 1.x of this crate.
///
/// Give it what stays when the object is renamed: the upstream's own identifier, with a
/// prefix for what kind of object it is (`"repo:1296269"`, `"repo:1296269/README"`). The
/// full path serves where names never change.
///
/// The number is FNV-1a (64 bits, as its authors published it) of the UTF-8 bytes, mixed by
/// the finaliser of MurmurHash3, of which the upper 53 bits count; 0 becomes 1. 53 bits
/// because `st_ino`, one higher, is then exact in programs that keep it in a double. Among a
/// million objects two share a number with a probability of 1 in 18,000.
///
/// ```
/// let number = omnifs_provider::stable_inode("repo:1296269");
/// assert_eq!(number, omnifs_provider::stable_inode("repo:1296269"));
/// assert_ne!(number, omnifs_provider::stable_inode("repo:1296270"));
/// ```
#[must_use]
pub const fn stable_inode(identity: &str) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut rest = identity.as_bytes();
    while let [byte, tail @ ..] = rest {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
        rest = tail;
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash = (hash ^ (hash >> 33)) >> 11;
    if hash == 0 {
        1
    } else {
        hash
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::stable_inode;

    #[test]
    fn numbers_never_change() {
        // Programs remember st_ino: these three are part of the contract.
        let numbers = ["", "repo:1296269", "a/b/\u{fc}.txt"].map(stable_inode);
        assert_eq!(numbers, [8_437_669_077_406_501, 2_045_311_436_206_031, 3_183_281_899_201_957]);
    }

    #[test]
    fn numbers_are_legal_and_differ() {
        let seen: HashSet<u64> = (0..200_000).map(|n| stable_inode(&format!("{n}"))).collect();
        assert_eq!(seen.len(), 200_000);
        assert!(seen.iter().all(|n| (1..1 << 53).contains(n)));
    }
}
