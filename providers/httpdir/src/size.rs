//! Sizes as listings write them.

/// How large a listing says that a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// So many bytes.
    Exact(u64),
    /// About so many: the number was rounded.
    About(u64),
    /// It does not say.
    Unknown,
}

impl Size {
    /// Reads a size: `1024` are bytes, `1.0K`, `12M` and `3 GiB` were rounded. What is none is
    /// unknown.
    pub fn parse(text: &str) -> Self {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor = match unit.trim_end_matches(['i', 'I', 'b', 'B']) {
            "" if unit.is_empty() => return number.parse().map_or(Self::Unknown, Self::Exact),
            "k" | "K" => 10,
            "m" | "M" => 20,
            "g" | "G" => 30,
            "t" | "T" => 40,
            "p" | "P" => 50,
            _ => return Self::Unknown,
        };
        let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
        let tenth = tenths.get(..1).and_then(|digit| digit.parse::<u64>().ok());
        let about = whole.parse::<u64>().ok().zip(tenth).and_then(|(whole, tenth)| {
            let tenths = whole.checked_mul(10)?.checked_add(tenth)?;
            tenths.checked_mul(1 << factor).map(|tenths| tenths / 10)
        });
        about.map_or(Self::Unknown, Self::About)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_exact_and_units_are_not() {
        for (text, size) in [
            ("0", Size::Exact(0)),
            ("1073741824", Size::Exact(1 << 30)),
            ("1.0K", Size::About(1 << 10)),
            ("12M", Size::About(12 << 20)),
            ("1.5G", Size::About(3 << 29)),
            ("3KiB", Size::About(3 << 10)),
            ("2TB", Size::About(2 << 40)),
            ("-", Size::Unknown),
            ("", Size::Unknown),
            ("1.5", Size::Unknown),
            ("K", Size::Unknown),
            ("12Q", Size::Unknown),
            ("1.\u{fc}K", Size::Unknown),
            ("99999999999999999999", Size::Unknown),
            ("99999999999999999P", Size::Unknown),
        ] {
            assert_eq!(Size::parse(text), size, "{text}");
        }
    }
}
