# SPDX-License-Identifier: GPL-2.0-only
"""Metrics, the small web server, the control socket and the maps: what others look at, also in bad
faith (F14, F15)."""

import contextlib
import json
import os
import re
import socket
import urllib.parse

import pytest

from lab.balancer import TOP
from lab.clients import answer, burst
from lab.config import config, service
from lab.network import MAIL, VIP
from lab.space import run, wait_for


def get(lb, path, *words):
    return lb.space.run("curl", "-sS", "--max-time", "5", *words,
                        f"http://127.0.0.1:9443{path}").stdout


def test_metrics_pass_promtool(net, lb):
    lb.up(config({"web": service(), "web6": service(vip="fd00:30::10")}))
    burst(net.client, VIP, 80, 10)
    text = get(lb, "/metrics")
    assert run("promtool", "check", "metrics", input_text=text).stdout == ""
    for family in ("build_info", "xdp_attached", "service_status", "service_connections_total",
                   "real_status", "real_weight", "real_connections_active", "check_up",
                   "check_duration_seconds", "flow_entries", "flow_entries_limit",
                   "config_last_reload_successful", "drop_packets_total", "arp_replies_total"):
        assert f"# TYPE lbxdp_{family} " in text, family
    assert re.search(r'lbxdp_service_connections_total\{[^}]*service="web"[^}]*\} 10$', text, re.M)
    assert "process_resident_memory_bytes" in text


def test_the_command_and_the_scrape_give_the_same_families(lb):
    lb.up(config())
    families = lambda text: sorted(re.findall(r"^# TYPE (\S+)", text, re.M))  # noqa: E731
    assert families(lb.call("metrics").stdout) == families(get(lb, "/metrics"))


def test_openmetrics_comes_when_asked_for(lb):
    lb.up(config())
    text = get(lb, "/metrics", "-H", "Accept: application/openmetrics-text;version=1.0.0", "-i")
    assert "application/openmetrics-text" in text
    assert text.rstrip().endswith("# EOF")


def test_a_real_prometheus_scrapes_us(net, lb, tmp_path):
    lb.up(config())
    burst(net.client, VIP, 80, 10)
    (tmp_path / "prometheus.yml").write_text(
        "scrape_configs:\n- {job_name: lbxdp, scrape_interval: 300ms, scrape_timeout: 300ms, "
        "static_configs: [{targets: ['127.0.0.1:9443']}]}\n")
    with open(tmp_path / "log", "w") as log:
        child = lb.space.spawn("prometheus", f"--config.file={tmp_path}/prometheus.yml",
                               f"--storage.tsdb.path={tmp_path}/data",
                               "--web.listen-address=127.0.0.1:9190", stdout=log, stderr=log)
    try:
        query = urllib.parse.quote('lbxdp_service_connections_total{service="web"}')

        def scraped():
            done = lb.space.run("curl", "-sS", "--max-time", "5",
                                f"http://127.0.0.1:9190/api/v1/query?query={query}", check=False)
            if done.returncode:
                return None
            result = json.loads(done.stdout)["data"]["result"]
            return result and result[0]["value"][1]

        assert wait_for("Prometheus to have our counter", scraped, 30, 0.2) == "10"
    finally:
        child.terminate()
        child.wait(10)


@pytest.mark.parametrize("request_line, status", [
    ("POST /metrics HTTP/1.1\r\nContent-Length: 0", "405"), ("DELETE / HTTP/1.1", "405"),
    ("GET /../etc/passwd HTTP/1.1", "40[04]"), ("GET /nothing HTTP/1.1", "404"),
    ("GET / HTTP/3.7", "(400|505)"), ("rubbish", "400"),
    ("GET /" + "a" * 20000 + " HTTP/1.1", "4(14|31|00)"),
    ("GET / HTTP/1.1\r\nA: " + "b" * 20000, "431")],
    ids=["post", "delete", "dots", "unknown", "version", "rubbish", "long line", "long header"])
