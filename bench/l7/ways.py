# SPDX-License-Identifier: GPL-2.0-only
"""The proxies that are compared, the server behind them, and what each was seen to use."""

import contextlib
import os
import re

from lab.balancer import Balancer
from lab.layer7 import VIP_7, proxies
from lab.network import BALANCER, network
from lab.space import LabError, run, wait_for

SERVER = 8000  # the port of the nginx that answers
KINDS = ("tcp", "http", "tls", "https")  # tls: TLS ends at a proxy that does not look inside

NGINX = """
daemon off; worker_processes 1; pid {home}/{name}.pid; error_log {home}/{name}.log crit;
worker_rlimit_nofile 10000;
events {{ worker_connections 8000; }}
http {{
    access_log off; keepalive_requests 10000000; lingering_close off; sendfile on;
    client_header_timeout 600; keepalive_timeout 600;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    {body}
}}
"""

ANSWERS = """
    server {{
        listen {address}:8000 backlog=4096; root {home};
        location = /name {{ return 200 "name\\n"; }}
    }}
"""

FORWARDS = """
    upstream a {{ server {address}:8000; keepalive 512; keepalive_requests 10000000; }}
    proxy_http_version 1.1; proxy_set_header Connection "";
    ssl_certificate {home}/rsa.pem; ssl_certificate_key {home}/rsa.pem;
    server {{
        listen {address}:9201 backlog=4096; listen {address}:9203 ssl backlog=4096;
        location / {{ proxy_pass http://a; }}
    }}
"""

HAPROXY = """
global
    nbthread 1
    maxconn 7000
defaults
    mode tcp
    timeout connect 5s
    timeout client 30m
    timeout server 30m
listen tcp
    bind {address}:9100
    server a {address}:8000
listen http
    mode http
    bind {address}:9101
    server a {address}:8000
listen tls
    bind {address}:9102 ssl crt {home}/rsa.pem
    server a {address}:8000
listen https
    mode http
    bind {address}:9103 ssl crt {home}/rsa.pem
    server a {address}:8000
listen splice
    bind {address}:9110
    option splice-request
    option splice-response
    server a {address}:8000
"""


class Way:
    """One proxy as it is asked for: its address, its port for each kind, its processes."""

    def __init__(self, name, address, ports, pids):
        self.name, self.address, self.ports, self.pids = name, address, ports, pids

    def url(self, kind, path="/name"):
        scheme = "https" if kind in ("tls", "https") else "http"
        return f"{scheme}://{self.address}:{self.ports[kind]}{path}"

    def cpu(self):
        """Seconds on a CPU so far; /proc/PID/stat says the same in hundredths."""
        total = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def memory(self):
        """Bytes of user space, its share of what others use too."""
        total = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                total += int(re.search(r"\nPss:\s+(\d+)", f.read())[1]) * 1024
        return total


def ports(first, kinds=KINDS):
    return {kind: first + KINDS.index(kind) for kind in kinds}


def make_files(home):
    with open(f"{home}/big", "wb") as f:
        f.truncate(512 << 20)
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
        "/CN=bench.example.com", "-keyout", f"{home}/rsa.key", "-out", f"{home}/rsa.crt")
    with open(f"{home}/rsa.pem", "w", encoding="ascii") as pem:
        for part in ("crt", "key"):
            with open(f"{home}/rsa.{part}", encoding="ascii") as f:
                pem.write(f.read())
    os.chmod(f"{home}/rsa.pem", 0o600)


def start_nginx(net, cpu, name, body, port):
    """The pid of its worker."""
    home, config = net.directory, f"{net.directory}/{name}.conf"
    with open(config, "w", encoding="ascii") as f:
        f.write(NGINX.format(home=home, name=name, body=body.format(home=home, address=BALANCER)))
    master = net.balancer.spawn("taskset", "-c", cpu, "nginx", "-p", home, "-e",
                                f"{home}/{name}.log", "-c", config).pid
    wait_for(f"nginx ({name}) to listen", lambda: net.balancer.listens(port, BALANCER))
    return wait_for("its worker", lambda: children(master))[0]


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(child) for child in f.read().split()]


def start_haproxy(net, cpu):
    config = f"{net.directory}/haproxy.cfg"
    with open(config, "w", encoding="ascii") as f:
        f.write(HAPROXY.format(address=BALANCER, home=net.directory))
    child = net.balancer.spawn("taskset", "-c", cpu, "haproxy", "-db", "-f", config)
    wait_for("HAProxy to listen", lambda: net.balancer.listens(9100, BALANCER))
    return child.pid  # taskset and nsenter become what they start


def service(kind, pem):
    s = {"mode": "l7-http" if kind in ("http", "https") else "l7-tcp", "vip": VIP_7,
         "ports": [ports(9000)[kind]], "protocol": "tcp", "check": {"type": "connect"},
         "reals": {"a": {"ip": BALANCER, "port": SERVER}}}
    if kind in ("tls", "https"):
        s["tls"] = {"certificates": [pem]}
    return s


def start_lbxdp(lb, home, cpu, other):
    os.sched_setaffinity(0, {cpu})  # a proxy process for each CPU it may use: one
    lb.up({"version": 1, "node": {"interfaces": ["eth0"], "flows": 65536},
           "admin": {"listen": "off"},
           "services": {kind: service(kind, f"{home}/rsa.pem") for kind in KINDS}})
    pids = wait_for("a proxy process", lambda: proxies(lb))
    os.sched_setaffinity(0, {other})
    if len(pids) != 1:
        raise LabError(f"lbxdp has {len(pids)} proxy processes on one CPU")
    return pids


@contextlib.contextmanager
def everything(prefix, options):
    """Yields lbxdp and the ways: lbxdp's, HAProxy's, HAProxy's with splice forced, nginx's."""
    cpu, other = options.cpu, options.other
    with network(prefix) as net:
        lb = Balancer(net.balancer, prefix, net.directory)
        try:
            make_files(net.directory)
            start_nginx(net, other, "answers", ANSWERS, SERVER)
            haproxy = start_haproxy(net, cpu)
            nginx = start_nginx(net, cpu, "forwards", FORWARDS, 9201)
            own = start_lbxdp(lb, net.directory, cpu, other)
            yield net, lb, [Way("lbxdp", VIP_7, ports(9000), own),
                            Way("HAProxy", BALANCER, ports(9100), [haproxy]),
                            Way("HAProxy, splice", BALANCER, {"tcp": 9110}, [haproxy]),
                            Way("nginx", BALANCER, ports(9200, ("http", "https")), [nginx])]
        finally:
            lb.clean()
