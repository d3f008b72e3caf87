//! `omnifs doctor` and `omnifs config check`, on machines that lack something.

use serde_json::Value;
use testkit::{Output, Private, Sandbox, User, guests, run};

use crate::ordinary_user::configure;
use crate::{OMNIFS, config_of, mounted};

/// Runs the doctor in a mount namespace of its own, after `prepare`.
fn prepared(sandbox: &Sandbox, prepare: &str) -> Output {
    let line = format!("{prepare} && exec omnifs doctor --json");
    let mut command = sandbox.rust_command("unshare");
    run(command.args(["--mount", "--propagation", "private", "sh", "-c", &line]))
}

/// Returns the findings of a topic.
#[track_caller]
fn findings(output: &Output, topic: &str) -> Vec<Value> {
    let json: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(json["schema"], 1);
    for finding in json["findings"].as_array().unwrap() {
        assert_eq!(finding["level"] == "ok", finding["fix"].is_null(), "{finding}");
    }
    let all = json["findings"].as_array().unwrap().iter();
    all.filter(|finding| finding["topic"] == topic).cloned().collect()
}

/// Returns the one finding of a topic as its level, text and fix.
#[track_caller]
fn finding(output: &Output, topic: &str) -> [String; 3] {
    let all = findings(output, topic);
    assert_eq!(all.len(), 1, "{}", output.stdout);
    ["level", "text", "fix"].map(|key| all[0][key].as_str().unwrap_or_default().to_owned())
}

#[test]
fn where_all_is_well_there_is_no_error_and_nothing_is_made() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure(&config_of(&sandbox, &[("hello", guests::HELLO_PATH)], ""));
    let output = run(sandbox.rust_command("omnifs").args(["doctor", "--json"])).expect_code(0);
    let mount = sandbox.root().join("mnt/hello").display().to_string();
    for (topic, says) in [
        ("device", "/dev/fuse can be opened"),
        ("config", "is valid: 1 enabled"),
        ("component", "is a provider (face 1)"),
        ("mount", &format!("hello: {mount} can be made")),
        ("daemon", "not running"),
    ] {
        let [level, text, _] = finding(&output, topic);
        assert!(level == "ok" && text.contains(says), "{topic}: {text}");
    }
    let toolchain = findings(&output, "toolchain");
    assert!(toolchain.iter().all(|finding| finding["level"] == "ok"), "{toolchain:?}");
    assert!(!sandbox.root().join("mnt").exists());
    let list = run(sandbox.rust_command("omnifs").arg("doctor")).expect_code(0).stdout;
    assert!(list.contains("\nok: device: /dev/fuse can be opened\n"), "{list}");
    assert!(list.lines().last().unwrap().starts_with("errors: 0, warnings: "), "{list}");
}

#[test]
fn what_runs_is_looked_at_as_it_is() {
    let sandbox = Sandbox::new(OMNIFS);
    let _mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]);
    let output = sandbox.omnifs(["doctor", "--json"]).expect_code(0);
    assert!(finding(&output, "mount")[1].ends_with("is mounted and answers"));
    assert!(finding(&output, "daemon")[1].ends_with("is running"));
}

#[test]
fn a_machine_without_the_device_is_told_how_to_get_it() {
    let sandbox = Sandbox::new(OMNIFS);
    let output = prepared(&sandbox, "mount -t tmpfs none /dev").expect_code(1);
    let [level, text, fix] = finding(&output, "device");
    assert_eq!((level.as_str(), text.as_str()), ("error", "/dev/fuse does not exist"));
    assert!(fix.contains("modprobe fuse"), "{fix}");
}

#[test]
fn every_fault_of_the_configuration_has_its_fix() {
    let sandbox = Sandbox::new(OMNIFS);
    let none = sandbox.omnifs(["doctor", "--json"]).expect_code(0);
    assert_eq!(finding(&none, "config")[0], "warning");
    sandbox.configure("[[provider]]\nnaem = 1\n");
    let bad = sandbox.omnifs(["doctor", "--json"]).expect_code(1);
    assert!(finding(&bad, "config")[1].contains("unknown key `naem`"));

    let text = sandbox.home().join("text.wasm");
    std::fs::write(&text, "text").unwrap();
    let providers = [("hello", "/none.wasm"), ("text", text.to_str().unwrap())];
    sandbox.configure(&config_of(&sandbox, &providers, ""));
    let occupied = sandbox.root().join("mnt/hello");
    std::fs::create_dir_all(&occupied).unwrap();
    std::fs::write(occupied.join("precious"), "").unwrap();
    let output = sandbox.omnifs(["doctor", "--json"]).expect_code(1);
    let components = findings(&output, "component");
    assert!(components.iter().all(|found| found["level"] == "error"), "{components:?}");
    assert!(components[0]["text"].as_str().unwrap().contains("cannot read the component"));
    let mounts = findings(&output, "mount");
    assert_eq!((&mounts[0]["level"], &mounts[1]["level"]), (&"error".into(), &"ok".into()));
    assert!(mounts[0]["text"].as_str().unwrap().contains("is not empty"), "{mounts:?}");
}

