# SPDX-License-Identifier: GPL-2.0-only
"""Layer 7: health, orders, reload, crash, and what an operator sees of it."""

import contextlib
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

from lab.clients import Download, Load, all_read, answer, burst, wait_cut
from lab.config import config, service
from lab.layer7 import CONNECT, VIP_7, Server, counts, holders, l7, proxies, sessions, statistics
from lab.network import MAIL, VIP, VIP6
from lab.space import run, wait_for


def addresses(net):
    found = set()
    for link in json.loads(net.balancer.ip("-j", "addr").stdout):
        found |= {a["local"] for a in link["addr_info"]}
    return found


# --- health and orders

def test_sessions_go_to_the_others_when_a_real_is_down(net, lb, servers):
    lb.up(config({"web": l7()}))
    with Load(net.client, VIP_7) as load:
        servers["mail1"].in_service(False)
        lb.wait_real("web/mail1", status="down")
        assert burst(net.client, VIP_7, 80, 10) == {"mail2": 10}
        servers["mail1"].in_service(True)
        lb.wait_real("web/mail1", status="up")
        load.more(50)
    assert load.failures == []
    assert set(burst(net.client, VIP_7, 80, 10)) == {"mail1", "mail2"}


def test_halt_resets_running_sessions_and_drain_lets_them_go_on(net, lb):  # R107
    lb.up(config({"web": l7(weights=(100, None))}))
    running, idle = Download(net.client, VIP_7), net.client.connect(VIP_7, 80)
    idle.sendall(b"GET /name HTTP/1.1\r\nHost: lab\r\n\r\n")
    assert b"mail1" in idle.recv(4096)
    assert lb.real("web/mail1")["active"] == 2
    lb.call("drain", "web/mail1")
    assert running.flows()
    with pytest.raises(OSError):
        answer(net.client, VIP_7, 80)
    lb.call("halt", "web/mail1")
    assert wait_cut(idle, 2) < 1
    assert running.until_reset(2) < 1
    assert lb.real("web/mail1")["active"] == 0
    lb.call("online", "web/mail1")
    assert answer(net.client, VIP_7, 80) == "mail1"


def test_the_backup_takes_over_when_no_other_is_left(net, lb, servers):  # R72
    shape = l7(backup={"ip": MAIL["mail3"][0]})
    lb.up(config({"web": shape}))
    assert set(burst(net.client, VIP_7, 80, 6)) == {"mail1", "mail2"}
    for name in ("mail1", "mail2"):
        servers[name].in_service(False)
        lb.wait_real(f"web/{name}", status="down")
    assert burst(net.client, VIP_7, 80, 6) == {"mail3": 6}
    servers["mail1"].in_service(True)
    lb.wait_real("web/mail1", status="up")
    assert burst(net.client, VIP_7, 80, 6) == {"mail1": 6}


@contextlib.contextmanager
def session_of_a_dead_server(net, lb, on_down):
    """A session whose server takes nobody new by now and is known to be down."""
    heard = threading.Event()  # until then it may not be accepted, and end with the listener

    def listen(connection):
        while connection.recv(64):
            heard.set()

    with Server(net.mail1, MAIL["mail1"][0], 2525, listen) as server:
        lb.up(config({"x": l7(ports=[25], weights=(1, None), port=2525, check=CONNECT,
                              on_down=on_down)}))
        with net.client.connect(VIP_7, 25) as s:
            s.sendall(b"x")
            assert heard.wait(10)
            server.stop()
            lb.wait_real("x/mail1", status="down")
            yield s


@pytest.mark.parametrize("on_down", ["reset", "auto"])
def test_a_server_that_refuses_connects_loses_its_sessions(net, lb, on_down):
    with session_of_a_dead_server(net, lb, on_down) as s:
        assert wait_cut(s, 3) < 2


def test_on_down_keep_leaves_the_sessions_of_a_dead_server_alone(net, lb):
    with session_of_a_dead_server(net, lb, "keep") as s:
        lb.call("report", "l7")  # main and proxies have had a turn since
        s.sendall(b"more")
        wait_for("it to pass", lambda: lb.real("x/mail1")["l7"]["bytes_in_total"] == 5)
        assert lb.real("x/mail1")["active"] == 1


@pytest.mark.parametrize("on_down, goes_on", [("auto", True), ("reset", False)])
def test_sessions_of_a_server_in_maintenance_go_on_unless_reset(net, lb, servers, on_down, goes_on):
    lb.up(config({"web": l7(weights=(1, None), on_down=on_down)}))
    download = Download(net.client, VIP_7)
    servers["mail1"].in_service(False)
    lb.wait_real("web/mail1", status="down")
    if goes_on:
        assert download.flows()
        download.close()
    else:
        assert download.until_reset(3) < 2


