//! Which call an answer came from, and what that asked upstream: one name for it everywhere.

use testkit::{Output, run};

use super::{Rig, VALUE, allowing, path};

const HOST: &str = "https://api.example.com";

impl Rig {
    fn explain(&self, place: &str) -> String {
        let file = self.sandbox.root().join("mnt/f").join(place);
        run(self.sandbox.command("omnifs").arg("explain").arg(file)).expect_code(0).stdout
    }

    fn attribute(&self, name: &str, place: &str) -> Output {
        let line =
            format!("getfattr --only-values --absolute-names -n user.omnifs.{name} '{place}'");
        self.shell(&line)
    }
}

/// Returns the first name of a call in a text.
fn named(text: &str) -> &str {
    let start = text.find("r-").unwrap();
    let is_of_it = |c: char| c == '-' || c.is_ascii_hexdigit() || c == 'r';
    let end = text[start..].find(|c| !is_of_it(c)).map_or(text.len(), |end| start + end);
    &text[start..end]
}

/// > What is kept of a path says which call made it, what that asked upstream, and from where and
/// > which version it is; the log and the errors name the same call.
#[test]
fn one_name_of_a_call_leads_from_the_error_to_the_log() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let _upstream = rig.upstream("api.example.com");
    rig.start();

    let good = path("text", &format!("{HOST}/etag"), "");
    let _read = rig.shell(&format!("cat '{good}'")).expect_code(0);
    let explained = rig.explain(&good);
    let made: Vec<&str> =
        explained.lines().skip_while(|line| !line.starts_with("requests")).collect();
    assert_eq!(made[0], format!("requests: ({})", named(&explained)));
    let asked = format!("  GET {HOST}/etag 200 in ");
    assert!(made[1].starts_with(&asked) && made[1].ends_with(" ms"), "{explained}");
    assert_eq!(made[2..], ["last error: none"]);
    assert_eq!(rig.attribute("source", &good).expect_code(0).stdout, format!("{HOST}/etag"));
    let etag = rig.attribute("etag", &good).expect_code(0).stdout;
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    assert_eq!(rig.attribute("source", "config").code(), 1, "it came from nowhere");

    let bad = path("text", &format!("{HOST}/status/500"), "");
    let _failed = rig.shell(&format!("cat '{bad}'")).expect_code(1);
    let json = rig.sandbox.omnifs(["errors", "--json"]).expect_code(0).stdout;
    let errors: serde_json::Value = serde_json::from_str(&json).unwrap();
    let request = errors[0]["request"].as_str().unwrap();
    let asked = &errors[0]["exchanges"]["first"][0];
    assert_eq!((&asked["status"], &asked["by"]), (&500.into(), &"upstream".into()), "{json}");
    assert!(rig.sandbox.omnifs(["errors"]).stdout.contains(request));
    // getfattr(1) asks for the size of the file first, which is what fails.
    let told = rig.attribute("error", "text").expect_code(0).stdout;
    assert!(told.ends_with(&format!("({request})")), "{told}: {request}");
    let explained = rig.explain(&bad);
    assert!(explained.contains(&format!("requests: ({request})\n  GET {HOST}/status/500 500 in ")));

    let logging = "log/info/a%20line";
    let _read = rig.shell(&format!("cat '{logging}'")).expect_code(0);
    let explained = rig.explain(logging);
    let request = named(&explained);
    assert!(explained.contains(&format!("requests: none ({request})\n")), "{explained}");
    let log = rig.log();
    let line = log.lines().find(|line| line.contains("a line")).unwrap();
    assert!(line.contains(request), "{line}: {request}");
}

#[test]
fn a_call_that_asks_for_much_shows_some_and_no_call_shows_a_secret() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let _upstream = rig.upstream("api.example.com");
    rig.start();
    let many = path("all/64", &format!("{HOST}/json?{{n}}"), "");
    let lines = rig.shell(&format!("cat '{many}' | wc -l")).expect_code(0).stdout;
    assert_eq!(lines.trim(), "64");
    let explained = rig.explain(&many);
    let shown = explained.lines().filter(|line| line.starts_with("  GET ")).count();
    assert_eq!(shown, 16);
    assert!(explained.contains("\n  and 48 more\n"), "{explained}");

    let secret = path("text/bearer/KEY", &format!("{HOST}/json?secret"), "");
    let _read = rig.shell(&format!("cat '{secret}'")).expect_code(0);
    let url = rig.attribute("source", &secret).expect_code(0).stdout;
    let failing = path("text/bearer/KEY", &format!("{HOST}/status/401"), "");
    let _failed = rig.shell(&format!("cat '{failing}'")).expect_code(1);
    let json = rig.sandbox.omnifs(["errors", "--json"]).expect_code(0).stdout;
    for text in [rig.explain(&secret), rig.explain(&failing), url, json, rig.log()] {
        assert!(!text.contains(VALUE), "{text}");
    }
}

#[test]
fn what_was_kept_over_a_restart_still_says_where_it_came_from() {
    let rig = Rig::new(&allowing("\"api.example.com\"").replace("\"100ms\"", "\"1h\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    let file = path("text", &format!("{HOST}/etag"), "");
    let _read = rig.shell(&format!("cat '{file}'")).expect_code(0);
    let before = [rig.attribute("source", &file).stdout, rig.attribute("etag", &file).stdout];
    let made = named(&rig.explain(&file)).to_owned();
    drop(upstream);
    let _stopped = rig.sandbox.omnifs(["stop"]).expect_code(0);
    rig.start();
    let _read = rig.shell(&format!("cat '{file}'")).expect_code(0);
    let after = [rig.attribute("source", &file).stdout, rig.attribute("etag", &file).stdout];
    assert_eq!(after, before);
    assert_eq!(named(&rig.explain(&file)), made, "no other call has this name");
}
