# SPDX-License-Identifier: GPL-2.0-only
"""lbxdp doctor: each thing it looks for, provoked once in the lab; and a healthy lab."""

import contextlib
import json
import os
import re
import socket
import struct

import pytest

from lab.balancer import program
from lab.clients import answer, send_frame
from lab.config import HTTPS, service
from lab.config import config as any_config
from lab.layer7 import VIP_7, l7
from lab.network import BALANCER, BALANCER6, MAIL, ROUTER, VIP, VIP6
from lab.servers import NAME
from lab.space import run, wait_for


def config(services=None, **more):
    """As elsewhere, with no more sessions than any host's descriptors allow."""
    return any_config(services, l7=more.pop("l7", {"maxconn": 1000}), **more)


def doctor(lb, *words):
    """(exit code, findings)"""
    done = lb.call("doctor", *words, "--json", check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)["findings"]


def only(findings, examination):
    assert [f["examination"] for f in findings] == [examination], findings
    return findings[0]


@contextlib.contextmanager
def unsolved(space):
    """The ARP problem of a real server, unsolved (R89)."""
    where = [f"net__ipv4__conf__{name}__arp_ignore" for name in ("all", "eth0")]  # the larger counts
    space.sysctl(**{name: 0 for name in where})
    try:
        yield space
    finally:
        space.sysctl(**{name: 1 for name in where})


@contextlib.contextmanager
def on_card(space, address):
    """An IPv6 VIP on the network card instead of lo."""
    space.ip("addr", "del", f"{address}/128", "dev", "lo")
    space.ip("addr", "add", f"{address}/128", "dev", "eth0", "nodad")
    try:
        yield
    finally:
        space.ip("addr", "del", f"{address}/128", "dev", "eth0")
        space.ip("addr", "add", f"{address}/128", "dev", "lo", "nodad")


def test_a_healthy_lab_has_no_findings(lb):
    lb.up(config({"web": service(), "web6": service(vip=VIP6), "seven": l7()}))
    assert doctor(lb) == (0, [])
    assert doctor(lb, "arp") == (0, [])
    assert lb.call("doctor").stdout == "nothing found\n"
    assert lb.service("web")["conflicts"] == []


def test_a_real_that_answers_for_the_vip_is_named_with_the_command_that_mends_it(net, lb):
    lb.up(config())
    with unsolved(net.mail1):
        code, findings = doctor(lb, "arp")
        found = only(findings, "vip-elsewhere")
        assert code == 1 and found["severity"] == "error" and VIP in found["about"]
        assert net.mail1.mac() in found["seen"] and "mail1" in found["seen"]
        assert "eth0" in found["seen"]
        assert "arp_ignore=1" in found["type"] and "real-script web --os windows" in found["type"]
        seen = lb.service("web")["conflicts"]
        assert seen == [{"vip": VIP, "interface": "eth0", "mac": net.mail1.mac(),
                         "service": "web", "real": "mail1"}]
        assert f"conflict: {net.mail1.mac()} answers for {VIP} too: real server mail1" in \
            lb.call("status").stdout
        assert f'lbxdp_vip_conflict_hosts{{vip="{VIP}"}} 1' in lb.call("metrics").stdout
        assert only(doctor(lb)[1], "vip-elsewhere")
    assert doctor(lb, "arp") == (0, [])
    assert lb.service("web")["conflicts"] == []
    assert f'lbxdp_vip_conflict_hosts{{vip="{VIP}"}} 0' in lb.call("metrics").stdout


def test_the_daemon_asks_by_itself(net, lb):
    with unsolved(net.mail2):
        lb.up(config())
        seen = wait_for("the first round", lambda: lb.service("web")["conflicts"], 30, 0.2)
    assert [c["real"] for c in seen] == ["mail2"]


def test_every_real_that_answers_is_named(net, lb):
    lb.up(config({"web": service(), "more": service(ports=(8080,))}))
    with unsolved(net.mail1), unsolved(net.mail2):
        findings = doctor(lb, "arp")[1]
    assert len(findings) == 2
    assert {m for m in MAIL for f in findings if f"which is {m}" in f["seen"]} == {"mail1", "mail2"}


