#!/usr/bin/env python3
"""10,000 small files behind nginx, at once and 50 ms later: find, grep -r and 16 readers through a
mount, cold and warm, beside a client that has no file system (the floor), in one run.

    bench/small_files.py OMNIFS MIRROR.wasm [--instances N]

OMNIFS is the program, MIRROR.wasm the component of crates/testkit/guests/mirror. It needs nginx with
its Lua module (Debian: libnginx-mod-http-lua), GNU find and grep. Everything listens on loopback and
lies in a temporary directory. Bytes are compared; requests are counted by nginx.
"""
import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

DIRECTORIES, FILES = 100, 100
MODULES = "/usr/lib/nginx/modules"


def content(directory, file):
    word = "needle" if file == 17 else "straw"
    return (f"{word} {directory} {file}\n" * 100)[:1024].encode()


def plant(root):
    for directory in range(DIRECTORIES):
        os.makedirs(f"{root}/d{directory:02}")
        for file in range(FILES):
            with open(f"{root}/d{directory:02}/f{file:02}.txt", "wb") as out:
                out.write(content(directory, file))


def nginx(home, tree, ports):
    servers = "".join(
        f"""server {{ listen 127.0.0.1:{port} backlog=4096; root {tree}; autoindex on;
        autoindex_format json; access_log {home}/access.{port}.log one;
        {f'access_by_lua_block {{ ngx.sleep({delay / 1000}) }}' if delay else ''} }}"""
        for delay, port in ports.items()
    )
    with open(f"{home}/nginx.conf", "w") as out:
        out.write(f"""daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log;
load_module {MODULES}/ndk_http_module.so; load_module {MODULES}/ngx_http_lua_module.so;
events {{ worker_connections 4096; }}
http {{ log_format one '$status'; keepalive_requests 1000000; sendfile on; default_type text/plain;
client_body_temp_path {home}/t1; proxy_temp_path {home}/t2; fastcgi_temp_path {home}/t3;
uwsgi_temp_path {home}/t4; scgi_temp_path {home}/t5; {servers} }}""")
    server = subprocess.Popen(["/usr/sbin/nginx", "-c", f"{home}/nginx.conf", "-e", f"{home}/error.log"])
    for port in ports.values():
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
    return server


def requests(home, port):
    with open(f"{home}/access.{port}.log") as log:
        return sum(1 for _ in log)


