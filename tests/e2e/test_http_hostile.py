# SPDX-License-Identifier: GPL-2.0-only
"""HTTP mode and clients in bad faith: smuggling, slow ones by the hundred, endless heads, storms of
aborts, no descriptors left (F15-F19, F21, F37)."""

import contextlib
import select
import socket
import struct
import time

import pytest

from lab.clients import Load, answer
from lab.config import config
from lab.corpus import corpus
from lab.http import Ended, client, field, get, http, origin, page, raw, status
from lab.layer7 import VIP_7, counts, statistics
from lab.proc import all_files_returned, files_at_rest, no_session_left, resident, share_at_rest
from lab.space import wait_for

MANY = 300


# --- smuggling

def tell_path(head, *_):
    """The target comes back, so that an answer shows which request it is for."""
    if head.startswith(b"CONNECT "):
        return page("", status="405 Method Not Allowed")
    return page(head.split()[1])


def play(net, row):
    """Sends a row and returns the statuses of the answers; all up to the end if it is refused."""
    said = []
    with client(net) as c:
        with contextlib.suppress(ConnectionError):  # refused while we are still sending
            c.socket.sendall(row.data)
        with contextlib.suppress(Ended):
            while row.refused or len(said) < row.messages:
                said.append(status(c.message()[0]))
    return said


def test_nothing_is_smuggled(net, lb):  # F16
    rows = corpus(net.directory)
    assert len(rows) > 200
    with origin(net, tell=tell_path) as o:
        lb.up(config({"web": raw()}))
        wrong, probes = [], 0
        for row in rows:
            before = len(o.requests)
            said = play(net, row)
            wanted = [row.refused] if row.refused else []
            seen = len(o.requests) - before
            if [s for s in said if s not in (200, 405)] != wanted or seen != row.messages or \
                    len(said) != row.messages + len(wanted):
                wrong.append((row, said, seen))
            with client(net) as c:  # nobody else gets an answer that is not his
                probes += 1
                assert c.ask(get(f"/probe{probes}"))[1].decode() == f"/probe{probes}", row
        assert wrong == []
        no_session_left(lb)
        assert len(o.requests) == probes + sum(row.messages for row in rows)
        refused = sum(1 for row in rows if row.refused)
        assert int(statistics(lb)["FRONTEND"]["ereq"]) == refused


@pytest.mark.parametrize("answered", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", b"HTTP/1.1 20 OK\r\n\r\n", b"hello\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70000 + b"\r\n\r\n", b""])
def test_a_server_that_makes_no_sense_is_a_502(net, lb, answered):
    with origin(net, tell=lambda *_: answered or None):
        lb.up(config({"web": raw()}))
        with client(net) as c:
            head, body = c.ask(get())
            assert (status(head), field(head, "Connection")) == (502, ["close"])
            assert field(head, "X-Request-Id")[0].encode() in body
            assert c.rest() == b""
        no_session_left(lb)


def test_bytes_behind_an_answer_reach_no_other_client(net, lb):
    with origin(net, tell=lambda *_: page("1") + page("poison")):
        lb.up(config({"web": raw()}))
        for _ in range(10):
            with client(net) as c:
                assert c.ask(get())[1] == b"1"


# --- slow ones

def drip(sockets, byte, seconds=30):
    """One byte to each again and again, until all of them were closed by the other side."""
    left, deadline = set(sockets), time.monotonic() + seconds
    said = {s: b"" for s in sockets}
    while left:
        assert time.monotonic() < deadline, f"{len(left)} are still open"
        for s in left:
            with contextlib.suppress(OSError):
                s.send(byte)
        for s in select.select(list(left), [], [], 0.1)[0]:
            try:
                part = s.recv(65536)
            except ConnectionError:
                part = b""
            said[s] += part
            if not part:
                left.discard(s)
    return said.values()