def test_the_web_process_refuses_what_it_should(lb, request_line, status):  # F15
    lb.up(config())
    with lb.space.connect("127.0.0.1", 9443) as s:
        with contextlib.suppress(ConnectionError):
            s.sendall(request_line.encode() + b"\r\nHost: x\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert re.match(rf"HTTP/1.1 {status} ", s.recv(4096).decode())
    assert "lbxdp_build_info" in get(lb, "/metrics")
    assert lb.status()["services"][0]["reals"][0]["admin"] == "online"


def test_idle_web_connections_do_not_keep_others_from_layer_4(net, lb):  # F15
    lb.up(config())
    idle = [lb.space.connect("127.0.0.1", 9443) for _ in range(100)]
    for s in idle:
        with contextlib.suppress(OSError):
            s.sendall(b"GET / HT")
    assert answer(net.client, VIP) in MAIL
    assert lb.status()["processes"]
    for s in idle:
        s.close()
    wait_for("the page to answer again", lambda: "lbxdp_build_info" in lb.space.run(
        "curl", "-sS", "--max-time", "2", "http://127.0.0.1:9443/metrics", check=False).stdout)


def control(lb):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(f"{lb.run_dir}/control.sock")
    return s


def test_200_idle_control_connections_block_nobody(lb):  # F14
    lb.up(config())
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(control(lb))
        assert lb.status()["services"]


@pytest.mark.parametrize("line", [b"A" * 100000 + b"\n", b"\0\xff\n", b"\n", b"no-such-command\n",
                                  b"drain\n", b"weight web/mail1 99999999999999999999\n",
                                  b"drain " + b"x" * 3000 + b"\n", b'drain "web/mail1\n'],
                         ids=["long", "binary", "empty", "unknown", "short", "number", "pattern",
                              "quote"])
def test_rubbish_on_the_control_socket_gets_an_error_and_harms_nothing(net, lb, line):  # F14
    lb.up(config())
    with control(lb) as s:
        with contextlib.suppress(ConnectionError):
            s.sendall(line)
            assert s.recv(4096)[:1] in (b"1", b"2")
    assert lb.real("web/mail1")["admin"] == "online"


def test_a_client_that_never_reads_its_answer_blocks_nobody(lb):  # F14
    lb.up(config())
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            s = stack.enter_context(control(lb))
            s.sendall(b"metrics\n")
        assert lb.status()["services"]


def test_a_stranger_may_not_speak_to_the_control_socket(lb):  # F14
    lb.up(config())
    done = lb.space.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                        *lb.words("drain", "web/mail1"), check=False)
    assert done.returncode != 0
    assert lb.real("web/mail1")["admin"] == "online"


MAPS = ("lbx_vip_filter lbx_vips lbx_endpoints lbx_services lbx_slots lbx_svc_info lbx_reals "
        "lbx_real_info lbx_real_conns lbx_real_stats lbx_flows4 lbx_flows6 lbx_half4 lbx_half6 "
        "lbx_fragments lbx_icmp lbx_persist lbx_settings lbx_verdicts lbx_events lbx_ifaces "
        "lbx_tx").split()


def dump(lb, name):
    return json.loads(run("bpftool", "-j", "map", "dump", "pinned", f"{lb.pins}/{name}").stdout)


def formatted(entries):
    return [e.get("formatted", e) for e in entries]


@pytest.mark.parametrize("name", MAPS)
def test_every_map_is_pinned_under_its_name(lb, name):  # R105
    lb.up(config())
    shown = json.loads(run("bpftool", "-j", "map", "show", "pinned", f"{lb.pins}/{name}").stdout)
    assert shown["name"] == name[:15]
    if name != "lbx_tx":
        assert shown.get("btf_id")


def test_the_maps_read_like_a_report(net, lb):  # R105
    lb.up(config({"web": service(weights=(100, None))}))
    idle = net.client.connect(VIP, 80)
    lb.wait_real("web/mail1", active=1)
    flow = formatted(dump(lb, "lbx_flows4"))[0]
    number = lambda v: int(v, 0) if isinstance(v, str) else v  # noqa: E731
    assert [number(b) for b in flow["key"]["dst"]] == [192, 168, 30, 10]
    assert flow["key"]["dport"] == 80
    assert flow["key"]["sport"] == idle.getsockname()[1]
    endpoint = formatted(dump(lb, "lbx_endpoints"))[0]["key"]
    assert [number(b) for b in endpoint["vip"]["byte"]][-4:] == [192, 168, 30, 10]
    idle.close()


def test_the_shipped_alert_rules_pass_promtool():
    rules = os.path.join(TOP, "configs", "prometheus", "lbxdp.rules")
    run("promtool", "check", "rules", f"{rules}.yml")
    run("promtool", "test", "rules", f"{rules}.test.yml")
