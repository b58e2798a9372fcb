# SPDX-License-Identifier: GPL-2.0-only
"""Each process holds the power its job needs and no more (design, processes), as /proc tells."""

import os
import pwd
import stat

import pytest

from lab import reports
from lab.config import config
from lab.layer7 import l7, proxies
from lab.proc import is_sanitized
from lab.space import wait_for

CAPABILITIES = {"CHOWN": 0, "DAC_READ_SEARCH": 2, "KILL": 5, "SETGID": 6, "SETUID": 7,
                "NET_BIND_SERVICE": 10, "NET_ADMIN": 12, "NET_RAW": 13, "SYS_CHROOT": 18,
                "SYS_ADMIN": 21, "PERFMON": 38, "BPF": 39}
ALL = sum(1 << bit for bit in CAPABILITIES.values())


def proc(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)


def test_main_holds_only_its_list_of_capabilities(lb):
    lb.up(config())
    status = proc(lb.processes()["main"])
    for held in ("CapPrm", "CapEff"):
        assert int(status[held], 16) & ~ALL == 0
    assert not int(status["CapEff"], 16) >> CAPABILITIES["SYS_ADMIN"] & 1
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0


@pytest.mark.parametrize("role", ["probe", "web"])
def test_a_child_has_no_capability_no_root_and_no_way_back(lb, role):
    lb.up(config())
    pid = lb.processes()[role]
    status, user = proc(pid), pwd.getpwnam("lbxdp")
    assert status["Uid"].split() == [str(user.pw_uid)] * 4
    assert status["Gid"].split() == [str(user.pw_gid)] * 4
    assert set(status["Groups"].split()) <= {str(user.pw_gid)}
    for held in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[held], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_a_proxy_keeps_what_tproxy_needs_and_nothing_else(lb):
    lb.up(config({"web": l7()}))
    for pid in proxies(lb):
        status = wait_for("it to give up its powers", lambda p=pid: proc(p)["Seccomp"] == "2" and
                          proc(p))
        assert status["Uid"].split() == [str(pwd.getpwnam("lbxdp").pw_uid)] * 4
        for held in ("CapPrm", "CapEff"):
            assert int(status[held], 16) == 1 << CAPABILITIES["NET_RAW"]
        assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
        assert status["NoNewPrivs"] == "1"


@pytest.mark.parametrize("role", ["probe", "web"])
def test_a_child_sees_an_empty_directory_as_the_file_system(lb, role):
    lb.up(config())
    pid = lb.processes()[role]
    root = f"/proc/{pid}/root"
    assert not os.path.samefile(root, "/")
    assert os.listdir(root) == (["proc"] if is_sanitized(pid) else [])
    assert not os.stat(root).st_mode & stat.S_IWOTH


@pytest.mark.parametrize("role", ["probe", "web"])
def test_a_child_inherits_no_map_and_no_file(lb, role):
    lb.up(config())
    pid = lb.processes()[role]
    targets = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    allowed = ("socket:", "anon_inode:[event", "anon_inode:[signalfd]", "anon_inode:[timerfd]",
               "/dev/null", "pipe:", f"{lb.run_dir}/lbxdp.log", reports.path())
    assert [t for t in targets if not t.startswith(allowed)] == []


def test_a_child_that_is_started_again_has_no_more_power(lb):
    lb.up(config())
    old = lb.kill("probe")[0]
    new = wait_for("a new probe", lambda: lb.processes()["probe"] not in (0, old) and
                   lb.processes()["probe"])
    wait_for("it to give up its powers", lambda: proc(new)["Seccomp"] == "2")
    assert int(proc(new)["CapPrm"], 16) == 0


def test_the_control_socket_is_for_root_and_its_group(lb):
    lb.up(config())
    mode = os.stat(f"{lb.run_dir}/control.sock")
    assert stat.S_IMODE(mode.st_mode) in (0o600, 0o660)
    assert mode.st_uid == 0
