# SPDX-License-Identifier: GPL-2.0-only
"""What becomes of packets: Direct Routing as the guide's chapter 10 has it."""

import contextlib
import ipaddress
import socket
import struct
import threading

import pytest

from lab.clients import Sniffer, WHO_REQUEST, answer, burst, send_frame
from lab.config import FAST, HTTP, config, reals, service
from lab.network import (CLIENT, CLIENT6, FAR, FAR6, MAIL, VIP, VIP6, VIP6_FAR, VIP_2, VIP_FAR)
from lab.space import PATIENCE, wait_for


def both_families(**more):
    return {"web": service(**more), "web6": service(vip=VIP6, **more)}


@pytest.mark.parametrize("vip, client", [(VIP, CLIENT), (VIP6, CLIENT6)])
def test_the_server_sees_the_clients_own_address(net, lb, vip, client):  # R6, R102
    lb.up(config(both_families()))
    seen = [answer(net.client, vip, request=WHO_REQUEST) for _ in range(4)]
    assert sorted(seen) == [f"mail1 {client}"] * 2 + [f"mail2 {client}"] * 2


@pytest.mark.parametrize("vip", [VIP, VIP6])
def test_no_reply_passes_the_balancer(net, lb, vip):  # R7
    lb.up(config(both_families()))
    address = ipaddress.ip_address(vip).packed
    source = 26 if len(address) == 4 else 22
    target = source + len(address)
    with Sniffer(net.switch, net.port("balancer", "eth0")) as wire:
        burst(net.client, vip, 80, 20)
        frames = [f for f, _ in wire.frames() if f[12:14] in (b"\x08\x00", b"\x86\xdd")]
        tcp = [f for f in frames if f[23 if len(address) == 4 else 20] == socket.IPPROTO_TCP]
    to_vip = [f for f in tcp if f[target:target + len(address)] == address]
    from_vip = [f for f in tcp if f[source:source + len(address)] == address]
    assert len(to_vip) > 100
    assert from_vip == []


@pytest.mark.parametrize("weights, shares", [((100, 100), (5000, 5000)), ((3, 1), (7500, 2500))])
def test_ten_thousand_connections_are_shared_exactly_by_weight(net, lb, weights, shares):  # R36
    lb.up(config({"web": service(weights=weights)}))
    assert burst(net.client, VIP, 80, 10000) == dict(zip(MAIL, shares))
    web = lb.service("web")
    assert [r["connections_total"] for r in web["reals"]] == list(shares)
    assert web["connections_total"] == 10000


