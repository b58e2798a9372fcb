# SPDX-License-Identifier: GPL-2.0-only
"""Floods at full speed (F10): who is connected stays so, who comes gets in, and it is over by
itself. A flood is as fast as one processor makes it, which is far above these limits."""

import contextlib
import json
import re
import socket
import struct

import pytest

from lab.clients import Download, Load, all_read, answer, send_frame
from lab.config import HTTP, config
from lab.config import service as any_service
from lab.flood import Flood
from lab.network import VIP, VIP6
from lab.space import wait_for

RATE, MANY = 2000, 100_000
PATIENT = dict(HTTP, timeout="10s", fall=10)  # their packets are lost in the same queues


def service(**more):
    return any_service(check=PATIENT, **more)


def metric(lb, name, label=""):
    page = lb.call("metrics").stdout
    return int(float(re.search(rf"^{name}(?:{{{label}}})? (\S+)$", page, re.M)[1]))


def entries(lb):
    return sum(metric(lb, "lbxdp_flow_entries", f'family="{f}"') for f in ("ipv4", "ipv6"))


def stateless(lb, reason):
    return metric(lb, "lbxdp_flow_stateless_total", f'reason="{reason}"')


@contextlib.contextmanager
def downloads(net, vip):
    running = [Download(net.client, vip) for _ in range(3)]
    try:
        yield running
    finally:
        for d in running:
            d.close()


def all_is_well(net, vip, running):
    """Downloads go on and new clients get through, meanwhile."""
    before = [d.bytes for d in running]
    with all_read(running):
        with Load(net.client, vip, workers=2, timeout=10.0) as load:
            load.more(100, 30)
        wait_for("every download to go on",
                 lambda: all(d.bytes > b + 100_000 for d, b in zip(running, before)), 20)
    assert not any(d.ended for d in running)
    assert load.failures == []


@pytest.mark.parametrize("vip, kind", [(VIP, "syn"), (VIP6, "syn"), (VIP, "pair")])
def test_a_flood_of_new_flows_is_not_remembered_and_ends_by_itself(net, lb, vip, kind):
    lb.up(config({"web": service(vip=vip, flood_rate=RATE)}))
    with downloads(net, vip) as running:
        assert lb.service("web")["flood"] is False
        with Flood(net, vip, kind) as flood:
            wait_for("flood mode", lambda: lb.service("web")["flood"])
            wait_for("the flood", lambda: stateless(lb, "flood") > MANY, 20)
            assert "flood: too many new connections" in lb.call("status").stdout
            assert metric(lb, "lbxdp_service_flood", 'service="web"') == 1
            assert metric(lb, "lbxdp_service_flood_packets_total", 'service="web"') > MANY
            all_is_well(net, vip, running)
            assert flood.running()
        assert entries(lb) < 2 * RATE + 1000
        wait_for("flood mode to end", lambda: not lb.service("web")["flood"])
        all_is_well(net, vip, running)
    wait_for("both lines of the log", lambda: "the flood is over" in lb.log())
    assert lb.log().count("service web: flood: more new connections") == 1


# More datagrams a second, of a few flows, than new flows may come while the mode ends.
TALK = """
import socket, sys, time
talkers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
while True:
    for _ in range(4):
        for s in talkers:
            try:
                s.sendto(b"hello", (sys.argv[1], 9000))
            except OSError:
                pass
    time.sleep(0.02)
"""


