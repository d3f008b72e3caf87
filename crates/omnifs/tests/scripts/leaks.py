#!/usr/bin/env python3
"""Measures from outside whether a daemon leaks, and ends with 1 when it does.

    leaks.py reloads COUNT ROOT A.wasm B.wasm
    leaks.py starts COUNT ROOT A.wasm

A.wasm is the provider `hello`, B.wasm the guest `counter`. ROOT is a directory for mounts and
components. The program `omnifs` is the one in PATH, with the HOME and XDG_RUNTIME_DIR that are
set. What is counted comes from /proc and from `omnifs status --json` alone.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

# What the memory may grow by in a cycle, in KiB.
SLOPE = 10.0
# Of anything that is counted, one more in so many cycles is a leak: another mount comes and goes
# in twenty.
COUNT_SLOPE = 1 / 50
# A component that stays has some mappings in every cycle; a thread more that stays under load makes
# three and a heap's arena, once.
MAPPINGS_SLOPE = 1 / 10
ALLOWED = {"rss": SLOPE, "anonymous": SLOPE, "mappings": MAPPINGS_SLOPE}
# Until then tables, caches and the threads' own arenas reach their size.
WARM_UP = 300
# What the memory may rise by for a while, in KiB.
PEAK = 64 << 10
# What one instance reserves of the address space, in KiB.
RESERVED = 4 << 20

CONTENT = {"hello.txt": "hello from omnifs\n", "a/1": "a/1\n"}


def omnifs(*arguments):
    """Runs a command to its end and returns what it printed."""
    done = subprocess.run(["omnifs", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise SystemExit(f"omnifs {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def check(path, content):
    """Reads a file through the mount, and the bytes have to be the right ones."""
    found = path.read_text()
    if found != content:
        raise SystemExit(f"{path}: {found!r}, not {content!r}")


def mounts_below(root):
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    ours = [line.split(" ")[4] for line in lines if " - fuse.omnifs " in line]
    return [mount for mount in ours if mount.startswith(f"{root}/")]


def processes(root):
    """Returns the processes that were started with this home."""
    mark = f"HOME={os.environ['HOME']}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if mark in environment and b"omnifs" in command.split(b"\0")[0]:
                found.append(int(entry.name))
    return found


class Daemon:
    def __init__(self):
        self.process = Path("/proc") / str(json.loads(omnifs("status", "--json"))["pid"])

    def fields(self, file):
        """Reads a file of lines like `Name:   12 kB`."""
        lines = (line.split() for line in (self.process / file).read_text().splitlines())
        return {words[0].rstrip(":"): int(words[1]) for words in lines if words[1:] and words[1].isdigit()}

    def sample(self):
        """Counts what the daemon holds; memory in KiB."""
        memory = self.fields("smaps_rollup")
        return {
            "rss": memory["Rss"],
            "anonymous": memory["Anonymous"],
            "descriptors": len(os.listdir(self.process / "fd")),
            "threads": len(os.listdir(self.process / "task")),
            "mappings": (self.process / "maps").read_text().count("\n"),
            # Instances that `status` cannot see any more are seen here.
            "reservations": self.fields("status")["VmSize"] // RESERVED,
        }


def instances():
    return sum(provider["instances"] for provider in json.loads(omnifs("status", "--json"))["providers"])


def slope(values):
    """Returns the slope of the straight line with the least squares."""
    count = len(values)
    middle, mean = (count - 1) / 2, sum(values) / count
    above = sum((at - middle) * (value - mean) for at, value in enumerate(values))
    return above / sum((at - middle) ** 2 for at in range(count))


def configure(root, ttl, second):
    text = "".join(
        f'[[provider]]\nname = "{name}"\npath = "{root}/{name}.wasm"\nmount = "{root}/mnt/{name}"\n'
        f"[provider.cache]\nttl = {ttl}\n"
        for name in ["swapped"] + ["second"] * second
    )
    file = Path(os.environ["HOME"]) / ".config/omnifs/providers.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def install(root, name, component):
    """Replaces a component as a careful program does."""
    new = root / "new"
    new.write_bytes(component)
    new.rename(root / f"{name}.wasm")


def reload_once(root, components, cycle):
    """Makes a change, reloads, and reads what is to be there now."""
    # Not always exactly one exchange: a setting every 3rd time, another mount every 10th.
    second = cycle // 10 % 2
    configure(root, 60 + cycle // 3 % 2, second)
    name = list(CONTENT)[cycle % 2]
    install(root, "swapped", components[name])
    begun = time.monotonic()
    omnifs("reload")
    took = time.monotonic() - begun
    check(root / "mnt/swapped" / name, CONTENT[name])
    if second:
        check(root / "mnt/second/hello.txt", CONTENT["hello.txt"])
    if len(mounts_below(root)) != 1 + second:
        raise SystemExit(f"cycle {cycle}: {mounts_below(root)}")
    return took


def reloads(count, root, first, second):
    components = dict(zip(CONTENT, [Path(first).read_bytes(), Path(second).read_bytes()]))
    install(root, "second", components["hello.txt"])
    install(root, "swapped", components["a/1"])
    configure(root, 60, 0)
    omnifs("start")
    daemon, samples, took, most = Daemon(), [], [], 0
    for cycle in range(count):
        took.append(reload_once(root, components, cycle))
        samples.append(daemon.sample())
        if cycle % 10 == 0:
            most = max(most, instances())
    omnifs("stop")
    report(samples)
    took.sort()
    print(f"reload: {1000 * took[count // 2]:.0f} ms, slowest {1000 * took[-1]:.0f} ms")
    print(f"instances at a time: {most}")
    return judge(samples) + ([f"{most} instances"] if most > 8 else [])


def judge(samples):
    """Returns what grew."""
    faults = []
    warm = samples[WARM_UP:]
    for name in warm[0]:
        allowed = ALLOWED.get(name, COUNT_SLOPE)
        found = slope([sample[name] for sample in warm])
        if found >= allowed:
            faults.append(f"{name} grows by {found:.3f} a cycle, {allowed} is too much")
    used = [sample["anonymous"] for sample in samples]
    if max(used) - used[-1] > PEAK:
        faults.append(f"{max(used)} KiB of memory at cycle {used.index(max(used))}, {used[-1]} in the end")
    return faults


def report(samples):
    for name in samples[0]:
        values = [sample[name] for sample in samples[WARM_UP:]]
        print(f"{name}: {slope(values):+.4f} a cycle, {min(values)} to {max(values)}, first {samples[0][name]}")


def files(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir())


def starts(count, root, component):
    install(root, "swapped", Path(component).read_bytes())
    configure(root, 60, 0)
    runtime = Path(os.environ["XDG_RUNTIME_DIR"])
    home = Path(os.environ["HOME"])
    kept, took = [], []
    for cycle in range(count):
        begun = time.monotonic()
        omnifs("start")
        check(root / "mnt/swapped/hello.txt", CONTENT["hello.txt"])
        omnifs("stop")
        took.append(time.monotonic() - begun)
        left = mounts_below(root) + processes(root)
        if left or files(runtime) != ["omnifs/control.lock"]:
            return [f"cycle {cycle}: left {left}, {files(runtime)}"]
        kept.append(len(files(home)))
    took.sort()
    print(f"start, read and stop: {1000 * took[count // 2]:.0f} ms, slowest {1000 * took[-1]:.0f} ms")
    print(f"files in {home}: {kept[0]} to {kept[-1]}: {files(home)}")
    return [f"{kept[-1]} files in {home}: {files(home)}"] if kept[-1] > kept[1] + 1 else []


def main():
    what, count, root, *components = sys.argv[1:]
    measure = {"reloads": reloads, "starts": starts}[what]
    begun = time.monotonic()
    faults = measure(int(count), Path(root), *components)
    print(f"{what}: {count} cycles in {time.monotonic() - begun:.1f} s")
    for fault in faults:
        print(f"LEAK: {fault}")
    sys.exit(1 if faults else 0)


main()
