use super::capabilities::SecretSource;
use super::*;
use omnifs_runtime::http::{HostPattern, HttpLimits, Scheme, Target};
use omnifs_runtime::{Limits, LogLimits};

/// The page's first example.
const PAGE_FIRST: &str = r#"
[[provider]]
name = "my-provider"
path = "/absolute/path/to/my_provider.wasm"
mount = "/omnifs/my-provider"
"#;

/// The page's second example, with the sub-table after the provider it belongs to.
const PAGE_SECOND: &str = r#"
[[provider]]
name = "my-provider"
path = "/absolute/path/to/my_provider.wasm"
mount = "/omnifs/my-provider"
[provider.capabilities]
http = { allow = ["api.example.com"] }
secrets = { MY_API_KEY = { env = "MY_API_KEY" } }
"#;

/// Every key there is.
const EVERYTHING: &str = r#"
[host]
ca_file = "/abs/ca.pem"
allow_other = true
cache = { memory = "32MiB", disk = "2GiB" }
[[provider]]
name = "n"
path = "~/x.wasm"
mount = "~/mnt/n/"
enabled = false
errors = "as-provider"
live = true
[provider.capabilities]
http = { allow = ["api.example.com", { host = "http://*.lan:8080", allow_private = true, methods = ["GET"], paths = ["/v1/*"] }, { unix = "/run/docker.sock", as = "docker", methods = ["GET", "HEAD"], paths = ["/**"] }] }
secrets = { A = { env = "KEY", hosts = ["api.example.com"] }, B = { file = "~/b" }, C = { command = ["gh", "auth", "token"] } }
files = { db = "/abs/x.sqlite" }
[provider.cache]
ttl = 30
negative = "500ms"
stale_while_revalidate = "10m"
stale_if_error = "1h"
memory = "1MiB"
disk = false
[provider.limits]
answer = "1s"
call = "2s"
cpu = "3s"
memory = "64MiB"
instances = 8
queue = 9
file = 1000
names = 10
http_in_flight = 11
requests_per_minute = 12
table = 13
lift = "14MiB"
traps = 15
compile = "16s"
component = "17MiB"
log_call = 18
log_minute = 19
http_per_host = 20
http_per_call = 21
http_connect = "22ms"
http_first_byte = "23ms"
http_idle = "24ms"
http_total = "25ms"
http_body = 26
http_headers = "27KiB"
http_request = 28
http_url = 29
[provider.config]
text = "t"
number = 1
list = [true, 1.5]
day = 2026-01-02
[[provider]]
name = "dns"
path = "builtin:dns"
mount = "/omnifs/dns"
"#;

fn parse(text: &str) -> Result<Config, problem::Problem> {
    Config::parse(text, Path::new("/home/u"))
}

fn only(text: &str) -> ProviderConfig {
    parse(text).unwrap().providers.remove(0)
}

#[test]
fn the_page_s_examples_are_taken_as_they_are() {
    let first = only(PAGE_FIRST);
    assert_eq!(first.name, "my-provider");
    let file = PathBuf::from("/absolute/path/to/my_provider.wasm");
    assert_eq!(first.component, Component::File(file));
    assert_eq!(first.mount, Path::new("/omnifs/my-provider"));
    assert_eq!(first.capabilities, Capabilities::default());

    let second = only(PAGE_SECOND);
    assert_eq!(
        second.capabilities.to_string(),
        "http api.example.com; secret MY_API_KEY from variable MY_API_KEY"
    );
}

#[test]
fn defaults_are_those_of_the_manual() {
    let config = parse(PAGE_FIRST).unwrap();
    assert_eq!((config.host.memory, config.host.disk), (64 << 20, 1 << 30));
    assert!(!config.host.allow_other && config.host.ca_file.is_none());
    let provider = only(PAGE_FIRST);
    assert!(provider.enabled && !provider.live);
    assert_eq!(provider.errors, ErrorRule::Strict);
    let seconds = Duration::from_secs;
    let cache = CacheConfig {
        ttl: seconds(60),
        negative: seconds(2),
        stale_while_revalidate: seconds(600),
        stale_if_error: seconds(24 * 60 * 60),
        memory: 64 << 20,
        disk: Some(1 << 30),
    };
    assert_eq!(provider.cache, cache);
    let limits = LimitsConfig { answer: seconds(10), provider: Limits::default() };
    assert_eq!(provider.limits, limits);
}

