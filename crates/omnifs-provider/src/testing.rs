//! Tests a provider natively, under `cargo test`, against recorded exchanges.
//!
//! The recordings are those of `omnifs test`: the files of `tests/exchanges`, which
//! `omnifs test --record` makes or somebody writes by hand. No component is built and no request
//! leaves the process, so this takes milliseconds; `omnifs test` judges the component itself, in
//! the host.
//!
//! ```no_run
//! use omnifs_provider::router::Router;
//! use omnifs_provider::testing;
//!
//! fn app() -> Router {
//!     Router::new() // as in `serve!(app)`
//! }
//!
//! // In a test: every rule of the contract that can be judged without a host.
//! testing::contract(app);
//!
//! // Or what is expected of this provider, path by path.
//! let provider = testing::Provider::new(app).config(r#"{ "base_url": "https://api.example.com" }"#);
//! assert_eq!(provider.list("/issues/open")?, ["1", "2", "index.jsonl", "count"]);
//! assert_eq!(provider.text("/issues/open/1/title")?, "it leaks\n");
//! # Ok::<(), testing::Problem>(())
//! ```
//!
//! Every secret is granted here, and none has a value: the header that it stands in is not part of
//! a request's comparison with a recording. [`download`](crate::http::RequestBuilder::download) and
//! [`open`](crate::http::RequestBuilder::open) need a host, and are refused.

mod contract;
mod exchanges;

use std::fmt;
use std::path::Path;
use std::rc::Rc;

pub use self::exchanges::Exchanges;
use self::exchanges::Replay;
use crate::native;
use crate::projection::{Content, Entry, Error as Failure, Node, NodeKind, Page};
use crate::router::Router;

/// Where recordings lie in a provider's directory.
const RECORDINGS: &str = "tests/exchanges";

/// What is wrong with a provider, a path or a recording, for the author of the test.
#[derive(Clone, PartialEq, Eq)]
pub struct Problem(String);

impl Problem {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As `Display`: it is what a failed test shows.
impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}

/// Judges a provider by the rules of the contract, with the recordings of `tests/exchanges`.
///
/// As [`Provider::contract`], for a provider without a configuration.
///
/// # Panics
/// With what breaks a rule.
#[track_caller]
pub fn contract(app: impl Fn() -> Router + 'static) {
    Provider::new(app).contract();
}

/// A provider under test.
pub struct Provider {
    app: Box<dyn Fn() -> Router>,
    exchanges: Result<Exchanges, Problem>,
    config: String,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Provider {
    /// Returns the provider of a function that [`serve!`](crate::serve) takes, with the recordings
    /// of `tests/exchanges`, if there are any.
    #[must_use]
    pub fn new(app: impl Fn() -> Router + 'static) -> Self {
        let exchanges = match Path::new(RECORDINGS).is_dir() {
            true => Exchanges::read(RECORDINGS),
            false => Ok(Exchanges::default()),
        };
        Self { app: Box::new(app), exchanges, config: "{}".to_string() }
    }

    /// Has other exchanges answer.
    #[must_use]
    pub fn exchanges(self, exchanges: Exchanges) -> Self {
        Self { exchanges: Ok(exchanges), ..self }
    }

    /// Sets `[provider.config]`, as JSON.
    #[must_use]
    pub fn config(self, json: impl Into<String>) -> Self {
        Self { config: json.into(), ..self }
    }

    /// Returns the names in a directory, in their order.
    ///
    /// # Errors
    /// Why it cannot be listed.
    pub fn list(&self, path: &str) -> Result<Vec<String>, Problem> {
        let session = self.session(&self.replay()?);
        let node = session.find(path)?;
        let (entries, _) = session.entries(path, &node.id)?;
        Ok(entries.into_iter().map(|entry| entry.name).collect())
    }

    /// Returns the bytes of a file.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Problem> {
        let session = self.session(&self.replay()?);
        let node = session.find(path)?;
        session.read(path, &node.id)
    }

    /// Returns the text of a file.
    ///
    /// # Errors
    /// Why it cannot be read, or is no text.
    pub fn text(&self, path: &str) -> Result<String, Problem> {
        let text = String::from_utf8(self.read(path)?);
        text.map_err(|error| Problem::new(format!("{path} is no text: {error}")))
    }

