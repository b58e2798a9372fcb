# SPDX-License-Identifier: GPL-2.0-only
"""Networks that are narrower than an Ethernet: ICMP errors that must find their real (F11, R111),
and datagrams in fragments (F2, R110)."""

import contextlib
import json
import socket
import threading

import pytest

from lab.clients import Sniffer, send_frame
from lab.config import config, service
from lab.network import MAIL, VIP, VIP6
from lab.space import PATIENCE, wait_for

NARROW = 1400
CLIENTS = {VIP: "10.1.0.77", VIP6: "fd00:1::77"}  # nobody else's, so nobody else's path shrinks
DNS = {"ports": [5353], "protocol": "udp", "check": {"type": "ping"}}


def metric(lb, family, value):
    """The counter of one verdict or event."""
    for line in lb.call("metrics").stdout.splitlines():
        if line.startswith(f"{family}{{") and f'"{value.lower()}"' in line:
            return int(float(line.rsplit(" ", 1)[1]))
    raise AssertionError(f"{family} has no {value}")


def event(lb, name):
    return metric(lb, "lbxdp_flow_events_total", name)


def drops(lb, name):
    return metric(lb, "lbxdp_drop_packets_total", name)


def ip(space, vip, *words, **more):
    return space.ip("-6" if ":" in vip else "-4", *words, **more)


@contextlib.contextmanager
def narrow(net, vip):
    """The router takes no packet of more than NARROW bytes for the VIP or for the client, and says
    so to who sent it. The client's own wire is wide: it tells the servers nothing."""
    client = CLIENTS[vip]
    bits = 128 if vip == VIP6 else 32
    routes = [(f"{client}/{bits}", "eth1"), (f"{vip}/{bits}", "eth0")]
    ip(net.far, vip, "addr", "add", f"{client}/{64 if vip == VIP6 else 24}", "dev", "eth0",
       *(["nodad"] if vip == VIP6 else []))
    try:
        for target, device in routes:
            ip(net.router, vip, "route", "add", target, "dev", device, "mtu", NARROW)
        yield client
    finally:
        for target, device in routes:
            ip(net.router, vip, "route", "del", target, "dev", device, check=False)
        ip(net.far, vip, "addr", "del", f"{client}/{64 if vip == VIP6 else 24}", "dev", "eth0")
        for space in (net.far, *(net.spaces[name] for name in MAIL)):
            ip(space, vip, "route", "flush", "cache")


def path_mtu(net, name, vip, client):
    """What the server's kernel has learnt about the way to the client."""
    shown = ip(net.spaces[name], vip, "-j", "route", "get", client, "from", vip).stdout
    return f'"mtu":{NARROW}' in shown.replace(" ", "")


def curl(net, client, *words):
    return net.far.run("curl", "-sS", "--interface", client, "--max-time", "20", *words).stdout


def at(vip):
    return f"http://[{vip}]" if ":" in vip else f"http://{vip}"


def download(net, client, vip):
    return int(curl(net, client, "-o", "/dev/null", "-w", "%{size_download}", f"{at(vip)}/3m"))


@pytest.mark.parametrize("vip", [VIP, VIP6])
def test_downloads_pass_a_narrow_path_and_each_server_hears_of_its_own_only(net, lb, vip):  # F11
    lb.up(config({"web": service(vip=vip)}))
    with narrow(net, vip) as client:
        assert not any(path_mtu(net, name, vip, client) for name in ("mail1", "mail2"))
        assert download(net, client, vip) == 3 << 20
        assert [path_mtu(net, n, vip, client) for n in ("mail1", "mail2")] == [True, False]
        assert event(lb, "ICMP_ERROR") > 0
        assert download(net, client, vip) == 3 << 20
        assert [path_mtu(net, n, vip, client) for n in ("mail1", "mail2")] == [True, True]
        assert drops(lb, "ICMP_NO_FLOW") == drops(lb, "ICMP_LIMITED") == drops(lb, "BAD_ICMP") == 0


