# SPDX-License-Identifier: GPL-2.0-only
"""The words of the command line, its exit codes, and what it prints."""

import glob
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from lab.balancer import TOP, Balancer, program
from lab.clients import answer, burst
from lab.config import config, reals, service
from lab.layer7 import VIP_7
from lab.network import MAIL, VIP
from lab.space import run


def check(lb, text):
    lb.write(text)
    return lb.call("check", "-c", lb.config, check=False)


def test_check_reports_every_error_with_its_place(lb):
    bad = """version: 1
node: {interfaces: [eth0]}
services:
  web:
    vip: 192.168.30.300
    ports: [80]
    reals: {a: {ip: 192.168.30.20, wieght: 5}}
  mail:
    mode: l4-dr
    vip: 192.168.30.10
    ports: [25]
    reals: {a: {ip: 172.16.0.1}}
"""
    done = check(lb, bad)
    assert done.returncode == 1
    places = re.findall(r"^.*lbxdp\.yaml:(\d+):\d+: error: ", done.stderr, re.M)
    assert {"5", "7"} <= set(places)
    assert "weight" in done.stderr


def test_check_names_a_ca_file_that_cannot_be_read(lb):
    web = service(check={"type": "https", "verify": "ca", "ca": "/nowhere/ca.pem"})
    done = check(lb, config({"web": web}))
    assert done.returncode == 1
    assert re.search(r"lbxdp\.yaml:\d+:\d+: error: .*/nowhere/ca\.pem", done.stderr)


def test_check_refuses_a_real_on_no_connected_subnet(lb):  # R3
    web = service()
    web["reals"]["far"] = {"ip": "172.16.0.1"}
    done = check(lb, config({"web": web}))
    assert done.returncode == 1
    assert "172.16.0.1" in done.stderr and "eth0" in done.stderr


def test_check_accepts_every_shipped_configuration_also_where_its_interface_is_missing(net, tmp_path):
    pem = tmp_path / "mail.pem"
    pem.write_text("".join(open(f"{net.directory}/{name}.pem").read() for name in ("cert", "key")))
    for path in glob.glob(os.path.join(TOP, "configs", "*.yaml")):
        here = tmp_path / os.path.basename(path)
        here.write_text(open(path).read().replace("/etc/lbxdp/mail.pem", str(pem)))
        done = net.switch.run(program(), "check", "-c", here, check=False)
        assert done.returncode == 0, done.stderr
        assert "warning" in done.stderr


def test_check_print_is_a_configuration_that_means_the_same(lb):
    lb.write(config({"web": service(), "web6": service(vip="fd00:30::10")}))
    first = lb.call("check", "-c", lb.config, "--print").stdout
    lb.write(first)
    assert lb.call("check", "-c", lb.config, "--print").stdout == first


@pytest.mark.parametrize("words", [["no-such-word"], ["up", "--no-such-option"], ["report"],
                                   ["probe"], []], ids=" ".join)
def test_wrong_usage_exits_2_and_says_what_is_right(lb, words):
    done = lb.space.run(program(), *words, check=False)
    assert done.returncode == 2
    assert done.stderr and not done.stdout


def test_a_wrong_order_exits_2_and_says_what_is_right(lb):
    lb.up(config())
    for words in (["drain"], ["weight", "web/mail1"], ["drain", "web"], ["weight", "a/b", "many"]):
        done = lb.call(*words, check=False)
        assert done.returncode == 2, words
        assert done.stderr and not done.stdout


def test_what_needs_a_daemon_says_how_to_start_one(lb):
    for words in (["status"], ["reload"], ["drain", "web/mail1"], ["report", "l4"], ["metrics"]):
        done = lb.call(*words, check=False)
        assert done.returncode == 1
        assert "lbxdp up" in done.stderr and len(done.stderr.splitlines()) == 1


def test_help_and_version_are_there():
    assert "up" in run(program(), "--help").stdout
    with open(os.path.join(TOP, "VERSION")) as f:
        assert f.read().strip() in run(program(), "--version").stdout


