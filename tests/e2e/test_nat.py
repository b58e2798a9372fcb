# SPDX-License-Identifier: GPL-2.0-only
"""Address translation: l4-nat, where this host is the servers' gateway, and l4-snat, where servers
see an address of the pool and know of nothing. No server has one of these VIPs."""

import contextlib
import re
import socket
import threading

import pytest

from lab.clients import WHO_REQUEST, Download, answer, burst
from lab.config import config, reals
from lab.network import BALANCER, BALANCER6, CLIENT, FAR, FAR6, MAIL
from lab.space import wait_for

NEAR, NEAR6 = "192.168.30.77", "fd00:30::77"
AWAY, AWAY6 = "10.1.0.77", "fd00:1::77"
POOL, POOL6 = "192.168.30.200", "fd00:30::200"
PORT, REAL_PORT = 8080, 80
FAMILIES = pytest.mark.parametrize("family", [0, 1])


def service(mode, vip, family, **more):
    backs = {name: {**r, "port": REAL_PORT} for name, r in reals(family=family).items()}
    pool = {"source_pool": (POOL, POOL6)[family]} if mode == "l4-snat" else {}
    return {"mode": mode, "vip": vip, "ports": [PORT], "protocol": "tcp",
            "check": {"type": "connect"}, "reals": backs, **pool, **more}


def snat(family=0, **more):
    return service("l4-snat", (NEAR, NEAR6)[family], family, **more)


def nat(family=0, **more):
    return service("l4-nat", (AWAY, AWAY6)[family], family, **more)


@pytest.fixture
def gateway(net):
    """The servers reach the far network by the balancer."""
    ways = [("10.1.0.0/24", BALANCER, ()), ("fd00:1::/64", BALANCER6, ("-6",))]
    for name in MAIL:
        for to, via, six in ways:
            net.spaces[name].ip(*six, "route", "add", to, "via", via)
    yield
    for name in MAIL:
        for to, via, six in ways:
            net.spaces[name].ip(*six, "route", "del", to, "via", via)


def up_nat(lb, **more):
    lb.up(config({"web": nat(**more), "web6": nat(1, **more)}, interfaces=("eth0", "eth1")),
          "eth0", "eth1")


def up_snat(lb, **more):
    lb.up(config({"web": snat(**more), "web6": snat(1, **more)}))


@FAMILIES
def test_with_snat_the_server_sees_the_pools_address_and_its_own_port(net, lb, family):  # R1, R54
    up_snat(lb)
    vip, pool = (NEAR, NEAR6)[family], (POOL, POOL6)[family]
    seen = [answer(net.client, vip, PORT, request=WHO_REQUEST) for _ in range(4)]
    assert sorted(seen) == [f"mail1 {pool}"] * 2 + [f"mail2 {pool}"] * 2


@FAMILIES
def test_with_nat_the_server_sees_the_client_and_answers_by_its_gateway(  # R1, R54
        net, lb, gateway, family):
    up_nat(lb)
    vip, client = (AWAY, AWAY6)[family], (FAR, FAR6)[family]
    seen = [answer(net.far, vip, PORT, request=WHO_REQUEST) for _ in range(4)]
    assert sorted(seen) == [f"mail1 {client}"] * 2 + [f"mail2 {client}"] * 2


@FAMILIES
def test_a_snat_client_may_be_behind_another_interface(net, lb, family):
    lb.up(config({"web": service("l4-snat", (AWAY, AWAY6)[family], family)},
                 interfaces=("eth0", "eth1")), "eth0", "eth1")
    pool = (POOL, POOL6)[family]
    assert answer(net.far, (AWAY, AWAY6)[family], PORT, request=WHO_REQUEST).endswith(pool)


def large(space, vip, *words):
    return space.run("curl", "-sS", "--max-time", "20", *words, f"http://{vip}:{PORT}/3m").stdout


@FAMILIES
def test_large_bodies_come_whole_both_ways(net, lb, gateway, family):
    both = {"near": snat(family), "away": nat(family)}
    lb.up(config(both, interfaces=("eth0", "eth1")), "eth0", "eth1")
    for space, vip in ((net.client, (NEAR, f"[{NEAR6}]")[family]),
                       (net.far, (AWAY, f"[{AWAY6}]")[family])):
        assert large(space, vip, "-o", "/dev/null", "-w", "%{size_download}") == str(3 << 20)
        done = space.run("curl", "-sS", "--max-time", "20", "-T", f"{net.directory}/www/3m",
                         f"http://{vip}:{PORT}/upload")
        assert done.stdout == str(3 << 20)


