# SPDX-License-Identifier: GPL-2.0-only
"""Proxy processes that the host gives no more memory (F22): who is there already is served, others
are closed, nobody dies."""

import re
import select
import ssl

import pytest

from lab.clients import answer
from lab.config import config
from lab.http import get, http
from lab.layer7 import VIP_7, proxies
from lab.proc import is_sanitized, no_session_left
from lab.space import run, wait_for

EACH, ROOM = 150, 1 << 20  # sessions, and bytes for them, a process


def bytes_mapped(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmSize:\s+(\d+) kB", f.read())[1]) << 10


def starve(lb):
    """Leaves each proxy ROOM bytes. Only who runs as the same user may: the lab has no
    CAP_SYS_RESOURCE."""
    for pid in proxies(lb):
        if is_sanitized(pid):
            pytest.skip("a sanitizer ends what gets no memory")
        run("setpriv", "--reuid", "lbxdp", "--regid", "lbxdp", "--clear-groups", "prlimit",
            f"--pid={pid}", f"--as={bytes_mapped(pid) + ROOM}:unlimited")


def closed(sockets):
    return len(select.select(sockets, [], [], 0)[0])


def test_heads_for_which_there_is_no_memory_are_closed(net, lb):
    lb.up(config({"web": http(timeouts={"request": "1m"}, request_buffer=51200)}))
    answer(net.client, VIP_7)
    before = proxies(lb)
    starve(lb)
    held = [net.client.connect(VIP_7, 80) for _ in range(EACH * len(before))]
    for s in held:
        try:
            s.sendall(b"GET /name HTTP/1.1\r\nHost: lab\r\nX:" + b"\r\nX:".join([b"x" * 7000] * 4))
        except ConnectionError:
            pass
    wait_for("some to be closed", lambda: closed(held) > len(held) / 4)
    served = 0
    for s in held:
        if closed([s]):
            continue
        s.sendall(b"\r\n\r\n")
        served += s.recv(1024).startswith(b"HTTP/1.1 200 ")
    assert served
    for s in held:
        s.close()
    no_session_left(lb)
    assert answer(net.client, VIP_7)
    assert proxies(lb) == before


def test_handshakes_for_which_there_is_no_memory_are_closed(net, lb, tmp_path):
    pem = tmp_path / "mail.pem"
    with open(f"{net.directory}/cert.pem") as c, open(f"{net.directory}/key.pem") as k:
        pem.write_text(c.read() + k.read())
    lb.up(config({"web": http(ports=[443], port=80, tls={"certificates": [str(pem)]})}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    before = proxies(lb)

    def shake():
        return context.wrap_socket(net.client.connect(VIP_7, 443))

    shake().close()
    starve(lb)
    held, refused = [], 0
    for _ in range(EACH * len(before)):
        try:
            held.append(shake())
        except OSError:
            refused += 1
    assert held and refused
    for s in held:
        s.close()
    no_session_left(lb)
    s = shake()
    s.sendall(get("/name"))
    assert s.recv(1024).startswith(b"HTTP/1.1 200 ")
    s.close()
    assert proxies(lb) == before
