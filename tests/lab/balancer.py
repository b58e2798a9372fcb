# SPDX-License-Identifier: GPL-2.0-only
"""lbxdp in the lab's balancer: start, ask, order, kill, and clean up after it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess

from .space import LabError, run, wait_for

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BPFFS = "/sys/fs/bpf"
NO_DAEMON = ("check", "init", "probe", "real-script", "schema")  # these take no --instance


def program():
    """The lbxdp under test; LBXDP names another than the one just built."""
    return os.environ.get("LBXDP") or os.path.join(TOP, "build", "lbxdp")


def mount_bpffs():
    if not os.path.ismount(BPFFS):
        run("mount", "-t", "bpf", "bpf", BPFFS)


class Balancer:
    """One instance of lbxdp in one namespace. The instance keeps its pins and sockets apart from
    those of any other lbxdp on this machine."""

    def __init__(self, space, instance, directory, interface="eth0"):
        self.space, self.instance, self.interface = space, instance, interface
        self.config = os.path.join(directory, "lbxdp.yaml")
        self.pins = f"{BPFFS}/lbxdp-{instance}"
        self.run_dir = f"/run/lbxdp-{instance}"
        self.state_dir = f"/var/lib/lbxdp-{instance}"
        mount_bpffs()

    def words(self, command, *words):
        instance = [] if command in NO_DAEMON else ["--instance", self.instance]
        return [program(), command, *words, *instance]

    def call(self, command, *words, check=True, timeout=30, **more):
        """`lbxdp COMMAND WORDS...`; LabError unless it exits 0."""
        return self.space.run(*self.words(command, *words), check=check, timeout=timeout, **more)

    def spawn(self, command, *words, **more):
        more.setdefault("text", True)
        return self.space.spawn(*self.words(command, *words), stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, **more)

    def write(self, config):
        """Writes the configuration: text, or a dict (YAML reads JSON)."""
        with open(self.config, "w") as f:
            f.write(config if isinstance(config, str) else json.dumps(config, indent=1) + "\n")

    def up(self, config=None, *words, check=True):
        if config is not None:
            self.write(config)
        return self.call("up", *(words or [self.interface]), "-c", self.config, check=check)

    def reload(self, config=None, check=True):
        if config is not None:
            self.write(config)
        return self.call("reload", check=check)

    def status(self):
        return json.loads(self.call("status", "--json").stdout)

    def service(self, name):
        return next(s for s in self.status()["services"] if s["name"] == name)

    def real(self, path):
        service, name = path.split("/")
        return next(r for r in self.service(service)["reals"] if r["name"] == name)

    def wait_real(self, path, seconds=10, **wanted):
        """Until the real's entry in `status --json` says what is wanted."""
        def agrees():
            real = self.real(path)
            return all(real[k] == v for k, v in wanted.items()) and real
        try:
            return wait_for(f"{path} to be {wanted}", agrees, seconds, 0.05)
        except LabError as e:
            raise LabError(f"{e}; it is {self.real(path)}\n{self.log()}") from None

    def processes(self):
        """role -> pid, as status tells."""
        return {p["role"]: p["pid"] for p in self.status()["processes"]}

    def kill(self, *roles, sig=signal.SIGKILL):
        """kill -9 of the named processes (all, when none is named), and waits until they are gone."""
        pids = [p["pid"] for p in self.status()["processes"] if not roles or p["role"] in roles]
        self.kill_pids(pids, sig)
        return pids

    def kill_pids(self, pids, sig=signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sig)
        wait_for(f"processes {pids} to end", lambda: not any(alive(p) for p in pids), 5)

    def down(self, *words, check=True):
        return self.call("down", *words, check=check)

    def leftovers(self):
        """What `down` must not leave behind."""
        left = [p for p in (self.pins, self.run_dir) if os.path.exists(p)]
        links = json.loads(self.space.ip("-d", "-j", "link", "show").stdout)
        left += [f"XDP on {link['ifname']}" for link in links if "xdp" in link]
        return left + [f"process {pid}" for pid in self.pids()]

    def pids(self):
        """Every process of this instance, found by what it runs and where."""
        found = []
        for pid in self.space.pids():
            with contextlib.suppress(OSError):
                if os.path.realpath(f"/proc/{pid}/exe") == os.path.realpath(program()):
                    found.append(pid)
        return found

    def counted(self):
        """The metrics that have counted something, as they are written; "" without a daemon."""
        try:
            lines = self.call("metrics", check=False, timeout=5).stdout.splitlines()
        except subprocess.TimeoutExpired:
            return ""
        return "\n".join(line for line in lines if not line.endswith(" 0") and
                         not line.startswith("#") and "_bucket{" not in line)

    def log(self):
        with contextlib.suppress(OSError), open(f"{self.run_dir}/lbxdp.log", errors="replace") as f:
            return f.read()
        return ""

    def clean(self):
        """Brings the world back to before `up`, whatever state the instance is in."""
        with contextlib.suppress(LabError, subprocess.TimeoutExpired):
            self.down(check=False)
        self.kill_pids(self.pids())
        links = json.loads(self.space.ip("-d", "-j", "link", "show").stdout)
        for link in links:
            if "xdp" in link:
                self.space.ip("link", "set", "dev", link["ifname"], "xdp", "off", check=False)
                self.space.ip("link", "set", "dev", link["ifname"], "xdpgeneric", "off", check=False)
        for path in (self.pins, self.run_dir, self.state_dir):
            shutil.rmtree(path, ignore_errors=True)


def alive(pid):
    """A zombie whose parent has not asked yet no longer counts."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
