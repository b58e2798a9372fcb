# SPDX-License-Identifier: GPL-2.0-only
"""One lab for the whole session; a balancer that is clean before and after each test."""

import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import reports  # noqa: E402
from lab.balancer import Balancer, program  # noqa: E402
from lab.network import MAIL, network  # noqa: E402
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


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    item.has_failed = outcome.get_result().failed or getattr(item, "has_failed", False)


def resets(net):
    """Who answered how often with a reset."""
    return {name: net.spaces[name].resets_sent() for name in ("client", "balancer", *MAIL)}


@pytest.fixture
def lb(request, net, servers):
    """lbxdp, not yet started. What it logged and counted, and who sent resets, is shown when the test
    fails. Every socket that the test made is closed afterwards, also those that it still holds
    because it failed."""
    before, at_first = open_sockets(), resets(net)
    balancer = Balancer(net.balancer, f"t{os.getpid()}", net.directory)
    yield balancer
    if request.node.has_failed:
        print("resets:", {name: n - at_first[name] for name, n in resets(net).items()})
        print(balancer.counted())
    close_sockets(but=before)
    log = balancer.log()
    print(log)
    balancer.clean()
    assert reports.found(log) == ""
