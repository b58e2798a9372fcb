# SPDX-License-Identifier: GPL-2.0-only
"""TProxy (source: client): real servers see the client's address, and answer by this host. Clients
are on the far network, servers on the near one with the balancer as their gateway."""

import concurrent.futures
import contextlib
import hashlib
import json
import os

import pytest

from lab.clients import answer
from lab.config import config
from lab.layer7 import CONNECT, Server, counts, header_reader, l7, stay_silent
from lab.network import BALANCER, BALANCER6, FAR, FAR6, MAIL, ROUTER, ROUTER6
from lab.space import LabError, run, wait_for

FRONT, FRONT6 = "10.1.0.12", "fd00:1::12"
WHO = b"GET /whoami HTTP/1.0\r\n\r\n"


@contextlib.contextmanager
def gateway(net, v4, v6):
    """The mail servers' way to everywhere else."""
    for name in MAIL:
        net.spaces[name].ip("route", "replace", "default", "via", v4)
        net.spaces[name].ip("-6", "route", "replace", "default", "via", v6)
    try:
        yield
    finally:
        for name in MAIL:
            net.spaces[name].ip("route", "replace", "default", "via", ROUTER)
            net.spaces[name].ip("-6", "route", "replace", "default", "via", ROUTER6)


@pytest.fixture
def routed(net):
    """The balancer is the servers' gateway (R77)."""
    with gateway(net, BALANCER, BALANCER6):
        yield


def front(vip=FRONT, **more):
    return l7(vip=vip, source="client", family=1 if ":" in vip else 0, **more)


def setup(services, **more):
    return config(services, interfaces=["eth1"], **more)


def up(lb, services, **more):
    lb.up(setup(services, **more), "eth1")


def who(net, vip=FRONT, port=80, **more):
    return answer(net.far, vip, port, WHO, **more).split()[1]


def filters(net, device="eth0"):
    return [f["options"]["bpf_name"] for f in json.loads(
        net.balancer.run("tc", "-j", "filter", "show", "dev", device, "ingress").stdout or "[]")
        if "options" in f and "bpf_name" in f["options"]]


def qdiscs(net, device="eth0"):
    text = net.balancer.run("tc", "-j", "qdisc", "show", "dev", device).stdout
    return [q["kind"] for q in json.loads(text) if q["kind"] in ("clsact", "ingress")]


def rules(net, family="-4"):
    """Rules with the protocol number that is ours, and the tables they lead to."""
    found = json.loads(net.balancer.ip("-j", family, "rule", "show").stdout)
    return [r["table"] for r in found if r.get("protocol") == "108"]


def traces(net):
    """All that TProxy puts into a host."""
    return (filters(net) + filters(net, "eth1") + qdiscs(net) + rules(net) + rules(net, "-6") +
            [r for f in ("-4", "-6") for r in
             json.loads(net.balancer.ip("-j", f, "route", "show", "table", "all").stdout)
             if r.get("protocol") == "108"])


@pytest.fixture(autouse=True)
def no_trace(net, lb):
    """Neither before a test nor after `down`."""
    assert traces(net) == []
    yield
    print(lb.log())
    lb.down(check=False)
    assert traces(net) == []


def test_the_server_sees_the_clients_address_and_port(net, lb, routed):  # R6, R76, R81
    def tell_peer(connection):
        connection.sendall(b"hello")

    with Server(net.mail1, MAIL["mail1"][0], 2525, tell_peer) as server:
        up(lb, {"web": front(), "smtp": front(ports=[25], port=2525, weights=(1, None),
                                              check=CONNECT)})
        assert who(net) == FAR
        with net.far.connect(FRONT, 25) as s:
            assert s.recv(10) == b"hello"
            port = s.getsockname()[1]
        wait_for("the server's note", lambda: (FAR, port) in server.peers)
    assert counts(lb, "smtp")["other_source_port_total"] == 0


def test_over_ipv6_too(net, lb, routed):
    up(lb, {"web": front(FRONT6)})
    assert who(net, FRONT6) == FAR6
    assert rules(net) == [] and len(rules(net, "-6")) == 1


