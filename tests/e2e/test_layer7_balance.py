# SPDX-License-Identifier: GPL-2.0-only
"""Layer 7: who gets a session, how many of them, and who waits for how long."""

import contextlib
import os
import threading

import pytest

from lab.clients import answer
from lab.config import config
from lab.layer7 import VIP_7, Server, counts, l7, proxies, statistics
from lab.network import MAIL
from lab.space import wait_for

ON = {"type": "on"}  # no check's connection is counted among the sessions
SOURCES = [f"192.168.30.{n}" for n in range(101, 125)]


@pytest.fixture
def sources(net):
    """Further addresses of the client."""
    for address in SOURCES:
        net.client.ip("addr", "add", f"{address}/24", "dev", "eth0")
    yield SOURCES
    for address in SOURCES:
        net.client.ip("addr", "del", f"{address}/24", "dev", "eth0")


class Door(Server):
    """Counts who is in at a time; nobody gets its answer before the door is open."""

    def __init__(self, net, port=2525):
        super().__init__(net.mail1, MAIL["mail1"][0], port, self.hold)
        self.inside = self.most = 0
        self.lock, self.open = threading.Lock(), threading.Event()

    def hold(self, connection):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        said = connection.recv(16)
        self.open.wait(20)
        with self.lock:  # before the answer: the balancer gives the place to another then
            self.inside -= 1
        connection.sendall(said)

    def __exit__(self, *error):
        self.open.set()
        super().__exit__(*error)


def behind(**limits):
    """A service with the door as its only real, and limits for it."""
    shape = l7(ports=[25], weights=(100,), port=2525, check=ON)
    shape["reals"]["mail1"].update(limits)
    return shape


def ask(net, said, number):
    """Waits for its turn and hears its own number."""
    with net.client.connect(VIP_7, 25, 30) as s:
        s.sendall(b"%d" % number)
        said.append((number, s.recv(16)))


@contextlib.contextmanager
def asking(net, count):
    said = []
    threads = [threading.Thread(target=ask, args=(net, said, n), daemon=True)
               for n in range(count)]
    for t in threads:
        t.start()
    yield said
    for t in threads:
        t.join(30)


def given(lb):
    """Sessions that each real was given so far."""
    return [counts(lb, f"web/{name}")["sessions_total"] for name in ("mail1", "mail2")]


def one_by_one(net, lb, held, count):
    """Sessions that stay open in held, each begun when the one before it had its real: two at a time
    may be in two processes and see the same loads."""
    for goal in range(sum(given(lb)) + 1, sum(given(lb)) + count + 1):
        held.enter_context(net.client.connect(VIP_7, 80))
        wait_for("it to have a real", lambda goal=goal: sum(given(lb)) == goal)


def by_source(net, sources):
    return {a: answer(net.client, VIP_7, source=(a, 0)) for a in sources}


# --- a client and its real

@pytest.mark.parametrize("scheduler", ["sh", "maglev"])
def test_a_client_is_hashed_to_its_real(net, lb, sources, scheduler):  # R123
    lb.up(config({"web": l7(scheduler=scheduler)}))
    first = by_source(net, sources)
    assert set(first.values()) == {"mail1", "mail2"}
    assert by_source(net, sources) == first


def test_a_source_keeps_its_real_until_that_is_drained(net, lb, sources):  # R124, R130
    lb.up(config({"web": l7(persistence={"source": 32, "timeout": "5m"})}))
    first = by_source(net, sources)
    assert list(first.values()).count("mail1") == len(sources) // 2
    assert by_source(net, sources) == first
    lb.call("drain", "web/mail1")
    lb.wait_real("web/mail1", admin="drain")
    wait_for("no source to be held by what is drained",
             lambda: set(by_source(net, sources).values()) == {"mail2"})
    lb.call("online", "web/mail1")
    lb.wait_real("web/mail1", admin="online")
    assert set(by_source(net, sources).values()) == {"mail2"}


