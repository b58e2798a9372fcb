# SPDX-License-Identifier: GPL-2.0-only
"""Layer 4: which real server a new connection gets, how many of them, and for how long a client
keeps its own."""

import contextlib
import json
import socket
import time

import pytest

from lab.clients import answer, burst
from lab.config import config, service
from lab.network import MAIL, VIP, VIP6
from lab.space import run, wait_for

ON = {"type": "on"}
SOURCES = [f"192.168.30.{n}" for n in range(101, 133)]
KEPT_REQUEST = b"GET /name HTTP/1.1\r\nHost: lab\r\n\r\n"


@pytest.fixture
def sources(net):
    """Further addresses of the client."""
    for address in SOURCES:
        net.client.ip("addr", "add", f"{address}/24", "dev", "eth0")
    yield SOURCES
    for address in SOURCES:
        net.client.ip("addr", "del", f"{address}/24", "dev", "eth0")


def ask(connection):
    """One request on a connection that stays; the server's name. Its answer shows that the balancer
    has seen the handshake's end."""
    connection.sendall(KEPT_REQUEST)
    data = b""
    while not data.endswith(b"\n") or b"\r\n\r\n" not in data:
        part = connection.recv(4096)
        assert part, f"closed after {data!r}"
        data += part
    return data.rsplit(b"\n", 2)[-2].decode()


def hold(net, held, count, vip=VIP, **more):
    """count connections that stay; how often each server took one."""
    tally = {}
    for _ in range(count):
        name = ask(held.enter_context(net.client.connect(vip, 80, **more)))
        tally[name] = tally.get(name, 0) + 1
    return tally


def by_source(net, sources, port=80):
    return {a: answer(net.client, VIP, port, source=(a, 0)) for a in sources}


def limited(**limits):
    """mail1 and mail2 (and a backup) with limits of their own."""
    shape = service(check=ON)
    for name, limit in limits.items():
        real = {"ip": MAIL[name][0], **limit}
        if name == "mail3":
            shape["backup"] = real
        else:
            shape["reals"][name].update(limit)
    return shape


def metric(lb, name, **labels):
    text = lb.call("metrics").stdout
    for line in text.splitlines():
        if line.startswith(name + "{") and all(f'{k}="{v}"' in line for k, v in labels.items()):
            return float(line.rpartition(" ")[2])
    raise AssertionError(f"no {name} with {labels}")


# --- in turn, and by connections

@pytest.mark.parametrize("vip", [VIP, VIP6])
def test_rr_knows_no_weights(net, lb, vip):  # R123
    lb.up(config({"web": service(vip=vip, weights=(300, 100), scheduler="rr")}))
    assert burst(net.client, vip, 80, 400) == {"mail1": 200, "mail2": 200}


@pytest.mark.parametrize("scheduler, vip, spread", [
    ("wlc", VIP, {"mail1": 30, "mail2": 10}), ("lc", VIP, {"mail1": 20, "mail2": 20}),
    ("wlc", VIP6, {"mail1": 30, "mail2": 10})])
def test_held_connections_are_spread_by_their_number(net, lb, scheduler, vip, spread):  # R123
    lb.up(config({"web": service(vip=vip, weights=(300, 100), check=ON, scheduler=scheduler)}))
    with contextlib.ExitStack() as held:
        assert hold(net, held, 40, vip) == spread


def test_the_least_loaded_gets_what_others_gave_up(net, lb):  # R123
    lb.up(config({"web": service(check=ON, scheduler="wlc")}))
    with contextlib.ExitStack() as held, contextlib.ExitStack() as let_go:
        connections = [let_go.enter_context(net.client.connect(VIP, 80)) for _ in range(20)]
        names = [ask(c) for c in connections]
        assert names.count("mail1") == 10
        for c, name in zip(connections, names):
            if name == "mail2":
                c.close()
        wait_for("the closes to be seen", lambda: lb.real("web/mail2")["active"] == 0)
        assert hold(net, held, 10) == {"mail2": 10}


# --- by the client's address

@pytest.mark.parametrize("scheduler", ["sh", "maglev"])
def test_a_client_is_hashed_to_its_real(net, lb, sources, scheduler):  # R123
    lb.up(config({"web": service(ports=[80, 8001], scheduler=scheduler)}))
    first = by_source(net, sources)
    assert set(first.values()) == {"mail1", "mail2"}
    assert by_source(net, sources) == first
    assert by_source(net, sources, 8001) == first


