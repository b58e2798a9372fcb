# SPDX-License-Identifier: GPL-2.0-only
"""Checks through the VIP (R88): who does not have it is found before users find it."""

import contextlib

import pytest

from lab.clients import burst
from lab.config import HTTP, HTTPS, config, service
from lab.network import MAIL, VIP, VIP6, VIP_2
from lab.space import wait_for

VIA = dict(HTTP, via="vip")
LENGTH = {VIP: 32, VIP_2: 32, VIP6: 128}


@contextlib.contextmanager
def without(space, vip):
    """A server that has lost a VIP for the length of the with block."""
    where = (f"{vip}/{LENGTH[vip]}", "dev", "lo")
    space.ip("addr", "del", *where)
    try:
        yield
    finally:
        space.ip("addr", "add", *where, *(["nodad"] if ":" in vip else []))


def filters(net, direction="egress"):
    return net.balancer.run("tc", "filter", "show", "dev", "eth0", direction).stdout


def has_clsact(net):
    return "clsact" in net.balancer.run("tc", "qdisc", "show", "dev", "eth0").stdout


@pytest.mark.parametrize("vip", [VIP, VIP6])
def test_a_server_that_loses_the_vip_is_down_until_it_has_it_again(net, lb, vip):
    lb.up(config({"web": service(vip=vip, check=VIA)}))
    assert lb.service("web")["status"] == "healthy"
    assert [c["via"] for c in lb.real("web/mail1")["checks"]] == [vip]
    with without(net.mail1, vip):
        real = lb.wait_real("web/mail1", status="down")
        assert real["check"]["detail"].startswith("L4TOUT")
        assert real["check"]["cause"].startswith(f"via {vip}: ")
        assert "lbxdp real-script" in real["warning"]
        assert "lbxdp real-script" in lb.call("status").stdout
        assert burst(net.client, vip, 80, 20) == {"mail2": 20}
    real = lb.wait_real("web/mail1", status="up")
    assert real["warning"] is None
    assert set(burst(net.client, vip, 80, 20)) == {"mail1", "mail2"}


CHECKS = [{"type": "connect", "port": 80},
          {"type": "tcp", "port": 25, "steps": [{"expect": "220"}, {"send": "QUIT\r\n"},
                                                {"expect": "221"}]},
          dict(HTTP, port=80), dict(HTTPS, port=443), {"type": "smtp", "port": 25},
          {"type": "imap", "port": 143}, {"type": "imaps", "port": 993},
          {"type": "pop3", "port": 110}, {"type": "pop3s", "port": 995}]


@pytest.mark.parametrize("vip", [VIP, VIP6])
def test_every_type_of_check_goes_by_the_vip(net, lb, vip):
    lb.up(config({f"s-{c['type']}": service(vip=vip, ports=[9000 + i], check=dict(c, via="vip"))
                  for i, c in enumerate(CHECKS)}))
    found = {s["name"]: {(r["status"], r["check"]["cause"].startswith(f"via {vip}"))
                         for r in s["reals"]} for s in lb.status()["services"]}
    assert found == {f"s-{c['type']}": {("up", True)} for c in CHECKS}


def test_services_on_one_server_and_port_are_told_apart_by_their_vips(net, lb):
    lb.up(config({"one": service(vip=VIP, check=VIA), "two": service(vip=VIP_2, check=VIA)}))
    with without(net.mail1, VIP_2):
        lb.wait_real("two/mail1", status="down")
        runs = lb.real("one/mail1")["checks"][0]["runs"]
        wait_for("more runs", lambda: lb.real("one/mail1")["checks"][0]["runs"] > runs + 3)
        one = lb.real("one/mail1")
        assert (one["status"], one["checks"][0]["failures"]) == ("up", 0)
    lb.wait_real("two/mail1", status="up")


def test_each_vip_of_a_service_is_asked(net, lb):
    both = service(check=VIA)
    both["vip"] = [VIP, VIP_2]
    lb.up(config({"web": both}))
    with without(net.mail1, VIP_2):
        real = lb.wait_real("web/mail1", status="down")
        assert {c["via"]: c["status"] for c in real["checks"]} == {VIP: "up", VIP_2: "down"}


def test_a_server_that_does_not_listen_at_the_vip_is_told(net, lb):
    """Both ways: the server answers at its own address, so the VIP is what is wrong."""
    listener = net.mail1.spawn("/usr/bin/python3", "-m", "http.server", "-b", MAIL["mail1"][0],
                               "8077")
    try:
        wait_for("the listener", lambda: net.mail1.listens(8077, MAIL["mail1"][0]))
        checks = [{"type": "connect"}, {"type": "connect", "via": "vip"}]
        lb.up(config({"web": service(ports=[8077], weights=(100, None), check=checks)}))
        real = lb.wait_real("web/mail1", status="down")
        assert [c["detail"].split()[0] for c in real["checks"]] == ["L4OK", "L4CON"]
        assert real["checks"][1]["cause"] == f"via {VIP}: Connection refused"
        assert real["warning"].startswith("answers at its own address but not at the VIP")
    finally:
        listener.kill()
        listener.wait()


def test_another_server_does_not_answer_for_one_that_forwards(net, lb):
    """A server without the VIP that forwards: the check would come back and go to the other one."""
    lb.up(config({"web": service(check=VIA)}))
    net.mail1.sysctl(net__ipv4__ip_forward=1)
    try:
        with without(net.mail1, VIP):
            failures = lb.wait_real("web/mail1", status="down")["checks"][0]["failures"]
            wait_for("more failures",
                     lambda: lb.real("web/mail1")["checks"][0]["failures"] > failures + 2)
            assert lb.real("web/mail1")["status"] == "down"
    finally:
        net.mail1.sysctl(net__ipv4__ip_forward=0)


def test_checks_by_the_vip_survive_main_and_probe(net, lb):
    lb.up(config({"web": service(check=VIA)}))
    lb.kill("probe")
    runs = lb.real("web/mail1")["checks"][0]["runs"]
    wait_for("more runs", lambda: lb.real("web/mail1")["checks"][0]["runs"] > runs + 2)
    assert lb.real("web/mail1")["checks"][0]["failures"] == 0
    lb.kill()
    lb.up()
    assert filters(net).count(":via") == 1
    assert lb.service("web")["status"] == "healthy"
    with without(net.mail1, VIP):
        lb.wait_real("web/mail1", status="down")


def test_a_filter_that_somebody_removes_is_put_back(net, lb):
    lb.up(config({"web": service(check=VIA)}))
    net.balancer.run("tc", "filter", "del", "dev", "eth0", "egress")
    wait_for("the filter", lambda: ":via" in filters(net))


def test_a_reload_begins_and_ends_checks_by_the_vip(net, lb):
    lb.up(config({"web": service()}))
    assert not has_clsact(net)
    lb.reload(config({"web": service(check=VIA)}))
    assert ":via" in filters(net)
    wait_for("a check by the VIP", lambda: "via" in lb.real("web/mail1")["check"]["cause"])
    with without(net.mail1, VIP):
        lb.wait_real("web/mail1", status="down")
        lb.reload(config({"web": service()}))
        lb.wait_real("web/mail1", status="up")
    assert not has_clsact(net)


def test_down_takes_the_filter_away(net, lb):
    lb.up(config({"web": service(check=VIA)}))
    assert has_clsact(net)
    lb.kill()
    lb.down()
    assert not has_clsact(net)
    assert lb.leftovers() == []