def test_a_real_that_answers_solicitations_for_the_vip_is_named(net, lb):
    lb.up(config({"web6": service(vip=VIP6)}))
    with on_card(net.mail2, VIP6):
        found = only(doctor(lb, "arp")[1], "vip-elsewhere")
    assert net.mail2.mac() in found["seen"] and "mail2" in found["seen"] and VIP6 in found["about"]
    assert doctor(lb, "arp") == (0, [])


def test_a_stranger_that_answers_is_named_by_its_mac(net, lb):
    lb.up(config())
    net.router.ip("addr", "add", f"{VIP}/32", "dev", "lo")
    try:
        findings = doctor(lb, "arp")[1]
    finally:
        net.router.ip("addr", "del", f"{VIP}/32", "dev", "lo")
    assert {(m, i) for m in (net.router.mac(), net.router.mac("eth1")) for i in ("eth0", "eth1")
            for f in findings if f["seen"].startswith(f"{m} answers for it on {i}, which is none")
            } == {(net.router.mac(), "eth0"), (net.router.mac("eth1"), "eth1")}
    assert len(findings) == 2


@contextlib.contextmanager
def stranger(space, device):
    """A host that has the VIP on one device, and answers for it there only."""
    space.sysctl(net__ipv4__conf__all__arp_ignore=1)
    space.ip("addr", "add", f"{VIP}/32", "dev", device)
    try:
        yield
    finally:
        space.ip("addr", "del", f"{VIP}/32", "dev", device)
        space.sysctl(net__ipv4__conf__all__arp_ignore=0)


def test_interfaces_without_xdp_are_asked_too(net, lb):
    lb.up(config())
    assert [i["name"] for i in lb.status()["interfaces"]] == ["eth0"]
    with stranger(net.far, "eth0"):
        seen = only(doctor(lb, "arp")[1], "vip-elsewhere")["seen"]
        assert net.far.mac() in seen and "on eth1," in seen
    assert doctor(lb, "arp") == (0, [])


def test_a_vlan_with_an_interface_of_its_own_is_asked_by_tagged_frames(net, lb):
    ends = ((net.balancer, "eth1"), (net.far, "eth0"))
    for space, device in ends:
        if space.ip("link", "add", "link", device, "name", f"{device}.10", "type", "vlan",
                    "id", 10, check=False).returncode:
            pytest.skip("this kernel has no VLAN interfaces")
        space.ip("link", "set", f"{device}.10", "up")
    try:
        lb.up(config())
        with stranger(net.far, "eth0.10"):
            seen = only(doctor(lb, "arp")[1], "vip-elsewhere")["seen"]
        note = json.loads(lb.call("doctor", "arp", "--json").stdout)["notes"][0]
    finally:
        for space, device in ends:
            space.ip("link", "del", f"{device}.10")
    assert "on eth1.10," in seen
    assert sorted(note.removeprefix("asked on ").split(";")[0].split(", ")) == \
        ["eth0", "eth1", "eth1.10 (tagged)"]


def gratuitous(mac, ip):
    mac, ip = bytes.fromhex(mac.replace(":", "")), socket.inet_aton(ip)
    return b"\xff" * 6 + mac + struct.pack("!HHHBBH", 0x806, 1, 0x800, 6, 4, 1) + \
        mac + ip + b"\0" * 6 + ip


def test_a_claim_that_nobody_asked_for_is_reported_by_the_next_round(net, lb):
    lb.up(config())
    send_frame(net.router, gratuitous(net.router.mac(), VIP))
    wait_for("XDP to count it", lambda: f'conflicts_total{{vip="{VIP}"}} 1' in
             lb.call("metrics").stdout)
    assert net.router.mac() in only(doctor(lb, "arp")[1], "vip-elsewhere")["seen"]
    assert doctor(lb, "arp") == (0, [])
    lb.kill()
    lb.up()
    assert doctor(lb, "arp") == (0, [])  # what an earlier daemon's maps counted is old news


