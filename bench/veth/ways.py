# SPDX-License-Identifier: GPL-2.0-only
"""The ways from generator to sink that the benchmark compares, each with wires of its own.

                         alone        near of `end`, where a sink program waits at once
                         dr-one-arm   near of `dr`, and back by XDP_TX
    generator  g-NAME -- dr-two-arm   near of `dr`, redirected to far ----+
                         routing      near of `route`, ip_forward, far ---+-- s-NAME  sink
                         dnat         near of `nat`, nftables, far -------+
                         ipvs         near of `ipvs`, ip_vs_wrr, far -----+   where there is one

With `least`, two more say what cannot be saved:

                         bare         near of `bare`, whose program sends all back by XDP_TX
                         dropped      near of `drop`, where nftables drops all before routing

Every interface that ends frames has the MAC and the native XDP program of the sink (which is also
what a veth needs to receive what XDP sends).
"""

import contextlib
import dataclasses
import json
import os
import shutil
import signal

from lab.balancer import BPFFS, Balancer, mount_bpffs
from lab.space import LabError, Space, run, wait_for

SINK_MAC = "02:00:00:00:00:5c"
VIP, VIP_ONE_ARM = "10.203.0.10", "10.203.0.20"
CLIENT, REALS = 1, (11, 12)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclasses.dataclass
class Way:
    """One way: what to send where, and what has to arrive."""
    name: str
    label: str
    interface: str      # of the generator
    mac: str            # of the balancer's side
    source: str
    destination: str
    arrives: tuple      # last bytes of the IPv4 destinations that the sink sees
    setup: str          # what an operator would type


