# SPDX-License-Identifier: GPL-2.0-only
"""HTTP mode: what is changed on the way, and who gets a request: headers, paths, redirects,
cookies, routes with checks of their own, pages for errors."""

import contextlib
import json
import os

import pytest

from lab.config import HTTPS, config, service
from lab.http import (NO_CHECK, RAW, client, curl, field, front, get, http, origin, page, raw,
                      status)
from lab.layer7 import VIP_7, counts, header_reader, statistics
from lab.network import CLIENT, CLIENT6, FAR, MAIL, VIP
from lab.servers import NAME


def asked(net, o, *fields, space=None, path="/"):
    """The head that the server got for a request with these fields."""
    with client(net, space=space) as c:
        assert status(c.ask(get(path, *fields))[0]) == 200
    return o.heads()[-1]


# --- who the client is

SAID = ("X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "X-Forwarded-Proto: https")


def whose(head):
    return [", ".join(field(head, name)) for name in
            ("X-Forwarded-For", "Forwarded", "X-Forwarded-Proto")]


FROM_NGINX = f"for={MAIL['mail2'][0]};proto=http"
ME, FROM_ME = CLIENT, f"for={CLIENT};proto=http"
BELIEVED = [f"1.2.3.4, {ME}", f"for=1.2.3.4, {FROM_ME}", "https"]
APPENDED = BELIEVED[:2] + ["http"]


@pytest.mark.parametrize("more, plain, said", [
    ({}, [ME, FROM_ME, "http"], APPENDED),
    ({"forwarded_for": "append"}, [ME, FROM_ME, "http"], APPENDED),
    ({"forwarded_for": "replace"}, [ME, FROM_ME, "http"], [ME, FROM_ME, "http"]),
    ({"forwarded_for": "off"}, ["", "", ""], ["1.2.3.4", "for=1.2.3.4", "https"]),
    ({"trust_forwarded_from": [f"{CLIENT}/32"]}, [ME, FROM_ME, "http"], BELIEVED),
    ({"trust_forwarded_from": [f"{FAR}/32"]}, [ME, FROM_ME, "http"], [ME, FROM_ME, "http"]),
    ({"forwarded_for": "keep", "trust_forwarded_from": [f"{CLIENT}/32"]}, [ME, FROM_ME, "http"],
     ["1.2.3.4", "for=1.2.3.4", "https"]),
    ({"forwarded_for": "keep", "trust_forwarded_from": [f"{FAR}/32"]}, [ME, FROM_ME, "http"],
     [ME, FROM_ME, "http"]),
], ids=["default", "append", "replace", "off", "trusted", "not trusted", "kept", "not kept"])
def test_servers_learn_the_clients_address(net, lb, more, plain, said):  # R11
    with origin(net) as o:
        lb.up(config({"web": raw(**more)}))
        assert whose(asked(net, o)) == plain
        assert whose(asked(net, o, *SAID)) == said
        # Said in two fields, it is one list all the same.
        if said in (APPENDED, BELIEVED):
            both = asked(net, o, "X-Forwarded-For: 9.9.9.9", "X-Forwarded-For: 1.2.3.4")
            assert ", ".join(field(both, "X-Forwarded-For")) == f"9.9.9.9, 1.2.3.4, {ME}"


def test_nginx_before_us_says_who_its_clients_are_because_it_is_trusted(net, lb):
    """Its connections are kept, and each carries requests of several clients; of a stranger
    nothing of the kind is believed."""
    with origin(net) as o, front(net, f"{VIP_7}:80", 8083):
        lb.up(config({"web": raw(trust_forwarded_from=[f"{MAIL['mail2'][0]}/32"])}))
        for space, who in ((net.far, FAR), (net.client, CLIENT), (net.far, FAR)):
            with client(net, 8083, MAIL["mail2"][0], space) as c:
                for _ in range(2):
                    assert c.ask(get("/x", host="mail.example.com"))[1] == b"ok"
                    assert whose(o.heads()[-1]) == [f"{who}, {MAIL['mail2'][0]}", FROM_NGINX,
                                                    "https"]
                    assert field(o.heads()[-1], "X-Forwarded-Host") == ["mail.example.com"]
        assert counts(lb, "web")["sessions_total"] < 6  # kept alive, both ways
        assert {number for number, *_ in o.requests} == {1}
        head = asked(net, o, "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: evil")
        assert whose(head)[0] == ME and field(head, "X-Forwarded-Host") == []


def test_servers_learn_that_it_was_https(net, lb, tmp_path):
    with open(f"{net.directory}/cert.pem") as c, open(f"{net.directory}/key.pem") as k:
        (tmp_path / "mail.pem").write_text(c.read() + k.read())
    with origin(net) as o:
        lb.up(config({"web": raw(ports=[443], tls={"certificates": [str(tmp_path / "mail.pem")]})}))
        assert curl(net, "-k", f"https://{VIP_7}/") == "ok"
        assert whose(o.heads()[0]) == [ME, f"for={ME};proto=https", "https"]


def test_a_client_over_ipv6_is_written_as_rfc_7239_asks(net, lb):
    with origin(net) as o:
        lb.up(config({"web": raw(vip=["fd00:30::12"])}))
        with client(net, address="fd00:30::12") as c:
            c.ask(get())
        assert whose(o.heads()[0]) == [CLIENT6, f'for="[{CLIENT6}]";proto=http', "http"]


def test_a_proxy_header_says_who_the_client_is(net, lb):
    with origin(net) as o:
        lb.up(config({"web": raw(proxy_protocol={"accept": "v1"})}))
        with client(net) as c:
            c.socket.sendall(b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 80\r\n")
            c.ask(get())
            c.ask(get())
        assert {whose(head)[0] for head in o.heads()} == {"203.0.113.7"}
        with client(net) as c:
            c.socket.sendall(get())
            assert c.rest() == b""
        assert len(o.requests) == 2


def test_servers_that_want_a_proxy_header_get_one_for_each_client(net, lb):
    with header_reader(net.servers["mail1"], RAW):
        lb.up(config({"web": raw(proxy_protocol={"send": "v2"})}))
        for space, who in ((net.client, CLIENT), (net.far, FAR), (net.client, CLIENT)):
            with client(net, space=space) as c:
                for _ in range(2):
                    assert c.ask(get())[1].split()[:2] == [who.encode(), b"80"]


# --- headers and paths

def test_fields_are_set_added_and_deleted_both_ways(net, lb):
    edits = {"set": {"X-Set": "new", "Host": "inner"}, "add": {"X-Add": "more"},
             "delete": ["X-Gone", "accept-encoding"]}
    back = {"set": {"Server": "lab"}, "add": {"Strict-Transport-Security": "max-age=300"},
            "delete": ["X-Powered-By"]}
    reply = page("ok", "Server: IIS", "X-Powered-By: ASP.NET", "X-Kept: 1")
    with origin(net, tell=lambda *_: reply) as o:
        lb.up(config({"web": raw(request_headers=edits, response_headers=back,
                                 forwarded_for="off")}))
        with client(net) as c:
            head, _ = c.ask(get("/", "x-set: old", "X-Gone: 1", "X-Add: first", "X-SET: older",
                                "Accept-Encoding: gzip", "Last: 1"))
        assert o.heads()[0] == (b"GET / HTTP/1.1\r\nHost: inner\r\nx-set: new\r\nX-Add: first\r\n"
                                b"Last: 1\r\nX-Add: more\r\n\r\n")
        assert head == (b"HTTP/1.1 200 OK\r\nServer: lab\r\nX-Kept: 1\r\nContent-Length: 2\r\n"
                        b"Strict-Transport-Security: max-age=300\r\n\r\n")


def test_paths_are_rewritten(net, lb):
    with origin(net) as o:
        lb.up(config({"web": raw(rewrite=[{"from": "/old/", "to": "/new/"},
                                          {"from": "/mail", "to": "/owa"}])}))
        for path, wanted in (("/old/a?b=/old/", "/new/a?b=/old/"), ("/older", "/older"),
                             ("/mail", "/owa"), ("/mail/x", "/owa/x"), ("/mailbox", "/mailbox")):
            assert asked(net, o, path=path).split()[1].decode() == wanted


# --- redirects

def test_a_redirect_from_another_port_leads_to_https_all_the_same(net, lb):  # R90
    lb.up(config({"web": {"mode": "l7-http", "vip": VIP_7, "ports": [80, 8080],
                          "redirect": {"to": "https"}}}))
    for port in (80, 8080):
        with client(net, port) as c:
            for host in ("mail.example.com", f"mail.example.com:{port}"):
                head, _ = c.ask(get("/owa/?a", host=host))
                assert field(head, "Location") == ["https://mail.example.com/owa/?a"]


@pytest.mark.parametrize("code", [301, 308])
def test_a_redirect_stands_beside_a_dr_service_of_the_same_vip(net, lb, code):  # R90, R91, R24
    lb.up(config({"CAS-HTTPS": service(VIP, [443], check=HTTPS),
                  "HTTP-redirect": {"mode": "l7-http", "vip": VIP, "ports": [80],
                                    "redirect": {"to": "https", "code": code}}}))
    said = curl(net, "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}",
                f"http://{VIP}/owa/?a=b%20c")
    assert said == f"{code} https://{VIP}/owa/?a=b%20c"
    said = curl(net, "-H", f"Host: {NAME}:80", "-o", "/dev/null", "-w", "%{redirect_url}",
                f"http://{VIP}/x")
    assert said == f"https://{NAME}/x"
    assert curl(net, "-kL", f"http://{VIP}/name").strip() in MAIL
    with client(net, address=VIP) as c:  # one connection for many
        for n in range(5):
            assert field(c.ask(get(f"/{n}"))[0], "Location") == [f"https://lab/{n}"]
    assert lb.service("HTTP-redirect")["status"] == "redirect"
    assert lb.service("CAS-HTTPS")["status"] == "healthy"
    # The DR service is no affair of the proxies: it goes on without them.
    lb.reload(config({"CAS-HTTPS": service(VIP, [443], check=HTTPS)}))
    assert curl(net, "-k", f"https://{VIP}/name").strip() in MAIL


def test_the_root_leads_to_owa(net, lb):
    with origin(net) as o:
        lb.up(config({"web": raw(redirect_root="/owa/")}))
        with client(net) as c:
            head, _ = c.ask(get("/"))
            assert (status(head), field(head, "Location")) == (302, ["/owa/"])
            assert c.ask(get("/owa/"))[1] == b"ok"
        assert [head.split()[1] for head in o.heads()] == [b"/owa/"]


# --- persistence by cookie

def tell(name):
    return lambda head, *_: page(f"{name} {field(head, 'Cookie')}")


@contextlib.contextmanager
def pair(net):
    """mail1 and mail2 say who they are and which cookies they got."""
    with origin(net, "mail1", tell("mail1")), origin(net, "mail2", tell("mail2")):
        yield


COOKIE = {"cookie": "LBXDP"}


def test_a_cookie_keeps_a_client_on_its_server_and_is_kept_from_it(net, lb):
    with pair(net):
        lb.up(config({"web": raw(weights=(100, 100), persistence=COOKIE)}))
        stays = {}
        for _ in range(4):
            with client(net) as c:
                head, body = c.ask(get())
                cookie, = field(head, "Set-Cookie")
                assert cookie.startswith("LBXDP=") and "HttpOnly" in cookie and "Path=/" in cookie
                assert "Secure" not in cookie and "SameSite" not in cookie
                name, said = body.decode().split(None, 1)
                assert said == "[]"
            value = cookie.partition(";")[0]
            assert stays.setdefault(name, value) == value
            for _ in range(5):
                with client(net) as c:
                    head, body = c.ask(get("/", f"Cookie: a=b; {value}; c=d"))
                    assert body.decode() == f"{name} ['a=b; c=d']"
                    assert field(head, "Set-Cookie") == []
        assert len(set(stays.values())) == 2


@pytest.mark.parametrize("order", ["drain", "halt"])
def test_a_cookie_moves_when_its_server_goes_and_says_where_to(net, lb, order):  # R107, R124
    with pair(net):
        lb.up(config({"web": raw(weights=(100, 100), persistence=COOKIE)}))
        with client(net) as c:
            head, body = c.ask(get())
            mine, value = body.split()[0].decode(), field(head, "Set-Cookie")[0].partition(";")[0]
        other, = {"mail1", "mail2"} - {mine}
        lb.call(order, f"web/{mine}")
        with client(net) as c:
            head, body = c.ask(get("/", f"Cookie: {value}"))
            assert body.startswith(other.encode())
            new = field(head, "Set-Cookie")[0].partition(";")[0]
            assert new != value
        lb.call("online", f"web/{mine}")
        for _ in range(4):
            with client(net) as c:
                assert c.ask(get("/", f"Cookie: {new}"))[1].startswith(other.encode())


def test_a_cookie_has_the_attributes_that_are_asked_for(net, lb):
    wanted = {**COOKIE, "secure": "on", "http_only": "off", "same_site": "none"}
    with pair(net):
        lb.up(config({"web": raw(persistence=wanted)}))
        with client(net) as c:
            cookie, = field(c.ask(get())[0], "Set-Cookie")
    assert cookie.split("; ")[1:] == ["Path=/", "Secure", "SameSite=None"]


# --- routes

class Cas:
    """A server with health pages of its own for each protocol."""

    def __init__(self, name):
        self.name, self.out = name, set()

    def __call__(self, head, *_):
        path = head.split()[1].decode()
        if path.endswith("/healthcheck.htm") and path.split("/")[1] in self.out:
            return page("", status="503 Service Unavailable")
        return page(f"200 OK<br/>{self.name}")


def check(protocol):
    return {"type": "http", "request": f"{protocol}/healthcheck.htm", "expect": "200 OK"}


def who(net, path, count=8, host="lab"):
    """How often each server answered count requests for path, all over one connection."""
    tally = {}
    with client(net) as c:
        for _ in range(count):
            head, body = c.ask(get(path, host=host))
            name = body.decode().rpartition(">")[2] if status(head) == 200 else status(head)
            tally[name] = tally.get(name, 0) + 1
    return tally


BOTH = {"mail1": 4, "mail2": 4}


def test_managed_availability_takes_out_one_protocol_and_no_server(net, lb):  # R19, R20, R21
    cas = {name: Cas(name) for name in MAIL}
    shape = raw(weights=(100, 100), check=check("owa"))
    shape["routes"] = [{"path": "/ews", "name": "ews", "check": check("ews")},
                       {"path": "/mapi", "name": "mapi", "check": check("mapi")},
                       {"host": "autodiscover.example.com",
                        "reals": {"mail3": {"ip": MAIL["mail3"][0], "port": RAW}}}]
    with contextlib.ExitStack() as stack:
        for name, c in cas.items():
            stack.enter_context(origin(net, name, c))
        lb.up(config({"web": shape}))
        for path in ("/owa/", "/ews/exchange.asmx", "/EWS/Exchange.asmx", "/mapi/emsmdb", "/ewsx"):
            assert who(net, path) == BOTH, path
        assert who(net, "/", host="AutoDiscover.example.com:80") == {"mail3": 8}
        cas["mail1"].out.add("ews")
        lb.wait_real("web:ews/mail1", status="down")
        assert who(net, "/ews/exchange.asmx") == {"mail2": 8}
        assert who(net, "/ews") == {"mail2": 8}
        assert who(net, "/owa/") == who(net, "/mapi/") == BOTH
        assert lb.real("web/mail1")["status"] == "up"
        cas["mail2"].out.add("ews")
        lb.wait_real("web:ews/mail2", status="down")
        assert who(net, "/ews", 1) == {503: 1}
        assert who(net, "/owa/") == BOTH
        cas["mail1"].out.clear()
        cas["mail2"].out.clear()
        lb.wait_real("web:ews/mail1", status="up")
        lb.wait_real("web:ews/mail2", status="up")
        assert who(net, "/ews/") == BOTH
        lb.call("drain", "web:ews/mail2")  # and by hand likewise
        assert who(net, "/ews/") == {"mail1": 8}
        assert who(net, "/owa/") == BOTH


# --- nobody there

def test_a_client_that_is_announced_follows_its_route_on_the_connection_it_has(net, lb):  # R19
    """Its server's connection is its own, and yet not for life."""
    cas = {name: Cas(name) for name in ("mail1", "mail2")}
    shape = raw(weights=(100, 100), check=check("owa"), proxy_protocol={"send": "v1"})

    def behind_header(c):
        return lambda head, *more: c(head.partition(b"\r\n")[2] if head.startswith(b"PROXY ") else
                                     head, *more)

    with contextlib.ExitStack() as stack:
        for name, c in cas.items():
            stack.enter_context(origin(net, name, behind_header(c)))
        lb.up(config({"web": shape}))
        with client(net) as c:
            first = c.ask(get("/owa/"))[1]
            assert {c.ask(get("/owa/"))[1] for _ in range(4)} == {first}
            mine = first.decode().rpartition(">")[2]
            other = ({"mail1", "mail2"} - {mine}).pop()
            cas[mine].out.add("owa")
            lb.wait_real(f"web/{mine}", status="down")
            assert c.ask(get("/owa/"))[1].endswith(other.encode())
            cas[mine].out.clear()
            lb.wait_real(f"web/{mine}", status="up")
            lb.call("drain", f"web/{other}")
            assert c.ask(get("/owa/"))[1] == first


def test_the_backup_comes_before_the_503_and_both_after_the_reals(net, lb, servers):  # R72, R133
    lb.up(config({"web": http(backup={"ip": MAIL["mail3"][0]})}))
    with client(net) as c:  # on one and the same connection
        assert {c.ask(get("/name"))[1] for _ in range(4)} == {b"mail1\n", b"mail2\n"}
        for name in ("mail1", "mail2"):
            servers[name].in_service(False)
            lb.wait_real(f"web/{name}", status="down")
        assert c.ask(get("/name"))[1] == b"mail3\n"
        lb.call("halt", "web/backup")
        head, body = c.ask(get("/name"))
        assert status(head) == 503
        assert field(head, "X-Request-Id")[0].encode() in body
        assert field(head, "Connection") == ["close"] and c.rest() == b""
    servers["mail1"].in_service(True)
    lb.wait_real("web/mail1", status="up")
    with client(net) as c:
        assert c.ask(get("/name"))[1] == b"mail1\n"


def test_a_server_that_refuses_is_passed_over_without_a_word(net, lb):
    """The check has not noticed yet: the request goes to the other real."""
    with origin(net, "mail2", tell("mail2")):
        lb.up(config({"web": raw(weights=(100, 100))}))
        for _ in range(6):
            with client(net) as c:
                assert c.ask(get())[1].startswith(b"mail2")
        with client(net) as c:
            head, body = c.ask(get("/", "Content-Length: 3", method="POST") + b"abc")
            assert body.startswith(b"mail2")
    row = statistics(lb)["mail1"]
    assert int(row["econ"]) > 0 and int(row["wredis"]) > 0


def test_a_denied_path_is_answered_403_and_asks_no_server(net, lb, tmp_path):
    page = tmp_path / "403.html"
    page.write_text("<h1>Not from here</h1>\n")
    os.chmod(tmp_path, 0o755)
    cas = Cas("mail1")
    shape = raw(weights=(1, None), check=check("owa"), error_pages={"403": str(page)})
    shape["routes"] = [{"path": "/ecp/public"}, {"path": "/ecp", "deny": "on"}]
    with origin(net, "mail1", cas):
        lb.up(config({"web": shape}))
        for path in ("/ecp", "/ECP/x", "/owa/../%65cp/"):
            with client(net) as c:
                head, body = c.ask(get(path))
            assert (status(head), body) == (403, b"<h1>Not from here</h1>\n"), path
        with client(net) as c:
            assert status(c.ask(get("/ecpx"))[0]) == 200
            assert status(c.ask(get("/ecp/public/x"))[0]) == 200
        assert lb.service("web")["l7"]["bad_requests_total"] == 0
        assert statistics(lb)["FRONTEND"]["dreq"] == "3"
    assert counts(lb, "web/mail1")["sessions_total"] == 2


def test_error_pages_come_from_files_and_follow_them(net, lb, tmp_path):
    sorry = tmp_path / "503.html"
    sorry.write_text("<h1>Back at noon</h1>\n")
    bad = tmp_path / "400.html"
    bad.write_text("<h1>Pardon?</h1>\n")
    os.chmod(tmp_path, 0o755)
    lb.up(config({"web": raw(timeouts={"connect": "300ms"},
                             error_pages={"503": str(sorry), "400": str(bad)})}))

    def ask(request):
        with client(net) as c:
            head, body = c.ask(request)
            return status(head), body.decode()

    assert ask(get()) == (503, "<h1>Back at noon</h1>\n")
    assert ask(b"GET / HTTP/1.1\r\n\r\n") == (400, "<h1>Pardon?</h1>\n")
    assert ask(b"GET / HTTP/3.0\r\nHost: a\r\n\r\n")[0] == 505
    sorry.write_text("<h1>Back at one</h1>\n")
    lb.reload()
    assert ask(get()) == (503, "<h1>Back at one</h1>\n")


def test_status_and_report_show_the_routes(net, lb):
    shape = http()
    shape["routes"] = [{"path": "/ews", "check": NO_CHECK}]
    lb.up(config({"web": shape}))
    names = [s["name"] for s in lb.status()["services"]]
    assert names[0] == "web" and len(names) == 2 and names[1].startswith("web:")
    rows = json.loads(lb.call("report", "l7", "--json").stdout)
    assert {row["pxname"] for row in rows} == set(names)
