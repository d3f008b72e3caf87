#![expect(clippy::needless_pass_by_value, reason = "handlers take what their captures are")]

use super::*;
use crate::projection::NodeKind;

fn entries() -> Result<Vec<Entry>, Error> {
    Ok(vec![
        Entry::dir("octo").key(77),
        Entry::text("note.txt", "said"),
        Entry::link("latest", "octo"),
        Entry::file("about").size(3),
    ])
}

fn app() -> Router {
    fn repository(owner: u64, repo: String) -> Result<Vec<Entry>, Error> {
        Ok(vec![Entry::text(format!("{owner}-{repo}"), "x")])
    }
    fn title(owner: u64, repo: String, number: u32) -> Result<String, Error> {
        Ok(format!("{owner} {repo} {number}"))
    }
    fn version(number: u32) -> Result<Vec<u8>, Error> {
        Ok(vec![u8::try_from(number).unwrap_or(0)])
    }
    fn missing() -> Result<String, Error> {
        Err(Error::new("nothing here"))
    }
    fn tree(path: String) -> Result<Vec<Entry>, Error> {
        match path.as_str() {
            "a" => Ok(vec![Entry::dir("b"), Entry::text("f", "in a")]),
            "a/b" => Ok(vec![Entry::text("g", "in b")]),
            _ => Ok(Vec::new()),
        }
    }
    fn trees() -> Result<Vec<Entry>, Error> {
        Ok(vec![Entry::dir("a")])
    }
    Router::new()
        .about("A tree for tests.")
        .dir("/owners", entries)
        .dir("/owners/{owner}/{repo}", repository)
        .file("/owners/{owner}/{repo}/issues/{number}/title", title)
        .file("/by/v{number}", version)
        .file("/by/{name}", |name: String| Ok(name))
        .file("/by/fixed", || Ok("literal"))
        .file("/missing", missing)
        .dir("/trees", trees)
        .dir("/trees/{*path}", tree)
}

/// Returns the node of a path, by lookups.
fn at(router: &Router, path: &str) -> Option<Node> {
    let mut node = Entry::dir("").node(String::new());
    for name in path.split('/') {
        node = router.lookup(&node.id, name).expect(path)?;
    }
    Some(node)
}

fn text(router: &Router, path: &str) -> String {
    let node = at(router, path).expect(path);
    match router.read(&node.id, None).expect(path) {
        Content::Bytes(bytes) => String::from_utf8(bytes).expect("text"),
        Content::Blob(_) => unreachable!("there is no host"),
    }
}

fn names(router: &Router, path: &str) -> (Vec<String>, bool) {
    let id = if path.is_empty() { String::new() } else { at(router, path).expect(path).id };
    let page = router.list(&id, None).expect(path);
    (page.entries.into_iter().map(|entry| entry.name).collect(), page.complete)
}

#[test]
fn literals_list_themselves_and_the_root_says_what_there_is() {
    let router = app();
    assert_eq!(router.problems(), Vec::<String>::new());
    let (root, complete) = names(&router, "");
    assert_eq!(root, ["owners", "by", "missing", "trees", "README.md"]);
    assert!(complete);
    let readme = text(&router, "README.md");
    assert!(readme.starts_with("A tree for tests.\n\n| path |"), "{readme}");
    assert!(readme.contains("| `/owners/{owner}/{repo}/issues/{number}/title` | a file |"));
    assert_eq!(names(&router, "by"), (vec!["fixed".to_string()], false));
}

#[test]
fn a_literal_goes_before_captures_and_a_text_before_none() {
    let router = app();
    assert_eq!(text(&router, "by/fixed"), "literal\n");
    assert_eq!(text(&router, "by/v7"), "\u{7}");
    assert_eq!(text(&router, "by/vx"), "vx\n", "what does not parse falls through");
    assert_eq!(text(&router, "by/other"), "other\n");
}

