//! A secret goes where it may and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use testkit::{run, wait_until};

use super::{Rig, VALUE, allowing, holding};
use crate::LIMIT;

const HOST: &str = "https://api.example.com";

#[test]
fn the_server_sees_it_and_nothing_else_holds_it() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    // A caller that lets its programs dump core.
    let mut start = rig.sandbox.command("prlimit");
    start.args(["--core=unlimited:unlimited", "omnifs", "start"]);
    start.env("KEY", VALUE).env("OMNIFS_LOG", "trace");
    let _started = run(&mut start).expect_code(0);
    let url = format!("{HOST}/json");
    let report = rig.read("get/bearer/KEY", &url, "/report").stdout;
    assert!(report.starts_with("status: 200"), "{report}");
    let seen = &upstream.requests()[0];
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {VALUE}").as_str()));
    for option in ["basic/me/KEY", "raw/X-Key/KEY", "prefix/X-Key/token%20/KEY"] {
        assert!(
            rig.read(&format!("get/{option}"), &url, "/report").stdout.starts_with("status: 200")
        );
    }
    assert_eq!(upstream.requests()[2].header("x-key"), Some(VALUE));
    assert_eq!(upstream.requests()[3].header("x-key"), Some(format!("token {VALUE}").as_str()));
    let walk = rig.shell("grep -ra omnifs-s3cr3t config secret get log 2>&1; cat secret/KEY");
    assert_eq!(walk.stdout, "granted\n");
    // Whatever omnifs wrote: log, cache, state, sockets' directory; and what its commands print.
    assert_eq!(holding(rig.sandbox.root(), VALUE), Vec::<String>::new());
    for command in
        [&["status", "--json"][..], &["logs"], &["errors", "--json"], &["secrets", "check"]]
    {
        let output = run(rig.sandbox.command("omnifs").args(command).env("KEY", VALUE));
        assert!(!output.stdout.contains(VALUE) && !output.stderr.contains(VALUE), "{command:?}");
    }
    // Neither a core dump nor another process of the same user gets at the memory.
    let daemon = rig.sandbox.daemon().unwrap();
    let limits = fs::read_to_string(format!("/proc/{daemon}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    let owner = fs::metadata(format!("/proc/{daemon}/environ")).unwrap().permissions().mode();
    assert_eq!(owner & 0o777, 0o400);
    // A crash leaves nothing in the daemon's working directory, where the kernel would dump it.
    let crash = run(rig.sandbox.command("kill").args(["-ABRT", &daemon.to_string()]));
    let _ = crash.expect_code(0);
    assert!(wait_until(LIMIT, || rig.sandbox.daemon().is_none()));
    for dump in ["/core".to_owned(), format!("/core.{daemon}")] {
        assert!(!fs::exists(&dump).unwrap(), "{dump}");
    }
    assert_eq!(holding(rig.sandbox.root(), VALUE), Vec::<String>::new());
}

#[test]
fn an_answer_that_echoes_it_fails_the_call() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    for form in ["raw", "base64", "base64url", "percent", "hex", "HEX", "json"] {
        for place in ["echo", "echo-header"] {
            let url = format!("{HOST}/{place}/{form}/authorization");
            let report = rig.read("get/bearer/KEY", &url, "/report").stdout;
            assert_eq!(report, "error: secret-echo\n", "{place} {form}");
        }
    }
    let chunked = format!("{HOST}/echo/raw/authorization?chunk=3");
    let failed = rig.read("text/bearer/KEY", &chunked, "").expect_code(1);
    assert!(failed.stderr.contains("Permission denied"), "{}", failed.stderr);
    let zipped = format!("{HOST}/echo/raw/authorization?encoding=gzip");
    assert_eq!(rig.read("get/bearer/KEY", &zipped, "/report").stdout, "error: secret-echo\n");
    assert!(!upstream.requests().is_empty());
    let log = rig.log();
    assert!(log.contains("holds the value of the secret \"KEY\""), "{log}");
    assert!(!log.contains(VALUE));
}

#[test]
fn hosts_and_https_narrow_where_it_goes() {
    let grants = "[provider.capabilities]\n\
        http = { allow = [\"api.example.com\", \"other.example.com\", \"http://plain.example.com\"] }\n\
        secrets = { KEY = { env = \"KEY\", hosts = [\"api.example.com\"] } }\n";
    let rig = Rig::new(grants);
    let upstream = rig.upstream("api.example.com");
    rig.network.name("other.example.com", &["11.22.33.2"]);
    rig.network.name("plain.example.com", &["11.22.33.3"]);
    let other = testkit::Upstream::https(&rig.network, "other.example.com");
    let plain = testkit::Upstream::http(&rig.network, &["11.22.33.3:80"]);
    rig.start();
    let with = |url| rig.read("get/bearer/KEY", url, "/report").stdout;
    assert!(with("https://api.example.com/json").starts_with("status: 200"));
    let refused = with("https://other.example.com/json");
    assert!(refused.contains("add the host to `hosts` of the secret \"KEY\""), "{refused}");
    let refused = with("http://plain.example.com/json");
    assert!(refused.contains("secrets travel over https"), "{refused}");
    let counts = [upstream.requests().len(), other.requests().len(), plain.requests().len()];
    assert_eq!(counts, [1, 0, 0]);
    assert_eq!(rig.read("get/bearer/NONE", "https://api.example.com/json", "/error").code(), 0);
    assert_eq!(rig.shell("cat secret/NONE").stdout, "absent\n");
}

#[test]
fn files_and_programs_are_sources_and_a_missing_one_is_named() {
    let rig = Rig::new("");
    let key = rig.sandbox.home().join("key");
    fs::write(&key, format!("{VALUE}\n")).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let environment = rig.sandbox.home().join("environment");
    let program = rig.sandbox.home().join("print-key");
    fs::write(&program, format!("#!/bin/sh\nenv > {}\necho {VALUE}\n", environment.display()))
        .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    rig.configure(&format!(
        "[provider.capabilities]\nhttp = {{ allow = [\"api.example.com\"] }}\n\
         secrets = {{ KEY = {{ env = \"KEY\" }}, FILE = {{ file = {key:?} }}, \
         PROGRAM = {{ command = [{program:?}] }} }}\n"
    ));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    for name in ["FILE", "PROGRAM"] {
        let report = rig.read(&format!("get/bearer/{name}"), &format!("{HOST}/json"), "/report");
        assert!(report.stdout.starts_with("status: 200"), "{name}: {}", report.stdout);
    }
    let expected = format!("Bearer {VALUE}");
    assert!(upstream.requests().iter().all(|r| r.header("authorization") == Some(&expected)));
    // The program saw no secret that is another's.
    let seen = fs::read_to_string(&environment).unwrap();
    assert!(!seen.contains(VALUE), "{seen}");

    let checked = run(rig.sandbox.command("omnifs").args(["secrets", "check"]).env("KEY", "x"));
    let checked = checked.expect_code(0).stdout;
    assert_eq!(checked.matches(" found ").count(), 3, "{checked}");
    let missing = rig.sandbox.omnifs(["secrets", "check"]).expect_code(1);
    assert!(missing.stdout.contains("variable KEY"), "{}", missing.stdout);
    assert!(missing.stderr.contains("the variable KEY is not set"), "{}", missing.stderr);
    let failed = rig.sandbox.omnifs(["restart"]).expect_code(1).stderr;
    assert!(failed.contains("error: f: the secret \"KEY\" cannot be read"), "{failed}");
    assert!(failed.contains("KEY=... omnifs restart"), "{failed}");
}
