//! Durations and sizes as people write them.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A number, or a number with its unit, or `false` where that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Quantity {
    /// Without a unit: seconds or bytes.
    Number(i64),
    /// With a unit.
    Text(String),
    /// A yes or no.
    Switch(bool),
}

struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, or a string with a unit")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Quantity, E> {
        Ok(Quantity::Number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Quantity, E> {
        i64::try_from(number).map(Quantity::Number).map_err(|_| E::custom("the number is too big"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
        Ok(Quantity::Text(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, on: bool) -> Result<Quantity, E> {
        Ok(Quantity::Switch(on))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Switch(on) => write!(f, "{on}"),
        }
    }
}

/// What a duration looks like, for messages.
pub(super) const DURATION: &str = r#"write seconds, or "500ms", "60s", "10m" or "24h""#;

/// What a size looks like, for messages.
pub(super) const SIZE: &str = r#"write bytes, or "64KiB", "64MiB" or "1GiB""#;

/// The longest duration, so that sums of several cannot overflow.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

impl Quantity {
    /// Returns the duration, or `None` when this is not one of at most ten years.
    pub(super) fn duration(&self) -> Option<Duration> {
        let (number, unit) = self.split("s")?;
        let duration = match unit {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number.checked_mul(60)?),
            "h" => Duration::from_secs(number.checked_mul(60 * 60)?),
            _ => return None,
        };
        (duration <= LONGEST).then_some(duration)
    }

    /// Returns the size in bytes, or `None` when this is not one.
    pub(super) fn size(&self) -> Option<u64> {
        let (number, unit) = self.split("B")?;
        let shift = match unit {
            "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            "TiB" => 40,
            _ => return None,
        };
        number.checked_mul(1 << shift)
    }

    fn split<'a>(&'a self, default: &'a str) -> Option<(u64, &'a str)> {
        match self {
            Self::Number(number) => Some((u64::try_from(*number).ok()?, default)),
            Self::Text(text) => {
                let digits = text.bytes().take_while(u8::is_ascii_digit).count();
                let (number, unit) = text.split_at_checked(digits)?;
                Some((number.parse().ok()?, unit))
            }
            Self::Switch(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Quantity {
        Quantity::Text(text.to_owned())
    }

    #[test]
    fn reads_durations() {
        assert_eq!(Quantity::Number(60).duration(), Some(Duration::from_secs(60)));
        assert_eq!(Quantity::Number(0).duration(), Some(Duration::ZERO));
        for (written, milliseconds) in
            [("500ms", 500), ("60s", 60_000), ("10m", 600_000), ("24h", 86_400_000)]
        {
            assert_eq!(text(written).duration(), Some(Duration::from_millis(milliseconds)));
        }
        for bad in
            ["", "60", "s", "-1s", "1.5s", "1 s", "1d", "60S", "99999999999999999999s", "99999999h"]
        {
            assert_eq!(text(bad).duration(), None, "{bad}");
        }
        assert_eq!(Quantity::Number(-1).duration(), None);
        assert_eq!(Quantity::Switch(true).duration(), None);
    }

    #[test]
    fn reads_sizes() {
        assert_eq!(Quantity::Number(17).size(), Some(17));
        for (written, bytes) in [
            ("0B", 0),
            ("5KiB", 5 << 10),
            ("64MiB", 64 << 20),
            ("1GiB", 1 << 30),
            ("2TiB", 2 << 40),
        ] {
            assert_eq!(text(written).size(), Some(bytes));
        }
        for bad in ["", "64", "64MB", "64M", "-1MiB", "1.5GiB", "64 MiB", "99999999999TiB"] {
            assert_eq!(text(bad).size(), None, "{bad}");
        }
    }
}