def test_between_ip_versions_the_source_is_the_balancer(net, lb, routed):
    one, two = front(FRONT), front(FRONT6)
    one["reals"], two["reals"] = two["reals"], one["reals"]
    said = lb.up(setup({"one": one, "two": two}), "eth1")
    assert (who(net, FRONT), who(net, FRONT6)) == (BALANCER6, BALANCER)
    assert counts(lb, "one")["own_source_total"] == counts(lb, "two")["own_source_total"] == 1
    assert "services.one.source: " in said.stdout + said.stderr


def test_200_clients_at_a_time(net, lb, routed):
    up(lb, {"web": front()})
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        seen = set(pool.map(lambda _: who(net), range(200)))
    assert seen == {FAR}
    assert counts(lb, "web")["sessions_total"] == 200
    assert counts(lb, "web")["connect_errors_total"] == 0


def test_50_megabytes_come_through_whole_both_ways(net, lb, routed):
    sent = os.urandom(1 << 20) * 50
    want = hashlib.sha256(sent).hexdigest()
    with open(f"{net.directory}/www/50m", "wb") as f:
        f.write(sent)
    up(lb, {"web": front()})
    body = net.far.run("sh", "-c", f"curl -sS http://{FRONT}/50m | sha256sum").stdout
    os.unlink(f"{net.directory}/www/50m")
    assert body.split()[0] == want


def test_http_has_it_too(net, lb, routed):
    web = dict(front(), mode="l7-http")
    web["routes"] = [{"path": "/whoami", "reals": {"two": {"ip": MAIL["mail2"][0], "port": 80}}}]
    up(lb, {"web": web})
    url = f"http://{FRONT}/whoami"
    said = net.far.run("curl", "-sS", "--max-time", "10", url, url, url).stdout.splitlines()
    assert [line.split()[:2] for line in said] == [["mail2", FAR]] * 3
    assert counts(lb, "web")["own_source_total"] == 0


def test_strict_reverse_path_filters_are_not_in_the_way(net, lb, routed):
    where = ("all", "default", "eth0", "eth1", "lo")
    net.balancer.sysctl(**{f"net__ipv4__conf__{w}__rp_filter": 1 for w in where})
    try:
        up(lb, {"web": front()})
        assert who(net) == FAR
    finally:
        net.balancer.sysctl(**{f"net__ipv4__conf__{w}__rp_filter": 0 for w in where})


def test_routing_goes_on_beside_it(net, lb, routed):
    """The balancer still is a router: what it only forwards keeps its way."""
    net.balancer.sysctl(net__ipv4__ip_forward=1)
    net.far.ip("route", "add", f"{MAIL['mail1'][0]}/32", "via", "10.1.0.2")
    try:
        up(lb, {"web": front()})
        assert who(net) == FAR
        assert answer(net.far, MAIL["mail1"][0], 80) == "mail1"
    finally:
        net.far.ip("route", "del", f"{MAIL['mail1'][0]}/32")
        net.balancer.sysctl(net__ipv4__ip_forward=0)


def test_a_clients_port_that_is_taken_gives_way_to_another(net, lb, routed):
    with Server(net.mail1, MAIL["mail1"][0], 2525, stay_silent) as server:
        up(lb, {"smtp": front(ports=[25], port=2525, weights=(1, None), check=CONNECT,
                              proxy_protocol={"accept": "v1"})})
        held = [net.far.connect(FRONT, 25) for _ in range(2)]
        for s in held:
            s.sendall(b"PROXY TCP4 203.0.113.7 192.0.2.1 4321 80\r\n")
        wait_for("both", lambda: len([p for p in server.peers if p[0] == "203.0.113.7"]) == 2)
        ports = [p[1] for p in server.peers if p[0] == "203.0.113.7"]
        assert ports[0] != ports[1] and 4321 in ports
        assert counts(lb, "smtp")["other_source_port_total"] == 1
        assert counts(lb, "smtp")["connect_errors_total"] == 0
        for s in held:
            s.close()


