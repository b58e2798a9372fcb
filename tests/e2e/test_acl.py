# SPDX-License-Identifier: GPL-2.0-only
"""Who may use a service: allow_from and deny_from with both layers, and what a reload of them ends."""

import contextlib
import errno
import json
import os
import select
import shutil
import socket
import subprocess
import sys

import pytest

from lab.clients import Download, all_read, answer, wait_cut
from lab.config import config, service
from lab.layer7 import CONNECT, VIP_7, counts, l7
from lab.network import CLIENT, CLIENT6, FAR, MAIL, VIP, VIP6
from lab.space import wait_for

STRANGER, STRANGER6 = "192.168.30.51", "fd00:30::51"
NEIGHBOURS = ("192.168.30.49", STRANGER, "192.168.30.55", "192.168.30.60", "192.168.30.61")


@pytest.fixture(autouse=True)
def strangers(net):
    """More addresses of the client: each is another client to the balancer."""
    for address in NEIGHBOURS:
        net.client.ip("addr", "add", f"{address}/24", "dev", "eth0")
    net.client.ip("addr", "add", f"{STRANGER6}/64", "dev", "eth0", "nodad")
    yield
    for address in NEIGHBOURS:
        net.client.ip("addr", "del", f"{address}/24", "dev", "eth0")
    net.client.ip("addr", "del", f"{STRANGER6}/64", "dev", "eth0")


def denied(lb, name="web"):
    return lb.service(name)["denied_packets_total"]


def serves(net, source, vip=VIP, port=80):
    """The service answers this client."""
    return answer(net.client, vip, port, source=(source, 0)) in MAIL


def refuses(net, lb, source, vip=VIP, port=80, name="web"):
    """The client's SYN is counted as refused, and nothing answers it."""
    before = denied(lb, name)
    with net.client.socket(socket.AF_INET6 if ":" in vip else socket.AF_INET) as s:
        s.setblocking(False)
        s.bind((source, 0))
        assert s.connect_ex((vip, port)) == errno.EINPROGRESS
        wait_for("a refused packet", lambda: denied(lb, name) > before)
        return not select.select([], [s], [], 0)[1]


def who_may(net, lb, vip, clients):
    """Each client (address -> whether it may) is served or refused."""
    for client, may in clients.items():
        assert serves(net, client, vip) if may else refuses(net, lb, client, vip), client


def held(net, vip, source, port=80):
    """A connection that has been answered and now says nothing."""
    s = net.client.connect(vip, port, source=(source, 0))
    s.sendall(b"GET /name HTTP/1.1\r\nHost: lab\r\n\r\n")
    assert b"mail" in s.recv(4096)
    return s


def goes_on(s):
    s.sendall(b"GET /name HTTP/1.1\r\nHost: lab\r\n\r\n")
    return b"mail" in s.recv(4096)


LAYERS = pytest.mark.parametrize("shape, vip", [(service, VIP), (l7, VIP_7)], ids=["dr", "l7"])


# --- who may

@LAYERS
def test_only_the_smart_host_may_send_mail(net, lb, shape, vip):  # R82, R84
    guarded = shape(vip=vip, ports=[25], check=CONNECT, allow_from=[CLIENT])
    lb.up(config({"smtp": guarded, "web": shape(vip=vip)}))
    with net.client.connect(vip, 25) as s:
        assert s.recv(512).startswith(b"220 mail")
    assert refuses(net, lb, STRANGER, vip, 25, "smtp")
    assert serves(net, STRANGER, vip)  # port 80 of the same address is open to all
    assert denied(lb, "web") == 0
    page = lb.call("metrics").stdout
    if shape is l7:
        tries = lb.service("smtp")["denied_connections_total"]
        assert 0 < tries <= denied(lb, "smtp")
        assert f'lbxdp_l7_service_denied_connections_total{{service="smtp"}} {tries}' in page
        assert 'lbxdp_l7_service_denied_connections_total{service="web"} 0' in page
    assert f'lbxdp_service_denied_packets_total{{service="smtp"}} {denied(lb, "smtp")}' in page
    assert f'lbxdp_drop_packets_total{{reason="acl"}} {lb.status()["verdicts"]["ACL"]}' in page


