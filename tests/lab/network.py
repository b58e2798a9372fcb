# SPDX-License-Identifier: GPL-2.0-only
"""The lab's wires.

    client .50 ---+                                  far .50 ---+
                  |   bridge of 192.168.30.0/24                 |   bridge of 10.1.0.0/24
    mail1  .20 ---+---- lb eth0 .2        lb eth1 .2 -----------+
    mail2  .21 ---+                                             |
    mail3  .30 ---+---- router eth0 .1    router eth1 .1 -------+

One-arm tests use eth0 of the balancer only. In two-arm tests the far client's VIP is in 10.1.0.0/24,
and the servers' answers return through the router, never through the balancer (R4, R7). IPv6 stands
beside each: fd00:30::/64 and fd00:1::/64. mail3 is the backup server.
"""

import contextlib
import os
import tempfile

from .space import Space, run

VIP, VIP_2, VIP_FAR = "192.168.30.10", "192.168.30.11", "10.1.0.10"
VIP6, VIP6_FAR = "fd00:30::10", "fd00:1::10"
CLIENT, CLIENT6, FAR, FAR6 = "192.168.30.50", "fd00:30::50", "10.1.0.50", "fd00:1::50"
BALANCER, BALANCER6 = "192.168.30.2", "fd00:30::2"
MAIL = {"mail1": ("192.168.30.20", "fd00:30::20"), "mail2": ("192.168.30.21", "fd00:30::21"),
        "mail3": ("192.168.30.30", "fd00:30::30")}
ROUTER, ROUTER6, ROUTER_FAR, ROUTER_FAR6 = "192.168.30.1", "fd00:30::1", "10.1.0.1", "fd00:1::1"

A_DAY = 24 * 3600 * 100  # as `ip link` has it

PASS_PROGRAM = """#include <linux/bpf.h>
__attribute__((section("xdp"), used)) int lab_pass(struct xdp_md *c) { return XDP_PASS; }
char _license[] __attribute__((section("license"), used)) = "GPL";
"""


class Network:
    """All the namespaces and wires of one lab. Their names begin with prefix."""

    def __init__(self, prefix, directory):
        self.prefix, self.directory = prefix, directory
        self.spaces = {}
        self.pass_object = os.path.join(directory, "pass.o")

    def __getattr__(self, name):
        try:
            return self.__dict__["spaces"][name]
        except KeyError:
            raise AttributeError(name) from None

    def build(self):
        run("clang", "-O2", "-target", "bpf", f"-I/usr/include/{os.uname().machine}-linux-gnu",
            "-x", "c", "-c", "-", "-o", self.pass_object, input_text=PASS_PROGRAM)
        for name in ("switch", "client", "far", "router", "balancer", *MAIL):
            self.spaces[name] = Space(f"{self.prefix}-{name}")
            self.quiet(self.spaces[name])
        self.bridges()
        self.wires()
        for name in MAIL:
            self.mail_server(self.spaces[name])
        self.router.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)

    def quiet(self, space):
        """No duplicate address detection, no source filter: both would only cost time here."""
        for where in ("all", "default"):
            for key, value in (("accept_dad", 0), ("dad_transmits", 0), ("accept_ra", 0)):
                space.sysctl(**{f"net__ipv6__conf__{where}__{key}": value})
            space.sysctl(**{f"net__ipv4__conf__{where}__rp_filter": 0})

    def bridges(self):
        """They forget nobody: to whom they do not know they would show the frames of others."""
        sw = self.switch
        sw.sysctl(**{f"net__bridge__bridge-nf-call-{t}tables": 0 for t in ("ip", "ip6", "arp")})
        for bridge in ("near", "far"):
            sw.ip("link", "add", bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0",
                  "mcast_snooping", "0", "ageing_time", A_DAY)
            sw.ip("link", "set", bridge, "up")

    def wires(self):
        self.wire("client", "eth0", "near", CLIENT, CLIENT6)
        self.wire("far", "eth0", "far", FAR, FAR6)
        self.wire("balancer", "eth0", "near", BALANCER, BALANCER6)
        self.wire("balancer", "eth1", "far", "10.1.0.2", "fd00:1::2")
        self.wire("router", "eth0", "near", ROUTER, ROUTER6)
        self.wire("router", "eth1", "far", ROUTER_FAR, ROUTER_FAR6)
        self.far.ip("route", "add", "default", "via", ROUTER_FAR)
        self.far.ip("-6", "route", "add", "default", "via", ROUTER_FAR6)
        for name, (v4, v6) in MAIL.items():
            self.wire(name, "eth0", "near", v4, v6)
            self.spaces[name].ip("route", "add", "default", "via", ROUTER)
            self.spaces[name].ip("-6", "route", "add", "default", "via", ROUTER6)

    def port(self, name, device):
        """The bridge's end of a wire."""
        return f"{name}-{device}"

    def wire(self, name, device, bridge, v4, v6):
        space, port = self.spaces[name], self.port(name, device)
        space.ip("link", "add", device, "type", "veth", "peer", "name", port, "netns",
                 self.switch.name)
        self.switch.ip("link", "set", port, "master", bridge, "up")
        if name == "balancer":
            self.balancer_port(port)
        space.ip("link", "set", device, "up")
        space.ip("addr", "add", f"{v4}/24", "dev", device)
        space.ip("addr", "add", f"{v6}/64", "dev", device, "nodad")

    def balancer_port(self, port):
        """What XDP_TX and redirect on a veth need of its peer: a native program, and whole frames
        (checksums filled in, VLAN tags in their place)."""
        self.switch.run("ethtool", "-K", port, "tx", "off", "txvlan", "off",
                        "tx-vlan-stag-hw-insert", "off")
        self.switch.ip("-force", "link", "set", "dev", port, "xdpdrv", "obj", self.pass_object,
                       "sec", "xdp")

    def mail_server(self, space):
        """The ARP problem, solved (R101): the VIPs are on lo and nobody hears of them."""
        space.sysctl(net__ipv4__conf__all__arp_ignore=1, net__ipv4__conf__all__arp_announce=2)
        for vip in (VIP, VIP_2, VIP_FAR):
            space.ip("addr", "add", f"{vip}/32", "dev", "lo")
        for vip in (VIP6, VIP6_FAR):
            space.ip("addr", "add", f"{vip}/128", "dev", "lo", "nodad")

    def remove(self):
        for space in reversed(list(self.spaces.values())):
            space.remove()
        self.spaces.clear()


@contextlib.contextmanager
def network(prefix):
    """A network that is gone after the with block, whatever happens in it."""
    with tempfile.TemporaryDirectory(prefix=f"{prefix}-") as directory:
        os.chmod(directory, 0o755)
        net = Network(prefix, directory)
        try:
            net.build()
            yield net
        finally:
            net.remove()