#[test]
fn every_key_of_a_provider_is_understood() {
    let provider = only(EVERYTHING);
    assert_eq!(provider.component, Component::File("/home/u/x.wasm".into()));
    assert_eq!(provider.mount, Path::new("/home/u/mnt/n"));
    assert!(!provider.enabled && provider.live);
    assert_eq!(provider.errors, ErrorRule::AsProvider);
    let milliseconds = Duration::from_millis;
    assert_eq!(provider.cache.negative, milliseconds(500));
    assert_eq!(provider.cache.stale_while_revalidate, milliseconds(600_000));
    assert_eq!((provider.cache.memory, provider.cache.disk), (1 << 20, None));
    assert_eq!(provider.limits.answer, milliseconds(1000));
    let limits = Limits {
        call: milliseconds(2000),
        cpu: milliseconds(3000),
        memory: 64 << 20,
        table: 13,
        file: 1000,
        names: 10,
        lift: 14 << 20,
        instances: Some(8),
        queue: 9,
        traps: 15,
        compile: milliseconds(16_000),
        component: 17 << 20,
        log: LogLimits { call: 18, minute: 19 },
        http: HttpLimits {
            in_flight: 11,
            per_host: 20,
            per_call: 21,
            per_minute: Some(12),
            connect: milliseconds(22),
            first_byte: milliseconds(23),
            idle: milliseconds(24),
            total: milliseconds(25),
            body: 26,
            download: 1 << 30,
            headers: 27 << 10,
            request: 28,
            url: 29,
        },
    };
    assert_eq!(provider.limits.provider, limits);
    let settings =
        serde_json::json!({"text": "t", "number": 1, "list": [true, 1.5], "day": "2026-01-02"});
    assert_eq!(serde_json::Value::from(provider.settings), settings);
}

#[test]
fn every_key_around_the_providers_is_understood() {
    let config = parse(EVERYTHING).unwrap();
    assert_eq!(config.host.ca_file.as_deref(), Some(Path::new("/abs/ca.pem")));
    assert!(config.host.allow_other);
    assert_eq!((config.host.memory, config.host.disk), (32 << 20, 2 << 30));
    let names: Vec<_> = config.enabled().map(|provider| provider.name.as_str()).collect();
    assert_eq!(names, ["dns"]);
    assert_eq!(config.providers[1].component, Component::Builtin("dns".to_owned()));
    assert_eq!(config.providers[1].component.to_string(), "builtin:dns");
}

#[test]
fn grants_are_parsed_into_what_they_mean() {
    let grants = only(EVERYTHING).capabilities;
    let [plain, private, socket] = grants.http.as_slice() else { panic!("{grants:?}") };
    let Target::Network { origin, allow_private: false } = &plain.target else {
        panic!("{plain:?}")
    };
    assert_eq!((origin.scheme, origin.port), (Scheme::Https, 443));
    let Target::Network { origin, allow_private: true } = &private.target else {
        panic!("{private:?}")
    };
    assert_eq!((origin.scheme, origin.port), (Scheme::Http, 8080));
    assert_eq!(origin.host, HostPattern::Below("lan".to_owned()));
    assert_eq!(private.to_string(), "http://*.lan:8080 (private too) by GET /v1/*");
    assert_eq!(socket.to_string(), "http://docker at /run/docker.sock by GET,HEAD /**");
    let sources: Vec<_> = grants.secrets.iter().map(|secret| secret.source.clone()).collect();
    let command = ["gh", "auth", "token"].map(str::to_owned).to_vec();
    let expected = [
        SecretSource::Environment("KEY".to_owned()),
        SecretSource::File("/home/u/b".into()),
        SecretSource::Command(command),
    ];
    assert_eq!(sources, expected);
    assert_eq!(grants.secrets[0].hosts.len(), 1);
    assert_eq!(grants.files, [("db".to_owned(), PathBuf::from("/abs/x.sqlite"))]);
}

#[test]
fn an_empty_file_is_a_configuration() {
    assert!(parse("").unwrap().providers.is_empty());
}

/// Returns a provider whose keys after the three that it must have are `more`.
fn with(more: &str) -> String {
    format!("[[provider]]\nname = \"n\"\npath = \"/x.wasm\"\nmount = \"/m\"\n{more}")
}

/// Returns the error as it is shown, without colours.
fn shown(text: &str) -> String {
    let file = Path::new("/home/u/.config/omnifs/providers.toml");
    let error = parse(text).unwrap_err().in_file(file, text.to_owned());
    anstream::adapter::strip_str(&error.render()).to_string()
}

#[test]
fn a_mistake_is_shown_with_its_line_a_caret_and_the_remedy() {
    let typo = "[[provider]]\nname = \"n\"\npath = \"/x.wasm\"\nmoutn = \"/m\"\n";
    let expected = r#"error: unknown key `moutn`
   ╭─[/home/u/.config/omnifs/providers.toml:4:1]
 3 │ path = "/x.wasm"
 4 │ moutn = "/m"
   · ──┬──
   ·   ╰── no such key here
   ╰────
  help: did you mean `mount`?
"#;
    assert_eq!(shown(typo), expected);

    let unit = with("[provider.cache]\nttl = \"1 day\"\n");
    let expected = r#"error: "1 day" is not a duration
   ╭─[/home/u/.config/omnifs/providers.toml:6:7]
 5 │ [provider.cache]
 6 │ ttl = "1 day"
   ·       ───┬───
   ·          ╰── not understood
   ╰────
  help: write seconds, or "500ms", "60s", "10m" or "24h"
"#;
    assert_eq!(shown(&unit), expected);
}