@LAYERS
def test_a_range_is_allowed_to_its_last_address(net, lb, shape, vip):  # R83
    lb.up(config({"web": shape(vip=vip, allow_from="192.168.30.50-192.168.30.60")}))
    who_may(net, lb, vip, {CLIENT: True, "192.168.30.49": False, STRANGER: True,
                           "192.168.30.55": True, "192.168.30.60": True, "192.168.30.61": False})


@LAYERS
def test_the_most_specific_entry_decides_and_deny_wins_a_tie(net, lb, shape, vip):  # R85
    lb.up(config({"web": shape(
        vip=vip, allow_from=["192.168.30.0/24", "192.168.30.51", "192.168.30.60"],
        deny_from=["192.168.30.48/29", "192.168.30.60"])}))
    who_may(net, lb, vip, {CLIENT: False, "192.168.30.49": False, STRANGER: True,
                           "192.168.30.55": False, "192.168.30.60": False, "192.168.30.61": True})


@LAYERS
def test_ipv6_clients_are_told_apart(net, lb, shape, vip):
    lb.up(config({"web": shape(vip=VIP6, deny_from=STRANGER6)}))
    who_may(net, lb, VIP6, {CLIENT6: True, STRANGER6: False})
    lb.reload(config({"web": shape(vip=VIP6, allow_from=[STRANGER6, "10.0.0.0/8"])}))
    who_may(net, lb, VIP6, {CLIENT6: False, STRANGER6: True})


def test_a_client_behind_a_router_is_known_by_its_own_address(net, lb):
    lb.up(config({"web": service(deny_from="10.1.0.0/24")}))
    with pytest.raises(TimeoutError):
        answer(net.far, VIP, timeout=0.7)
    lb.reload(config({"web": service(allow_from=FAR)}))
    assert answer(net.far, VIP) in MAIL
    assert refuses(net, lb, CLIENT)


def test_a_refused_client_of_layer_7_meets_no_socket(net, lb):
    lb.up(config({"web": l7(allow_from=CLIENT)}))
    assert refuses(net, lb, STRANGER, VIP_7)
    assert counts(lb, "web")["sessions_total"] == 0
    assert not lb.space.run("ss", "-Htn", "dst", STRANGER).stdout
    assert serves(net, CLIENT, VIP_7)
    assert counts(lb, "web")["sessions_total"] == 1
    assert net.client.run("ping", "-c", "1", "-W", "1", "-I", STRANGER, VIP_7).returncode == 0


@contextlib.contextmanager
def second_arm(net, vip=VIP_7):
    """The far client reaches the VIP by the balancer's eth1, where no XDP runs."""
    net.far.ip("route", "add", f"{vip}/32", "via", "10.1.0.2")
    try:
        yield net.far
    finally:
        net.far.ip("route", "del", f"{vip}/32")


def turned_away(lb, space, vip=VIP_7, name="web", source=None):
    """The client gets a reset in place of a connection, and is counted once."""
    before = lb.service(name)
    verdicts = lb.status()["verdicts"]["ACL"]
    with pytest.raises(ConnectionRefusedError):
        space.connect(vip, 80, source=source)
    after = lb.service(name)
    return ([after[k] - before[k] for k in
             ("denied_packets_total", "denied_connections_total")] == [1, 1]
            and lb.status()["verdicts"]["ACL"] == verdicts + 1)


def test_a_list_of_layer_7_holds_where_no_xdp_runs(net, lb):  # R82
    lb.up(config({"web": l7(allow_from=CLIENT), "more": l7(ports=[8080])}))
    with second_arm(net) as far:
        assert turned_away(lb, far)
        assert answer(far, VIP_7, 8080) in MAIL  # the same address without a list
        assert turned_away(lb, lb.space)  # the host itself comes from the VIP
        assert counts(lb, "web")["sessions_total"] == 0
        assert serves(net, CLIENT, VIP_7) and refuses(net, lb, STRANGER, VIP_7)
        lb.reload(config({"web": l7(allow_from=[FAR, VIP_7]), "more": l7(ports=[8080])}))
        assert answer(far, VIP_7) in MAIL
        assert answer(lb.space, VIP_7) in MAIL
        assert denied(lb, "more") == 0


