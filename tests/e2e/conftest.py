# SPDX-License-Identifier: GPL-2.0-only
"""One lab for the whole session; a balancer that is clean before and after each test."""

import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import reports  # noqa: E402
from lab.balancer import Balancer, program  # noqa: E402
from lab.network import network  # noqa: E402
from lab.servers import start_mail_servers  # noqa: E402
from lab.space import close_sockets, open_sockets  # noqa: E402

collect_ignore = [] if reports.are_made(program()) else ["test_reports.py"]


def interrupted(*_):
    """SIGTERM ends the session as Ctrl-C does: the lab is cleared away."""
    raise KeyboardInterrupt


def pytest_sessionstart(session):
    if os.geteuid():
        pytest.exit("the end-to-end tests make network namespaces: run them as root", 3)
    if not os.path.exists(program()):
        pytest.exit(f"{program()} is not there: run make first", 3)
    signal.signal(signal.SIGTERM, interrupted)
    # A shell ignores it for what it runs in the background, and children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def net():
    with network(f"lxe{os.getpid()}") as n:
        n.servers = start_mail_servers(n)
        reports.begin(n.directory)
        yield n


@pytest.fixture
def servers(net):
    """The mail servers, all in service before each test."""
    yield net.servers
    for s in net.servers.values():
        s.in_service(True)


@pytest.fixture
def lb(net, servers):
    """lbxdp, not yet started. What it logged is shown when the test fails. Every socket that the
    test made is closed afterwards, also those that it still holds because it failed."""
    before = open_sockets()
    balancer = Balancer(net.balancer, f"t{os.getpid()}", net.directory)
    yield balancer
    close_sockets(but=before)
    log = balancer.log()
    print(log)
    balancer.clean()
    assert reports.found(log) == ""
