#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""CPU time of lbxdp's layer-7 proxy beside HAProxy's and nginx', in TCP and HTTP mode.

One process each, on a CPU of their own; the load generator and the server share another. All of it
over loopback, so that no device's cost is in the figures. The rounds
are interleaved in one run; what counts are the ratios within a round. Writes
bench/results/DATE-l7.md and DATE-l7.svg, and removes everything it made.
"""

import argparse
import contextlib
import os
import re
import resource
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(TOP, "tests")]

from lab.balancer import Balancer  # noqa: E402
from lab.layer7 import VIP_7, proxies  # noqa: E402
from lab.network import BALANCER, network  # noqa: E402
from lab.space import LabError, wait_for  # noqa: E402
from report import write_report  # noqa: E402

PORT, HTTP_PORT, PLAIN, SPLICE, HTTP, NGINX_HTTP, SERVER = 80, 81, 9080, 9081, 9082, 9083, 8000

NGINX = """
daemon off; worker_processes 1; pid {home}/nginx.pid; error_log {home}/nginx.log crit;
worker_rlimit_nofile 10000;
events {{ worker_connections 8000; }}
http {{
    access_log off; keepalive_requests 10000000; lingering_close off; sendfile on;
    client_header_timeout 600; keepalive_timeout 600;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    server {{
        listen {address}:{port} backlog=4096; root {home};
        location = /name {{ return 200 "name\\n"; }}
    }}
}}
"""

# As HAProxy has it by itself: X-Forwarded-For and the like are not asked for.
NGINX_PROXY = """
daemon off; worker_processes 1; pid {home}/proxy.pid; error_log {home}/proxy.log crit;
worker_rlimit_nofile 10000;
events {{ worker_connections 8000; }}
http {{
    access_log off; keepalive_requests 10000000; keepalive_timeout 600;
    client_body_temp_path {home}/pbody; proxy_temp_path {home}/pproxy;
    fastcgi_temp_path {home}/pfcgi; uwsgi_temp_path {home}/puwsgi; scgi_temp_path {home}/pscgi;
    upstream reals {{ server {address}:{port}; keepalive 32; keepalive_requests 10000000; }}
    server {{
        listen {address}:9083 backlog=4096;
        location / {{
            proxy_pass http://reals; proxy_http_version 1.1;
            proxy_set_header Connection ""; proxy_set_header Host $http_host;
        }}
    }}
}}
"""

HAPROXY = """
global
    nbthread 1
    maxconn 4000
defaults
    mode tcp
    timeout connect 5s
    timeout client 30m
    timeout server 30m
listen plain
    bind {address}:9080
    server a {address}:{port}
listen splice
    bind {address}:9081
    option splice-request
    option splice-response
    server a {address}:{port}
listen http
    mode http
    bind {address}:9082
    server a {address}:{port}
"""


class Way:
    """One proxy as it is asked for: its address and its processes."""

    def __init__(self, name, mode, address, port, pids):
        self.name, self.mode, self.address, self.port, self.pids = name, mode, address, port, pids

    def url(self, path):
        return f"http://{self.address}:{self.port}{path}"

    def cpu(self):
        """Seconds on a CPU so far; /proc/PID/stat says the same in hundredths."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def resident(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                total += int(re.search(r"RssAnon:\s+(\d+)", f.read())[1]) * 1024
        return total


def wrk(net, way, options, *headers):
    """Requests answered."""
    words = ["taskset", "-c", options.other, "wrk", "-t1", f"-c{options.connections}",
             f"-d{options.seconds}s"]
    for header in headers:
        words += ["-H", header]
    done = net.balancer.run(*words, way.url("/name"), timeout=options.seconds + 30)
    if "Non-2xx" in done.stdout or re.search(r"Socket errors: .*(connect|write|timeout) [1-9]",
                                             done.stdout):
        raise LabError(f"{way.name}: {done.stdout}")
    return int(re.search(r"(\d+) requests in", done.stdout)[1])


def keepalive(net, way, options):
    return wrk(net, way, options)


def connections(net, way, options):
    return wrk(net, way, options, "Connection: close")


def bulk(net, way, options):
    """Gigabytes (1e9) fetched, over two connections at a time."""
    script = f"curl -sSf -o /dev/null {way.url('/big')} & " \
             f"curl -sSf -o /dev/null {way.url('/big')} && wait $!"
    for _ in range(options.gigabytes):
        net.balancer.run("taskset", "-c", options.other, "sh", "-c", script, timeout=120)
    return options.gigabytes * 2 * (512 << 20) / 1e9


def idle(net, way, options):
    """Bytes of user space a session that is established on both sides and says nothing."""
    before = way.resident()
    with contextlib.ExitStack() as held:
        for _ in range(options.idle):
            s = held.enter_context(net.balancer.connect(way.address, way.port))
            s.sendall(b"GET /name HTTP/1.1\r\nHost: x\r\n\r\n")
            s.recv(4096)
        return (way.resident() - before) / options.idle


# What is done, its unit, the factor from seconds, and the modes of the proxies.
WORK = {
    "small keep-alive requests": (keepalive, "us a request", 1e6, ("tcp",)),
    "new connections": (connections, "us a connection", 1e6, ("tcp",)),
    "bulk": (bulk, "s a GB", 1, ("tcp", "splice")),
    "HTTP, keep-alive requests": (keepalive, "us a request", 1e6, ("http",)),
    "HTTP, new connections": (connections, "us a connection", 1e6, ("http",)),
    "HTTP, bulk": (bulk, "s a GB", 1, ("http",)),
}


