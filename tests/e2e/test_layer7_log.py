# SPDX-License-Identifier: GPL-2.0-only
"""l7.logging: a line for each session and each request, as HAProxy's readers know them (R74)."""

import contextlib
import datetime
import os
import re
import time

import pytest

from lab.clients import Download, answer
from lab.config import config
from lab.http import Peer
from lab.layer7 import CONNECT, VIP_7, counts, l7
from lab.network import CLIENT, MAIL
from lab.space import wait_for

TCP = re.compile(r"(?P<ip>\S+):(?P<port>\d+) \[(?P<date>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3})\] "
                 r"(?P<front>\S+) (?P<back>\S+)/(?P<server>\S+) (?P<times>-?\d+/-?\d+/\d+) "
                 r"(?P<bytes>\d+) (?P<flags>\S\S) \d+/\d+/\d+/\d+/(?P<tries>\+?\d+) (?P<queues>\d+/\d+)$")
HTTP = re.compile(r"(?P<ip>\S+):(?P<port>\d+) \[(?P<date>[^]]+)\] (?P<front>\S+) (?P<back>\S+)/(?P<server>\S+) "
                  r"(?P<times>-?\d+/-?\d+/-?\d+/-?\d+/\d+) (?P<status>-?\d+) (?P<bytes>\d+) - - "
                  r"(?P<flags>\S\S)-- (?P<all>\d+)/\d+/\d+/\d+/(?P<tries>\+?\d+) (?P<queues>\d+/\d+) \"(?P<request>[^\"]*)\"$")
MODES = [("l7-tcp", TCP), ("l7-http", HTTP)]


@pytest.fixture
def log(net):
    path = os.path.join(net.directory, "sessions.log")
    yield path
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def lines(path, count):
    def read():
        with open(path) as f:
            found = f.read().splitlines()
        return found if len(found) >= count else None
    return wait_for(f"{count} lines of the log", read)


def web(mode="l7-tcp", **more):
    return {**l7(weights=(1, None), **more), "mode": mode}


def test_a_session_in_tcp_mode_is_a_line_of_tcplog(net, lb, log):
    lb.up(config({"web": web()}, l7={"logging": log}))
    assert answer(net.client, VIP_7) == "mail1"
    found = TCP.match(lines(log, 1)[0])
    assert found, lines(log, 1)
    assert (found["ip"], found["front"], found["back"], found["server"]) == (
        CLIENT, "web", "web", "mail1")
    assert found["flags"] == "--" and int(found["bytes"]) > 100
    assert -1 not in map(int, found["times"].split("/"))


def test_a_request_is_a_line_of_httplog(net, lb, log):
    lb.up(config({"web": web("l7-http")}, l7={"logging": log}))
    net.client.run("curl", "-sS", f"http://{VIP_7}/name?a=%22b", f"http://{VIP_7}/nothing")
    first, second = (HTTP.match(line) for line in lines(log, 2))
    assert first["request"] == "GET /name?a=%22b HTTP/1.1" and first["status"] == "200"
    assert (first["front"], first["server"], first["flags"]) == ("web", "mail1", "--")
    assert -1 not in map(int, first["times"].split("/"))
    assert second["status"] == "404" and second["port"] == first["port"]


def test_a_client_without_a_server_is_told_apart(net, lb, log, servers):
    nobody = {"check": CONNECT, "port": 4444}
    lb.up(config({"web": web(**nobody), "http": web("l7-http", ports=[81], **nobody)},
                 l7={"logging": log}))
    with pytest.raises(OSError):
        answer(net.client, VIP_7)
    found = TCP.match(lines(log, 1)[0])
    assert found["server"] == "<NOSRV>" and found["flags"] == "SC"
    net.client.run("curl", "-sS", f"http://{VIP_7}:81/x")
    found = HTTP.match(lines(log, 2)[1])
    assert (found["server"], found["status"], found["flags"][0]) == ("<NOSRV>", "503", "S")
    assert found["request"] == "GET /x HTTP/1.1"


def test_what_is_not_http_is_a_bad_request(net, lb, log):
    lb.up(config({"web": web("l7-http")}, l7={"logging": log}))
    with net.client.connect(VIP_7, 80) as s:
        s.sendall(b"\x16\x03\x01\x02\x00 garbage\r\n\r\n")
        assert s.recv(4096).startswith(b"HTTP/1.1 400 ")
    found = HTTP.match(lines(log, 1)[0])
    assert (found["server"], found["status"], found["request"]) == ("<NOSRV>", "400", "<BADREQ>")
    assert found["flags"] == "PR"


SHORT = {"queue": "300ms"}


def crowded(mode):
    """One place at one real."""
    shape = web(mode)
    shape["reals"]["mail1"]["max_connections"] = 1
    return shape


