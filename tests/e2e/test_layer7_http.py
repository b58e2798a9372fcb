# SPDX-License-Identifier: GPL-2.0-only
"""Layer 7 in HTTP mode between real clients and servers: curl, nginx, HAProxy, wrk."""

import contextlib
import hashlib
import os
import subprocess

import pytest

from lab.config import HTTPS, config
from lab.layer7 import CONNECT, VIP_7, Server, counts, l7, statistics
from lab.network import MAIL
from lab.servers import NAME
from lab.space import wait_for


def http(**more):
    return {**l7(**more), "mode": "l7-http"}


def curl(net, *words, check=True):
    return net.client.run("curl", "-sS", "--max-time", "20", *words, check=check).stdout


def url(path="/name", port=80):
    return f"http://{VIP_7}:{port}{path}"


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def read_head(s):
    data = b""
    while b"\r\n\r\n" not in data:
        part = s.recv(65536)
        if not part:
            break
        data += part
    return data


@pytest.fixture
def big(net):
    path = f"{net.directory}/www/http-big"
    with open(path, "wb") as f:
        f.write(os.urandom(20 << 20))
    yield path
    os.unlink(path)


# --- bodies

def test_downloads_and_uploads_of_real_peers_arrive_whole(net, lb, big, tmp_path):
    lb.up(config({"web": http()}))
    for words in ([], ["-H", "Connection: close"], ["--http1.0"]):
        got = tmp_path / "got"
        curl(net, *words, "-o", str(got), url("/http-big"))
        assert sha256(got) == sha256(big)
    size = str(os.path.getsize(big))
    assert curl(net, "-H", "Expect: 100-continue", "--data-binary", f"@{big}",
                url("/upload")) == size
    assert curl(net, "-H", "Expect:", "--data-binary", f"@{big}", url("/upload")) == size
    assert curl(net, "-H", "Transfer-Encoding: chunked", "-T", big, url("/upload")) == size
    assert counts(lb, "web")["response_errors_total"] == 0


def test_one_connection_of_the_client_serves_many_requests_and_so_do_few_of_the_servers(net, lb):
    lb.up(config({"web": http(weights=(1, None))}))
    said = curl(net, "-w", "%{num_connects} ", *[url()] * 20)
    assert said.count("mail1") == 20 and said.replace("mail1\n", "").split() == ["1"] + ["0"] * 19
    assert statistics(lb)["FRONTEND"]["req_tot"] == "20"
    assert statistics(lb)["mail1"]["reuse"] == "19"


def test_a_head_and_its_answers_are_those_of_the_server(net, lb):
    lb.up(config({"web": http(weights=(1, None))}))
    head = curl(net, "-I", url("/http-nothing"))
    assert head.startswith("HTTP/1.1 404 ") and "Server: nginx" in head


# --- limits, pages, redirects

def test_a_large_ticket_meets_the_buffer_of_its_service(net, lb):  # R55
    lb.up(config({"small": http(weights=(1, None)),
                  "large": http(ports=[8080], port=80, weights=(1, None),
                                request_buffer=51200)}))
    ticket = "Authorization: Negotiate " + "Y" * 40000
    refused = curl(net, "-i", "-H", ticket, url())
    assert refused.startswith("HTTP/1.1 431 ") and "16384" in refused
    assert "request_buffer" in refused and "X-Request-Id: " in refused
    passed = curl(net, "-i", "-H", ticket, url(port=8080))
    # nginx has a limit of its own, which is not ours.
    assert passed.startswith("HTTP/1.1 400 ") and "Server: nginx" in passed


def test_http_is_sent_to_https_on_a_vip_of_its_own_port(net, lb):  # R90
    lb.up(config({"http": {"mode": "l7-http", "vip": VIP_7, "ports": [80], "protocol": "tcp",
                           "redirect": {"to": "https"}}}))
    said = curl(net, "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}",
                "-H", "Host: mail.example.com", url("/owa/?a=b"))
    assert said.split() == ["301", "https://mail.example.com/owa/?a=b"]