def test_a_thousand_connections_are_shared_exactly(net, lb):
    up_snat(lb)
    assert burst(net.client, NEAR, PORT, 1000) == {"mail1": 500, "mail2": 500}
    assert burst(net.client, NEAR6, PORT, 1000) == {"mail1": 500, "mail2": 500}


@contextlib.contextmanager
def second_address(space, address):
    space.ip("addr", "add", f"{address}/24", "dev", "eth0")
    try:
        yield address
    finally:
        space.ip("addr", "del", f"{address}/24", "dev", "eth0")


def test_clients_with_one_source_port_get_ports_of_their_own(net, lb):
    lb.up(config({"web": snat(reals={"mail1": {"ip": MAIL["mail1"][0], "port": REAL_PORT}})}))
    with second_address(net.client, "192.168.30.51") as other, contextlib.ExitStack() as stack:
        for source in (CLIENT, other):
            s = net.client.connect(NEAR, PORT, source=(source, 40000))
            stack.enter_context(s)
            s.sendall(WHO_REQUEST)
            assert s.recv(4096).startswith(b"HTTP/1.1 200")


def who(name, data, sender):
    return f"{name} {sender[0]}".encode()


@contextlib.contextmanager
def udp_server(net, name, family, reply=who):
    """Answers each datagram; by default with the server's name and whom it came from."""
    kind = (socket.AF_INET, socket.AF_INET6)[family]
    s = net.spaces[name].socket(kind, socket.SOCK_DGRAM)
    with net.spaces[name].inside():
        s.bind((MAIL[name][family], REAL_PORT))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                data, sender = s.recvfrom(65536)
                if not sender:
                    return  # shut down
                s.sendto(reply(name, data, sender), sender)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            s.shutdown(socket.SHUT_RDWR)
        s.close()
        thread.join(5)


@FAMILIES
def test_datagrams_are_translated_both_ways(net, lb, gateway, family):
    more = {"protocol": "udp", "check": {"type": "on"}}
    lb.up(config({"near": snat(family, **more), "away": nat(family, **more)},
                 interfaces=("eth0", "eth1")), "eth0", "eth1")
    with udp_server(net, "mail1", family), udp_server(net, "mail2", family):
        for space, vip, seen in ((net.client, (NEAR, NEAR6)[family], (POOL, POOL6)[family]),
                                 (net.far, (AWAY, AWAY6)[family], (FAR, FAR6)[family])):
            with space.socket((socket.AF_INET, socket.AF_INET6)[family], socket.SOCK_DGRAM) as s:
                s.settimeout(5)
                s.connect((vip, PORT))
                got = set()
                for _ in range(3):
                    s.send(b"who")
                    got.add(s.recv(2048).decode())
            assert len(got) == 1 and got.pop() in (f"mail1 {seen}", f"mail2 {seen}")


def backwards(_name, data, _sender):
    return data[::-1]


@FAMILIES
def test_large_datagrams_come_whole_both_ways_in_fragments(net, lb, gateway, family):  # F2, R110
    more = {"protocol": "udp", "check": {"type": "on"}}
    lb.up(config({"near": snat(family, **more), "away": nat(family, **more)},
                 interfaces=("eth0", "eth1")), "eth0", "eth1")
    with udp_server(net, "mail1", family, backwards), udp_server(net, "mail2", family, backwards):
        for space, vip in ((net.client, (NEAR, NEAR6)[family]), (net.far, (AWAY, AWAY6)[family])):
            with space.socket((socket.AF_INET, socket.AF_INET6)[family], socket.SOCK_DGRAM) as s:
                s.settimeout(5)
                s.connect((vip, PORT))
                for length in (1473, 4000, 9001):
                    data = bytes(i * i % 251 for i in range(length))
                    s.send(data)
                    assert s.recv(65536) == data[::-1]


@FAMILIES
def test_a_narrow_path_to_the_client_is_learnt_by_the_server(net, lb, gateway, family):
    """The router's error quotes a packet of the VIP; the server must get one that quotes its own.
    The client is moved behind the router, on a link of a small MTU."""
    vip, far = (NEAR, NEAR6)[family], (FAR, FAR6)[family]
    six = ("-6",) if family else ()
    net.router.ip("link", "set", "eth1", "mtu", "1400")
    net.far.ip(*six, "route", "replace", vip, "via", ("10.1.0.1", "fd00:1::1")[family])
    net.balancer.ip(*six, "route", "replace", far, "via",
                    ("192.168.30.1", "fd00:30::1")[family])
    try:
        lb.up(config({"web": snat(family)}))
        shown = (vip, f"[{vip}]")[family]
        assert large(net.far, shown, "-o", "/dev/null", "-w", "%{size_download}") == str(3 << 20)
    finally:
        net.router.ip("link", "set", "eth1", "mtu", "1500")
        net.far.ip(*six, "route", "del", vip)
        net.balancer.ip(*six, "route", "del", far)
        for space in net.spaces.values():
            space.ip(*six, "route", "flush", "cache")


