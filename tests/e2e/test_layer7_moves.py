# SPDX-License-Identifier: GPL-2.0-only
"""What a reload moves between the layers, and what the host's limits leave of layer 7."""

import json
import re

from lab.clients import Download, WHO_REQUEST, answer
from lab.config import config, service
from lab.layer7 import CONNECT, VIP_7, l7, proxies
from lab.network import BALANCER, CLIENT, MAIL, VIP
from lab.space import wait_for


def loopback(net):
    links = json.loads(net.balancer.ip("-j", "addr", "show", "dev", "lo").stdout)
    return {a["local"] for a in links[0]["addr_info"]}


def say(s, what):
    s.sendall(what + b"\r\n")
    return s.recv(1024)[:3]


def test_a_vip_that_leaves_layer_7_stays_until_its_last_session_has_ended(net, lb):
    lb.up(config({"web": service(), "smtp": l7(vip=VIP_7, ports=[25], check=CONNECT)}))
    with net.client.connect(VIP_7, 25) as s:
        assert s.recv(1024)[:3] == b"220"
        lb.reload(config({"web": service()}))
        assert say(s, b"EHLO lab") == b"250"
        assert VIP_7 in loopback(net) and proxies(lb)
        assert say(s, b"QUIT") == b"221"
    wait_for("the address to go", lambda: VIP_7 not in loopback(net))
    wait_for("the proxies to end", lambda: proxies(lb) == [])


def test_flows_of_a_service_that_moves_to_layer_7_run_to_their_end(net, lb):
    lb.up(config({"web": service()}))
    assert answer(net.client, VIP, request=WHO_REQUEST).split()[1] == CLIENT
    running = Download(net.client, VIP)
    assert running.flows()
    lb.reload(config({"web": l7(vip=VIP)}))
    assert running.flows(100000)
    assert answer(net.client, VIP, request=WHO_REQUEST).split()[1] == BALANCER
    lb.reload(config({"web": service()}))
    assert answer(net.client, VIP, request=WHO_REQUEST).split()[1] == CLIENT
    assert running.flows(100000)
    running.close()


def test_an_address_that_a_killed_daemon_left_goes_when_no_service_wants_it(net, lb):
    lb.up(config({"web": service(), "x": l7(ports=[25], check=CONNECT)}))
    lb.kill_pids(lb.pids())
    assert VIP_7 in loopback(net)
    lb.up(config({"web": service()}))
    assert VIP_7 not in loopback(net)


def test_few_descriptors_lower_the_limit_with_one_warning(net, lb):  # R69
    lb.write(config({"web": l7()}))
    words = " ".join(lb.words("up", "eth0", "-c", lb.config))
    net.balancer.run("sh", "-c", f"ulimit -n 300; exec setpriv --bounding-set -sys_resource "
                                 f"--inh-caps -sys_resource {words}")
    seen = lb.status()["l7"]
    assert seen["maxconn"] == 40000 and 100 < seen["limit"] < 300
    assert len(re.findall("warning: l7.maxconn is 40000", lb.log())) == 1
    held = [net.client.connect(VIP_7, 80) for _ in range(300)]
    wait_for("the limit", lambda: lb.status()["l7"]["current_sessions"] == seen["limit"])
    for s in held:
        s.close()
    wait_for("all to end", lambda: lb.status()["l7"]["current_sessions"] == 0)
    assert answer(net.client, VIP_7, 80) in MAIL
    assert len(re.findall("warning: l7.maxconn is 40000", lb.log())) == 1
