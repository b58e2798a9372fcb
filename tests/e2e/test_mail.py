# SPDX-License-Identifier: GPL-2.0-only
"""The shipped configuration of the guide's chapter 10 with real mail clients."""

import os

import pytest

from lab.balancer import TOP
from lab.network import CLIENT, MAIL, VIP
from lab.servers import NAME, PASSWORD, USER
from lab.space import wait_for

LOGIN = ("-u", f"{USER}:{PASSWORD}")


@pytest.fixture
def exchange(lb):
    with open(os.path.join(TOP, "configs", "exchange-dr.yaml")) as f:
        lb.up(f.read())
    yield lb


def curl(net, *words):
    return net.client.run("curl", "-sS", "--max-time", "10", "--cacert",
                          f"{net.directory}/cert.pem", "--connect-to", f"::{VIP}:", *words)


def test_https_smtp_imap_and_pop3_clients_are_served(net, exchange, servers):  # R14, R15, R61
    who = {curl(net, f"https://{NAME}/whoami").stdout.strip() for _ in range(4)}
    assert who == {f"mail1 {CLIENT}", f"mail2 {CLIENT}"}
    for url in ("imap", "imaps"):
        assert "INBOX" in curl(net, *LOGIN, f"{url}://{NAME}/", "-X", "LIST \"\" INBOX").stdout
    for url in ("pop3", "pop3s"):
        curl(net, *LOGIN, f"{url}://{NAME}/", "-I", "-X", "STAT")
    for s in servers.values():
        s.forget_mails()
    said = net.client.run("swaks", "--server", VIP, "--to", f"{USER}@example.com", "--from",
                          "tests@example.org", "--body", "through the VIP").stdout
    assert "221" in said
    wait_for("the mail to be delivered once",
             lambda: sum("through the VIP" in m for s in servers.values() for m in s.mails()) == 1)
    counted = {s["name"]: s["connections_total"] for s in exchange.status()["services"]}
    assert counted == {"CAS-HTTPS": 4, "CAS-IMAP4": 2, "CAS-POP3": 2, "CAS-SMTP": 1}


def test_every_service_of_the_guide_is_healthy(exchange):
    for service in exchange.status()["services"]:
        assert service["status"] == "healthy", service
        for real in service["reals"]:
            assert real["check"]["detail"].split("/")[0].split()[0] in ("L4OK", "L6OK", "L7OK")


def test_a_wrong_password_stays_the_servers_business(net, exchange):
    done = net.client.run("curl", "-sS", "-k", "-u", f"{USER}:wrong", f"imaps://{VIP}/", check=False)
    assert done.returncode == 67


def test_each_server_is_tested_alone_by_isolating_it(net, exchange):  # R62
    for wanted in ("mail1", "mail2"):
        real = {"mail1": "CAS1", "mail2": "CAS2"}[wanted]
        other = {"CAS1": "CAS2", "CAS2": "CAS1"}[real]
        child = exchange.spawn("isolate", f"CAS-HTTPS/{real}")
        exchange.wait_real(f"CAS-HTTPS/{other}", status="halt")
        who = {curl(net, f"https://{NAME}/name").stdout.strip() for _ in range(4)}
        assert who == {wanted}
        child.send_signal(2)
        assert child.wait(5) in (0, 130, -2)
        exchange.wait_real(f"CAS-HTTPS/{other}", status="up", admin="online")


@pytest.mark.parametrize("words", [
    ["https", "IP:443", "--request", "owa/healthcheck.htm", "--expect", "200 OK"],
    ["smtp", "IP"], ["imap", "IP"], ["imaps", "IP:993"], ["pop3", "IP"], ["pop3s", "IP"],
    ["connect", "IP:25"], ["ping", "IP"], ["http", "IP:80", "--request", "/name",
                                           "--expect", "mail1"]], ids=lambda w: w[0])
def test_probe_shows_the_dialogue_of_a_check_that_passes(lb, net, words):
    done = lb.call("probe", *[w.replace("IP", MAIL["mail1"][0]) for w in words])
    assert "OK" in done.stdout


def test_probe_exits_1_when_the_check_fails(lb, servers):
    servers["mail1"].in_service(False)
    done = lb.call("probe", "https", MAIL["mail1"][0], "--request", "owa/healthcheck.htm",
                   "--expect", "200 OK", check=False)
    assert done.returncode == 1
    assert "L7STS/503" in done.stdout
