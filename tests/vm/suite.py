#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What `make test-vm` runs inside: suite.py BUILD [PART...]. Every part (all, or those that are
named) is run, whatever became of the others, and its output is seen at once. The last line is
"N passed, N failed, N skipped"."""

import glob
import os
import platform
import runpy
import subprocess
import sys
import time

# All of Direct Routing; what is not here has nothing that depends on the kernel, or is layer 7.
E2E = ("dispatcher", "forwarding", "orders", "reload", "path", "flood", "upgrade")
PATIENCE = "8"      # how many times slower than the host things may be
TESTS = runpy.run_path(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "run"))
COUNT, LOGS = TESTS["COUNT"], TESTS["LOGS"]


def parts(build):
    """(name, how its results are counted, command)"""
    yield "packet", "tap", [f"{build}/packet-kernel"]
    for program in ("", "-tproxy", "-via"):
        name = program.strip("-") or "lbxdp"
        yield f"verifier-{name}", "one", ["tests/packet/verifier.sh", f"{build}/{name}.bpf.o",
                                           f"tests/vm/verifier{program}.baseline"]
    for test in sorted(glob.glob("tests/kernel/test_*.c")):
        name = os.path.basename(test).removesuffix(".c")
        yield name, "tap", [f"{build}/tests/kernel/{name}"]
    files = [f"tests/e2e/test_{name}.py" for name in E2E]
    yield "e2e", "junit", ["/usr/bin/python3", "-B", "-m", "pytest", "-v", "-p", "no:cacheprovider",
                           "--durations=15", f"--junit-xml={LOGS}/e2e.xml", *files]


def run(name, kind, words, environment):
    """Runs one part and counts what it said."""
    print(f"== {name}, Linux {platform.release()}", flush=True)
    started, said = time.monotonic(), []
    with subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, text=True,
                          errors="replace", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as child:
        for line in child.stdout:
            said.append(line)
            print(line, end="", flush=True)
    counted = COUNT[kind](name, "".join(said), child.returncode)
    print(f"== {name}: {'FAILED, ' if counted[1] else ''}{time.monotonic() - started:.0f} s",
          flush=True)
    return counted


def main(build, *names):
    os.makedirs(LOGS, exist_ok=True)
    subprocess.run(["modprobe", "veth"], check=False)
    environment = dict(os.environ, LBXDP=f"{build}/lbxdp", LBXDP_PATIENCE=PATIENCE,
                       LBXDP_SERVERS="nginx", CMOCKA_MESSAGE_OUTPUT="TAP", PYTHONUNBUFFERED="1")
    counted = [run(*part, environment) for part in parts(build) if not names or part[0] in names]
    passed, failed, skipped = (sum(column) for column in zip(*counted))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