def unasked_advertisement(mac, vip):
    """An unsolicited neighbour advertisement to all nodes (RFC 4861 4.4)."""
    mac, vip = bytes.fromhex(mac.replace(":", "")), socket.inet_pton(socket.AF_INET6, vip)
    everybody = socket.inet_pton(socket.AF_INET6, "ff02::1")
    body = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + vip + b"\2\1" + mac
    total = sum(struct.unpack(f"!{(40 + len(body)) // 2}H",
                              vip + everybody + struct.pack("!II", len(body), 58) + body))
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    body = body[:2] + struct.pack("!H", ~total & 0xffff) + body[4:]
    return b"\x33\x33\0\0\0\1" + mac + struct.pack("!HIHBB", 0x86dd, 6 << 28, len(body), 58, 255) + \
        vip + everybody + body


@pytest.mark.parametrize("vip, claim", [(VIP, gratuitous), (VIP6, unasked_advertisement)])
def test_each_host_that_claims_a_vip_unasked_is_a_finding(net, lb, vip, claim):  # F7
    lb.up(config({"web": service(vip=vip)}))
    macs = [net.router.mac(), net.mail2.mac()]
    for space, mac in zip((net.router, net.mail2), macs):
        send_frame(space, claim(mac, vip))
    wait_for("XDP to count them", lambda: f'conflicts_total{{vip="{vip}"}} 2' in
             lb.call("metrics").stdout)
    findings = doctor(lb, "arp")[1]
    assert [f["examination"] for f in findings] == ["vip-elsewhere"] * 2
    said = sorted(f["seen"] for f in findings)
    assert said == sorted([f"{macs[0]} answers for it on eth0, which is none of the real servers "
                           "known here", f"{macs[1]} answers for it on eth0, which is mail2"])
    assert f'lbxdp_vip_conflict_hosts{{vip="{vip}"}} 2' in lb.call("metrics").stdout
    assert doctor(lb, "arp") == (0, [])


def test_a_real_without_a_mac_and_its_failing_check_are_found(net, lb):
    web = service()
    web["reals"]["gone"] = {"ip": "192.168.30.99"}
    lb.up(config({"web": web}))
    code, findings = doctor(lb)
    assert code == 1
    about = {f["examination"]: f for f in findings}
    assert set(about) == {"real-mac", "real-check"}
    assert "ip neigh show 192.168.30.99" in about["real-mac"]["type"]
    assert "lbxdp probe http 192.168.30.99:80" in about["real-check"]["type"]


def test_a_failing_check_is_found_with_what_it_came_to(net, lb, servers):
    lb.up(config())
    servers["mail2"].in_service(False)
    lb.wait_real("web/mail2", status="down")
    found = only(doctor(lb)[1], "real-check")
    assert "503" in found["seen"] and "web/mail2" in found["about"]


@contextlib.contextmanager
def off_loopback(space, address):
    """A server of Direct Routing that does not have the VIP."""
    space.ip("addr", "del", f"{address}/{128 if ':' in address else 32}", "dev", "lo")
    try:
        yield
    finally:
        space.ip("addr", "add", f"{address}/{128 if ':' in address else 32}", "dev", "lo",
                 *(["nodad"] if ":" in address else []))


@pytest.mark.parametrize("vip, rip", [(VIP, MAIL["mail1"][0]), (VIP6, MAIL["mail1"][1])])
def test_a_real_without_the_vip_is_named_though_its_check_passes(net, lb, vip, rip):  # R88
    lb.up(config({"web": service(vip=vip)}))
    with off_loopback(net.mail1, vip):
        code, findings = doctor(lb)
        assert lb.real("web/mail1")["status"] == "up"
    found = only(findings, "vip-on-real")
    assert code == 1 and found["severity"] == "error" and found["about"] == "real web/mail1"
    assert f"answers at {rip} but not at the VIP {vip}" in found["seen"]
    assert f"addr add {vip}/" in found["type"] and "real-script web --os windows" in found["type"]
    assert doctor(lb) == (0, [])
    assert "clsact" not in net.balancer.run("tc", "qdisc", "show", "dev", "eth0").stdout


def test_a_real_that_forwards_does_not_have_the_vip_for_that(net, lb):
    """What it would send on comes back to the balancer, and another real answers."""
    lb.up(config())
    net.mail1.sysctl(net__ipv4__ip_forward=1)
    try:
        with off_loopback(net.mail1, VIP):
            assert only(doctor(lb)[1], "vip-on-real")["about"] == "real web/mail1"
    finally:
        net.mail1.sysctl(net__ipv4__ip_forward=0)