def test_sharing_is_exact_also_when_many_connect_at_once(net, lb):  # R123
    lb.up(config({"web": service(weights=(3, 1))}))
    tallies = []
    workers = [threading.Thread(target=lambda: tallies.append(burst(net.client, VIP, 80, 500)))
               for _ in range(8)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert [sum(t.get(name, 0) for t in tallies) for name in ("mail1", "mail2")] == [3000, 1000]


def test_a_full_flow_table_drops_no_new_connection(net, lb):
    lb.up(config(flows=1024))
    with contextlib.ExitStack() as stack:
        for _ in range(1500):
            stack.enter_context(net.client.connect(VIP, 80))
        assert metric(lb, "lbxdp_flow_stateless_total", reason="table_full") > 0
        assert all(answer(net.client, VIP) in MAIL for _ in range(20))
        assert metric(lb, "lbxdp_flow_entries") <= 1024


def test_connections_over_ipv6_are_shared_exactly_by_weight(net, lb):
    lb.up(config({"web6": service(vip=VIP6, weights=(3, 1))}))
    assert burst(net.client, VIP6, 80, 1000) == {"mail1": 750, "mail2": 250}


@pytest.mark.parametrize("vip, client", [(VIP_FAR, FAR), (VIP6_FAR, FAR6)])
def test_a_vip_in_another_subnet_is_served_through_two_arms(net, lb, vip, client):  # R3, R4, R7
    lb.up(config({"far": service(vip=VIP_FAR), "far6": service(vip=VIP6_FAR)},
                 interfaces=("eth0", "eth1")), "eth0", "eth1")
    address = ipaddress.ip_address(vip).packed
    with Sniffer(net.balancer, "eth0") as near, Sniffer(net.balancer, "eth1") as away:
        seen = {answer(net.far, vip, request=WHO_REQUEST) for _ in range(4)}
        passed = [f for s in (near, away) for f, _ in s.frames()
                  if f[26:30] == address or f[22:38] == address]
    assert seen == {f"mail1 {client}", f"mail2 {client}"}
    assert not [f for f in passed if f[12:14] != b"\x08\x06" and f[20] != socket.IPPROTO_ICMPV6]


def test_a_large_download_comes_whole_through_both_arms(net, lb):
    lb.up(config({"web": service(), "far": service(vip=VIP_FAR)}, interfaces=("eth0", "eth1")),
          "eth0", "eth1")
    for space, vip in ((net.client, VIP), (net.far, VIP_FAR)):
        got = space.run("curl", "-sS", "--max-time", "20", "-o", "/dev/null", "-w",
                        "%{size_download}", f"http://{vip}/3m")
        assert got.stdout == str(3 << 20)


def test_a_large_upload_goes_whole_to_the_server(net, lb):
    lb.up(config({"web": service(), "web6": service(vip=VIP6)}))
    for vip in (VIP, f"[{VIP6}]"):
        done = net.client.run("curl", "-sS", "--max-time", "20", "-T", f"{net.directory}/www/3m",
                              f"http://{vip}/upload")
        assert done.stdout == str(3 << 20)


def test_one_service_answers_on_all_its_ports(net, lb):  # R45
    lb.up(config({"web": service(ports=[80, "8001-8005"])}))
    for port in (80, 8001, 8003, 8005):
        assert answer(net.client, VIP, port) in MAIL
    assert lb.service("web")["ports"] == ["80", "8001-8005"]
    assert lb.service("web")["connections_total"] == 4


def test_one_service_answers_on_all_its_vips(net, lb):
    lb.up(config({"web": service(vip=[VIP, VIP_2])}))
    assert answer(net.client, VIP) in MAIL and answer(net.client, VIP_2) in MAIL


def test_a_real_of_weight_zero_gets_no_connection_and_is_still_checked(net, lb):  # R108
    lb.up(config({"web": service(weights=(100, 0))}))
    assert burst(net.client, VIP, 80, 20) == {"mail1": 20}
    assert lb.real("web/mail2")["check"]["detail"].startswith("L7OK")


@contextlib.contextmanager
def udp_echo(net, name, port):
    """Answers each datagram for the VIP with the server's name."""
    s = net.spaces[name].socket(socket.AF_INET, socket.SOCK_DGRAM)
    with net.spaces[name].inside():
        s.bind((VIP, port))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                _, sender = s.recvfrom(2048)
                if not sender:
                    return  # shut down
                s.sendto(name.encode(), sender)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            s.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        s.close()


def test_udp_flows_are_shared_and_stay_where_they_are(net, lb):  # R125
    lb.up(config({"dns": service(ports=[5353], protocol="udp", check={"type": "ping"})}))
    with udp_echo(net, "mail1", 5353), udp_echo(net, "mail2", 5353):
        answers = []
        for _ in range(10):
            with net.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(3 * PATIENCE)
                s.connect((VIP, 5353))
                mine = set()
                for _ in range(3):
                    s.send(b"?")
                    mine.add(s.recv(100).decode())
            assert len(mine) == 1
            answers += mine
    assert answers.count("mail1") == answers.count("mail2") == 5


def test_ping_of_the_vip_is_answered(net, lb):  # R112
    lb.up(config(both_families()))
    for vip in (VIP, VIP6):
        assert " 0% packet loss" in net.client.run("ping", "-c", "3", "-i", "0.05", "-W", "2",
                                                   vip).stdout


def test_arp_and_neighbour_solicitation_for_the_vip_are_answered_with_our_mac(net, lb):  # R89
    lb.up(config(both_families()))
    net.client.ip("neigh", "flush", "dev", "eth0")
    for vip in (VIP, VIP6):
        answer(net.client, vip)
        assert net.balancer.mac() in net.client.ip("neigh", "show", vip).stdout


def arp(operation, source_mac, source, target, target_mac=b"\0" * 6):
    return (b"\xff" * 6 + source_mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, operation) +
            source_mac + socket.inet_aton(source) + target_mac + socket.inet_aton(target))


def mac_bytes(space, device="eth0"):
    return bytes.fromhex(space.mac(device).replace(":", ""))


