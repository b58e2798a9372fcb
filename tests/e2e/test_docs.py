# SPDX-License-Identifier: GPL-2.0-only
"""What the documentation shows is what lbxdp takes."""

import glob
import os
import re
import textwrap

import pytest

from lab.balancer import TOP, program
from lab.space import run

MDOC = {r"\(dq": '"', r"\(aq": "'", r"\e": "\\"}
FILE = re.compile(r"/etc/lbxdp/[\w.-]+\.(pem|html)")


def fenced(text):
    return re.findall(r"^```yaml\n(.*?)^```$", text, re.M | re.S)


def displayed(text):
    """Literal displays of a man page that are configuration."""
    found = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", text, re.M | re.S)
    for escape, plain in MDOC.items():
        found = [f.replace(escape, plain) for f in found]
    return [f for f in found if re.search(r"^services:", f, re.M)]


def examples():
    sources = [(path, fenced) for path in ["README.md", *sorted(glob.glob("docs/*.md", root_dir=TOP))]]
    for path, cut in [*sources, ("docs/lbxdp.yaml.5.in", displayed)]:
        with open(os.path.join(TOP, path)) as f:
            for number, text in enumerate(cut(f.read()), 1):
                yield pytest.param(text, id=f"{os.path.basename(path)}-{number}")


def whole(text):
    """An example may show services only, and leave the node to the reader."""
    if not re.search(r"^services:", text, re.M):
        text = "services:\n" + textwrap.indent(text, "  ")
    return text if re.search(r"^node:", text, re.M) else "node: {interfaces: [eth0]}\n" + text


@pytest.mark.parametrize("text", examples())
def test_every_example_is_a_valid_configuration(net, tmp_path, text):
    for found in FILE.finditer(text):
        here = tmp_path / os.path.basename(found[0])
        here.write_text("".join(open(f"{net.directory}/{n}.pem").read() for n in ("cert", "key"))
                        if found[1] == "pem" else "sorry\n")
    path = tmp_path / "lbxdp.yaml"
    path.write_text(whole(text.replace("/etc/lbxdp/", f"{tmp_path}/")))
    done = net.switch.run(program(), "check", "-c", path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_key_that_haproxys_users_are_shown_is_there():
    keys = {word for line in run(program(), "schema").stdout.splitlines()
            for word in line.split()[0].replace("[]", "").split(".")}
    with open(os.path.join(TOP, "docs", "haproxy.md")) as f:
        column = [line.split("|")[2] for line in f if line.startswith("| `") and line.count("|") == 4]
    shown = {word for path in re.findall(r"`([a-z0-9_.]+)(?::[^`]*)?`", "".join(column))
             for word in path.split(".")}
    assert len(shown) > 40 and shown <= keys, shown - keys