#[test]
fn indexers_and_containers_are_warnings() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure(&config_of(&sandbox, &[("hello", guests::HELLO_PATH)], ""));
    let conf = "mount -t tmpfs none /etc && echo 'PRUNEFS=\"nfs\"' >/etc/updatedb.conf";
    let output = prepared(&sandbox, conf).expect_code(0);
    let indexers = findings(&output, "indexers");
    assert_eq!(indexers[0]["level"], "warning");
    assert!(indexers[0]["fix"].as_str().unwrap().starts_with("sudo sed -i"), "{indexers:?}");
    // What the fix leaves behind is well.
    let fix = indexers[0]["fix"].as_str().unwrap().strip_prefix("sudo ").unwrap();
    let fixed = prepared(&sandbox, &format!("{conf} && {fix}")).expect_code(0);
    assert_eq!(findings(&fixed, "indexers")[0]["level"], "ok");

    let container = prepared(&sandbox, "mount -t tmpfs none /run && touch /run/.containerenv");
    let [level, text, fix] = finding(&container, "propagation");
    assert!(level == "warning" && text.ends_with("inside of this container alone"), "{text}");
    assert!(fix.ends_with(":rshared"), "{fix}");
}

#[test]
fn an_ordinary_user_needs_fusermount3_with_its_bit() {
    let user = Private::new(OMNIFS, User::Nobody, "true");
    configure(&user, "~/mnt/hello", "");
    let doctor = |prepare: &str| user.shell_after(prepare, "exec omnifs doctor --json");
    let well = doctor("true");
    assert_eq!(
        finding(&well, "fusermount3")[..2],
        ["ok", "/usr/bin/fusermount3 is set-user-id root"]
    );
    // A device is no program, so the search goes past it.
    let missing = doctor("mount --bind /dev/null /usr/bin/fusermount3").expect_code(1);
    let expected = ["error", "fusermount3 is not installed", "install the package fuse3"];
    assert_eq!(finding(&missing, "fusermount3"), expected);

    // A file system of its own, so that the fix can be tried.
    let copy = "mount -t tmpfs none /mnt && cp /usr/bin/fusermount3 /mnt/x && chmod 755 /mnt/x \
                && mount --bind /mnt/x /usr/bin/fusermount3";
    let without = doctor(copy).expect_code(1);
    let [level, text, fix] = finding(&without, "fusermount3");
    assert_eq!(level, "error");
    assert_eq!(text, "/usr/bin/fusermount3 is not set-user-id root, and cannot mount");
    let fixed = doctor(&format!("{copy} && {}", fix.replace("sudo ", "")));
    assert_eq!(finding(&fixed, "fusermount3")[0], "ok", "{fix}");
}

#[test]
fn an_ordinary_user_may_let_others_in_only_where_fuse_conf_permits_it() {
    let user = Private::new(OMNIFS, User::Nobody, "true");
    let conf = "mount -t tmpfs none /mnt && echo '#user_allow_other' >/mnt/conf \
                && mount --bind /mnt/conf /etc/fuse.conf";
    let doctor = |prepare: &str| user.shell_after(prepare, "exec omnifs doctor --json");
    configure(&user, "~/mnt/hello", "");
    assert_eq!(findings(&doctor(conf), "allow_other"), Vec::<Value>::new());

    configure(&user, "~/mnt/hello", "[host]\nallow_other = true\n");
    let [level, text, fix] = finding(&doctor(conf).expect_code(1), "allow_other");
    assert_eq!(level, "error");
    assert!(text.contains("/etc/fuse.conf does not permit it to ordinary users"), "{text}");
    let command = fix.split("; or").next().unwrap().replace("sudo ", "");
    let permitted = format!("{conf} && {command} >&2");
    let fixed = doctor(&permitted);
    assert_eq!(finding(&fixed, "allow_other")[..2], ["ok", "/etc/fuse.conf permits it"], "{fix}");

    // What it says is so: the mount works with the permission, and not without.
    let start = "omnifs start; code=$?; omnifs stop; exit $code";
    let refused = user.shell_after(conf, start).expect_code(1);
    assert!(refused.stderr.contains("allow_other"), "{}", refused.stderr);
    let _ = user.shell_after(&permitted, start).expect_code(0);
}

#[test]
fn the_configuration_is_checked_without_a_daemon() {
    let sandbox = Sandbox::new(OMNIFS);
    let missing = sandbox.omnifs(["config", "check"]).expect_code(4);
    assert!(missing.stderr.starts_with("error: there is no configuration at "));
    let one = config_of(&sandbox, &[("hello", guests::HELLO_PATH)], "");
    let file = sandbox.config_file().display().to_string();
    sandbox.configure(&one);
    let output = sandbox.omnifs(["config", "check"]).expect_code(0);
    assert_eq!(output.stdout, format!("{file}: 1 provider\n"));
    let off = config_of(&sandbox, &[("tree", guests::TREE_PATH)], "enabled = false");
    sandbox.configure(&format!("{one}{off}"));
    let output = sandbox.omnifs(["config", "check"]).expect_code(0);
    assert_eq!(output.stdout, format!("{file}: 2 providers, 1 of them disabled\n"));
    sandbox.configure("x");
    let wrong = sandbox.omnifs(["config", "check"]).expect_code(4);
    assert!(wrong.stderr.contains(&format!("{file}:1:")), "{}", wrong.stderr);
    assert_eq!(sandbox.daemon(), None);
}
