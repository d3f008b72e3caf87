//! Signals to a process that waits for the mount.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use vfs_testing::Memory;

use crate::mounted::{Mounted, Talk, soon};

/// One slow thing of each kind.
fn slow() -> Arc<Memory> {
    let (memory, long) = (Memory::new(), Duration::from_secs(600));
    memory.file("name", "x").slow_lookup("name", long);
    memory.file("size", "x").slow_read("size", long);
    memory.directory("list").slow_list("list", long);
    memory
}

const WAYS: [&str; 3] = ["os.stat(M + '/name')", "os.stat(M + '/size')", "os.listdir(M + '/list')"];

fn python(mounted: &Mounted, script: &str) -> Talk {
    let head = "import os, signal, sys\nM = os.environ['M']\n";
    let mut talk = mounted.talk("python3", &["-u", "-c", &format!("{head}{script}")]);
    assert_eq!(talk.hear(), "begin");
    talk
}

fn signal(talk: &Talk, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(talk.child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// > Ctrl-C and kill end a waiting program at once; a signal that it handles is no error for it.
#[test]
fn ctrl_c_and_kill_end_a_waiting_program_at_once() {
    for way in WAYS {
        for fatal in [Signal::KILL, Signal::TERM, Signal::USR1] {
            let memory = slow();
            let mounted = Mounted::new(&memory);
            let mut talk = python(&mounted, &format!("print('begin')\n{way}"));
            assert!(soon(|| memory.begun() == 1));
            signal(&talk, fatal);
            assert!(talk.ends(), "{way} survives {fatal:?}");
            assert_eq!(mounted.session().statistics().interrupted, 1);
        }
        let memory = slow();
        let mounted = Mounted::new(&memory);
        let script =
            format!("print('begin')\ntry: {way}\nexcept KeyboardInterrupt: print('interrupted')");
        let mut talk = python(&mounted, &script);
        assert!(soon(|| memory.begun() == 1));
        signal(&talk, Signal::INT);
        assert_eq!(talk.hear(), "interrupted", "{way}");
    }
}

#[test]
fn a_handled_alarm_breaks_nothing() {
    let memory = Memory::new();
    memory.file("file", "12345").slow_read("file", Duration::from_millis(800));
    let mounted = Mounted::new(&memory);
    let mut talk = python(
        &mounted,
        "print('begin')\n\
         rings = []\n\
         signal.signal(signal.SIGALRM, lambda *_: rings.append(1))\n\
         signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)\n\
         print(os.stat(M + '/file').st_size)\n\
         signal.setitimer(signal.ITIMER_REAL, 0)\n\
         print(len(rings) > 0)",
    );
    assert_eq!(talk.hear(), "5");
    assert_eq!(talk.hear(), "True");
    assert!(mounted.requests("INTERRUPT") >= 1, "the kernel told nothing of the alarm");
    assert_eq!(mounted.session().statistics().interrupted, 0);
}

#[test]
fn an_interruption_after_a_handled_signal_still_works() {
    let memory = slow();
    let mounted = Mounted::new(&memory);
    let script = "signal.signal(signal.SIGALRM, lambda *_: None)\n\
                  print('begin')\n\
                  try: os.stat(M + '/size')\n\
                  except KeyboardInterrupt: print('interrupted')";
    let mut talk = python(&mounted, script);
    assert!(soon(|| memory.begun() == 1));
    signal(&talk, Signal::ALARM);
    assert!(soon(|| mounted.requests("INTERRUPT") == 1));
    assert!(talk.is_running());
    signal(&talk, Signal::INT);
    assert_eq!(talk.hear(), "interrupted");
}