#[test]
fn what_is_below_an_entry_is_known_by_its_key() {
    let router = app();
    let (listed, complete) = names(&router, "owners");
    assert_eq!(listed, ["octo", "note.txt", "latest", "about"]);
    assert!(complete && at(&router, "owners/none").is_none());
    let octo = at(&router, "owners/octo").expect("listed");
    assert!(octo.id.ends_with("0:77"), "{}", octo.id);
    assert_eq!(
        names(&router, "owners/octo/hello"),
        (vec!["issues".into(), "77-hello".into()], true)
    );
    assert_eq!(text(&router, "owners/octo/hello/issues/3/title"), "77 hello 3\n");
    assert!(at(&router, "owners/octo/hello/issues/x").is_none(), "no number");
}

#[test]
fn entries_without_a_route_are_read_from_their_listing() {
    let router = app();
    assert_eq!(text(&router, "owners/note.txt"), "said\n");
    let link = at(&router, "owners/latest").expect("listed");
    assert!(matches!(link.kind, NodeKind::Symlink(target) if target == "octo"));
    let about = at(&router, "owners/about").expect("listed");
    assert!(matches!(about.kind, NodeKind::File(facts) if facts.size == Some(3)));
}

#[test]
fn what_takes_all_that_is_left_goes_as_deep_as_it_lists() {
    let router = app();
    assert_eq!(names(&router, "trees").0, ["a"]);
    assert_eq!(names(&router, "trees/a").0, ["b", "f"]);
    assert_eq!(names(&router, "trees/a/b").0, ["g"]);
    assert!(at(&router, "trees/a/x").is_none());
}

#[test]
fn a_node_is_named_by_its_template_and_the_values_that_handlers_get() {
    let router = app();
    let id = |template: &str, values: &[&dyn ToString]| router.node_id(template, values);
    let found = |path: &str| at(&router, path).expect(path).id;
    assert_eq!(id("/", &[]).expect("the root"), "");
    assert_eq!(id("/owners", &[]).expect("a route"), found("owners"));
    assert_eq!(id("/owners/{owner}", &[&77]).expect("on the way"), found("owners/octo"));
    let title = "/owners/{owner}/{repo}/issues/{number}/title";
    assert_eq!(
        id(title, &[&77, &"hello", &3]).expect("a route"),
        found("owners/octo/hello/issues/3/title")
    );
    assert_eq!(id("/by/v{number}", &[&7]).expect("a route"), found("by/v7"));
    assert_eq!(id("/trees/{*path}", &[&"a/b"]).expect("a route"), found("trees/a/b"));
    let entry = router.entry_id("/owners", &[], "note.txt");
    assert_eq!(entry.expect("a route"), found("owners/note.txt"));
    for (template, values, why) in [
        ("/nowhere", vec![], "no route leads to nowhere in /nowhere"),
        ("/owners/{other}", vec!["77"], "no route leads to {other} in /owners/{other} with"),
        ("/owners/{owner}", vec!["x"], "no route leads to {owner} in /owners/{owner} with"),
        ("/owners/{owner}", vec![], "no value of {owner} in /owners/{owner} is given"),
        ("/owners", vec!["77"], "/owners has no capture for the value \"77\""),
        ("/trees/{*other}", vec!["a"], "no route leads to {*other} in /trees/{*other}"),
        ("owners", vec![], "the template \"owners\" does not begin with /"),
    ] {
        let values: Vec<&dyn ToString> =
            values.iter().map(|value| value as &dyn ToString).collect();
        let error = id(template, &values).expect_err(template).to_string();
        assert!(error.starts_with(why), "{template}: {error}");
    }
}

#[test]
fn an_error_is_not_an_absence() {
    let router = app();
    let missing = at(&router, "missing").expect("a route").id;
    let error = router.read(&missing, None).expect_err("an error");
    assert!(matches!(error, Failure::Invalid(why) if why == "nothing here"));
    assert!(matches!(router.read("9:x", None), Err(Failure::NotFound)));
    let http = |error: HttpError| failure(&Error::from(error));
    assert!(matches!(http(HttpError::Timeout), Failure::TimedOut));
    assert!(matches!(http(HttpError::RateLimited(Some(3))), Failure::RateLimited(Some(3))));
    assert!(matches!(http(HttpError::Denied("x".into())), Failure::Denied(_)));
    assert!(matches!(http(HttpError::Dns("x".into())), Failure::Unavailable(_)));
}

