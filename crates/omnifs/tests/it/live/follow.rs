//! Programs that follow a growing log for a minute, over a rotation.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use testkit::{Upstream, wait_until};

use super::{WAYS, logs};
use crate::LIMIT;
use crate::http::Rig;

/// How long the log grows; half of it is before the rotation.
const RUN: Duration = Duration::from_secs(60);

/// How long after the rotation somebody still writes to the old file: for less than `tail -F` looks
/// at an unchanged file before it looks at the name, five times a second apart.
const LATE: Duration = Duration::from_secs(2);

/// Follows a name: reads all files that it leads to, one after the other, to where each of them
/// ends, and writes what it reads into files of its own, OUT.0, OUT.1, ...
const FOLLOW: &str = "\
import os, sys, time
path, out = sys.argv[1:]
files = []
while True:
    number = os.stat(path).st_ino
    if not files or files[-1][0] != number:
        fd = os.open(path, os.O_RDONLY)
        files.append((os.fstat(fd).st_ino, fd, open(f'{out}.{len(files)}', 'wb', 0)))
    for _, fd, copy in files:
        while got := os.read(fd, 10007):
            copy.write(got)
    time.sleep(0.1)
";

/// Runs `less +F` in a terminal of 50 lines and writes down what it shows.
const LESS: &str = "\
import fcntl, os, pty, struct, sys, termios
path, out = sys.argv[1], open(sys.argv[2], 'wb', 0)
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 50, 200, 0, 0))
    os.environ['TERM'] = 'xterm'
    os.environ.pop('LESS', None)
    os.execvp('less', ['less', '+F', path])
while got := os.read(terminal, 65536):
    out.write(got)
";

/// Copies and measures the log by every way again and again, and prints how many NUL bytes there
/// were each time.
const TOOLS: &str = "\
while [ ! -e $OUT/stop ]; do
  for way in told parts whole; do
    cp $way/app.log $OUT/copy && wc -c < $way/app.log > $OUT/size &&
      tail -c 4097 $way/app.log > $OUT/end || echo failed
    cat $OUT/copy $OUT/end | tr -dc '\\0' | wc -c
  done
  sleep 0.3
done
";

/// A program that writes to a file, and is ended with this.
pub(super) struct Process(Child);

impl Process {
    pub(super) fn start(command: &mut Command, out: &Path, err: &Path) -> Self {
        let (out, err) = (File::create(out).unwrap(), File::create(err).unwrap());
        let piped = command.stdin(Stdio::null()).stdout(out).stderr(err);
        Self(piped.spawn().unwrap())
    }

    pub(super) fn end(&mut self) {
        // Fails when it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

pub(super) fn content(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_default()
}

/// The programs that follow the log.
struct Followers<'a> {
    rig: &'a Rig,
    out: PathBuf,
    processes: Vec<Process>,
}

impl<'a> Followers<'a> {
    fn new(rig: &'a Rig) -> Self {
        let out = rig.sandbox.root().join("out");
        fs::create_dir(&out).unwrap();
        Self { rig, out, processes: Vec::new() }
    }

    fn start(&mut self, name: &str, program: &str, arguments: &[&str]) {
        let mut command = self.rig.sandbox.command(program);
        command.args(arguments).env("OUT", &self.out);
        let mount = self.rig.sandbox.root().join("mnt/f");
        let (out, err) = (self.out.join(name), self.out.join(format!("{name}.err")));
        self.processes.push(Process::start(command.current_dir(mount), &out, &err));
    }

    fn start_all(&mut self) {
        for way in ["told", "parts"] {
            let path = format!("{way}/app.log");
            self.start(&format!("f.{way}"), "tail", &["-c", "+1", "-f", &path]);
        }
        self.start("F", "tail", &["-c", "+1", "-F", "told/app.log"]);
        for way in WAYS {
            let out = self.out.join(format!("python.{way}")).display().to_string();
            let path = format!("{way}/app.log");
            self.start(&format!("p.{way}"), "python3", &["-c", FOLLOW, &path, &out]);
        }
        let screen = self.out.join("screen").display().to_string();
        self.start("less", "python3", &["-c", LESS, "told/app.log", &screen]);
        self.start("tools", "sh", &["-c", TOOLS]);
    }

