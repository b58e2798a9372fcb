# SPDX-License-Identifier: GPL-2.0-only
"""Reloads that move, rename and remove things under running flows, and processes that do not help."""

import os
import signal
import socket

from lab.clients import Download, answer, burst, wait_cut
from lab.config import config, service
from lab.network import MAIL, VIP, VIP_2
from lab.space import wait_for


def one_real(server, vip=VIP, **more):
    """A service whose only real is labelled "a", whichever server that is."""
    return service(vip=vip, **more) | {"reals": {"a": {"ip": MAIL[server][0]}}}


def test_a_real_that_moves_to_another_address_keeps_its_running_flows_where_they_are(net, lb):
    lb.up(config({"web": one_real("mail1")}))
    download = Download(net.client, VIP)
    assert "192.168.30.20 -> 192.168.30.21" in lb.reload(config({"web": one_real("mail2")})).stdout
    lb.wait_real("web/a", status="up")
    assert burst(net.client, VIP, 80, 6) == {"mail2": 6}
    assert download.flows()
    lb.kill()
    lb.up()
    assert download.flows()
    lb.reload(config({"web": one_real("mail1")}))
    lb.wait_real("web/a", status="up")
    assert burst(net.client, VIP, 80, 6) == {"mail1": 6}
    assert download.flows()
    download.close()


def test_a_service_that_is_removed_with_its_vip_resets_its_flows(net, lb):
    lb.up(config({"web": service(), "more": service(vip=VIP_2, weights=(100, None))}))
    running, idle = Download(net.client, VIP_2), net.client.connect(VIP_2, 80)
    other = Download(net.client, VIP)
    idle.sendall(b"GET /name HTTP/1.1\r\nHost: lab\r\n\r\n")
    assert b"mail1" in idle.recv(4096)
    assert "more: removed" in lb.reload(config({"web": service()})).stdout
    assert wait_cut(idle, 3) < 2
    assert running.until_reset(3) < 2
    assert other.flows()
    assert not net.client.run("ping", "-c", "1", "-W", "1", VIP_2, check=False).stdout.count("1 received")
    for d in (running, idle, other):
        d.close()


def test_an_isolated_real_that_a_reload_removes_halts_nobody(net, lb):  # R62
    lb.up(config())
    alone = lb.spawn("isolate", "web/mail1")
    lb.wait_real("web/mail2", status="halt")
    lb.reload(config({"web": service(weights=(None, 100))}))
    assert lb.wait_real("web/mail2", status="up")
    assert answer(net.client, VIP) == "mail2"
    alone.kill()
    alone.wait(5)
    lb.reload(config())
    lb.wait_real("web/mail1", status="up")
    assert burst(net.client, VIP, 80, 6) == {"mail1": 3, "mail2": 3}


def test_a_page_whose_port_is_taken_is_served_when_the_port_is_free(net, lb):
    lb.up(config())
    moved = config()
    moved["admin"]["listen"] = "127.0.0.1:9444"
    with net.balancer.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 9444))
        taken.listen()
        assert "admin.listen" in lb.reload(moved).stdout
        assert "web" not in lb.processes()
    wait_for("the page to be served", lambda: net.balancer.listens(9444), 5)
    assert lb.processes()["web"]
    assert not net.balancer.listens(9443)


def test_down_ends_processes_that_are_stopped(net, lb):
    lb.up(config())
    processes = lb.processes()
    for role in ("probe", "web"):
        os.kill(processes[role], signal.SIGSTOP)
    lb.down()
    assert lb.leftovers() == []


def test_down_ends_an_up_that_still_waits(net, lb):
    slow = service(check={"type": "connect", "timeout": "20s", "interval": "30s"})
    slow["reals"]["ghost"] = {"ip": "192.168.30.77"}
    lb.up(config())
    lb.reload(config({"web": slow}))
    lb.kill()
    waiting = lb.spawn("up", "eth0", "-c", lb.config)
    wait_for("the daemon to answer", lambda: lb.call("status", check=False).returncode == 0, 5)
    lb.down()
    assert waiting.wait(5) != 0
    assert lb.leftovers() == []
