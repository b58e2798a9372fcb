# SPDX-License-Identifier: GPL-2.0-only
"""Floods of translated services (F10): what they leave are half-open translations, which make room
for one another; who is connected stays so, and who comes gets in."""

import contextlib

import pytest
from test_flood import PATIENT, RATE, metric, stateless
from test_nat import AWAY, AWAY6, NEAR, PORT, gateway, nat, snat  # noqa: F401

from lab.clients import Download, Load, all_read
from lab.config import config
from lab.flood import Flood
from lab.space import wait_for

# Frames a second, and how many: twice what the table of half-open translations holds. A frame that
# makes two rows costs more than one that is forwarded by a hash: at full speed the queue before XDP
# overflows, and honest packets are lost there.
PACE, MANY = 40_000, 70_000
WAYS = pytest.mark.parametrize("mode, family", [("snat", 0), ("nat", 0), ("nat", 1)])


@contextlib.contextmanager
def downloads(space, vip):
    running = [Download(space, vip, PORT) for _ in range(3)]
    try:
        yield running
    finally:
        for d in running:
            d.close()


def go_on(running):
    before = [d.bytes for d in running]
    with all_read(running):
        wait_for("every download to go on",
                 lambda: all(d.bytes > b + 100_000 for d, b in zip(running, before)), 20)
    assert not any(d.ended for d in running)


def all_is_well(space, vip, running):
    """Downloads go on and new clients get through."""
    with all_read(running), Load(space, vip, PORT, workers=2, timeout=10.0) as load:
        load.more(100, 30)
    assert load.failures == []
    go_on(running)


def up(net, lb, mode, family, **more):
    """The service, and who uses it: its VIP and the client's namespace."""
    more["check"] = PATIENT
    if mode == "snat":
        lb.up(config({"web": snat(family, **more)}))
        return NEAR, net.client
    lb.up(config({"web": nat(family, **more)}, interfaces=("eth0", "eth1")), "eth0", "eth1")
    return (AWAY, AWAY6)[family], net.far


def dropped(lb, reason):
    return metric(lb, "lbxdp_drop_packets_total", f'reason="{reason}"')


@WAYS
@pytest.mark.parametrize("kind", ["syn", "pair"])
def test_a_flood_of_new_flows_takes_no_translation_from_who_has_one(  # noqa: F811
        net, lb, gateway, mode, family, kind):
    vip, space = up(net, lb, mode, family, flood_rate=RATE)
    with downloads(space, vip) as running:
        with Flood(net, vip, kind, PORT, PACE) as flood:
            wait_for("the flood", lambda: stateless(lb, "flood") > MANY, 20)
            all_is_well(space, vip, running)
            assert flood.running()
        all_is_well(space, vip, running)
    assert dropped(lb, "nat_full") == 0


@WAYS
def test_bare_ACKs_make_no_translations(net, lb, gateway, mode, family):  # noqa: F811
    vip, space = up(net, lb, mode, family, flood_rate=RATE)
    with downloads(space, vip) as running:
        with Flood(net, vip, "ack", PORT, PACE) as flood:
            wait_for("the flood", lambda: dropped(lb, "miss") > MANY, 20)
            all_is_well(space, vip, running)
            assert flood.running()
        assert lb.service("web")["flood"] is False
    assert dropped(lb, "nat_full") == 0


# A handshake that lasts longer than the flood needs to turn the table over may be lost.
def test_without_a_limit_a_flood_fills_no_table_of_translations(net, lb):
    vip, space = up(net, lb, "snat", 0, flood_rate="off")
    with downloads(space, vip) as running:
        with Flood(net, vip, "syn", PORT, PACE) as flood:
            wait_for("the flood", lambda: lb.service("web")["connections_total"] > MANY, 30)
            go_on(running)
            assert flood.running()
        all_is_well(space, vip, running)
    assert dropped(lb, "nat_full") == 0
