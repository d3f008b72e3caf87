//! `cargo xtask soak`: readers, walks and searches for as long as one likes.

use anyhow::{Context, Result, bail};

use crate::step::{PROFILE, cargo, run};

/// The test, which the gate runs for a minute.
const TEST: &str = "test(/^http::soak::/)";

/// Runs the soak for a time such as `90s`, `10m` or `2h`; it prints what it saw.
pub(crate) fn run_for(time: &str) -> Result<()> {
    let seconds = seconds(time)?;
    let profile = ["--cargo-profile", PROFILE, "--profile", "soak"];
    let mut tests =
        cargo(["nextest", "run", "--workspace", "--locked", "--no-capture", "-E", TEST]);
    run(tests.args(profile).env("OMNIFS_SOAK", seconds.to_string()))
}

fn seconds(time: &str) -> Result<u64> {
    let digits = time.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = time.get(digits.len()..).unwrap_or_default();
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => bail!("{time:?} is no time: write 90s, 10m or 2h"),
    };
    let number: u64 = digits.parse().with_context(|| format!("{time:?} is no time"))?;
    Ok(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_number_and_a_unit() {
        assert_eq!(seconds("90s").unwrap(), 90);
        assert_eq!(seconds("10m").unwrap(), 600);
        assert_eq!(seconds("2h").unwrap(), 7_200);
        for none in ["", "10", "m", "1.5h", "10 m", "10d"] {
            assert!(seconds(none).is_err(), "{none}");
        }
    }
}