def test_a_proxy_header_says_whose_address_it_is(net, lb, servers, routed):
    with header_reader(servers["mail1"], 8602):
        shape = front(weights=(1, None), port=8602, check=CONNECT,
                      proxy_protocol={"accept": "v1", "send": "v1"})
        up(lb, {"web": shape})
        with net.far.connect(FRONT, 80) as s:
            s.sendall(b"PROXY TCP4 203.0.113.7 192.0.2.1 4321 80\r\n" + WHO)
            data = b""
            while part := s.recv(4096):
                data += part
        assert data.rpartition(b"\r\n\r\n")[2].split() == [b"203.0.113.7", b"80", b"203.0.113.7"]


def test_other_services_keep_their_source(net, lb, routed):
    up(lb, {"web": front(), "other": l7(vip="10.1.0.13", source="auto")})
    assert who(net) == FAR
    assert who(net, "10.1.0.13") == BALANCER


# --- what it puts into the host

def test_a_reload_brings_it_and_takes_it_away(net, lb, routed):
    up(lb, {"web": l7(vip=FRONT)})
    assert traces(net) == [] and who(net) == BALANCER
    pids = lb.pids()
    lb.reload(setup({"web": front()}))
    assert who(net) == FAR
    assert len(filters(net)) == 1 and filters(net, "eth1") == [] and len(rules(net)) == 1
    lb.reload(setup({"web": l7(vip=FRONT)}))
    assert who(net) == BALANCER
    wait_for("the host to be clean", lambda: traces(net) == [])
    assert lb.pids() == pids


def test_sessions_of_a_service_that_left_run_to_their_end(net, lb, routed):
    with Server(net.mail1, MAIL["mail1"][0], 2525, lambda c: [c.sendall(b) for b in
                                                              iter(lambda: c.recv(64), b"")]):
        up(lb, {"smtp": front(ports=[25], port=2525, weights=(1, None), check=CONNECT),
                "web": l7(vip="10.1.0.13")})
        with net.far.connect(FRONT, 25) as s:
            def echo(word):
                s.sendall(word)
                return s.recv(64)

            assert echo(b"one") == b"one"
            lb.reload(setup({"web": l7(vip="10.1.0.13")}))
            assert echo(b"two") == b"two"
            assert len(filters(net)) == 1 and len(rules(net)) == 1
            assert echo(b"three") == b"three"
        wait_for("the host to be clean", lambda: traces(net) == [])


def test_what_somebody_takes_away_is_put_back(net, lb, routed):
    up(lb, {"web": front()})
    table = rules(net)[0]
    net.balancer.run("tc", "filter", "del", "dev", "eth0", "ingress")
    net.balancer.ip("rule", "del", "table", table)
    net.balancer.ip("route", "flush", "table", table)
    wait_for("filter and rule", lambda: filters(net) and rules(net) == [table])
    wait_for("an answer", lambda: who(net) == FAR)


@pytest.fixture
def foreign(net):
    """Somebody else's filter, and a rule with the very mark."""
    run("clang", "-O2", "-target", "bpf", "-x", "c", "-c", "-", "-o", f"{net.directory}/ok.o",
        input_text="""__attribute__((section("tc"), used)) int lab_ok(void *s) { return -1; }
                      char _license[] __attribute__((section("license"), used)) = "GPL";""")
    net.balancer.run("tc", "qdisc", "add", "dev", "eth0", "clsact")
    net.balancer.run("tc", "filter", "add", "dev", "eth0", "egress", "prio", "7", "bpf", "da", "obj",
                     f"{net.directory}/ok.o", "sec", "tc")
    net.balancer.ip("rule", "add", "fwmark", "0x20000000/0x20000000", "lookup", "77")
    yield
    net.balancer.ip("rule", "del", "table", "77")
    net.balancer.run("tc", "qdisc", "del", "dev", "eth0", "clsact")


def test_filters_and_rules_of_others_stay(net, lb, routed, foreign):
    up(lb, {"web": front()})
    assert who(net) == FAR
    lb.down()
    assert "pref 7 bpf" in net.balancer.run("tc", "filter", "show", "dev", "eth0", "egress").stdout
    assert "lookup 77" in net.balancer.ip("rule").stdout
    assert filters(net) == [] and rules(net) == []


