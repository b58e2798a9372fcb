# SPDX-License-Identifier: GPL-2.0-only
"""What a new list, or a halt, ends of l4-nat and l4-snat: connections are reset, and a server that
goes on sending reaches its client no more."""

import contextlib
import json
import socket
import threading

import pytest
from test_nat import (  # noqa: F401
    AWAY, NEAR, PORT, REAL_PORT, gateway, nat, second_address, snat)

from lab.clients import Download, all_read, answer, wait_cut
from lab.config import config
from lab.network import CLIENT, FAR, MAIL
from lab.space import wait_for

MODES = pytest.mark.parametrize("mode", ["l4-snat", "l4-nat"])


class Way:
    """Where the clients of a mode are, and how its service is configured."""

    def __init__(self, net, mode):
        if mode == "l4-snat":
            self.space, self.vip, self.client, self.other = net.client, NEAR, CLIENT, "192.168.30.51"
            self.make = snat
        else:
            self.space, self.vip, self.client, self.other = net.far, AWAY, FAR, "10.1.0.51"
            self.make = nat

    def config(self, **more):
        return config({"web": self.make(**more)}, interfaces=("eth0", "eth1"))

    def up(self, lb, **more):
        lb.up(self.config(**more), "eth0", "eth1")


def rows(lb):
    """Of translations, in both tables; not the slots of lbx_nat_brief, which nobody empties."""
    return [row for name in ("lbx_nat", "lbx_nat_half") for row in json.loads(
        lb.space.run("bpftool", "-j", "map", "dump", "pinned", f"{lb.pins}/{name}").stdout)]


@MODES
def test_a_new_list_resets_who_may_not_and_nobody_else(net, lb, gateway, mode):  # R82
    way = Way(net, mode)
    way.up(lb)
    with second_address(way.space, way.other):
        inside = Download(way.space, way.vip, PORT, source=way.other)
        outside = Download(way.space, way.vip, PORT, source=way.client)
        silent = way.space.connect(way.vip, PORT, source=(way.client, 0))
        with all_read([inside]):
            lb.reload(way.config(deny_from=way.client))
            outside.until_reset(5)
            wait_cut(silent, 5)
        assert inside.flows()
        with pytest.raises(TimeoutError):
            way.space.connect(way.vip, PORT, timeout=0.7, source=(way.client, 0))
        assert lb.service("web")["denied_packets_total"] >= 1
        assert len(rows(lb)) == 2  # of the one that may
        assert answer(way.space, way.vip, PORT, source=(way.other, 0)) in MAIL
        for s in (inside, outside, silent):
            s.close()


class Stream:
    """A server that answers each client's first datagram with others, without end."""

    def __init__(self, net, name):
        self.name, self.sent, self.over, self.to = name, 0, threading.Event(), None
        self.socket = net.spaces[name].socket(kind=socket.SOCK_DGRAM)
        with net.spaces[name].inside():
            self.socket.bind((MAIL[name][0], REAL_PORT))
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        self.socket.settimeout(0.02)
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError, ConnectionError):
                self.to = self.socket.recvfrom(64)[1]
            if self.to:
                with contextlib.suppress(OSError):  # what an ICMP error says
                    self.socket.sendto(b"more", self.to)
                    self.sent += 1

    def more(self, count):
        target = self.sent + count
        wait_for(f"{count} more datagrams of {self.name}", lambda: self.sent >= target, 20)

    def close(self):
        self.over.set()
        self.thread.join(5)
        self.socket.close()


@pytest.fixture
def streams(net):
    both = {name: Stream(net, name) for name in ("mail1", "mail2")}
    yield both
    for s in both.values():
        s.close()


def drain(s):
    with contextlib.suppress(BlockingIOError):
        while True:
            s.recv(64)


def deny(lb, way, udp, name):
    lb.reload(way.config(**udp, deny_from=way.client))


def halt(lb, way, udp, name):
    lb.call("halt", f"web/{name}")


@MODES
@pytest.mark.parametrize("end", [deny, halt])
def test_a_server_that_goes_on_sending_reaches_nobody(net, lb, gateway, streams, mode, end):
    udp = {"protocol": "udp", "check": {"type": "on"}}
    way = Way(net, mode)
    way.up(lb, **udp)
    with way.space.socket(kind=socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.bind((way.client, 0))
        s.connect((way.vip, PORT))
        for _ in range(3):
            s.send(b"hello")
            assert s.recv(64) == b"more"
        stream = next(x for x in streams.values() if x.to)
        stream.more(5)
        assert rows(lb)
        end(lb, way, udp, stream.name)
        wait_for("the translation to go", lambda: not rows(lb))
        s.setblocking(False)
        stream.more(5)  # what was under way
        drain(s)
        stream.more(20)
        with pytest.raises(BlockingIOError):
            s.recv(64)
        assert rows(lb) == []


def talk_in_a_flood(lb, way, stack):
    """A socket whose flow, the last of many new ones, was answered, and made no row; or None."""
    many = [stack.enter_context(way.space.socket(kind=socket.SOCK_DGRAM)) for _ in range(8)]
    for s in many:
        s.settimeout(5)
        s.bind((way.client, 0))
        s.connect((way.vip, PORT))
    for s in many[:-1]:
        s.send(b"hello")
    known, s = len(rows(lb)), many[-1]
    s.send(b"hello")
    assert s.recv(64) == b"more"
    return s if len(rows(lb)) == known else None


@MODES
@pytest.mark.parametrize("end", [deny, halt])
def test_nor_does_one_whose_flow_no_table_knows(net, lb, gateway, streams, mode, end):
    udp = {"protocol": "udp", "check": {"type": "on"}, "flood_rate": 1}
    way = Way(net, mode)
    way.up(lb, **udp)
    with contextlib.ExitStack() as stack:
        s = wait_for("a flow without rows", lambda: talk_in_a_flood(lb, way, stack), 20)
        stream = next(x for x in streams.values() if x.to and x.to[1] == s.getsockname()[1])
        stream.more(5)
        assert s.recv(64) == b"more"
        s.setblocking(False)
        end(lb, way, udp, stream.name)

        def silent():
            drain(s)
            stream.more(20)
            try:
                return not s.recv(64)
            except BlockingIOError:
                return True

        wait_for("the answers to end", silent, 20)
        stream.more(20)
        with pytest.raises(BlockingIOError):
            s.recv(64)
