# SPDX-License-Identifier: GPL-2.0-only
"""Layer 7 in the lab: configurations, servers that tell what they saw, which process has which
session."""

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import socket
import threading

from .config import HTTP, service
from .network import MAIL
from .servers import daemon

# An address that no server has on its loopback: there a proxy may also use it as its source.
VIP_7 = "192.168.30.12"
CONNECT = {"type": "connect"}

NGINX = """
daemon off; worker_processes 1; pid {home}/pid; error_log {home}/log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    server {{
        listen {port} proxy_protocol;
        location / {{
            return 200 "$proxy_protocol_addr $proxy_protocol_server_port $remote_addr\\n";
        }}
    }}
}}
"""


def l7(vip=VIP_7, ports=(80,), weights=(100, 100), port=None, family=0, check=None, **more):
    """A layer-7 service in TCP mode in front of mail1, mail2 ..."""
    answer = service(vip, ports, weights, check or HTTP, **more)
    answer["mode"] = "l7-tcp"
    for name, real in answer["reals"].items():
        real["ip"] = MAIL[name][family]
        if port:
            real["port"] = port
    return answer


def proxies(lb):
    """The pids of the proxy processes."""
    return [p["pid"] for p in lb.status()["processes"] if p["role"] == "proxy"]


def finishing(lb):
    """pid -> sessions of the processes that an earlier main left, once they have been told."""
    return {p["pid"]: p["sessions"] for p in lb.status()["processes"]
            if p["role"] == "proxy (finishing)"}


def holders(lb, port):
    """pid -> the clients' ports of the sessions that it holds, as `ss` tells."""
    found = {}
    lines = lb.space.run("ss", "-Htnp", "state", "established", "sport", "=", f":{port}").stdout
    for line in lines.splitlines():
        pid = re.search(r"pid=(\d+)", line)
        if pid:
            client = int(line.split()[3].rpartition(":")[2])
            found.setdefault(int(pid[1]), set()).add(client)
    return found


def counts(lb, path):
    """What `status --json` counts at layer 7 for "SERVICE" or "SERVICE/REAL"."""
    return (lb.real(path) if "/" in path else lb.service(path))["l7"]


def statistics(lb, *words):
    """`report l7 --csv` by svname, read as HAProxy's readers do."""
    text = lb.call("report", "l7", "--csv", *words).stdout
    assert text.startswith("# ")
    return {row["svname"]: row for row in csv.DictReader(io.StringIO(text[2:]))}


def sessions(lb):
    """What `report sessions` lists, the oldest first."""
    return json.loads(lb.call("report", "sessions", "--json").stdout)


class Server:
    """Accepts on a port of a namespace and runs serve(connection, peer) in a thread for each."""

    def __init__(self, space, address, port, serve):
        self.serve, self.peers, self.said = serve, [], []
        self.listener = space.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(128)
        self.thread = threading.Thread(target=self.accept, daemon=True)

    def accept(self):
        while True:
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(connection, peer), daemon=True).start()

    def one(self, connection, peer):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(30)
            self.peers.append(peer)
            said = self.serve(connection)
            if said:
                self.said.append(said)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.stop()
        self.listener.close()

    def stop(self):
        """No more accepts: connects are refused. What is connected goes on."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.thread.join(5)


def tell_sum(connection):
    """Reads to the end of what the client sends, then answers with its SHA-256."""
    total = hashlib.sha256()
    while part := connection.recv(1 << 18):
        total.update(part)
    connection.sendall(total.hexdigest().encode())


def stay_silent(connection):
    """Takes what comes and never answers."""
    while connection.recv(65536):
        pass


def talk_without_end(connection):
    """Sends for as long as the connection lasts."""
    while True:
        connection.sendall(b"." * 65536)


@contextlib.contextmanager
def header_reader(server, port):
    """An nginx on a mail server that wants a PROXY header and answers with what it says."""
    home = os.path.join(server.net.directory, f"{server.name}-header-{port}")
    words = ["nginx", "-p", home, "-e", f"{home}/log", "-c"]
    with daemon(server.space, home, words, port, NGINX.format(home=home, port=port)):
        yield
