//! Embedded providers, and the commands that change the file of providers.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use testkit::{Output, Sandbox, guests, wait_until};

use crate::{LIMIT, OMNIFS};

/// What a user's file may look like.
const FILE: &str = "# My providers; keep!\n\n[host] # all of it\nallow_other   = false\n";

fn add(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    sandbox.omnifs([&["provider", "add"], arguments].concat())
}

/// Returns the provider that the sandbox's list has at this place.
fn listed(sandbox: &Sandbox, index: usize) -> serde_json::Value {
    let output = sandbox.omnifs(["provider", "list", "--json"]).expect_code(0);
    let list: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    list["providers"][index].clone()
}

#[test]
fn an_embedded_provider_is_mounted_like_a_file() {
    let sandbox = Sandbox::new(OMNIFS);
    let mount = sandbox.root().join("mnt/hello").display().to_string();
    let output = add(&sandbox, &["hello", "--mount", &mount]).expect_code(0);
    let expected = format!(
        "added hello: builtin:hello\nmount: {mount}\nasks for: nothing\nnext: omnifs start\n"
    );
    assert_eq!((output.stdout, output.stderr), (expected, String::new()));
    let _started = sandbox.omnifs(["start"]).expect_code(0);
    assert_eq!(sandbox.shell(&format!("cat {mount}/hello.txt")).stdout, "hello from omnifs\n");

    let other = sandbox.root().join("mnt/other").display().to_string();
    let output = add(&sandbox, &["tree", "--name", "other", "--mount", &other]).expect_code(0);
    assert!(output.stdout.ends_with("\nthe running daemon picks this up\n"), "{}", output.stdout);
    assert!(wait_until(LIMIT, || sandbox.mounts().len() == 2));

    let output = sandbox.omnifs(["provider", "remove", "other"]).expect_code(0);
    let expected =
        format!("removed other: builtin:tree, mount {other}\nthe running daemon picks this up\n");
    assert_eq!(output.stdout, expected);
    let hello = [sandbox.root().join("mnt/hello")];
    assert!(wait_until(LIMIT, || sandbox.mounts() == hello));
}

#[test]
fn an_embedded_provider_that_is_none_gets_those_that_are() {
    let sandbox = Sandbox::new(OMNIFS);
    let reason = "there is no embedded provider \"nope\"; there are dns, hello, httpdir, tree\n";
    let output = add(&sandbox, &["nope"]).expect_code(1);
    assert!(output.stderr.starts_with(&format!("error: {reason}")), "{}", output.stderr);
    assert!(!sandbox.config_file().exists());
    let mount = sandbox.root().join("mnt/nope");
    sandbox.configure(&format!(
        "[[provider]]\nname = \"nope\"\npath = \"builtin:nope\"\nmount = {mount:?}\n"
    ));
    let output = sandbox.omnifs(["start"]).expect_code(1);
    assert!(output.stderr.starts_with(&format!("error: nope: {reason}")), "{}", output.stderr);
}

#[test]
fn the_file_keeps_its_comments_and_its_mode() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure(FILE);
    let file = sandbox.config_file();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(sandbox.home().join("my_provider.wasm"), guests::HELLO).unwrap();
    let _added = add(&sandbox, &["./my_provider.wasm", "--mount", "mnt/a"]).expect_code(0);
    let component = sandbox.home().join("my_provider.wasm");
    let mount = sandbox.home().join("mnt/a");
    let text = format!(
        "{FILE}\n[[provider]]\nname = \"my-provider\"\npath = {component:?}\nmount = {mount:?}\n"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let _added = add(&sandbox, &["tree", "--mount", "~/mnt/b"]).expect_code(0);
    assert_eq!(listed(&sandbox, 1)["mount"], sandbox.home().join("mnt/b").to_str().unwrap());
    let output = sandbox.omnifs(["provider", "remove", "tree"]).expect_code(0);
    let mount = sandbox.home().join("mnt/b");
    assert_eq!(output.stdout, format!("removed tree: builtin:tree, mount {}\n", mount.display()));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    let beside: Vec<_> = fs::read_dir(file.parent().unwrap()).unwrap().flatten().collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
}