def test_after_a_crash_nothing_is_there_twice(net, lb, routed):
    up(lb, {"web": front()})
    once = sorted(filters(net) + rules(net))
    lb.kill()
    up(lb, {"web": front()})
    assert sorted(filters(net) + rules(net)) == once
    assert who(net) == FAR
    lb.kill()
    up(lb, {"web": l7(vip=FRONT)})
    wait_for("the host to be clean", lambda: traces(net) == [])


def test_down_after_a_crash_leaves_no_trace(net, lb, routed):
    up(lb, {"web": front()})
    assert traces(net) != []
    lb.kill()
    lb.down()
    assert traces(net) == []


# --- what can go wrong

def test_one_network_for_vip_and_servers_is_an_error(net, lb):  # R76
    shape = l7(source="client")
    lb.write(config({"web": shape}))
    said = lb.call("check", "-c", lb.config, check=False)
    assert said.returncode == 1
    assert "services.web.source: " in said.stderr and "two networks" in said.stderr
    with pytest.raises(LabError):
        lb.up(config({"web": shape}))
    web = dict(l7(source="client", vip=FRONT), mode="l7-http")
    web["routes"] = [{"path": "/x", "reals": {"far": {"ip": "10.1.0.99", "port": 80}}}]
    lb.write(setup({"web": web}))
    assert "two networks" in lb.call("check", "-c", lb.config, check=False).stderr


def test_status_says_when_answers_take_another_way(net, lb):  # R77
    shape = front(timeouts={"connect": "500ms"}, weights=(1, None))
    up(lb, {"web": shape})
    lb.wait_real("web/mail1", status="up", warning=None)
    with pytest.raises(OSError):
        who(net)
    real = wait_for("the warning", lambda: (lb.real("web/mail1")["warning"] and
                                            lb.real("web/mail1")))
    assert "default gateway" in real["warning"] and real["status"] == "up"
    assert "default gateway" in lb.call("status").stdout
    assert "real web/mail1: answers do not come back" in lb.log()
    with gateway(net, BALANCER, BALANCER6):
        assert who(net) == FAR
        assert lb.real("web/mail1")["warning"] is None


def test_a_server_that_died_is_down_and_nothing_else(net, lb, routed):
    """Silent as one whose answers take another way, but its checks say so too."""
    up(lb, {"web": front(timeouts={"connect": "200ms"}, weights=(1, None),
                         check={"type": "connect", "interval": "500ms", "timeout": "400ms"})})
    assert who(net) == FAR
    net.mail1.ip("link", "set", "eth0", "down")
    try:
        with pytest.raises(OSError):
            who(net)
        lb.wait_real("web/mail1", status="down", warning=None)
        assert "answers do not come back" not in lb.log()
    finally:
        net.mail1.ip("link", "set", "eth0", "up")
        net.mail1.ip("route", "replace", "default", "via", ROUTER)
        net.mail1.ip("-6", "addr", "replace", f"{MAIL['mail1'][1]}/64", "dev", "eth0", "nodad")


def test_a_gateway_that_does_not_forward_is_warned_of(net, lb, routed):
    net.balancer.sysctl(net__ipv4__ip_forward=0)
    said = lb.up(setup({"web": front()}), "eth1")
    assert "net.ipv4.ip_forward is 0" in said.stdout + said.stderr
    net.balancer.sysctl(net__ipv4__ip_forward=1)
    try:
        said = lb.reload(setup({"web": front(), "more": l7(vip="10.1.0.13")}))
        assert "ip_forward" not in said.stdout + said.stderr
    finally:
        net.balancer.sysctl(net__ipv4__ip_forward=0)


def test_ports_that_run_out_are_counted(net, lb, routed):  # F36
    """With one address and one port, the second connection to the same server finds none."""
    net.balancer.sysctl(net__ipv4__ip_local_port_range="40000 40001")
    try:
        with Server(net.mail1, MAIL["mail1"][0], 2525, stay_silent):
            up(lb, {"smtp": l7(vip=FRONT, ports=[25], port=2525, weights=(1, None),
                               check=dict(CONNECT, port=80))})
            held = [net.far.connect(FRONT, 25) for _ in range(6)]
            wait_for("the count", lambda: counts(lb, "smtp")["no_source_port_total"] > 0)
            for s in held:
                s.close()
    finally:
        net.balancer.sysctl(net__ipv4__ip_local_port_range="32768 60999")
