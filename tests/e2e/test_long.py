# SPDX-License-Identifier: GPL-2.0-only
"""Exchange's clients wait for half an hour and say nothing: IMAP IDLE, an ActiveSync Ping, MAPI's
NotificationWait, a WebSocket. All of them at once, for LBXDP_LONG_MINUTES (2 seconds without it)."""

import os
import time

import pytest

from lab.config import config
from lab.http import Peer, Stage, client, field, get, raw, status
from lab.layer7 import VIP_7, counts, l7, proxies
from lab.servers import PASSWORD, USER

SECONDS = 60 * float(os.environ.get("LBXDP_LONG_MINUTES", "0")) or 2
PENDING = 15  # seconds, as Exchange 2013 sends it
SILENT = 28 * 60  # seconds, of the thirty minutes that the timeouts give


def idle(net):
    c = Peer(net.client.connect(VIP_7, 143))
    c.until(b"\r\n")
    c.socket.sendall(f"a login {USER} {PASSWORD}\r\nb select INBOX\r\nc idle\r\n".encode())
    c.until(b"+ idling\r\n")
    return c


def idle_ends(c, said):
    """Dovecot says something itself every two minutes."""
    assert said.replace(b"* OK Still here\r\n", b"") == b""
    c.socket.sendall(b"done\r\n")
    assert b"c OK" in c.until(b"c OK")


def ping(net, stage):
    c = client(net)
    c.socket.sendall(get("/Microsoft-Server-ActiveSync?Cmd=Ping", "Content-Length: 1",
                         method="POST") + b"p")
    server = stage.next()
    assert server.message()[1] == b"p"
    return c, server


def ping_ends(c, server):
    server.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert c.message()[1] == b"ok"
    c.socket.close()
    server.socket.close()


def wait_for_notification(net, stage):
    c = client(net)
    c.socket.sendall(get("/mapi/", "Content-Length: 1", "X-RequestType: NotificationWait",
                         method="POST") + b"n")
    server = stage.next()
    assert server.message()[1] == b"n"
    server.socket.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert field(c.head(), "Transfer-Encoding") == ["chunked"]
    return c, server


def chunk(word):
    return b"%x\r\n%s\r\n" % (len(word), word)


def notify(c, server, word):
    server.socket.sendall(chunk(word))
    assert c.exactly(len(chunk(word))) == chunk(word)


def web_socket(net, stage):
    c = client(net)
    c.socket.sendall(get("/owa/notify", "Upgrade: websocket", "Connection: Upgrade"))
    server = stage.next()
    server.head()
    server.socket.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          b"Connection: Upgrade\r\n\r\n")
    assert status(c.head()) == 101
    return c, server


def talk(browser, owa):
    browser.socket.sendall(b"still here")
    assert owa.exactly(10) == b"still here"
    owa.socket.sendall(b"so am I")
    assert browser.exactly(7) == b"so am I"


@pytest.fixture
def stage(net):
    with Stage(net) as stage:
        yield stage


def test_clients_that_wait_for_minutes_are_answered_in_the_end(net, lb, stage):
    lb.up(config({"web": raw(), "imap": l7(ports=[143], weights=(1, None),
                                           check={"type": "imap"})}))
    before = proxies(lb)
    idling = idle(net)
    phone, exchange = ping(net, stage)
    outlook, mapi = wait_for_notification(net, stage)
    browser, owa = web_socket(net, stage)
    notify(outlook, mapi, b"PROCESSING\r\n")
    said, until = b"", time.monotonic() + SECONDS
    silent_until = time.monotonic() + SILENT
    while (left := until - time.monotonic()) > 0:
        said += idling.meanwhile(min(left, PENDING))
        notify(outlook, mapi, b"PENDING\r\n")
        if time.monotonic() > silent_until:
            ping_ends(phone, exchange)
            phone, exchange = ping(net, stage)
            talk(browser, owa)
            silent_until = time.monotonic() + SILENT
    notify(outlook, mapi, b"DONE\r\n")
    idle_ends(idling, said)
    ping_ends(phone, exchange)
    talk(browser, owa)
    assert counts(lb, "web")["timeouts_total"] == 0 and proxies(lb) == before
    for peer in (idling, outlook, mapi, browser, owa):
        peer.socket.close()