#[test]
fn a_mount_is_chosen_and_printed() {
    let sandbox = Sandbox::new(OMNIFS);
    let output = add(&sandbox, &["hello"]).expect_code(0);
    let mount = listed(&sandbox, 0)["mount"].as_str().unwrap().to_owned();
    assert!(output.stdout.contains(&format!("\nmount: {mount}\n")), "{}", output.stdout);
    let at_home = sandbox.home().join("omnifs/hello").display().to_string();
    assert!([at_home.as_str(), "/omnifs/hello"].contains(&mount.as_str()), "{mount}");
}

#[test]
fn what_would_not_work_is_not_added() {
    let sandbox = Sandbox::new(OMNIFS);
    let _added = add(&sandbox, &["hello", "--mount", "~/mnt/hello"]).expect_code(0);
    let before = fs::read_to_string(sandbox.config_file()).unwrap();
    fs::write(sandbox.home().join("text.wasm"), "text").unwrap();
    let refused: [(&[&str], &str); 5] = [
        (&["text.wasm"], "text.wasm: "),
        (&["none.wasm"], "cannot read the component "),
        (&["hello"], "there is a provider \"hello\" already"),
        (&["tree", "--mount", "~/mnt/hello/x"], "is inside the mount of \"hello\""),
        (&["tree", "--name", "No Name"], "\"No Name\" cannot be the name of a provider"),
    ];
    for (arguments, reason) in refused {
        let output = add(&sandbox, arguments).expect_code(1);
        assert!(output.stderr.starts_with("error: "), "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(reason), "{arguments:?}: {}", output.stderr);
        assert_eq!(output.stdout, "", "{arguments:?}");
        assert_eq!(fs::read_to_string(sandbox.config_file()).unwrap(), before, "{arguments:?}");
    }
    let output = sandbox.omnifs(["provider", "remove", "tree"]).expect_code(1);
    assert_eq!(output.stderr, "error: no provider is called \"tree\"\n  help: there are hello\n");
    assert_eq!(fs::read_to_string(sandbox.config_file()).unwrap(), before);
}

#[test]
fn a_file_with_a_mistake_is_not_touched() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure("[[provider]]\nname = \"a\"\n");
    for arguments in [["add", "hello"], ["remove", "a"]] {
        let output = sandbox.omnifs([&["provider"], arguments.as_slice()].concat());
        let output = output.expect_code(4);
        assert!(output.stderr.contains("is missing"), "{}", output.stderr);
    }
    let text = fs::read_to_string(sandbox.config_file()).unwrap();
    assert_eq!(text, "[[provider]]\nname = \"a\"\n");
}

#[test]
fn the_list_has_what_is_configured_and_what_is_embedded() {
    let sandbox = Sandbox::new(OMNIFS);
    let embedded = "\nEMBEDDED  WHAT IT IS\n\
                    dns       the records of any domain, asked for over HTTPS\n\
                    hello     the smallest provider: one directory with one file\n\
                    httpdir   any HTTP directory listing: nginx, Apache and nginx's JSON\n\
                    tree      a sample tree: nested directories, files of many sizes\n";
    let none = format!("no providers in {}\n", sandbox.config_file().display());
    let output = sandbox.omnifs(["provider", "list"]).expect_code(0);
    assert_eq!(output.stdout, format!("{none}{embedded}"));
    sandbox.configure(
        "[[provider]]\nname = \"a\"\npath = \"/x/a.wasm\"\nmount = \"/m/a\"\n\
         [[provider]]\nname = \"long-name\"\npath = \"builtin:tree\"\nmount = \"/m/b\"\nenabled = false\n",
    );
    let output = sandbox.omnifs(["provider", "list"]).expect_code(0);
    let table = "NAME       MOUNT  ENABLED  COMPONENT\n\
                 a          /m/a   yes      /x/a.wasm\n\
                 long-name  /m/b   no       builtin:tree\n";
    assert_eq!(output.stdout, format!("{table}{embedded}"));
    let json = sandbox.omnifs(["provider", "list", "--json"]).expect_code(0).stdout;
    let expected = r#"{"schema":1,"providers":[{"name":"a","path":"/x/a.wasm","mount":"/m/a","enabled":true},{"name":"long-name","path":"builtin:tree","mount":"/m/b","enabled":false}],"embedded":[{"name":"dns","about":"the records of any domain, asked for over HTTPS"},{"name":"hello","about":"the smallest provider: one directory with one file"},{"name":"httpdir","about":"any HTTP directory listing: nginx, Apache and nginx's JSON"},{"name":"tree","about":"a sample tree: nested directories, files of many sizes"}]}"#;
    assert_eq!(json, format!("{expected}\n"));
}
