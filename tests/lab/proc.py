# SPDX-License-Identifier: GPL-2.0-only
"""What the proxy processes use, as /proc tells."""

import os
import re
import time

from .layer7 import counts, proxies, sessions
from .space import wait_for


def open_files(lb):
    return sum(len(os.listdir(f"/proc/{p}/fd")) for p in proxies(lb))


def kept_pipes(lb):
    """Of all proxies, that no session has; they are written down once a second."""
    return wait_for("no session to have a pipe", lambda: re.search(
        r"current pipes = 0/(\d+)", lb.call("report", "l7").stdout), 10)[1]


def files_at_rest(lb):
    """Descriptors of all proxies while nobody is connected, but for pipes that are kept for the next
    session. A server that is drained keeps no connection that waits for a request."""
    reals = [f"{s['name']}/{r['name']}" for s in lb.status()["services"] for r in s["reals"]
             if r["admin"] == "online"]
    for real in reals:
        lb.call("drain", real)
    try:
        return open_files(lb) - 2 * int(kept_pipes(lb))
    finally:
        for real in reals:
            lb.call("online", real)


def all_files_returned(lb, before):
    """What files_at_rest said before it is again."""
    wait_for(f"{before} descriptors again", lambda: files_at_rest(lb) <= before, 30)


def is_sanitized(pid):
    with open(f"/proc/{pid}/maps") as f:
        return "libasan" in f.read()


def resident(lb):
    """KiB of all proxies, without what they share; 0 where a sanitizer keeps what was freed."""
    total = 0
    for pid in proxies(lb):
        if is_sanitized(pid):
            return 0
        with open(f"/proc/{pid}/status") as f:
            total += next(int(line.split()[1]) for line in f if line.startswith("RssAnon:"))
    return total


def processor_seconds(pids):
    """By the scheduler, to the ns; its ticks would not see who works for less than one."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/schedstat") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def share_at_rest(lb, seconds=10):
    """The part of one processor that all proxies together take in a time in which nothing happens:
    what they ran, which others on a busy host cannot add to. What was asked before ends first."""
    pids = proxies(lb)
    time.sleep(1)
    used, began = processor_seconds(pids), time.monotonic()
    time.sleep(seconds)
    return (processor_seconds(pids) - used) / (time.monotonic() - began)


def no_connection_forgotten(lb):
    """A server that closes first leaves each check in CLOSE-WAIT for a moment; who is forgotten
    stays there."""
    wait_for("no CLOSE-WAIT", lambda: "CLOSE-WAIT" not in lb.space.run("ss", "-tan").stdout, 20)


def no_session_left(lb, service="web"):
    wait_for("every session to end", lambda: counts(lb, service)["current_sessions"] == 0, 20)
    assert sessions(lb) == []
    no_connection_forgotten(lb)
