# SPDX-License-Identifier: GPL-2.0-only
"""HTTP mode with TLS on both sides: it holds nothing back, loses nothing, and ends as HTTP does."""

import contextlib
import hashlib
import os
import select
import socket
import ssl
import struct

import pytest

from lab.browsers import Browsers
from lab.config import config
from lab.http import OK, RAW, Peer, Stage, client_context, field, get, page, raw, status
from lab.layer7 import VIP_7, Server, statistics
from lab.network import MAIL
from lab.proc import all_files_returned, files_at_rest, no_session_left
from lab.servers import NAME

SIZE = 64 << 20


def server_context(net):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{net.directory}/cert.pem", f"{net.directory}/key.pem")
    return context


@pytest.fixture
def shape(net, tmp_path):
    """TLS of clients ends at the balancer; the real is spoken to in TLS and proven."""
    pem = tmp_path / "mail.pem"
    with open(f"{net.directory}/cert.pem") as c, open(f"{net.directory}/key.pem") as k:
        pem.write_text(c.read() + k.read())
    service = raw(ports=[443], tls={"certificates": [str(pem)]})
    service["reals"]["mail1"].update(reencrypt="on", verify="ca", sni=NAME,
                                     ca=f"{net.directory}/cert.pem")
    return service


def safe(net):
    s = net.client.connect(VIP_7, 443, 10)
    return Peer(client_context(net).wrap_socket(s, server_hostname=NAME))


@pytest.fixture
def stage(net):
    with Stage(net, context=server_context(net)) as s:
        yield s


def test_each_byte_passes_at_once_both_ways(net, lb, shape, stage):
    """Neither the records of TLS nor what waits inside them may hold back MAPI's or RPC's bytes."""
    lb.up(config({"web": shape}))
    with safe(net) as c:
        c.socket.sendall(get("/mapi", "Transfer-Encoding: chunked", method="POST"))
        server = stage.next()
        server.head()
        server.socket.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        c.head()
        for size in (1, 2, 16383, 16384, 16385, 40000, 1):
            chunk = b"%x\r\n%s\r\n" % (size, b"x" * size)
            c.socket.sendall(chunk)
            assert server.exactly(len(chunk)) == chunk
            server.socket.sendall(chunk)
            assert c.exactly(len(chunk)) == chunk
        c.socket.sendall(b"0\r\n\r\n")
        assert server.exactly(5) == b"0\r\n\r\n"
        server.socket.sendall(b"0\r\n\r\n")
        assert c.exactly(5) == b"0\r\n\r\n"
        c.socket.sendall(get("/next"))
        assert server.head().startswith(b"GET /next ")
        server.socket.sendall(OK)
        assert c.message()[1] == b"ok"


def test_pipelined_requests_in_one_record(net, lb, shape, stage):
    lb.up(config({"web": shape}))
    with safe(net) as c:
        c.socket.sendall(get("/1") + get("/2") + get("/3"))
        server = stage.next()
        for n in (1, 2, 3):
            assert server.head().startswith(f"GET /{n} ".encode())
            server.socket.sendall(page(f"answer {n}"))
            assert c.message()[1] == f"answer {n}".encode()


def blocks(seed):
    for n in range(SIZE >> 16):
        yield hashlib.shake_128(f"{seed}{n}".encode()).digest(1 << 16)


def digest(seed):
    total = hashlib.sha256()
    for block in blocks(seed):
        total.update(block)
    return total.hexdigest()


WAITS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


