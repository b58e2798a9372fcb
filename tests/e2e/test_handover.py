# SPDX-License-Identifier: GPL-2.0-only
"""Layer 7 without main: proxies serve on when it dies, and hand over to those of the next."""

import http.client
import json
import os
import shutil
import signal

import pytest

from lab.balancer import alive, program
from lab.clients import Download, Load, all_read, answer
from lab.config import config, service
from lab.layer7 import VIP_7, Server, counts, finishing, holders, l7, proxies, stay_silent
from lab.network import MAIL
from lab.space import wait_for


def end_main(lb, sig=signal.SIGKILL):
    lb.kill_pids([lb.processes()["main"]], sig)


def ports(downloads):
    return {d.socket.getsockname()[1] for d in downloads}


def ports_held(lb, pids):
    return set().union(*(found for pid, found in holders(lb, 80).items() if pid in pids))


def wait_flow(downloads):
    for d in downloads:
        start = d.bytes
        wait_for("a download to go on", lambda d=d, start=start: d.bytes > start + 100000)
    assert not any(d.ended for d in downloads)


def wait_finishing(lb, pids, sessions):
    """Until the processes pids have been told, and hold so many sessions."""
    wait_for("the old ones to finish", lambda: set(finishing(lb)) <= set(pids) and
             sum(finishing(lb).values()) == sessions and
             not any("handing" in p["role"] for p in lb.status()["processes"]))


def wait_gone(pids):
    wait_for(f"{pids} to end", lambda: not any(alive(p) for p in pids))


# --- without main

@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_sessions_and_new_clients_are_served_without_main(net, lb, sig):
    lb.up(config({"web": l7(), "dr": service(ports=[8080])}))
    before, downloads = proxies(lb), [Download(net.client, VIP_7) for _ in range(4)]
    with all_read(downloads), Load(net.client, VIP_7) as load:
        end_main(lb, sig)
        load.more(200)
        wait_flow(downloads)
    assert load.failures == []
    wait_for("the probe and the page to end with main",
             lambda: sorted(lb.pids()) == sorted(before))
    said = lb.down().stdout
    assert f"{len(before)} proxy processes were ended" in said
    assert lb.leftovers() == []
    with pytest.raises(OSError):
        answer(net.client, VIP_7, 80, timeout=1)


def test_nothing_of_layer_7_stays_where_the_daemon_detaches_as_it_stops(net, lb):
    lb.up(config({"web": l7()}, on_stop="detach"))
    assert answer(net.client, VIP_7, 80) in MAIL
    end_main(lb, signal.SIGTERM)
    wait_for("everything to go", lambda: lb.leftovers() == [])


# --- the next main

@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_the_next_main_takes_over_under_load_and_cuts_nothing(net, lb, sig):
    lb.up(config({"web": l7()}))
    old, downloads = proxies(lb), [Download(net.client, VIP_7) for _ in range(6)]
    with all_read(downloads), Load(net.client, VIP_7) as load:
        end_main(lb, sig)
        load.more(50)
        lb.up()
        load.more(50)
        wait_finishing(lb, old, len(downloads))
        new = proxies(lb)
        assert not set(new) & set(old) and len(new) == len(os.sched_getaffinity(0))
        load.more(100)
        assert ports_held(lb, old) == ports(downloads)
        wait_flow(downloads)
    assert load.failures == []
    for d in downloads:
        d.close()
    wait_gone(old)
    wait_for("status to forget them", lambda: finishing(lb) == {})
    assert proxies(lb) == new
    assert sorted(os.listdir(lb.run_dir)) == sorted(
        ["control.sock", "empty", "lbxdp.log", *(f"proxy-{p}.sock" for p in new)])


