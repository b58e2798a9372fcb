# SPDX-License-Identifier: GPL-2.0-only
"""Address translation: l4-nat, where this host is the servers' gateway, and l4-snat, where servers
see an address of the pool and know of nothing. No server has one of these VIPs."""

import contextlib
import re
import socket
import struct
import threading

import pytest

from lab.clients import WHO_REQUEST, Download, Sniffer, answer, burst, wait_cut
from lab.config import config, reals
from lab.network import BALANCER, BALANCER6, CLIENT, CLIENT6, FAR, FAR6, MAIL
from lab.space import LabError, wait_for

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


def test_clients_with_one_source_port_get_ports_of_their_own(net, lb):
    """Two clients, each from port 40000; the second one's address is made for it."""
    up_snat(lb, reals={"mail1": {"ip": MAIL["mail1"][0], "port": REAL_PORT}}) \
        if False else lb.up(config({"web": snat()}))
    second = "192.168.30.51"
    net.client.ip("addr", "add", f"{second}/24", "dev", "eth0")
    try:
        with contextlib.ExitStack() as stack:
            ports = set()
            for source in (CLIENT, second) * 2:
                s = stack.enter_context(net.client.socket(socket.AF_INET, socket.SOCK_STREAM))
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.settimeout(5)
                with net.client.inside():
                    s.bind((source, 40000 + len(ports) // 2))
                    s.connect((NEAR, PORT))
                ports.add(s.getsockname())
                s.sendall(WHO_REQUEST)
                assert s.recv(4096).startswith(b"HTTP/1.1 200")
            assert len(ports) == 4
    finally:
        net.client.ip("addr", "del", f"{second}/24", "dev", "eth0")