def floor(port, targets, connections):
    """Fetches targets over so many raw keep-alive connections; returns the seconds."""
    todo, lock, sizes = iter(targets), threading.Lock(), []

    def worker():
        stream = socket.create_connection(("127.0.0.1", port))
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        got = b""
        while True:
            with lock:
                target = next(todo, None)
            if target is None:
                return
            stream.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            while b"\r\n\r\n" not in got:
                got += stream.recv(65536)
            head, got = got.split(b"\r\n\r\n", 1)
            assert head.startswith(b"HTTP/1.1 200 "), head
            lower = head.lower()
            if b"content-length:" in lower:
                length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
                while len(got) < length:
                    got += stream.recv(65536)
                sizes.append(length)
                got = got[length:]
            else:  # chunked: ends with an empty chunk
                while not got.endswith(b"0\r\n\r\n"):
                    got += stream.recv(65536)
                got = b""

    begun = time.monotonic()
    workers = [threading.Thread(target=worker) for _ in range(connections)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return time.monotonic() - begun


class Mount:
    def __init__(self, arguments, home, port):
        self.arguments, self.home, self.port = arguments, home, port
        self.root = tempfile.mkdtemp(prefix="mount-", dir=home)
        self.mount = f"{self.root}/mnt"
        self.environment = {
            "HOME": self.root, "PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": f"{self.root}/run"}
        os.makedirs(f"{self.root}/run")
        os.makedirs(f"{self.root}/.config/omnifs")
        limits = f"instances = {arguments.instances}\n" if arguments.instances else ""
        with open(f"{self.root}/.config/omnifs/providers.toml", "w") as out:
            out.write(f"""[[provider]]
name = "mirror"
path = "{os.path.abspath(arguments.component)}"
mount = "{self.mount}"
[provider.capabilities]
http = {{ allow = ["http://127.0.0.1:{port}"] }}
[provider.config]
base = "http://127.0.0.1:{port}"
[provider.cache]
ttl = "1h"
disk = {arguments.disk}
[provider.limits]
{limits}""")

    def omnifs(self, *words):
        subprocess.run([self.arguments.omnifs, *words], env=self.environment, check=True,
                       stdout=subprocess.DEVNULL)

    def __enter__(self):
        try:
            self.omnifs("start")
        except subprocess.CalledProcessError:
            self.omnifs("stop")
            raise
        return self

    def __exit__(self, *_):
        self.omnifs("stop")

    def run(self, line):
        begun, before = time.monotonic(), requests(self.home, self.port)
        output = subprocess.run(["sh", "-c", line], cwd=self.mount, check=True, text=True,
                                capture_output=True).stdout.strip()
        took = time.monotonic() - begun
        return took, requests(self.home, self.port) - before, output

    def readers(self, count, directories):
        """So many threads read all files of some directories, each its own part, byte for byte."""
        wrong, todo = [], [(d, f) for d in range(directories) for f in range(FILES)]

        def read(part):
            for directory, file in part:
                with open(f"{self.mount}/d{directory:02}/f{file:02}.txt", "rb") as found:
                    if found.read() != content(directory, file):
                        wrong.append((directory, file))

        begun, before = time.monotonic(), requests(self.home, self.port)
        threads = [threading.Thread(target=read, args=(todo[n::count],)) for n in range(count)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert not wrong, wrong
        return time.monotonic() - begun, requests(self.home, self.port) - before


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("omnifs")
    parser.add_argument("component")
    parser.add_argument("--instances", type=int, default=0)
    parser.add_argument("--disk", default='"1GiB"')
    arguments = parser.parse_args()
    rows = []

    def row(what, took, asked=None):
        rows.append((what, took, asked))
        print(f"{what:58} {took:8.3f} s {'' if asked is None else f'{asked:6} requests'}", flush=True)

    with tempfile.TemporaryDirectory(prefix="omnifs-bench-", dir="/dev/shm") as home:
        # The server's worker is another user.
        os.chmod(home, 0o755)
        tree = f"{home}/tree"
        plant(tree)
        ports = {0: 18480, 50: 18481}
        server = nginx(home, tree, ports)
        listings = ["/"] + [f"/d{n:02}/" for n in range(DIRECTORIES)]
        files = [f"/d{d:02}/f{f:02}.txt" for d in range(DIRECTORIES) for f in range(FILES)]
        try:
            print(f"load {os.getloadavg()[0]:.2f}, instances {arguments.instances or 'default'}, "
                  f"disk {arguments.disk}")
            for delay, port in ports.items():
                at = f"+{delay} ms"
                some = files[:1000] if delay else files
                row(f"{at}: floor, 101 listings, 1 connection", floor(port, listings, 1))
                row(f"{at}: floor, 101 listings, 16 connections", floor(port, listings, 16))
                if not delay:
                    row(f"{at}: floor, {len(some)} files, 1 connection", floor(port, some, 1))
                row(f"{at}: floor, {len(some)} files, 16 connections", floor(port, some, 16))
                row(f"{at}: floor, 2000 files, 16 connections", floor(port, files[:2000], 16))
                with Mount(arguments, home, port) as mount:
                    took, asked, output = mount.run("find . -type f | wc -l")
                    assert output == "10000", output
                    row(f"{at}: cold find", took, asked)
                    took, asked, output = mount.run("find . -type f | wc -l")
                    row(f"{at}: warm find", took, asked)
                with Mount(arguments, home, port) as mount:
                    where = "d0?" if delay else "."
                    grep = f"grep -r -l needle {where} | wc -l"
                    took, asked, output = mount.run(grep)
                    assert output == str(len(some) // FILES), output
                    row(f"{at}: cold grep -r of {len(some)} files", took, asked)
                    took, asked, output = mount.run(grep)
                    row(f"{at}: warm grep -r of {len(some)} files", took, asked)
                    mount.omnifs("restart")
                    took, asked, output = mount.run(grep)
                    assert output == str(len(some) // FILES), output
                    row(f"{at}: grep -r of {len(some)} files after a restart", took, asked)
                with Mount(arguments, home, port) as mount:
                    row(f"{at}: cold, 16 readers of 2000 files", *mount.readers(16, 20))
                    row(f"{at}: warm, 16 readers of 2000 files", *mount.readers(16, 20))
                    took, asked, _ = mount.run("cat d50/f50.txt > /dev/null")
                    row(f"{at}: a single cat of another file", took, asked)
        finally:
            server.terminate()
            server.wait()
    json.dump(rows, sys.stderr)
    print(file=sys.stderr)


if __name__ == "__main__":
    main()
