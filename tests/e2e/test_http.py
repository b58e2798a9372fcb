# SPDX-License-Identifier: GPL-2.0-only
"""HTTP mode between real peers: methods, connections that are kept, bodies of every kind."""

import base64
import gzip
import hashlib
import json
import os
import threading

import pytest

from lab.config import config
from lab.http import (OK, RAW, Peer, client, curl, field, get, haproxy, http, nginx, origin, page,
                      raw, status)
from lab.layer7 import VIP_7, Server, statistics
from lab.network import CLIENT, MAIL
from lab.space import wait_for

URL = f"http://{VIP_7}"
SIZE = 100 << 20


@pytest.fixture
def web(net, lb):
    """An nginx that takes uploads behind HTTP mode; the directory of its files."""
    with nginx(net, "mail1") as files:
        lb.up(config({"web": raw()}))
        yield files


def digest(path):
    total = hashlib.sha256()
    with open(path, "rb") as f:
        while part := f.read(1 << 20):
            total.update(part)
    return total.hexdigest()


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "100m"
    with open(path, "wb") as f:
        for _ in range(SIZE >> 20):
            f.write(os.urandom(1 << 20))
    return str(path)


# --- methods, versions, connections

@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND",
                                    "RPC_OUT_DATA", "X-ANY"])
def test_every_method_passes(net, lb, method):
    with origin(net) as o:
        lb.up(config({"web": raw()}))
        with client(net) as c:
            body = b"" if method in ("GET", "OPTIONS") else b"<a/>"
            head, said = c.ask(get("/x", f"Content-Length: {len(body)}", method=method) + body)
            assert (status(head), said) == (200, b"ok")
        assert o.requests[0][2] == body
        assert o.heads()[0].startswith(f"{method} /x HTTP/1.1\r\n".encode())


def test_head_and_answers_without_a_body_leave_the_connection_in_step(net, lb):
    answers = {b"HEAD": b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
               b"GET": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: \"a\"\r\n\r\n",
               b"PUT": b"HTTP/1.1 204 No Content\r\n\r\n", b"POST": OK}
    with origin(net, tell=lambda head, *_: answers[head.split()[0]]):
        lb.up(config({"web": raw()}))
        with client(net) as c:
            for _ in range(3):
                assert field(c.ask(get(method="HEAD"), False)[0], "Content-Length") == ["9999"]
                assert status(c.ask(get(), False)[0]) == 304
                assert status(c.ask(get("/", "Content-Length: 0", method="PUT"), False)[0]) == 204
                assert c.ask(get("/", "Content-Length: 0", method="POST"))[1] == b"ok"


def test_both_sides_are_kept_alive(net, web, lb):
    said = curl(net, *[f"{URL}/count"] * 20).split("\n")[:20]
    assert [line.split()[2] for line in said] == [str(n) for n in range(1, 21)]
    assert len({line.split()[1] for line in said}) == 1
    front = statistics(lb)["FRONTEND"]
    assert (front["stot"], front["req_tot"]) == ("1", "20")
    assert statistics(lb)["mail1"]["reuse"] == "19"
    # Another client's turn comes on a connection that is there, in whichever process it is.
    seen = [int(curl(net, f"{URL}/count").split()[2]) for _ in range(8)]
    assert max(seen) > 1


def test_requests_of_one_client_take_turns_among_reals(net, lb):
    lb.up(config({"web": http(weights=(3, 1))}))
    said = curl(net, *[f"{URL}/name"] * 8).split()
    assert (said.count("mail1"), said.count("mail2")) == (6, 2)


def test_pipelined_requests_are_answered_in_order(net, lb):
    with origin(net, tell=lambda head, *_: page(head.split()[1])):
        lb.up(config({"web": raw()}))
        with client(net) as c:
            wanted = [f"/{n}" for n in range(50)]
            c.socket.sendall(b"".join(get(path) for path in wanted))
            assert [c.message()[1].decode() for _ in wanted] == wanted


@pytest.mark.parametrize("fields, kept", [((), False), (("Connection: keep-alive",), True)])
def test_http_1_0_is_spoken(net, lb, web, fields, kept):
    with client(net) as c:
        head, body = c.ask(get("/count", *fields, version="1.0"))
        assert body.startswith(b"mail1 ")
        if not kept:
            assert c.rest() == b""
            return
        assert field(head, "Connection") == ["keep-alive"]
        assert c.ask(get("/count", *fields, version="1.0"))[1].startswith(b"mail1 ")


