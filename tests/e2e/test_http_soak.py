# SPDX-License-Identifier: GPL-2.0-only
"""Everything at once for a while: idle sessions, load and a reload after the other. Nothing is
lost, and nothing is left. LBXDP_SOAK_SECONDS and LBXDP_SOAK_IDLE make it longer and larger."""

import contextlib
import os
import resource
import time

from lab.browsers import Browsers, shapes
from lab.config import config
from lab.http import client, get, http
from lab.layer7 import Server, counts, l7, proxies
from lab.network import MAIL
from lab.proc import (all_files_returned, files_at_rest, no_connection_forgotten, no_session_left,
                      resident, share_at_rest)
from lab.space import wait_for

SECONDS = int(os.environ.get("LBXDP_SOAK_SECONDS", "8"))
IDLE = int(os.environ.get("LBXDP_SOAK_IDLE", "300"))


def echo(connection):
    connection.settimeout(None)
    while part := connection.recv(65536):
        connection.sendall(part)


def services(shape):
    return {"web": shape, "tcp": l7(ports=[2525], weights=(1, None), check={"type": "on"})}


def idle_sessions(net, stack):
    """Half of them in each mode, all of which have been served once."""
    crowd = []
    for n in range(IDLE):
        c = stack.enter_context(client(net, 2525 if n % 2 else 80))
        if n % 2:
            c.socket.sendall(b"hello")
            assert c.exactly(5) == b"hello"
        else:
            assert c.ask(get("/name"))[1].startswith(b"mail")
        crowd.append(c)
    return crowd


def test_nothing_is_lost_and_nothing_left(net, lb):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.ExitStack() as stack:
        stack.enter_context(Server(net.mail1, MAIL["mail1"][0], 2525, echo))
        lb.up(config(services(http())))
        with client(net) as c:
            c.ask(get("/name"))
        before, files = proxies(lb), files_at_rest(lb)
        crowd = idle_sessions(net, stack)
        with Browsers(net, 2) as load:
            load.more(200)
            memory, until = resident(lb), time.monotonic() + SECONDS
            while time.monotonic() < until:
                for shape in shapes():
                    lb.reload(config(services(shape)))
                    load.more(30)
        assert load.failures == []
        assert proxies(lb) == before
        assert resident(lb) < memory + 4096 + IDLE
        for n, c in enumerate(crowd):  # each goes on where it stood
            if n % 2:
                c.socket.sendall(b"again")
                assert c.exactly(5) == b"again"
            else:
                assert c.ask(get("/name"))[1].startswith(b"mail")
        assert lb.call("status").stdout and lb.call("report", "l7").stdout
        assert share_at_rest(lb) < 0.01
    wait_for("every session to end", lambda: all(
        counts(lb, name)["current_sessions"] == 0 for name in ("web", "tcp")), 20)
    no_connection_forgotten(lb)
    all_files_returned(lb, files)


# They all have mail2, checked as before.
STEADY = [http(weights=(300, 100)), http(weights=(100, 100, 100), timeouts={"client": "9m"}),
          http(persistence={"cookie": "LB"}, scheduler="wlc"), http(request_buffer=32768), http()]


def test_reloads_and_a_flapping_server_cost_nobody_anything(net, lb, servers):  # F38, F29
    """LBXDP_SOAK_SECONDS=3600 and a build with SANITIZE=1 make it the whole of F38."""
    lb.up(config(services(http())))
    before, files = proxies(lb), files_at_rest(lb)
    with Browsers(net, 2) as load:
        load.more(200)
        memory, until = resident(lb), time.monotonic() + SECONDS
        while time.monotonic() < until:
            for shape in STEADY:
                for up in (False, True):
                    servers["mail2"].in_service(up)
                    if up:  # in the middle of it
                        lb.reload(config(services(shape)))
                    lb.wait_real("web/mail2", status="up" if up else "down")
                    load.more(30)
                    lb.reload(config(services(http(weights=(100 + up, 100)))))
                    load.more(30)
    assert load.failures == []
    assert proxies(lb) == before
    assert resident(lb) < memory + 4096
    no_session_left(lb)
    all_files_returned(lb, files)
