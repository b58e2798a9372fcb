# SPDX-License-Identifier: GPL-2.0-only
"""Checks decide who gets connections, and on_down what becomes of running ones."""

import time

import pytest

from lab.clients import Download, answer, burst, wait_cut
from lab.config import FAST, HTTP, HTTPS, config, service
from lab.network import MAIL, VIP
from lab.space import wait_for


def test_a_server_that_answers_503_is_down_and_comes_back(net, lb, servers):  # R59
    lb.up(config({"web": service(ports=[443], check=HTTPS)}))
    servers["mail1"].in_service(False)
    started = time.monotonic()
    real = lb.wait_real("web/mail1", status="down")
    assert time.monotonic() - started < 2
    assert real["check"]["detail"].startswith("L7STS/503")
    assert real["effective_weight"] == 0
    assert lb.service("web")["status"] == "degraded"
    servers["mail1"].in_service(True)
    assert lb.wait_real("web/mail1", status="up")["check"]["detail"].startswith("L7OK")
    assert lb.service("web")["status"] == "healthy"


def test_new_connections_avoid_a_real_that_is_down(net, lb, servers):
    lb.up(config())
    servers["mail2"].in_service(False)
    lb.wait_real("web/mail2", status="down")
    assert burst(net.client, VIP, 80, 50) == {"mail1": 50}


def test_a_real_without_its_server_is_down_by_a_refused_connection(net, lb, servers):
    lb.up(config({"mail": service(ports=[143, 993], check={"type": "connect"})}))
    servers["mail1"].stop("dovecot")
    try:
        assert "L4CON" in lb.wait_real("mail/mail1", status="down")["check"]["detail"]
    finally:
        servers["mail1"].launch("dovecot")
        servers["mail1"].wait()
    lb.wait_real("mail/mail1", status="up")


def test_each_port_of_a_service_is_checked(net, lb):  # R46
    lb.up(config({"mail": service(ports=[143, 7], check={"type": "connect"})}))
    real = lb.real("mail/mail1")
    assert real["status"] == "down"
    assert len(real["checks"]) == 2
    assert sorted(c["detail"].split()[0] for c in real["checks"]) == ["L4CON", "L4OK"]


@pytest.mark.parametrize("require, status", [("all", "down"), ("any", "up")])
def test_several_checks_are_joined_by_require(net, lb, servers, require, status):  # R19
    servers["mail1"].in_service(False)
    checks = [HTTP, dict(HTTP, request="/name", expect="mail1")]
    lb.up(config({"web": service(check=checks, require=require, weights=(100, None))}))
    assert lb.real("web/mail1")["status"] == status


def test_a_certificate_is_verified_when_asked_for(net, lb):
    check = dict(HTTPS, verify="ca", ca=f"{net.directory}/cert.pem", host="mail.example.com")
    wrong = dict(check, host="other.example.com")
    lb.up(config({"right": service(ports=[443], check=check),
                  "wrong": service(ports=[8001], check=dict(wrong, port=443))}))
    assert lb.real("right/mail1")["status"] == "up"
    assert lb.real("wrong/mail1")["check"]["detail"].startswith("L6RSP")


CHECKS = [{"type": "on"}, {"type": "off"}, {"type": "ping"}, {"type": "connect", "port": 80},
          {"type": "tcp", "port": 25, "steps": [{"expect": "220"}, {"send": "QUIT\r\n"},
                                                {"expect": "221"}]},
          dict(HTTP, port=80), dict(HTTPS, port=443), {"type": "smtp", "port": 25},
          {"type": "imap", "port": 143}, {"type": "imaps", "port": 993},
          {"type": "pop3", "port": 110}, {"type": "pop3s", "port": 995}]


def test_every_type_of_check_finds_a_real_server_up(net, lb):
    lb.up(config({f"s-{c['type']}": service(ports=[9000 + i], check=c)
                  for i, c in enumerate(CHECKS)}))
    found = {s["name"]: {r["status"] for r in s["reals"]} for s in lb.status()["services"]}
    assert found == {f"s-{c['type']}": {"up"} for c in CHECKS}


def test_a_running_download_survives_a_server_in_maintenance(net, lb, servers):  # on_down: auto
    lb.up(config({"web": service(weights=(100, None))}))
    download = Download(net.client, VIP)
    servers["mail1"].in_service(False)
    lb.wait_real("web/mail1", status="down")
    assert download.flows()
    download.close()


def test_on_down_reset_cuts_a_running_download(net, lb, servers):
    lb.up(config({"web": service(weights=(100, None), on_down="reset")}))
    download = Download(net.client, VIP)
    servers["mail1"].in_service(False)
    lb.wait_real("web/mail1", status="down")
    assert download.until_reset(1.5) < 1
    download.close()


class Unplugged:
    """A mail server whose cable is out for the length of the with block."""

    def __init__(self, net, name):
        self.net, self.port = net, net.port(name, "eth0")

    def __enter__(self):
        self.net.switch.ip("link", "set", self.port, "nomaster")
        return self

    def __exit__(self, *error):
        self.net.switch.ip("link", "set", self.port, "master", "near", "up")


def test_a_real_that_dies_costs_its_running_connections_a_second(net, lb):  # on_down: auto
    lb.up(config({"web": service(weights=(100, None)), "idle": service(ports=[8080],
                                                                       weights=(100, None))}))
    download = Download(net.client, VIP)
    idle = net.client.connect(VIP, 8080)
    with Unplugged(net, "mail1"):
        lb.wait_real("web/mail1", status="down")
        assert download.until_reset(2) < 1
        lb.wait_real("idle/mail1", status="down")
        assert wait_cut(idle, 2) < 1
    lb.wait_real("web/mail1", status="up")
    assert answer(net.client, VIP) == "mail1"
    download.close()
    idle.close()


def test_on_down_keep_leaves_the_connections_of_a_dead_real_alone(net, lb):
    lb.up(config({"web": service(weights=(100, None), on_down="keep")}))
    download = Download(net.client, VIP)
    with Unplugged(net, "mail1"):
        lb.wait_real("web/mail1", status="down")
        with pytest.raises(AssertionError):
            download.until_reset(1.5)
    assert download.flows(seconds=15)
    download.close()


def test_flows_of_the_other_real_are_undisturbed_while_one_flaps(net, lb, servers):  # F29
    lb.up(config())
    downloads = [Download(net.client, VIP) for _ in range(2)]
    for _ in range(2):
        servers["mail1"].in_service(False)
        lb.wait_real("web/mail1", status="down")
        servers["mail1"].in_service(True)
        lb.wait_real("web/mail1", status="up")
    assert all(d.flows() for d in downloads)
    for d in downloads:
        d.close()


def test_a_single_failure_below_fall_changes_nothing(net, lb, servers):
    lb.up(config({"web": service(check=dict(HTTP, **{**FAST, "fall": 100}))}))
    before = lb.real("web/mail1")["check"]["since"]
    servers["mail1"].in_service(False)
    wait_for("a failed check", lambda: "503" in lb.real("web/mail1")["check"]["detail"])
    servers["mail1"].in_service(True)
    wait_for("a passed check", lambda: "L7OK" in lb.real("web/mail1")["check"]["detail"])
    real = lb.real("web/mail1")
    assert real["status"] == "up" and real["check"]["since"] == before


def test_checks_go_to_the_servers_own_address_and_open_no_flow(net, lb):  # R88
    lb.up(config())
    lb.wait_real("web/mail1", status="up")
    assert lb.service("web")["connections_total"] == 0
    assert {r["ip"] for r in lb.service("web")["reals"]} == {MAIL["mail1"][0], MAIL["mail2"][0]}