/// A file, the line:column of the caret, and what has to be said.
type Mistake = (String, &'static str, &'static str);

fn check(mistakes: &[Mistake]) {
    for (text, place, said) in mistakes {
        let shown = shown(text);
        let place = format!("providers.toml:{place}]");
        assert!(shown.contains(&place), "no {place} for\n{text}\nin\n{shown}");
        assert!(shown.contains(said), "no {said:?} in\n{shown}");
        assert!(shown.starts_with("error: "), "{shown}");
    }
}

#[test]
fn shapes_are_checked() {
    check(&[
        ("[[provider]\n".to_owned(), "1:12", "error: "),
        ("[[provider]]\nname = \"n\"\npath = \"/x\"\n".to_owned(), "1:1", "`mount` is missing"),
        ("[provider]\nname = \"n\"\n".to_owned(), "1:1", "[[provider]], in two brackets"),
        ("[provider.capabilities]\n".to_owned(), "1:2", "in two brackets"),
        ("[hots]\n".to_owned(), "1:2", "did you mean `host`?"),
        ("[host]\ncolour = 1\n".to_owned(), "2:1", "the keys here are ca_file, allow_other, cache"),
        (
            "[[provider]]\nname = 3\n".to_owned(),
            "2:8",
            "invalid type: integer `3`, expected a string",
        ),
        (with("name = \"m\"\n"), "5:1", "duplicate key"),
        (with("live = 1\n"), "5:8", "expected a boolean"),
        (with("errors = \"lax\"\n"), "5:10", "\"strict\" or \"as-provider\""),
        (with("[provider.cache]\nttl = true\n"), "6:7", "true is not a duration"),
        (with("[provider.cache]\nmemory = \"64MB\"\n"), "6:10", "\"64KiB\", \"64MiB\" or \"1GiB\""),
        (with("[provider.cache]\ndisk = true\n"), "6:8", "true is not a size"),
        (with("[provider.limits]\nanswer = 0\n"), "6:10", "no time at all"),
        (with("[provider.limits]\nanswers = 1\n"), "6:1", "did you mean `answer`?"),
        (with("[provider.limits]\ninstances = 0\n"), "6:13", "0 is outside of 1 to 1024"),
        (with("[provider.limits]\nqueue = -1\n"), "6:9", "-1 is outside of 1 to"),
        (
            with("[provider.limits]\nmemory = \"5GiB\"\n"),
            "6:10",
            "is outside of 1048576 to 4294967296",
        ),
    ]);
}

#[test]
fn names_and_paths_are_checked() {
    let provider = |name: &str, path: &str, mount: &str| {
        format!("[[provider]]\nname = {name:?}\npath = {path:?}\nmount = {mount:?}\n")
    };
    let long = "x".repeat(64);
    check(&[
        (provider("N", "/x", "/m"), "2:8", "\"N\" cannot be the name of a provider"),
        (provider("", "/x", "/m"), "2:8", "a-z, 0-9 and -"),
        (provider("-a", "/x", "/m"), "2:8", "not - first"),
        (provider(&long, "/x", "/m"), "2:8", "1 to 63"),
        (provider("n", "x.wasm", "/m"), "3:8", "begin it with / or ~/"),
        (provider("n", "~x/y", "/m"), "3:8", "is not an absolute path"),
        (provider("n", "$HOME/x", "/m"), "3:8", "is not an absolute path"),
        (provider("n", "builtin:", "/m"), "3:8", "not the name of an embedded provider"),
        (provider("n", "/x", "m"), "4:9", "begin it with / or ~/"),
        (provider("n", "/x", "/a/../m"), "4:9", "goes up by .."),
        (provider("n", "/x", "/"), "4:9", "cannot be mounted at /"),
        (provider("n", "/x", "/a~b").replace('~', "\\u0001"), "4:9", "holds a control character"),
        (provider("n", "/m/x", "/m"), "3:8", "/m/x is inside the mount of \"n\""),
    ]);
    assert_eq!(only(&provider("n", "/a//./b", "/m/")).mount, Path::new("/m"));
}