    /// Waits until a program has written all of this, and no more.
    fn has(&self, name: &str, wanted: &[u8]) {
        let out = self.out.join(name);
        let all = wait_until(LIMIT, || content(&out) == wanted);
        let got = content(&out);
        let same = got.iter().zip(wanted).take_while(|(a, b)| a == b).count();
        let errors = String::from_utf8(content(&self.out.join(format!("{name}.err"))));
        assert!(
            all,
            "{name}: {} bytes for {}, equal up to {same}, {} NUL; {errors:?}",
            got.len(),
            wanted.len(),
            got.iter().filter(|byte| **byte == 0).count()
        );
    }
}

/// The log's old file and its new one, as they were written.
struct Written {
    files: [Vec<u8>; 2],
    lines: usize,
}

impl Written {
    /// Appends one to three lines of odd lengths to one of the files.
    fn append(&mut self, upstream: &Upstream, (which, name): (usize, &str)) {
        let mut bytes = Vec::new();
        for _ in 0..=self.lines % 3 {
            let filler = "abcdefghijklmnopqrstuvwxyz0123456789".repeat(9);
            let number = self.lines;
            bytes.extend(format!("#{number:06}# {}\n", &filler[..number * 37 % 311]).bytes());
            self.lines += 1;
        }
        upstream.append(name, &bytes);
        self.files[which].extend(bytes);
    }
}

/// Lets the log grow, by some 50 appends a second, and be rotated.
fn grow(upstream: &Upstream, written: &mut Written) {
    let begun = Instant::now();
    let mut rotated = None;
    while begun.elapsed() < RUN {
        match rotated {
            None if begun.elapsed() > RUN / 2 => {
                upstream.rotate("app.log", "app.log.1");
                rotated = Some(Instant::now());
            }
            None => written.append(upstream, (0, "app.log")),
            Some(since) => {
                written.append(upstream, (1, "app.log"));
                if since.elapsed() < LATE {
                    written.append(upstream, (0, "app.log.1"));
                }
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// > `tail -f`, `tail -F`, `less +F` and programs that follow a live file by themselves miss no byte
/// > of it and see no NUL byte, over a rotation.
#[test]
fn a_growing_log_is_followed_for_a_minute_over_a_rotation_without_nul_and_loss() {
    let (rig, upstream) = logs(b"");
    let mut written = Written { files: Default::default(), lines: 0 };
    written.append(&upstream, (0, "app.log"));
    let mut followers = Followers::new(&rig);
    followers.start_all();
    grow(&upstream, &mut written);
    let [first, second] = &written.files;
    assert!(first.len() > 100_000 && second.len() > 50_000, "{} {}", first.len(), second.len());
    followers.has("f.told", first);
    followers.has("f.parts", first);
    followers.has("F", &[first.as_slice(), second].concat());
    for way in WAYS {
        followers.has(&format!("python.{way}.0"), first);
        followers.has(&format!("python.{way}.1"), second);
    }
    assert!(!followers.out.join("python.told.2").exists());
    let shown = |text: &[u8]| -> BTreeSet<String> {
        let text = String::from_utf8_lossy(text).into_owned();
        let numbers = text.split('#').filter(|part| part.len() == 6);
        numbers.filter(|part| part.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned).collect()
    };
    let screen = || content(&followers.out.join("screen"));
    let all = shown(first);
    let missing = || {
        let seen = shown(&screen());
        // It begins with the last lines that there are then.
        let begin = seen.first().cloned().unwrap_or_default();
        all.range(begin..).filter(|number| !seen.contains(*number)).count()
    };
    assert!(wait_until(LIMIT, || missing() == 0), "less did not show {} lines", missing());
    assert!(shown(&screen()).len() > all.len() / 2, "it began early");
    assert!(!String::from_utf8_lossy(&screen()).contains("^@"), "less showed NUL bytes");
    fs::write(followers.out.join("stop"), "").unwrap();
    let tools = String::from_utf8(content(&followers.out.join("tools"))).unwrap();
    let counts: Vec<&str> = tools.lines().collect();
    let errors = String::from_utf8(content(&followers.out.join("tools.err"))).unwrap();
    // As on any disk: the name may come to lead elsewhere between the two looks that cp takes.
    let replaced = errors.matches("as it was replaced while being copied").count();
    let strange: Vec<_> = counts.iter().filter(|count| **count != "0").collect();
    let excused = strange.len() == replaced && replaced <= 1;
    assert!(counts.len() > 30 && excused, "{} {strange:?} {errors}", counts.len());
}
