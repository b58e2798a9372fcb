# SPDX-License-Identifier: GPL-2.0-only
"""Of a program that was built with SANITIZE=1 only: what the sanitizers find, a test fails for."""

import re

from lab import reports
from lab.config import config
from lab.layer7 import l7


def test_a_leak_of_any_process_is_found(lb, monkeypatch):
    with monkeypatch.context() as leaking:
        leaking.setenv("LBXDP_LEAK", "1")
        lb.up(config({"web": l7()}), check=False)
    assert reports.found("")  # of `up` itself
    pids = {p["pid"] for p in lb.status()["processes"]}
    lb.down()
    said = re.findall("^==([0-9]+)==ERROR: LeakSanitizer", reports.found(""), re.M)
    assert pids <= set(map(int, said))
