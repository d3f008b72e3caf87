//! Any HTTP directory listing as files: nginx and Apache autoindex, and nginx's JSON.
//!
//! A directory is one request, and so is a file; `README.md` beside this says what each costs.
//! Listings are what strangers wrote: [`html`] and [`json`] take them apart in one pass, [`href`] lets
//! only names through that lie in the directory itself.

mod base;
mod date;
mod entry;
mod href;
mod html;
mod json;
mod listing;
mod probe;
mod size;

use omnifs_provider::http::{HttpError, RequestBuilder, Response};
use omnifs_provider::router::{Entry, File, Listing, Range, Router};
use omnifs_provider::{http, Error};

use base::Base;
use listing::Age;

omnifs_provider::needs! { http_of: ["url"], secrets: [] }
omnifs_provider::serve!(app);

/// Returns the tree, in which every name is the server's.
fn app() -> Router {
    Router::new()
        .bare()
        .dir("/", root)
        .dir("/{*path}", directory)
        .find("/{*path}", name)
        .file("/{*path}", file)
}

fn root() -> Result<Listing, Error> {
    directory(String::new())
}

/// Lists a directory.
fn directory(path: String) -> Result<Listing, Error> {
    let url = Base::of_config()?.directory(&path);
    let page = listing::fetch(&url, Age::Now)?;
    let mut entries = Vec::new();
    page.rows(|row| entries.push(entry::listed(row, page.date)))?;
    Ok(entries.into())
}

/// Looks a name up in the listing, and asks about the file itself if that does not say its size.
fn name(path: String) -> Result<Option<Entry>, Error> {
    let base = Base::of_config()?;
    let (above, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let page = listing::fetch(&base.directory(above), Age::Moments)?;
    let mut found = None;
    page.rows(|row| {
        if found.is_none() && row.name == name {
            found = Some(row);
        }
    })?;
    let Some(row) = found else { return Ok(None) };
    if !entry::is_vague(&row) {
        return Ok(Some(entry::listed(row, page.date)));
    }
    probe::ask(&base.file(&path), row).map(Some)
}

/// From this length on, in bytes, a part stays with the host: it takes a file there.
const LONG: u64 = 512 << 10;

/// Reads a file, or a part of it.
fn file(path: String, range: Range) -> Result<File, Error> {
    let url = Base::of_config()?.file(&path);
    if range.length().is_some_and(|length| length >= LONG) {
        if let Some(part) = range.download(http::get(&url))? {
            return Ok(part);
        }
    }
    let answer = range.ask(request(&url)).send();
    match answer {
        Ok(answer) => Ok(range.take(own(answer)?)?.into()),
        // As a whole it stays with the host, however long it is.
        Err(error) if is_too_large(&error) && range.header().is_none() => {
            Ok(request(&url).download()?.error_for_status()?.into())
        }
        Err(error) => Err(error),
    }
}

/// Returns a request for a file or a directory.
fn request<'a>(url: &str) -> RequestBuilder<'a> {
    http::get(url).follow_redirects()
}

/// Returns the answer of a file: a server leads from one that became a directory to its listing.
fn own(answer: Response) -> Result<Response, Error> {
    if answer.is_success() && answer.url.ends_with('/') {
        return Err(Error::new(format!("{} is a directory by now", answer.url)));
    }
    Ok(answer)
}

fn is_too_large(error: &Error) -> bool {
    matches!(error.host_error(), Some(HttpError::TooLarge))
}

#[cfg(test)]
mod tests;
