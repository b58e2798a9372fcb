# SPDX-License-Identifier: GPL-2.0-only
"""HTTP mode and what Exchange's clients do: Outlook Anywhere, MAPI over HTTP, ActiveSync, NTLM,
Kerberos tickets, 100-continue."""

import base64
import itertools
import os
import time

import pytest

from lab.config import config
from lab.http import (OK, RAW, Origin, Stage, client, field, get, nginx, origin, page, raw,
                      status)
from lab.layer7 import VIP_7, statistics
from lab.network import MAIL
from lab.proc import no_session_left

MAIL1 = MAIL["mail1"][0]


@pytest.fixture
def stage(net):
    with Stage(net) as s:
        yield s


# --- Outlook Anywhere (RPC over HTTP)

GIGABYTE = "Content-Length: 1073741824"


def test_outlook_anywhere_has_both_its_channels(net, lb, stage):
    """RPC_IN_DATA announces a gigabyte that never comes, RPC_OUT_DATA answers beside it; each byte
    passes at once, and leaving early is no error."""
    lb.up(config({"web": raw()}))
    with client(net) as into, client(net) as out:
        into.socket.sendall(get("/rpc/rpcproxy.dll?mail:6002", GIGABYTE, method="RPC_IN_DATA"))
        in_server = stage.next()
        assert in_server.head().startswith(b"RPC_IN_DATA /rpc/rpcproxy.dll?mail:6002 HTTP/1.1\r\n")
        out.socket.sendall(get("/rpc/rpcproxy.dll?mail:6002", "Content-Length: 76",
                               method="RPC_OUT_DATA") + b"c" * 76)
        out_server = stage.next()
        assert out_server.message()[1] == b"c" * 76
        out_server.socket.sendall(f"HTTP/1.1 200 Success\r\n{GIGABYTE}\r\n\r\n".encode())
        assert field(out.head(), "Content-Length") == ["1073741824"]
        for size in (1, 1, 20, 104, 4096, 1, 1):
            into.socket.sendall(b"i" * size)
            assert in_server.exactly(size) == b"i" * size
            out_server.socket.sendall(b"o" * size)
            assert out.exactly(size) == b"o" * size
        into.socket.close()
        assert in_server.rest() == b""
        out_server.socket.close()
        assert out.rest() == b""
        in_server.socket.close()
    no_session_left(lb)
    row = statistics(lb)["mail1"]
    assert (row["cli_abrt"], row["srv_abrt"], row["eresp"]) == ("0", "0", "0")


def test_outlook_anywhere_outlasts_the_rate_that_bodies_must_have(net, lb, stage):  # F17
    lb.up(config({"web": raw(timeouts={"request": "300ms"})}))
    with client(net) as slow, client(net) as into:
        into.socket.sendall(get("/rpc/", GIGABYTE, method="RPC_IN_DATA"))
        in_server = stage.next()
        in_server.head()
        slow.socket.sendall(get("/", GIGABYTE, method="POST"))
        stage.next()
        assert status(slow.head()) == 408  # who is no RPC has met his end
        into.socket.sendall(b"still here")
        assert in_server.exactly(10) == b"still here"


# --- MAPI over HTTP

def test_each_chunk_arrives_before_the_next_is_sent(net, lb, stage):
    lb.up(config({"web": raw()}))
    with client(net) as c:
        c.socket.sendall(get("/mapi/", "Content-Length: 3", "X-RequestType: NotificationWait",
                             "Content-Type: application/mapi-http", method="POST") + b"abc")
        server = stage.next()
        assert server.message()[1] == b"abc"
        server.socket.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                              b"Content-Type: application/mapi-http\r\nX-ResponseCode: 0\r\n\r\n")
        assert field(c.head(), "Transfer-Encoding") == ["chunked"]
        for word in (b"PROCESSING\r\n", *[b"PENDING\r\n"] * 5, b"DONE\r\n", b"X-Elapsed: 9\r\n"):
            chunk = b"%x\r\n%s\r\n" % (len(word), word)
            for piece in (chunk[:1], chunk[1:4], chunk[4:]):
                server.socket.sendall(piece)
                assert c.exactly(len(piece)) == piece
        server.socket.sendall(b"0\r\n\r\n")
        assert c.exactly(5) == b"0\r\n\r\n"


