# SPDX-License-Identifier: GPL-2.0-only
"""Clients that count: bursts of connections, steady load, downloads one can watch, raw frames."""

import contextlib
import errno
import select
import socket
import struct
import threading
import time

from .space import PATIENCE

NAME_REQUEST = b"GET /name HTTP/1.0\r\n\r\n"
WHO_REQUEST = b"GET /whoami HTTP/1.0\r\n\r\n"


def answer(space, address, port=80, request=NAME_REQUEST, timeout=5.0, source=None):
    """One HTTP request on a connection of its own; the body of the answer, or OSError."""
    with space.connect(address, port, timeout, source) as s:
        s.sendall(request)
        data = b""
        while True:
            part = s.recv(65536)
            if not part:
                break
            data += part
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise OSError(errno.EPROTO, f"answered {head[:40]!r}")
    return body.decode().strip()


def burst(space, address, port, count):
    """count connections one after the other; how often each server answered."""
    tally = {}
    with space.inside():
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for _ in range(count):
            with socket.socket(family) as s:
                s.settimeout(5 * PATIENCE)
                s.connect((address, port))
                s.sendall(NAME_REQUEST)
                data = b""
                while part := s.recv(4096):
                    data += part
            name = data.rsplit(b"\n", 2)[-2].decode()
            tally[name] = tally.get(name, 0) + 1
    return tally


class Work:
    """Threads that ask without a pause until the with block ends, and count what is answered."""

    def __init__(self, workers, patience):
        self.done, self.failures, self.by_name, self.patience = 0, [], {}, patience
        self.lock, self.over = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(workers)]

    def work(self):
        raise NotImplementedError

    def count(self, name):
        with self.lock:
            self.done += 1
            self.by_name[name] = self.by_name.get(name, 0) + 1

    def more(self, count, seconds=30):
        """Waits until so many further requests were answered: the load went on meanwhile."""
        goal, deadline = self.done + count, time.monotonic() + seconds * PATIENCE
        while self.done < goal:
            assert time.monotonic() < deadline and any(t.is_alive() for t in self.threads), (
                f"{goal - self.done} of {count} requests not answered; "
                f"failures: {self.failures[:3]}")
            time.sleep(0.005)

    def __enter__(self):
        for t in self.threads:
            t.start()
        self.more(50)
        return self

    def __exit__(self, *error):
        self.over.set()
        for t in self.threads:
            t.join(self.patience * PATIENCE)


class Load(Work):
    """Each request on a connection of its own. None may fail, unless the test says how many."""

    def __init__(self, space, address, port=80, workers=3, timeout=3.0):
        super().__init__(workers, timeout * 2 + 1)
        self.space, self.address, self.port, self.timeout = space, address, port, timeout

    def work(self):
        while not self.over.is_set():
            started = time.monotonic()
            try:
                self.count(answer(self.space, self.address, self.port, timeout=self.timeout))
            except OSError as e:
                with self.lock:
                    self.failures.append((time.monotonic() - started, repr(e)))


class Download:
    """A long answer that is read bit by bit, so that one sees when it stalls, ends or is reset."""

    def __init__(self, space, address, port=80, path="/slow/big", rcvbuf=65536, source=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = space.socket(family)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.socket.settimeout(5 * PATIENCE)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((address, port))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: lab\r\n\r\n".encode())
        self.bytes, self.ended = 0, False
        self.read_some()

    def read_some(self, seconds=5.0):
        """Reads what comes first; 0 at the end of the answer. ConnectionResetError when cut."""
        self.socket.settimeout(seconds * PATIENCE)
        part = len(self.socket.recv(65536))
        self.bytes += part
        return part

    def flows(self, count=200000, seconds=8):
        """True when so many further bytes arrive."""
        goal, deadline = self.bytes + count, time.monotonic() + seconds * PATIENCE
        while self.bytes < goal and time.monotonic() < deadline:
            if not self.read_some():
                return False
        return self.bytes >= goal

    def until_reset(self, seconds):
        """Reads on until the connection is cut; how long that took, in seconds of a machine that
        needs no patience. AssertionError if it is not."""
        started = time.monotonic()
        while (spent := (time.monotonic() - started) / PATIENCE) < seconds:
            try:
                if not self.read_some(max(0.01, seconds - spent)):
                    raise AssertionError("the connection was closed, not reset")
            except ConnectionResetError:
                return (time.monotonic() - started) / PATIENCE
            except TimeoutError:
                break
        raise AssertionError(f"no reset within {seconds} s")

    def close(self):
        self.socket.close()


@contextlib.contextmanager
def all_read(downloads):
    """Meanwhile reads what comes of all of them. Who leaves a download unread makes its sender's
    kernel back off, and the next byte may then come many seconds after the first read."""
    over = threading.Event()

    def read():
        left = {d.socket.fileno(): d for d in downloads}
        while left and not over.is_set():
            for fd in select.select(list(left), [], [], 0.05)[0]:
                try:
                    left[fd].ended = not left[fd].read_some()
                except ConnectionResetError:
                    left[fd].ended = True
                if left[fd].ended:
                    del left[fd]

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


def wait_cut(s, seconds):
    """How long an idle connection lasts until it is reset, in seconds of a machine that needs no
    patience; AssertionError if it is not."""
    started = time.monotonic()
    s.settimeout(seconds * PATIENCE)
    try:
        data = s.recv(1)
    except ConnectionResetError:
        return (time.monotonic() - started) / PATIENCE
    except TimeoutError:
        raise AssertionError(f"no reset within {seconds} s") from None
    raise AssertionError(f"not reset: read {data!r}")


ETH_P_ALL, PACKET_AUXDATA, SOL_PACKET, PACKET_OUTGOING = 3, 8, 263, 4
TP_STATUS_VLAN_VALID = 1 << 4


class Sniffer:
    """Frames of one device, VLAN tag put back where the kernel took it off."""

    def __init__(self, space, device="eth0"):
        self.socket = space.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        with space.inside():
            self.socket.bind((device, ETH_P_ALL))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()

    def frame(self):
        """(frame, outgoing) or None when nothing is waiting."""
        try:
            data, ancillary, _, sender = self.socket.recvmsg(65600, 256, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        for level, kind, value in ancillary:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", value[:20])
                if status & TP_STATUS_VLAN_VALID:
                    data = data[:12] + struct.pack("!HH", tpid or 0x8100, tci) + data[12:]
        return data, sender[2] == PACKET_OUTGOING

    def frames(self):
        """What has arrived so far."""
        while (frame := self.frame()) is not None:
            yield frame

    def find(self, wanted, seconds=3.0):
        """The first frame that wanted(bytes) agrees to; None after the deadline."""
        deadline = time.monotonic() + seconds * PATIENCE
        while True:
            for data, _ in self.frames():
                if wanted(data):
                    return data
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            select.select([self.socket], [], [], left)


def send_frame(space, frame, device="eth0"):
    with contextlib.closing(space.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)) as s:
        with space.inside():
            s.bind((device, 0))
        s.send(frame)