def test_a_real_that_does_not_listen_at_the_vip_is_named(net, lb):
    listener = net.mail1.spawn("/usr/bin/python3", "-m", "http.server", "-b", MAIL["mail1"][0],
                               "8077")
    try:
        wait_for("the listener", lambda: net.mail1.listens(8077, MAIL["mail1"][0]))
        lb.up(config({"web": service(ports=[8077], weights=(100, None),
                                     check={"type": "connect"})}))
        found = only(doctor(lb)[1], "vip-on-real")
    finally:
        listener.kill()
        listener.wait()
    assert found["seen"] == f"it listens at {MAIL['mail1'][0]}:8077 but not at {VIP}:8077"


def test_a_vip_that_a_check_goes_by_is_left_to_the_check(net, lb):
    lb.up(config({"web": service(check={"type": "connect", "via": "vip"})}))
    with off_loopback(net.mail1, VIP):
        lb.wait_real("web/mail1", status="down")
        findings = doctor(lb)[1]
    assert [f["examination"] for f in findings] == ["real-check", "vip-on-real"]
    assert "does not answer at the VIP" in findings[1]["seen"]
    assert "real-script web" in findings[1]["type"]


def test_half_open_questions_leave_no_connection_behind(net, lb):
    lb.up(config())
    assert doctor(lb) == (0, [])
    for name in ("mail1", "mail2"):
        assert BALANCER not in net.spaces[name].run("ss", "-Htn", "state", "syn-recv").stdout


NAT = {0: ("10.1.0.77", "10.1.0.0/24", BALANCER, "-4"),
       1: ("fd00:1::77", "fd00:1::/64", BALANCER6, "-6")}


@pytest.mark.parametrize("family", [0, 1])
def test_a_real_of_l4_nat_whose_gateway_is_another_host_is_named(net, lb, family):  # R1, R77
    vip, clients, here, flag = NAT[family]
    net.balancer.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)
    lb.up(config({"web": {"mode": "l4-nat", "vip": vip, "ports": [8080], "protocol": "tcp",
                          "check": {"type": "connect"},
                          "reals": {n: {"ip": MAIL[n][family], "port": 80}
                                    for n in ("mail1", "mail2")}}},
                 interfaces=["eth0", "eth1"]), "eth0", "eth1")
    net.mail2.ip(flag, "route", "add", clients, "via", here)
    try:
        found = only(doctor(lb)[1], "gateway")
        assert found["about"] == "real web/mail1" and found["severity"] == "error"
        assert f"replace default via {here}" in found["type"]
        assert ("route -p change" if family == 0 else "netsh interface ipv6") in found["type"]
        net.mail1.ip(flag, "route", "add", clients, "via", here)
        assert doctor(lb) == (0, [])
    finally:
        net.balancer.sysctl(net__ipv4__ip_forward=0, net__ipv6__conf__all__forwarding=0)
        for name in ("mail1", "mail2"):
            net.spaces[name].ip(flag, "route", "del", clients, "via", here, check=False)


def test_generic_mode_is_found(lb):
    lb.up(config(xdp_mode="generic"))
    found = only(doctor(lb)[1], "xdp-generic")
    assert found["about"] == "eth0" and found["severity"] == "warning"


def test_a_veth_peer_without_a_program_is_found(net, lb):
    port = net.port("balancer", "eth0")
    lb.up(config())
    net.switch.ip("link", "set", "dev", port, "xdpdrv", "off")
    try:
        found = [f for f in doctor(lb)[1] if f["examination"] == "veth-peer"]
    finally:
        net.balancer_port(port)
    assert len(found) == 1 and port in found[0]["seen"]


def test_an_interface_that_is_down_is_found(net, lb):
    lb.up(config(interfaces=["eth0", "eth1"]))
    net.balancer.ip("link", "set", "eth1", "down")
    try:
        found = wait_for("the link's end to be told", lambda: doctor(lb)[1])
    finally:
        net.balancer.ip("link", "set", "eth1", "up")
        net.balancer.ip("addr", "replace", "fd00:1::2/64", "dev", "eth1", "nodad")
    assert only(found, "link-down")["about"] == "eth1"


