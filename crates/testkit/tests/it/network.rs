//! A network is a world of its own, and leaves nothing behind.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use testkit::{Deaf, Listener, Network, Sandbox, Upstream, guests, run, wait_until};

use crate::client::{all, connect};

const SOON: Duration = Duration::from_secs(5);

/// Whether a process is gone, or dead and not yet reaped.
fn gone(id: &str) -> bool {
    fs::read_to_string(format!("/proc/{id}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

#[test]
fn every_address_of_the_world_is_inside_and_can_be_counted() {
    let network = Network::new();
    let rest = [Listener::new(&network, "0.0.0.0:80"), Listener::new(&network, "[::]:80")];
    let own: Vec<_> = ["11.22.33.1:80", "[2600:1234::7]:80"]
        .map(|address| Listener::new(&network, address))
        .into_iter()
        .collect();
    let elsewhere = [
        "10.1.2.3:80",
        "192.168.7.7:80",
        "127.0.0.9:80",
        "169.254.169.254:80",
        "93.184.216.34:80",
        "[fd00::7]:80",
        "[64:ff9b::a9fe:a9fe]:80",
        "[2002:a9fe:a9fe::1]:80",
        "[::1]:80",
        "[::ffff:10.1.2.3]:80",
    ];
    let streams: Vec<TcpStream> = elsewhere.iter().map(|to| connect(&network, to)).collect();
    assert_eq!(rest.each_ref().map(Listener::connections), [6, 4]);
    assert!(own.iter().all(|listener| listener.connections() == 0));
    drop(streams);
    let _streams = [connect(&network, "11.22.33.1:80"), connect(&network, "[2600:1234::7]:80")];
    assert!(own.iter().all(|listener| listener.connections() == 1));
    assert_eq!(rest.each_ref().map(Listener::connections), [6, 4]);
    assert_eq!(network.attempts(), 12);
    let refused = network.connect("8.8.8.8:81".parse().expect("an address"));
    assert_eq!(refused.expect_err("nobody listens").kind(), ErrorKind::ConnectionRefused);
    assert_eq!(network.attempts(), 13, "also what is refused counts");

    let _deaf = Deaf::new(&network, "11.22.33.9:80");
    let deaf = "11.22.33.9:80".parse().expect("an address");
    let wait = Duration::from_millis(300);
    let late = network.within(|| TcpStream::connect_timeout(&deaf, wait));
    assert_eq!(late.expect_err("nobody answers").kind(), ErrorKind::TimedOut);
}

#[test]
fn names_are_those_of_the_test_and_change_at_once() {
    let network = Network::new();
    network.name("api.example.com", &["11.22.33.1", "11.22.33.2", "2600:1234::7"]);
    let resolve = |name: &str| {
        let output = run(network.command("getent").args(["ahosts", name]));
        let mut found: Vec<String> = output
            .stdout
            .lines()
            .filter(|line| line.contains("STREAM"))
            .filter_map(|line| line.split_whitespace().next())
            .map(str::to_owned)
            .collect();
        found.sort();
        found
    };
    assert_eq!(resolve("api.example.com"), ["11.22.33.1", "11.22.33.2", "2600:1234::7"]);
    network.name("api.example.com", &["10.1.2.3"]);
    assert_eq!(resolve("api.example.com"), ["10.1.2.3"]);
    network.name("api.example.com", &[]);
    assert!(resolve("api.example.com").is_empty());
    assert!(resolve("example.org").is_empty());
    assert_eq!(resolve("localhost"), ["127.0.0.1"]);
    assert_eq!(network.datagrams(), 0, "no name server was asked");

    // While a name has one address or the other, it never has none.
    network.name("rebound.example.com", &["11.22.33.1"]);
    let program = "import socket, os\n\
        for _ in range(2000):\n    \
            found = {a[4][0] for a in socket.getaddrinfo('rebound.example.com', 80)}\n    \
            assert found in ({'11.22.33.1'}, {'127.0.0.1'}), found\n\
        print('done')\n";
    let mut python = network.command("python3");
    let python = python.args(["-c", program]).stdout(Stdio::piped()).spawn();
    let mut python = python.expect("python runs");
    while python.try_wait().expect("a child").is_none() {
        network.name("rebound.example.com", &["127.0.0.1"]);
        network.name("rebound.example.com", &["11.22.33.1"]);
    }
    let output = python.wait_with_output().expect("it ended");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n");
}

#[test]
fn commands_keep_their_environment_and_directory() {
    let network = Network::new();
    let directory = tempfile::tempdir().expect("a directory");
    let directory = fs::canonicalize(directory.path()).expect("it exists");
    let mut command = network.command("sh");
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("A", "b c");
    command.current_dir(&directory).args(["-c", "pwd; echo \"$A\" \"$1\"; exit 3", "sh", "d  e"]);
    let output = run(&mut command).expect_code(3);
    assert_eq!(output.stdout, format!("{}\nb c d  e\n", directory.display()));
}

#[test]
fn the_network_of_the_machine_is_another_one() {
    let network = Network::new();
    let listener = Listener::new(&network, "127.0.0.1:54321");
    assert!(TcpStream::connect("127.0.0.1:54321").is_err());
    assert_eq!(listener.connections(), 0);
    let outside = fs::read_to_string("/etc/hosts").expect("it exists");
    let inside = fs::read_to_string(network.path("/etc/hosts")).expect("it exists");
    assert_ne!(outside, inside);
}

#[test]
fn a_sandbox_inside_has_its_mounts_there_alone() {
    let network = Network::new();
    let sandbox = Sandbox::of_workspace().inside(&network);
    let mount = sandbox.root().join("mnt/hello");
    sandbox.configure(&format!(
        "[[provider]]\nname = \"hello\"\npath = {:?}\nmount = {mount:?}\n",
        guests::HELLO_PATH
    ));
    let _started = sandbox.omnifs(["start"]).expect_code(0);
    assert_eq!(sandbox.mounts(), [mount.as_path()]);
    let file = mount.join("hello.txt");
    let shown = sandbox.shell(&format!("cat {}", file.display()));
    assert_eq!(shown.stdout, "hello from omnifs\n");
    assert_eq!(fs::read_to_string(sandbox.seen(&file)).expect("seen"), "hello from omnifs\n");
    assert!(!file.exists());
    let daemon = sandbox.daemon().expect("it runs").to_string();
    let root = sandbox.root().to_owned();
    drop(sandbox);
    assert!(gone(&daemon) && !root.exists());
    assert_eq!(network.attempts(), 0);
}

#[test]
fn a_dropped_network_leaves_no_process_and_no_file() {
    let network = Network::new();
    let (_ca, certificate) = (network.ca_file(), network.certificate(&["x.example.com"]));
    let script = "setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $!; readlink /proc/$$/ns/net";
    let output = run(network.command("sh").args(["-c", script]));
    let [sleeper, own] = output.stdout.lines().collect::<Vec<_>>()[..] else {
        panic!("{output:?}")
    };
    let files = || {
        let entries = fs::read_dir("/proc").expect("proc").flatten();
        entries.filter_map(|entry| fs::read_link(entry.path().join("ns/net")).ok()).collect()
    };
    let namespaces: Vec<PathBuf> = files();
    assert!(namespaces.iter().any(|namespace| namespace == Path::new(own)));
    drop(network);
    assert!(wait_until(SOON, || gone(sleeper)));
    let namespaces: Vec<PathBuf> = files();
    assert!(!namespaces.iter().any(|namespace| namespace == Path::new(own)));
    assert!(!certificate.chain.exists());
}

/// The file that tells the victim below that it is one.
const MARK: &str = "this-one-will-be-killed";

#[test]
fn a_victim_for_the_next_test() {
    if !Path::new(MARK).exists() {
        return;
    }
    let network = Network::new();
    let script = "setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $! > id";
    let _run = run(network.command("sh").args(["-c", script])).expect_code(0);
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn a_killed_test_leaves_no_process() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join(MARK), "").expect("it can be written");
    let mut victim = Command::new(std::env::current_exe().expect("this test"));
    victim.args(["--exact", "network::a_victim_for_the_next_test", "--nocapture"]);
    victim.current_dir(directory.path()).env("TMPDIR", directory.path()).stdout(Stdio::null());
    let mut victim = victim.spawn().expect("it runs");
    let id = directory.path().join("id");
    let read = || fs::read_to_string(&id).unwrap_or_default();
    assert!(wait_until(SOON, || read().ends_with('\n')));
    let sleeper = read().trim().to_owned();
    let holder = find_holder(directory.path()).expect("the holder runs");
    assert!(!gone(&sleeper) && !gone(&holder));
    victim.kill().expect("it runs");
    let _ = victim.wait();
    assert!(wait_until(SOON, || gone(&sleeper) && gone(&holder)));
}

/// Returns the process whose command line names a directory below this one.
fn find_holder(directory: &Path) -> Option<String> {
    let mark = format!("{}/omnifs-net-", directory.display());
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line)
            .contains(&mark)
            .then(|| entry.file_name().into_string().ok())?
    })
}