    /// Judges the provider by the rules of the contract: names that are listed are found as what
    /// they were listed, identities are stable and apart, sizes, versions and contents that are
    /// told are those of the bytes, made-up names are absent, and while any of the recorded
    /// exchanges fails, everything is an error or as it was.
    ///
    /// # Panics
    /// With what breaks a rule, all of it.
    #[track_caller]
    pub fn contract(&self) {
        let problems = match self.replay() {
            Ok(replay) => contract::problems(self, &replay),
            Err(problem) => vec![problem.to_string()],
        };
        #[expect(clippy::panic, reason = "it is how a test fails")]
        if !problems.is_empty() {
            panic!("the contract is not kept:\n  {}", problems.join("\n  "));
        }
    }

    fn replay(&self) -> Result<Rc<Replay>, Problem> {
        let exchanges = self.exchanges.clone()?;
        Ok(Rc::new(Replay::new(exchanges, self.config.clone())))
    }

    /// Returns an instance of its own, whose requests this answers.
    fn session(&self, replay: &Rc<Replay>) -> Session {
        Session { router: (self.app)(), replay: Rc::clone(replay) }
    }
}

/// One instance of a provider.
struct Session {
    router: Router,
    replay: Rc<Replay>,
}

impl Session {
    /// Runs a call. As in the host, nothing is a failure if a request failed.
    fn call<T>(
        &self,
        path: &str,
        run: impl FnOnce(&Router) -> Result<T, Failure>,
        is_nothing: impl FnOnce(&T) -> bool,
    ) -> Result<Result<T, Failure>, Problem> {
        self.replay.begin();
        let host: Rc<Replay> = Rc::clone(&self.replay);
        let answer = native::with_host(host, || run(&self.router));
        let nothing = match &answer {
            Ok(value) => is_nothing(value),
            Err(_) => true,
        };
        match self.replay.failure().filter(|_| nothing) {
            Some(why) => Err(Problem::new(format!("{path}: {why}"))),
            None => Ok(answer),
        }
    }

    /// Looks a name up; none is absent.
    fn lookup(&self, path: &str, parent: &str, name: &str) -> Result<Option<Node>, Problem> {
        let answer = self.call(path, |router| router.lookup(parent, name), Option::is_none)?;
        match answer {
            Ok(found) => Ok(found),
            Err(Failure::NotFound) => Ok(None),
            Err(failure) => Err(failed(path, &failure)),
        }
    }

    /// Lists a directory, page by page, and says whether that is all.
    fn entries(&self, path: &str, id: &str) -> Result<(Vec<Entry>, bool), Problem> {
        let mut entries = Vec::new();
        let mut cursors: Vec<String> = Vec::new();
        loop {
            let cursor = cursors.last().map(String::as_str);
            let nothing = |page: &Page| page.entries.is_empty();
            let page = self.call(path, |router| router.list(id, cursor), nothing)?;
            let page = page.map_err(|failure| failed(path, &failure))?;
            entries.extend(page.entries);
            let Some(next) = page.next else { return Ok((entries, page.complete)) };
            if cursors.contains(&next) {
                return Err(Problem::new(format!("{path}: the cursor {next:?} comes twice")));
            }
            cursors.push(next);
        }
    }

    fn read(&self, path: &str, id: &str) -> Result<Vec<u8>, Problem> {
        let nothing = |content: &Content| matches!(content, Content::Bytes(b) if b.is_empty());
        let content = self.call(path, |router| router.read(id, None), nothing)?;
        match content.map_err(|failure| failed(path, &failure))? {
            Content::Bytes(bytes) => Ok(bytes),
            Content::Blob(_) => Err(Problem::new(format!("{path}: a download needs a host"))),
        }
    }

    fn find(&self, path: &str) -> Result<Node, Problem> {
        let mut node = root();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let found = self.lookup(path, &node.id, name)?;
            node = found.ok_or_else(|| Problem::new(format!("{path}: there is no {name:?}")))?;
        }
        Ok(node)
    }
}

/// The root, of which no lookup tells.
fn root() -> Node {
    let freshness = crate::projection::Freshness::Inherit;
    Node { id: String::new(), kind: NodeKind::Directory, modified: None, freshness, source: None }
}

fn failed(path: &str, failure: &Failure) -> Problem {
    let why = match failure {
        Failure::Denied(why)
        | Failure::Unauthenticated(why)
        | Failure::Unavailable(why)
        | Failure::Invalid(why) => why.clone(),
        Failure::NotFound | Failure::RateLimited(_) | Failure::TimedOut | Failure::TooLarge => {
            failure.to_string()
        }
    };
    Problem::new(format!("{path}: {why}"))
}

#[cfg(test)]
mod tests;