@pytest.mark.parametrize("vip", [VIP, VIP6])
def test_uploads_pass_a_narrow_path(net, lb, vip):  # F11
    lb.up(config({"web": service(vip=vip)}))
    with narrow(net, vip) as client:
        for _ in range(2):
            assert curl(net, client, "-T", f"{net.directory}/www/3m",
                        f"{at(vip)}/upload") == str(3 << 20)
        assert path_mtu(net, "far", client, vip)


def echo(space, vip):
    """Sends back each datagram for the VIP."""
    s = space.socket(socket.AF_INET6 if ":" in vip else socket.AF_INET, socket.SOCK_DGRAM)
    with space.inside():
        s.bind((vip, 5353))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                data, sender = s.recvfrom(65535)
                if not sender or not data:
                    return  # shut down
                s.sendto(data[:100] + space.name.encode(), sender)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    def end():
        with contextlib.suppress(OSError):
            s.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        s.close()
    return end


@contextlib.contextmanager
def echoes(net, vip):
    with contextlib.ExitStack() as stack:
        for name in ("mail1", "mail2"):
            stack.callback(echo(net.spaces[name], vip))
        yield


def ask(space, vip, size, times=3):
    """Datagrams from one port; the names of the servers that got them whole."""
    family = socket.AF_INET6 if ":" in vip else socket.AF_INET
    got = []
    with space.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(3 * PATIENCE)
        s.connect((vip, 5353))
        for i in range(times):
            sent = bytes([i]) * 100 + bytes(range(256)) * (size // 256)
            s.send(sent[:size])
            answer = s.recv(65535)
            assert answer[:100] == sent[:100]
            got.append(answer[100:].decode().rsplit("-", 1)[1])
    return got


@pytest.mark.parametrize("vip", [VIP, VIP6])
@pytest.mark.parametrize("size, fragments", [(4000, 3), (60000, 41)])
def test_datagrams_in_fragments_reach_their_server_whole(net, lb, vip, size, fragments):  # F2
    """fragments: so many frames of 1,500 bytes are needed at least."""
    lb.up(config({"dns": service(vip=vip, **DNS)}))
    with echoes(net, vip):
        answers = [ask(net.client, vip, size) for _ in range(6)]
    assert all(len(set(mine)) == 1 for mine in answers)
    assert [mine[0] for mine in answers].count("mail1") == 3
    assert event(lb, "FRAGMENT_FOLLOWED") >= 6 * 3 * (fragments - 1)
    assert all(drops(lb, f"{why}FRAGMENT{more}") == 0 for why, more in
               (("", ""), ("", "_TINY"), ("", "_OVERLAP"), ("BAD_", "")))


@pytest.mark.parametrize("vip", [VIP, VIP6])
def test_a_later_fragment_alone_reaches_no_server(net, lb, vip):  # F2
    lb.up(config({"dns": service(vip=vip, **DNS)}))
    six = vip == VIP6
    with net.client.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW,
                           socket.IPPROTO_RAW) as s, \
            contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Sniffer(net.spaces[n])) for n in ("mail1", "mail2")]
        source = socket.inet_pton(s.family, "fd00:30::50" if six else "192.168.30.50")
        target = socket.inet_pton(s.family, vip)
        body = b"\x55" * 64
        if six:
            packet = (bytes([0x60, 0, 0, 0, 0, 8 + len(body), 44, 64]) + source + target +
                      bytes([socket.IPPROTO_UDP, 0, 0, 0x50, 0, 0, 0, 7]) + body)
        else:
            packet = (bytes([0x45, 0, 0, 20 + len(body), 0, 7, 0, 10, 64, socket.IPPROTO_UDP, 0, 0])
                      + source + target + body)
        s.sendto(packet, (vip, 0))
        wait_for("the fragment to be dropped", lambda: drops(lb, "FRAGMENT") == 1)
        frames = [f for wire in wires for f, _ in wire.frames()]
    assert not any(body in f for f in frames)