def test_status_has_the_guides_words(lb):  # R32, R33, R64, R65
    lb.up(config())
    lb.call("drain", "web/mail2")
    text = lb.call("status").stdout
    assert re.search(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d ?(UTC|Z)", text)
    assert re.search(r"Virtual Service web +Method: Layer 4 +Mode: DR +IP: 192\.168\.30\.10 +"
                     r"Ports: 80 +Protocol: TCP", text)
    assert re.search(r"mail2 +192\.168\.30\.21 .*drain", text)
    assert "\033[" not in text


def test_status_json_keeps_its_promise(lb):
    lb.up(config())
    s = lb.status()
    assert {"version", "time", "node", "processes", "interfaces", "services"} <= set(s)
    assert {"role", "pid", "restarts"} <= set(s["processes"][0])
    assert {"name", "xdp_mode", "dispatcher"} <= set(s["interfaces"][0])
    web = s["services"][0]
    assert {"name", "mode", "vip", "ports", "protocol", "scheduler", "status", "connections_total",
            "packets_total", "bytes_total", "reals"} <= set(web)
    assert {"name", "ip", "port", "weight", "effective_weight", "status", "admin", "mac", "active",
            "inactive", "connections_total", "packets_total", "bytes_total", "check",
            "checks"} <= set(web["reals"][0])
    assert {"status", "detail", "duration_ms", "since"} <= set(web["reals"][0]["check"])
    assert web["vip"] == [VIP] and web["ports"] == ["80"] and web["reals"][0]["port"] is None
    assert s["heartbeat_age_ms"] < 60000  # also before the first sweep
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", s["time"])


def test_status_watch_goes_on_until_interrupted(lb):
    lb.up(config())
    child = lb.spawn("status", "--watch")
    assert child.stdout.readline()
    child.send_signal(signal.SIGINT)
    assert child.wait(5) in (0, -signal.SIGINT)


@pytest.mark.parametrize("report", ["l4", "checks"])
def test_reports_come_as_text_json_and_csv(net, lb, report):  # R68, R71
    lb.up(config())
    burst(net.client, VIP, 80, 4)
    text = lb.call("report", report).stdout
    assert "mail1" in text
    if report == "l4":
        for column in ("Forwarding Method", "Weight", "Active", "Inactive"):
            assert column in text
        assert "Route" in text
    assert json.loads(lb.call("report", report, "--json").stdout)
    rows = lb.call("report", report, "--csv").stdout.splitlines()
    assert len({row.count(",") for row in rows}) == 1 and any("mail1" in row for row in rows)


def test_init_exchange_writes_a_configuration_that_serves(net, lb):  # R16
    done = lb.call("init", "exchange", "--vip", VIP, "--real", f"CAS1={MAIL['mail1'][0]}", "--real",
                   f"CAS2={MAIL['mail2'][0]}", "--interface", "eth0", "--imap", "--pop3")
    lb.up(done.stdout)
    assert all(s["status"] == "healthy" for s in lb.status()["services"])
    assert net.client.run("curl", "-sSk", f"https://{VIP}/name").stdout.strip() in MAIL


def test_init_exchange_of_http_mode_serves_what_is_well_and_redirects(net, lb, tmp_path):  # R19, R53, R90
    pem = tmp_path / "mail.pem"
    pem.write_text("".join(open(f"{net.directory}/{name}.pem").read() for name in ("cert", "key")))
    done = lb.call("init", "exchange", "--mode", "l7-http", "--certificate", pem, "--vip", VIP_7,
                   "--real", f"CAS1={MAIL['mail1'][0]}", "--real", f"CAS2={MAIL['mail2'][0]}")
    lb.up(done.stdout)
    assert {s: lb.service(s)["status"] for s in ("CAS-HTTPS", "CAS-HTTPS:ews", "CAS-SMTP", "HTTP-redirect")} == {
        "CAS-HTTPS": "healthy", "CAS-HTTPS:ews": "down", "CAS-SMTP": "healthy",
        "HTTP-redirect": "redirect"}

    def status(url):
        return net.client.run("curl", "-sSk", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}",
                              url).stdout

    assert status(f"https://{VIP_7}/name") == "200 "
    assert status(f"https://{VIP_7}/ews/exchange.asmx") == "503 "
    assert status(f"https://{VIP_7}/") == f"302 https://{VIP_7}/owa/"
    assert status(f"http://{VIP_7}/owa?a=b") == f"301 https://{VIP_7}/owa?a=b"


