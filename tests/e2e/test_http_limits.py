# SPDX-License-Identifier: GPL-2.0-only
"""max_body: what a request may bring, and what becomes of one that brings more."""

import os

import pytest

from lab.config import config
from lab.http import Stage, client, get, nginx, origin, raw, status
from lab.layer7 import VIP_7, statistics
from lab.space import wait_for

LIMIT = 1 << 20
URL = f"http://{VIP_7}"


@pytest.fixture
def log(net):
    return os.path.join(net.directory, f"limits-{os.urandom(4).hex()}.log")


@pytest.fixture
def upload(tmp_path):
    def make(size):
        path = tmp_path / str(size)
        path.write_bytes(os.urandom(size))
        return path
    return make


def flags(log, count):
    """What the count-th line of the session log says of the request's end."""
    def read():
        with open(log) as f:
            lines = f.read().splitlines()
        return lines[count - 1] if len(lines) >= count else None
    line = wait_for(f"line {count} of the log", read)
    return line.split()[5], line.split()[9]


def put(net, path, *words, to="/put/x"):
    """The status that an upload by curl gets."""
    return net.client.run("curl", "-sS", "--max-time", "20", "-o", "/dev/null", "-w",
                          "%{http_code}", *words, "-T", path, URL + to, check=False).stdout


def limited(**more):
    return raw(max_body=LIMIT, **more)


@pytest.mark.parametrize("words", [("-H", "Expect:"), ("-H", "Expect: 100-continue")],
                         ids=["at once", "expect"])
def test_a_length_above_the_limit_never_reaches_a_server(net, lb, log, upload, words):
    with origin(net) as o:
        lb.up(config({"web": limited()}, l7={"logging": log}))
        assert put(net, upload(LIMIT + 1), *words) == "413"
        assert (o.requests, o.connections) == ([], 0)
    assert flags(log, 1) == ("413", "PR--")
    assert int(statistics(lb)["FRONTEND"]["ereq"]) == 1


CHUNKED = ("-H", "Transfer-Encoding: chunked", "-H", "Expect:")


@pytest.mark.parametrize("words", [("-H", "Expect:"), ("-H", "Expect: 100-continue"), CHUNKED],
                         ids=["at once", "expect", "chunked"])
def test_a_body_of_just_the_limit_passes(net, lb, upload, words):
    path = upload(LIMIT)
    with nginx(net, "mail1") as files:
        lb.up(config({"web": limited()}))
        assert put(net, path, *words) in ("201", "204")
        with open(f"{files}/x", "rb") as f:
            assert f.read() == path.read_bytes()


def test_curl_gets_the_413_of_a_chunked_body_too(net, lb, upload):
    with nginx(net, "mail1"):
        lb.up(config({"web": limited()}))
        assert put(net, upload(8 * LIMIT), *CHUNKED) == "413"
        assert "mail1" in net.client.run("curl", "-sS", f"{URL}/count").stdout


def test_a_chunked_body_is_cut_where_it_passes_the_limit(net, lb, log):
    with Stage(net) as stage:
        lb.up(config({"web": limited()}, l7={"logging": log}))
        with client(net) as c:
            part = b"80000\r\n" + b"x" * 0x80000 + b"\r\n"
            c.socket.sendall(get("/", "Transfer-Encoding: chunked", method="POST") + 2 * part)
            server = stage.next()
            server.head()
            assert server.exactly(2 * len(part)) == 2 * part
            c.socket.sendall(b"1\r\ny\r\n0\r\n\r\n")
            assert server.rest() == b""
            head, body = c.message()
            assert status(head) == 413
            assert str(LIMIT).encode() in body and b"max_body" in body and b"web" in body
            assert c.rest() == b""
    assert flags(log, 1) == ("413", "PH--")


def test_an_answer_that_came_first_is_cut_with_the_request(net, lb, log):
    with Stage(net) as stage:
        lb.up(config({"web": limited()}, l7={"logging": log}))
        with client(net) as c:
            c.socket.sendall(get("/", "Transfer-Encoding: chunked", method="POST"))
            server = stage.next()
            server.head()
            server.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi")
            c.until(b"hi")
            c.socket.sendall(b"100001\r\n")
            assert c.rest() == b""
            assert server.rest() == b""
    assert flags(log, 1) == ("200", "PD--")


def test_outlook_anywhere_announces_what_it_wants(net, lb):
    with Stage(net) as stage:
        lb.up(config({"web": limited()}))
        with client(net) as c:
            c.socket.sendall(get("/rpc/rpcproxy.dll?a:6001", "Content-Length: 1073741824",
                                 method="RPC_IN_DATA") + b"first")
            server = stage.next()
            server.head()
            assert server.exactly(5) == b"first"


def test_the_page_may_be_the_services_own(net, lb, tmp_path):
    page = tmp_path / "413.html"
    page.write_text("<h1>At most a megabyte</h1>\n")
    os.chmod(tmp_path, 0o755)
    lb.up(config({"web": limited(error_pages={"413": str(page)})}))
    with client(net) as c:
        head, body = c.ask(get("/", "Content-Length: 2000000", method="POST"))
    assert (status(head), body) == (413, b"<h1>At most a megabyte</h1>\n")


def test_a_reload_changes_the_limit_for_new_connections(net, lb):
    ask = get("/", "Content-Length: 3", method="POST") + b"abc"
    with origin(net):
        lb.up(config({"web": raw()}))
        with client(net) as before:
            assert status(before.ask(ask)[0]) == 200
            assert "max_body" in lb.reload(config({"web": raw(max_body=2)})).stdout
            with client(net) as after:
                assert status(after.ask(ask)[0]) == 413
            assert status(before.ask(ask)[0]) == 200