def test_who_waits_in_vain_for_a_place_left_the_queue_by_timeout(net, lb, log):  # R43
    lb.up(config({"web": crowded("l7-tcp")}, timeouts=SHORT, l7={"logging": log}))
    with Download(net.client, VIP_7).socket:
        with net.client.connect(VIP_7, 80) as s:
            s.settimeout(10)
            assert s.recv(1) == b""
        found = TCP.match(lines(log, 1)[0])
    assert (found["server"], found["flags"], found["bytes"]) == ("<NOSRV>", "sQ", "0")
    wait, connect, total = map(int, found["times"].split("/"))
    assert (wait, connect) == (-1, -1) and total >= 300
    assert counts(lb, "web")["queue_timeouts_total"] == 1


def test_a_request_that_waits_in_vain_for_a_place_is_a_503_of_the_queue(net, lb, log):
    lb.up(config({"web": crowded("l7-http")}, timeouts=SHORT, l7={"logging": log}))
    with Download(net.client, VIP_7).socket:
        said = net.client.run("curl", "-sS", "-w", "%{http_code}", "-o", "/dev/null",
                              f"http://{VIP_7}/name")
        assert said.stdout == "503"
        found = HTTP.match(lines(log, 1)[0])
    assert (found["server"], found["status"], found["flags"]) == ("<NOSRV>", "503", "sQ")
    assert found["request"] == "GET /name HTTP/1.1"
    asked, wait, connect, answered, total = map(int, found["times"].split("/"))
    assert (wait, connect, answered) == (-1, -1, -1) and total >= 300


@pytest.mark.parametrize("mode, line", MODES, ids=["tcp", "http"])
def test_who_waited_says_as_which(net, lb, log, mode, line):  # R43
    lb.up(config({"web": crowded(mode)}, l7={"logging": log}))
    waiting = []
    with Download(net.client, VIP_7).socket:
        for count in (1, 2):
            waiting.append(net.client.connect(VIP_7, 80))
            waiting[-1].sendall(b"GET /name HTTP/1.0\r\n\r\n")
            wait_for("it to wait", lambda n=count: counts(lb, "web")["queued_total"] == n)
    for s in waiting:
        with Peer(s) as c:  # whose place the next one gets
            assert b"mail1" in c.rest()
    found = [line.match(text) for text in lines(log, 3)]
    assert [f["queues"] for f in found] == ["0/0", "0/1", "0/2"]
    assert {f["server"] for f in found} == {"mail1"} and {f["tries"] for f in found} == {"0"}
    assert all(int(f["times"].split("/")[1 if mode == "l7-http" else 0]) > 0 for f in found[1:])


@pytest.mark.parametrize("mode, line", MODES, ids=["tcp", "http"])
def test_who_went_to_another_server_has_a_plus(net, lb, log, mode, line):
    """mail1 refuses connects and nobody checks it."""
    shape = web(mode, check={"type": "on"})
    shape["reals"]["mail1"]["port"] = 4444
    shape["reals"]["mail2"] = {"ip": MAIL["mail2"][0], "weight": 1}
    lb.up(config({"web": shape}, l7={"logging": log}))
    for _ in range(4):
        assert answer(net.client, VIP_7) == "mail2"
    found = [line.match(text) for text in lines(log, 4)]
    assert sorted(f["tries"] for f in found) == ["+1", "+1", "0", "0"]
    assert {f["server"] for f in found} == {"mail2"}


def test_sessions_of_all_processes_are_counted(net, lb, log):
    crowd = 6 * len(os.sched_getaffinity(0))  # so that none has them all
    lb.up(config({"web": web("l7-http")}, l7={"logging": log}))
    with contextlib.ExitStack() as stack:
        for _ in range(crowd):
            stack.enter_context(net.client.connect(VIP_7, 80))
        wait_for("all to be there", lambda: counts(lb, "web")["current_sessions"] == crowd)
        assert answer(net.client, VIP_7) == "mail1"
        assert HTTP.match(lines(log, 1)[0])["all"] == str(crowd + 1)


def test_the_date_is_local_time(net, lb, log):
    """Of a zone in the words of POSIX, fourteen hours before anybody else."""
    lb.write(config({"web": web()}, l7={"logging": log}))
    lb.space.run("env", "TZ=XYZ-14", *lb.words("up", "eth0", "-c", lb.config))
    before = time.time()
    assert answer(net.client, VIP_7) == "mail1"
    date = TCP.match(lines(log, 1)[0])["date"]
    said = datetime.datetime.strptime(date + "+1400", "%d/%b/%Y:%H:%M:%S.%f%z").timestamp()
    assert before - 1 < said < time.time() + 1


def test_logging_on_speaks_into_the_daemons_log(net, lb):
    lb.up(config({"web": web()}, l7={"logging": "on"}))
    assert answer(net.client, VIP_7) == "mail1"
    wait_for("the line", lambda: re.search(r"proxy\S* info: \S+ \[.*\] web web/mail1 ", lb.log()))
