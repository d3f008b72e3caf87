use super::*;
use crate::router::{Collection, Entry};
use crate::serde_json::Value;
use crate::{config, http, secrets, Error};

const RECORDED: &str = r#"{
  "made": "by hand",
  "exchanges": [
    {
      "request": { "method": "GET", "url": "https://a.example/items" },
      "response": { "status": 200, "headers": { "link": "</more>; rel=next" }, "body": [{ "id": 1 }] }
    },
    {
      "request": { "method": "GET", "url": "https://a.example/more" },
      "response": { "status": 302, "headers": { "location": "/last" } }
    },
    {
      "request": { "method": "GET", "url": "https://a.example/last" },
      "response": { "status": 200, "body_base64": "W3siaWQiOjJ9XQ==" }
    }
  ]
}"#;

fn items() -> Result<Vec<Value>, Error> {
    let config: std::collections::BTreeMap<String, String> = config::parse()?;
    let key = secrets::get("KEY").ok_or_else(|| Error::new("there is no key"))?;
    let base = config.get("base").ok_or_else(|| Error::new("there is no base"))?;
    let mut all = Vec::new();
    for page in http::pages(http::get(base).segment("items").bearer(&key).follow_redirects()) {
        all.extend(page?.json::<Vec<Value>>()?);
    }
    Ok(all)
}

fn list() -> Result<Collection, Error> {
    let mut list = Collection::new();
    for item in items()? {
        list.add(Entry::text(item["id"].to_string(), "an item"), &item)?;
    }
    Ok(list)
}

fn provider(app: impl Fn() -> Router + 'static) -> Provider {
    let exchanges = Exchanges::parse(RECORDED).expect("a recording");
    Provider::new(app).exchanges(exchanges).config(r#"{ "base": "https://a.example" }"#)
}

/// Returns what the contract says of a provider.
fn judged(provider: &Provider) -> String {
    contract::problems(provider, &provider.replay().expect("a recording")).join("\n")
}

#[test]
fn a_provider_is_listed_and_read_from_a_recording() {
    let good = provider(|| Router::new().dir("/items", list));
    assert_eq!(good.list("/items").expect("listed"), ["1", "2", "index.jsonl", "count"]);
    assert_eq!(good.text("items/2").expect("read"), "an item\n");
    assert_eq!(good.text("/items/3").unwrap_err().to_string(), "/items/3: there is no \"3\"");
    good.contract();
    assert!(secrets::get("KEY").is_none() && config::get() == "{}", "and nothing is left of it");
}

#[test]
fn a_request_that_is_in_no_recording_is_named_with_the_remedy() {
    let other = provider(|| Router::new().dir("/items", list)).config(r#"{ "base": "https://b" }"#);
    let problem = other.list("/items").unwrap_err().to_string();
    let said = "/items: GET https://b/items is in no recording: `omnifs test --record`";
    assert!(problem.starts_with(said), "{problem}");
    assert!(judged(&other).contains(said));
}

#[test]
#[should_panic(expected = "the contract is not kept:\n  the routes /a and /a are the same")]
fn routes_that_cannot_be_told_apart_fail_the_contract() {
    contract(|| Router::new().file("/a", || Ok("")).file("/a", || Ok("")));
}

#[test]
fn what_breaks_a_rule_is_named() {
    fn sized() -> Result<Vec<Entry>, Error> {
        Ok(vec![Entry::file("file").size(3)])
    }
    fn versions() -> Result<Vec<Entry>, Error> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static CALLS: AtomicU32 = AtomicU32::new(0);
        let version = CALLS.fetch_add(1, Ordering::Relaxed).to_string();
        Ok(vec![Entry::text("file", "same").version(version)])
    }
    fn hides() -> Result<Vec<Entry>, Error> {
        let count = items().map_or(0, |items| items.len());
        Ok(vec![Entry::text("count", count.to_string())])
    }
    fn any(_name: String) -> Result<Vec<Entry>, Error> {
        Ok(Vec::new())
    }
    fn none() -> Result<Vec<Entry>, Error> {
        Err(Error::new("not today"))
    }
    fn read(_name: String) -> Result<String, Error> {
        Ok("other".to_string())
    }
    fn inline() -> Result<Vec<Entry>, Error> {
        Ok(vec![Entry::text("file", "inline")])
    }
    let sized = provider(|| Router::new().dir("/d", sized));
    assert_eq!(judged(&sized), "/d/file is said to have 3 bytes, and has 0");
    let versions = provider(|| Router::new().dir("/d", versions));
    let said = "the version of /d/file does not change exactly when its bytes do";
    assert_eq!(judged(&versions), said);
    let hides = judged(&provider(|| Router::new().dir("/d", hides)));
    let said = "while GET https://a.example/items fails, /d/count has other bytes";
    assert!(hides.starts_with(said), "{hides}");
    let none = provider(|| Router::new().dir("/d", none));
    assert_eq!(judged(&none), "/d: not today");
    let inline = provider(|| Router::new().dir("/d", inline).file("/d/{name}", read));
    assert_eq!(judged(&inline), "/d/file comes with other bytes than it is read with");
    // Names of a directory that says it does not list all of them may be found.
    assert_eq!(judged(&provider(|| Router::new().dir("/{name}", any))), "");
}
