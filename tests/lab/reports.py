# SPDX-License-Identifier: GPL-2.0-only
"""What the sanitizers say of a program that was built with SANITIZE=1 (tests/leaks.c)."""

import contextlib
import os
import re

NAME = "LBXDP_REPORTS"
REPORT = re.compile("ERROR: (Address|Leak)Sanitizer|LeakSanitizer has|runtime error:")


def are_made(program):
    """Whether the program was built with SANITIZE=1."""
    with contextlib.suppress(OSError), open(program, "rb") as f:
        return b"LBXDP_REPORTS" in f.read()
    return False


def begin(directory):
    """From now on every process that is started writes its reports into a file of directory."""
    os.environ[NAME] = os.path.join(directory, "reports")
    with open(os.environ[NAME], "w"):
        pass


def path():
    return os.environ[NAME]


def found(log):
    """All reports since the last call, and the log if there is one in it; "" if none."""
    with open(path(), "r+", errors="replace") as f:
        text = f.read()
        f.truncate(0)
    return text + (log if REPORT.search(log) else "")