def test_the_linux_real_script_solves_the_arp_problem(net, lb):  # R101
    lb.write(config({"web": service(vip="192.168.30.12")}))
    lb.up()
    script = lb.call("real-script", "web", "--os", "linux", "--interface", "eth0", "-c",
                     lb.config).stdout
    try:
        for name in ("mail1", "mail2"):
            net.spaces[name].run("sh", "-e", input_text=script)
        assert answer(net.client, "192.168.30.12") in MAIL
    finally:
        for name in ("mail1", "mail2"):
            net.spaces[name].ip("addr", "del", "192.168.30.12/32", "dev", "lo", check=False)


def test_the_windows_real_script_has_the_vips_filled_in(lb):  # R97-R100
    lb.write(config({"web": service(), "web6": service(vip="fd00:30::10")}))
    assert f"{VIP}" in lb.call("real-script", "web", "--os", "windows", "-c", lb.config).stdout
    v6 = lb.call("real-script", "web6", "--os", "windows", "-c", lb.config).stdout
    assert "fd00:30::10" in v6 and "dadtransmits=0" in v6.lower().replace(" ", "")


def test_the_completion_file_loads_and_completes_commands():
    path = os.path.join(TOP, "configs", "completion", "lbxdp.bash")
    script = f"""set -eu
source {path}
complete -p lbxdp | grep -q lbxdp
name=$(complete -p lbxdp | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=({program()} st) COMP_CWORD=1 COMP_LINE='lbxdp st' COMP_POINT=8 COMPREPLY=()
set +eu
$name lbxdp st lbxdp
printf '%s\\n' "${{COMPREPLY[@]}}"
COMP_WORDS=({program()} report '') COMP_CWORD=2 COMP_LINE='lbxdp report ' COMP_POINT=13 COMPREPLY=()
$name lbxdp '' report
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", script], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["status", "l4", "l7", "flows", "sessions", "checks"]


def test_a_second_instance_is_refused_an_interface_that_is_taken(net, lb):
    lb.up(config())
    other = Balancer(lb.space, f"{lb.instance}b", net.directory)
    try:
        assert other.up(check=False).returncode == 1
    finally:
        other.down(check=False)
        shutil.rmtree(other.state_dir, ignore_errors=True)
    assert answer(net.client, VIP) in MAIL
    assert {r["name"] for r in lb.service("web")["reals"]} == set(reals())


def test_install_puts_one_binary_with_its_papers_and_uninstall_takes_them_away(tmp_path):
    words = ("make", "-s", "-C", TOP, f"O={os.path.dirname(program())}", f"DESTDIR={tmp_path}")
    run(*words, "install", timeout=300)
    installed = {os.path.join(where, f)[len(str(tmp_path)):]
                 for where, _, files in os.walk(tmp_path) for f in files}
    prefix = "/usr/local"
    assert {f"{prefix}/sbin/lbxdp", f"{prefix}/share/man/man8/lbxdp.8",
            f"{prefix}/share/man/man5/lbxdp.yaml.5",
            f"{prefix}/share/bash-completion/completions/lbxdp"} <= installed
    assert "lbxdp" in run(f"{tmp_path}{prefix}/sbin/lbxdp", "--version").stdout
    run("promtool", "check", "rules", glob.glob(f"{tmp_path}/**/lbxdp.rules.yml",
                                                recursive=True)[0])
    run(*words, "uninstall", timeout=300)
    assert [f for _, _, files in os.walk(tmp_path) for f in files] == []
