//! Listings that somebody made to do harm, and servers that fail.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use testkit::{Answer, Upstream};

use super::rig;
use crate::http::Rig;
use crate::memory_of;

/// A mount of a server that answers what it is told to.
fn scene(more: &str) -> (Rig, Upstream) {
    let rig = rig("https://api.example.com/", more);
    let upstream = rig.upstream("api.example.com");
    upstream.answer("/", listing("<a href=good/>good/</a> <a href=evil/>evil/</a>"));
    upstream.answer("/good/", listing("<a href=f>f</a> 02-Jan-2026 03:04 5"));
    upstream.answer("/good/f", Answer::new(200, "good\n"));
    (rig, upstream)
}

fn listing(rows: &str) -> Answer {
    let page = format!("<title>Index of /</title>{rows}");
    Answer::new(200, page).header("content-type", "text/html")
}

fn json(body: impl Into<Vec<u8>>) -> Answer {
    Answer::new(200, body).header("content-type", "application/json")
}

/// A directory without a listing is the error of its status, and a page that is none says so.
#[test]
fn what_is_no_listing_is_an_error_and_never_an_empty_directory() {
    let (rig, upstream) =
        scene("[provider.cache]\nttl = 0\nstale_while_revalidate = 0\nstale_if_error = 0\n");
    upstream.answer("/evil/", listing(""));
    rig.start();
    assert_eq!(rig.shell("ls evil").expect_code(0).stdout, "");
    let html =
        |status: u16, body: &str| Answer::new(status, body).header("content-type", "text/html");
    let away = || html(302, "").header("location", "/login");
    upstream.answer("/login", html(200, "<title>Index of you wish</title>"));
    for (answer, errno, reason) in [
        (html(403, "no"), "Permission denied", "403"),
        (html(401, "no"), "Permission denied", "401"),
        (html(404, "no"), "No such file or directory", ""),
        (html(410, "no"), "No such file or directory", ""),
        (html(500, "no"), "Input/output error", "500"),
        (
            html(200, "<title>Welcome</title><a href=x>x</a>"),
            "Input/output error",
            "no directory listing",
        ),
        (html(200, ""), "Input/output error", "no directory listing"),
        (html(204, ""), "Input/output error", "no directory listing"),
        (away(), "Input/output error", "/login is no directory listing"),
        (
            Answer::new(200, "x").header("content-type", "image/png"),
            "Input/output error",
            "image/png",
        ),
        (json("{}"), "Input/output error", "its JSON is another"),
        (json("[{\"name\":\"x\""), "Input/output error", "its JSON is another"),
    ] {
        upstream.answer("/evil/", answer);
        let output = rig.shell("LC_ALL=C ls evil/");
        assert_eq!(output.code(), 2, "{errno}: {}{}", output.stdout, output.stderr);
        assert!(output.stderr.contains(errno), "{reason}: {}", output.stderr);
        let errors = rig.sandbox.omnifs(["errors"]).stdout;
        assert!(errors.contains(reason), "{reason}: {errors}");
    }
}

/// A listing leads nowhere but into its own directory.
#[test]
fn links_that_lead_elsewhere_are_no_names() {
    let (rig, upstream) = scene("");
    let links = [
        "../",
        "..",
        "/",
        ".",
        "./",
        "%2e%2e/",
        "%2E",
        "/etc/passwd",
        "//evil.example/x",
        "?C=N;O=D",
        "https://evil.example/evil/x",
        "javascript:alert(1)",
        "data:,x",
        "file:///etc/passwd",
        "a/b",
        "a%2Fb",
        "..%2Fup",
        "x%00y",
        "%FF",
        "#x",
        "",
        "&#46;&#46;/",
    ];
    let mut rows: String = links.iter().map(|href| format!("<a href=\"{href}\">x</a>\n")).collect();
    rows.push_str("<a href=\"ok\">ok</a> 02-Jan-2026 03:04 3");
    upstream.answer("/evil/", listing(&rows));
    upstream.answer("/evil/ok", Answer::new(200, "ok\n"));
    rig.start();
    assert_eq!(rig.shell("ls -A evil").expect_code(0).stdout, "ok\n");
    assert_eq!(rig.shell("cat evil/ok").expect_code(0).stdout, "ok\n");
    for name in ["a%2Fb", "..%2Fup", "x%00y", "%2E%2E", "passwd"] {
        let output = rig.shell(&format!("LC_ALL=C cat 'evil/{name}'")).expect_code(1);
        assert!(output.stderr.contains("No such file or directory"), "{name}: {}", output.stderr);
    }
    let asked: Vec<String> = upstream.requests().into_iter().map(|r| r.target).collect();
    let known = ["/", "/evil/", "/evil/ok"];
    assert!(asked.iter().all(|target| known.contains(&target.as_str())), "{asked:?}");
}

