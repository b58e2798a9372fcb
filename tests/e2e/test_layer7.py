# SPDX-License-Identifier: GPL-2.0-only
"""Layer 7, TCP mode: real mail clients and servers through the proxy, beside Direct Routing."""

import hashlib
import os
import select
import socket
import struct
import time

import pytest

from lab.clients import WHO_REQUEST, answer, burst, wait_cut
from lab.config import HTTPS, config, service
from lab.layer7 import (CONNECT, VIP_7, Server, counts, header_reader, l7, proxies, stay_silent,
                        talk_without_end, tell_sum)
from lab.network import BALANCER, BALANCER6, CLIENT, CLIENT6, MAIL, ROUTER, VIP, VIP6
from lab.proc import resident
from lab.servers import NAME, PASSWORD, USER
from lab.space import wait_for


def who(net, vip=VIP_7, port=80, **more):
    return answer(net.client, vip, port, WHO_REQUEST, **more)


def curl(net, *words, check=True):
    return net.client.run("curl", "-sS", "--max-time", "10", "--cacert",
                          f"{net.directory}/cert.pem", *words, check=check)


def read_all(s):
    data = b""
    while part := s.recv(1 << 18):
        data += part
    return data


# --- who reaches whom

def test_mail_goes_through_and_the_server_sees_the_balancer(net, lb, servers):  # R61
    lb.up(config({"smtp": l7(vip=VIP, ports=[25], check={"type": "smtp"})}))
    for s in servers.values():
        s.forget_mails()
    net.client.run("swaks", "--server", VIP, "--to", f"{USER}@example.com", "--from",
                   "tests@example.org", "--body", "by layer 7")
    got = wait_for("the mail", lambda: [m for s in servers.values() for m in s.mails()
                                        if "by layer 7" in m])
    assert len(got) == 1 and f"[{BALANCER}]" in got[0]


def test_direct_routing_and_layer_7_share_a_vip(net, lb):  # R24, R91
    lb.up(config({"web": service(ports=[443], check=HTTPS),
                  "smtp": l7(vip=VIP, ports=[25], check=CONNECT)}))
    said = curl(net, "--connect-to", f"::{VIP}:", f"https://{NAME}/whoami").stdout
    assert said.split()[1] == CLIENT
    with net.client.connect(VIP, 25) as s:
        assert s.recv(512).startswith(b"220 mail")
    assert lb.service("web")["connections_total"] == 1
    assert counts(lb, "smtp")["sessions_total"] == 1


def test_the_source_is_the_vip_or_an_address_when_so_configured(net, lb):
    net.balancer.ip("addr", "add", "192.168.30.3/24", "dev", "eth0")
    try:
        lb.up(config({"a": l7(ports=[80], source="vip"),
                      "b": l7(ports=[8080], source="192.168.30.3"),
                      "c": l7(ports=[8001], source="auto")}))
        assert who(net, port=80).split()[1] == VIP_7
        assert who(net, port=8080).split()[1] == "192.168.30.3"
        assert who(net, port=8001).split()[1] == BALANCER
    finally:
        net.balancer.ip("addr", "del", "192.168.30.3/24", "dev", "eth0")


def test_another_source_address_serves_when_all_ports_of_one_are_taken(net, lb):  # F36
    more = ["192.168.30.3", "192.168.30.4"]
    for a in more:
        net.balancer.ip("addr", "add", f"{a}/24", "dev", "eth0")
    net.balancer.sysctl(net__ipv4__ip_local_port_range="40000 40003")
    try:
        with Server(net.mail1, MAIL["mail1"][0], 2525, stay_silent) as server:
            lb.up(config({"x": l7(ports=[25], weights=(1, None), port=2525, source=more,
                                  check=dict(CONNECT, port=80))}))
            held = [net.client.connect(VIP_7, 25) for _ in range(6)]
            wait_for("the sessions", lambda: lb.real("x/mail1")["active"] == len(held))
            wait_for("each address to be used",
                     lambda: {peer[0] for peer in server.peers} == set(more))
            assert lb.real("x/mail1")["l7"]["no_source_port_total"] == 0
            for s in held:
                s.close()
    finally:
        net.balancer.sysctl(net__ipv4__ip_local_port_range="32768 60999")
        for a in more:
            net.balancer.ip("addr", "del", f"{a}/24", "dev", "eth0")


