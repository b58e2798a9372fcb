# SPDX-License-Identifier: GPL-2.0-only
"""Floods from the client's namespace, as fast as one processor makes them; see flood.c."""

import json
import os
import signal
import subprocess

from .space import PATIENCE, run

# Whatever becomes of the test; more than it waits for in all.
FRAMES, SECONDS = 1_000_000_000, int(120 * PATIENCE)


class Flood:
    """A flood of one kind, from the start of the with block to its end."""

    def __init__(self, net, vip, kind, port=80, rate=0):
        """rate: frames a second; 0: as many as can be."""
        self.net, self.vip, self.kind, self.port, self.rate = net, vip, kind, port, rate
        self.program = os.path.join(net.directory, "flood")
        if not os.path.exists(self.program):
            source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "flood.c")
            run("cc", "-O2", "-D_GNU_SOURCE", "-o", self.program, source)

    def __enter__(self):
        mac = json.loads(self.net.balancer.ip("-j", "link", "show", "eth0").stdout)[0]["address"]
        self.child = self.net.client.spawn(self.program, "eth0", mac, self.vip, self.port,
                                           self.kind, FRAMES, SECONDS, self.rate, stdout=subprocess.PIPE)
        return self

    def running(self):
        return self.child.poll() is None

    def __exit__(self, *error):
        if self.running():
            self.child.send_signal(signal.SIGKILL)
        self.child.wait(10)