def test_connection_close_is_kept_to(net, lb, web):
    with client(net) as c:
        head, _ = c.ask(get("/count", "Connection: close"))
        assert field(head, "Connection") == ["close"] and c.rest() == b""


def test_an_absolute_target_becomes_a_path_and_its_host(net, lb):
    with origin(net) as o:
        lb.up(config({"web": raw()}))
        with client(net) as c:
            c.ask(get("http://mail.example.com:8080/a?b=c", host="other"))
    assert o.heads()[0].startswith(b"GET /a?b=c HTTP/1.1\r\nHost: mail.example.com:8080\r\n")


# --- what is in a head stays as it is

ODD = ["x-lower: 1", "X-UPPER: 2", "x-MiXeD-cAsE: 3", "X-ClientInfo:4", "X-Empty:", "X-Space: a  b",
       "Accept: b", "Accept: a", "X-Latin: \xe9", "SOAPAction: \"x\"", "Authorization: Basic YTpi",
       "MS-ASProtocolVersion: 16.1", "X-RequestId: {7}:1", "Content-Type: application/mapi-http"]


def test_names_keep_their_case_and_order_both_ways(net, lb):
    lines = [line.encode("latin-1") for line in ODD]
    reply = b"\r\n".join([b"HTTP/1.1 200 Fine indeed", *lines, b"Set-Cookie: a", b"Set-Cookie: b",
                          b"content-length: 2", b"", b"ok"])
    with origin(net, tell=lambda *_: reply) as o:
        lb.up(config({"web": raw(forwarded_for="off")}))
        with client(net) as c:
            ask = b"\r\n".join([b"POST /a%2Fb/../c;d?e=%41&f HTTP/1.1", b"hOST: lab", *lines,
                                b"content-LENGTH: 0", b"", b""])
            c.socket.sendall(ask)
            assert c.exactly(len(reply)) == reply
        assert o.heads()[0] == ask


# --- bodies

def test_a_large_download_is_byte_exact(net, web, large, tmp_path):
    os.link(large, f"{web}/100m") if os.stat(large).st_dev == os.stat(web).st_dev else \
        os.symlink(large, f"{web}/100m")
    os.chmod(os.path.dirname(large), 0o755)
    curl(net, "-o", f"{tmp_path}/got", f"{URL}/100m")
    assert digest(f"{tmp_path}/got") == digest(large)


@pytest.mark.parametrize("words", [(), ("-H", "Transfer-Encoding: chunked")],
                         ids=["length", "chunked"])
def test_a_large_upload_is_byte_exact(net, web, large, words):
    curl(net, *words, "-T", large, f"{URL}/put/up")
    assert digest(f"{web}/up") == digest(large)


def test_both_large_bodies_at_once(net, lb, large):
    """An echo: what the client sends comes back while it is still sending."""
    def echo(connection):
        peer = Peer(connection, 30)
        head = peer.head()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: " +
                           field(head, "Content-Length")[0].encode() + b"\r\n\r\n" + peer.data)
        left = int(field(head, "Content-Length")[0]) - len(peer.data)
        while left:
            part = connection.recv(1 << 18)
            connection.sendall(part)
            left -= len(part)

    with Server(net.mail1, MAIL["mail1"][0], RAW, echo):
        lb.up(config({"web": raw()}))
        with client(net) as c:
            c.socket.sendall(get("/", f"Content-Length: {SIZE}", method="POST"))

            def send():
                with open(large, "rb") as f:
                    while part := f.read(1 << 20):
                        c.socket.sendall(part)

            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            c.head()
            total, left = hashlib.sha256(c.data), SIZE - len(c.data)
            while left:
                part = c.socket.recv(1 << 18)
                assert part
                total.update(part)
                left -= len(part)
            sender.join(10)
            assert total.hexdigest() == digest(large)


def test_chunks_and_trailers_pass_as_they_are(net, lb):
    body = b"5;a=b\r\nhello\r\n006\r\n world\r\n0\r\nX-Sum: 7\r\nx-Other:8\r\n\r\n"
    reply = b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    got = []

    def serve(connection):
        peer = Peer(connection)
        peer.head()
        got.append(peer.exactly(len(body)))
        connection.sendall(reply)
        peer.rest()

    with Server(net.mail1, MAIL["mail1"][0], RAW, serve):
        lb.up(config({"web": raw()}))
        with client(net) as c:
            c.socket.sendall(get("/", "Transfer-Encoding: chunked", method="POST") + body)
            assert c.exactly(len(reply)) == reply
            assert got == [body]


