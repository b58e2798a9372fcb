# SPDX-License-Identifier: GPL-2.0-only
"""Layer 7 without main: proxies serve on when it dies, and hand over to those of the next."""

import os
import shutil
import signal

import pytest

from lab.balancer import alive, program
from lab.clients import Download, Load, all_read, answer
from lab.config import config, service
from lab.layer7 import VIP_7, counts, finishing, holders, l7, proxies
from lab.network import MAIL
from lab.space import wait_for


def end_main(lb, sig):
    main = lb.processes()["main"]
    lb.kill_pids([main], sig)
    return main


def downloads_of(net, processes, count=6):
    """At least count downloads, in more than one process where there are several."""
    found = [Download(net.client, VIP_7) for _ in range(count)]
    return found


def ports(downloads):
    return {d.socket.getsockname()[1] for d in downloads}


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_sessions_and_new_clients_are_served_without_main(net, lb, sig):
    lb.up(config({"web": l7(), "dr": service(ports=[8080])}))
    before, downloads = proxies(lb), [Download(net.client, VIP_7) for _ in range(4)]
    with all_read(downloads), Load(net.client, VIP_7) as load:
        end_main(lb, sig)
        load.more(200)
        assert all(alive(p) for p in before)
        for d in downloads:
            start = d.bytes
            wait_for("the download to go on", lambda d=d, start=start: d.bytes > start + 100000)
    assert load.failures == []
    assert not any(d.ended for d in downloads)
    assert set(lb.pids()) == set(before)
    lb.down()
    assert lb.leftovers() == []
    with pytest.raises(OSError):
        answer(net.client, VIP_7, 80, timeout=1)


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_the_next_main_takes_over_under_load_and_cuts_nothing(net, lb, sig):
    lb.up(config({"web": l7()}))
    old = set(proxies(lb))
    downloads = [Download(net.client, VIP_7) for _ in range(6)]
    with all_read(downloads), Load(net.client, VIP_7) as load:
        end_main(lb, sig)
        load.more(50)
        lb.up()
        load.more(50)
        wait_for("the old ones to finish", lambda: set(finishing(lb)) <= old and
                 sum(finishing(lb).values()) == len(downloads))
        new = set(proxies(lb))
        assert not new & old and len(new) == len(os.sched_getaffinity(0))
        load.more(100)
        held = holders(lb, 80)
        assert set().union(*(held[p] for p in held if p in old)) == ports(downloads)
        for d in downloads:
            start = d.bytes
            wait_for("the download to go on", lambda d=d, start=start: d.bytes > start + 100000)
    assert load.failures == []
    assert not any(d.ended for d in downloads)
    for d in downloads:
        d.close()
    wait_for("the old ones to end", lambda: not any(alive(p) for p in old))
    assert finishing(lb) == {} and set(proxies(lb)) == new
    assert sorted(os.listdir(lb.run_dir)) == sorted(
        ["control.sock", "empty", "lbxdp.log", *(f"proxy-{p}.sock" for p in new)])
