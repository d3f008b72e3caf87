#!/usr/bin/env python3
"""Runs `omnifs top` in a terminal of its own and says what became of both, as JSON.

    top.py KEYS...

KEYS are done one after the other, each when the table was shown once more: `right` and `left` press
an arrow, `q` and `ctrl-c` that key, `ctrl-z` does too, waits until the program stands still and lets
it go on; `term` is the signal; `rows=N` makes the terminal so high; `stop` stops the daemon.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

# Longer than anything takes that works, on a busy machine too.
LIMIT = 60.0

KEYS = {"right": b"\x1b[C", "left": b"\x1b[D", "q": b"q", "ctrl-c": b"\x03", "ctrl-z": b"\x1a"}


class Terminal:
    """A terminal, and the program that has it."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        self.rows(24)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.program = subprocess.Popen(
            ["omnifs", "top"],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def rows(self, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))

    def read(self):
        """Takes in what was written, for a moment."""
        if select.select([self.master], [], [], 0.05)[0]:
            self.seen += os.read(self.master, 65536)

    def until(self, done):
        """Reads until something is so."""
        end = time.monotonic() + LIMIT
        while not done():
            if time.monotonic() > end:
                self.program.kill()
                raise SystemExit(f"it does not come to that: {self.seen[-2000:]!r}")
            self.read()

    def shown_again(self):
        """Waits until the whole table was drawn, from now on."""
        start = len(self.seen)
        self.until(lambda: b"\x1b[J" in self.seen[start:].partition(b"\x1b[H")[2])

    def is_as_before(self):
        return termios.tcgetattr(self.slave) == self.before

    def stand_still(self):
        """Waits until the program is stopped, and lets it go on."""
        stopped = lambda: os.waitpid(self.program.pid, os.WNOHANG | os.WUNTRACED)[0] != 0
        self.until(stopped)
        self.read()
        given_back = self.is_as_before() and self.seen.endswith(b"\x1b[?1049l")
        os.kill(self.program.pid, signal.SIGCONT)
        return given_back

    def do(self, key):
        if key.startswith("rows="):
            self.rows(int(key.removeprefix("rows=")))
        elif key == "term":
            self.program.terminate()
        elif key == "stop":
            subprocess.run(["omnifs", "stop"], stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=LIMIT)
        else:
            os.write(self.master, KEYS[key])


def main():
    terminal, suspended = Terminal(), None
    for key in sys.argv[1:]:
        terminal.shown_again()
        terminal.do(key)
        if key == "ctrl-z":
            suspended = terminal.stand_still()
    terminal.until(lambda: terminal.program.poll() is not None)
    while select.select([terminal.master], [], [], 0)[0]:
        terminal.read()
    found = {
        "code": terminal.program.returncode,
        "seen": terminal.seen.decode(),
        "as_before": terminal.is_as_before(),
        "suspended": suspended,
    }
    print(json.dumps(found))


main()
