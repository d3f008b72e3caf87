//! What changes around a running daemon: clocks, the network, its files, other commands.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use testkit::{Sandbox, guests, run, wait_until};

use crate::http::{Rig, allowing};
use crate::{LIMIT, OMNIFS, config_of, mounted, mounted_with};

/// Returns where the library lies that tells programs another time.
fn faketime() -> PathBuf {
    let triplets = fs::read_dir("/usr/lib").unwrap().flatten();
    let places = triplets.map(|entry| entry.path().join("faketime/libfaketime.so.1"));
    places.into_iter().find(|place| place.exists()).unwrap()
}

/// > What is fresh does not depend on the calendar: a clock that is set forward or back changes
/// > nothing.
#[test]
fn a_clock_that_jumps_changes_nothing() {
    let sandbox = Sandbox::new(OMNIFS);
    let providers = [("clocked", guests::CLOCKED_PATH), ("tree", guests::TREE_PATH)];
    sandbox.configure(&config_of(&sandbox, &providers, "cache = { ttl = \"1h\" }\n"));
    let offset = sandbox.root().join("offset");
    let jump = |to: &str| fs::write(&offset, to).unwrap();
    jump("+0");
    let mut start = sandbox.command("omnifs");
    start
        .arg("start")
        .env("LD_PRELOAD", faketime())
        .env("FAKETIME_TIMESTAMP_FILE", &offset)
        .env("FAKETIME_NO_CACHE", "1")
        // A monotonic clock does not jump, or timers would mean nothing.
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let _started = run(&mut start).expect_code(0);
    let daemon = sandbox.daemon();
    let mounts = sandbox.root().join("mnt");
    let now = || fs::read_to_string(mounts.join("clocked/now")).unwrap();
    let modified = || fs::metadata(mounts.join("clocked/now")).unwrap().modified().unwrap();
    let (first, time) = (now(), modified());
    let sums = "cd mnt/tree && find . -type f -exec sha256sum {} + | sort";
    let list = || sandbox.shell(&format!("cd {} && {sums}", sandbox.root().display())).stdout;
    let files = list();
    assert!(files.lines().count() > 3, "{files}");
    for to in ["+400d", "-400d", "+0", "-9000d", "+20000d"] {
        jump(to);
        for _ in 0..3 {
            assert_eq!((now(), modified()), (first.clone(), time), "{to}");
            assert_eq!(list(), files, "{to}");
        }
        let path = mounts.join("tree").display().to_string();
        let _refreshed = sandbox.omnifs(["refresh", &path]).expect_code(0);
        assert_eq!(list(), files, "{to}: asked for anew");
    }
    assert_eq!(sandbox.daemon(), daemon);
    // What was kept under a clock that was wrong is no later than now for one that is right.
    let _stopped = sandbox.omnifs(["stop"]).expect_code(0);
    let _started = sandbox.omnifs(["start"]).expect_code(0);
    assert_eq!(list(), files);
}

/// > When this machine's addresses or routes change, or it was suspended, no connection is used any
/// > more that was made before.
#[test]
fn after_a_change_of_the_network_connections_are_new() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    let get = |n: u32| {
        let url = format!("https://api.example.com/json?n={n}");
        let status = rig.shell(&format!("cat 'get/{}/status'", guests::escape(&url)));
        assert_eq!(status.expect_code(0).stdout, "200\n");
    };
    (0..5).for_each(get);
    assert_eq!(upstream.connections(), 1, "one is enough");
    let told = || rig.sandbox.omnifs(["logs"]).stdout.matches("the network has changed").count();
    for (round, line) in [
        "ip address add 10.99.0.1/32 dev lo",
        "ip route add 10.98.0.0/24 dev lo",
        "ip address del 10.99.0.1/32 dev lo",
    ]
    .into_iter()
    .enumerate()
    {
        let _changed = rig.sandbox.shell(line).expect_code(0);
        assert!(wait_until(LIMIT, || told() > round), "{line}");
        (10..15).for_each(|n| get(n + 10 * round as u32));
        assert_eq!(upstream.connections(), round + 2, "{line}");
    }
    assert_eq!(told(), 3, "nothing else is a change");
}

