//! Dates as listings and headers write them, in seconds since 1970.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// Reads a date of a header (RFC 9110, 5.6.7): `Sat, 28 Nov 2026 15:00:00 GMT`.
pub fn of_header(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split(' ');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let (clock, zone) = (parts.next()?, parts.next()?);
    if zone != "GMT" || parts.next().is_some() {
        return None;
    }
    Some(date(year, month, day)? + clock_of(clock)?.0)
}

/// Reads the date and the time of a listing, `28-Nov-2026 15:00`, `2026-11-28 15:00` or
/// `2026-Nov-28 15:00:07`. Returns it with how exact it is, in seconds.
pub fn of_listing(date_text: &str, clock: &str) -> Option<(i64, i64)> {
    let mut parts = date_text.split('-');
    let (first, month, last) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, day) = if first.len() == 4 { (first, last) } else { (last, first) };
    let (seconds, exact) = clock_of(clock)?;
    Some((date(year, month, day)? + seconds, exact))
}

fn date(year: &str, month: &str, day: &str) -> Option<i64> {
    let year = number(year, 4)?;
    let named = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month));
    let month = match named {
        Some(place) => i64::try_from(place).ok()? + 1,
        None => number(month, 2)?,
    };
    let day = number(day, 2)?;
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then(|| days(year, month, day) * DAY)
}

/// Reads `15:00` or `15:00:07`.
fn clock_of(text: &str) -> Option<(i64, i64)> {
    let mut parts = text.split(':');
    let (hours, minutes) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let (seconds, exact) = match parts.next() {
        Some(seconds) => (number(seconds, 2)?, 1),
        None => (0, MINUTE),
    };
    let is_time = hours < 24 && minutes < 60 && seconds <= 60 && parts.next().is_none();
    is_time.then_some((hours * 60 * MINUTE + minutes * MINUTE + seconds, exact))
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let is_number = (1..=digits).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Returns the days from 1970-01-01 to a date of the Gregorian calendar, with years counted from
/// March so that the day that some have comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    era * 146_097 + year * 365 + year / 4 - year / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_all_forms_are_the_same_moment() {
        let at = 1_795_878_000;
        assert_eq!(of_header("Sat, 28 Nov 2026 15:00:00 GMT"), Some(at));
        for date in ["28-Nov-2026", "2026-11-28", "2026-Nov-28", "28-nov-2026"] {
            assert_eq!(of_listing(date, "15:00"), Some((at, 60)), "{date}");
        }
        assert_eq!(of_listing("2026-11-28", "15:00:07"), Some((at + 7, 1)));
        assert_eq!(of_listing("01-Jan-1970", "00:00"), Some((0, 60)));
        assert_eq!(of_listing("29-Feb-2000", "00:00"), Some((951_782_400, 60)));
        assert_eq!(of_listing("31-Dec-1969", "23:59"), Some((-60, 60)));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for (date, clock) in [
            ("28-Nov", "15:00"),
            ("28-Nov-2026-1", "15:00"),
            ("28-Nix-2026", "15:00"),
            ("2026-13-01", "15:00"),
            ("2026-00-01", "15:00"),
            ("2026-01-32", "15:00"),
            ("2026-01-01", "24:00"),
            ("2026-01-01", "1"),
            ("2026-01-01", "00:00:00:00"),
            ("99999-01-01", "00:00"),
            ("+026-01-01", "00:00"),
            ("", ""),
        ] {
            assert_eq!(of_listing(date, clock), None, "{date} {clock}");
        }
        for header in ["", "Sat, 28 Nov 2026 15:00:00 CET", "28 Nov 2026", "x, 1 2 3 4 5"] {
            assert_eq!(of_header(header), None, "{header}");
        }
    }
}
