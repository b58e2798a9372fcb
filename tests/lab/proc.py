# SPDX-License-Identifier: GPL-2.0-only
"""What the proxy processes use, as /proc tells."""

import os
import time

from .layer7 import counts, proxies, sessions
from .space import wait_for


def open_files(lb):
    return sum(len(os.listdir(f"/proc/{p}/fd")) for p in proxies(lb))


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


def share_at_rest(lb, enough, windows=5, seconds=3):
    """The part of one processor that all proxies together take while nothing happens. Of a few
    windows the quietest, for the host may be busy; the first that is below enough will do."""
    pids, least = proxies(lb), 1.0
    for _ in range(windows):
        used, began = processor_seconds(pids), time.monotonic()
        time.sleep(seconds)
        least = min(least, (processor_seconds(pids) - used) / (time.monotonic() - began))
        if least < enough:
            break
    return least


def no_connection_forgotten(lb):
    """A server that closes first leaves each check in CLOSE-WAIT for a moment; who is forgotten
    stays there."""
    wait_for("no CLOSE-WAIT", lambda: "CLOSE-WAIT" not in lb.space.run("ss", "-tan").stdout, 20)


def no_session_left(lb, service="web"):
    wait_for("every session to end", lambda: counts(lb, service)["current_sessions"] == 0, 20)
    assert sessions(lb) == []
    no_connection_forgotten(lb)
