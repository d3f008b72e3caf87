//! The nginx of a test is a real one, is counted exactly, and ends with the test.

use std::fs;
use std::io::Read as _;

use testkit::{Network, Nginx, run};

use crate::client::{ask, connect, get};

const NAME: &str = "files.example.com";

/// Asks one thing after the other on one connection over TLS.
const ASK: &str = "
import http.client, ssl, sys
connection = http.client.HTTPSConnection(
    'files.example.com', context=ssl.create_default_context(cafile=sys.argv[1]), timeout=10)
def ask(target, **headers):
    connection.request('GET', target, headers={k.replace('_', '-'): v for k, v in headers.items()})
    answer = connection.getresponse()
    return answer, answer.read()
first, body = ask('/a.txt')
print(first.status, body)
print(ask('/a.txt', If_None_Match=first.headers['ETag'])[0].status)
print(ask('/a.txt', If_Modified_Since=first.headers['Last-Modified'])[0].status)
part, body = ask('/a.txt', Range='bytes=2-4')
print(part.status, body, part.headers['Content-Range'])
packed, body = ask('/b.json', Accept_Encoding='gzip', Authorization='Bearer abc')
print(packed.headers['Content-Encoding'], body[:2], packed.headers['Vary'])
print(ask('/moved/a.txt')[0].headers['Location'])
print(ask('/limited/a.txt')[0].status)
limited = ask('/limited/a.txt')[0]
print(limited.status, limited.headers['Retry-After'])
print(ask('/upstream/json')[1][:10])
print(ask('/upstream/status/503')[0].status)
try: ask('/upstream/short')
except http.client.IncompleteRead as error: print(error.partial)
";

#[test]
fn it_serves_what_the_table_says_and_counts_it() {
    let network = Network::new();
    network.name(NAME, &["11.22.33.5", "2600:1234::5"]);
    let nginx = Nginx::new(&network, &[NAME]);
    nginx.put("a.txt", "0123456789");
    nginx.put("b.json", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]");
    let output = run(network.command("python3").args(["-c", ASK]).arg(network.ca_file()));
    let expected = "200 b'0123456789'\n304\n304\n206 b'234' bytes 2-4/10\n\
        gzip b'\\x1f\\x8b' Accept-Encoding\nhttps://files.example.com/a.txt\n200\n429 1\n\
        b'[{\"id\":1,\"'\n503\nb'xxxxxxxxxx'\n";
    assert_eq!(output.stdout, expected, "{}", output.stderr);
    let requests = nginx.requests();
    assert_eq!((requests.len(), nginx.connections()), (11, 1));
    let statuses: Vec<u16> = requests.iter().map(|request| request.status).collect();
    assert_eq!(statuses, [200, 304, 304, 206, 200, 302, 200, 429, 200, 503, 200]);
    let packed = &requests[4];
    assert!(packed.authorized && packed.encoding == "gzip" && packed.sequence == 5);
    assert_eq!(requests.iter().filter(|request| request.authorized).count(), 1);
    assert_eq!((requests[3].range.as_str(), requests[3].bytes), ("bytes=2-4", 3));
    assert_eq!((packed.protocol.as_str(), packed.host.as_str()), ("HTTP/1.1", NAME));
    assert_eq!(nginx.upstream().requests().len(), 3);

    let mut plain = connect(&network, "[2600:1234::5]:80");
    for _ in 0..200 {
        let request = get("/a.txt").replace("Host: x", "Host: files.example.com");
        assert_eq!(ask(&mut plain, &request).text(), "0123456789");
    }
    let requests = nginx.requests();
    assert_eq!((requests.len(), nginx.connections()), (211, 2));
    assert_ne!(requests[0].connection, requests[11].connection);
    assert_eq!(requests[210].sequence, 200);
}

#[test]
fn it_speaks_http_2_and_leaves_nothing() {
    let network = Network::new();
    network.name(NAME, &["11.22.33.5"]);
    let nginx = Nginx::new(&network, &[NAME]);
    let mut openssl = network.command("openssl");
    openssl.args(["s_client", "-connect", "files.example.com:443", "-servername", NAME]);
    openssl.args(["-alpn", "h2", "-verify_return_error", "-CAfile"]).arg(network.ca_file());
    let output = run(&mut openssl);
    assert!(output.stdout.contains("ALPN protocol: h2"), "{output:?}");
    assert!(output.stdout.contains("Verify return code: 0 (ok)"), "{}", output.stdout);
    assert_eq!((nginx.connections(), nginx.requests().len()), (1, 0));

    let mut idle = connect(&network, "11.22.33.5:80");
    let places = |mark: &str| {
        let lines = fs::read_dir("/proc").expect("proc").flatten();
        lines
            .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
            .filter(|line| String::from_utf8_lossy(line).contains(mark))
            .count()
    };
    let directory = nginx.directory().to_owned();
    let mark = directory.display().to_string();
    assert_eq!(places(&mark), 1);
    drop(nginx);
    assert_eq!(places(&mark), 0);
    assert!(!directory.exists());
    // The kernel resets what nginx had not accepted yet.
    let ended = idle.read(&mut [0]).or_else(|error| match error.kind() {
        std::io::ErrorKind::ConnectionReset => Ok(0),
        _ => Err(error),
    });
    assert_eq!(ended.expect("closed"), 0);
}
