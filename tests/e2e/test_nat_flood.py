# SPDX-License-Identifier: GPL-2.0-only
"""Floods of translated services (F10): they leave nothing that takes anybody's room; who is connected
stays so, and who comes gets in. And what becomes of the middle of a flow whose rows are lost."""

import contextlib
import json

import pytest
from test_flood import PATIENT, RATE, metric, stateless
from test_nat import AWAY, AWAY6, NEAR, PORT, gateway, nat, snat  # noqa: F401

from lab.clients import WHO_REQUEST, Download, Load, all_read
from lab.config import config
from lab.flood import Flood
from lab.space import run, wait_for

# Frames a second, and how many. What a server says to a frame is translated too: as fast as one
# processor makes them, the queue before XDP overflows, and honest packets are lost there.
PACE, MANY = 40_000, 100_000
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
            wait_for("the flood", lambda: stateless(lb, "miss") > MANY, 20)
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


TABLES = [f"lbx_{name}" for name in ("flows4", "flows6", "half4", "half6", "nat", "nat_half")]


def lose_tables(lb):
    """As where another host took over that knows of no flow."""
    for table in TABLES:
        where = ("pinned", f"{lb.pins}/{table}")
        for row in json.loads(run("bpftool", "-j", "map", "dump", *where).stdout):
            run("bpftool", "map", "delete", *where, "key", *row["key"])


@contextlib.contextmanager
def half_a_request(lb, space, vip):
    """Asked for after the tables were lost."""
    with space.connect(vip, PORT) as s:
        s.sendall(WHO_REQUEST[:5])
        wait_for("a server to have it", lambda: who_has_it(lb))
        yield s


def who_has_it(lb):
    return "".join(r["name"] for r in lb.service("web")["reals"] if r["active"])


@WAYS
def test_a_flow_whose_rows_are_lost_goes_on_where_the_hash_meets_its_server(  # noqa: F811
        net, lb, gateway, mode, family):
    vip, space = up(net, lb, mode, family)
    with half_a_request(lb, space, vip) as s:
        name = who_has_it(lb)
        lb.call("drain", f"web/{'mail2' if name == 'mail1' else 'mail1'}")
        lose_tables(lb)
        s.sendall(WHO_REQUEST[5:])
        assert b"".join(iter(lambda: s.recv(4096), b"")).endswith(b"\n")
    assert stateless(lb, "miss") > 0 and dropped(lb, "miss") == 0


@WAYS
def test_and_elsewhere_its_client_is_told_at_once(net, lb, gateway, mode, family):  # noqa: F811
    vip, space = up(net, lb, mode, family)
    with half_a_request(lb, space, vip) as s:
        lb.call("drain", f"web/{who_has_it(lb)}")
        lose_tables(lb)
        with pytest.raises(ConnectionError):
            s.sendall(WHO_REQUEST[5:])
            s.recv(4096)


def test_or_never_where_the_service_says_so(net, lb):
    vip, space = up(net, lb, "snat", 0, on_miss="drop")
    with half_a_request(lb, space, vip) as s:
        lose_tables(lb)
        s.sendall(WHO_REQUEST[5:])
        wait_for("the drop", lambda: dropped(lb, "miss") > 0)
    assert stateless(lb, "miss") == 0 and lb.service("web")["missed_packets_total"] > 0
