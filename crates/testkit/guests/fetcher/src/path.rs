//! What a path asks for; the grammar is in the root of the crate. A file of its own without
//! anything of a component, so that the tests of `testkit` can include it.

/// What there is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A directory with these names, and perhaps others.
    Directory(Vec<&'static str>),
    /// A directory whose names are the items that a request gets.
    Listing(Ask),
    /// A name in such a directory, if the request gets it.
    Item(Ask, String),
    /// A file.
    File(File),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum File {
    Config,
    Secret(String),
    Log(String, String),
    Part(Verb, Ask, Part),
    All(u32, Ask),
    Text(Ask),
    Sentinel(Ask),
}

/// By which function of the capability a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Download,
    Open,
}

/// What of an answer a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Status,
    Url,
    Headers,
    Body,
    Error,
    Report,
    Size,
    Range(u64, u32),
    First(u32),
}

/// A request as a path describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) url: String,
    /// None means GET.
    pub(crate) method: Option<String>,
    pub(crate) follow: bool,
    pub(crate) timeout_ms: Option<u32>,
    pub(crate) headers: Vec<(String, Value)>,
    pub(crate) body: Option<Vec<u8>>,
}

/// The value of a header; secrets are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Bearer(String),
    Basic(String, String),
    Raw(String),
    Prefix(String, String),
}

const ROOT: [&str; 10] =
    ["config", "secret", "log", "get", "download", "open", "all", "text", "sentinel", "list"];

/// Returns what there is at a path, given in its parts.
pub(crate) fn parse(path: &[String]) -> Option<Node> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let directory = || Some(Node::Directory(Vec::new()));
    match path.as_slice() {
        [] => Some(Node::Directory(ROOT.to_vec())),
        ["config"] => Some(Node::File(File::Config)),
        ["secret" | "log"] | ["log", _] | ["all"] => directory(),
        ["secret", name] => Some(Node::File(File::Secret(unescape(name)))),
        ["log", level, text] => Some(Node::File(File::Log((*level).to_string(), unescape(text)))),
        ["all", count, rest @ ..] => {
            let count = count.parse().ok()?;
            asked(rest, |ask, rest| rest.is_empty().then_some(Node::File(File::All(count, ask))))
        }
        ["get", rest @ ..] => asked(rest, |ask, rest| part(Verb::Get, ask, rest)),
        ["download", rest @ ..] => asked(rest, |ask, rest| part(Verb::Download, ask, rest)),
        ["open", rest @ ..] => asked(rest, |ask, rest| part(Verb::Open, ask, rest)),
        ["text", rest @ ..] => {
            asked(rest, |ask, rest| rest.is_empty().then_some(Node::File(File::Text(ask))))
        }
        ["sentinel", rest @ ..] => {
            asked(rest, |ask, rest| rest.is_empty().then_some(Node::File(File::Sentinel(ask))))
        }
        ["list", rest @ ..] => asked(rest, |ask, rest| match rest {
            [] => Some(Node::Listing(ask)),
            [item] => Some(Node::Item(ask, (*item).to_string())),
            _ => None,
        }),
        _ => None,
    }
}

/// Reads options and a URL, and gives them and the rest of the path to a function. What is not
/// yet a URL is a directory.
fn asked(mut rest: &[&str], found: impl FnOnce(Ask, &[&str]) -> Option<Node>) -> Option<Node> {
    let mut ask = Ask::default();
    let mut long_url = String::new();
    loop {
        let [option, arguments @ ..] = rest else {
            return Some(Node::Directory(Vec::new()));
        };
        let Some(count) = arity(option) else {
            // Names that shells look for everywhere (`.git`, `HEAD`) are no URLs.
            if !option.contains([':', '%']) {
                return None;
            }
            ask.url = unescape(option) + &long_url;
            return found(ask, arguments);
        };
        if arguments.len() < count {
            return Some(Node::Directory(Vec::new()));
        }
        let (values, after) = arguments.split_at(count);
        let values: Vec<String> = values.iter().map(|value| unescape(value)).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        match (*option, values.as_slice()) {
            ("pad-url", [length]) => long_url = "a".repeat(length.parse().ok()?),
            (option, values) => ask.apply(option, values)?,
        }
        rest = after;
    }
}

/// Returns how many names follow an option, or none when it is no option.
fn arity(option: &str) -> Option<usize> {
    match option {
        "follow" => Some(0),
        "bearer" | "method" | "body" | "pad-body" | "pad-url" | "timeout" => Some(1),
        "basic" | "header" | "pad-header" | "raw" => Some(2),
        "prefix" => Some(3),
        _ => None,
    }
}

impl Ask {
    fn apply(&mut self, option: &str, values: &[&str]) -> Option<()> {
        let text = |value: &str| value.to_string();
        let mut header = |name: &str, value| self.headers.push((name.to_string(), value));
        match (option, values) {
            ("follow", []) => self.follow = true,
            ("bearer", [secret]) => header("Authorization", Value::Bearer(text(secret))),
            ("basic", [user, secret]) => {
                header("Authorization", Value::Basic(text(user), text(secret)));
            }
            ("raw", [name, secret]) => header(name, Value::Raw(text(secret))),
            ("prefix", [name, before, secret]) => {
                header(name, Value::Prefix(text(before), text(secret)));
            }
            ("header", [name, value]) => header(name, Value::Text(text(value))),
            ("pad-header", [name, length]) => {
                header(name, Value::Text("a".repeat(length.parse().ok()?)));
            }
            ("method", [method]) => self.method = Some(text(method)),
            ("timeout", [time]) => self.timeout_ms = Some(time.parse().ok()?),
            ("body", [body]) => self.body = Some(body.as_bytes().to_vec()),
            ("pad-body", [length]) => self.body = Some(vec![b'a'; length.parse().ok()?]),
            _ => return None,
        }
        Some(())
    }
}

/// The directory of a request, or one of its files.
fn part(verb: Verb, ask: Ask, rest: &[&str]) -> Option<Node> {
    let name = match rest {
        [] => {
            let mut names = vec!["status", "headers", "body", "error", "report"];
            match verb {
                Verb::Get => names.push("url"),
                Verb::Download => names.push("size"),
                Verb::Open => {}
            }
            return Some(Node::Directory(names));
        }
        [name] => *name,
        _ => return None,
    };
    let part = match (name, verb) {
        ("status", _) => Part::Status,
        ("headers", _) => Part::Headers,
        ("body", _) => Part::Body,
        ("error", _) => Part::Error,
        ("report", _) => Part::Report,
        ("url", Verb::Get) => Part::Url,
        ("size", Verb::Download) => Part::Size,
        (name, Verb::Download) => {
            let (offset, length) = name.strip_prefix("range-")?.split_once('-')?;
            Part::Range(offset.parse().ok()?, length.parse().ok()?)
        }
        (name, Verb::Open) => Part::First(name.strip_prefix("first-")?.parse().ok()?),
        (_, Verb::Get) => return None,
    };
    Some(Node::File(File::Part(verb, ask, part)))
}

/// Decodes `%XX`.
fn unescape(name: &str) -> String {
    let mut pieces = name.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let escaped = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(piece.bytes().skip(2));
            }
            None => {
                bytes.push(b'%');
                bytes.extend(piece.bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