def test_arp_for_other_addresses_is_left_to_the_kernel(net, lb):
    lb.up(config())
    mine = mac_bytes(net.client)
    with Sniffer(net.client) as wire:
        send_frame(net.client, arp(1, mine, CLIENT, "192.168.30.2"))
        send_frame(net.client, arp(1, mine, CLIENT, "192.168.30.99"))
        replies = lambda f: f[12:14] == b"\x08\x06" and f[20:22] == b"\0\2"  # noqa: E731
        assert wire.find(lambda f: replies(f) and f[28:32] == socket.inet_aton("192.168.30.2"))
        assert not wire.find(lambda f: replies(f) and f[28:32] == socket.inet_aton("192.168.30.99"),
                             0.3)


def test_up_announces_the_vip_on_the_wire(net, lb):
    mac = mac_bytes(net.balancer)
    with Sniffer(net.client) as wire:
        lb.up(config(both_families()))
        announced = mac + socket.inet_aton(VIP)
        assert wire.find(lambda f: f[12:14] == b"\x08\x06" and f[22:32] == announced)
    with Sniffer(net.client) as wire:
        lb.down()
        lb.up()
        target = socket.inet_pton(socket.AF_INET6, VIP6)
        assert wire.find(lambda f: f[12:14] == b"\x86\xdd" and f[54] == 136 and f[62:78] == target)


def test_another_host_that_claims_the_vip_is_counted_and_not_answered(net, lb):  # F7
    lb.up(config())
    stranger = b"\x02\x11\x22\x33\x44\x55"
    with Sniffer(net.client) as wire:
        send_frame(net.client, arp(2, stranger, VIP, VIP))
        wait_for("the conflict to be counted", lambda: "lbxdp_" in lb.call("metrics").stdout and
                 metric(lb, "lbxdp_drop_packets_total") is not None)
        assert not wire.find(lambda f: f[12:14] == b"\x08\x06" and f[:6] == stranger, 0.3)
    assert answer(net.client, VIP, source=None) in MAIL


def metric(lb, name, **labels):
    """The sum of the samples of one family that carry these labels; None when there is none."""
    found = None
    for line in lb.call("metrics").stdout.splitlines():
        if line.startswith((f"{name}{{", f"{name} ")):
            if all(f'{k}="{v}"' in line for k, v in labels.items()):
                found = (found or 0) + float(line.rsplit(" ", 1)[1])
    return found


def test_traffic_to_the_box_itself_reaches_its_stack(net, lb):
    lb.up(config())
    with net.balancer.socket() as server:
        with net.balancer.inside():
            server.bind(("192.168.30.2", 7777))
            server.listen()
        server.settimeout(3 * PATIENCE)
        with net.client.connect("192.168.30.2", 7777):
            assert server.accept()[1][0] == CLIENT


def test_a_port_of_the_vip_that_is_no_service_reaches_the_stack(net, lb):
    lb.up(config())
    answer(net.client, VIP)
    with Sniffer(net.balancer) as stack, net.client.socket() as s:
        s.setblocking(False)
        s.connect_ex((VIP, 81))
        wanted = socket.inet_aton(VIP) + s.getsockname()[1].to_bytes(2, "big") + b"\0\x51"
        assert stack.find(lambda f: f[30:38] == wanted)


NOBODY = "192.168.30.60"