#[test]
fn certificates_are_trusted_by_the_authority_alone() {
    let network = Network::new();
    network.name("api.example.com", &["11.22.33.1"]);
    network.name("old.example.com", &["11.22.33.2"]);
    network.name("other.example.com", &["11.22.33.1"]);
    let upstream = Upstream::https(&network, "api.example.com");
    let expired = network.expired_certificate(&["old.example.com"]);
    let old = Upstream::tls(&network, &["11.22.33.2:443"], &expired);
    let program = "import ssl, sys, http.client\n\
        def ask(name, file):\n    \
            context = ssl.create_default_context(cafile=file)\n    \
            connection = http.client.HTTPSConnection(name, context=context, timeout=10)\n    \
            try:\n        \
                connection.request('GET', '/json')\n        \
                print(connection.getresponse().status, connection.sock.version())\n    \
            except ssl.SSLCertVerificationError as error: print(error.verify_message)\n\
        ask('api.example.com', sys.argv[1])\n\
        ask('api.example.com', None)\n\
        ask('other.example.com', sys.argv[1])\n\
        ask('old.example.com', sys.argv[1])\n";
    let output = run(network.command("python3").args(["-c", program]).arg(network.ca_file()));
    let lines: Vec<&str> = output.stdout.lines().collect();
    let [first, unknown, other, late] = lines[..] else { panic!("{output:?}") };
    assert_eq!((first, late), ("200 TLSv1.3", "certificate has expired"));
    assert!(unknown.contains("unable to get local issuer"), "{unknown}");
    assert!(other.contains("certificate is not valid for 'other.example.com'"), "{other}");
    assert_eq!((upstream.connections(), old.connections()), (3, 1));
    let requests = upstream.requests();
    assert_eq!((requests.len(), old.requests().len()), (1, 0));
    assert_eq!(requests[0].server_name.as_deref(), Some("api.example.com"));
    assert!(requests[0].secure && requests[0].local == "11.22.33.1:443");
    assert!(
        all(&network, "11.22.33.1:443", "/json").is_ok_and(|bytes| !bytes.starts_with(b"HTTP"))
    );
}
