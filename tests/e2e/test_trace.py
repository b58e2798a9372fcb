# SPDX-License-Identifier: GPL-2.0-only
"""What an operator sees of single packets and flows: `lbxdp trace` and `lbxdp report flows`."""

import csv
import json
import signal
import socket
import struct

import pytest

from lab.clients import answer, burst, send_frame
from lab.config import HTTP, config, service
from lab.layer7 import VIP_7, l7
from lab.network import CLIENT, CLIENT6, MAIL, VIP, VIP6
from lab.space import LabError, wait_for

STRANGER = "192.168.30.51"


@pytest.fixture(scope="module", autouse=True)
def stranger(net):
    net.client.ip("addr", "add", f"{STRANGER}/24", "dev", "eth0")
    yield
    net.client.ip("addr", "del", f"{STRANGER}/24", "dev", "eth0")


class Trace:
    """A running `lbxdp trace`, in force once entered."""

    def __init__(self, lb, *words):
        self.lb, self.words, self.text = lb, words, ""

    def __enter__(self):
        others = self.lb.status()["traces"]
        self.process = self.lb.spawn("trace", *self.words)
        wait_for("the trace", lambda: self.lb.status()["traces"] == others + 1)
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def interrupt(self):
        """Ctrl-C: the lines, the last of which is the sum."""
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self):
        return self.end_with(0)

    def end_with(self, code):
        self.text = self.process.communicate(timeout=10)[0]
        assert self.process.returncode == code, self.text
        return self.text.splitlines()

    def records(self):
        return [r for r in map(json.loads, self.interrupt()) if "verdict" in r]


def test_a_connection_is_shown_packet_by_packet(net, lb):
    lb.up(config())
    with Trace(lb, "web", "--json") as t:
        name = answer(net.client, VIP)
        seen = t.records()
    assert {r["verdict"] for r in seen} == {"FORWARDED"}
    assert {(r["service"], r["real"], r["interface"]) for r in seen} == {("web", name, "eth0")}
    assert {(r["source"], r["destination"], r["destination_port"]) for r in seen} == {
        (CLIENT, VIP, 80)}
    assert seen[0]["flags"] == "S" and len(seen) >= 4
    assert any("F" in r["flags"] for r in seen)
    assert len({r["source_port"] for r in seen}) == 1
    assert json.loads(t.text.splitlines()[-1]) == {"total_shown": len(seen), "total_not_shown": 0}
    assert lb.status()["traces"] == 0


def test_people_get_a_line_a_packet_and_a_sum(net, lb):
    lb.up(config({"web": service(), "web6": service(vip=VIP6)}))
    with Trace(lb, "web6", "--count", "2") as t:
        answer(net.client, VIP)
        answer(net.client, VIP6)
        lines = t.end()
    assert len(lines) == 3
    assert " FORWARDED " in lines[0] and f"> [{VIP6}]:80 TCP S " in lines[0]
    assert f"[{CLIENT6}]:" in lines[0] and " eth0 web6/mail" in lines[0]
    assert lines[2].startswith("2 packets shown, ")


def refused(net, source, port=80):
    with pytest.raises(OSError):
        answer(net.client, VIP, port, timeout=0.5, source=(source, 0))


