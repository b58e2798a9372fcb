# SPDX-License-Identifier: GPL-2.0-only
"""Starts, stops, reloads, crashes and broken wires: layer 4 goes on."""

import contextlib
import os
import shutil
import signal
import socket

import pytest

from lab.balancer import Balancer, program
from lab.clients import Download, Load, Sniffer, answer, burst
from lab.config import config, service
from lab.network import BALANCER, BALANCER6, MAIL, VIP, VIP_2
from lab.space import run, wait_for


def totals(lb):
    return [r["connections_total"] for r in lb.service("web")["reals"]]


def test_kill_9_of_every_process_fails_no_request_and_up_adopts(net, lb):  # R104, F23
    lb.up(config())
    download = Download(net.client, VIP)
    with Load(net.client, VIP) as load:
        before = totals(lb)
        lb.kill()
        assert lb.pids() == []
        load.more(300)
        assert net.client.run("ping", "-c", "1", "-W", "1", VIP)
    # Without load: Linux fails a connect whose SYN waits in the entry that is being flushed.
    net.client.ip("neigh", "flush", "dev", "eth0")
    with Load(net.client, VIP) as later:
        later.more(300)
        lb.up()
        after = totals(lb)
        later.more(300)
    assert load.failures + later.failures == []
    done = load.done + later.done
    assert all(b >= a for a, b in zip(before, after))
    # A port that a server remembers from a connection cut in an earlier test takes a second SYN.
    assert done + 1 <= sum(totals(lb)) <= done + 10
    assert download.flows()
    download.close()
    assert answer(net.client, VIP) in MAIL


def test_a_newer_binary_adopts_flows_and_counters(net, lb):
    lb.up(config())
    newer = shutil.copy2(program(), f"{net.directory}/lbxdp-newer")
    download = Download(net.client, VIP)
    burst(net.client, VIP, 80, 9)
    lb.kill()
    lb.space.run(newer, *lb.words("up", "eth0", "-c", lb.config)[1:])
    assert sum(totals(lb)) == 10
    assert download.flows()
    assert sum(r["active"] for r in lb.service("web")["reals"]) == 1
    download.close()


def test_kill_9_in_the_middle_of_reloads_fails_no_request(net, lb):  # F25
    lb.up(config())
    shapes = [config({"web": service(weights=w), "more": service(ports=ports)})
              for w, ports in (((3, 1), [8080]), ((100, 100), [8001, 8002]), ((1, 1, 1), [8003]))]
    with Load(net.client, VIP) as load:
        for shape in shapes * 2:
            main = lb.processes()["main"]
            lb.write(shape)
            child = lb.spawn("reload")
            load.more(5)
            lb.kill_pids([main])
            child.wait(5)
            lb.up()
            load.more(50)
    assert load.failures == []
    for name in ("mail1", "mail2", "mail3"):
        lb.wait_real(f"web/{name}", status="up")
    assert burst(net.client, VIP, 80, 9) == {"mail1": 3, "mail2": 3, "mail3": 3}


def test_an_orphaned_node_leaves_the_vip_to_a_peer_and_takes_it_back(net, lb):  # F24
    lb.up(config(orphan_timeout="2s"))
    download = Download(net.client, VIP)

    def answers():
        net.router.ip("neigh", "flush", "dev", "eth0")
        return net.router.run("ping", "-c", "1", "-W", "1", VIP, check=False).returncode == 0

    assert answers()
    lb.kill()
    wait_for("the VIP to be left unanswered", lambda: not answers(), 10)
    assert download.flows()
    lb.up()
    wait_for("the VIP to be answered again", answers, 5)
    assert download.flows()
    download.close()


def test_without_a_daemon_it_is_said_how_old_the_view_is(net, lb):  # F24
    lb.up(config())
    lb.kill()

    def age():
        page = lb.call("metrics", check=False)
        assert page.returncode == 1 and "not running" in page.stderr
        return float(page.stdout.splitlines()[-1].removeprefix("lbxdp_heartbeat_age_seconds "))

    first = age()
    wait_for("the view to age", lambda: age() > max(first, 1.0), 10)
    status = lb.call("status", check=False)
    assert status.returncode == 1
    assert "goes on with the state of " in status.stderr and " s ago" in status.stderr
    assert answer(net.client, VIP) in MAIL
    lb.up()
    assert lb.status()["heartbeat_age_ms"] < 1000
    lb.down()
    assert not lb.call("metrics", check=False).stdout


