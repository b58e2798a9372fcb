# SPDX-License-Identifier: GPL-2.0-only
"""HTTP in the lab: clients and servers that see every byte, and nginx and HAProxy as both."""

import contextlib
import os
import queue
import re
import ssl
import time

from .layer7 import VIP_7, Server, l7
from .network import MAIL
from .servers import daemon

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
NO_CHECK = {"type": "on"}
RAW = 8090  # the port of servers that tests make


def http(vip=VIP_7, ports=(80,), weights=(100, 100), **more):
    """A layer-7 service in HTTP mode in front of mail1, mail2 ..."""
    return {**l7(vip, ports, weights, **more), "mode": "l7-http"}


def raw(weights=(100, None), **more):
    """The same in front of servers on RAW that tests make."""
    more.setdefault("check", NO_CHECK)
    return http(weights=weights, port=RAW, **more)


def page(body, *fields, status="200 OK"):
    """An answer with a length."""
    body = body if isinstance(body, bytes) else body.encode()
    lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


class Ended(ConnectionError):
    """The other side has said its last byte; holds what nobody took."""


class Peer:
    """One end of a connection, read as HTTP by someone who takes nothing on trust."""

    def __init__(self, s, timeout=10):
        self.socket, self.data = s, b""
        s.settimeout(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()

    def more(self):
        part = self.socket.recv(65536)
        if not part:
            raise Ended(self.data)
        self.data += part

    def exactly(self, count):
        while len(self.data) < count:
            self.more()
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def until(self, mark):
        """What there is up to and with mark."""
        while mark not in self.data:
            self.more()
        return self.exactly(self.data.index(mark) + len(mark))

    def rest(self):
        """All until the end, which may be a reset."""
        with contextlib.suppress(ConnectionError):
            while True:
                self.more()
        taken, self.data = self.data, b""
        return taken

    def meanwhile(self, seconds):
        """All that comes in that time, if anything does. The connection must not end."""
        usual, deadline = self.socket.gettimeout(), time.monotonic() + seconds
        with contextlib.suppress(TimeoutError):
            while (left := deadline - time.monotonic()) > 0:
                self.socket.settimeout(left)
                self.more()
        self.socket.settimeout(usual)
        taken, self.data = self.data, b""
        return taken

    def head(self):
        return self.until(b"\r\n\r\n")

    def chunked(self):
        """A chunked body as it is on the wire, and its content."""
        wire, content = b"", b""
        while True:
            line = self.until(b"\r\n")
            size = int(re.fullmatch(rb"([0-9a-fA-F]+)(;.*)?\r\n", line, re.S)[1], 16)
            wire += line
            if not size:
                break
            part = self.exactly(size + 2)
            assert part.endswith(b"\r\n")
            wire, content = wire + part, content + part[:-2]
        while (line := self.until(b"\r\n")) != b"\r\n":
            wire += line
        return wire + line, content

    def message(self, has_body=True):
        """(head, body) of a request or of an answer; the body without its chunks."""
        head = self.head()
        length, coding = field(head, "Content-Length"), field(head, "Transfer-Encoding")
        assert len(length) + len(coding) <= 1, head
        if not has_body:
            return head, b""
        if coding:
            assert coding == ["chunked"], head
            return head, self.chunked()[1]
        if length:
            assert re.fullmatch("[0-9]+", length[0]), head
        return head, self.exactly(int(length[0]) if length else 0)

    def ask(self, request, has_body=True):
        """Sends a request and returns the answer's (head, body)."""
        self.socket.sendall(request)
        return self.message(has_body)

    def said_nothing(self):
        """True when not a byte waits here."""
        try:
            self.socket.setblocking(False)
            self.more()
        except BlockingIOError:
            return not self.data
        finally:
            self.socket.settimeout(10)
        return False


class Stage(Server):
    """A server whose connections the test takes in its own hands, as they come."""

    def __init__(self, net, name="mail1", port=RAW, context=None):
        super().__init__(net.spaces[name], MAIL[name][0], port, None)
        self.came, self.context = queue.Queue(), context

    def one(self, connection, peer):
        connection.settimeout(10)
        if self.context:
            connection = self.context.wrap_socket(connection, server_side=True)
        self.came.put(Peer(connection))

    def next(self):
        return self.came.get(timeout=10)


def field(head, name):
    """The values of all fields of that name, in either case, as text."""
    found = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
    return [value.strip().decode("latin-1") for key, _, value in found
            if key.lower() == name.lower().encode()]


def status(head):
    return int(head.split()[1])


def get(path="/", *fields, method="GET", version="1.1", host="lab"):
    lines = [f"{method} {path} HTTP/{version}", f"Host: {host}", *fields, "", ""]
    return "\r\n".join(lines).encode()


def curl(net, *words, **more):
    return net.client.run("curl", "-sS", "--max-time", "60", *words, **more).stdout


def client_context(net):
    """TLS that believes in the lab's certificate."""
    return ssl.create_default_context(cafile=f"{net.directory}/cert.pem")


def client(net, port=80, address=VIP_7, space=None):
    return Peer((space or net.client).connect(address, port))


class Origin(Server):
    """Takes requests until its client leaves and keeps them: (connection, head, body). tell(head,
    body, connection) gives the bytes to answer with; None closes."""

    def __init__(self, space, address=MAIL["mail1"][0], port=RAW, tell=None):
        super().__init__(space, address, port, self.serve_one)
        self.tell = tell or (lambda *_: OK)
        self.requests, self.connections = [], 0

    def serve_one(self, connection):
        self.connections += 1
        number, peer = self.connections, Peer(connection, 30)
        with contextlib.suppress(Ended):
            while True:
                head, body = peer.message()
                self.requests.append((number, head, body))
                answer = self.tell(head, body, number)
                if answer is None:
                    return
                connection.sendall(answer)

    def heads(self):
        return [head for _, head, _ in self.requests]


@contextlib.contextmanager
def origin(net, name="mail1", tell=None, port=RAW):
    with Origin(net.spaces[name], MAIL[name][0], port, tell) as o:
        yield o


NGINX = """
daemon off; worker_processes 1; pid {home}/pid; error_log {home}/log; user root;
events {{ worker_connections 512; }}
http {{
    access_log off; keepalive_requests 100000; client_max_body_size 0; client_body_timeout 60;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi; lingering_close always;
    default_type text/plain;
    server {{
        listen {port}; listen [::]:{port};
        root {home}/www;
        location = /count {{ return 200 "{name} $connection $connection_requests\\n"; }}
        location = /said {{ return 200 "$request_method|$http_x_forwarded_for|$host\\n"; }}
        location /zip/ {{ alias {home}/www/; gzip on; gzip_min_length 1; gzip_types *; }}
        location /small/ {{ alias {home}/www/; dav_methods PUT; client_max_body_size 1k; }}
        location /cut/ {{
            alias {home}/www/; dav_methods PUT; client_max_body_size 1k; lingering_close off;
        }}
        location /put/ {{ alias {home}/www/; dav_methods PUT DELETE; }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(net, name, port=RAW):
    """An nginx that takes uploads; gives the directory that its files are in."""
    home = os.path.join(net.directory, f"{name}-nginx-{port}")
    os.makedirs(f"{home}/www", exist_ok=True)
    words = ["nginx", "-p", home, "-e", f"{home}/log", "-c"]
    with daemon(net.spaces[name], home, words, port, NGINX.format(home=home, port=port, name=name)):
        yield f"{home}/www"


FRONT = """
daemon off; worker_processes 1; pid {home}/pid; error_log {home}/log; user root;
events {{ worker_connections 512; }}
http {{
    access_log off; keepalive_requests 100000;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    upstream next {{ server {to}; keepalive 1; }}
    server {{
        listen {port};
        location / {{
            proxy_pass http://next; proxy_http_version 1.1;
            proxy_set_header Connection ""; proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto https;
            proxy_set_header X-Forwarded-Host $host;
        }}
    }}
}}
"""

@contextlib.contextmanager
def front(net, to, port, name="mail2"):
    """An nginx on a machine of the lab between clients and ADDRESS:PORT, to which it keeps one
    connection for all of them."""
    home = os.path.join(net.directory, f"{name}-front-{port}")
    words = ["nginx", "-p", home, "-e", f"{home}/log", "-c"]
    with daemon(net.spaces[name], home, words, port, FRONT.format(home=home, port=port, to=to)):
        yield


HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    option http-keep-alive
listen web
    bind :{port}
    http-reuse always
    option forwardfor
    server next {to}
"""


@contextlib.contextmanager
def haproxy(net, name, to, port):
    """A HAProxy on a machine of the lab that sends everything on to ADDRESS:PORT."""
    home = os.path.join(net.directory, f"{name}-haproxy-{port}")
    with daemon(net.spaces[name], home, ["haproxy", "-db", "-f"], port,
                HAPROXY.format(port=port, to=to)):
        yield
