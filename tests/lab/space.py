# SPDX-License-Identifier: GPL-2.0-only
"""Network namespaces: make them, run things in them, open sockets in them, end all of it."""

import contextlib
import ctypes
import gc
import json
import os
import signal
import socket
import subprocess
import time

CLONE_NEWNET = 0x40000000
PATIENCE = float(os.environ.get("LBXDP_PATIENCE", 1))   # how many times slower this machine may be
libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """Something in the lab is not as it has to be."""


def run(*words, check=True, timeout=60, input_text="", **more):
    """One command on the host; its output comes back as text."""
    done = subprocess.run([str(w) for w in words], input=input_text, text=True,
                          capture_output=True, timeout=timeout * PATIENCE, check=False, **more)
    if check and done.returncode:
        raise LabError(f"{' '.join(map(str, words))}: exit {done.returncode}\n"
                       f"{done.stdout}{done.stderr}")
    return done


def wait_for(what, condition, seconds=10.0, pause=0.02):
    """Asks condition() until it is true and returns its answer; LabError after the deadline."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise LabError(f"waited {seconds:g} s for: {what}")
        time.sleep(pause)


class Space:
    """One network namespace, by the name that `ip netns` knows it by."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        self.children = []
        run("ip", "netns", "add", name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words, check=True):
        return run("ip", "-n", self.name, *words, check=check)

    def words(self, *words):
        """The command line that runs words in here. Not `ip netns exec`: that hides bpffs."""
        return ["nsenter", f"--net={self.path}", *map(str, words)]

    def run(self, *words, check=True, timeout=60, **more):
        return run(*self.words(*words), check=check, timeout=timeout, **more)

    def spawn(self, *words, **more):
        """A process of its own session in here; ended with the namespace."""
        more.setdefault("stdin", subprocess.DEVNULL)
        child = subprocess.Popen(self.words(*words), start_new_session=True, **more)
        self.children.append(child)
        return child

    def sysctl(self, **settings):
        for name, value in settings.items():
            path = "/proc/sys/" + name.replace("__", "/")
            with self.inside(), contextlib.suppress(FileNotFoundError), open(path, "w") as f:
                f.write(str(value))

    @contextlib.contextmanager
    def inside(self):
        """This thread is in the namespace for the length of the with block."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        try:
            enter(there)
            yield
        finally:
            enter(home)
            os.close(home)
            os.close(there)

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, proto=0):
        with self.inside():
            return socket.socket(family, kind, proto)

    def connect(self, address, port, timeout=5.0, source=None):
        """A TCP connection from in here."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        s = self.socket(family)
        try:
            s.settimeout(timeout * PATIENCE)
            if source:
                s.bind(source)
            s.connect((address, port))
        except OSError:
            s.close()
            raise
        return s

    def listens(self, port, address="127.0.0.1"):
        try:
            self.connect(address, port, timeout=1).close()
        except OSError:
            return False
        return True

    def resets_sent(self):
        """RSTs that this host's TCP has sent since it was made."""
        with self.inside(), open("/proc/thread-self/net/snmp") as f:
            names, values = [line.split() for line in f if line.startswith("Tcp:")]
        return int(values[names.index("OutRsts")])

    def mac(self, device="eth0"):
        return json.loads(self.ip("-j", "link", "show", "dev", device).stdout)[0]["address"]

    def pids(self):
        return [int(p) for p in run("ip", "netns", "pids", self.name, check=False).stdout.split()]

    def remove(self):
        """Ends every process in here, then the namespace and its devices."""
        for sig in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sig)
            with contextlib.suppress(LabError):
                wait_for(f"processes in {self.name} to end", self.reaped, seconds=3)
                break
        run("ip", "netns", "del", self.name, check=False)

    def reaped(self):
        for child in self.children:
            child.poll()
        return not self.pids()


def open_sockets():
    """The sockets that this process has open, wrapped in TLS or not, whoever made them."""
    return [thing for thing in gc.get_objects()
            if issubclass(type(thing), socket.socket) and thing.fileno() >= 0]


def close_sockets(but):
    """Closes all that are open, except those of the list. A test that failed leaves its own, which
    pytest keeps; an open connection would keep its address, and the next test would see that."""
    kept = set(map(id, but))
    for s in open_sockets():
        if id(s) not in kept:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads from it
            s.close()


def enter(fd):
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