def test_counters_and_sessions_of_before_are_seen_by_the_next_main(net, lb):
    lb.up(config({"first": l7(ports=[8080]), "web": l7()}))
    download = Download(net.client, VIP_7)
    with all_read([download]):
        for _ in range(9):
            answer(net.client, VIP_7, 80)
        old, before = proxies(lb), lb.service("web")["connections_total"]
        assert before == 10
        end_main(lb)
        lb.up(config({"web": l7()}))  # ids do not follow the order in the file
        wait_finishing(lb, old, 1)
        answer(net.client, VIP_7, 80)
        assert lb.service("web")["connections_total"] == before + 1
        wait_for("one session", lambda: counts(lb, "web")["current_sessions"] == 1)
        seen = json.loads(lb.call("report", "sessions", "--json").stdout)
        assert [(s["service"], s["process"] in old) for s in seen] == [("web", True)]
        assert f"proxy (finishing) {seen[0]['process']}, 1 sessions" in lb.call("status").stdout
    download.close()
    wait_gone(old)
    wait_for("no session", lambda: counts(lb, "web")["current_sessions"] == 0)


def test_another_binary_takes_over(net, lb, monkeypatch):
    lb.up(config({"web": l7()}))
    old, other = lb.pids(), f"{net.directory}/lbxdp-of-tomorrow"
    download = Download(net.client, VIP_7)
    shutil.copy(program(), other)
    with all_read([download]), Load(net.client, VIP_7) as load:
        end_main(lb)
        monkeypatch.setenv("LBXDP", other)
        lb.up()
        old = [p for p in old if alive(p)]
        wait_finishing(lb, old, 1)
        assert set(lb.pids()).isdisjoint(old)
        load.more(50)
        wait_flow([download])
    assert load.failures == []
    download.close()
    wait_gone(old)


def test_the_third_main_before_the_first_ones_sessions_have_ended(net, lb):
    lb.up(config({"web": l7()}))
    generations, downloads = [], []
    with Load(net.client, VIP_7) as load:
        for _ in range(2):
            generations += proxies(lb)
            downloads.append(Download(net.client, VIP_7))
            with all_read(downloads):
                end_main(lb)
                lb.up()
                wait_finishing(lb, generations, len(downloads))
                wait_flow(downloads)
        load.more(50)
    assert load.failures == []
    with all_read(downloads):
        assert ports_held(lb, generations) == ports(downloads)
        last = lb.pids()
        lb.down()
        wait_gone(generations + last)
        wait_for("the downloads to be cut", lambda: all(d.ended for d in downloads))
    assert lb.leftovers() == []


def test_sessions_of_a_service_that_the_next_main_does_not_have_run_to_their_end(net, lb):
    lb.up(config({"web": l7()}))
    old, download = proxies(lb), Download(net.client, VIP_7)
    with all_read([download]):
        end_main(lb)
        lb.up(config({"dr": service(ports=[8080])}))
        wait_finishing(lb, old, 1)
        with pytest.raises(OSError):
            answer(net.client, VIP_7, 80, timeout=1)
        wait_flow([download])
        assert proxies(lb) == []
    download.close()
    wait_gone(old)
    wait_for("the address to go",
             lambda: VIP_7 not in net.balancer.ip("addr", "show").stdout)


def test_a_client_of_http_moves_on_with_its_next_answer(net, lb):
    lb.up(config({"web": l7(port=80) | {"mode": "l7-http"}}))
    old, s = proxies(lb), net.client.connect(VIP_7, 80)

    def closes():
        s.sendall(b"GET /name HTTP/1.1\r\nHost: lab\r\n\r\n")
        response = http.client.HTTPResponse(s)
        response.begin()
        assert response.status == 200 and response.read()
        return response.getheader("connection") == "close"

    assert not closes()
    end_main(lb)
    assert not closes()
    lb.up()
    wait_finishing(lb, old, 1)
    assert closes()
    s.close()
    wait_gone(old)


def test_halt_ends_sessions_that_finish(net, lb):  # R107
    lb.up(config({"web": l7(weights=(1, None)), "other": l7(ports=[8080], weights=(1, None))}))
    old = proxies(lb)
    halted, kept = Download(net.client, VIP_7), Download(net.client, VIP_7, 8080)
    with all_read([halted, kept]):
        end_main(lb)
        lb.up()
        wait_finishing(lb, old, 2)
        lb.call("drain", "web/mail1")
        wait_flow([halted, kept])
        lb.call("halt", "web/mail1")
        wait_for("the halted one to end", lambda: halted.ended)
        wait_finishing(lb, old, 1)
        wait_flow([kept])
    kept.close()
    wait_gone(old)


