#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What `make test-vm` runs inside: suite.py BUILD [PART...]. Every part (all, or those that are
named) is run, one on each CPU, whatever became of the others, and its output is seen at once. The
last line is "N passed, N failed, N skipped"."""

import glob
import os
import platform
import runpy
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

# Direct Routing, without the tests that take thousands of connections: the packet cases share
# exactly here too, and an emulated machine would need minutes for each.
E2E = ("acl", "dispatcher", "forwarding", "layer4_balance", "orders", "path", "reload", "upgrade",
       "via")
TOO_MANY = "ten_thousand or many_connect_at_once or full_flow_table or shared_exactly_by_weight"
MAIL = "smart_host or firewall_lines or every_type_of_check"  # needs more servers than nginx
PATIENCE = "8"      # how many times slower than the host things may be
TESTS = runpy.run_path("tests/run")
COUNT, LOGS = TESTS["COUNT"], TESTS["LOGS"]


def parts(build):
    """(name, how its results are counted, command); what takes longest comes first."""
    files = [f"tests/e2e/test_{name}.py" for name in E2E]
    yield "e2e", "junit", ["/usr/bin/python3", "-B", "-m", "pytest", "-v", "--tb=short", "-p",
                           "no:cacheprovider", "--durations=15", "-k", f"not ({TOO_MANY} or {MAIL})",
                           f"--junit-xml={LOGS}/e2e.xml", *files]
    yield "packet", "tap", [f"{build}/packet-kernel"]
    for program in ("", "-tproxy", "-via", "-guard"):
        name = program.strip("-") or "lbxdp"
        yield f"verifier-{name}", "one", ["tests/packet/verifier.sh", f"{build}/{name}.bpf.o",
                                           f"tests/vm/verifier{program}.baseline"]
    for test in sorted(glob.glob("tests/kernel/test_*.c")):
        name = os.path.basename(test).removesuffix(".c")
        yield name, "tap", [f"{build}/tests/kernel/{name}"]


def run(name, kind, words, environment):
    """Runs one part and counts what it said. Each line goes out at once, after the part's name."""
    started, said = time.monotonic(), []
    with subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, text=True,
                          errors="replace", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as child:
        for line in child.stdout:
            said.append(line)
            sys.stdout.write(f"{name}: {line}")
            sys.stdout.flush()
    passed, failed, skipped = COUNT[kind](name, "".join(said), child.returncode)
    sys.stdout.write(f"== {name}: {'FAILED' if failed else 'ok'}, {passed} passed, {failed} failed, "
                     f"{skipped} skipped, {time.monotonic() - started:.0f} s\n")
    sys.stdout.flush()
    return passed, failed, skipped


def main(build, *names):
    os.makedirs(LOGS, exist_ok=True)
    subprocess.run(["modprobe", "veth"], check=False)
    print(f"Linux {platform.release()}", flush=True)
    environment = dict(os.environ, LBXDP=f"{build}/lbxdp", LBXDP_PATIENCE=PATIENCE,
                       LBXDP_SERVERS="nginx", CMOCKA_MESSAGE_OUTPUT="TAP", PYTHONUNBUFFERED="1")
    wanted = [part for part in parts(build) if not names or part[0] in names]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = list(pool.map(lambda part: run(*part, environment), wanted))
    passed, failed, skipped = (sum(column) for column in zip(*counted))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