#[test]
fn routes_that_cannot_be_told_apart_are_named_and_nothing_is_served() {
    fn one(_a: String) -> Result<String, Error> {
        Ok(String::new())
    }
    fn number(_a: u64) -> Result<String, Error> {
        Ok(String::new())
    }
    fn two(_a: String, _b: String) -> Result<String, Error> {
        Ok(String::new())
    }
    let none = || Ok("");
    for (router, said) in [
        (Router::new().file("/a", none).file("/a", none), "the routes /a and /a are the same"),
        (
            Router::new().file("/{a}", one).file("/{b}", one),
            "the routes /{a} and /{b} call one capture {a} and {b}",
        ),
        (
            Router::new().file("/{a}", one).file("/{n}", number),
            "the route /{n} is never reached: /{a} takes every name that it would",
        ),
        (
            Router::new().file("/a", none).file("/a/b", none),
            "the route /a/b leads through /a, which is a file",
        ),
        (
            Router::new().file("/a/b", none).file("/a", none),
            "the route /a is a file, and others lead through it",
        ),
        (
            Router::new().file("/{a}", two),
            "the route /{a} has 1 captures, and its function 2 parameters",
        ),
        (Router::new().file("a", none), "the route \"a\" does not begin with /"),
    ] {
        let problems = router.problems();
        assert!(problems[0].starts_with(said), "{problems:?}");
        let listed = router.list("", None).expect_err("refused");
        assert!(matches!(listed, Failure::Invalid(why) if why == problems[0]));
    }
    // A number first, and what is none after it.
    let good = Router::new().file("/{n}", number).file("/{a}", one);
    assert_eq!(good.problems(), Vec::<String>::new());
}

#[test]
fn a_handler_that_takes_a_range_answers_for_parts_and_says_so() {
    fn logs() -> Result<Vec<Entry>, Error> {
        Ok(vec![Entry::file("app.log").key(7).size(10).live(), Entry::file("other").key(8)])
    }
    fn log(key: u64, range: Range) -> Result<Vec<u8>, Error> {
        Ok(range.of(format!("log {key}: 67890").as_bytes()).to_vec())
    }
    let router = Router::new()
        .dir("/logs", logs)
        .file("/logs/{log}", log)
        .file("/plain", || Ok("0123456789"))
        .file("/part", |range: Range| Ok(format!("{:?}", range.header())));
    assert_eq!(router.problems(), Vec::<String>::new());
    let facts = |path: &str| match at(&router, path).expect(path).kind {
        NodeKind::File(facts) => (facts.live, facts.ranges, facts.size),
        NodeKind::Directory | NodeKind::Symlink(_) => panic!("{path} is no file"),
    };
    assert_eq!(facts("logs/app.log"), (true, true, Some(10)));
    assert_eq!(facts("logs/other"), (false, true, None));
    assert_eq!([facts("plain"), facts("part")].map(|facts| facts.1), [false, true]);
    let read = |path: &str, range| {
        let id = at(&router, path).expect(path).id;
        match router.read(&id, range).expect(path) {
            Content::Bytes(bytes) => String::from_utf8(bytes).expect("text"),
            Content::Blob(_) => unreachable!("there is no host"),
        }
    };
    let part = Some(ByteRange { offset: 4, length: 3 });
    assert_eq!(read("logs/app.log", part), "7: ");
    assert_eq!(read("logs/app.log", None), "log 7: 67890");
    assert_eq!(read("part", part), "Some(\"bytes=4-6\")\n");
    assert_eq!(read("plain", None), "0123456789\n");
}