def test_a_list_holds_for_ipv6_where_no_xdp_runs(net, lb):
    lb.up(config({"web": l7(vip=VIP6, allow_from=CLIENT6)}))
    assert turned_away(lb, lb.space, VIP6)
    assert serves(net, CLIENT6, VIP6)
    lb.reload(config({"web": l7(vip=VIP6, allow_from=VIP6)}))
    assert answer(lb.space, VIP6) in MAIL


def test_the_guard_is_there_while_a_list_of_layer_7_is(net, lb):
    def guards():
        links = json.loads(lb.space.run("bpftool", "-j", "link", "show").stdout)
        return [link for link in links if link["type"] == "netns" and
                f"{lb.pins}/lbx_guard" in link.get("pinned", [])]
    open_to_all, guarded = l7(), l7(deny_from=FAR)
    lb.up(config({"web": open_to_all, "dr": service(ports=[25], deny_from=FAR)}))
    with second_arm(net) as far:
        assert answer(far, VIP_7) in MAIL
        assert not os.path.exists(f"{lb.pins}/lbx_guard")
        lb.reload(config({"web": guarded}))
        assert turned_away(lb, far)
        os.unlink(f"{lb.pins}/lbx_guard")  # somebody takes it away
        wait_for("the guard to be back", lambda: os.path.exists(f"{lb.pins}/lbx_guard"))
        assert turned_away(lb, far)
        lb.reload(config({"web": open_to_all}))
        assert not os.path.exists(f"{lb.pins}/lbx_guard")
        assert answer(far, VIP_7) in MAIL


def test_the_guard_outlives_the_daemon_and_goes_with_down(net, lb):  # F1
    lb.up(config({"web": l7(deny_from=FAR)}))
    with second_arm(net) as far:
        lb.kill("main")
        with pytest.raises(ConnectionRefusedError):
            far.connect(VIP_7, 80)
        assert serves(net, CLIENT, VIP_7)
        lb.up()
        assert turned_away(lb, far)
        lb.down()
        assert lb.leftovers() == []
        with lb.space.socket() as own:  # somebody else's server, where the service was
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            lb.space.ip("addr", "add", f"{VIP_7}/32", "dev", "lo")
            try:
                own.bind((VIP_7, 80))
                own.listen()
                far.connect(VIP_7, 80).close()
            finally:
                lb.space.ip("addr", "del", f"{VIP_7}/32", "dev", "lo")


KNOCK = """
import errno, select, socket, sys, time
source, vip = sys.argv[1:]
entered = refused = 0
print("begun", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    with socket.socket() as s:
        s.setblocking(False)
        s.bind((source, 0))
        err = s.connect_ex((vip, 80))
        if err == errno.EINPROGRESS:
            select.select([], [s], [], 0.02)
            err = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            try:
                s.getpeername()
            except OSError as e:
                err = err or e.errno
        entered += err == 0
        refused += err != 0
print(entered, refused, flush=True)
"""