def test_a_real_may_listen_on_another_port_than_the_vip(net, lb):  # R54
    lb.up(config({"web": l7(ports=[9000], port=8080)}))
    assert burst(net.client, VIP_7, 9000, 10) == {"mail1": 5, "mail2": 5}
    assert lb.real("web/mail1")["port"] == 8080


def test_a_real_without_a_port_gets_the_one_the_client_came_to(net, lb):  # R54
    lb.up(config({"imap": l7(vip=VIP, ports=[143, 993], check=CONNECT)}))
    for scheme in ("imap", "imaps"):
        said = curl(net, "--connect-to", f"::{VIP}:", "-u", f"{USER}:{PASSWORD}",
                    f"{scheme}://{NAME}/", "-X", "LIST \"\" INBOX").stdout
        assert "INBOX" in said
    assert lb.real("imap/mail1")["port"] is None


def test_a_range_of_ports_and_several_vips(net, lb):
    lb.up(config({"web": l7(vip=[VIP, VIP_7], ports=[80, "8001-8003"])}))
    for vip in (VIP, VIP_7):
        for port in (80, 8001, 8002, 8003):
            assert answer(net.client, vip, port) in MAIL


def test_a_real_behind_a_router_is_reached(net, lb):
    net.router.ip("addr", "add", "10.9.0.1/32", "dev", "lo")
    net.balancer.ip("route", "add", "10.9.0.0/24", "via", ROUTER)
    try:
        with Server(net.router, "10.9.0.1", 2525, tell_sum) as server:
            shape = l7(ports=[25], check=CONNECT)
            shape["reals"] = {"far": {"ip": "10.9.0.1", "port": 2525}}
            lb.up(config({"smtp": shape}))
            with net.client.connect(VIP_7, 25) as s:
                s.sendall(b"hello")
                s.shutdown(socket.SHUT_WR)
                assert read_all(s) == hashlib.sha256(b"hello").hexdigest().encode()
            assert server.peers[-1][0] == BALANCER
    finally:
        net.balancer.ip("route", "del", "10.9.0.0/24")
        net.router.ip("addr", "del", "10.9.0.1/32", "dev", "lo")


@pytest.mark.parametrize("vip, family, seen", [(VIP6, 0, BALANCER), (VIP, 1, BALANCER6),
                                               (VIP6, 1, BALANCER6)],
                         ids=["v6 to v4", "v4 to v6", "v6 to v6"])
def test_either_side_speaks_its_own_ip_version(net, lb, vip, family, seen):
    lb.up(config({"web": l7(vip=vip, family=family)}))
    assert who(net, vip).split()[1] == seen


# --- how it is shared out

def test_the_distribution_is_exact_over_all_processes(net, lb):
    lb.up(config({"web": l7(weights=(3, 1))}))
    assert len(proxies(lb)) == len(os.sched_getaffinity(0))
    assert burst(net.client, VIP_7, 80, 200) == {"mail1": 150, "mail2": 50}
    assert counts(lb, "web")["sessions_total"] == 200
    lb.call("weight", "web/mail2", "3")
    assert burst(net.client, VIP_7, 80, 50) == {"mail1": 25, "mail2": 25}