/// Pages of a size, a number or a depth that no directory has end in an error, or in time; what lies
/// beside them is read meanwhile, and memory stays where it is.
#[test]
fn pages_without_measure_cost_nobody_else_anything() {
    let (rig, upstream) = scene("");
    let mut names = String::new();
    for number in 0..200_000 {
        writeln!(names, "<a href=\"n{number}\">n{number}</a> 02-Jan-2026 03:04 7").unwrap();
    }
    let piece = |piece: &str| piece.repeat((30 << 20) / piece.len());
    let pages = [
        ("too long", listing(&"<a href=x>x</a>".repeat(3 << 20)), false),
        ("open tags", listing(&piece("<a href=")), true),
        ("open quotes", listing(&piece("<a href=\"x")), true),
        ("open comments", listing(&piece("<!-- ")), true),
        ("one name", listing(&piece("<a href=x>x</a>\n")), true),
        ("deep", json("[".repeat(4 << 20)), false),
        ("a name without end", listing(&format!("<a href=\"{}\">x</a>", piece("x"))), true),
    ];
    upstream.answer("/evil/", listing(&names));
    rig.start();
    assert_eq!(rig.shell("ls -f evil | wc -l").expect_code(0).stdout, "200002\n");
    for (what, answer, is_read) in pages {
        upstream.answer("/evil/", answer);
        let _done = rig.sandbox.omnifs(["refresh".into(), rig.sandbox.root().join("mnt/f/evil")]);
        let listed = rig.shell("ls -f evil/ > /dev/null");
        assert_eq!(listed.code() == 0, is_read, "{what}: {}", listed.stderr);
        let begun = Instant::now();
        assert_eq!(rig.shell("cat good/f").expect_code(0).stdout, "good\n", "{what}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}: {:?}", begun.elapsed());
    }
    let memory = memory_of(rig.sandbox.daemon().unwrap(), "VmHWM");
    assert!(memory < 700 << 10, "{memory} KiB");
}

/// A file that became a directory, a part that is another one, and a server without parts.
#[test]
fn bytes_are_the_file_s_or_an_error() {
    let (rig, upstream) = scene("[provider.cache]\ndisk = false\n");
    let rows = "<a href=turned>turned</a> 02-Jan-2026 03:04 5\n\
        <a href=short>short</a> 02-Jan-2026 03:04 50\n\
        <a href=whole>whole</a> 02-Jan-2026 03:04 3000000\n\
        <a href=vague>vague</a> 02-Jan-2026 03:04 3M\n\
        <a href=odd>odd</a> 02-Jan-2026 03:04 3000000\n";
    upstream.answer("/evil/", listing(rows));
    upstream.answer("/evil/turned", Answer::new(301, "").header("location", "/good/"));
    upstream.answer("/evil/short", Answer::new(200, "five\n"));
    let all: Vec<u8> = (0..=250).cycle().take(3_000_000).collect();
    upstream.answer("/evil/whole", Answer::new(200, all.clone()));
    upstream.answer("/evil/vague", Answer::new(200, all.clone()));
    let odd = Answer::new(206, vec![0; 4_096]).header("content-range", "bytes 7-4102/3000000");
    upstream.answer("/evil/odd", odd);
    rig.start();
    let fails = |name: &str, errno: &str| {
        let output = rig.shell(&format!("LC_ALL=C cat evil/{name} > /dev/null"));
        assert_eq!(output.code(), 1, "{name}");
        assert!(output.stderr.contains(errno), "{name}: {}", output.stderr);
    };
    fails("turned", "Input/output error");
    fails("odd", "Input/output error");
    // Its size was another one: neither five bytes nor fifty are right.
    fails("short", "Stale file handle");
    let sum = rig.shell("sha256sum < evil/whole").expect_code(0).stdout;
    assert_eq!(rig.shell("sha256sum < evil/vague").expect_code(0).stdout, sum);
    let right = rig.sandbox.root().join("right");
    std::fs::write(&right, &all).unwrap();
    let line = format!("sha256sum < {}", right.display());
    assert_eq!(rig.sandbox.shell(&line).stdout, sum);
    assert_eq!(rig.shell("stat -c %s evil/vague").expect_code(0).stdout, "3000000\n");
}