def test_a_request_body_is_not_collected_either(net, lb, stage):
    lb.up(config({"web": raw()}))
    with client(net) as c:
        c.socket.sendall(get("/", "Transfer-Encoding: chunked", method="POST"))
        server = stage.next()
        server.head()
        for piece in (b"3", b"\r\n", b"a", b"bc", b"\r\n0\r\n", b"\r\n"):
            c.socket.sendall(piece)
            assert server.exactly(len(piece)) == piece
        server.socket.sendall(OK)
        assert c.message()[1] == b"ok"


# --- ActiveSync's long polls

def test_a_long_poll_is_answered_within_the_servers_timeout_and_cut_behind_it(net, lb, stage):
    lb.up(config({"web": raw(timeouts={"server": "4s", "client": "1s", "request": "1s"})}))
    with client(net) as c:
        ask = get("/Microsoft-Server-ActiveSync?Cmd=Ping", "Content-Length: 1", method="POST")
        c.socket.sendall(ask + b"p")
        server = stage.next()
        server.message()
        # The client's own timeouts have nothing to say while the server is the one to speak.
        with pytest.raises(TimeoutError):
            c.socket.settimeout(1.5)
            c.more()
        server.socket.sendall(OK)
        c.socket.settimeout(10)
        assert c.message()[1] == b"ok"
        began = time.monotonic()
        c.socket.sendall(ask + b"p")
        server.message()
        assert status(c.message()[0]) == 504
        assert time.monotonic() - began > 3.5
        assert server.rest() == b""


# --- NTLM: a connection that has logged in belongs to one client

class Ntlm(Origin):
    """Knows its clients by their connection, as IIS does: who has said the third message there is
    that user, whatever comes next."""

    def __init__(self, space, address=MAIL1):
        self.user, self.healthy = {}, True
        super().__init__(space, address, RAW, self.judge)

    def judge(self, head, body, connection):
        if b"healthcheck.htm" in head.partition(b"\r\n")[0]:
            return page("200 OK") if self.healthy else page("", status="503 Out")
        said = (field(head, "Authorization") or [""])[0]
        if said.startswith("NTLM 3-"):
            self.user[connection] = said[len("NTLM 3-"):]
        user = self.user.get(connection)
        if user:
            return page(f"{user} {connection}")
        challenge = "NTLM 2" if said == "NTLM 1" else "NTLM"
        return page("", f"WWW-Authenticate: {challenge}", "WWW-Authenticate: Negotiate",
                    status="401 Unauthorized")


def test_ntlm_logs_in_a_connection_and_nobody_else_gets_it(net, lb):
    with Ntlm(net.mail1) as server:
        lb.up(config({"web": raw()}))
        users = {name: client(net) for name in ("ada", "bob", "eve")}
        for step in ("", "Authorization: NTLM 1"):
            for c in users.values():
                head, _ = c.ask(get("/ews", *([step] if step else [])))
                assert status(head) == 401
                wanted = ["NTLM 2" if step else "NTLM", "Negotiate"]
                assert field(head, "WWW-Authenticate") == wanted
        mine = {}
        for name, c in users.items():
            user, mine[name] = c.ask(get("/ews", f"Authorization: NTLM 3-{name}"))[1].split()
            assert user == name.encode()
        assert len(set(mine.values())) == 3
        for name, c in itertools.islice(itertools.cycle(users.items()), 30):
            assert c.ask(get("/ews"))[1].split() == [name.encode(), mine[name]]
            with client(net) as stranger:
                assert status(stranger.ask(get("/ews"))[0]) == 401
        for c in users.values():
            c.socket.close()
        for _ in range(10):
            with client(net) as stranger:
                assert status(stranger.ask(get("/ews"))[0]) == 401
        assert server.connections > 3