def test_a_refused_connect_goes_to_another_real_unseen_by_the_client(net, lb):
    shape = l7(ports=[9000], port=80, check=dict(CONNECT, port=80))
    shape["reals"]["mail2"]["port"] = 9999
    lb.up(config({"web": shape}))
    assert burst(net.client, VIP_7, 9000, 20) == {"mail1": 20}
    redispatched = counts(lb, "web")["redispatches_total"]
    assert 10 <= redispatched <= 20
    assert counts(lb, "web/mail2")["connect_errors_total"] == redispatched


def test_without_a_usable_real_clients_are_turned_away(net, lb, servers):
    lb.up(config({"web": l7()}))
    for name in ("mail1", "mail2"):
        servers[name].in_service(False)
        lb.wait_real(f"web/{name}", status="down")
    with pytest.raises(OSError):
        answer(net.client, VIP_7, 80)
    assert counts(lb, "web")["refused_total"] == 1
    servers["mail1"].in_service(True)
    lb.wait_real("web/mail1", status="up")
    assert answer(net.client, VIP_7, 80) == "mail1"


def test_the_limit_of_sessions_holds_and_gives_way(net, lb):  # R69
    """Each process has its part; connections wait in the kernel until there is room."""
    limit = len(os.sched_getaffinity(0)) * 2
    lb.up(dict(config({"web": l7()}), l7={"maxconn": limit}))
    held = [net.client.connect(VIP_7, 80) for _ in range(3 * limit)]

    def current():
        return lb.status()["l7"]["current_sessions"]

    wait_for("the limit to be reached", lambda: current() == limit)
    for s in held:
        s.sendall(b"GET /name HTTP/1.1\r\nHost: lab\r\n\r\n")
    served = wait_for("an answer to each that is in", lambda: len(
        done := select.select(held, [], [], 0)[0]) == limit and done)
    assert current() == limit
    waiting = [s for s in held if s not in served]
    assert select.select(waiting, [], [], 0)[0] == []  # the others were all served meanwhile
    for s in served:
        s.close()
    wait_for("the next to be served", lambda: len(select.select(waiting, [], [], 0)[0]) == limit)
    assert current() == limit
    for s in waiting:
        s.close()
    wait_for("room again", lambda: current() == 0)
    assert answer(net.client, VIP_7, 80) in MAIL


# --- bytes

def test_100_megabytes_come_through_whole_both_ways_with_half_close(net, lb):
    sent = os.urandom(1 << 20) * 100
    with open(f"{net.directory}/www/100m", "wb") as f:
        f.write(sent)
    want = hashlib.sha256(sent).hexdigest()
    with Server(net.mail1, MAIL["mail1"][0], 2525, tell_sum):
        up = l7(ports=[25], weights=(100, None), port=2525, check=CONNECT)
        lb.up(config({"web": l7(), "up": up}))
        body = net.client.run("sh", "-c", f"curl -sS http://{VIP_7}/100m | sha256sum").stdout
        assert body.split()[0] == want
        with net.client.connect(VIP_7, 25, timeout=30) as s:
            s.sendall(sent)
            s.shutdown(socket.SHUT_WR)
            assert read_all(s).decode() == want
    os.unlink(f"{net.directory}/www/100m")
    assert counts(lb, "up")["bytes_in_total"] == len(sent)
    assert counts(lb, "up")["bytes_out_total"] == 64
    assert counts(lb, "web")["bytes_out_total"] > len(sent)


def test_a_server_that_closes_its_half_still_gets_what_the_client_sends(net, lb):
    def close_then_listen(connection):
        connection.sendall(b"bye")
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection)

    with Server(net.mail1, MAIL["mail1"][0], 2525, close_then_listen) as server:
        lb.up(config({"x": l7(ports=[25], weights=(1, None), port=2525, check=CONNECT)}))
        with net.client.connect(VIP_7, 25) as s:
            assert read_all(s) == b"bye"
            s.sendall(b"the rest")
            s.shutdown(socket.SHUT_WR)
            wait_for("the server to have it all", lambda: b"the rest" in server.said)