SLOW = {"head": (b"GET /name HTTP/1.1\r\nHost: lab\r\nX: ", b"x", 408),
        "body": (b"POST /upload HTTP/1.1\r\nHost: lab\r\nContent-Length: 99999\r\n\r\n", b"x", 408),
        "chunks": (b"POST /upload HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"fffff\r\n", b"x", 408),
        "idle": (b"", b"", None),
        "kept": (b"GET /name HTTP/1.1\r\nHost: lab\r\n\r\n", b"", 200)}


@pytest.mark.parametrize("what", SLOW)
def test_slow_clients_meet_their_timeout_and_slow_nobody_else(net, lb, what):  # F17
    first, byte, wanted = SLOW[what]
    client_time = "3s" if what == "kept" else "30s"
    lb.up(config({"web": http(timeouts={"request": "3s", "client": client_time})}))
    with Load(net.client, VIP_7, workers=1) as load:
        slow = [net.far.connect(VIP_7, 80) for _ in range(MANY)]
        for s in slow:
            s.sendall(first)
        load.more(50)
        for said in drip(slow, byte):
            if wanted:
                assert said.startswith(f"HTTP/1.1 {wanted} ".encode())
            else:
                assert said == b""
        load.more(50)
    assert load.failures == []
    for s in slow:
        s.close()
    no_session_left(lb)
    if wanted == 408:
        assert int(statistics(lb)["FRONTEND"]["hrsp_4xx"]) == MANY


def test_who_does_not_read_meets_the_clients_timeout(net, lb):  # F17
    lb.up(config({"web": http(timeouts={"client": "2s"})}))
    slow = []
    with Load(net.client, VIP_7, workers=1) as load:
        for _ in range(MANY):
            s = net.far.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect((VIP_7, 80))
            s.sendall(get("/big"))
            slow.append(s)
        load.more(50)
        wait_for("them to be closed", lambda: counts(lb, "web")["current_sessions"] <= 2, 30)
        load.more(50)
    assert load.failures == []
    for s in slow:
        s.close()
    no_session_left(lb)


# --- large ones

ENDLESS = {"value": (b"GET / HTTP/1.1\r\nHost: lab\r\nX: ", b"x" * 4096),
           "target": (b"GET /", b"x" * 4096),
           "fields": (b"GET / HTTP/1.1\r\nHost: lab\r\n", b"X: y\r\n" * 600),
           "method": (b"", b"X" * 4096),
           "names": (b"GET / HTTP/1.1\r\nHost: lab\r\n", b"x" * 4096),
           "blank lines": (b"", b"\r\n" * 2048)}


@pytest.mark.parametrize("what", ENDLESS)
def test_a_head_without_end_is_refused_at_the_limit(net, lb, what):  # F18
    first, more = ENDLESS[what]
    lb.up(config({"web": http()}))
    answer(net.client, VIP_7)
    before = resident(lb)
    with client(net) as c:
        sent = 0
        with contextlib.suppress(ConnectionError):
            c.socket.sendall(first)
            while sent < 64 << 20 and not select.select([c.socket], [], [], 0)[0]:
                c.socket.sendall(more)
                sent += len(more)
        said = c.rest()
    assert sent < 64 << 20
    assert said[:13] in (b"HTTP/1.1 431 ", b"HTTP/1.1 400 ")
    assert resident(lb) < before + 4096
    assert answer(net.client, VIP_7)
    no_session_left(lb)


def test_many_heads_that_are_not_done_take_bounded_memory(net, lb):  # F18
    lb.up(config({"web": http()}))
    answer(net.client, VIP_7)
    before = resident(lb)
    held = [net.far.connect(VIP_7, 80) for _ in range(MANY)]
    for s in held:
        s.sendall(b"GET / HTTP/1.1\r\nHost: lab\r\nX: " + b"x" * 16000)
    wait_for("them to be read", lambda: int(statistics(lb)["FRONTEND"]["bin"]) > MANY * 16000)
    assert resident(lb) - before < MANY * 24 + 4096
    for s in held:
        s.close()
    no_session_left(lb)


# --- storms

def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


STORM = [b"", b"G", b"GET /big HTTP/1.1\r\nHost:", get("/big"), get("/name"), get("/name") * 20,
         get("/upload", "Content-Length: 1000000", method="POST") + b"x" * 5000,
         get("/upload", "Transfer-Encoding: chunked", method="POST") + b"5\r\nhel",
         get("/upload", "Content-Length: 9", "Expect: 100-continue", method="POST"),
         b"\x16\x03\x01"]


@pytest.mark.parametrize("leave", [reset, socket.socket.close,
                                   lambda s: s.shutdown(socket.SHUT_WR)],
                         ids=["reset", "close", "half"])
def test_a_storm_of_aborts_leaves_nothing(net, lb, leave):  # F37
    lb.up(config({"web": http(timeouts={"request": "2s", "client": "2s", "server": "4s"})}))
    answer(net.client, VIP_7)
    no_session_left(lb)
    before, memory = files_at_rest(lb), resident(lb)
    held = []
    with net.client.inside():
        for n in range(1000):
            s = socket.create_connection((VIP_7, 80), 5)
            s.sendall(STORM[n % len(STORM)])
            if n % 3 == 0:
                select.select([s], [], [], 0.01)  # some have been answered
            leave(s)
            held.append(s)
            if len(held) > 200:
                held.pop(0).close()
    for s in held:
        s.close()
    no_session_left(lb)
    all_files_returned(lb, before)
    assert resident(lb) < memory + 8192
    assert answer(net.client, VIP_7)


def test_without_descriptors_accepting_stops_and_goes_on_later(net, lb, servers):  # F21, R69
    lb.write(config({"web": http()}))
    lb.space.run("prlimit", "--nofile=600", *lb.words("up", "eth0", "-c", lb.config))
    limit = lb.status()["l7"]["limit"]
    assert 0 < limit < 600 and f"allow only {limit}" in lb.log()
    crowd = [client(net) for _ in range(limit + 50)]
    for c in crowd:
        c.socket.sendall(get("/name"))
    wait_for("the first to be answered",
             lambda: len(select.select([c.socket for c in crowd], [], [], 0)[0]) >= limit)
    assert counts(lb, "web")["current_sessions"] <= limit
    assert share_at_rest(lb, 5) < 0.05  # no busy loop
    servers["mail1"].in_service(False)  # checks and orders go on
    lb.wait_real("web/mail1", status="down")
    servers["mail1"].in_service(True)
    lb.wait_real("web/mail1", status="up")
    for c in crowd:  # each that leaves makes room for one who waits
        assert c.message()[1].startswith(b"mail")
        c.socket.close()
    no_session_left(lb)


def test_the_web_server_starves_nobody(net, lb):  # F15
    lb.up(config({"web": http()}))
    with contextlib.ExitStack() as stack, Load(net.client, VIP_7, workers=1) as load:
        for _ in range(200):
            s = stack.enter_context(lb.space.connect("127.0.0.1", 9443))
            s.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        load.more(100)
        assert lb.call("status").stdout
    assert load.failures == []
