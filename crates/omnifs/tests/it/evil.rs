//! A component that does everything it should not, beside a healthy one.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use testkit::{Sandbox, guests, run_for, wait_until};

use crate::{LIMIT, OMNIFS, config_of, memory_of};

/// The time that a request has, in these tests.
const ANSWER: Duration = Duration::from_secs(3);

/// What a row comes to.
enum End {
    /// With this in the tool's words.
    Fails(&'static str),
    /// With one of these.
    FailsEither(&'static str, &'static str),
    /// With this output.
    Gives(&'static str),
    /// Whatever; the host is to survive it.
    Ends,
}
use End::{Ends, Fails, FailsEither, Gives};

const IO: &str = "Input/output error";
const LATE: &str = "Connection timed out";

/// Lines of shell, run in the mount, and what they come to.
const ROWS: &[(&str, End)] = &[
    ("cat spin", Fails(LATE)),
    ("cat sleep", Fails(LATE)),
    ("cat alloc", Fails(IO)),
    ("cat recurse", Fails(IO)),
    ("cat trap", Fails(IO)),
    ("cat exit", Fails(IO)),
    ("cat abort", Fails(IO)),
    ("cat flood", Gives("flooded\n")),
    ("cat large", Fails("File too large")),
    ("ls names", FailsEither(IO, "Value too large")),
    ("ls long-names", FailsEither(IO, "Value too large")),
    ("ls bad", Gives("good\n")),
    ("cat bad/good", Gives("ok\n")),
    ("ls list-trap", Fails(IO)),
    ("ls list-spin", Fails(LATE)),
    ("cat lookup-trap", Fails(IO)),
    ("cat lookup-spin", Fails(LATE)),
    ("cat zero", Fails(IO)),
    ("cat max", Fails(IO)),
    ("ls me", Fails(IO)),
    ("cat lost", Fails("No such file or directory")),
    ("cat twin-a twin-b", Gives("ok\nok\n")),
    ("find cycle | tail -1", Ends),
    ("find cycle", Fails("File system loop detected")),
    ("ls cycle$(printf '/cycle%.0s' $(seq 130))", Fails("Too many levels of symbolic links")),
    ("find deep", Fails("Too many levels of symbolic links")),
    ("for n in $(seq 20); do cat flip || ls flip; done", Ends),
    ("for n in $(seq 50); do cat random > /dev/null || exit 1; done", Ends),
    ("ls -l --color=always", Ends),
    ("cat ok", Gives("ok\n")),
];

/// Ends the watch when it is dropped.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Reads the healthy component over and over, past its freshness; returns the longest that took.
fn watch(sandbox: &Sandbox, mounts: &Path, done: &AtomicBool) -> Duration {
    let line = format!("cat {}/hello/hello.txt", mounts.display());
    let mut longest = Duration::ZERO;
    while !done.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let output = sandbox.shell(&line);
        longest = longest.max(begun.elapsed());
        assert_eq!(output.stdout, "hello from omnifs\n", "{}", output.stderr);
        std::thread::sleep(Duration::from_millis(20));
    }
    longest
}

#[test]
fn every_evil_deed_ends_in_time_and_harms_nobody() {
    let sandbox = Sandbox::new(OMNIFS);
    let limits = "[provider.cache]\nttl = 0\nnegative = 0\nstale_while_revalidate = 0\n\
                  stale_if_error = 0\n\
                  [provider.limits]\nanswer = \"3s\"\ncpu = \"1s\"\ncall = \"4s\"\n";
    let providers = [("evil", guests::EVIL_PATH), ("hello", guests::HELLO_PATH)];
    sandbox.configure(&config_of(&sandbox, &providers, limits));
    let _started = sandbox.omnifs(["start"]).expect_code(0);
    let mounts = sandbox.root().join("mnt");
    let daemon = sandbox.daemon().unwrap();
    let done = AtomicBool::new(false);
    let longest = std::thread::scope(|scope| {
        let watching = scope.spawn(|| watch(&sandbox, &mounts, &done));
        // Also when a row is not as it should be: the scope waits for the other one.
        let ended = Ended(&done);
        for (line, end) in ROWS {
            // A component that trapped again and again is left alone for a while.
            let serves = || sandbox.shell(&format!("cat {}/evil/ok", mounts.display())).code() == 0;
            assert!(wait_until(LIMIT, serves), "before {line}");
            let mut shell = sandbox.command("sh");
            shell.args(["-c", line]).env("LC_ALL", "C").current_dir(mounts.join("evil"));
            let begun = Instant::now();
            let output = run_for(&mut shell, LIMIT);
            let took = begun.elapsed();
            let failed = |why| output.code() != 0 && output.stderr.contains(why);
            let right = match end {
                Fails(why) => failed(*why),
                FailsEither(one, other) => failed(*one) || failed(*other),
                Gives(text) => output.code() == 0 && output.stdout == *text,
                Ends => true,
            };
            assert!(right, "{line}: {output:?}");
            // Each name that is not answered for has a deadline of its own; two are such in the root.
            let most = if line.starts_with("ls -l ") { ANSWER * 4 } else { ANSWER * 2 };
            let has_a_bound = !line.contains("for ") && !line.contains("find ");
            assert!(!has_a_bound || took < most, "{line} took {took:?}");
            assert_eq!(sandbox.daemon(), Some(daemon), "{line}");
        }
        drop(ended);
        watching.join().unwrap()
    });
    println!("the healthy one answered within {} ms throughout", longest.as_millis());
    assert!(longest < Duration::from_secs(1), "the healthy one took {longest:?}");
    let most = memory_of(daemon, "VmHWM");
    println!("the daemon took {} MiB at most", most >> 10);
    assert!(most < 512 << 10, "{most} KiB");
    let log = sandbox.omnifs(["logs"]).expect_code(0).stdout;
    assert!(!log.contains('\u{1b}'), "what a component prints is escaped");
    let panics = log.lines().filter(|line| line.contains("omnifs") && line.contains("panicked"));
    let own: Vec<_> = panics.filter(|line| line.contains("crates/omnifs")).collect();
    assert_eq!(own, Vec::<&str>::new());
    assert!(log.contains("it traps again and again"), "the breaker had its part");
}