def test_a_reader_that_stalls_holds_back_the_server_and_no_memory(net, lb):
    with Server(net.mail1, MAIL["mail1"][0], 2525, talk_without_end):
        lb.up(config({"x": l7(ports=[25], weights=(1, None), port=2525, check=CONNECT)}))
        before, held = resident(lb), [net.client.connect(VIP_7, 25) for _ in range(20)]
        seen = [0, 0]

        def stalled():
            seen.append(counts(lb, "x")["bytes_out_total"])
            return seen[-1] == seen[-2] > 0

        wait_for("the bytes to stop", stalled, 15, 0.3)
        assert resident(lb) - before < 8192
        for s in held:
            s.close()


@pytest.mark.parametrize("side", ["client", "server"])
def test_a_silent_side_is_ended_by_its_timeout(net, lb, side):
    with Server(net.mail1, MAIL["mail1"][0], 2525, stay_silent):
        lb.up(config({"x": l7(ports=[25], weights=(1, None), port=2525, check=CONNECT,
                              timeouts={side: "1s"})}))
        started = time.monotonic()
        with net.client.connect(VIP_7, 25, timeout=8) as s:
            if side == "server":
                s.sendall(b"hello?")
            try:
                assert s.recv(10) == b""
            except ConnectionResetError:
                pass
        assert 0.8 < time.monotonic() - started < 4
        assert counts(lb, "x")["timeouts_total"] == 1


def test_a_reset_of_one_side_reaches_the_other(net, lb):
    def reset(connection):
        connection.recv(10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with Server(net.mail1, MAIL["mail1"][0], 2525, reset):
        lb.up(config({"x": l7(ports=[25], weights=(1, None), port=2525, check=CONNECT)}))
        with net.client.connect(VIP_7, 25) as s:
            s.sendall(b"go")
            assert wait_cut(s, 3) < 1
        assert counts(lb, "x")["response_errors_total"] == 1


# --- PROXY protocol

def v2(source, source_port, target, target_port):
    return (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(source) +
            socket.inet_aton(target) + struct.pack("!HH", source_port, target_port))


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_servers_learn_the_client_from_a_proxy_header(net, lb, servers, version):
    with header_reader(servers["mail1"], 8600):
        lb.up(config({"web": l7(weights=(1, None), port=8600, check=CONNECT,
                                proxy_protocol={"send": version})}))
        assert who(net).split() == [CLIENT, "80", BALANCER]
        lb.reload(config({"web": l7(vip=VIP6, weights=(1, None), port=8600, check=CONNECT,
                                    proxy_protocol={"send": version})}))
        assert who(net, VIP6).split() == [CLIENT6, "80", BALANCER]


def test_a_header_from_the_client_is_read_and_passed_on(net, lb, servers):
    with header_reader(servers["mail1"], 8601):
        lb.up(config({"web": l7(weights=(1, None), port=8601, check=CONNECT,
                                proxy_protocol={"accept": "v1", "send": "v2"})}))
        assert curl(net, "--haproxy-protocol", f"http://{VIP_7}/").stdout.split()[0] == CLIENT
        for header in (b"PROXY TCP4 203.0.113.7 192.0.2.1 1234 8443\r\n",
                       v2("203.0.113.7", 1234, "192.0.2.1", 8443)):
            with net.client.connect(VIP_7, 80) as s:
                s.sendall(header + WHO_REQUEST)
                said = read_all(s).rpartition(b"\r\n\r\n")[2]
            assert said.split()[:2] == [b"203.0.113.7", b"8443"], said


def test_a_client_without_the_header_it_must_send_is_closed(net, lb):
    lb.up(config({"web": l7(proxy_protocol={"accept": "v1"})}))
    with pytest.raises(OSError):
        who(net)
    assert counts(lb, "web")["bad_headers_total"] == 1
    assert curl(net, "--haproxy-protocol", f"http://{VIP_7}/name").stdout.strip() in MAIL