class Ways:
    """Namespaces, wires, programs and rules of all ways; remove() leaves nothing."""

    def __init__(self, prefix, directory, objects, least):
        self.prefix, self.directory, self.objects, self.least = prefix, directory, objects, least
        self.pins = f"{BPFFS}/{prefix}"
        self.counts = f"{self.pins}/counts"
        self.undo = contextlib.ExitStack()
        self.spaces = {}
        self.lbxdp = None

    def build(self):
        mount_bpffs()
        self.undo.callback(shutil.rmtree, self.pins, ignore_errors=True)
        os.mkdir(self.pins)
        self.load("sink")
        for name in ("generator", "sink", "end", "dr", "route", "nat"):
            self.space(name)
        least = [self.bare(), self.dropped()] if self.least else []
        return [self.alone(), *least, *self.direct_routing(), self.routing(), self.dnat(),
                *self.ipvs()]

    def remove(self):
        self.undo.close()

    def space(self, name):
        space = self.spaces[name] = Space(f"{self.prefix}-{name}")
        self.undo.callback(space.remove)
        space.sysctl(**{f"net__ipv6__conf__{w}__disable_ipv6": 1 for w in ("all", "default")},
                     **{f"net__ipv4__conf__{w}__rp_filter": 0 for w in ("all", "default")})

    def wire(self, balancer, name, outside, net):
        """A veth from the balancer's interface to the generator's or sink's namespace; .2 is the
        balancer, the client and the real servers are outside."""
        letter = "g" if outside == "generator" else "s"
        device, there = f"{letter}-{balancer}", self.spaces[outside]
        here = self.spaces[balancer]
        here.ip("link", "add", name, "type", "veth", "peer", "name", device, "netns", there.name)
        here.ip("addr", "add", f"{net}.2/24", "dev", name)
        here.ip("link", "set", name, "up")
        there.ip("link", "set", device, "address", SINK_MAC, "up")
        for last in (CLIENT, *REALS):
            there.ip("addr", "add", f"{net}.{last}/24", "dev", device)
        there.run("ethtool", "-K", device, "tx", "off")
        self.attach("sink", there, device)

    def load(self, program):
        run("bpftool", "prog", "load", f"{self.objects}/{program}.bpf.o", f"{self.pins}/{program}",
            "type", "xdp", "pinmaps", self.pins)

    def attach(self, program, space, device):
        space.run("bpftool", "net", "attach", "xdpdrv", "pinned", f"{self.pins}/{program}",
                  "dev", device)

    def two_arms(self, balancer, number):
        self.wire(balancer, "near", "generator", f"10.201.{number}")
        self.wire(balancer, "far", "sink", f"10.202.{number}")

    def way(self, name, label, setup, balancer, number, destination=VIP, arrives=(10,)):
        return Way(name, label, f"g-{balancer}", self.spaces[balancer].mac("near"),
                   f"10.201.{number}.{CLIENT}", destination, arrives, setup)

    def alone(self):
        end = self.spaces["end"]
        self.wire("end", "near", "generator", "10.201.1")
        end.ip("link", "set", "near", "address", SINK_MAC)
        self.attach("sink", end, "near")
        return self.way("alone", "generator and sink alone",
                        "the sink's program on the balancer's first interface", "end", 1)

    def bare(self):
        self.space("bare")
        self.wire("bare", "near", "generator", "10.201.6")
        self.load("bare")
        self.attach("bare", self.spaces["bare"], "near")
        return self.way("bare", "a bare XDP program, one arm (XDP_TX)",
                        "bench/veth/bare.bpf.c on near", "bare", 6)

    def dropped(self):
        self.space("drop")
        space = self.kernel_router("drop", 7)
        space.run("nft", "-f", "-", input_text="table ip bench { chain in {\n"
                  "type filter hook prerouting priority raw\n"
                  f"ip daddr {VIP} counter drop\n}}\n}}\n")
        return self.way("dropped", "the kernel, dropped before routing",
                        f"nft: prerouting, priority raw: ip daddr {VIP} drop", "drop", 7,
                        arrives=())

    def count_dropped(self):
        """Frames that the way `dropped` dropped."""
        rules = json.loads(self.spaces["drop"].run("nft", "-j", "list", "ruleset").stdout)
        return next(word["counter"]["packets"] for rule in rules["nftables"] if "rule" in rule
                    for word in rule["rule"]["expr"] if "counter" in word)

    def direct_routing(self):
        """One lbxdp with two services: one's real servers are on the client's side."""
        self.two_arms("dr", 2)
        self.lbxdp = Balancer(self.spaces["dr"], self.prefix, self.directory, "near")
        self.undo.callback(self.lbxdp.clean)
        self.lbxdp.up(self.config(), "near", "far")
        for service in ("one-arm", "two-arm"):
            wait_for(f"the MACs of {service}", lambda s=service: all(
                r["mac"] == SINK_MAC and r["status"] == "up"
                for r in self.lbxdp.service(s)["reals"]))
        setup = "lbxdp up near far, for both services: " + json.dumps(self.config()["services"])
        return [self.way("dr-one-arm", "lbxdp DR, one arm (XDP_TX)", setup, "dr", 2,
                         VIP_ONE_ARM, (20,)),
                self.way("dr-two-arm", "lbxdp DR, two arms (redirect)", setup, "dr", 2)]

    def config(self):
        def service(vip, net):
            return {"mode": "l4-dr", "vip": vip, "ports": [80], "check": {"type": "on"},
                    "reals": {f"real{n}": {"ip": f"{net}.{n}"} for n in REALS}}
        return {"version": 1, "node": {"interfaces": ["near", "far"], "flows": 65536},
                "admin": {"listen": "127.0.0.1:9443"},
                "services": {"one-arm": service(VIP_ONE_ARM, "10.201.2"),
                             "two-arm": service(VIP, "10.202.2")}}

    def kernel_router(self, balancer, number):
        """A veth takes in frames of XDP where it has GRO or a program; routing gets the former, and
        neighbours that need no learning."""
        self.two_arms(balancer, number)
        space = self.spaces[balancer]
        space.sysctl(net__ipv4__ip_forward=1)
        for device, net, hosts in (("near", "10.201", (CLIENT,)), ("far", "10.202", REALS)):
            space.run("ethtool", "-K", device, "gro", "on")
            for last in hosts:
                space.ip("neigh", "replace", f"{net}.{number}.{last}", "lladdr", SINK_MAC,
                         "dev", device, "nud", "permanent")
        return space

    def routing(self):
        space = self.kernel_router("route", 3)
        route = ["route", "add", VIP, "via", f"10.202.3.{REALS[0]}", "dev", "far"]
        space.ip(*route)
        return self.way("routing", "kernel routing (ip_forward)",
                        f"sysctl net.ipv4.ip_forward=1; ip {' '.join(route)}", "route", 3)

    def dnat(self):
        space = self.kernel_router("nat", 4)
        choice = ", ".join(f"{i} : 10.202.4.{last}" for i, last in enumerate(REALS))
        rule = (f"ip daddr {VIP} tcp dport 80 dnat to numgen inc mod {len(REALS)} "
                f"map {{ {choice} }}")
        space.run("nft", "-f", "-", input_text=f"table ip bench {{ chain in {{\n"
                  f"type nat hook prerouting priority dstnat\n{rule}\n}}\n}}\n")
        return self.way("dnat", "nftables DNAT", f"sysctl net.ipv4.ip_forward=1; nft: {rule}",
                        "nat", 4, VIP, REALS)

    def ipvs(self):
        """Direct Routing by the kernel: none where it has no IPVS, or nobody to tell it."""
        if not shutil.which("ipvsadm") or run("modprobe", "ip_vs_wrr", check=False).returncode:
            return []
        self.space("ipvs")
        space = self.kernel_router("ipvs", 5)
        space.ip("addr", "add", f"{VIP}/32", "dev", "lo")
        commands = [f"-A -t {VIP}:80 -s wrr",
                    *(f"-a -t {VIP}:80 -r 10.202.5.{last}:80 -g -w 1" for last in REALS)]
        for command in commands:
            space.run("ipvsadm", *command.split())
        return [self.way("ipvs", "IPVS DR, two arms", "; ".join(f"ipvsadm {c}" for c in commands),
                         "ipvs", 5)]


def ignore_signals():
    """From here on there is only cleaning up, and it ends by itself."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def ways(prefix, directory, objects, least=False):
    """The list of ways and what they stand on; all of it is gone after the with block."""
    everything = Ways(prefix, directory, objects, least)
    try:
        yield everything.build(), everything
    finally:
        ignore_signals()
        everything.remove()


def check_counts(way, answer):
    """What the generator's answer says of this way must be what the way is for."""
    seen = {int(last) for last in answer["received"]}
    if seen != set(way.arrives):
        raise LabError(f"{way.name}: frames arrived for hosts {sorted(seen)}, "
                       f"expected {sorted(way.arrives)}: {answer}")