def fragment(lb, net):
    """A later fragment of a UDP datagram for the VIP."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 7, 185, 64, 17, 0, socket.inet_aton(CLIENT),
                     socket.inet_aton(VIP))
    mac = [bytes.fromhex(s.mac().replace(":", "")) for s in (lb.space, net.client)]
    return mac[0] + mac[1] + b"\x08\x00" + ip + bytes(8) + bytes(18)


def test_drops_are_shown_by_verdict(net, lb, servers):
    dead = service(ports=(81,), check=dict(HTTP, port=9999))
    lb.up(config({"web": service(deny_from=STRANGER), "dead": dead}))
    lb.wait_real("dead/mail1", status="down")
    lb.wait_real("dead/mail2", status="down")
    with Trace(lb, "--verdict", "acl,NO_REAL,fragment", "--json") as t:
        assert answer(net.client, VIP) in MAIL
        refused(net, STRANGER)
        refused(net, CLIENT, 81)
        send_frame(net.client, fragment(lb, net))
        seen = t.records()
    assert {(r["verdict"], r["source"], r["service"]) for r in seen} == {
        ("ACL", STRANGER, "web"), ("NO_REAL", CLIENT, "dead"), ("FRAGMENT", CLIENT, None)}


def test_one_client_of_many_is_shown(net, lb):
    lb.up(config())
    with Trace(lb, "--client", STRANGER, "--json") as one, \
         Trace(lb, "--client", "192.168.30.48/30", "--json") as both:
        for source in (CLIENT, STRANGER):
            answer(net.client, VIP, source=(source, 0))
        assert {r["source"] for r in one.records()} == {STRANGER}
        assert {r["source"] for r in both.records()} == {CLIENT, STRANGER}


def test_what_is_above_the_rate_is_counted(net, lb):
    lb.up(config())
    before = sum(r["packets_total"] for r in lb.service("web")["reals"])
    with Trace(lb, "--rate", "20", "--json", "web") as t:
        burst(net.client, VIP, 80, 100)
        lines = [json.loads(line) for line in t.interrupt()]
    total = sum(r["packets_total"] for r in lb.service("web")["reals"]) - before
    shown, last = [r for r in lines if "verdict" in r], lines[-1]
    assert 1 <= len(shown) < total and last["total_not_shown"] > 0
    assert last["total_shown"] == len(shown)
    assert last["total_shown"] + last["total_not_shown"] == total
    assert sum(r.get("not_shown", 0) for r in lines) <= last["total_not_shown"]


def test_who_does_not_read_blocks_nobody(net, lb):
    lb.up(config())
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(f"{lb.run_dir}/control.sock")
        s.sendall(b"trace json 5000 0\n")
        assert s.recv(2) == b"0\n"
        burst(net.client, VIP, 80, 300)
        assert lb.status()["traces"] == 1
        assert answer(net.client, VIP) in MAIL
    wait_for("the end of the trace", lambda: lb.status()["traces"] == 0)


def tracing(lb):
    """The word of lbx_settings that packets go by."""
    row = json.loads(lb.space.run("bpftool", "-j", "map", "dump", "pinned",
                                  f"{lb.pins}/lbx_settings").stdout)
    return row[0]["formatted"]["value"]["trace"]


def test_a_killed_daemon_leaves_no_tracing_on(net, lb):
    lb.up(config())
    with Trace(lb) as t:
        assert tracing(lb)
        lb.kill()
        assert t.end_with(1) == ["lbxdp: the daemon went away"]

    def over():
        answer(net.client, VIP)  # a packet looks at the clock
        return tracing(lb) == 0
    wait_for("the tracing to end", over, 10, 0.1)
    lb.up()
    assert tracing(lb) == 0


@pytest.mark.parametrize("words, said", [
    (["nobody"], "no service nobody"), (["--verdict", "DROP"], "DROP is no verdict"),
    (["--client", "10.0.0.0/33"], "neither an address nor a network"), (["--rate", "0"], "usage"),
    (["--rate", "5001"], "usage"), (["--count", "x"], "usage")])
def test_what_cannot_be_traced_is_said(lb, words, said):
    lb.up(config())
    with pytest.raises(LabError, match=said):
        lb.call("trace", *words)
    assert lb.status()["traces"] == 0


@pytest.mark.parametrize("words", [["trace"], ["report", "flows"]])
def test_a_service_of_layer_7_is_pointed_to_its_sessions(net, lb, words):
    lb.up(config({"web": l7()}))
    with pytest.raises(LabError, match="lbxdp report sessions"):
        lb.call(*words, "web")


def test_what_a_list_of_layer_7_refuses_is_shown(net, lb):
    lb.up(config({"web": l7(deny_from=STRANGER)}))
    with Trace(lb, "web", "--json") as t:
        with pytest.raises(OSError):
            answer(net.client, VIP_7, timeout=0.5, source=(STRANGER, 0))
        seen = t.records()
    assert {(r["verdict"], r["source"]) for r in seen} == {("ACL", STRANGER)}


# --- report flows

def flows(lb, *words):
    return json.loads(lb.call("report", "flows", "--json", *words).stdout)


def ask(s):
    s.sendall(b"GET /name HTTP/1.1\r\nHost: lab\r\n\r\n")
    assert b"mail" in s.recv(4096)


def test_flows_are_listed_and_filtered(net, lb):
    lb.up(config({"web": service(), "web6": service(vip=VIP6)}))
    with net.client.connect(VIP, 80) as a, net.client.connect(VIP6, 80) as b, \
         net.client.connect(VIP, 80, source=(STRANGER, 0)) as c:
        for s in (a, b, c):
            ask(s)
            ask(s)
        port = {s.getsockname()[:2] for s in (a, b, c)}
        all_of = flows(lb)
        assert all_of["shown"] == all_of["matched"] == all_of["flows_total"] == 3
        rows = all_of["flows"]
        ends = {tuple(r["client"].replace("[", "").replace("]", "").rsplit(":", 1)) for r in rows}
        assert ends == {(host, str(p)) for host, p in port}
        assert {(r["service"], r["vip"]) for r in rows} == {
            ("web", f"{VIP}:80"), ("web6", f"[{VIP6}]:80")}
        assert {(r["state"], r["protocol"]) for r in rows} == {("established", "tcp")}
        assert {r["real"] for r in rows} <= set(MAIL)
        assert all(0 <= r["idle_seconds"] < 60 < r["timeout_seconds"] for r in rows)
        assert flows(lb, "web")["matched"] == 2
        assert flows(lb, "web6")["matched"] == 1
        of_web = [r["real"] for r in rows if r["service"] == "web"]
        assert flows(lb, f"web/{of_web[0]}")["matched"] == of_web.count(of_web[0])
        assert flows(lb, "--client", STRANGER)["matched"] == 1
        assert flows(lb, "--client", "fd00::/16")["matched"] == 1
        assert flows(lb, "--state", "closing")["matched"] == 0
        limited = flows(lb, "--limit", "1")
        assert len(limited["flows"]) == limited["shown"] == 1 and limited["matched"] == 3


def test_flows_are_listed_for_people_and_spreadsheets(net, lb):
    lb.up(config())
    with net.client.connect(VIP, 80) as a:
        ask(a)
        ask(a)
        text = lb.call("report", "flows").stdout.splitlines()
        assert text[0].split() == ["Virtual", "Service", "Real", "Server", "Client", "VIP",
                                   "Protocol", "State", "Idle", "Timeout"]
        assert text[1].split()[0] == "web" and "established" in text[1]
        assert text[2] == "1 of 1 flows shown; the tables hold 1"
        rows = list(csv.DictReader(lb.call("report", "flows", "--csv").stdout.splitlines()))
        assert [(r["Virtual Service"], r["State"]) for r in rows] == [("web", "established")]


def test_a_half_open_flow_is_listed(net, lb):
    lb.up(config())
    tcp = struct.pack("!HHIIBBHHH", 4321, 80, 1, 0, 0x50, 2, 1024, 0, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 7, 0, 64, 6, 0, socket.inet_aton("192.168.30.99"),
                     socket.inet_aton(VIP))
    mac = [bytes.fromhex(s.mac().replace(":", "")) for s in (lb.space, net.client)]
    send_frame(net.client, mac[0] + mac[1] + b"\x08\x00" + ip + tcp + bytes(6))
    rows = flows(lb, "--state", "half-open", "--client", "192.168.30.99")["flows"]
    assert [(r["client"], r["service"]) for r in rows] == [("192.168.30.99:4321", "web")]


@pytest.mark.parametrize("words, said", [
    (["nobody"], "no service nobody"), (["--state", "open"], "open is no state"),
    (["--client", "x"], "neither an address nor a network"), (["--limit", "x"], "usage")])
def test_what_cannot_be_listed_is_said(lb, words, said):
    lb.up(config())
    with pytest.raises(LabError, match=said):
        lb.call("report", "flows", *words)
