# SPDX-License-Identifier: GPL-2.0-only
"""The work: what is asked of a proxy, and how much of it was done."""

import contextlib
import os
import re
import ssl
import subprocess

from lab.space import LabError

FEW = 16  # clients at a time


def wrk(net, way, kind, options, connections, *headers):
    """Requests answered."""
    words = ["taskset", "-c", options.other, "wrk", "-t1", f"-c{connections}",
             f"-d{options.seconds}s"]
    for header in headers:
        words += ["-H", header]
    done = net.balancer.run(*words, way.url(kind), timeout=options.seconds + 30)
    if "Non-2xx" in done.stdout or re.search(r"Socket errors: .*(connect|write|timeout) [1-9]",
                                             done.stdout):
        raise LabError(f"{way.name}: {done.stdout}")
    return int(re.search(r"(\d+) requests in", done.stdout)[1])


def keepalive(net, way, kind, options):
    return wrk(net, way, kind, options, options.connections)


def few_keepalive(net, way, kind, options):
    """The less there is to do, the more often a proxy asks whether there is."""
    return wrk(net, way, kind, options, FEW)


def connections(net, way, kind, options):
    return wrk(net, way, kind, options, options.connections, "Connection: close")


def handshakes(net, way, kind, options):
    """Connections, one after the other, each with a full handshake, a request and its answer. (wrk
    resumes sessions.)"""
    done = net.balancer.run("taskset", "-c", options.other, "openssl", "s_time", "-new", "-connect",
                            f"{way.address}:{way.ports[kind]}", "-www", "/name", "-time",
                            options.seconds, timeout=options.seconds + 30)
    return int(re.search(r"(\d+) connections in \d+ real", done.stdout)[1])


def bulk(net, way, kind, options):
    """Gigabytes (1e9) fetched, over two connections at a time."""
    fetch = f"curl -sSf -o /dev/null {way.url(kind, '/big')}"
    for _ in range(options.gigabytes):
        net.balancer.run("taskset", "-c", options.other, "sh", "-c", f"{fetch} & {fetch} && wait $!",
                         timeout=120)
    return options.gigabytes * 2 * (512 << 20) / 1e9


def steady(net, way, kind, options, rate):
    """ms that 99 of 100 requests stay below, at that rate over some connections."""
    log, count = os.path.join(net.directory, "h2load.log"), rate * options.seconds
    with contextlib.suppress(FileNotFoundError):
        os.remove(log)
    net.balancer.run("taskset", "-c", options.other, "h2load", "--h1",
                     f"-c{FEW}", f"--rps={rate / FEW}",
                     f"-n{count}", f"--log-file={log}", way.url(kind),
                     timeout=options.seconds * 4 + 30)
    with open(log, encoding="ascii") as f:
        rows = [line.split() for line in f]
    if len(rows) != count or any(row[1] != "200" for row in rows):
        raise LabError(f"{way.name}: h2load: not every request was answered with 200")
    times = sorted(int(row[2]) for row in rows)
    return times[len(times) * 99 // 100] / 1000


def latency(net, way, kind, options):
    return steady(net, way, kind, options, options.rate)


def crowded(net, way, kind, options):
    """The same at a tenth of the rate, while each of a crowd makes one full handshake after another
    with the same proxy."""
    words = ("taskset", "-c", options.other, "openssl", "s_time", "-new", "-connect",
             f"{way.address}:{way.ports['tls']}", "-www", "/name", "-time", 600)
    crowd = [net.balancer.spawn(*words, stdout=subprocess.DEVNULL) for _ in range(FEW)]
    try:
        return steady(net, way, kind, options, options.rate // 10)
    finally:
        for child in crowd:
            child.kill()
            child.wait()


def tls_context(version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    return context


def open_session(net, way, kind, context):
    """One that was used once. What it leaves to read stays with the kernel."""
    s = net.balancer.connect(way.address, way.ports[kind])
    if context:
        s = context.wrap_socket(s)
    s.sendall(b"GET /name HTTP/1.1\r\nHost: x\r\n\r\n")
    while not s.recv(4096).endswith(b"name\n"):
        pass
    return s


def idle(net, way, options):
    """name -> bytes of user space a session that is established on both sides and says nothing.
    All stay to the end: what one kind gives back would be another's."""
    found = {}
    with contextlib.ExitStack() as held:
        for name, kind, version in IDLE:
            context = version and tls_context(version)
            for _ in range(16):  # what the first session costs is not the others'
                held.enter_context(open_session(net, way, kind, context))
            before = way.memory()
            for _ in range(options.idle):
                held.enter_context(open_session(net, way, kind, context))
            found[name] = (way.memory() - before) / options.idle
    return found


class Work:
    """run says how much was done, or if factor is None what was measured; factor is from seconds
    of CPU to unit; kind is of a port; splice: for HAProxy with splice forced, too."""

    def __init__(self, name, run, kind, unit, factor, splice=False):
        self.name, self.run, self.kind, self.unit = name, run, kind, unit
        self.factor, self.splice = factor, splice

    def ways(self, every):
        return [w for w in every if self.kind in w.ports and (self.splice or len(w.ports) > 1)]

    def measure(self, net, way, options):
        before = way.cpu()
        done = self.run(net, way, self.kind, options)
        if not done:
            raise LabError(f"{way.name}: {self.name}: nothing was done")
        return done if self.factor is None else (way.cpu() - before) / done * self.factor


REQUEST, CONNECTION = ("us a request", 1e6), ("us a connection", 1e6)
WORK = [
    Work("TCP, keep-alive requests", keepalive, "tcp", *REQUEST),
    Work("TCP, keep-alive, few clients", few_keepalive, "tcp", *REQUEST),
    Work("TCP, new connections", connections, "tcp", *CONNECTION),
    Work("TCP, bulk", bulk, "tcp", "s a GB", 1, splice=True),
    Work("HTTP, keep-alive requests", keepalive, "http", *REQUEST),
    Work("HTTP, keep-alive, few clients", few_keepalive, "http", *REQUEST),
    Work("HTTP, new connections", connections, "http", *CONNECTION),
    Work("HTTP, bulk", bulk, "http", "s a GB", 1),
    Work("TLS, keep-alive requests", keepalive, "tls", *REQUEST),
    Work("TLS, handshakes", handshakes, "tls", *CONNECTION),
    Work("HTTPS, keep-alive requests", keepalive, "https", *REQUEST),
    Work("HTTPS, handshakes", handshakes, "https", *CONNECTION),
    Work("TCP, p99 at a steady rate", latency, "tcp", "ms", None),
    Work("HTTP, p99 at a steady rate", latency, "http", "ms", None),
    Work("TCP, p99 beside handshakes", crowded, "tcp", "ms", None),
]

# What is held, of which kind, with which TLS.
IDLE = [
    ("TCP", "tcp", None),
    ("TLS 1.2", "tls", ssl.TLSVersion.TLSv1_2),
    ("TLS 1.3", "tls", ssl.TLSVersion.TLSv1_3),
]