def test_a_login_ends_with_the_answer_after_its_server_got_another_address(net, lb):
    def moved(name):
        shape = raw()
        shape["reals"] = {"mail1": {"ip": MAIL[name][0], "port": RAW}}
        return config({"web": shape})

    with Ntlm(net.mail1) as old, origin(net, "mail2") as new:
        lb.up(moved("mail1"))
        with client(net) as c:
            c.ask(get("/ews", "Authorization: NTLM 1"))
            assert c.ask(get("/ews", "Authorization: NTLM 3-ada"))[1].split()[0] == b"ada"
            lb.reload(moved("mail2"))
            head, body = c.ask(get("/ews"))
            assert (body.split()[0], field(head, "Connection")) == (b"ada", ["close"])
            assert c.rest() == b""
        asked = len(old.requests)
        with client(net) as c:
            assert c.ask(get("/ews"))[1] == b"ok"
        assert (len(old.requests), len(new.requests)) == (asked, 1)


def log_in(c, name):
    """The connection on which the server knows this client from now on."""
    c.ask(get("/ews", "Authorization: NTLM 1"))
    return c.ask(get("/ews", f"Authorization: NTLM 3-{name}"))[1].split()


def test_a_login_moves_when_its_protocol_is_taken_out_and_stays_when_drained(net, lb):  # R19, R107
    """Managed availability says 503 for EWS of mail1, whose connections work as before."""
    shape = raw(weights=(100, 100))
    shape["routes"] = [{"path": "/ews", "name": "ews",
                        "check": {"type": "http", "request": "ews/healthcheck.htm"}}]
    with Ntlm(net.mail1) as one, Ntlm(net.mail2, MAIL["mail2"][0]) as two:
        lb.up(config({"web": shape}))
        lb.call("drain", "web:ews/mail2")
        with client(net) as c:
            name, number = log_in(c, "ada")
            lb.call("online", "web:ews/mail2")
            lb.call("drain", "web:ews/mail1")
            for _ in range(3):
                assert c.ask(get("/ews"))[1].split() == [name, number]
            lb.call("online", "web:ews/mail1")
            one.healthy = False
            lb.wait_real("web:ews/mail1", status="down")
            head, body = c.ask(get("/ews"))
            assert (body.split(), field(head, "Connection")) == ([name, number], ["close"])
            assert c.rest() == b""
        asked = len([head for head in one.heads() if b"/ews HTTP" in head])
        with client(net) as c:
            assert log_in(c, "ada")[0] == b"ada"
            assert field(c.ask(get("/ews"))[0], "Connection") == []
        assert "ada" in two.user.values()
        assert len([head for head in one.heads() if b"/ews HTTP" in head]) == asked


def test_curl_logs_in_with_ntlm(net, lb):
    """curl's own dance, which fails when its third message meets another connection."""
    def judge(head, body, connection):
        said = (field(head, "Authorization") or [""])[0]
        kind = base64.b64decode(said[5:])[8:9] if said.startswith("NTLM ") else b""
        if kind == b"\x03" and judge.asked == connection:
            return page("in")
        if kind == b"\x01":
            judge.asked = connection
            challenge = (b"NTLMSSP\0\x02\0\0\0" + b"\0" * 4 + b"\x38\0\0\0" + b"\x05\x82\x08\0" +
                         b"12345678" + b"\0" * 8 + b"\0" * 4 + b"\x38\0\0\0" + b"\0" * 8)
            return page("", "WWW-Authenticate: NTLM " + base64.b64encode(challenge).decode(),
                        status="401 Unauthorized")
        return page("", "WWW-Authenticate: NTLM", status="401 Unauthorized")

    judge.asked = None
    with origin(net, tell=judge):
        lb.up(config({"web": raw()}))
        for _ in range(3):
            assert net.client.run("curl", "-sS", "--ntlm", "-u", "ada:secret", "--max-time", "10",
                                  f"http://{VIP_7}/ews").stdout == "in"


# --- Kerberos tickets