def measure(net, work, way, options):
    before = way.cpu()
    done = WORK[work][0](net, way, options)
    return (way.cpu() - before) / done * WORK[work][2]


def run_rounds(net, ways, options):
    """(work, way) -> one figure a round; each round begins with another way."""
    samples = {}
    for i in range(options.rounds):
        for work, (_, unit, _, modes) in WORK.items():
            some = [w for w in ways if w.mode in modes and options.only in work]
            if not some:
                continue
            turn = i % len(some)
            for way in some[turn:] + some[:turn]:
                samples.setdefault((work, way.name), []).append(measure(net, work, way, options))
            print(f"round {i + 1}, {work}: " + ", ".join(
                f"{w.name} {samples[work, w.name][-1]:.3g} {unit}" for w in some), flush=True)
    return samples


def start_server(net, options):
    home = net.directory
    with open(f"{home}/nginx.conf", "w", encoding="ascii") as f:
        f.write(NGINX.format(home=home, address=BALANCER, port=SERVER))
    with open(f"{home}/big", "wb") as f:
        f.truncate(512 << 20)
    net.balancer.spawn("taskset", "-c", options.other, "nginx", "-p", home, "-e",
                       f"{home}/nginx.log", "-c", f"{home}/nginx.conf")
    wait_for("nginx to listen", lambda: net.balancer.listens(SERVER, BALANCER))


def start_haproxy(net, options):
    config = f"{net.directory}/haproxy.cfg"
    with open(config, "w", encoding="ascii") as f:
        f.write(HAPROXY.format(address=BALANCER, port=SERVER))
    child = net.balancer.spawn("taskset", "-c", options.cpu, "haproxy", "-db", "-f", config)
    wait_for("HAProxy to listen", lambda: net.balancer.listens(PLAIN, BALANCER))
    return child.pid  # taskset and nsenter become what they start


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return f.read()


def start_nginx(net, options):
    """As a proxy; the pid of its one worker."""
    home = net.directory
    with open(f"{home}/proxy.conf", "w", encoding="ascii") as f:
        f.write(NGINX_PROXY.format(home=home, address=BALANCER, port=SERVER))
    child = net.balancer.spawn("taskset", "-c", options.cpu, "nginx", "-p", home, "-e",
                               f"{home}/proxy.log", "-c", f"{home}/proxy.conf")
    wait_for("nginx to listen", lambda: net.balancer.listens(NGINX_HTTP, BALANCER))
    return int(wait_for("nginx' worker", lambda: children(child.pid)))


def service(mode, port):
    return {"mode": mode, "vip": VIP_7, "ports": [port], "protocol": "tcp",
            "check": {"type": "connect"}, "reals": {"a": {"ip": BALANCER, "port": SERVER}}}


def start_lbxdp(lb, options):
    os.sched_setaffinity(0, {options.cpu})  # a proxy process for each CPU it may use: one
    lb.up({"version": 1, "node": {"interfaces": ["eth0"], "flows": 65536},
           "admin": {"listen": "off"},
           "services": {"tcp": service("l7-tcp", PORT), "http": service("l7-http", HTTP_PORT)}})
    pids = proxies(lb)
    os.sched_setaffinity(0, {options.other})
    if len(pids) != 1:
        raise LabError(f"lbxdp has {len(pids)} proxy processes on one CPU")
    return pids


@contextlib.contextmanager
def everything(directory_prefix, options):
    with network(directory_prefix) as net:
        lb = Balancer(net.balancer, directory_prefix, net.directory)
        try:
            start_server(net, options)
            haproxy, nginx = start_haproxy(net, options), start_nginx(net, options)
            own = start_lbxdp(lb, options)
            yield net, lb, [Way("lbxdp", "tcp", VIP_7, PORT, lambda: own),
                            Way("HAProxy", "tcp", BALANCER, PLAIN, lambda: [haproxy]),
                            Way("HAProxy, splice", "splice", BALANCER, SPLICE, lambda: [haproxy]),
                            Way("lbxdp", "http", VIP_7, HTTP_PORT, lambda: own),
                            Way("HAProxy", "http", BALANCER, HTTP, lambda: [haproxy]),
                            Way("nginx", "http", BALANCER, NGINX_HTTP, lambda: [nginx])]
        finally:
            lb.clean()


def parse(words):
    cpus = sorted(os.sched_getaffinity(0))
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=int, default=3, help="a way, work and round")
    p.add_argument("--gigabytes", type=int, default=2)
    p.add_argument("--connections", type=int, default=16)
    p.add_argument("--only", default="", help="work with this in its name")
    p.add_argument("--idle", type=int, default=2000, help="idle sessions for the memory")
    p.add_argument("--cpu", type=int, default=cpus[-1], help="of the proxies")
    p.add_argument("--other", type=int, default=cpus[0], help="of load generator and server")
    p.add_argument("--out", default=os.path.join(TOP, "bench", "results"))
    return p.parse_args(words)


def main(words):
    options = parse(words)
    if os.geteuid():
        sys.exit("bench-l7: needs root: sudo make bench-l7")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with everything(f"bl7{os.getpid()}", options) as (net, lb, ways):
        samples = run_rounds(net, ways, options)
        memory = {f"{way.name}, {way.mode}": idle(net, way, options)
                  for way in ways if way.mode != "splice"}
        version = lb.status()["version"]
    write_report({work: row[1] for work, row in WORK.items()}, samples, memory, version, options)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LabError as e:
        sys.exit(f"bench-l7: {e}")