class Announced(Download):
    """The same through a balancer that says who its client is."""

    def __init__(self, space, address, port=80):
        self.socket = space.connect(address, port)
        self.socket.sendall(b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 80\r\n"
                            b"GET /slow/big HTTP/1.1\r\nHost: lab\r\n\r\n")
        self.bytes, self.ended = 0, False
        self.read_some()


def test_halt_ends_those_too_whose_client_a_proxy_header_names(net, lb):  # R107
    announced = {"weights": (1, None), "proxy_protocol": {"accept": "v1"}}
    lb.up(config({"web": l7(**announced), "other": l7(ports=[8080], **announced)}))
    old = proxies(lb)
    halted, kept = Announced(net.client, VIP_7), Announced(net.client, VIP_7, 8080)
    with all_read([halted, kept]):
        assert "203.0.113.7:4711" in lb.call("report", "sessions").stdout
        end_main(lb)
        lb.up()
        wait_finishing(lb, old, 2)
        lb.call("halt", "web/mail1")
        wait_for("the halted one to end", lambda: halted.ended)
        wait_finishing(lb, old, 1)
        wait_flow([kept])
    kept.close()
    wait_gone(old)


# --- half-way

def test_a_main_that_cannot_start_leaves_the_old_ones_in_service(net, lb):
    web = config({"web": l7()})
    lb.up(web)
    old = proxies(lb)
    with Load(net.client, VIP_7) as load:
        end_main(lb)
        assert lb.up(config({"web": l7()}, interfaces=["eth0", "eth9"]), "eth0",
                     check=False).returncode == 1
        wait_for("what it started to end", lambda: sorted(lb.pids()) == sorted(old))
        load.more(50)
        lb.up(web)
        wait_finishing(lb, old, 0)
        load.more(50)
    assert load.failures == []
    wait_gone(old)


def test_a_main_that_dies_before_it_knows_the_servers_leaves_the_old_ones_in_service(net, lb):
    silent = {"type": "tcp", "steps": [{"expect": "never"}], "timeout": "60s", "interval": "60s"}
    slow = l7(ports=[8025], weights=(1, None), port=2525, check=silent)
    with Server(net.mail1, MAIL["mail1"][0], 2525, stay_silent):
        lb.up(config({"web": l7()}))
        old = proxies(lb)
        with Load(net.client, VIP_7) as load:
            end_main(lb)
            lb.up(config({"web": l7(), "slow": slow}), "eth0", "--no-wait")
            found = lb.status()["processes"]
            assert sorted(p["pid"] for p in found if p["role"] == "proxy (handing over)") == \
                sorted(old)
            load.more(50)
            end_main(lb)
            wait_for("its processes to end", lambda: sorted(lb.pids()) == sorted(old))
            load.more(50)
            lb.up(config({"web": l7()}))
            wait_finishing(lb, old, 0)
            load.more(50)
        assert load.failures == []
        wait_gone(old)


def test_a_stopped_process_does_not_keep_the_next_main_from_serving(net, lb):
    lb.up(config({"web": l7()}))
    old = proxies(lb)
    os.kill(old[0], signal.SIGSTOP)
    try:
        end_main(lb)
        lb.up()
        assert f"proxy process {old[0]} of an earlier main does not hand over" in lb.log()
        with Load(net.client, VIP_7) as load:
            load.more(50)
        assert load.failures == []
    finally:
        os.kill(old[0], signal.SIGCONT)
    wait_gone(old)


def test_a_stopped_process_ends_with_down(net, lb):
    lb.up(config({"web": l7()}))
    old = proxies(lb)
    end_main(lb)
    os.kill(old[0], signal.SIGSTOP)
    lb.down()
    assert not any(alive(p) for p in old)
    assert lb.leftovers() == []


def test_only_root_may_ask_a_proxy(net, lb):
    lb.up(config({"web": l7()}))
    doors = [f for f in os.listdir(lb.run_dir) if f.startswith("proxy-")]
    assert len(doors) == len(proxies(lb))
    for name in doors:
        found = os.stat(f"{lb.run_dir}/{name}")
        assert (found.st_uid, found.st_mode & 0o777) == (0, 0o600)