# --- reload, crash, end

def test_reload_under_load_fails_no_request_and_keeps_sessions(net, lb):
    lb.up(config({"web": l7()}))
    before, download = proxies(lb), Download(net.client, VIP_7)
    with Load(net.client, VIP_7) as load:
        said = lb.reload(config({"web": l7(weights=(300, 100)), "more": l7(ports=[8080])})).stdout
        load.more(100)
        lb.reload(config({"web": l7(weights=(100, 100, 100), timeouts={"client": "9m"})}))
        load.more(100)
        lb.reload(config({"web": l7(vip=[VIP, VIP_7], weights=(None, 100, 100))}))
        load.more(100)
    assert load.failures == []
    assert "more" in said and "300" in said
    assert download.flows()
    assert proxies(lb) == before  # nothing was forked, nothing lingers
    assert answer(net.client, VIP) in MAIL
    download.close()


def test_kill_9_of_one_proxy_ends_its_sessions_only(net, lb):
    lb.up(config({"web": l7(), "dr": service(ports=[8080])}))
    downloads = {}
    with contextlib.ExitStack() as readers:
        for _ in range(64):
            d = Download(net.client, VIP_7)
            readers.enter_context(all_read([d]))
            downloads[d.socket.getsockname()[1]] = d
            if len(downloads) >= 6 and len(holders(lb, 80)) > 1:
                break
        load = readers.enter_context(Load(net.client, VIP, 8080))
        held = holders(lb, 80)
        victim = min(held, key=lambda pid: len(held[pid]))
        others = set(downloads) - held[victim]
        lb.kill_pids([victim])
        killed = time.monotonic()
        while True:  # a client in the dead process' turn may be cut; then it comes again
            try:
                assert answer(net.client, VIP_7, 80) in MAIL
                break
            except OSError:
                assert time.monotonic() - killed < 1
        wait_for("a new process", lambda: len(proxies(lb)) == len(os.sched_getaffinity(0)) and
                 0 not in proxies(lb) and victim not in proxies(lb))
        load.more(100)
        wait_for("the dead one's downloads to end",
                 lambda: all(downloads[p].ended for p in held[victim] if p in downloads))
    assert load.failures == []  # layer 4 noticed nothing
    for port in others:
        assert downloads[port].flows(50000)
    assert sum(p["restarts"] for p in lb.status()["processes"]) == 1
    wait_for("the dead one's sessions to be forgotten",
             lambda: counts(lb, "web")["current_sessions"] <= len(others) + 1)
    for d in downloads.values():
        d.close()