def test_one_protocol_goes_out_of_service_and_the_rest_goes_on(net, lb):  # R19, R20
    lb.up(config({"web": http(weights=(1, None), routes=[
        {"path": "/ews", "name": "ews", "reals": {"b": {"ip": MAIL["mail2"][0], "port": 4444}},
         "check": CONNECT}])}))
    wait_for("the route to be down", lambda: curl(
        net, "-o", "/dev/null", "-w", "%{http_code}", url("/EWS/x")) == "503")
    assert curl(net, url()) == "mail1\n"


# --- what Exchange does

class Login:
    """A server whose connections are who they are, as with NTLM: each remembers its user."""

    def __init__(self):
        self.wrong = []

    def __call__(self, connection):
        user, data = None, b""
        while part := connection.recv(65536):
            data += part
            while b"\r\n\r\n" in data:
                head, data = data.split(b"\r\n\r\n", 1)
                user = self.answer(connection, head.decode(), user)

    def answer(self, connection, head, user):
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        if "Authorization" in fields:
            user = fields["Authorization"].split()[1]
        if user is None:
            connection.sendall(b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\n"
                               b"Content-Length: 0\r\n\r\n")
            return None
        if user != fields["X-User"]:
            self.wrong.append((user, fields["X-User"]))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return user


def test_no_client_ever_speaks_over_a_connection_that_another_logged_in(net, lb):
    login = Login()
    with Server(net.spaces["mail1"], MAIL["mail1"][0], 8400, login):
        lb.up(config({"web": http(port=8400, weights=(1, None), check=CONNECT)}))
        with contextlib.ExitStack() as stack:
            some = [stack.enter_context(net.client.connect(VIP_7, 80)) for _ in range(8)]
            for turn in range(12):
                for i, s in enumerate(some):
                    who = f"Authorization: NTLM user{i}\r\n" if turn == 1 else ""
                    s.sendall(f"POST / HTTP/1.1\r\nHost: a\r\nX-User: user{i}\r\n{who}"
                              "Content-Length: 0\r\n\r\n".encode())
                for s in some:
                    expected = b"HTTP/1.1 401 " if turn == 0 else b"HTTP/1.1 200 "
                    assert read_head(s).startswith(expected)
    assert login.wrong == []


def pass_on(connection):
    """Half of Outlook Anywhere: says at once how much of the gigabyte has come."""
    head = read_head(connection)
    if not head:
        return None  # a health check
    assert head.startswith(b"RPC_IN_DATA ") and b"1073741824" in head
    got = len(head.split(b"\r\n\r\n", 1)[1])
    while part := connection.recv(65536):
        got += len(part)
    return got


def test_rpc_in_data_is_passed_on_as_it_comes(net, lb):
    with Server(net.spaces["mail1"], MAIL["mail1"][0], 8401, pass_on) as server:
        lb.up(config({"web": http(port=8401, weights=(1, None), check=CONNECT)}))
        with net.client.connect(VIP_7, 80) as s:
            s.sendall(b"RPC_IN_DATA /rpc/rpcproxy.dll?cas HTTP/1.1\r\nHost: a\r\n"
                      b"Content-Length: 1073741824\r\n\r\n")
            for _ in range(10):
                s.sendall(b"pdu")
        wait_for("the server to have all of it", lambda: server.said == [30])
    assert counts(lb, "web")["client_aborts_total"] == 0


def echo(connection):
    if b"Upgrade: websocket\r\n" not in read_head(connection):
        return
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       b"Connection: Upgrade\r\n\r\n")
    while part := connection.recv(65536):
        connection.sendall(part)