def both_ways(peer, seed):
    """Sends the blocks of seed and reads as many bytes meanwhile; the digest of what came. By one
    thread: no two may use a TLS connection at once."""
    total, left, rest = hashlib.sha256(peer.data), SIZE - len(peer.data), b""
    source = blocks(seed)
    peer.socket.setblocking(False)
    while left or rest is not None:
        moved = False
        with contextlib.suppress(*WAITS):
            while left:
                part = peer.socket.recv(1 << 16)
                assert part
                total.update(part)
                left -= len(part)
                moved = True
        with contextlib.suppress(*WAITS):
            while rest is not None:
                rest = rest or next(source, None)
                if rest is not None:
                    rest = rest[peer.socket.send(rest):]
                    moved = True
        if not moved:
            select.select([peer.socket], [peer.socket] if rest else [], [], 10)
    peer.socket.settimeout(10)
    return total.hexdigest()


def test_large_bodies_both_ways_at_once_are_byte_exact(net, lb, shape):
    got = []

    def serve(connection):
        peer = Peer(server_context(net).wrap_socket(connection, server_side=True))
        peer.head()
        peer.socket.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n".encode())
        got.append(both_ways(peer, "down"))

    with Server(net.mail1, MAIL["mail1"][0], RAW, serve):
        lb.up(config({"web": shape}))
        with safe(net) as c:
            c.socket.sendall(get("/", f"Content-Length: {SIZE}", method="POST"))
            c.head()
            assert both_ways(c, "up") == digest("down")
        no_session_left(lb)
        assert got == [digest("up")]


def test_a_body_without_a_length_ends_with_tls_own_goodbye(net, lb, shape, stage):
    lb.up(config({"web": shape}))
    with safe(net) as c:
        c.socket.sendall(get())
        server = stage.next()
        server.head()
        server.socket.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 50000)
        server.socket.unwrap().close()
        head = c.head()
        assert field(head, "Connection") == ["close"]
        assert c.rest() == b"x" * 50000  # an ssl.SSLError would say that it was cut off


def test_who_wants_http_2_is_told_http_1_1(net, lb, shape, stage):
    lb.up(config({"web": shape}))
    context = client_context(net)
    context.set_alpn_protocols(["h2", "http/1.1"])
    s = context.wrap_socket(net.client.connect(VIP_7, 443), server_hostname=NAME)
    assert s.selected_alpn_protocol() == "http/1.1"
    s.close()


def test_plain_http_at_a_tls_port_is_closed_and_counted(net, lb, shape):
    lb.up(config({"web": shape}))
    with Peer(net.client.connect(VIP_7, 443)) as c:
        c.socket.sendall(get())
        c.rest()
    no_session_left(lb)


def test_aborts_in_every_phase_leave_nothing(net, lb, shape):  # F19, F37
    def serve(connection):
        peer = Peer(server_context(net).wrap_socket(connection, server_side=True))
        while True:
            peer.head()
            peer.socket.sendall(page(b"x" * 200000))

    context = client_context(net)
    with Server(net.mail1, MAIL["mail1"][0], RAW, serve):
        lb.up(config({"web": {**shape, "timeouts": {"request": "3s"}}}))
        with safe(net) as c:
            assert len(c.ask(get())[1]) == 200000
        no_session_left(lb)
        before = files_at_rest(lb)
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(40)
        for n in range(200):
            s = net.client.connect(VIP_7, 443)
            if n % 5 == 0:
                s.sendall(hello[:n % 51])
            elif n % 5 == 1:
                s.sendall(os.urandom(300))
            else:
                s = context.wrap_socket(s, server_hostname=NAME)
                if n % 5 > 2:
                    s.sendall(get())
                if n % 5 == 4:
                    s.recv(100)
            if n % 2:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        no_session_left(lb)
        all_files_returned(lb, before)
        with safe(net) as c:
            assert status(c.ask(get())[0]) == 200


def test_load_over_tls_on_both_sides_fails_nothing(net, lb, shape):
    shape["reals"]["mail1"]["port"] = 443
    lb.up(config({"web": shape}))
    with Browsers(net, 2, 443, client_context(net)) as load:
        load.more(300)
    assert load.failures == [] and load.connections == 2
    assert int(statistics(lb)["mail1"]["reuse"]) > 250  # TLS with a real is not begun each time
