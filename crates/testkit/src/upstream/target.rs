//! The target of a request: a path and a query.

/// A path in its parts and the pairs of a query, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) path: Vec<String>,
    query: Vec<(String, String)>,
}

impl Target {
    pub(super) fn parse(target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.trim_start_matches('/').split('/').map(decode).collect();
        let pair = |text: &str| {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            (decode(name), decode(value))
        };
        let pairs = query.split('&').filter(|text| !text.is_empty());
        Self { path, query: pairs.map(pair).collect() }
    }

    /// Returns the values of a name, in their order.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let pairs = self.query.iter().filter(move |(has, _)| has == name);
        pairs.map(|(_, value)| value.as_str())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Returns the number that a name has, if it is one.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }
}

fn decode(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let escaped = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let rest = match escaped {
            Some(byte) => {
                bytes.push(byte);
                piece.get(2..).unwrap_or_default()
            }
            None => {
                bytes.push(b'%');
                piece
            }
        };
        bytes.extend(rest.bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn decodes_once() {
        let target =
            Target::parse("/a%2Fb/c?to=https%3A%2F%2Fx%2Fy%3Fz%3D1&close&n=7&n=100%&d=%2541");
        assert_eq!(target.path, ["a/b", "c"]);
        assert_eq!(target.get("to"), Some("https://x/y?z=1"));
        assert_eq!(target.get("close"), Some(""));
        assert_eq!(target.number("n"), Some(7));
        assert_eq!(target.all("n").collect::<Vec<_>>(), ["7", "100%"]);
        assert_eq!(target.get("d"), Some("%41"));
    }
}