def test_interfaces_of_different_mtu_are_found(net, lb):
    lb.up(config(interfaces=["eth0", "eth1"]))
    net.balancer.ip("link", "set", "eth1", "mtu", "1400")
    try:
        found = wait_for("the MTU to be told", lambda: doctor(lb)[1])
    finally:
        net.balancer.ip("link", "set", "eth1", "mtu", "1500")
    assert only(found, "mtu")["type"] == "ip link set dev eth0 mtu 1400"


def test_a_real_that_left_every_network_is_found(net, lb):
    web = service(check={"type": "off"})
    net.balancer.ip("addr", "add", "192.168.77.2/24", "dev", "eth0")
    web["reals"]["far"] = {"ip": "192.168.77.20"}
    try:
        lb.up(config({"web": web}))
        net.balancer.ip("addr", "del", "192.168.77.2/24", "dev", "eth0")
        found = wait_for("the address to be gone", lambda: [
            f for f in doctor(lb)[1] if f["examination"] == "real-on-link"])
    finally:
        net.balancer.ip("addr", "del", "192.168.77.2/24", "dev", "eth0", check=False)
    assert "web/far" in found[0]["about"] and "192.168.77.20" in found[0]["seen"]


def test_a_strict_source_filter_beside_the_default_route_is_found(net, lb):
    lb.up(config({"seven": l7()}, interfaces=["eth0", "eth1"]))
    net.balancer.sysctl(net__ipv4__conf__eth1__rp_filter=1)
    net.balancer.ip("route", "add", "default", "via", ROUTER)
    try:
        code, findings = doctor(lb)
    finally:
        net.balancer.ip("route", "del", "default")
        net.balancer.sysctl(net__ipv4__conf__eth1__rp_filter=0)
    assert only(findings, "rp-filter")["about"] == "eth1"


def test_a_server_whose_answers_take_another_way_is_found(net, lb):  # R77
    front = l7(vip="10.1.0.12", source="client", timeouts={"connect": "500ms"}, weights=(1, None))
    lb.up(config({"seven": front}, interfaces=["eth1"]), "eth1")
    lb.wait_real("seven/mail1", status="up")
    with pytest.raises(OSError):
        answer(net.far, "10.1.0.12")
    wait_for("the warning", lambda: lb.real("seven/mail1")["warning"])
    found = [f for f in doctor(lb)[1] if f["examination"] == "gateway"]
    assert len(found) == 1 and "seven/mail1" in found[0]["about"]
    assert "default gateway" in found[0]["seen"] and "route replace default" in found[0]["type"]


def test_forwarding_that_a_gateway_needs_is_found(net, lb):  # R77
    front = l7(vip="10.1.0.12", source="client")
    net.balancer.sysctl(net__ipv4__ip_forward=0)
    lb.up(config({"seven": front}, interfaces=["eth1"]), "eth1")
    found = [f for f in doctor(lb)[1] if f["examination"] == "forwarding"]
    assert [f["type"] for f in found] == ["sysctl -w net.ipv4.ip_forward=1"]


def test_a_maxconn_beyond_the_descriptors_is_found(lb):
    lb.up(config({"seven": l7()}, l7={"maxconn": 1000000}))
    assert "1000000" in only(doctor(lb)[1], "limits")["seen"]


def test_a_reload_that_was_refused_is_found(lb):
    lb.up(config())
    assert lb.reload("version: 1\n", check=False).returncode == 1
    assert only(doctor(lb)[1], "plan")["about"] == "configuration"


