# SPDX-License-Identifier: GPL-2.0-only
"""HTTP load that keeps its connections, and configurations to change under it."""

from .clients import Work
from .http import client, field, get, http, status
from .layer7 import VIP_7
from .network import MAIL
from .servers import NAME


class Browsers(Work):
    """Clients that keep their connection and come back when they are told that it is closed. No
    request may fail. Over TLS if context is given."""

    def __init__(self, net, workers=3, port=80, context=None, path="/name"):
        super().__init__(workers, 15)
        self.net, self.port, self.context, self.path = net, port, context, path
        self.connections = 0

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
                self.count(body.decode().strip())
                if field(head, "Connection") == ["close"]:
                    c.socket.close()
                    c = self.connect()
        except (OSError, AssertionError) as e:
            self.failures.append(repr(e))

    def more(self, count, seconds=30):
        super().more(count, seconds)
        assert self.failures == []


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
