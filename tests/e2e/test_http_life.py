# SPDX-License-Identifier: GPL-2.0-only
"""HTTP mode over time: reload under load, and orders."""

import os
import re
import select
import threading

import pytest

from lab.browsers import Browsers, shapes
from lab.config import HTTPS, config
from lab.http import (RAW, Peer, client, client_context, field, get, http, origin, page, raw,
                      status)
from lab.layer7 import VIP_7, Server, proxies, statistics
from lab.network import MAIL
from lab.servers import NAME


def identity(net, directory):
    path = f"{directory}/mail.pem"
    with open(f"{net.directory}/cert.pem") as c, open(f"{net.directory}/key.pem") as k:
        text = c.read() + k.read()
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)
    return path


# --- reload

def test_reload_under_load_fails_no_request(net, lb):  # R56
    lb.up(config({"web": http()}))
    before = proxies(lb)
    with Browsers(net) as load:
        for shape in shapes():
            lb.reload(config({"web": shape, "other": http(ports=[8080])}))
            load.more(60)
            lb.reload(config({"web": shape}))
            load.more(60)
    assert load.failures == []
    assert proxies(lb) == before
    assert load.connections == 3  # nobody was sent away, either


def test_wrk_sees_no_error_while_reloads_go_on(net, lb):
    lb.up(config({"web": http()}))
    child = net.client.spawn("wrk", "-t1", "-c20", "-d6s", f"http://{VIP_7}/name", stdout=-1,
                             text=True)
    rounds = 0
    while child.poll() is None:
        for shape in shapes():
            lb.reload(config({"web": shape}))
            rounds += 1
    said = child.communicate()[0]
    assert rounds >= 8
    assert int(re.search(r"(\d+) requests in", said)[1]) > 100
    assert "Socket errors" not in said and "Non-2xx" not in said, said


def test_h2load_gets_every_answer_it_asks_for(net, lb):
    lb.up(config({"web": http()}))
    said = net.client.run("h2load", "--h1", "-n3000", "-c30", "-t1", "-N10s",
                          f"http://{VIP_7}/name", timeout=60).stdout
    assert "3000 succeeded, 0 failed, 0 errored, 0 timeout" in said, said
    assert "status codes: 3000 2xx" in said, said
    assert statistics(lb)["FRONTEND"]["req_tot"] == "3000"


def test_new_certificates_under_load_fail_no_request(net, lb, tmp_path):
    context = client_context(net)
    pem = identity(net, tmp_path)
    shape = http(ports=[443], tls={"certificates": [pem]}, check=HTTPS)
    for real in shape["reals"].values():
        real.update(port=443, reencrypt="on", verify="none", sni=NAME)
    lb.up(config({"web": shape}))
    with Browsers(net, 2, 443, context) as load:
        for n in range(5):
            identity(net, tmp_path)
            lb.reload(config({"web": {**shape, "request_headers": {"set": {"X-N": str(n)}}}}))
            load.more(40)
    assert load.failures == []


# --- orders

class Held(Server):
    """Takes requests and answers each when it is told to."""

    def __init__(self, net, name):
        super().__init__(net.spaces[name], MAIL[name][0], RAW, self.hold)
        self.asked, self.go, self.name = threading.Event(), threading.Event(), name

    def hold(self, connection):
        peer = Peer(connection, 30)
        while True:
            peer.message()
            self.asked.set()
            self.go.wait(30)
            connection.sendall(page(self.name))


def test_a_service_that_goes_answers_what_it_was_asked_and_says_goodbye(net, lb):
    with Held(net, "mail1") as held:
        lb.up(config({"web": http(), "other": raw(ports=[8080])}))
        with client(net, 8080) as running, client(net, 8080) as idle:
            idle.socket.sendall(get())
            held.go.set()
            assert idle.message()[1] == b"mail1"
            held.go.clear()
            held.asked.clear()
            running.socket.sendall(get())
            held.asked.wait(10)
            lb.reload(config({"web": http()}))
            held.go.set()
            head, body = running.message()
            assert (body, field(head, "Connection")) == (b"mail1", ["close"])
            assert running.rest() == b""
            head, body = idle.ask(get())  # nobody is there to be asked
            assert (status(head), field(head, "Connection")) == (503, ["close"])
            assert idle.rest() == b""


def test_drain_lets_the_request_finish_and_the_next_goes_elsewhere(net, lb):  # R107
    with Held(net, "mail1") as held, origin(net, "mail2", lambda *_: page("mail2")):
        lb.up(config({"web": raw(weights=(100, 100))}))
        with client(net) as c:
            while not held.asked.is_set():  # until it is mail1's turn
                c.socket.sendall(get())
                if select.select([c.socket], [], [], 0.2)[0]:
                    assert c.message()[1] == b"mail2"
            lb.call("drain", "web/mail1")
            assert c.said_nothing()
            held.go.set()
            assert c.message()[1] == b"mail1"
            for _ in range(4):
                assert c.ask(get())[1] == b"mail2"
            lb.call("online", "web/mail1")
            assert {c.ask(get())[1] for _ in range(4)} == {b"mail1", b"mail2"}


def test_halt_cuts_the_running_request_and_nobody_else(net, lb):  # R107
    with Held(net, "mail1") as held, origin(net, "mail2", lambda *_: page("mail2")):
        lb.up(config({"web": raw(weights=(100, None, None))}))
        with client(net) as c, client(net) as other:
            c.socket.sendall(get("/", "Content-Length: 0", method="POST"))
            held.asked.wait(10)
            lb.reload(config({"web": raw(weights=(100, 100))}))
            lb.call("drain", "web/mail1")
            assert other.ask(get())[1] == b"mail2"
            lb.call("halt", "web/mail1")
            with pytest.raises(ConnectionError):
                c.more()
            assert other.ask(get())[1] == b"mail2"


# --- a server that goes down while it works on a request

class Patient(Server):
    """Passes its check until it is out, and answers all else when it is told to."""

    def __init__(self, net):
        super().__init__(net.mail1, MAIL["mail1"][0], RAW, self.work)
        self.asked, self.go, self.out = threading.Event(), threading.Event(), False

    def work(self, connection):
        peer = Peer(connection, 60)
        while True:
            head, _ = peer.message()
            if b"/health.htm " in head:
                connection.sendall(page("", status="503 Out") if self.out else page("200 OK"))
                continue
            self.asked.set()
            self.go.wait(60)
            connection.sendall(page("late"))


@pytest.mark.parametrize("how", ["refuses", "answers 503"])
@pytest.mark.parametrize("on_down", ["auto", "keep", "reset"])
def test_on_down_decides_about_the_request_that_is_under_way(net, lb, on_down, how):
    check = {"type": "http", "request": "health.htm", "expect": "200 OK"}
    with Patient(net) as server:
        lb.up(config({"web": raw(check=check, on_down=on_down)}))
        with client(net) as c:
            c.socket.sendall(get("/x"))
            assert server.asked.wait(10)
            if how == "refuses":
                server.stop()
            server.out = True
            lb.wait_real("web/mail1", status="down")
            if on_down == "reset" or (on_down == "auto" and how == "refuses"):
                with pytest.raises(ConnectionResetError):
                    c.more()
            else:
                assert c.said_nothing()
                server.go.set()
                assert c.message()[1] == b"late"
                assert status(c.ask(get("/x"))[0]) == 503  # there is nobody else
        server.go.set()