def test_without_a_daemon_the_doctor_says_what_goes_on_and_what_is_wrong(lb):
    found = only(lb_doctor_file(lb, config()), "host")
    assert found["seen"] == "lbxdp does not run"
    lb.up(config())
    lb.kill()
    found = only(lb_doctor_file(lb, config()), "host")
    assert lb.pins in found["about"] and "goes on" in found["seen"]
    findings = lb_doctor_file(lb, config() | {"services": {"web": {"vip": "nonsense"}}})
    assert len(findings) == 2 and "lbxdp check" in findings[1]["type"]
    lb.write(config())
    done = lb.space.run("unshare", "--mount", "sh", "-c",
                        'mount --bind /dev/null /etc/passwd && exec "$@"', "sh",
                        *lb.words("doctor", "-c", lb.config), check=False)
    assert done.returncode == 1 and "useradd" in done.stdout
    done = lb.call("doctor", "arp", check=False)
    assert done.returncode == 1 and "lbxdp up" in done.stderr and not done.stdout


def lb_doctor_file(lb, text):
    lb.write(text)
    code, findings = doctor(lb, "-c", lb.config)
    assert code == 1
    return findings


NFT = f"""
table inet guard {{
	chain input {{
		type filter hook input priority 0;
		ip saddr 192.168.30.50 ip daddr {VIP} tcp dport 80 counter accept
		ip daddr {VIP} tcp dport 25 drop
		ip daddr {VIP_7} drop
		ip daddr 192.168.0.0/16 accept
	}}
}}
"""


@contextlib.contextmanager
def rules(space, words, text):
    space.run(*words, input_text=text)
    try:
        yield
    finally:
        space.run("nft", "flush", "ruleset")
        space.run("iptables-legacy", "-F", check=False)


@pytest.mark.parametrize("how, words, text, about", [
    ("nft", ["nft", "-f", "-"], NFT, "nftables table inet guard, chain input"),
    ("iptables-nft", ["iptables-nft-restore"],
     f"*filter\n-A INPUT -d {VIP}/32 -p tcp -m tcp --dport 80 -j DROP\nCOMMIT\n",
     "nftables table ip filter, chain INPUT"),
    ("iptables-legacy", ["iptables-legacy-restore"],
     f"*filter\n-A INPUT -p tcp -m iprange --dst-range 192.168.30.5-192.168.30.12 "
     "-m tcp --dport 80 -j DROP\nCOMMIT\n", "iptables table filter, INPUT"),
], ids=lambda p: p if isinstance(p, str) and " " not in p and "\n" not in p else "")
def test_rules_that_name_a_direct_routing_vip_are_warned_of(net, lb, how, words, text, about):
    if lb.space.run(words[0].replace("-restore", ""), *(
            ["list", "ruleset"] if how == "nft" else ["-L", "-n"]), check=False).returncode:
        pytest.skip(f"{how} does not work on this kernel")
    lb.write(config({"web": service(), "seven": l7()}))
    with rules(net.balancer, words, text):
        done = lb.call("check", "-c", lb.config)
        assert done.stderr.startswith(f"{lb.config}: warning: {about}"), done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "XDP" in done.stderr and "deny_from" in done.stderr and "service web" in done.stderr
        assert about in lb.up().stderr
        assert about in lb.reload().stderr
        found = only(doctor(lb)[1], "filter-rule")
        assert found["about"] == about and VIP in found["seen"]
    assert not lb.reload().stderr
    assert doctor(lb) == (0, [])


def exchange_in(space, words, directory, hosts, name=NAME):
    """What `doctor exchange` prints in a space where names resolve as hosts says."""
    path = f"{directory}/hosts"
    with open(path, "w") as f:
        f.writelines(f"{address} {names}\n" for address, names in hosts.items())
    done = space.run("unshare", "--mount", "sh", "-c",
                     f'mount --bind {path} /etc/hosts && exec "$@"', "sh",
                     *words("doctor", "exchange", name, "--json"), check=False)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def exchange(lb, directory, hosts):
    """On the balancer itself."""
    return exchange_in(lb.space, lb.words, directory, hosts)["findings"]


BOTH = f"{NAME} autodiscover.example.com"


def https(check=None):
    return service(ports=(443,), check=check or HTTPS)


@pytest.fixture
def autodiscover(net):
    """Every server answers autodiscover."""
    os.makedirs(f"{net.directory}/www/autodiscover", exist_ok=True)
    with open(f"{net.directory}/www/autodiscover/autodiscover.xml", "w") as f:
        f.write("<Autodiscover/>")
    yield
    os.unlink(f"{net.directory}/www/autodiscover/autodiscover.xml")