def test_a_flood_of_datagrams_ends_while_clients_go_on_sending(net, lb):
    lb.up(config({"web": any_service(ports=[9000], protocol="udp", flood_rate=RATE,
                                     check=dict(PATIENT, port=80))}))
    with contextlib.ExitStack() as stack:
        with Flood(net, VIP, "udp", port=9000):
            wait_for("flood mode", lambda: lb.service("web")["flood"])
            talk = net.client.spawn("/usr/bin/python3", "-c", TALK, VIP)
            stack.callback(talk.wait, 10)
            stack.callback(talk.kill)
            wait_for("the flood", lambda: stateless(lb, "flood") > MANY // 2, 30)
            assert entries(lb) <= 20  # the talkers' at most: no source of a flood comes twice
        wait_for("flows of who goes on", lambda: entries(lb) == 20, 20)
        wait_for("flood mode to end", lambda: not lb.service("web")["flood"], 20)
        assert talk.poll() is None


def test_bare_ACKs_make_no_entries(net, lb):
    lb.up(config({"web": service(flood_rate=RATE)}))
    with downloads(net, VIP) as running:
        with Flood(net, VIP, "ack") as flood:
            wait_for("the flood", lambda: lb.service("web")["missed_packets_total"] > MANY, 20)
            all_is_well(net, VIP, running)
            assert flood.running()
        assert lb.service("web")["flood"] is False
        assert entries(lb) < 1000
        assert stateless(lb, "miss") > MANY


def test_a_miss_is_dropped_where_the_service_says_so(net, lb):
    lb.up(config({"web": service(on_miss="drop", flood_rate="off")}))
    with Flood(net, VIP, "ack"):
        wait_for("the flood", lambda: lb.service("web")["missed_packets_total"] > MANY, 20)
    assert metric(lb, "lbxdp_drop_packets_total", 'reason="miss"') > MANY
    assert stateless(lb, "miss") == 0
    assert answer(net.client, VIP) in ("mail1", "mail2")


def test_flood_mode_is_never_begun_where_it_is_off(net, lb):
    lb.up(config({"web": service(flood_rate="off")}))
    with Flood(net, VIP, "syn"):
        wait_for("the flood", lambda: lb.service("web")["connections_total"] > MANY, 30)
        assert lb.service("web")["flood"] is False
    assert stateless(lb, "flood") == 0


def test_the_limit_follows_a_reload(net, lb):
    lb.up(config({"web": service(flood_rate="off")}))
    with Flood(net, VIP, "syn"):
        wait_for("the flood", lambda: lb.service("web")["connections_total"] > 10_000, 20)
        said = lb.reload(config({"web": service(flood_rate=RATE)})).stdout
        assert f"web: flood_rate off -> {RATE}" in said
        wait_for("flood mode", lambda: lb.service("web")["flood"])
        lb.reload(config({"web": service(flood_rate="off")}))
        assert lb.service("web")["flood"] is False


def checksum(data):
    words = sum(struct.unpack(f"!{len(data) // 2}H", data))
    words = (words & 0xffff) + (words >> 16)
    return struct.pack("!H", ~(words + (words >> 16)) & 0xffff)


def forged_reset(net, download):
    """A RST that has the download's addresses and ports right, and its sequence number wrong."""
    link = json.loads(net.balancer.ip("-j", "link", "show", "eth0").stdout)[0]
    source, port = download.socket.getsockname()[:2]
    addresses = socket.inet_aton(source) + socket.inet_aton(VIP)
    ip = struct.pack("!BBHHHBB", 0x45, 0, 40, 1, 0x4000, 64, socket.IPPROTO_TCP)
    ip += checksum(ip + b"\0\0" + addresses) + addresses
    tcp = struct.pack("!HHIIBBH", port, 80, 12345, 0, 0x50, 4, 0)
    pseudo = addresses + struct.pack("!HH", socket.IPPROTO_TCP, 20)
    tcp += checksum(pseudo + tcp + bytes(4)) + b"\0\0"
    return (bytes.fromhex(link["address"].replace(":", "")) + b"\2\0\0\0\0\x66\x08\0" + ip + tcp)


def test_a_forged_reset_breaks_no_download(net, lb):  # RFC 5961 3
    lb.up(config())
    with downloads(net, VIP) as running:
        with all_read(running):
            for d in running:
                send_frame(net.client, forged_reset(net, d))
            wait_for("the resets to count",
                     lambda: sum(r["inactive"] for r in lb.service("web")["reals"]) == 3)
        all_is_well(net, VIP, running)
        for name in ("mail1", "mail2"):
            lb.call("drain", f"web/{name}")
        assert all(d.flows() for d in running)
    assert stateless(lb, "miss") == 0
