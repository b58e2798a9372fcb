# SPDX-License-Identifier: GPL-2.0-only
"""Another lbxdp takes over what one left: no packet and no flow is lost. LBXDP_OLD names a binary whose
maps are laid out otherwise (`make e2e` has tests/old.sh make it of git's history)."""

import contextlib
import os
import select
import shutil
import signal
import socket
import struct
import threading

import pytest

from lab.balancer import program
from lab.clients import Load
from lab.config import config, service
from lab.network import MAIL, VIP
from lab.space import wait_for

PORT = 5353


class Echo:
    """Answers each datagram for the VIP with itself."""

    def __init__(self, space):
        self.socket = space.socket(kind=socket.SOCK_DGRAM)
        with space.inside():
            self.socket.bind((VIP, PORT))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                data, sender = self.socket.recvfrom(64)
                if not sender:
                    return  # shut down
                self.socket.sendto(data, sender)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.socket.close()


class Numbered:
    """Datagrams with numbers, as fast as they are answered, a fixed number of them on their way at
    any time. None is sent twice: one that stays away is lost."""

    FLOWS, WINDOW, LOST = 4, 16, 3.0

    def __init__(self, space):
        self.sockets = [space.socket(kind=socket.SOCK_DGRAM) for _ in range(self.FLOWS)]
        for s in self.sockets:
            s.connect((VIP, PORT))
        self.sent, self.missing, self.over = 0, set(), False
        self.thread = threading.Thread(target=self.work, daemon=True)

    def send(self, s, count):
        for _ in range(count):
            self.missing.add(self.sent)
            s.send(struct.pack("!Q", self.sent))
            self.sent += 1

    def work(self):
        for s in self.sockets:
            self.send(s, self.WINDOW)
        while self.missing:
            ready = select.select(self.sockets, [], [], self.LOST)[0]
            if not ready:
                return
            for s in ready:
                self.missing.discard(struct.unpack("!Q", s.recv(64))[0])
                if not self.over:
                    self.send(s, 1)

    def more(self, count):
        target = self.sent + count
        wait_for(f"{count} more datagrams", lambda: self.sent >= target, 20)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.over = True
        self.thread.join(30)
        for s in self.sockets:
            s.close()


@pytest.fixture
def echoes(net):
    both = [Echo(net.spaces[name]) for name in ("mail1", "mail2")]
    yield
    for e in both:
        e.close()


@pytest.fixture
def become(net, lb, monkeypatch, tmp_path_factory):
    """Makes the daemon end and the given binary, or a copy of the one under test, take over."""
    ours = program()
    copies = tmp_path_factory.mktemp("lbxdp")

    def take_over(binary=None):
        if not binary:
            binary = copies / f"lbxdp{len(os.listdir(copies))}"
            shutil.copy(ours, binary)
        lb.kill("main", sig=signal.SIGTERM)
        monkeypatch.setenv("LBXDP", str(binary))
        lb.up()

    yield take_over
    lb.clean()


def ask(s):
    """One request on a connection that stays; which server answered."""
    s.sendall(b"GET /name HTTP/1.1\r\nHost: lab\r\n\r\n")
    return s.recv(4096).decode().split()[-1]


def both_protocols():
    return config({"web": service(),
                   "echo": service(ports=[PORT], protocol="udp", check={"type": "ping"})})


def packets(lb):
    return sum(r["packets_total"] for r in lb.service("echo")["reals"])


def program_id(lb):
    return lb.space.run("bpftool", "-j", "net", "show").stdout


def test_upgrades_under_load_lose_no_packet(net, lb, echoes, become):
    lb.up(both_protocols())
    with Numbered(net.client) as numbered, Load(net.client, VIP, workers=1) as load:
        programs = {program_id(lb)}
        for _ in range(5):
            numbered.more(500)
            become()
            programs.add(program_id(lb))
        numbered.more(500)
    assert numbered.missing == set() and numbered.sent > 3000
    assert load.failures == []
    assert packets(lb) == numbered.sent
    assert len(programs) == 6


OLD = os.environ.get("LBXDP_OLD", "")


@pytest.mark.skipif(not os.path.exists(OLD), reason="git has no binary of an earlier version")
def test_an_earlier_version_is_carried_over_under_load(net, lb, echoes, become, monkeypatch):
    new = program()
    lb.write(both_protocols())
    monkeypatch.setenv("LBXDP", OLD)
    lb.up()
    with (Numbered(net.client) as numbered, Load(net.client, VIP) as load,
          net.client.connect(VIP, 80) as held):
        assert ask(held) in MAIL
        numbered.more(2000)
        load.more(200)
        before = lb.status()["verdicts"]["NO_REAL"]
        become(new)
        assert "carried over the maps of version" in lb.log()
        numbered.more(2000)
        load.more(200)
        assert ask(held) in MAIL
        assert lb.call("report", "flows", "web").stdout.count("established") >= 1
    assert load.failures == [] and set(load.by_name) == {"mail1", "mail2"}
    assert numbered.missing == set()
    assert packets(lb) == numbered.sent
    # A SYN that is dropped once comes again: that none was is what the balancer says.
    assert lb.status()["verdicts"]["NO_REAL"] == before