#[test]
fn a_cache_that_is_removed_while_it_is_used_is_begun_anew() {
    let sandbox = Sandbox::new(OMNIFS);
    let provider = [("forest", guests::FOREST_PATH)];
    let mount = mounted_with(&sandbox, &provider, "cache = { ttl = \"1h\" }\n").join("forest");
    let plain = sandbox.root().join("plain");
    guests::plant_forest(&plain).unwrap();
    let same = |part: &str| {
        let line = format!("diff -r {}/{part} {}/{part}", plain.display(), mount.display());
        assert_eq!(sandbox.shell(&line).expect_code(0).stdout, "", "{part}");
    };
    same("plain00");
    let cache = sandbox.home().join(".cache/omnifs");
    let kept = || {
        let text = sandbox.omnifs(["cache", "stats", "--json"]).expect_code(0).stdout;
        let caches: serde_json::Value = serde_json::from_str(&text).unwrap();
        caches["providers"][0]["disk"].clone()
    };
    assert!(wait_until(LIMIT, || kept()["counts"]["records"].as_u64() > Some(100)), "{}", kept());
    let before = kept()["counts"]["records"].as_u64();
    fs::remove_dir_all(&cache).unwrap();
    same("plain00");
    same("plain62");
    let files = || fs::read_dir(cache.join("forest")).map_or(0, Iterator::count);
    assert!(wait_until(LIMIT, || files() > 1), "it is there again");
    assert!(kept()["counts"]["records"].as_u64() < before.map(|n| n * 2), "{}", kept());
    assert_eq!(kept()["trouble"], serde_json::Value::Null);
    let log = sandbox.omnifs(["logs"]).stdout;
    assert_eq!(log.matches("the cache was removed; it is begun anew").count(), 1, "{log}");
    let _restarted = sandbox.omnifs(["restart"]).expect_code(0);
    same("plain62");
    assert!(kept()["counts"]["hits"].as_u64() > Some(50), "{}", kept());
    same("plain00");
}

#[test]
fn a_download_finds_its_place_when_the_cache_was_removed() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let _upstream = rig.upstream("api.example.com");
    rig.start();
    let cache = rig.sandbox.home().join(".cache/omnifs");
    // What was begun by the start may still be written into it.
    assert!(wait_until(LIMIT, || fs::remove_dir_all(&cache).is_ok()));
    let url = guests::escape("https://api.example.com/big/100000");
    let size = rig.shell(&format!("cat 'download/{url}/size'")).expect_code(0).stdout;
    assert_eq!(size, "100000\n");
}

#[test]
fn a_configuration_that_changes_while_the_daemon_starts_is_the_one_that_holds() {
    let sandbox = Sandbox::new(OMNIFS);
    let first = [("hello", guests::HELLO_PATH)];
    let second = [("hello", guests::HELLO_PATH), ("tree", guests::TREE_PATH)];
    for delay in [0, 5, 10, 20, 40, 80] {
        sandbox.configure(&config_of(&sandbox, &first, ""));
        let mut start = sandbox.command("omnifs");
        let mut start = start.arg("start").stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        // As an editor does: the old file or the new one, and nothing between.
        let (new, at) = (sandbox.root().join("new.toml"), sandbox.config_file());
        fs::write(&new, config_of(&sandbox, &second, "")).unwrap();
        fs::rename(new, at).unwrap();
        // A provider that came meanwhile may still be loading.
        let code = start.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 5)), "{delay} ms: {code:?}");
        let listed = || fs::read_dir(sandbox.root().join("mnt/tree")).map_or(0, Iterator::count);
        assert!(wait_until(LIMIT, || listed() > 0), "{delay} ms");
        assert_eq!(sandbox.mounts().len(), 2, "{delay} ms");
        let _stopped = sandbox.omnifs(["stop"]).expect_code(0);
    }
}

#[test]
fn commands_at_one_time_wait_for_each_other() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]);
    let quietly = |arguments: &[String]| {
        let mut command = sandbox.command("omnifs");
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    // Eight add a provider each, and others reload and ask meanwhile.
    let mut running: Vec<_> = (0..8)
        .flat_map(|number| {
            let mount = mounts.join(format!("t{number}")).display().to_string();
            let add = ["provider", "add", guests::TREE_PATH, "--mount", &mount, "--name"];
            let add: Vec<String> =
                add.into_iter().map(String::from).chain([format!("t{number}")]).collect();
            [add, vec!["reload".to_owned()], vec!["status".to_owned()]]
        })
        .map(|arguments| (arguments[0].clone(), quietly(&arguments)))
        .collect();
    for (command, child) in &mut running {
        let code = child.wait().unwrap().code();
        // A status may meet a provider that is just being loaded.
        let fine = code == Some(0) || (command != "provider" && code == Some(5));
        assert!(fine, "{command}: {code:?}");
    }
    let _reloaded = sandbox.omnifs(["reload"]).expect_code(0);
    for number in 0..8 {
        let listed = fs::read_dir(mounts.join(format!("t{number}"))).unwrap().count();
        assert!(listed > 0, "t{number}");
    }
    assert_eq!(sandbox.mounts().len(), 9);
    // Two that end it: both are told that it has ended, or that none runs.
    let stop = || quietly(&["stop".to_owned()]);
    let mut stops = [stop(), stop()];
    for child in &mut stops {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    assert!(sandbox.mounts().is_empty());
}
