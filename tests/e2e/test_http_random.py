# SPDX-License-Identifier: GPL-2.0-only
"""HTTP mode carries whatever is well-formed: bodies of random sizes and codings, pipelined and cut
in pieces at random, each request and each answer proven whole by its digest."""

import hashlib
import random
import threading

import pytest

from lab.config import config
from lab.http import RAW, Peer, client, field, get, http
from lab.layer7 import Server, statistics
from lab.network import MAIL
from lab.proc import no_session_left

SIZES = (0, 1, 2, 100, 1500, 16383, 16384, 16385, 49152, 65536, 70000, 300000, 1000000)


def coded(rng, body):
    """The field that tells of it, and the body as it is on the wire."""
    if rng.random() < 0.5:
        return f"Content-Length: {len(body)}", body
    wire, at = [], 0
    while at < len(body):
        size = min(len(body) - at, rng.choice((1, 7, 4096, 16384, 100000, 400000)))
        wire.append(b"%x\r\n%s\r\n" % (size, body[at:at + size]))
        at += size
    return "Transfer-Encoding: chunked", b"".join(wire) + b"0\r\n\r\n"


def filling(seed, size):
    return hashlib.shake_128(seed.encode()).digest(size)


def answer_all(connection):
    """Says what the body was, and more of what the request asks for. Closes now and then."""
    peer = Peer(connection, 30)
    while True:
        head, body = peer.message()
        seed, size = field(head, "X-Wanted")[0].split()
        rng = random.Random(seed)
        said = hashlib.sha256(body).hexdigest().encode() + filling(seed, int(size))
        if rng.random() < 0.05:  # the answer ends with its connection
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + said)
            return
        how, wire = coded(rng, said)
        last = rng.random() < 0.05
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + (b"Connection: close\r\n" if last else b"") +
                           how.encode() + b"\r\n\r\n" + wire)
        if last:
            return


class Talker:
    """Rounds of requests on connections that live for as long as the servers let them."""

    def __init__(self, net, seed, rounds):
        self.net, self.rng, self.seed, self.rounds = net, random.Random(seed), seed, rounds
        self.done, self.failure = 0, None
        self.thread = threading.Thread(target=self.work, daemon=True)

    def request(self, n):
        seed, size = f"{self.seed}/{n}", self.rng.choice(SIZES)
        body = filling(seed + "/up", self.rng.choice(SIZES))
        how, wire = coded(self.rng, body)
        # Not idempotent, so that nothing is asked twice.
        head = get(f"/{n}", how, f"X-Wanted: {seed} {size}", method="POST")
        return head + wire, hashlib.sha256(body).hexdigest().encode() + filling(seed, size)

    def send(self, c, data):
        at = 0
        try:
            while at < len(data):
                size = self.rng.choice((1, 10, 1000, 16384, 200000))
                c.socket.sendall(data[at:at + size])
                at += size
        except OSError:
            pass  # the other side has closed; who reads sees it

    def read(self, c, wanted):
        """Reads the answers that come before the end; how many."""
        for n, content in enumerate(wanted):
            head = c.head()
            if field(head, "Transfer-Encoding"):
                body = c.chunked()[1]
            elif field(head, "Content-Length"):
                body = c.exactly(int(field(head, "Content-Length")[0]))
            else:
                body = c.rest()
            assert body == content, (head, len(body), len(content))
            if field(head, "Connection") == ["close"]:
                return n + 1, True
        return len(wanted), False

    def work(self):
        try:
            c, n = client(self.net), 0
            while self.done < self.rounds:
                batch = [self.request(n + i) for i in range(self.rng.choice((1, 1, 2, 5)))]
                n += len(batch)
                data = b"".join(request for request, _ in batch)
                sender = threading.Thread(target=self.send, args=(c, data), daemon=True)
                sender.start()
                count, over = self.read(c, [content for _, content in batch])
                self.done += count
                if over:
                    c.socket.close()
                sender.join(30)
                if over:
                    c = client(self.net)
        except (OSError, AssertionError, TypeError) as e:
            self.failure = (self.seed, self.done, repr(e)[:500])


@pytest.mark.parametrize("seed", ["a", "b"])
def test_random_conversations_are_carried_whole(net, lb, seed):
    with Server(net.mail1, MAIL["mail1"][0], RAW, answer_all), \
            Server(net.mail2, MAIL["mail2"][0], RAW, answer_all):
        lb.up(config({"web": http(port=RAW, check={"type": "on"})}))
        talkers = [Talker(net, f"{seed}{n}", 60) for n in range(3)]
        for t in talkers:
            t.thread.start()
        for t in talkers:
            t.thread.join(120)
        assert [t.failure for t in talkers if t.failure] == []
        assert all(t.done >= 60 for t in talkers)
        assert int(statistics(lb)["FRONTEND"]["hrsp_2xx"]) >= 180
        no_session_left(lb)