@FAMILIES
@pytest.mark.parametrize("mode", ["snat", "nat"])
def test_halt_resets_and_drain_lets_run(net, lb, gateway, mode, family):  # R33, R34
    if mode == "snat":
        up_snat(lb)
        space, vip = net.client, (NEAR, NEAR6)[family]
    else:
        up_nat(lb)
        space, vip = net.far, (AWAY, AWAY6)[family]
    download = Download(space, vip, PORT)
    web = "web6" if family else "web"
    name = next(r["name"] for r in lb.service(web)["reals"] if r["connections_total"])
    lb.call("drain", f"{web}/{name}")
    assert download.flows()
    assert {answer(space, vip, PORT) for _ in range(3)} == {"mail1", "mail2"} - {name}
    lb.call("halt", f"{web}/{name}")
    download.until_reset(5)


@pytest.mark.parametrize("family", [0, 1])
def test_flows_outlive_the_daemon_and_are_taken_up_by_the_next(net, lb, gateway, family):
    both = {"near": snat(family), "away": nat(family)}
    lb.up(config(both, interfaces=("eth0", "eth1")), "eth0", "eth1")
    near = Download(net.client, (NEAR, NEAR6)[family], PORT)
    far = Download(net.far, (AWAY, AWAY6)[family], PORT)
    lb.kill()
    assert near.flows() and far.flows()
    assert answer(net.client, (NEAR, NEAR6)[family], PORT) in MAIL
    lb.call("up", "eth0", "eth1", "-c", lb.config)
    assert near.flows() and far.flows()
    assert answer(net.far, (AWAY, AWAY6)[family], PORT) in MAIL
    near.close()
    far.close()


def test_a_reload_moves_a_service_between_modes_and_cuts_no_flow(net, lb):
    """What ran with Direct Routing goes on so, and what ran with SNAT too."""
    vip = "192.168.30.10"  # which the servers have
    direct = {"mode": "l4-dr", "vip": vip, "ports": [REAL_PORT], "check": {"type": "connect"},
              "reals": reals()}
    translated = dict(direct, mode="l4-snat", source_pool=POOL)
    lb.up(config({"web": direct}))
    first = Download(net.client, vip)
    assert answer(net.client, vip, request=WHO_REQUEST).endswith(CLIENT)
    lb.reload(config({"web": translated}))
    lb.wait_real("web/mail1", status="up")
    lb.wait_real("web/mail2", status="up")
    assert answer(net.client, vip, request=WHO_REQUEST).endswith(POOL)
    second = Download(net.client, vip)
    assert first.flows()
    lb.reload(config({"web": direct}))
    lb.wait_real("web/mail1", status="up")
    assert answer(net.client, vip, request=WHO_REQUEST).endswith(CLIENT)
    assert first.flows() and second.flows()
    first.close()
    second.close()


def test_an_address_that_leaves_the_pool_serves_the_flows_it_has_and_goes(net, lb):
    short = {"closing": "1s", "syn": "1s"}
    lb.up(config({"web": snat()}, timeouts=short))
    running = Download(net.client, NEAR, PORT)
    lb.reload(config({"web": snat(source_pool="192.168.30.201")}, timeouts=short))
    assert answer(net.client, NEAR, PORT, request=WHO_REQUEST).endswith("192.168.30.201")
    assert running.flows()
    assert net.client.run("ping", "-c1", "-W2", POOL).returncode == 0
    running.close()
    wait_for("the address to go", lambda: net.client.run(
        "ping", "-c1", "-W1", POOL, check=False).returncode, 20)


def test_status_names_the_mode(net, lb, gateway):
    lb.up(config({"near": snat(), "away": nat()}, interfaces=("eth0", "eth1")), "eth0", "eth1")
    assert [s["mode"] for s in lb.status()["services"]] == ["l4-snat", "l4-nat"]
    assert re.search(r"Layer 4 +SNAT", lb.call("status").stdout)
