# SPDX-License-Identifier: GPL-2.0-only
"""What the proxy processes use, as /proc tells."""

import os

from .layer7 import counts, proxies
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


def processor_seconds(lb):
    total = 0
    for pid in proxies(lb):
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def no_session_left(lb, service="web"):
    wait_for("every session to end", lambda: counts(lb, service)["current_sessions"] == 0, 20)
    assert lb.call("report", "sessions", "--json").stdout.strip() == "[]"
    assert "CLOSE-WAIT" not in lb.space.run("ss", "-tan").stdout
