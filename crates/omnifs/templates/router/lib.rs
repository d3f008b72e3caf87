//! The issues of an API as files: `issues/open/N/title`, `issues/open/N/issue.json`, and
//! `issues/open/index.jsonl` with all of them.
//!
//! `GET {base_url}/issues?state=STATE` answers with a JSON array of objects that have a `number`
//! and a `title`, perhaps in pages that `Link` headers join. Replace it by what your service
//! answers: the routes below are the whole tree.

use omnifs_provider::http::{self, Error};
use omnifs_provider::router::{Collection, Entry, Router};
use omnifs_provider::serde::Deserialize;
use omnifs_provider::serde_json::Value;
use omnifs_provider::{config, secrets};

// Which hosts it may reach is the user's choice, as `base_url` is.
omnifs_provider::needs! { secrets: ["MY_API_KEY"] }
omnifs_provider::serve!(app);

/// The tree, path by path.
fn app() -> Router {
    Router::new()
        .about("The issues of an API.")
        .dir("/issues", states)
        .dir("/issues/{state}", issues)
        .dir("/issues/{state}/{number}", issue)
}

/// `[provider.config]`.
#[derive(Deserialize)]
#[serde(crate = "omnifs_provider::serde")]
struct Config {
    base_url: String,
}

/// Return the directories of `issues/`.
fn states() -> Result<Vec<Entry>, Error> {
    Ok(["open", "closed"].into_iter().map(Entry::dir).collect())
}

/// Return the issues in a state: a directory each, and all of them in `index.jsonl`.
fn issues(state: String) -> Result<Collection, Error> {
    let mut issues = Collection::new();
    for issue in all(&state)? {
        if let Some(number) = issue["number"].as_u64() {
            issues.add(Entry::dir(number.to_string()), &issue)?;
        }
    }
    Ok(issues)
}

/// Return the files of an issue; what they hold comes with them.
fn issue(state: String, number: u64) -> Result<Vec<Entry>, Error> {
    let all = all(&state)?;
    let issue = all.iter().find(|issue| issue["number"] == number);
    Ok(issue.map(files).unwrap_or_default())
}

fn files(issue: &Value) -> Vec<Entry> {
    let title = issue["title"].as_str().unwrap_or_default();
    vec![
        Entry::text("title", title),
        Entry::text("issue.json", issue.to_string()),
    ]
}

/// Ask the API for the issues in a state, page by page. What it lets be cached the host asks it
/// for once.
fn all(state: &str) -> Result<Vec<Value>, Error> {
    let config: Config = config::parse()?;
    let key = secrets::get("MY_API_KEY");
    let first = http::get(&config.base_url)
        .segment("issues")
        .query(&[("state", state)]);
    let mut all = Vec::new();
    for page in http::pages(first.bearer(&key)) {
        all.extend(page?.json::<Vec<Value>>()?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use omnifs_provider::testing::Provider;

    use super::*;

    /// What `tests/exchanges` answers is what the API would.
    fn provider() -> Provider {
        Provider::new(app).config(r#"{ "base_url": "https://api.example.com" }"#)
    }

    #[test]
    fn it_keeps_the_contract() {
        provider().contract();
    }

    #[test]
    fn an_issue_has_its_title() {
        let title = provider().text("/issues/open/1/title").unwrap();
        assert_eq!(title, "it leaks\n");
    }
}