def test_an_adopted_real_keeps_its_last_known_health(net, lb, servers):
    lb.up(config())
    servers["mail1"].in_service(False)
    lb.wait_real("web/mail1", status="down")
    lb.kill()
    with Load(net.client, VIP) as load:
        lb.call("up", "eth0", "-c", lb.config, "--no-wait")
        load.more(200)
    assert load.failures == [] and set(load.by_name) == {"mail2"}


def test_sigterm_leaves_the_data_plane_at_work(net, lb):
    lb.up(config())
    with Load(net.client, VIP) as load:
        lb.kill("main", sig=signal.SIGTERM)
        wait_for("the children to end too", lambda: lb.pids() == [])
        load.more(300)
        lb.up()
        load.more(100)
    assert load.failures == []


def test_on_stop_detach_takes_the_data_plane_away_at_sigterm(net, lb):
    lb.up(config(on_stop="detach"))
    lb.kill("main", sig=signal.SIGTERM)
    wait_for("everything to be gone", lambda: not os.path.exists(lb.pins))
    assert not [left for left in lb.leftovers() if "XDP" in left]


@pytest.mark.parametrize("role", ["probe", "web"])
def test_a_killed_child_is_back_within_a_second_and_layer_4_does_not_notice(net, lb, role):
    lb.up(config())
    with Load(net.client, VIP) as load:
        pid = lb.kill(role)[0]
        wait_for(f"a new {role}", lambda: lb.processes().get(role, 0) not in (0, pid), 1.5)
        load.more(100)
    assert load.failures == []
    process = next(p for p in lb.status()["processes"] if p["role"] == role)
    assert process["restarts"] == 1
    assert all(r["status"] == "up" for r in lb.service("web")["reals"])
    assert net.balancer.run("curl", "-sS", "http://127.0.0.1:9443/metrics").stdout


def test_checks_go_on_after_the_probe_was_killed(net, lb, servers):
    lb.up(config())
    lb.kill("probe")
    servers["mail1"].in_service(False)
    lb.wait_real("web/mail1", status="down")


