# SPDX-License-Identifier: GPL-2.0-only
"""HTTP load that keeps its connections, and configurations to change under it."""

import threading
import time

from .http import client, field, get, http, status
from .layer7 import VIP_7
from .network import MAIL
from .servers import NAME


class Browsers:
    """Clients that keep their connection and come back when they are told that it is closed. No
    request may fail. Over TLS if context is given."""

    def __init__(self, net, workers=3, port=80, context=None, path="/name"):
        self.net, self.port, self.context, self.path = net, port, context, path
        self.done, self.failures, self.connections = 0, [], 0
        self.by_name, self.lock, self.over = {}, threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(workers)]

    def connect(self):
        c = client(self.net, self.port)
        if self.context:
            c.socket = self.context.wrap_socket(c.socket, server_hostname=NAME)
        with self.lock:
            self.connections += 1
        return c

    def work(self):
        try:
            c = self.connect()
            while not self.over.is_set():
                head, body = c.ask(get(self.path))
                assert status(head) == 200, head
                with self.lock:
                    self.done += 1
                    name = body.decode().strip()
                    self.by_name[name] = self.by_name.get(name, 0) + 1
                if field(head, "Connection") == ["close"]:
                    c.socket.close()
                    c = self.connect()
        except (OSError, AssertionError) as e:
            self.failures.append(repr(e))

    def more(self, count, seconds=30):
        goal, deadline = self.done + count, time.monotonic() + seconds
        while self.done < goal and not self.failures:
            assert time.monotonic() < deadline, f"{goal - self.done} are missing"
            time.sleep(0.005)
        assert self.failures == []

    def __enter__(self):
        for t in self.threads:
            t.start()
        self.more(50)
        return self

    def __exit__(self, *error):
        self.over.set()
        for t in self.threads:
            t.join(15)


def shapes():
    """Configurations that differ in everything a reload may change."""
    yield http(weights=(300, 100))
    yield http(weights=(100, 100, 100), timeouts={"client": "9m"}, request_buffer=32768)
    yield http(request_headers={"set": {"X-A": "b"}}, response_headers={"add": {"X-B": "c"}})
    yield http(persistence={"cookie": "LB"}, redirect_root="/owa/", scheduler="wlc")
    yield {**http(), "routes": [{"path": "/name", "reals": {"mail3": {"ip": MAIL["mail3"][0]}}}]}
    yield http(ports=[80, 8001])  # one check more each
    yield http(weights=(None, None, 100))  # none of those that were there
    yield http(weights=(100, None), check={"type": "http", "request": "name", "expect": "mail"})
    yield http(weights=(None, 100, 100), rewrite=[{"from": "/x", "to": "/y"}])
    yield http(vip=[VIP_7, "192.168.30.13"], ports=[80, 81], port=80)
    yield http()