def age(pid):
    """Seconds since it was started."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat, \
         open("/proc/uptime", encoding="utf-8") as uptime:
        began = int(stat.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
        return float(uptime.read().split()[0]) - began


def up_with_one_proxy(lb, config_of):
    """Then the next client that is served is served by the next process."""
    lb.write(config_of)
    cpu = min(os.sched_getaffinity(0))
    lb.space.run("taskset", "-c", str(cpu), *lb.words("up", lb.interface, "-c", lb.config))
    assert len(proxies(lb)) == 1


@pytest.mark.parametrize("lived", [0, 1.5], ids=["young", "old"])
def test_after_kill_9_a_new_process_serves_within_a_second(net, lb, lived):
    up_with_one_proxy(lb, config({"web": l7()}))
    victim, = proxies(lb)
    wait_for("it to be of age", lambda: age(victim) >= lived)
    os.kill(victim, signal.SIGKILL)
    killed = time.monotonic()
    assert answer(net.client, VIP_7, 80) in MAIL  # main has the sockets: nobody is refused
    assert time.monotonic() - killed < 1
    assert victim not in proxies(lb)


def test_a_proxy_that_stands_still_is_ended_and_the_others_serve_meanwhile(net, lb):
    lb.up(config({"web": l7()}))
    before = proxies(lb)
    # who has not counted on yet is not judged
    wait_for("the processes to be of age", lambda: all(age(pid) > 4 for pid in before))
    os.kill(before[0], signal.SIGSTOP)
    with Load(net.client, VIP_7) as load:
        wait_for("another in its place", lambda: before[0] not in proxies(lb) and
                 0 not in proxies(lb) and len(proxies(lb)) == len(before), 15)
        load.more(100)
    if len(before) > 1:
        assert load.failures == []
    assert set(before[1:]) <= set(proxies(lb))
    assert sum(p["restarts"] for p in lb.status()["processes"]) == 1


def test_a_vip_is_a_host_address_only_while_layer_7_uses_it(net, lb):
    lb.up(config({"web": service()}))
    assert VIP not in addresses(net) and proxies(lb) == []
    more = l7(vip=[VIP, VIP6, VIP_7], ports=[25], check=CONNECT)
    lb.reload(config({"web": service(), "x": more}))
    assert {VIP, VIP6, VIP_7} <= addresses(net) and proxies(lb)
    lb.reload(config({"web": service()}))
    assert not {VIP, VIP6, VIP_7} & addresses(net)
    wait_for("the proxies to end", lambda: proxies(lb) == [])
    lb.reload(config({"x": l7(vip=VIP_7, ports=[25], check=CONNECT)}))
    assert VIP_7 in addresses(net)
    lb.down()
    assert VIP_7 not in addresses(net) and lb.leftovers() == []


def test_down_after_kill_9_of_everything_takes_the_address_away(net, lb):
    lb.up(config({"web": l7()}))
    lb.kill_pids(lb.pids())
    lb.up()
    assert answer(net.client, VIP_7, 80) in MAIL
    lb.kill_pids(lb.pids())
    lb.down()
    assert VIP_7 not in addresses(net)


def test_an_address_the_host_had_before_stays(net, lb):
    net.balancer.ip("addr", "add", f"{VIP_7}/32", "dev", "lo")
    try:
        lb.up(config({"web": l7()}))
        assert answer(net.client, VIP_7, 80) in MAIL
        lb.down()
        assert VIP_7 in addresses(net)
    finally:
        net.balancer.ip("addr", "del", f"{VIP_7}/32", "dev", "lo", check=False)


def test_a_port_in_use_is_said_and_taken_when_it_is_free(net, lb):
    taken = net.balancer.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("0.0.0.0", 8001))
    taken.listen(1)
    lb.up(config({"web": l7(), "other": l7(ports=[8001])}))
    assert answer(net.client, VIP_7, 80) in MAIL
    assert f"{VIP_7}" in lb.log() and "8001" in lb.log()
    taken.close()

    def served():
        try:
            return answer(net.client, VIP_7, 8001) in MAIL
        except OSError:
            return False

    wait_for("the port to be taken over", served, 15, 0.1)


# --- what an operator sees

def test_the_rate_of_sessions_is_that_of_the_last_second(net, lb):  # R69, R70
    lb.up(config({"web": l7()}))
    with Load(net.client, VIP_7):
        wait_for("a rate", lambda: int(statistics(lb)["FRONTEND"]["rate"]) > 0 and
                 int(statistics(lb)["mail1"]["rate"]) > 0)
        assert re.search(r"conn rate = [1-9]", lb.call("report", "l7").stdout)
    wait_for("silence", lambda: statistics(lb)["FRONTEND"]["rate"] == "0")
    assert int(statistics(lb)["FRONTEND"]["rate_max"]) > 0


def test_the_head_of_the_report_says_what_there_is_and_what_is_used(net, lb):  # R69
    lb.up(config({"web": l7(weights=(1, None))}))
    head = lambda: lb.call("report", "l7").stdout  # noqa: E731
    assert re.search(r"memmax = (unlimited|[1-9]\d* MB); ulimit-n = [1-9]\d* each", head())
    wait_for("the processes", lambda: re.search(
        r"maxsock = [1-9]\d*; maxconn = 40000; .*maxpipes = [1-9]", head()))
    assert "current pipes = 0/0" in head()
    wait_for("them to idle", lambda: re.search(
        r"Running tasks: \d+/[1-9]\d*; idle = (9\d|100) %", head()))
    with contextlib.ExitStack() as readers:  # of nothing: bulk waits in pipes, but for small pieces
        for _ in range(8):
            c = readers.enter_context(net.client.connect(VIP_7, 80))
            c.sendall(b"GET /big HTTP/1.1\r\nHost: lab\r\n\r\n")
        wait_for("splice",
                 lambda: re.search(r"current conns = 8; current pipes = [1-8]/", head()))
    wait_for("their end", lambda: "current conns = 0; current pipes = 0/" in head())


def test_the_csv_has_haproxys_names_and_our_numbers(net, lb, servers):  # R70, R71
    lb.up(config({"web": l7(weights=(3, 1)), "dr": service(ports=[8080])}))
    burst(net.client, VIP_7, 80, 8)
    rows = statistics(lb)
    assert list(rows) == ["FRONTEND", "mail1", "mail2", "BACKEND"]
    assert (rows["mail1"]["stot"], rows["mail2"]["stot"]) == ("6", "2")
    assert rows["FRONTEND"]["status"] == "OPEN" and rows["BACKEND"]["status"] == "UP"
    assert rows["mail1"]["check_status"] == "L7OK" and rows["mail1"]["check_code"] == "200"
    assert int(rows["BACKEND"]["bout"]) == sum(int(rows[n]["bout"]) for n in ("mail1", "mail2"))
    assert rows["FRONTEND"]["slim"] == str(lb.status()["l7"]["limit"])
    assert [rows[n]["slim"] for n in ("mail1", "mail2")] == ["", ""]
    servers["mail2"].in_service(False)
    lb.wait_real("web/mail2", status="down")
    assert list(statistics(lb, "--up-only")) == ["FRONTEND", "mail1", "BACKEND"]
    wait_for("a second of downtime", lambda: int(statistics(lb)["mail2"]["downtime"]) > 0)
    assert statistics(lb)["mail1"]["downtime"] == "0"
    assert "dr" not in lb.call("report", "l7").stdout
    assert "web" not in lb.call("report", "l4").stdout
    assert json.loads(lb.call("report", "l7", "--json").stdout)[1]["stot"] == 6


def test_status_shows_a_layer_7_service_as_the_guide_does(net, lb):  # R64
    lb.up(config({"web": l7(ports=[9000], port=80)}))
    text = lb.call("status").stdout
    assert (f"Virtual Service web Method: Layer 7 Mode: TCP IP: {VIP_7} Ports: 9000 "
            "Protocol: TCP Status: healthy") in text
    found = lb.service("web")
    assert found["mode"] == "l7-tcp" and found["reals"][0]["port"] == 80
    assert "no MAC" not in text


def test_metrics_of_layer_7_pass_promtool(net, lb):
    lb.up(config({"web": l7(), "dr": service(ports=[8080])}))
    burst(net.client, VIP_7, 80, 4)
    text = lb.space.run("curl", "-sS", "http://127.0.0.1:9443/metrics").stdout
    assert run("promtool", "check", "metrics", input_text=text).stdout == ""
    assert 'lbxdp_l7_service_sessions_total{service="web"} 4\n' in text
    assert 'lbxdp_l7_real_sessions_total{service="web",real="mail1"} 2\n' in text
    assert 'lbxdp_service_connections_total{service="web"} 4\n' in text
    limits = lb.status()["l7"]
    assert limits["maxconn"] == 40000 >= limits["limit"] > 0
    assert f"lbxdp_l7_limit_sessions {limits['limit']}\n" in text


# --- at rest, and afterwards

def test_many_sessions_come_and_go_without_a_trace(net, lb):  # F16, F21
    lb.up(config({"web": l7()}))
    answer(net.client, VIP_7, 80)
    fds = lambda: sorted(len(os.listdir(f"/proc/{p}/fd")) for p in proxies(lb))  # noqa: E731
    before = fds()
    failures = []

    def work():
        for _ in range(200):
            try:
                answer(net.client, VIP_7, 80)
            except OSError as e:
                failures.append(e)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []
    wait_for("every session to end", lambda: counts(lb, "web")["current_sessions"] == 0)
    # pipes for splice() may be kept for the next session
    assert all(b <= a + 130 for a, b in zip(before, fds()))
    assert "CLOSE-WAIT" not in lb.space.run("ss", "-tan", "sport", "=", ":80").stdout


def test_report_sessions_shows_each_one_while_it_lasts(net, lb):
    lb.up(config({"web": l7(weights=(1, None)), "dr": service(ports=[8080])}))
    assert sessions(lb) == []
    download = Download(net.client, VIP_7)
    with contextlib.ExitStack() as meanwhile:
        meanwhile.enter_context(all_read([download]))
        wait_for("the first to be older than any that follows",
                 lambda: [s for s in sessions(lb) if float(s["age_seconds"]) > 0])
        idle = meanwhile.enter_context(net.client.connect(VIP_7, 80))
        wait_for("both sessions", lambda: [s["state"] for s in sessions(lb)] == ["relay"] * 2)
        first, second = sessions(lb)
        assert first["client"].endswith(f":{download.socket.getsockname()[1]}")
        assert second["client"].endswith(f":{idle.getsockname()[1]}")
        assert (first["service"], first["real"], first["vip"]) == ("web", "mail1", f"{VIP_7}:80")
        assert first["process"] in proxies(lb)
        assert first["bytes_out"] > 0 and second["bytes_out"] == 0
        wait_for("more bytes", lambda: sessions(lb)[0]["bytes_out"] > first["bytes_out"])
        os.kill(first["process"], 9)
        wait_for("the dead one's sessions to be forgotten",
                 lambda: all(s["process"] != first["process"] for s in sessions(lb)))
    download.close()
    wait_for("no sessions", lambda: sessions(lb) == [])