def test_with_maglev_only_the_clients_of_a_drained_real_move(net, lb, sources):  # R123
    third = {"mail3": {"ip": MAIL["mail3"][0], "weight": 100}}
    shape = service(scheduler="maglev", check=ON)
    shape["reals"].update(third)
    lb.up(config({"web": shape}))
    first = by_source(net, sources)
    assert set(first.values()) == set(MAIL)
    lb.call("drain", "web/mail3")
    lb.wait_real("web/mail3", admin="drain", effective_weight=0)
    second = by_source(net, sources)
    assert "mail3" not in second.values()
    assert all(second[a] == name for a, name in first.items() if name != "mail3")
    lb.call("online", "web/mail3")
    lb.wait_real("web/mail3", admin="online", effective_weight=100)
    assert by_source(net, sources) == first


def test_running_connections_stay_whatever_the_scheduler_becomes(net, lb):  # R123
    shapes = [service(check=ON, scheduler=s) for s in ("maglev", "wlc", "sh", "rr", "wrr")]
    shapes += [service(check=ON, persistence={"source": 24, "timeout": "5m"}),
               limited(mail1={"max_connections": 1}, mail2={"max_connections": 1})]
    lb.up(config({"web": service(check=ON)}))
    with contextlib.ExitStack() as held:
        connections = [held.enter_context(net.client.connect(VIP, 80)) for _ in range(10)]
        names = [ask(c) for c in connections]
        for shape in shapes:
            lb.reload(config({"web": shape}))
            assert [ask(c) for c in connections] == names


# --- slow start

def test_a_real_that_returns_is_not_flooded(net, lb):  # R36
    lb.up(config({"web": service(check=ON, scheduler="wlc", slow_start="1h")}))
    with contextlib.ExitStack() as held:
        lb.call("drain", "web/mail2")
        lb.wait_real("web/mail2", admin="drain", effective_weight=0)
        assert hold(net, held, 10) == {"mail1": 10}
        lb.call("online", "web/mail2")
        lb.wait_real("web/mail2", admin="online", effective_weight=100)
        assert hold(net, held, 6) == {"mail1": 5, "mail2": 1}


def test_turns_of_a_real_that_returns_grow_to_its_weight(net, lb):  # R36
    lb.up(config({"web": service(check=ON, slow_start="1h")}))
    assert burst(net.client, VIP, 80, 20) == {"mail1": 10, "mail2": 10}
    lb.call("drain", "web/mail2")
    lb.wait_real("web/mail2", admin="drain", effective_weight=0)
    lb.call("online", "web/mail2")
    lb.wait_real("web/mail2", admin="online", effective_weight=100)
    assert burst(net.client, VIP, 80, 21) == {"mail1": 20, "mail2": 1}
    lb.reload(config({"web": service(check=ON, slow_start="1s")}))
    wait_for("equal shares", lambda: burst(net.client, VIP, 80, 20) == {"mail1": 10, "mail2": 10})


# --- persistence

def test_a_source_keeps_its_real_on_every_port_until_that_is_drained(net, lb, sources):  # R124
    lb.up(config({"web": service(ports=[80, 8001], persistence={"source": 32})}))
    first = by_source(net, sources)
    assert list(first.values()).count("mail1") == len(sources) // 2
    assert by_source(net, sources) == first
    assert by_source(net, sources, 8001) == first
    assert metric(lb, "lbxdp_service_persisted_connections_total",
                  service="web") == 2 * len(sources)
    lb.call("drain", "web/mail1")
    lb.wait_real("web/mail1", admin="drain", effective_weight=0)
    assert set(by_source(net, sources).values()) == {"mail2"}
    lb.call("online", "web/mail1")
    lb.wait_real("web/mail1", admin="online", effective_weight=100)
    assert set(by_source(net, sources).values()) == {"mail2"}


def test_a_network_may_count_as_one_source(net, lb, sources):  # R124
    lb.up(config({"web": service(persistence={"source": 24}),
                  "web6": service(vip=VIP6, persistence={"source6": 64})}))
    assert len(set(by_source(net, sources).values())) == 1
    assert len(burst(net.client, VIP6, 80, 10)) == 1


def memory_age(lb):
    """Ticks since each remembered client's last new connection."""
    rows = json.loads(run("bpftool", "-j", "map", "dump", "pinned", f"{lb.pins}/lbx_persist").stdout)
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) >> 27
    return [now - r["formatted"]["value"]["seen"] for r in rows]