def tcp_frame(net, tags, sport, flags=2, source=CLIENT):
    """A TCP segment to port 80 of the VIP, tagged. NOBODY never resets what the server answers."""
    header = struct.pack("!HHIIBBHHH", sport, 80, 1000, 0, 5 << 4, flags, 65535, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(VIP) + struct.pack("!HH", 6, len(header))
    header = header[:16] + struct.pack("!H", checksum(pseudo + header)) + header[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(header), 7, 0, 64, 6, 0)
    ip += socket.inet_aton(source) + socket.inet_aton(VIP)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return (mac_bytes(net.balancer) + mac_bytes(net.client) + tags + b"\x08\x00" + ip + header)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


@pytest.mark.parametrize("tags", [b"", b"\x81\x00\x00\x2a", b"\x88\xa8\x00\x07\x81\x00\x00\x2a"],
                         ids=["untagged", "one tag", "two tags"])
def test_a_forwarded_frame_keeps_its_vlan_tags(net, lb, tags):  # R114, F5
    lb.up(config({"web": service(weights=(100, None))}))
    with Sniffer(net.mail1) as wire:
        send_frame(net.client, tcp_frame(net, tags, 5001))
        start = 12 + len(tags) + 2
        got = wire.find(lambda f: f[start + 12:start + 22] == socket.inet_aton(CLIENT) +
                        socket.inet_aton(VIP) + (5001).to_bytes(2, "big"))
    assert got and got[:12] == mac_bytes(net.mail1) + mac_bytes(net.balancer)
    assert got[12:start] == tags + b"\x08\x00"


def test_active_and_inactive_flows_follow_the_clients_packets(net, lb):
    lb.up(config({"web": service(weights=(100, None))}))
    counts = lambda: (lambda r: (r["active"], r["inactive"]))(lb.real("web/mail1"))  # noqa: E731
    assert counts() == (0, 0)
    send_frame(net.client, tcp_frame(net, b"", 5002, source=NOBODY))
    wait_for("a half-open flow to be counted as inactive", lambda: counts() == (0, 1))
    open_ones = [net.client.connect(VIP, 80) for _ in range(10)]
    wait_for("ten active flows", lambda: counts()[0] == 10)
    for s in open_ones[:4]:
        s.close()
    wait_for("four flows to close", lambda: counts()[0] == 6 and counts()[1] >= 4)
    for s in open_ones[4:7]:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    wait_for("three flows to be reset", lambda: counts()[0] == 3)
    for s in open_ones[7:]:
        s.close()
    wait_for("no flow to be active", lambda: counts()[0] == 0)


def test_flows_expire_by_the_timeouts_of_their_state(net, lb):
    short, long = f"{PATIENCE:g}s", f"{2 * PATIENCE:g}s"
    lb.up(config({"web": service(weights=(100, None))},
                 timeouts={"syn": short, "established": long, "closing": short, "udp": short}))
    send_frame(net.client, tcp_frame(net, b"", 5003, source=NOBODY))
    idle = net.client.connect(VIP, 80)
    closed = net.client.connect(VIP, 80)
    closed.close()
    lb.wait_real("web/mail1", active=1, inactive=2)
    lb.wait_real("web/mail1", 8, active=0, inactive=0)
    idle.close()


def test_with_all_reals_down_packets_are_dropped_and_counted(net, lb, servers):  # F30, R109
    for s in servers.values():
        s.in_service(False)
    lb.up(config())
    assert lb.service("web")["status"] == "down"
    before = metric(lb, "lbxdp_drop_packets_total", reason="no_real") or 0
    with pytest.raises(TimeoutError):
        net.client.connect(VIP, 80, timeout=0.5)
    assert metric(lb, "lbxdp_drop_packets_total", reason="no_real") > before
    for s in servers.values():
        s.in_service(True)
    lb.wait_real("web/mail1", status="up")
    lb.wait_real("web/mail2", status="up")
    assert answer(net.client, VIP) in MAIL


def test_the_backup_serves_when_no_real_is_up_and_only_then(net, lb, servers):  # R72, F30
    backup = {"ip": MAIL["mail3"][0]}
    lb.up(config({"web": service(backup=backup)}))
    assert set(burst(net.client, VIP, 80, 10)) == {"mail1", "mail2"}
    for name in ("mail1", "mail2"):
        servers[name].in_service(False)
        lb.wait_real(f"web/{name}", status="down")
    assert burst(net.client, VIP, 80, 10) == {"mail3": 10}
    assert lb.service("web")["status"] == "degraded"
    assert [r["name"] for r in lb.service("web")["reals"] if r.get("backup")]
    servers["mail2"].in_service(True)
    lb.wait_real("web/mail2", status="up")
    assert burst(net.client, VIP, 80, 10) == {"mail2": 10}


def test_a_packet_in_the_middle_of_an_unknown_flow_makes_no_entry(net, lb):
    lb.up(config())
    for _ in range(5):
        send_frame(net.client, tcp_frame(net, b"", 5004, flags=16))
    reals_now = lb.service("web")["reals"]
    assert [(r["active"], r["inactive"]) for r in reals_now] == [(0, 0)] * 2
    assert lb.service("web")["connections_total"] == 0
    assert metric(lb, "lbxdp_flow_stateless_total", reason="miss") == 5


def test_generic_mode_serves_too_and_status_says_so(net, lb):
    lb.up(config(xdp_mode="generic"))
    assert lb.status()["interfaces"][0]["xdp_mode"] == "generic"
    assert burst(net.client, VIP, 80, 20) == {"mail1": 10, "mail2": 10}


def test_native_mode_is_chosen_where_the_driver_has_it(net, lb):
    lb.up(config({"web": {**service(), "check": {**HTTP, **FAST}, "reals": reals()}}))
    assert lb.status()["interfaces"][0]["xdp_mode"] == "native"