#[test]
fn pages_are_listed_one_by_one_and_names_found_in_any() {
    fn numbers(kind: String, page: Cursor) -> Result<Listing, Error> {
        let page: u32 = page.or(0);
        let names = (page * 10..(page + 1) * 10).map(|n| Entry::text(format!("{kind}{n}"), "x"));
        let listing: Listing = names.collect();
        Ok(if page < 2 { listing.next(page + 1) } else { listing })
    }
    let router =
        Router::new().pages("/{kind}", numbers).file("/{kind}/always", |kind: String| Ok(kind));
    assert_eq!(router.problems(), Vec::<String>::new());
    let directory = at(&router, "a").expect("a directory");
    let (mut cursor, mut all) = (None, Vec::new());
    loop {
        let page = router.list(&directory.id, cursor.as_deref()).expect("a page");
        all.extend(page.entries.into_iter().map(|entry| entry.name));
        cursor = page.next;
        if cursor.is_none() {
            assert!(page.complete);
            break;
        }
    }
    assert_eq!((all.len(), all[0].as_str(), all[30].as_str()), (31, "always", "a29"));
    assert_eq!(text(&router, "a/a25"), "x\n");
    assert!(at(&router, "a/a30").is_none(), "in none of them");
}

#[test]
fn pages_need_a_cursor() {
    let router = Router::new().pages("/{kind}", |_kind: String| Ok(Vec::new()));
    let problem = "the function of /{kind} takes no Cursor after its captures";
    assert_eq!(router.problems(), [problem]);
    assert!(router.list("", None).is_err());
}

