//! The listing of one directory, from the server to rows.

use omnifs_provider::http::Response;
use omnifs_provider::{log, Error};

use crate::href::{self, Target};
use crate::size::Size;
use crate::{date, html, json, request};

/// How old a listing may be in which one name is looked up, in seconds: whoever looks many names of a
/// directory up asks for it once, and not once a name.
const MOMENTS: &str = "max-stale=5";

/// How old a listing may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It has to be what the server says now, or had said that it may be kept.
    Now,
    /// A few seconds.
    Moments,
}

/// A directory that a server listed.
#[derive(Debug)]
pub struct Page {
    answer: Response,
    /// When the server made it, by its own clock.
    pub date: Option<i64>,
}

/// What is in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What the server calls it.
    pub name: String,
    /// Whether it is a directory; a file otherwise.
    pub is_directory: bool,
    /// How large it is said to be.
    pub size: Size,
    /// When it was changed last, and how exact that is, in seconds.
    pub modified: Option<(i64, i64)>,
}

/// Asks for the listing of a directory.
///
/// # Errors
/// As the request failed, and by its status.
pub fn fetch(url: &str, age: Age) -> Result<Page, Error> {
    let request = match age {
        Age::Now => request(url),
        Age::Moments => request(url).header("cache-control", MOMENTS),
    };
    let answer = request.send()?.error_for_status()?;
    if !answer.is_success() {
        return Err(no_listing(&answer.url, &format!("the answer is {}", answer.status)));
    }
    let date = answer.header("date").and_then(date::of_header);
    Ok(Page { answer, date })
}

impl Page {
    /// Gives every row to `each`, in the server's order.
    ///
    /// # Errors
    /// When the page is no listing.
    pub fn rows(&self, each: impl FnMut(Row)) -> Result<(), Error> {
        let Self { answer, .. } = self;
        // Where a redirection led somewhere else, that is not this directory.
        if !answer.url.ends_with('/') {
            return Err(no_listing(&answer.url, "it leads away from the directory"));
        }
        let kind = answer.header("content-type").unwrap_or_default();
        if kind.starts_with("application/json") {
            self.json(each)
        } else if kind.is_empty() || kind.starts_with("text/html") || kind.contains("xhtml") {
            self.html(each)
        } else {
            Err(no_listing(&answer.url, &format!("it is {kind:?}, and no HTML or JSON")))
        }
    }

    fn html(&self, mut each: impl FnMut(Row)) -> Result<(), Error> {
        let url = &self.answer.url;
        let mut unusable = 0_u64;
        // A link by an icon and the one by the name are one row: what comes last tells the rest.
        let mut last: Option<Row> = None;
        let is_listing =
            html::links(self.answer.bytes(), |link| match href::target(url, link.href) {
                Target::Elsewhere => {}
                Target::Unusable => unusable += 1,
                Target::Child { name, is_directory } => {
                    let size = if is_directory { Size::Unknown } else { link.size };
                    let row = Row { name, is_directory, size, modified: link.modified };
                    let is_same = last.as_ref().is_some_and(|last| last.name == row.name);
                    let before = last.replace(row).filter(|_| !is_same);
                    before.into_iter().for_each(&mut each);
                }
            });
        if !is_listing {
            return Err(no_listing(url, "it is a page of another kind"));
        }
        last.into_iter().for_each(each);
        report(url, unusable);
        Ok(())
    }

    fn json(&self, mut each: impl FnMut(Row)) -> Result<(), Error> {
        let (url, body) = (&self.answer.url, self.answer.bytes());
        let mut unusable = 0_u64;
        // nginx writes bytes of names as they are: where they are not UTF-8, the others still count.
        let text = String::from_utf8_lossy(body);
        let is_whole = matches!(text, std::borrow::Cow::Borrowed(_));
        let read = json::items(text.as_bytes(), |item| {
            let is_directory = item.kind == "directory";
            if !is_directory && item.kind != "file" {
                return;
            }
            let is_name = !matches!(item.name.as_str(), "." | "..");
            let is_true = is_whole || !item.name.contains(char::REPLACEMENT_CHARACTER);
            match href::name(item.name.into_bytes()).filter(|_| is_name && is_true) {
                Some(name) => {
                    let modified = item.mtime.as_deref().and_then(date::of_header);
                    let size =
                        item.size.filter(|_| !is_directory).map_or(Size::Unknown, Size::Exact);
                    each(Row { name, is_directory, size, modified: modified.map(|at| (at, 1)) });
                }
                None => unusable += 1,
            }
        });
        read.map_err(|error| no_listing(url, &format!("its JSON is another: {error}")))?;
        report(url, unusable);
        Ok(())
    }
}

fn no_listing(url: &str, why: &str) -> Error {
    Error::new(format!(
        "{url} is no directory listing: {why}; the server may have an index page there, or its \
         listings switched off"
    ))
}

fn report(url: &str, unusable: u64) {
    if unusable > 0 {
        log::warn!("{url}: {unusable} names are left out that no file can have here");
    }
}
