//! The items of an API as files: `/items/ID/title` and `/items/ID/item.json`.
//!
//! `GET {base_url}/items` answers with a JSON array of objects that have an `id` and a
//! `title`, perhaps in pages that `Link` headers join. Replace it by what your service
//! answers; what the files look like is in `tree.rs`.

mod tree;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult};
use omnifs_provider::http::{self, Error};
use omnifs_provider::serde_json::Value;
use omnifs_provider::{config, log, secrets};

use tree::{Item, Tree};

// Which hosts it may reach is the user's choice, as `base_url` is.
omnifs_provider::needs! { secrets: ["MY_API_KEY"] }

struct MyProvider;

impl Guest for MyProvider {
    /// Return the kind of `name` inside `parent`, or None if it does not exist.
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        tree(parent).lookup(parent, &name)
    }

    /// Return the names of all children of `inode`.
    fn list_children(inode: u64) -> Vec<String> {
        tree(inode).list(inode)
    }

    /// Return the full content of the file at `inode`.
    fn read_file(inode: u64) -> Option<Vec<u8>> {
        tree(inode).read(inode)
    }
}

omnifs_provider::export!(MyProvider with_types_in omnifs_provider);

/// Read the items from the API, page by page.
fn items() -> Result<Vec<Item>, Error> {
    let config: Value = config::parse()?;
    let base = config["base_url"].as_str();
    let base = base.ok_or_else(|| Error::new("base_url is not set in [provider.config]"))?;
    let key = secrets::get("MY_API_KEY");
    let first = http::get(base).segment("items").bearer(&key);

    let mut items = Vec::new();
    for page in http::pages(first.follow_redirects()) {
        items.extend(tree::items(&page?)?);
    }
    Ok(items)
}

/// How long an answer serves the calls after it: one `ls -l` makes a call for each name. The
/// host keeps files and listings for as long as `[provider.cache]` says.
const BURST: Duration = Duration::from_secs(1);

thread_local! {
    static LAST: RefCell<Option<(Instant, Rc<Tree>)>> = const { RefCell::new(None) };
}

/// Return the tree for a call about `inode`, as it is now or as it was a moment ago.
fn tree(inode: u64) -> Rc<Tree> {
    if inode == tree::ROOT {
        // Its one name needs no answer of the API.
        return Rc::new(Tree::without_items(None));
    }
    let last = LAST.with_borrow(Option::clone);
    if let Some((_, tree)) = last.filter(|(read, _)| read.elapsed() < BURST) {
        return tree;
    }
    match items() {
        Ok(items) => {
            let tree = Rc::new(Tree::of(items));
            LAST.set(Some((Instant::now(), Rc::clone(&tree))));
            tree
        }
        Err(error) => {
            log::error!("{error}");
            // The host saw a failed request and turns an empty result into its errno. Of
            // anything else it knows nothing: a file says what is wrong.
            let reason = (!error.is_known_to_host()).then(|| error.to_string());
            Rc::new(Tree::without_items(reason))
        }
    }
}