std::thread_local! {
    /// Whether the next listing of people is one.
    static ASKED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// People, of whom one is listed, the rest is found, and one is not to be had.
fn people() -> Router {
    fn person(login: String) -> Result<Option<Entry>, Error> {
        match login.to_lowercase().as_str() {
            "down" => Err(Error::unavailable("SERVFAIL")),
            "gone" => Err(Error::not_found("NXDOMAIN")),
            login if login.starts_with('x') => Ok(None),
            login => Ok(Some(Entry::dir("").key(login).fresh(Freshness::Seconds(7)))),
        }
    }
    fn fact(_login: String, name: String) -> Result<Entry, Error> {
        Ok(Entry::text("", format!("the {name}")).key(name.trim_start_matches('_')))
    }
    Router::new()
        .dir("/people", || match ASKED.take() {
            true => Ok(Listing::from_iter([Entry::dir("ann")]).partial()),
            false => Err(Error::new("nobody asked for all")),
        })
        .find("/people/{login}", person)
        .dir("/people/{login}", |login: String| Ok(vec![Entry::text("about", login)]))
        .find("/people/{login}/facts/{name}", fact)
}

#[test]
fn a_name_that_is_not_listed_is_found_by_its_function() {
    let router = people();
    assert_eq!(router.problems(), Vec::<String>::new());
    ASKED.set(true);
    assert_eq!(names(&router, "people"), (vec!["ann".to_string()], false));
    let bob = at(&router, "people/Bob").expect("found");
    assert!(bob.id == ".people/0:bob" && matches!(bob.freshness, Freshness::Seconds(7)), "{bob:?}");
    assert_eq!(at(&router, "people/BOB").expect("the same").id, bob.id);
    assert_eq!(text(&router, "people/BOB/about"), "bob\n", "the key is what handlers get");
    assert!(at(&router, "people/xavier").is_none() && at(&router, "people/gone").is_none());
    let down = router.lookup(".people", "down").expect_err("an error is no absence");
    assert!(matches!(down, Failure::Unavailable(why) if why == "SERVFAIL"));
}

#[test]
fn what_is_found_without_a_route_is_read_from_there() {
    let router = people();
    assert_eq!(text(&router, "people/ann/facts/age"), "the age\n");
    let (age, same) = ("people/ann/facts/age", "people/ann/facts/_age");
    assert_eq!(at(&router, age).map(|node| node.id), at(&router, same).map(|node| node.id));
    assert_eq!(names(&router, "people/ann/facts"), (Vec::new(), false));
}

#[test]
fn what_is_found_has_to_fit_its_route() {
    let fixed = Router::new().find("/{a}/fixed", |name: String| Ok(Some(Entry::dir(name))));
    assert!(fixed.problems()[0].contains("ends with no capture"), "{:?}", fixed.problems());
    let twice = people().find("/people/{login}", |name: String| Ok(Some(Entry::dir(name))));
    assert!(twice.problems()[0].contains("found by two functions"), "{:?}", twice.problems());
    let router = Router::new()
        .find("/{number}", |number: u32| Ok(Some(Entry::dir("").key(format!("n{number}")))))
        .find("/f/{name}", |name: String| Ok(Some(Entry::dir(name))))
        .file("/f/{name}", |name: String| Ok(name));
    let key = router.lookup("", "7").expect_err("no number");
    assert!(matches!(key, Failure::Invalid(why) if why.contains("\"n7\" of \"7\" is no u32")));
    let kind = router.lookup(".f", "a").expect_err("no file");
    assert!(matches!(kind, Failure::Invalid(why) if why.contains("a file by its route")));
}

/// All that is left of a path, as directories and files: `a/b.txt` and `a/c/`.
fn bare() -> Router {
    fn root() -> Result<Vec<Entry>, Error> {
        Ok(vec![Entry::dir("a"), Entry::file("README.md").size(4)])
    }
    fn directory(path: String) -> Result<Vec<Entry>, Error> {
        match path.as_str() {
            "a" => Ok(vec![Entry::file("b.txt"), Entry::dir("c"), Entry::file("w").whole()]),
            _ => Ok(Vec::new()),
        }
    }
    fn find(path: String) -> Result<Option<Entry>, Error> {
        match path.as_str() {
            "a" => Ok(Some(Entry::dir("a"))),
            "README.md" | "a/100%" | "a/b.txt" => Ok(Some(Entry::file("").size(path.len() as u64))),
            _ => Ok(None),
        }
    }
    fn file(path: String, range: Range) -> Result<Vec<u8>, Error> {
        Ok(range.of(path.as_bytes()).to_vec())
    }
    Router::new()
        .bare()
        .dir("/", root)
        .file("/{*path}", file)
        .dir("/{*path}", directory)
        .find("/{*path}", find)
}

fn facts(node: Node) -> crate::projection::FileFacts {
    match node.kind {
        NodeKind::File(facts) => facts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_that_is_left_may_be_directories_and_files_with_parts() {
    let router = bare();
    assert_eq!(router.problems(), Vec::<String>::new());
    assert_eq!(names(&router, "").0, ["a", "README.md"], "the upstream's own alone");
    assert_eq!(text(&router, "README.md"), "README.md");
    assert_eq!(names(&router, "a").0, ["b.txt", "c", "w"]);
    let a = at(&router, "a").expect("listed").id;
    let listed = router.list(&a, None).expect("a page").entries;
    let ranges: Vec<bool> = listed
        .into_iter()
        .filter(|entry| !matches!(entry.node.kind, NodeKind::Directory))
        .map(|entry| facts(entry.node).ranges)
        .collect();
    assert_eq!(ranges, [true, false], "one is read as a whole");
    let id = at(&router, "a/b.txt").expect("looked up").id;
    let part = router.read(&id, Some(ByteRange { offset: 2, length: 3 })).expect("a part");
    assert!(matches!(part, Content::Bytes(bytes) if bytes == b"b.t"));
}

#[test]
fn a_name_is_found_by_a_function_where_there_is_one() {
    let router = bare();
    let a = at(&router, "a").expect("found").id;
    let found = router.lookup(&a, "b.txt").expect("no error").expect("found");
    assert_eq!(facts(found).size, Some(7));
    // The function gets the upstream's name.
    let escaped = router.lookup(&a, "100%25").expect("no error").expect("found");
    let read = router.read(&escaped.id, None).expect("no error");
    assert!(matches!(read, Content::Bytes(bytes) if bytes == b"a/100%"));
    assert!(router.lookup(&a, "100%").expect("no error").is_none(), "no text has that name");
    assert!(router.lookup(&a, "c").expect("no error").is_none(), "it says what there is");
    let two = router.lookup("", "a%2Fb.txt").expect("no error");
    assert!(two.is_none(), "what is below a directory is no name of the one above");
}

#[test]
fn names_behind_all_that_is_left_are_found_by_one_function() {
    fn find(_path: String) -> Result<Option<Entry>, Error> {
        Ok(None)
    }
    let router = Router::new().find("/b/{*c}", find).find("/b/{*c}", find);
    assert_eq!(router.problems(), ["the names of /b/{*c} are found by two functions"]);
}