@contextlib.contextmanager
def knocking(space, source, vip=VIP_7):
    """A client that tries without a pause; yields a function that ends it and says how often it
    got a connection, and how often not."""
    child = space.spawn(sys.executable, "-c", KNOCK, source, vip, stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "begun\n"
        yield lambda: [int(n) for n in child.communicate("stop\n", timeout=30)[0].split()]
    finally:
        child.kill()
        child.wait()


def test_a_service_that_comes_with_a_list_is_never_open(net, lb):  # R82
    many = [f"{10 + i // 65536}.{i // 256 % 256}.{i % 256}.0/24" for i in range(99990)]
    before = {"other": l7(ports=[8080], check=CONNECT)}
    coming = {"web": l7(check=CONNECT, deny_from=[*many, "192.168.30.48/28"])}
    lb.up(config(before))
    with second_arm(net) as far, knocking(net.client, STRANGER) as near_ends, \
            knocking(far, FAR) as far_ends:
        for _ in range(3):
            lb.reload(config({**before, **coming}))
            lb.wait_real("web/mail1", status="up")
            assert counts(lb, "web")["sessions_total"] == 0
            lb.reload(config(before))
        for ends in (near_ends, far_ends):
            entered, refused = ends()
            assert entered == 0 and refused > 0


def test_both_layers_on_one_vip_have_lists_of_their_own(net, lb):  # R116
    lb.up(config({"web": service(allow_from=CLIENT),
                  "more": l7(vip=VIP, ports=[8080], allow_from=STRANGER)}))
    assert serves(net, CLIENT) and refuses(net, lb, STRANGER)
    assert serves(net, STRANGER, port=8080) and refuses(net, lb, CLIENT, VIP, 8080, "more")


# --- what a reload of the lists does

def test_a_list_that_comes_shuts_a_running_download_out_and_no_other(net, lb):
    lb.up(config({"web": service(), "more": service(ports=[8080])}))
    inside = Download(net.client, VIP, source=CLIENT)
    outside = Download(net.client, VIP, source=STRANGER)
    silent = held(net, VIP, STRANGER)
    other = held(net, VIP, STRANGER, 8080)
    with all_read([inside]):
        said = lb.reload(config({"web": service(deny_from=STRANGER),
                                 "more": service(ports=[8080])}))
        assert "web: deny_from changed, 0 -> 1 prefixes" in said.stdout
        outside.until_reset(5)
        wait_cut(silent, 5)
    assert inside.flows()
    assert goes_on(other)
    assert refuses(net, lb, STRANGER)
    assert lb.status()["verdicts"]["RESET"] >= 2
    lb.reload(config({"web": service(), "more": service(ports=[8080])}))
    assert serves(net, STRANGER)
    assert inside.flows()
    for d in (inside, outside, silent, other):
        d.close()


def test_ipv6_flows_are_shut_out_too(net, lb):
    lb.up(config({"web": service(vip=VIP6)}))
    inside, outside = (Download(net.client, VIP6, source=a) for a in (CLIENT6, STRANGER6))
    with all_read([inside]):
        lb.reload(config({"web": service(vip=VIP6, allow_from=CLIENT6)}))
        outside.until_reset(5)
    assert inside.flows()
    inside.close()
    outside.close()


def test_udp_datagrams_of_a_running_flow_are_dropped_from_then_on(net, lb):
    dns = {"ports": [5353], "protocol": "udp", "check": {"type": "ping"}}
    lb.up(config({"dns": service(**dns)}))
    with contextlib.ExitStack() as stack:
        for name in ("mail1", "mail2"):
            echo = stack.enter_context(net.spaces[name].socket(kind=socket.SOCK_DGRAM))
            echo.bind((VIP, 5353))
        s = stack.enter_context(net.client.socket(kind=socket.SOCK_DGRAM))
        s.bind((STRANGER, 0))
        for _ in range(3):
            s.sendto(b"hello", (VIP, 5353))
        wait_for("the flow", lambda: lb.service("dns")["packets_total"] == 3)
        lb.reload(config({"dns": service(**dns, deny_from=STRANGER)}))

        def is_dropped():
            s.sendto(b"hello", (VIP, 5353))
            return denied(lb, "dns") > 0
        wait_for("a datagram to be refused", is_dropped, pause=0.1)
        packets = lb.service("dns")["packets_total"]
        s.sendto(b"hello", (VIP, 5353))
        assert lb.service("dns")["packets_total"] == packets


def test_a_list_that_comes_ends_sessions_of_layer_7_and_no_others(net, lb):
    lb.up(config({"web": l7(), "more": l7(ports=[8080])}))
    inside, outside = held(net, VIP_7, CLIENT), held(net, VIP_7, STRANGER)
    other = held(net, VIP_7, STRANGER, 8080)
    lb.reload(config({"web": l7(deny_from=STRANGER), "more": l7(ports=[8080])}))
    wait_cut(outside, 5)
    assert goes_on(inside) and goes_on(other)
    wait_for("the session to end", lambda: counts(lb, "web")["current_sessions"] == 1)
    assert counts(lb, "more")["current_sessions"] == 1
    for s in (inside, outside, other):
        s.close()


def test_a_service_stays_shut_while_it_moves_between_the_layers(net, lb):
    ports = {"vip": VIP, "ports": [80], "allow_from": CLIENT}
    lb.up(config({"web": service(**ports)}))
    who_may(net, lb, VIP, {CLIENT: True, STRANGER: False})
    lb.reload(config({"web": l7(**ports)}))
    lb.wait_real("web/mail1", status="up")
    who_may(net, lb, VIP, {CLIENT: True, STRANGER: False})
    assert counts(lb, "web")["sessions_total"] == 1
    lb.reload(config({"web": service(**ports)}))
    lb.wait_real("web/mail1", status="up")
    who_may(net, lb, VIP, {CLIENT: True, STRANGER: False})


@LAYERS
def test_lists_outlive_the_daemon(net, lb, shape, vip):  # F1
    lb.up(config({"web": shape(vip=vip, allow_from=CLIENT)}))
    before = lb.call("check", "--print", "-c", lb.config).stdout
    assert f"allow_from: [{CLIENT}]" in before
    lb.kill()
    with pytest.raises(TimeoutError):
        net.client.connect(vip, 80, timeout=0.7, source=(STRANGER, 0))
    lb.up()
    assert denied(lb) >= 1
    who_may(net, lb, vip, {STRANGER: False, CLIENT: True})
    lb.down()
    assert lb.leftovers() == []


def test_a_hundred_thousand_networks_are_loaded_and_changed(net, lb):
    many = [f"{10 + i // 65536}.{i // 256 % 256}.{i % 256}.0/24" for i in range(99990)]
    lb.up(config({"web": service(deny_from=many)}))
    who_may(net, lb, VIP, {CLIENT: True, STRANGER: True})
    lb.reload(config({"web": service(deny_from=[*many, STRANGER])}))
    who_may(net, lb, VIP, {CLIENT: True, STRANGER: False})


# --- what is said

def test_check_points_at_what_is_wrong_and_at_what_shuts_everybody_out(net, lb):
    lb.write(config({"web": service(allow_from=["192.168.30.50/24", "10.0.0.9-10.0.0.1"])}))
    done = lb.call("check", "-c", lb.config, check=False)
    assert done.returncode == 1
    assert "did you mean 192.168.30.0/24?" in done.stderr
    assert "ends before it begins" in done.stderr
    lb.write(config({"web": service(allow_from=CLIENT, deny_from=CLIENT)}))
    done = lb.call("check", "-c", lb.config)
    assert "no IPv4 address is allowed: nobody can use 192.168.30.10" in done.stdout + done.stderr


def test_the_kernels_rows_can_be_read(net, lb):
    lb.up(config({"web": service(allow_from="192.168.30.50-192.168.30.60")}))
    rows = json.loads(lb.space.run("bpftool", "-j", "map", "dump", "pinned",
                                   f"{lb.pins}/lbx_acl").stdout)
    lengths = sorted(row["formatted"]["key"]["prefix"] - 32 for row in rows)
    assert lengths == [0, 96, 126, 126, 127, 128]


# --- the host's own firewall

@pytest.mark.skipif(not shutil.which("iptables"), reason="iptables is not installed")
@pytest.mark.parametrize("allow", [
    f"--src {CLIENT} --dst {VIP} --destination-port 25 -j ACCEPT",
    f"-m iprange --src-range {CLIENT}-192.168.30.60 --destination {VIP} --destination-port 25 "
    "-j ACCEPT",
], ids=["one", "range"])
def test_the_guides_firewall_lines_still_guard_a_vip_of_layer_7(net, lb, allow):  # R87
    lb.up(config({"smtp": l7(vip=VIP, ports=[25], check=CONNECT)}))
    first = net.balancer.run("iptables", *f"-A INPUT -p tcp {allow}".split(), check=False)
    if first.returncode:
        pytest.skip(f"this kernel takes no such rule: {first.stderr.strip()}")
    try:
        net.balancer.run("iptables", *"-A INPUT -p tcp --dport 25 -j DROP".split())
        with net.client.connect(VIP, 25) as s:
            assert s.recv(512).startswith(b"220 mail")
        with pytest.raises(TimeoutError):
            net.client.connect(VIP, 25, timeout=0.7, source=(NEIGHBOURS[-1], 0))
        assert denied(lb, "smtp") == 0
    finally:
        net.balancer.run("iptables", "-F", "INPUT")