@pytest.mark.parametrize("where", ["l7", "service"])
def test_a_ticket_of_40_kb_needs_a_larger_request_buffer(net, lb, where):  # R55
    ticket = "Authorization: Negotiate " + base64.b64encode(os.urandom(30000)).decode()
    assert len(ticket) > 40000
    with origin(net) as o:
        lb.up(config({"web": raw()}))
        with client(net) as c:
            c.socket.sendall(get("/owa/", ticket))
            head, body = c.message()
            assert status(head) == 431 and field(head, "X-Request-Id")
            assert b"16384" in body and b"request_buffer" in body and b"web" in body
            assert c.rest() == b""
        assert o.requests == []
        assert int(statistics(lb)["FRONTEND"]["ereq"]) == 1
        if where == "l7":
            lb.reload(config({"web": raw()}, l7={"request_buffer": 51200}))
        else:
            lb.reload(config({"web": raw(request_buffer=51200)}))
        with client(net) as c:
            for _ in range(3):
                assert c.ask(get("/owa/", ticket))[1] == b"ok"
        assert all(ticket.encode() in head for head in o.heads())


# --- Expect: 100-continue

EXPECT = ("Expect: 100-continue", "Content-Length: 4")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def expecting(c, stage):
    c.socket.sendall(get("/", *EXPECT, method="POST"))
    server = stage.next()
    assert field(server.head(), "Expect") == ["100-continue"]
    return server


def test_the_server_says_continue_and_the_body_follows(net, lb, stage):
    lb.up(config({"web": raw()}))
    with client(net) as c:
        server = expecting(c, stage)
        server.socket.sendall(CONTINUE)
        assert c.exactly(len(CONTINUE)) == CONTINUE
        c.socket.sendall(b"body")
        assert server.exactly(4) == b"body"
        server.socket.sendall(OK)
        assert c.message()[1] == b"ok"
        assert c.said_nothing()


def test_the_client_does_not_wait_for_continue(net, lb, stage):
    lb.up(config({"web": raw()}))
    with client(net) as c:
        server = expecting(c, stage)
        c.socket.sendall(b"body")
        assert server.exactly(4) == b"body"
        server.socket.sendall(CONTINUE + OK)
        assert c.exactly(len(CONTINUE)) == CONTINUE
        assert c.message()[1] == b"ok"


def test_a_final_answer_instead_of_continue_ends_the_request(net, lb, stage):
    lb.up(config({"web": raw()}))
    with client(net) as c:
        server = expecting(c, stage)
        server.socket.sendall(page("no", "Connection: close", status="401 Unauthorized"))
        head, body = c.message()
        assert (status(head), body) == (401, b"no")
        assert field(head, "Connection") == ["close"]
        assert c.rest() == b""


def test_a_final_answer_first_and_then_the_body_all_the_same(net, lb, stage):
    """RFC 9110 10.1.1: a client may send on after a final answer, so that all stay in step."""
    lb.up(config({"web": raw()}))
    with client(net) as c:
        server = expecting(c, stage)
        server.socket.sendall(page("no", status="401 Unauthorized"))
        assert status(c.message()[0]) == 401
        c.socket.sendall(b"body" + get("/next"))
        assert server.exactly(4) == b"body"
        later = server if server.socket.fileno() >= 0 else stage.next()
        assert later.head().startswith(b"GET /next ")
        later.socket.sendall(OK)
        assert c.message()[1] == b"ok"


def test_a_server_that_closes_without_a_word_after_expect_is_an_error(net, lb, stage):
    lb.up(config({"web": raw()}))
    with client(net) as c:
        expecting(c, stage).socket.close()
        assert status(c.message()[0]) == 502


def test_curl_waits_for_continue_of_nginx(net, lb, tmp_path):
    file = tmp_path / "up"
    file.write_bytes(os.urandom(3 << 20))
    with nginx(net, "mail1") as files:
        lb.up(config({"web": raw()}))
        said = net.client.run("curl", "-sSv", "--expect100-timeout", "30", "-H",
                              "Expect: 100-continue", "-T", file, f"http://{VIP_7}/put/a").stderr
        assert "HTTP/1.1 100 Continue" in said and "HTTP/1.1 201 Created" in said
        with open(f"{files}/a", "rb") as f:
            assert f.read() == file.read_bytes()