def test_a_source_survives_the_process_that_knew_it(net, lb, sources):
    lb.up(config({"web": l7(persistence={"source": 32, "timeout": "5m"})}))
    first = by_source(net, sources)
    lb.kill_pids(proxies(lb))
    wait_for("new processes", lambda: len(proxies(lb)) == os.cpu_count())
    assert by_source(net, sources) == first


def test_a_network_may_count_as_one_source(net, lb, sources):
    lb.up(config({"web": l7(persistence={"source": 24, "timeout": "5m"})}))
    assert len(set(by_source(net, sources).values())) == 1


def test_the_least_loaded_real_gets_the_next_session(net, lb):
    lb.up(config({"web": l7(scheduler="wlc", weights=(100, 100))}))
    with contextlib.ExitStack() as held:
        one_by_one(net, lb, held, 8)
        assert given(lb) == [4, 4]


# --- how many at a time

def test_a_real_never_has_more_than_max_connections_and_all_are_served(net, lb):  # R43
    with Door(net) as door:
        lb.up(config({"smtp": behind(max_connections=4, min_connections=4)}))
        with asking(net, 24) as said:
            wait_for("the real to be full", lambda: door.inside == 4)
            door.open.set()
        assert sorted(said) == [(n, b"%d" % n) for n in range(24)]
        assert door.most == 4


def test_a_service_never_has_more_than_maxconn_and_all_are_served(net, lb):  # R72
    with Door(net) as door:
        shape = behind()
        shape["maxconn"] = 3
        lb.up(config({"smtp": shape}))
        with asking(net, 12) as said:
            wait_for("the service to be full", lambda: door.inside == 3)
            door.open.set()
        assert sorted(said) == [(n, b"%d" % n) for n in range(12)]
        assert door.most == 3


def test_who_waits_too_long_is_closed(net, lb):
    with Door(net) as door:
        lb.up(config({"smtp": behind(max_connections=1)}, timeouts={"queue": "300ms"}))
        with net.client.connect(VIP_7, 25) as first:
            first.sendall(b"first")
            wait_for("the real to be full", lambda: door.inside == 1)
            with net.client.connect(VIP_7, 25) as second:
                assert second.recv(16) == b""
            door.open.set()
            assert first.recv(16) == b"first"


def test_the_places_of_killed_processes_are_free_again(net, lb):  # F23
    with Door(net) as door:
        lb.up(config({"smtp": behind(max_connections=1)}))
        with net.client.connect(VIP_7, 25) as first:
            first.sendall(b"first")
            wait_for("the real to be full", lambda: door.inside == 1)
            lb.kill_pids(proxies(lb))
            with net.client.connect(VIP_7, 25, 20) as second:
                second.sendall(b"second")
                door.open.set()
                assert second.recv(16) == b"second"


def test_a_real_whose_clients_are_hashed_starts_at_once_and_says_so(net, lb):  # R36
    said = lb.up(config({"web": l7(scheduler="sh", slow_start="1h")}))
    assert "slow_start: is not used with scheduler: sh" in said.stdout + said.stderr
    lb.call("drain", "web/mail2")
    lb.wait_real("web/mail2", admin="drain")
    lb.call("online", "web/mail2")
    lb.wait_real("web/mail2", admin="online")
    assert [statistics(lb)[n]["throttle"] for n in ("mail1", "mail2")] == ["", ""]


def test_a_real_that_returns_is_not_flooded(net, lb):  # R36
    with contextlib.ExitStack() as held:
        lb.up(config({"web": l7(scheduler="wlc", slow_start="1h")}))
        lb.call("drain", "web/mail2")
        lb.wait_real("web/mail2", admin="drain")
        one_by_one(net, lb, held, 10)
        assert given(lb) == [10, 0]
        lb.call("online", "web/mail2")
        lb.wait_real("web/mail2", admin="online")
        one_by_one(net, lb, held, 6)
        assert given(lb) == [15, 1]
        assert [statistics(lb)[n]["throttle"] for n in ("mail1", "mail2")] == ["", "5"]
