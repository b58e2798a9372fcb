# SPDX-License-Identifier: GPL-2.0-only
"""libxdp's dispatcher: other XDP programs on our interfaces (F34). Where the kernel refuses it these
tests are skipped; `make test-vm` runs them on a kernel that has it."""

import json
import os
import platform
import shutil

import pytest

from lab.clients import Download, Load, answer
from lab.config import config, service
from lab.network import BALANCER, VIP
from lab.space import run

SOURCE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "lab", "second.bpf.c")


class Second:
    """Another program on the balancer's eth0, which xdp-loader brings and takes."""

    def __init__(self, space, directory):
        self.space, self.pins = space, f"/sys/fs/bpf/second-{os.getpid()}"
        self.object = os.path.join(directory, "second.bpf.o")
        run("clang", "-O2", "-g", "-target", "bpf", f"-I/usr/include/{platform.machine()}-linux-gnu",
            "-c", SOURCE, "-o", self.object)

    def load(self):
        return self.space.run("xdp-loader", "load", "-p", self.pins, "eth0", self.object)

    def there(self):
        return " second " in self.space.run("xdp-loader", "status", "eth0").stdout

    def seen(self):
        dump = self.space.run("bpftool", "-j", "map", "dump", "pinned", f"{self.pins}/seen").stdout
        row = json.loads(dump)[0]
        return row["formatted"]["value"] if "formatted" in row else row["value"]

    def remove(self):
        self.space.run("xdp-loader", "unload", "--all", "eth0", check=False)
        shutil.rmtree(self.pins, ignore_errors=True)


@pytest.fixture
def second(net, lb, tmp_path):
    if not shutil.which("xdp-loader"):
        pytest.skip("xdp-loader is not installed")
    lb.up(config({"web": service()}))
    dispatched = lb.status()["interfaces"][0]["dispatcher"]
    lb.call("down")
    if not dispatched:
        pytest.skip("this kernel refuses libxdp's dispatcher (freplace)")
    program = Second(net.balancer, tmp_path)
    yield program
    program.remove()


def works(net, lb, second):
    """Both programs see what is theirs, and the service is answered."""
    before = second.seen()
    assert lb.status()["interfaces"][0]["dispatcher"]
    assert answer(net.client, VIP) in ("mail1", "mail2")
    net.client.run("ping", "-c", "3", "-i", "0.2", "-W", "5", BALANCER)
    assert second.seen() >= before + 3


def test_a_program_that_comes_later_shares_the_interface(net, lb, second):
    lb.up(config({"web": service()}))
    running = Download(net.client, VIP)
    second.load()
    works(net, lb, second)
    assert running.flows()
    lb.call("down")
    assert second.there()
    net.client.run("ping", "-c", "1", "-W", "5", BALANCER)


def test_a_program_that_was_there_first_is_joined(net, lb, second):
    second.load()
    lb.up(config({"web": service()}))
    works(net, lb, second)
    second.remove()


def test_an_adopted_program_stays_in_the_dispatcher(net, lb, second):
    lb.up(config({"web": service()}))
    second.load()
    with Load(net.client, VIP) as load:
        lb.kill_pids(lb.pids())
        load.more(20)
        lb.up()
        load.more(20)
    assert load.failures == []
    works(net, lb, second)