PORTS = bytes([0, 80, 0x90, 0])  # of a server's packet


def error_about_nothing(vip):
    """A router's "too big" that quotes a flow which never was, as a raw socket takes it."""
    family = socket.AF_INET6 if vip == VIP6 else socket.AF_INET
    source, target = (socket.inet_pton(family, a) for a in (vip, CLIENTS[vip]))
    ports = PORTS + bytes([0xab, 0xcd, 0xef, 1])
    if vip == VIP6:
        quoted = bytes([0x60, 0, 0, 0, 5, 0, 6, 64]) + source + target + ports
        return bytes([2, 0, 0, 0, 0, 0, NARROW >> 8, NARROW & 255]) + quoted
    quoted = bytes([0x45, 0, 5, 0, 0, 7, 0x40, 0, 64, 6, 0, 0]) + source + target + ports
    return bytes([3, 4, 0, 0, 0, 0, NARROW >> 8, NARROW & 255]) + quoted


def tell(net, vip):
    """Has the router send that error to the VIP."""
    six = vip == VIP6
    with net.router.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW,
                           58 if six else 1) as s:
        s.sendto(error_about_nothing(vip), (vip, 0))


def middle(net, vip):
    """An ACK of that flow, with the data "middle"; its checksums are wrong: servers drop it."""
    link = json.loads(net.balancer.ip("-j", "link", "show", "eth0").stdout)[0]
    to = bytes.fromhex(link["address"].replace(":", "")) + bytes.fromhex("020000000066")
    family = socket.AF_INET6 if vip == VIP6 else socket.AF_INET
    addresses = b"".join(socket.inet_pton(family, a) for a in (CLIENTS[vip], vip))
    tcp = PORTS[2:] + PORTS[:2] + bytes(8) + bytes([0x50, 16, 4, 0, 0, 0, 0, 0]) + b"middle"
    if vip == VIP6:
        return (to + b"\x86\xdd" + bytes([0x60, 0, 0, 0, 0, len(tcp), socket.IPPROTO_TCP, 64]) +
                addresses + tcp)
    return (to + b"\x08\x00" + bytes([0x45, 0, 0, 20 + len(tcp), 0, 1, 0x40, 0, 64,
                                      socket.IPPROTO_TCP, 0, 0]) + addresses + tcp)


def who_got(wires, wanted):
    return [name for name, wire in wires.items() if any(wanted in f for f, _ in wire.frames())]


@contextlib.contextmanager
def wires_of(net):
    with contextlib.ExitStack() as stack:
        yield {n: stack.enter_context(Sniffer(net.spaces[n])) for n in ("mail1", "mail2")}


@pytest.mark.parametrize("vip", [VIP, VIP6])
def test_an_error_that_quotes_no_flow_reaches_no_server(net, lb, vip):  # R111
    lb.up(config({"web": service(vip=vip, on_miss="drop")}))
    with wires_of(net) as wires:
        tell(net, vip)
        wait_for("the error to be dropped", lambda: drops(lb, "ICMP_NO_FLOW") == 1)
        assert who_got(wires, PORTS) == []


@pytest.mark.parametrize("vip", [VIP, VIP6])
def test_an_error_that_quotes_no_flow_goes_where_the_flow_would(net, lb, vip):  # R111
    lb.up(config({"web": service(vip=vip, on_miss="hash")}))
    with wires_of(net) as wires:
        tell(net, vip)
        wait_for("the error to be sent", lambda: event(lb, "ICMP_ERROR") == 1)
        told = wait_for("the error to arrive", lambda: who_got(wires, PORTS))
        send_frame(net.client, middle(net, vip))
        assert wait_for("the flow to arrive", lambda: who_got(wires, b"middle")) == told
        assert len(told) == 1
