# SPDX-License-Identifier: GPL-2.0-only
"""Configurations for the tests, as dicts; lbxdp reads JSON as the YAML that it is."""

from .network import MAIL, VIP, VIP6, VIP6_FAR
from .space import PATIENCE

FAST = {"interval": "200ms", "fast_interval": "100ms", "timeout": f"{PATIENCE:g}s", "fall": 2,
        "rise": 2}
HTTP = {"type": "http", "request": "owa/healthcheck.htm", "expect": "200 OK"}
HTTPS = dict(HTTP, type="https")


def reals(weights=(100, 100), family=0):
    """mail1, mail2 ... with these weights; None leaves one out."""
    return {name: {"ip": MAIL[name][family], "weight": weight}
            for name, weight in zip(MAIL, weights) if weight is not None}


def service(vip=VIP, ports=(80,), weights=(100, 100), check=None, **more):
    family = 1 if vip in (VIP6, VIP6_FAR) else 0
    return {"mode": "l4-dr", "vip": vip, "ports": list(ports), "protocol": "tcp",
            "check": check or HTTP, "reals": reals(weights, family), **more}


def config(services=None, interfaces=("eth0",), timeouts=None, l7=None, **node):
    """One service "web" unless told otherwise; short checks and small tables."""
    defaults = {"check": FAST}
    if timeouts:
        defaults["timeouts"] = timeouts
    top = {"l7": l7} if l7 else {}
    return {**top, "version": 1, "node": {"interfaces": list(interfaces), "flows": 65536, **node},
            "admin": {"listen": "127.0.0.1:9443"}, "defaults": defaults,
            "services": services or {"web": service()}}