def test_a_source_is_forgotten_after_the_timeout(net, lb):  # R124
    lb.up(config({"web": service(persistence={"source": 32, "timeout": "1s"})}))
    assert len(burst(net.client, VIP, 80, 10)) == 1
    seen = set()
    for _ in range(4):  # each time the next in turn
        wait_for("the memory to be old", lambda: memory_age(lb) and min(memory_age(lb)) > 9)
        seen.add(answer(net.client, VIP))
    assert seen == {"mail1", "mail2"}


def test_a_source_survives_the_daemon_that_knew_it(net, lb, sources):  # R124
    lb.up(config({"web": service(persistence={"source": 32})}))
    first = by_source(net, sources)
    lb.kill()
    assert by_source(net, sources) == first
    lb.up(config({"web": service(persistence={"source": 32})}))
    assert by_source(net, sources) == first


# --- how many at a time

def is_refused(net):
    try:
        net.client.connect(VIP, 80, timeout=0.5).close()
    except TimeoutError:
        return True
    return False


def test_a_real_gets_as_many_as_its_maximum_and_no_more(net, lb):  # R43
    lb.up(config({"web": limited(mail1={"max_connections": 4},
                                 mail2={"max_connections": 3, "min_connections": 1})}))
    with contextlib.ExitStack() as held:
        connections = [held.enter_context(net.client.connect(VIP, 80)) for _ in range(7)]
        names = [ask(c) for c in connections]
        assert (names.count("mail1"), names.count("mail2")) == (4, 3)
        assert is_refused(net)
        assert lb.real("web/mail1")["full"] and lb.real("web/mail2")["full"]
        assert "up (full)" in lb.call("status").stdout
        assert lb.service("web")["full_packets_total"] >= 1
        assert metric(lb, "lbxdp_real_full", real="mail1") == 1
        flat = json.loads(lb.call("report", "l4", "--json").stdout)
        assert [int(r["limit"]) for r in flat] == [4, 3]
        mine = {n: [c for c, m in zip(connections, names) if m == n] for n in MAIL}
        close(lb, "mail1", mine["mail1"].pop(), 3)
        close(lb, "mail2", mine["mail2"].pop(), 2)
        close(lb, "mail2", mine["mail2"].pop(), 1)
        assert is_refused(net)  # 3 is not below three quarters of 4, 1 not below 1
        close(lb, "mail1", mine["mail1"].pop(), 2)
        assert hold(net, held, 2) == {"mail1": 2}
        assert is_refused(net)
        close(lb, "mail2", mine["mail2"].pop(), 0)
        assert hold(net, held, 3) == {"mail2": 3}
        assert is_refused(net)


def close(lb, name, connection, left):
    connection.close()
    wait_for("the close to be seen", lambda: lb.real(f"web/{name}")["active"] == left)


def test_a_backup_stands_in_while_all_are_full(net, lb):  # R43
    lb.up(config({"web": limited(mail1={"max_connections": 2}, mail2={"max_connections": 2},
                                 mail3={})}))
    lb.wait_real("web/backup", status="up")
    with contextlib.ExitStack() as held:
        assert hold(net, held, 7) == {"mail1": 2, "mail2": 2, "mail3": 3}
    wait_for("the closes to be seen", lambda: lb.real("web/mail1")["active"] == 0
             and lb.real("web/mail2")["active"] == 0)
    assert burst(net.client, VIP, 80, 10) == {"mail1": 5, "mail2": 5}


# --- one packet at a time

@contextlib.contextmanager
def echoes(net, port):
    """Who gets a datagram; nobody answers."""
    with contextlib.ExitStack() as stack:
        found = {}
        for name in ("mail1", "mail2"):
            found[name] = stack.enter_context(net.spaces[name].socket(kind=socket.SOCK_DGRAM))
            found[name].bind((VIP, port))
            found[name].settimeout(5)
        yield found


def test_each_datagram_goes_to_the_next_real(net, lb):  # R125
    lb.up(config({"dns": service(ports=[5353], protocol="udp", check={"type": "ping"},
                                 one_packet="on")}))
    with echoes(net, 5353) as servers, net.client.socket(kind=socket.SOCK_DGRAM) as s:
        for i in range(20):
            s.sendto(b"%d" % i, (VIP, 5353))
            assert servers[("mail1", "mail2")[i % 2]].recv(16) == b"%d" % i
    assert metric(lb, "lbxdp_flow_entries", family="ipv4") == 0
    assert [r["connections_total"] for r in lb.service("dns")["reals"]] == [10, 10]
