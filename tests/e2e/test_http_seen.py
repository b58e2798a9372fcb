# SPDX-License-Identifier: GPL-2.0-only
"""What an operator sees of HTTP mode: how each request ended, in HAProxy's words, and metrics."""

import os
import re

import pytest

from lab.config import config
from lab.http import Stage, client, field, get, origin, page, raw, status
from lab.layer7 import sessions
from lab.space import run, wait_for

# The fields of HAProxy's httplog (its configuration manual, 8.2.3), each with what it may hold.
LINE = re.compile(
    r"\d+\.\d+\.\d+\.\d+:\d+ \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] "
    r"(?P<frontend>[^ ~]+~?) (?P<backend>[^ /]+)/(?P<server>\S+) "
    r"(?P<tr>-?\d+)/(?P<tw>-?\d+)/(?P<tc>-?\d+)/(?P<tresp>-?\d+)/\+?(?P<ta>\d+) "
    r"(?P<status>-?\d+) \+?(?P<bytes>\d+) - - (?P<flags>[-CSPRLHcs][-RQCHDLT][-NIDVEOU][-NIUPRD]) "
    r"\d+/\d+/\d+/\d+/\+?\d+ \d+/\d+ \"(?P<request>[^\"]*)\"$")


@pytest.fixture
def log(net):
    return os.path.join(net.directory, f"http-{os.urandom(4).hex()}.log")


def last(log, count=1):
    """The count-th line, read as HAProxy's readers do."""
    def read():
        with open(log) as f:
            lines = f.read().splitlines()
        return lines[count - 1] if len(lines) >= count else None

    line = wait_for(f"line {count} of the log", read)
    found = LINE.match(line)
    assert found, line
    return found


SHORT = {"request": "2s", "client": "4s", "server": "2s", "connect": "1s"}


def test_the_log_says_who_ended_a_request_and_when(net, lb, log):  # R74
    def begin(c, stage, *fields, method="GET"):
        c.socket.sendall(get("/x", *fields, method=method))
        server = stage.next()
        server.head()
        return server

    def client_goes_before_the_answer(c, stage):
        begin(c, stage)
        c.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER: a reset
        c.socket.close()

    def client_goes_within_the_answer(c, stage):
        server = begin(c, stage)
        server.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
        c.head()
        c.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")
        c.socket.close()

    def server_goes_before_the_answer(c, stage):
        begin(c, stage, "Content-Length: 0", method="POST").socket.close()
        assert status(c.head()) == 502

    def server_goes_within_the_answer(c, stage):
        server = begin(c, stage)
        server.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
        server.socket.close()
        c.rest()

    def server_is_silent(c, stage):
        begin(c, stage)
        assert status(c.head()) == 504

    def client_is_slow(c, stage):
        c.socket.sendall(b"GET / HTTP")
        assert status(c.head()) == 408

    def server_makes_no_sense(c, stage):
        begin(c, stage).socket.sendall(b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n")
        assert status(c.head()) == 502

    def all_is_well(c, stage):
        begin(c, stage).socket.sendall(page("ok", "Connection: close"))
        assert c.message()[1] == b"ok"

    cases = [(all_is_well, 200, "--"), (client_goes_before_the_answer, None, "CH"),
             (client_goes_within_the_answer, 200, "CD"), (server_goes_before_the_answer, 502, "SH"),
             (server_goes_within_the_answer, 200, "SD"), (server_is_silent, 504, "sH"),
             (client_is_slow, 408, "cR"), (server_makes_no_sense, 502, "PH")]
    with Stage(net) as stage:
        lb.up(config({"web": raw(timeouts=SHORT)}, l7={"logging": log}))
        for n, (play, code, flags) in enumerate(cases, 1):
            with client(net) as c:
                play(c, stage)
                found = last(log, n)
            assert found["flags"][:2] == flags, (play.__name__, found[0])
            if code:
                assert int(found["status"]) == code, (play.__name__, found[0])


def test_each_page_of_ours_is_the_services_file(net, lb, tmp_path):
    os.chmod(tmp_path, 0o755)
    pages = {code: tmp_path / f"{code}.html" for code in (400, 408, 431, 502, 503, 504)}
    for code, file in pages.items():
        file.write_text(f"page {code}")

    def slow(c, stage):
        c.socket.sendall(b"GET / HTTP")

    def endless(c, stage):
        c.socket.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 17000)

    def nonsense(c, stage):
        c.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")

    def server_leaves(c, stage):
        c.socket.sendall(get("/x", "Content-Length: 0", method="POST"))
        stage.next().socket.close()

    def server_is_silent(c, stage):
        c.socket.sendall(get("/x"))
        stage.next().head()

    def nobody(c, stage):
        lb.call("halt", "web/mail1")
        c.socket.sendall(get("/x"))

    with Stage(net) as stage:
        lb.up(config({"web": raw(timeouts=SHORT, error_pages={
            str(code): str(file) for code, file in pages.items()})}))
        for code, play in ((408, slow), (431, endless), (400, nonsense), (502, server_leaves),
                           (504, server_is_silent), (503, nobody)):
            with client(net) as c:
                play(c, stage)
                head, body = c.message()
                assert (status(head), body) == (code, f"page {code}".encode())
                assert field(head, "X-Request-Id") and field(head, "Connection") == ["close"]


def test_a_log_that_was_moved_away_is_opened_anew_by_a_reload(net, lb, log):
    with origin(net):
        lb.up(config({"web": raw()}, l7={"logging": log}))
        with client(net) as c:
            c.ask(get("/1"))
            assert last(log)["request"] == "GET /1 HTTP/1.1"
            os.rename(log, log + ".1")
            lb.reload()
            c.ask(get("/2"))
            assert last(log)["request"] == "GET /2 HTTP/1.1"


def test_a_log_line_cannot_be_forged(net, lb, log):
    with origin(net):
        lb.up(config({"web": raw()}, l7={"logging": log}))
        with client(net) as c:
            c.socket.sendall(b"GET /\"x\xe4\x7f HTTP/1.1\r\nHost: a\r\n\r\n")
            c.head()
        with open(log, "rb") as f:
            wait_for("the line", lambda: os.path.getsize(log) > 0)
            text = f.read()
        assert text.count(b"\n") == 1 and text.isascii()
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", text)


def test_metrics_of_http_pass_promtool(net, lb):
    with origin(net):
        lb.up(config({"web": raw()}))
        with client(net) as c:
            for _ in range(5):
                c.ask(get())
        text = lb.space.run("curl", "-sS", "http://127.0.0.1:9443/metrics").stdout
    assert run("promtool", "check", "metrics", input_text=text).stdout == ""
    for line in ('service_http_requests_total{service="web"} 5',
                 'real_http_requests_total{service="web",real="mail1"} 5',
                 'service_http_responses_total{service="web",code="2xx"} 5',
                 'service_reused_connections_total{service="web"} 4',
                 'real_response_seconds_count{service="web",real="mail1"} 5'):
        assert f"\nlbxdp_l7_{line}\n" in text, line


def test_report_sessions_names_the_state_of_each(net, lb):
    def states():
        return sorted(s["state"] for s in sessions(lb))

    with Stage(net) as stage:
        lb.up(config({"web": raw()}))
        with client(net) as idle, client(net) as busy:
            idle.socket.sendall(get())
            stage.next().socket.sendall(page("ok"))
            idle.message()
            busy.socket.sendall(get("/", "Content-Length: 0", method="POST"))
            stage.next().head()
            wait_for("both", lambda: len(states()) == 2)
            assert states() == ["http", "http"]