def test_up_again_is_fine_and_with_another_file_is_refused(net, lb):
    lb.up(config())
    pid = lb.processes()["main"]
    assert lb.up().returncode == 0
    assert lb.processes()["main"] == pid
    other = lb.config + ".other.yaml"
    with open(other, "w") as f, open(lb.config) as same:
        f.write(same.read())
    done = lb.call("up", "eth0", "-c", other, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_a_second_up_joins_a_further_interface(net, lb):
    lb.up(config({"web": service(), "far": service(vip="10.1.0.10")}))
    lb.up(None, "eth1")
    assert [i["name"] for i in lb.status()["interfaces"]] == ["eth0", "eth1"]
    assert answer(net.far, "10.1.0.10") in MAIL


def test_down_leaves_nothing_behind(net, lb):
    lb.up(config({"web": service(), "web6": service(vip="fd00:30::10")}))
    assert len(lb.leftovers()) >= 3
    addresses, routes = (net.balancer.ip("addr").stdout, net.balancer.ip("route").stdout)
    lb.down()
    assert lb.leftovers() == []
    assert "192.168.30.10" not in addresses and routes == net.balancer.ip("route").stdout
    assert lb.call("status", check=False).returncode == 1


def test_down_cleans_up_after_a_daemon_that_was_killed(net, lb):
    lb.up(config())
    lb.kill()
    lb.down()
    assert lb.leftovers() == []


def test_reload_under_load_fails_no_request_and_prints_what_changed(net, lb):
    lb.up(config())
    download = Download(net.client, VIP)
    with Load(net.client, VIP) as load:
        said = lb.reload(config({"web": service(weights=(300, 100)),
                                 "more": service(ports=[8080])})).stdout
        load.more(200)
        lb.reload(config({"web": service(weights=(100, 100, 100))}))
        load.more(200)
        lb.reload(config({"web": service(vip=[VIP, VIP_2], weights=(None, 100, 100))}))
        load.more(200)
    assert load.failures == []
    assert "more" in said and "weight" in said and "300" in said
    assert download.flows()
    download.close()
    assert answer(net.client, VIP_2) in MAIL


def test_a_reload_that_changes_nothing_says_so(net, lb):
    lb.up(config())
    assert lb.reload().stdout.strip()
    assert lb.call("check", "-c", lb.config).returncode == 0


@pytest.mark.parametrize("bad", ["version: 1\nservices: {web: {vip: 1.2.3}}\n", "{", "\0\xff",
                                 "version: 1\nservices: {a: {mode: l7-http}}\n"],
                         ids=["wrong value", "broken yaml", "binary", "not supported"])
def test_a_bad_reload_changes_nothing(net, lb, bad):  # F26
    lb.up(config())
    before = [(s["name"], s["vip"], s["ports"]) for s in lb.status()["services"]]
    done = lb.reload(bad, check=False)
    assert done.returncode == 1
    assert "lbxdp.yaml:" in done.stderr + done.stdout
    assert [(s["name"], s["vip"], s["ports"]) for s in lb.status()["services"]] == before
    assert answer(net.client, VIP) in MAIL
    lb.kill("main")


def test_a_reload_of_what_needs_down_and_up_names_it_and_changes_nothing(net, lb):
    lb.up(config())
    for change in (config(flows=131072), config(xdp_mode="generic"),
                   config(interfaces=("eth0", "eth1"))):
        done = lb.reload(change, check=False)
        assert done.returncode == 1
        assert "down" in done.stderr + done.stdout and "up" in done.stderr + done.stdout
    assert answer(net.client, VIP) in MAIL


def test_a_foreign_xdp_program_is_named_and_left_in_place(net, lb):  # F34
    net.balancer.ip("link", "set", "dev", "eth0", "xdpdrv", "obj", net.pass_object, "sec", "xdp")
    try:
        done = lb.up(config(), check=False)
        assert done.returncode == 1
        assert "lab_pass" in done.stderr
        assert "lab_pass" in net.balancer.ip("-d", "link", "show", "eth0").stdout
    finally:
        lb.down(check=False)
        assert "lab_pass" in net.balancer.ip("-d", "link", "show", "eth0").stdout
        net.balancer.ip("link", "set", "dev", "eth0", "xdpdrv", "off")


def test_a_real_that_gets_a_new_mac_is_followed(net, lb):  # F32, R115
    lb.up(config({"web": service(weights=(100, None))}))
    old = net.mail1.mac()
    new = "02:00:00:aa:bb:01"
    net.mail1.ip("link", "set", "dev", "eth0", "address", new)
    try:
        lb.wait_real("web/mail1", 10, mac=new, status="up")
        assert answer(net.client, VIP) == "mail1"
    finally:
        net.mail1.ip("link", "set", "dev", "eth0", "address", old)
    lb.wait_real("web/mail1", 10, mac=old)


def test_a_real_without_a_mac_is_not_scheduled(net, lb):  # R115
    web = service(check={"type": "on"}, weights=(100, None))
    web["reals"]["ghost"] = {"ip": "192.168.30.77"}
    lb.up(config({"web": web}))
    assert lb.real("web/ghost")["mac"] is None
    assert burst(net.client, VIP, 80, 10) == {"mail1": 10}


def test_a_removed_interface_is_reported_and_served_again_when_it_returns(net, lb):  # F33
    lb.up(config())
    mac = net.balancer.mac()
    net.balancer.ip("link", "del", "eth0")
    try:
        wait_for("status to say that eth0 is gone",
                 lambda: lb.status()["interfaces"][0]["xdp_mode"] not in ("native", "generic"))
    finally:
        with Sniffer(net.client) as wire:
            net.wire("balancer", "eth0", "near", BALANCER, BALANCER6)
            net.balancer.ip("link", "set", "dev", "eth0", "address", mac)  # the same card
            announced = wire.find(lambda f: f[12:14] == b"\x08\x06" and
                                  f[28:32] == bytes([192, 168, 30, 10]), 8)
    assert announced
    wait_for("eth0 to be attached again",
             lambda: lb.status()["interfaces"][0]["xdp_mode"] == "native")
    lb.wait_real("web/mail1", 10, status="up")
    lb.wait_real("web/mail2", 10, status="up")
    assert burst(net.client, VIP, 80, 10) == {"mail1": 5, "mail2": 5}


def test_a_link_that_was_down_serves_again_and_the_vip_is_announced(net, lb):  # F31
    lb.up(config())
    port = net.port("balancer", "eth0")
    net.switch.ip("link", "set", port, "down")
    with Sniffer(net.client) as wire:
        net.switch.ip("link", "set", port, "up")
        assert wire.find(lambda f: f[12:14] == b"\x08\x06" and
                         f[28:32] == bytes([192, 168, 30, 10]), 5)
    for name in ("mail1", "mail2"):
        lb.wait_real(f"web/{name}", 10, status="up")
    assert burst(net.client, VIP, 80, 10) == {"mail1": 5, "mail2": 5}


def test_a_full_disk_under_the_log_stops_nothing_and_is_counted(net, lb):  # F27
    os.makedirs(lb.run_dir, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", "size=16k,mode=755", "tmpfs", lb.run_dir)
    try:
        lb.up(config())
        for _ in range(150):
            lb.call("drain", "web/mail1")
            lb.call("online", "web/mail1")
        dropped = [line for line in lb.call("metrics").stdout.splitlines()
                   if line.startswith("lbxdp_log_dropped")]
        assert dropped and float(dropped[0].split()[1]) > 0
        assert answer(net.client, VIP) in MAIL
        lb.down()
    finally:
        run("umount", lb.run_dir, check=False)
        with contextlib.suppress(OSError):
            os.rmdir(lb.run_dir)


def test_a_missing_system_user_is_an_error_that_names_the_command(lb):
    with open("/etc/passwd") as f:
        without = "".join(line for line in f if not line.startswith("lbxdp:"))
    path = lb.config + ".passwd"
    with open(path, "w") as f:
        f.write(without)
    lb.write(config())
    script = 'mount --bind "$0" /etc/passwd && exec "$@"'
    done = lb.space.run("unshare", "--mount", "--propagation", "private", "sh", "-c", script, path,
                        *lb.words("up", "eth0", "-c", lb.config), check=False)
    assert done.returncode == 1
    assert "useradd" in done.stderr


def test_up_in_the_foreground_serves_until_it_is_told_to_stop(net, lb):
    lb.write(config())
    child = lb.spawn("up", "eth0", "-c", lb.config, "--foreground")
    wait_for("it to answer", lambda: lb.call("status", check=False).returncode == 0)
    lb.wait_real("web/mail1", status="up")
    assert answer(net.client, VIP) in MAIL
    child.send_signal(signal.SIGTERM)
    assert child.wait(5) == 0


def test_systemd_is_told_when_it_is_ready(net, lb):
    lb.write(config())
    path = f"{net.directory}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(10)
        child = lb.spawn("up", "eth0", "-c", lb.config, "--foreground",
                         env=dict(os.environ, NOTIFY_SOCKET=path))
        said = s.recv(4096).decode()
        assert "READY=1" in said
        assert answer(net.client, VIP) in MAIL
        child.send_signal(signal.SIGTERM)
        while "STOPPING=1" not in said:
            said += s.recv(4096).decode()
        assert child.wait(5) == 0
    os.unlink(path)


def test_sighup_reloads(net, lb):
    lb.up(config())
    lb.write(config({"web": service(weights=(3, 1))}))
    os.kill(lb.processes()["main"], signal.SIGHUP)
    lb.wait_real("web/mail1", weight=3)
    assert burst(net.client, VIP, 80, 8) == {"mail1": 6, "mail2": 2}


def test_two_instances_serve_side_by_side(net, lb):
    lb.up(config())
    other = Balancer(lb.space, f"{lb.instance}b", net.directory, "eth1")
    other.config += ".other"
    far = config({"web": service(vip="10.1.0.10", ports=[80])},
                 interfaces=("eth1",))
    far["admin"]["listen"] = "127.0.0.1:9444"
    far["services"]["web"]["reals"] = {"router": {"ip": "10.1.0.1"}}
    far["services"]["web"]["check"] = {"type": "ping"}
    try:
        other.up(far)
        other.wait_real("web/router", status="up")
        assert answer(net.client, VIP) in MAIL
        other.down()
        assert [left for left in other.leftovers() if "process" not in left] == ["XDP on eth0"]
        assert answer(net.client, VIP) in MAIL
        assert lb.status()["services"][0]["status"] == "healthy"
    finally:
        other.down(check=False)
        shutil.rmtree(other.state_dir, ignore_errors=True)


@pytest.mark.parametrize("trouble", ["generic mode", "a peer without a program"])
def test_up_warns_of_what_will_bite_later(net, lb, trouble):
    port = net.port("balancer", "eth0")
    if trouble == "generic mode":
        said = lb.up(config(xdp_mode="generic")).stderr
        assert "generic" in said
    else:
        net.switch.ip("link", "set", "dev", port, "xdpdrv", "off")
        try:
            said = lb.up(config()).stderr
        finally:
            net.balancer_port(port)
        assert port in said
    assert said.startswith("eth0: ") and len(said.splitlines()) == 1
