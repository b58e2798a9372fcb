# SPDX-License-Identifier: GPL-2.0-only
"""drain, halt, online, weight: what the administrator orders, at once and until undone."""

import signal

from lab.clients import Download, burst, wait_cut
from lab.config import config, service
from lab.network import VIP


def test_drain_lets_a_running_download_go_on_and_sends_new_ones_elsewhere(net, lb):  # R107
    lb.up(config())
    downloads = [Download(net.client, VIP) for _ in range(2)]
    lb.call("drain", "web/mail1")
    real = lb.real("web/mail1")
    assert (real["status"], real["admin"], real["effective_weight"]) == ("drain", "drain", 0)
    assert burst(net.client, VIP, 80, 20) == {"mail2": 20}
    assert all(d.flows() for d in downloads)
    assert lb.real("web/mail1")["active"] == 1
    lb.call("online", "web/mail1")
    assert burst(net.client, VIP, 80, 20) == {"mail1": 10, "mail2": 10}
    for d in downloads:
        d.close()


def test_halt_cuts_running_connections_within_a_second_silent_ones_too(net, lb):  # R107
    lb.up(config({"web": service(weights=(100, None)), "web6": service(vip="fd00:30::10",
                                                                      weights=(100, None))}))
    for service_name, vip in (("web", VIP), ("web6", "fd00:30::10")):
        running, silent = Download(net.client, vip), net.client.connect(vip, 80)
        silent.sendall(b"GET /name HTTP/1.1\r\nHost: lab\r\n\r\n")
        assert b"mail1" in silent.recv(4096)
        lb.call("halt", f"{service_name}/mail1")
        assert wait_cut(silent, 2) < 1
        assert running.until_reset(2) < 1
        running.close()
        silent.close()
        assert lb.real(f"{service_name}/mail1")["status"] == "halt"


def test_halting_one_server_leaves_the_connections_of_the_other_alone(net, lb):
    lb.up(config())
    downloads = [Download(net.client, VIP) for _ in range(4)]
    lb.call("halt", "web/mail2")
    cut = 0
    for d in downloads:
        try:
            assert d.flows(300000)
        except ConnectionResetError:
            cut += 1
        d.close()
    assert cut == 2


def test_a_weight_given_at_run_time_is_exact_at_once(net, lb):
    lb.up(config())
    lb.call("weight", "web/mail1", "300")
    assert burst(net.client, VIP, 80, 100) == {"mail1": 75, "mail2": 25}
    lb.call("weight", "web/mail1", "0")
    assert burst(net.client, VIP, 80, 10) == {"mail2": 10}
    lb.call("weight", "web/mail1", "default")
    assert burst(net.client, VIP, 80, 10) == {"mail1": 5, "mail2": 5}


def test_a_star_orders_the_server_of_every_service(net, lb):
    lb.up(config({"a": service(), "b": service(ports=[8080])}))
    lb.call("halt", "*/mail1")
    assert lb.real("a/mail1")["status"] == lb.real("b/mail1")["status"] == "halt"
    lb.call("online", "*/mail1")
    assert lb.real("a/mail1")["admin"] == lb.real("b/mail1")["admin"] == "online"


def test_orders_survive_reload_restart_and_down(net, lb):
    lb.up(config())
    lb.call("drain", "web/mail1")
    lb.call("weight", "web/mail2", "7")
    agreed = lambda: (lb.real("web/mail1")["admin"], lb.real("web/mail2")["weight"])  # noqa: E731
    said = agreed()
    lb.reload(config({"web": service(), "more": service(ports=[8080])}))
    assert agreed() == said
    lb.kill()
    lb.up()
    assert agreed() == said
    lb.down()
    lb.up()
    assert agreed() == said
    assert said[0] == "drain" and lb.real("web/mail2")["effective_weight"] == 7
    assert burst(net.client, VIP, 80, 10) == {"mail2": 10}


def test_isolate_halts_the_others_until_interrupted(net, lb):  # R62
    lb.up(config({"web": service(weights=(1, 1, 1))}))
    lb.call("drain", "web/mail3")
    child = lb.spawn("isolate", "web/mail1")
    lb.wait_real("web/mail2", status="halt")
    lb.wait_real("web/mail3", status="halt")
    assert burst(net.client, VIP, 80, 10) == {"mail1": 10}
    child.send_signal(signal.SIGINT)
    child.wait(5)
    lb.wait_real("web/mail2", status="up")
    assert lb.real("web/mail3")["admin"] == "drain"


def test_isolation_ends_also_when_its_terminal_dies(net, lb):
    lb.up(config())
    child = lb.spawn("isolate", "web/mail1")
    lb.wait_real("web/mail2", status="halt")
    child.kill()
    child.wait(5)
    lb.wait_real("web/mail2", status="up")


def test_an_order_for_what_is_not_there_says_so(net, lb):
    lb.up(config())
    for words in (("drain", "web/nobody"), ("halt", "nothing/mail1"),
                  ("weight", "web/nobody", "3")):
        done = lb.call(*words, check=False)
        assert done.returncode == 1
        assert words[1].split("/")[0] in done.stderr and len(done.stderr.splitlines()) == 1
    assert lb.call("weight", "web/mail1", "many", check=False).returncode == 2


def test_every_order_leaves_an_audit_line(net, lb):
    lb.up(config())
    lb.call("drain", "web/mail1")
    assert any("drain" in line and "uid 0" in line and "web/mail1" in line
               for line in lb.log().splitlines())
