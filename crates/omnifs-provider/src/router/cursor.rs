//! Where a page of a listing begins.

use std::convert::Infallible;
use std::str::FromStr;

/// Where the page of a listing begins that a handler of [`Router::pages`](super::Router::pages) is
/// asked for: what the page before said with [`Listing::next`](super::Listing::next), and nothing on
/// the first one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor(Option<String>);

impl Cursor {
    /// Returns the text, if it is not the first page.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Returns what the text stands for, and `first` on the first page or for what is no such
    /// value.
    ///
    /// ```
    /// use omnifs_provider::router::Cursor;
    ///
    /// assert_eq!(Cursor::default().or(1), 1);
    /// ```
    #[must_use]
    pub fn or<T: FromStr>(&self, first: T) -> T {
        self.text().and_then(|text| text.parse().ok()).unwrap_or(first)
    }

    /// Returns it in the form of a handler's value.
    pub(super) fn value(cursor: Option<&str>) -> String {
        cursor.map_or_else(String::new, |cursor| format!("+{cursor}"))
    }
}

impl FromStr for Cursor {
    type Err = Infallible;

    fn from_str(value: &str) -> Result<Self, Infallible> {
        Ok(Self(value.strip_prefix('+').map(str::to_string)))
    }
}