def test_gzip_passes_untouched(net, web):
    with open(f"{web}/text", "w") as f:
        f.write("again and again " * 5000)
    got = net.client.run("sh", "-c", f"curl -sS -H 'Accept-Encoding: gzip' {URL}/zip/text | base64")
    assert gzip.decompress(base64.b64decode(got.stdout)) == b"again and again " * 5000


def test_a_body_that_ends_with_its_connection_is_whole(net, lb):
    def until_close(connection):
        Peer(connection).head()
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100000)

    with Server(net.mail1, MAIL["mail1"][0], RAW, until_close):
        lb.up(config({"web": raw()}))
        with client(net) as c:
            c.socket.sendall(get())
            head = c.head()
            assert field(head, "Connection") == ["close"]
            assert c.rest() == b"x" * 100000


@pytest.mark.parametrize("how", ["small", "cut"])
@pytest.mark.parametrize("words", [(), ("-H", "Transfer-Encoding: chunked"),
                                   ("-H", "Expect: 100-continue")])
def test_an_answer_before_the_end_of_an_upload_reaches_the_client(net, web, large, how, words):
    """nginx refuses the body and closes, with or without reading what is still on its way."""
    expect = () if words else ("-H", "Expect:")
    said = curl(net, *expect, *words, "-o", "/dev/null", "-w", "%{http_code}", "-T", large,
                f"{URL}/{how}/x", check=False)
    assert said == "413"
    assert "mail1" in curl(net, f"{URL}/count")


# --- other proxies before and behind

def test_haproxy_in_front(net, lb, large, tmp_path):
    with haproxy(net, "far", f"{VIP_7}:80", 8070), nginx(net, "mail1") as files:
        lb.up(config({"web": raw()}))
        local = "http://127.0.0.1:8070"
        for _ in range(30):
            assert "mail1" in net.far.run("curl", "-sS", f"{local}/count").stdout
        said = net.far.run("curl", "-sS", f"{local}/said").stdout.split("|")
        assert [a.strip() for a in said[1].split(",")] == ["127.0.0.1", "10.1.0.50"]
        net.far.run("curl", "-sS", "-T", large, f"{local}/put/up")
        assert digest(f"{files}/up") == digest(large)
        net.far.run("curl", "-sS", "-o", f"{tmp_path}/got", f"{local}/up")
        assert digest(f"{tmp_path}/got") == digest(large)


def test_haproxy_behind(net, lb, large, tmp_path):
    with nginx(net, "mail2", 8060) as files, haproxy(net, "mail1", f"{MAIL['mail2'][0]}:8060", RAW):
        lb.up(config({"web": raw()}))
        said = curl(net, *[f"{URL}/count"] * 30)
        assert said.count("mail2") == 30
        said = curl(net, f"{URL}/said").split("|")
        assert said[1].replace(" ", "").split(",")[0] == CLIENT
        curl(net, "-H", "Transfer-Encoding: chunked", "-T", large, f"{URL}/put/up")
        assert digest(f"{files}/up") == digest(large)
        curl(net, "-o", f"{tmp_path}/got", f"{URL}/up")
        assert digest(f"{tmp_path}/got") == digest(large)


def test_what_was_answered_is_counted_by_its_hundred(net, lb):
    kinds = {b"/2": "204 No Content", b"/3": "302 Found", b"/4": "404 Not Found",
             b"/5": "500 Internal Server Error"}
    with origin(net, tell=lambda head, *_: page(b"", status=kinds[head.split()[1]])):
        lb.up(config({"web": raw()}))
        with client(net) as c:
            for path, times in (("/2", 4), ("/3", 3), ("/4", 2), ("/5", 1)):
                for _ in range(times):
                    c.ask(get(path), has_body=path != "/2")
            c.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert status(c.head()) == 400

    def counted():
        rows = statistics(lb)
        return [[rows[n][f"hrsp_{d}xx"] for d in "2345"] for n in ("FRONTEND", "mail1")] == [
            ["4", "3", "3", "1"], ["4", "3", "2", "1"]]

    wait_for("the counters", counted)
    rows = statistics(lb)
    assert rows["FRONTEND"]["ereq"] == "1" and rows["FRONTEND"]["req_tot"] == "10"
    shown = json.loads(lb.call("report", "l7", "--json").stdout)[0]
    assert shown["hrsp_2xx"] == 4
