# SPDX-License-Identifier: GPL-2.0-only
"""Connections that live long and say little: WebSockets and CONNECT in HTTP mode, IMAP IDLE beside
them."""

import base64
import hashlib
import os
import time

import pytest

from lab.config import config
from lab.http import RAW, Peer, Stage, client, field, get, raw, status
from lab.layer7 import VIP_7, Server, l7, proxies
from lab.network import MAIL
from lab.proc import no_session_left
from lab.servers import PASSWORD, USER

MAIL1 = MAIL["mail1"][0]


def frame(text, mask=None):
    """A short WebSocket text frame (RFC 6455 5.2)."""
    data = text.encode()
    if mask:
        return (bytes([0x81, 0x80 | len(data)]) + mask +
                bytes(b ^ mask[i % 4] for i, b in enumerate(data)))
    return bytes([0x81, len(data)]) + data


def echo_socket(connection):
    """A WebSocket server that says back what it hears; the first word of its own comes at once."""
    peer = Peer(connection, 30)
    head = peer.head()
    key = field(head, "Sec-WebSocket-Key")[0] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    assert field(head, "Upgrade") == ["websocket"] and field(head, "Connection") == ["Upgrade"]
    connection.sendall(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                       f"Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode() +
                       frame("hello"))
    while True:
        first, length = peer.exactly(2)
        mask = peer.exactly(4)
        text = bytes(b ^ mask[i % 4] for i, b in enumerate(peer.exactly(length & 0x7f)))
        connection.sendall(frame(text.decode()))


def upgrade(c):
    key = base64.b64encode(b"0123456789abcdef").decode()
    c.socket.sendall(get("/owa/notify", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
                         "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"))
    head = c.head()
    assert status(head) == 101 and field(head, "Upgrade") == ["websocket"]
    assert c.exactly(7) == frame("hello")


def test_a_websocket_is_a_tunnel_with_its_own_timeout(net, lb):
    with Server(net.mail1, MAIL1, RAW, echo_socket):
        lb.up(config({"web": raw(timeouts={"client": "1s", "server": "1s", "tunnel": "4s",
                                           "request": "1s"})}))
        with client(net) as c:
            upgrade(c)
            for word in ("a", "bc", "x" * 100):
                c.socket.sendall(frame(word, b"mask"))
                assert c.exactly(len(frame(word))) == frame(word)
            with pytest.raises(TimeoutError):  # the other timeouts count no more
                c.socket.settimeout(1.5)
                c.more()
            c.socket.settimeout(10)
            began = time.monotonic()
            c.socket.sendall(frame("again", b"4321"))
            assert c.exactly(7) == frame("again")
            assert c.rest() == b""
            assert time.monotonic() - began > 3.5
        no_session_left(lb)


def test_a_websocket_outlasts_reloads(net, lb):
    with Server(net.mail1, MAIL1, RAW, echo_socket):
        lb.up(config({"web": raw()}))
        before = proxies(lb)
        with client(net) as c:
            upgrade(c)
            for n in range(3):
                lb.reload(config({"web": raw(request_headers={"set": {"X-N": str(n)}})}))
                c.socket.sendall(frame(f"n{n}", b"mask"))
                assert c.exactly(4) == frame(f"n{n}")
        assert proxies(lb) == before


def test_connect_makes_a_tunnel(net, lb):
    lb.up(config({"web": raw()}))
    with Stage(net) as stage, client(net) as c:
        c.socket.sendall(get("mail:443", method="CONNECT", host="mail:443") + b"early")
        server = stage.next()
        assert server.head().startswith(b"CONNECT mail:443 HTTP/1.1\r\n")
        server.socket.sendall(b"HTTP/1.1 200 Connection established\r\n\r\nhi")
        assert status(c.head()) == 200 and c.exactly(2) == b"hi"
        assert server.exactly(5) == b"early"
        server.socket.shutdown(1)
        assert c.rest() == b""


# --- IMAP IDLE, beside it

def test_imap_idle_is_told_of_a_new_mail_through_tcp_mode(net, lb, servers):
    servers["mail1"].forget_mails()  # of other tests
    shape = l7(ports=[143], weights=(1, None), check={"type": "imap"})
    lb.up(config({"imap": shape}))
    with Peer(net.client.connect(VIP_7, 143)) as c:
        assert c.until(b"\r\n").startswith(b"* OK ")
        c.socket.sendall(f"a login {USER} {PASSWORD}\r\nb select INBOX\r\n".encode())
        assert b"a OK" in c.until(b"b OK")
        c.until(b"\r\n")
        c.socket.sendall(b"c idle\r\n")
        assert c.until(b"\r\n").startswith(b"+ ")
        box = f"{servers['mail1'].home}/box/Maildir/new"
        os.makedirs(box, exist_ok=True)
        with open(f"{box}/1.lab.x", "w") as f:
            f.write("Subject: idle\n\nhello\n")
        os.chown(f"{box}/1.lab.x", 65534, 65534)
        assert b"1 EXISTS" in c.until(b"EXISTS\r\n")
        c.socket.sendall(b"done\r\n")
        c.until(b"c OK")
    servers["mail1"].forget_mails()