#[test]
fn providers_stay_apart() {
    let two = |name: &str, mount: &str| {
        format!(
            "{}[[provider]]\nname = {name:?}\npath = \"/x.wasm\"\nmount = {mount:?}\n",
            with("")
        )
    };
    check(&[
        (two("n", "/o"), "6:8", "two providers are called \"n\""),
        (two("o", "/m"), "8:9", "\"n\" is already mounted at /m"),
        (two("o", "/m/"), "8:9", "\"n\" is already mounted at /m"),
        (two("o", "/m/o"), "8:9", "/m/o is inside the mount of \"n\" at /m"),
    ]);
    let around = "[[provider]]\nname = \"n\"\npath = \"/x\"\nmount = \"/m/n\"\n\
                  [[provider]]\nname = \"o\"\npath = \"/x\"\nmount = \"/m\"\n";
    check(&[(around.to_owned(), "8:9", "the mount of \"n\" at /m/n would be inside /m")]);
    assert_eq!(parse(&two("o", "/mm")).unwrap().providers.len(), 2);
}

#[test]
fn grants_are_checked() {
    let grant = |line: &str| with(&format!("[provider.capabilities]\n{line}\n"));
    check(&[
        (grant(r#"htpp = { allow = [] }"#), "6:1", "did you mean `http`?"),
        (grant(r#"http = { allow = ["*"] }"#), "6:19", "* would allow every host"),
        (grant(r#"http = { allow = ["https://a.b/c"] }"#), "6:19", "which paths it may ask for"),
        (
            grant(r#"http = { allow = [1] }"#),
            "6:19",
            "expected a string such as \"api.example.com\"",
        ),
        (grant(r#"http = { allow = [{ hosts = "a.b" }] }"#), "6:21", "did you mean `host`?"),
        (
            grant(r#"http = { allow = [{ methods = ["GET"] }] }"#),
            "6:19",
            "names a `host` or a `unix` socket",
        ),
        (
            grant(r#"http = { allow = [{ host = "a.b", methods = ["get"] }] }"#),
            "6:46",
            "write GET, HEAD",
        ),
        (
            grant(r#"http = { allow = [{ host = "a.b", paths = ["/a*"] }] }"#),
            "6:44",
            "one whole segment",
        ),
        (
            grant(r#"http = { allow = [{ host = "a.b", as = "x" }] }"#),
            "6:40",
            "neither `unix` nor `as`",
        ),
        (
            grant(r#"http = { allow = [{ unix = "/s" }] }"#),
            "6:28",
            "the provider asks for http://name/",
        ),
        (grant(r#"http = { allow = [{ unix = "s", as = "d" }] }"#), "6:28", "not an absolute path"),
        (grant(r#"secrets = { K = {} }"#), "6:17", "secret \"K\" needs exactly one source"),
        (grant(r#"secrets = { K = { env = "A", file = "/f" } }"#), "6:17", "exactly one source"),
        (grant(r#"secrets = { K = { env = "A=b" } }"#), "6:25", "the name, not the value"),
        (grant(r#"secrets = { K = { command = [] } }"#), "6:29", "the command is empty"),
        (grant(r#"secrets = { K = { file = "f" } }"#), "6:26", "not an absolute path"),
        (grant(r#"secrets = { "a b" = { env = "A" } }"#), "6:13", "cannot be the name of a secret"),
        (grant(r#"secrets = { K = { env = "A", hosts = ["*"] } }"#), "6:39", "every host"),
        (grant(r#"files = { db = "x" }"#), "6:16", "not an absolute path"),
    ]);
}

#[test]
fn a_missing_file_shows_what_to_put_there() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("providers.toml");
    let error = Config::load(&file, Path::new("/home/u")).unwrap_err();
    let text = anstream::adapter::strip_str(&error.render()).to_string();
    assert!(
        text.starts_with(&format!("error: there is no configuration at {}", file.display())),
        "{text}"
    );
    assert!(text.contains("mount = \"/omnifs/my-provider\""), "{text}");
}

/// The page that lists all limits lists them all, with their defaults.
#[test]
fn the_page_of_limits_is_true() {
    let page = include_str!("../../../../docs/limits.md");
    let cells = page.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<(&str, &str)> = cells
        .map(|row| {
            let mut quoted = row.split('`').skip(1).step_by(2);
            (quoted.next().unwrap(), quoted.next().unwrap())
        })
        .collect();
    let keys: Vec<&str> = EVERYTHING
        .split_once("[provider.limits]\n")
        .and_then(|(_, rest)| rest.split_once('['))
        .map(|(limits, _)| limits.lines().filter_map(|line| line.split_once(" = ")).map(|l| l.0))
        .unwrap()
        .filter(|key| *key != "instances")
        .collect();
    let mut listed: Vec<&str> = rows.iter().map(|row| row.0).collect();
    listed.sort_unstable();
    let mut known = keys.clone();
    known.sort_unstable();
    assert_eq!(listed, known);
    for (key, default) in rows {
        let set = only(&format!("{PAGE_FIRST}[provider.limits]\n{key} = {default}\n"));
        assert_eq!(set.limits, only(PAGE_FIRST).limits, "{key}");
    }
}
