//! What shells and `man` get from the commands.

use testkit::{Sandbox, run};

use crate::OMNIFS;

#[test]
fn bash_completes_the_commands() {
    let sandbox = Sandbox::new(OMNIFS);
    let line = "source <(omnifs completions bash)
        COMP_WORDS=(omnifs sta); COMP_CWORD=1; _omnifs omnifs sta omnifs
        echo ${COMPREPLY[@]}
        COMP_WORDS=(omnifs status --j); COMP_CWORD=2; _omnifs omnifs --j status
        echo ${COMPREPLY[@]}
        COMP_WORDS=(omnifs start --); COMP_CWORD=2; _omnifs omnifs -- start
        echo ${COMPREPLY[@]}";
    let output = run(sandbox.command("bash").args(["-c", line])).expect_code(0);
    let offered = "start status stat\n--json\n--no-mount --foreground --help\n";
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), (offered, ""));
}

#[test]
fn every_shell_gets_every_command_and_nothing_hidden() {
    let sandbox = Sandbox::new(OMNIFS);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = sandbox.omnifs(["completions", shell]).expect_code(0).stdout;
        for shown in ["init", "test", "dev", "start", "foreground", "doctor", "metrics", "once"] {
            assert!(text.contains(shown), "{shell}: {shown}");
        }
        for hidden in ["__probe", "detached"] {
            assert!(!text.contains(hidden), "{shell}: {hidden}");
        }
    }
    let _unknown = sandbox.omnifs(["completions", "tcsh"]).expect_code(2);
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let sandbox = Sandbox::new(OMNIFS);
    let page = sandbox.omnifs(["man"]).expect_code(0).stdout;
    assert!(page.contains(".TH omnifs 1") && page.contains("omnifs\\-doctor(1)"), "{page}");
    let _written = sandbox.omnifs(["man", "pages/man1"]).expect_code(0);
    let pages = sandbox.home().join("pages/man1");
    assert_eq!(std::fs::read_to_string(pages.join("omnifs.1")).unwrap(), page);
    for command in
        ["init", "build", "test", "dev", "start", "status", "top", "metrics", "config-check"]
    {
        let page = std::fs::read_to_string(pages.join(format!("omnifs-{command}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
        assert!(!page.contains("detached"), "{page}");
    }
    assert!(!pages.join("omnifs-__probe.1").exists());
    let refused = sandbox.omnifs(["man", "/dev/null/man"]).expect_code(1).stderr;
    assert!(refused.starts_with("error: cannot write the manual pages to /dev/null/man"));
}
