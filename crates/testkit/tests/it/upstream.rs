//! The upstream does what its table says, and counts what was done.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use testkit::{Answer, Coding, Network, Upstream, wait_until};

use crate::client::{all, ask, connect, get};

const AT: &str = "11.22.33.1:80";
const SOON: Duration = Duration::from_secs(5);
const ITEMS: &str =
    r#"[{"id":1,"title":"first"},{"id":2,"title":"second"},{"id":3,"title":"third"}]"#;

fn upstream() -> (Network, Upstream) {
    let network = Network::new();
    let upstream = Upstream::http(&network, &[AT, "[2600:1234::7]:8080"]);
    (network, upstream)
}

#[test]
fn requests_and_connections_are_counted_exactly() {
    let (network, upstream) = upstream();
    let mut first = connect(&network, AT);
    for _ in 0..100 {
        assert_eq!(ask(&mut first, &get("/count")).status(), "200");
    }
    assert_eq!(ask(&mut first, &get("/count")).text(), "101\n");
    let mut second = connect(&network, "[2600:1234::7]:8080");
    let post = "POST /echo?a=b HTTP/1.1\r\nHost: y\r\nAuthorization: Bearer abc\r\n\
        Content-Length: 4\r\n\r\nbody";
    let echo = ask(&mut second, post);
    assert!(echo.text().contains(r#"["Authorization","Bearer abc"]"#), "{}", echo.text());
    let chunked = "PUT /json HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
    assert_eq!(ask(&mut second, chunked).text(), ITEMS);
    assert_eq!((upstream.connections(), upstream.open(), upstream.peak()), (2, 2, 1));

    let requests = upstream.requests();
    assert_eq!(requests.len(), 103);
    let posted = &requests[101];
    assert_eq!((posted.method.as_str(), posted.target.as_str()), ("POST", "/echo?a=b"));
    assert_eq!((posted.connection, posted.body.as_slice()), (2, b"body".as_slice()));
    assert_eq!(posted.header("authorization"), Some("Bearer abc"));
    assert_eq!(posted.local, "[2600:1234::7]:8080");
    assert_eq!(posted.peer, second.local_addr().expect("connected").to_string());
    assert_eq!(requests[102].body, b"abcd");

    drop(first);
    assert!(wait_until(SOON, || upstream.open() == 1));
    upstream.clear();
    assert_eq!((upstream.connections(), upstream.requests().len()), (0, 0));
    // 100 ms for each of 16 at a time.
    let begin = Instant::now();
    let mut streams: Vec<_> = (0..16).map(|_| connect(&network, AT)).collect();
    for stream in &mut streams {
        stream.write_all(get("/slow/100").as_bytes()).expect("it takes the request");
    }
    for stream in &mut streams {
        assert_eq!(ask(stream, "").text(), ITEMS);
    }
    assert!(begin.elapsed() >= Duration::from_millis(100));
    assert_eq!((upstream.connections(), upstream.requests().len()), (16, 16));
    assert_eq!(upstream.peak(), 16);
}

#[test]
fn proper_answers_are_as_the_table_says() {
    let (network, upstream) = upstream();
    let mut stream = connect(&network, AT);
    let mut reply = |target: &str| ask(&mut stream, &get(target));
    assert_eq!(reply("/items").text(), ITEMS);
    let page = reply("/pages?page=2");
    assert_eq!(page.text(), r#"[{"id":2,"title":"item 2"}]"#);
    assert!(page.head.contains(r#"<http://x/pages?page=3&last=3>; rel="next""#), "{}", page.head);
    assert!(!reply("/pages?page=3").head.contains("next"));
    let limited = reply("/status/429?retry_after=3&remaining=0&control=no-store&h=X-A:b%20c");
    assert_eq!(limited.status(), "429");
    for header in
        ["Retry-After: 3", "X-RateLimit-Remaining: 0", "Cache-Control: no-store", "X-A: b c"]
    {
        assert!(limited.has(header), "{header}\n{}", limited.head);
    }
    assert!(!reply("/status/204").head.contains("Content-Length"));
    assert!(reply("/redirect?to=https%3A%2F%2Fy%2F&status=307").has("Location: https://y/"));
    assert!(reply("/hops/2").has("Location: /hops/1") && reply("/hops/0").status() == "200");
    assert!(reply("/loop").has("Location: /loop"));
    let big = reply("/big/1000");
    assert!(big.body.len() == 1000 && big.body[250] == 250 && big.body[251] == 0);
    assert!((64 << 10..66 << 10).contains(&reply("/headers/64").head.len()));
    assert_eq!(reply("/nothing").status(), "404");
    assert_eq!(reply("/early").status(), "103");
    assert_eq!(ask(&mut stream, "").text(), ITEMS);

    let mut reply = |target: &str, header: &str| {
        ask(&mut stream, &format!("GET {target} HTTP/1.1\r\n{header}\r\n\r\n"))
    };
    let head = ask(&mut connect(&network, AT), "HEAD /json HTTP/1.1\r\n\r\n");
    assert!(head.has(&format!("Content-Length: {}", ITEMS.len())));
    let fresh = "If-None-Match: \"0\", \"1\"";
    assert_eq!(reply("/etag", fresh).status(), "304");
    let since = "If-Modified-Since: Wed, 01 Jan 2025 00:00:01 GMT";
    assert_eq!(reply("/modified", since).status(), "304");
    upstream.set_version(2);
    assert_eq!(reply("/etag", fresh).text(), "version 2\n");
    assert!(reply("/etag", "A: b").has("ETag: \"2\""));
    assert_eq!(reply("/modified", since).status(), "200");

    let credential = "X-Key: Bearer a+\"b";
    for (form, seen) in [
        ("raw", "a+\"b"),
        ("base64", "YSsiYg=="),
        ("base64url", "YSsiYg"),
        ("percent", "%61%2B%22%62"),
        ("hex", "612b2262"),
        ("HEX", "612B2262"),
        ("json", "\\u0061\\u002b\\u0022\\u0062"),
    ] {
        assert_eq!(reply(&format!("/echo/{form}/x-key"), credential).text(), seen);
        let header = reply(&format!("/echo-header/{form}/x-key"), credential);
        assert!(header.has(&format!("X-Echo: {seen}")), "{}", header.head);
    }

    assert_eq!(reply("/switch", "A: b").text(), ITEMS);
    upstream.switch("/status/500");
    assert_eq!(reply("/switch", "A: b").status(), "500");
    upstream.answer("/own", Answer::new(201, "mine").header("X-Own", "1"));
    let own = reply("/own", "A: b");
    assert!(own.status() == "201" && own.text() == "mine" && own.has("X-Own: 1"));
    assert_eq!(upstream.connections(), 2);
}

#[test]
fn bodies_come_coded_chunked_or_to_the_end() {
    let (network, upstream) = upstream();
    let all = |target: &str| all(&network, AT, target).expect("an end");
    let text = |target: &str| String::from_utf8(all(target)).expect("text");
    assert!(all("/gzip").windows(2).any(|part| part == [0x1f, 0x8b]));
    for coding in ["deflate", "br", "zstd"] {
        let answer =
            String::from_utf8_lossy(&all(&format!("/json?encoding={coding}"))).into_owned();
        assert!(answer.contains(&format!("Content-Encoding: {coding}\r\n")), "{answer}");
        assert!(!answer.contains(ITEMS), "{answer}");
    }
    let bomb = all("/bomb");
    assert!(bomb.len() < 2 << 20, "{}", bomb.len());
    let chunked = text("/json?chunk=20");
    let expected = "\r\n\r\n14\r\n[{\"id\":1,\"title\":\"fi\r\n14\r\n";
    assert!(chunked.contains(expected) && chunked.ends_with("\r\n0\r\n\r\n"), "{chunked}");
    let old = text("/http10");
    assert_eq!(old, format!("HTTP/1.0 200 OK\r\n\r\n{ITEMS}"));
    assert!(text("/json?close").contains("\r\nConnection: close\r\n"));
    upstream.answer("/coded", Answer::json("[]").coded(Coding::Zstd).chunked(4));
    assert!(all("/coded").windows(4).any(|part| part == [0x28, 0xb5, 0x2f, 0xfd]));
    let begin = Instant::now();
    let _ = text("/json?delay=150");
    assert!(begin.elapsed() >= Duration::from_millis(150));
}

#[test]
fn misdeeds_are_as_the_table_says() {
    let (network, upstream) = upstream();
    let body = |target: &str| {
        let bytes = all(&network, AT, target)?;
        let text = String::from_utf8(bytes).expect("text");
        Ok::<_, std::io::Error>(text.split_once("\r\n\r\n").expect("a head").1.to_owned())
    };
    assert_eq!(body("/short").expect("an end"), "xxxxxxxxxx");
    assert_eq!(body("/short/chunked").expect("an end"), "a\r\nxxxxxxxxxx\r\n");
    assert!(body("/long").expect("an end").ends_with("forged"));
    assert_eq!(body("/reset").expect_err("no answer").kind(), ErrorKind::ConnectionReset);
    assert!(all(&network, AT, "/close").expect("an end").is_empty());
    assert!(all(&network, AT, "/garbage").expect("an end").starts_with(b"this is no HTTP"));

    let mut stream = connect(&network, AT);
    let long = ask(&mut stream, &get("/long"));
    assert_eq!(long.text(), "right");
    assert_eq!(ask(&mut stream, "").text(), "forged", "it lies there for the next request");
    for target in ["/endless", "/endless/chunked"] {
        let mut stream = connect(&network, AT);
        stream.write_all(get(target).as_bytes()).expect("it takes the request");
        let mut bytes = vec![0; 4 << 20];
        stream.read_exact(&mut bytes).expect("more than that");
    }
    let mut stream = connect(&network, AT);
    stream.write_all(get("/drip/20").as_bytes()).expect("it takes the request");
    let (begin, mut bytes) = (Instant::now(), [0; 1]);
    while begin.elapsed() < Duration::from_millis(200) {
        assert_eq!(stream.read(&mut bytes).expect("a byte"), 1);
    }
    for (target, said) in [("/never", 0), ("/stall", 10)] {
        let mut stream = connect(&network, AT);
        stream.write_all(get(target).as_bytes()).expect("it takes the request");
        stream.set_read_timeout(Some(Duration::from_millis(150))).expect("a time");
        let mut bytes = Vec::new();
        let error = stream.read_to_end(&mut bytes).expect_err("no end");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert_eq!(bytes.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len), said);
    }
    // The other side of everything that was dropped above goes, too.
    drop(stream);
    assert!(wait_until(SOON, || upstream.open() <= 1), "{}", upstream.open());
}

#[test]
fn a_dropped_upstream_closes_everything_at_once() {
    let (network, upstream) = upstream();
    let mut waiting = connect(&network, AT);
    waiting.write_all(get("/never").as_bytes()).expect("it takes the request");
    let idle = connect(&network, AT);
    assert!(wait_until(SOON, || upstream.requests().len() == 1 && upstream.open() == 2));
    let begin = Instant::now();
    drop(upstream);
    assert!(begin.elapsed() < Duration::from_secs(1));
    let mut bytes = Vec::new();
    assert_eq!(waiting.read_to_end(&mut bytes).expect("closed"), 0);
    let refused = network.connect(AT.parse().expect("an address"));
    assert_eq!(refused.expect_err("it is gone").kind(), ErrorKind::ConnectionRefused);
    drop(idle);
    let again = Upstream::http(&network, &[AT]);
    assert_eq!(ask(&mut connect(&network, AT), &get("/json")).text(), ITEMS);
    assert_eq!(again.connections(), 1);
}

#[test]
fn a_socket_of_the_file_system_serves_the_same() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("docker.sock");
    let upstream = Upstream::unix(&path);
    let mut stream = UnixStream::connect(&path).expect("it listens");
    let request = "GET /v1/json HTTP/1.1\r\nHost: docker\r\n\r\n";
    assert_eq!(ask(&mut stream, request).status(), "404");
    assert_eq!(ask(&mut stream, &get("/json")).text(), ITEMS);
    let requests = upstream.requests();
    assert_eq!(requests[0].header("host"), Some("docker"));
    assert_eq!(
        (requests[0].local.as_str(), requests[0].connection),
        (path.to_str().unwrap_or_default(), 1)
    );
    assert_eq!((upstream.connections(), requests.len()), (1, 2));
}