def test_an_exchange_service_that_is_right_has_no_findings(net, lb, tmp_path, autodiscover):  # R25
    lb.up(config({"cas": https()}))
    said = exchange_in(lb.space, lb.words, tmp_path, {VIP: BOTH})
    assert said["findings"] == []
    assert [f"VIP {VIP} was not asked" in n and "-c FILE" in n for n in said["notes"]] == [True]
    assert "note: VIP" in lb.call("doctor", "exchange", NAME, check=False).stdout


def test_on_a_client_the_vip_of_direct_routing_itself_is_asked(net, lb, tmp_path, autodiscover):
    lb.up(config({"cas": https()}))
    path = tmp_path / "lbxdp.yaml"
    path.write_text(open(lb.config).read())

    def words(*more):
        return [program(), *more, "-c", path, "--instance", f"{net.prefix}-client"]

    assert exchange_in(net.client, words, tmp_path, {VIP: BOTH}) == {"findings": [], "notes": []}
    lb.down()
    found = exchange_in(net.client, words, tmp_path, {VIP: BOTH})["findings"]
    assert [f["examination"] for f in found] == ["exchange-https"]
    assert found[0]["about"] == f"VIP {VIP} ({VIP}:443)"


def test_names_that_do_not_lead_to_the_vip_are_found(net, lb, tmp_path, autodiscover):
    lb.up(config({"cas": https()}))
    findings = exchange(lb, tmp_path, {MAIL["mail1"][0]: NAME})
    assert [f["examination"] for f in findings] == ["exchange-name"] * 2
    assert "192.168.30.20, which is no VIP" in findings[0]["seen"] and VIP in findings[0]["type"]
    assert findings[1]["about"] == "name autodiscover.example.com"


def test_autodiscover_that_is_missing_is_found(net, lb, tmp_path):
    lb.up(config({"cas": https()}))
    findings = exchange(lb, tmp_path, {VIP: BOTH})
    assert [f["examination"] for f in findings] == ["exchange-autodiscover"] * 2
    assert all("404" in f["seen"] for f in findings)


def test_a_certificate_that_differs_is_not_for_the_names_and_expires_is_found(
        net, lb, tmp_path, autodiscover):
    pem = tmp_path / "other.pem"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "5", "-subj", "/CN=old.example.com", "-keyout", pem, "-out",
        tmp_path / "cert.pem")
    cas = https(check={"type": "off"})
    cas["reals"]["mail3"] = {"ip": MAIL["mail3"][0]}
    server = net.mail3.spawn("openssl", "s_server", "-accept", "4443", "-cert",
                             tmp_path / "cert.pem", "-key", pem, "-www")
    net.mail3.run("iptables-nft", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "443",
                  "-j", "REDIRECT", "--to-ports", "4443")
    try:
        wait_for("s_server to listen", lambda: net.mail3.listens(4443))
        lb.up(config({"cas": cas}))
        findings = exchange(lb, tmp_path, {VIP: BOTH})
    finally:
        net.mail3.run("nft", "flush", "ruleset")
        server.terminate()
        server.wait(10)
    assert all("cas/mail3" in f["about"] for f in findings), findings
    said = " ".join(f["seen"] for f in findings)
    assert "another certificate" in said and re.search("expires in [45] days", said)
    assert f"not for {NAME}" in said and "not for autodiscover.example.com" in said


def test_exchange_at_layer_7_is_asked_through_the_vip(net, lb, tmp_path, autodiscover):
    pem = tmp_path / "mail.pem"
    pem.write_text("".join(open(f"{net.directory}/{n}.pem").read() for n in ("cert", "key")))
    owa = l7(mode="l7-http", ports=(443,), tls={"certificates": [str(pem)]},
             check={"type": "off"})
    for real in owa["reals"].values():
        real["port"] = 80
    lb.up(config({"owa": owa}))
    assert exchange(lb, tmp_path, {VIP_7: BOTH}) == []


def test_what_is_no_host_name_is_refused(lb):
    done = lb.call("doctor", "exchange", "mail;id", check=False)
    assert done.returncode == 2 and "host name" in done.stderr