def test_a_websocket_is_a_tunnel_that_outlives_a_reload(net, lb):
    services = {"web": http(port=8402, weights=(1, None), check=CONNECT)}
    with Server(net.spaces["mail1"], MAIL["mail1"][0], 8402, echo):
        lb.up(config(services))
        with net.client.connect(VIP_7, 80) as s:
            s.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                      b"Connection: Upgrade\r\n\r\n")
            assert read_head(s).startswith(b"HTTP/1.1 101 ")
            for i in range(3):
                s.sendall(b"frame %d" % i)
                assert s.recv(100) == b"frame %d" % i
                services["web"]["timeouts"] = {"client": f"{60 + i}s"}
                lb.reload(config(services))


# --- TLS

def test_tls_ends_here_and_begins_again(net, lb, big, tmp_path):  # R53
    pem = f"{net.directory}/http-both.pem"
    with open(pem, "w") as f:
        for part in ("cert.pem", "key.pem"):
            with open(f"{net.directory}/{part}") as p:
                f.write(p.read())
    os.chmod(pem, 0o600)
    web = http(ports=[443], weights=(1, None), port=443, tls={"certificates": [pem]}, check=HTTPS)
    for real in web["reals"].values():
        real.update(reencrypt="on", verify="ca", ca=f"{net.directory}/cert.pem", sni=NAME)
    lb.up(config({"web": web}))
    https = ["--cacert", f"{net.directory}/cert.pem", "--connect-to", f"::{VIP_7}:"]
    got = tmp_path / "got"
    curl(net, *https, "-o", str(got), f"https://{NAME}/http-big")
    assert sha256(got) == sha256(big)
    assert curl(net, *https, "--data-binary", f"@{big}", f"https://{NAME}/upload") == \
        str(os.path.getsize(big))
    assert curl(net, *https, *[f"https://{NAME}/name"] * 20) == "mail1\n" * 20
    assert int(statistics(lb)["mail1"]["reuse"]) >= 20


# --- other proxies on either side

HAPROXY = """
global
    maxconn 100
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen a
    bind {address}:8403
    option forwardfor
    server a {to}
"""


@pytest.fixture
def haproxy(net):
    """Runs an HAProxy in a space, from an address to another."""
    children = []

    def start(space, address, to):
        path = f"{net.directory}/haproxy-{len(children)}.cfg"
        with open(path, "w") as f:
            f.write(HAPROXY.format(address=address, to=to))
        children.append(space.spawn("haproxy", "-db", "-f", path))
        wait_for("HAProxy to listen", lambda: space.listens(8403, address))

    yield start
    for child in children:
        child.terminate()
        child.wait(10)


def test_haproxy_before_and_behind_us_agrees_with_us(net, lb, haproxy, big, tmp_path):
    haproxy(net.spaces["mail1"], MAIL["mail1"][0], f"{MAIL['mail1'][0]}:80")
    haproxy(net.client, "127.0.0.1", f"{VIP_7}:80")
    lb.up(config({"web": http(port=8403, weights=(1, None), check=CONNECT)}))
    got = tmp_path / "got"
    curl(net, "-o", str(got), "http://127.0.0.1:8403/http-big")
    assert sha256(got) == sha256(big)
    assert curl(net, "--data-binary", f"@{big}", "http://127.0.0.1:8403/upload") == \
        str(os.path.getsize(big))
    said = curl(net, "-w", "%{http_code} ", *["http://127.0.0.1:8403/name"] * 50)
    assert said.count("200 ") == 50
    assert counts(lb, "web")["response_errors_total"] == 0


# --- under load

def test_nothing_is_lost_while_the_configuration_changes(net, lb):
    services = {"web": http()}
    lb.up(config(services))
    load = net.client.spawn("wrk", "-t1", "-c32", "-d6s", url(), stdout=subprocess.PIPE, text=True)
    for i in range(10):
        services["web"]["timeouts"] = {"client": f"{60 + i}s"}
        services["web"]["response_headers"] = {"set": {"X-Turn": str(i)}}
        lb.reload(config(services))
    said = load.communicate(timeout=60)[0]
    assert "Socket errors" not in said and "Non-2xx" not in said, said
    assert counts(lb, "web")["response_errors_total"] == 0
