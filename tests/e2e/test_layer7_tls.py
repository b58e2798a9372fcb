# SPDX-License-Identifier: GPL-2.0-only
"""Layer 7 with TLS: it ends here, begins here again, or passes by with its name read."""

import os
import re
import ssl
import time

import pytest

from lab.clients import Download
from lab.config import HTTP, HTTPS, config
from lab.layer7 import VIP_7, l7, proxies, statistics
from lab.network import MAIL
from lab.servers import NAME
from lab.space import run, wait_for

OTHER = "other.example.com"


class Identity:
    """A certificate of its own with its key, in one PEM as HAProxy's."""

    def __init__(self, directory, name):
        self.name, self.pem = name, f"{directory}/{name}.pem"
        self.certificate, key = f"{directory}/{name}.crt", f"{directory}/{name}.key"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "30", "-subj", f"/CN={name}", "-keyout", key, "-out",
            self.certificate, "-addext", f"subjectAltName=DNS:{name}")
        with open(self.certificate) as c, open(key) as k:
            self.text = c.read() + k.read()
        self.install(self.pem)

    def install(self, path):
        """In one step, as a tool that renews certificates does it."""
        with open(path + ".new", "w") as f:
            f.write(self.text)
        os.chmod(path + ".new", 0o600)
        os.rename(path + ".new", path)


@pytest.fixture(scope="module")
def mail(tmp_path_factory):
    return Identity(tmp_path_factory.mktemp("mail"), NAME)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return Identity(tmp_path_factory.mktemp("other"), OTHER)


def ending(*pems, **more):
    """TLS ends here; the reals hear HTTP."""
    tls = {"certificates": [str(p) for p in pems]}
    for key in ("min_version", "client_ca"):
        if key in more:
            tls[key] = more.pop(key)
    return l7(ports=[443], port=80, tls=tls, **more)


def curl(net, ca, *words, name=NAME, path="/name", check=True):
    return net.client.run("curl", "-sS", "--max-time", "10", "--resolve", f"{name}:443:{VIP_7}",
                          "--cacert", ca, *words, f"https://{name}{path}", check=check)


def s_client(net, *words):
    """What `openssl s_client` says of a handshake with the service."""
    done = net.client.run("openssl", "s_client", "-connect", f"{VIP_7}:443", *words, check=False,
                          timeout=15)
    return done.stdout + done.stderr


def subject(net, name):
    """CN of the certificate that who asks for name is shown."""
    return re.search(r"subject=CN = (\S+)", s_client(net, "-servername", name))[1]


def wrapped(s, name=NAME):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(s, server_hostname=name)


class SafeDownload(Download):
    """The same over TLS."""

    def __init__(self, space, address):
        self.socket = wrapped(space.connect(address, 443))
        self.socket.sendall(b"GET /slow/big HTTP/1.1\r\nHost: lab\r\n\r\n")
        self.bytes, self.ended = 0, False
        self.read_some()


def test_tls_ends_here(net, lb, mail):
    lb.up(config({"web": ending(mail.pem)}))
    assert curl(net, mail.certificate).stdout.strip() in MAIL
    body = curl(net, mail.certificate, "--output", "/dev/null", "--write-out", "%{size_download}",
                path="/3m").stdout
    assert int(body) == 3 << 20
    said = s_client(net, "-servername", NAME)
    assert "TLSv1.3" in said
    assert int(statistics(lb)["FRONTEND"]["bout"]) > 3 << 20


def test_reals_are_spoken_to_in_tls_and_proven(net, lb, mail):  # R53
    shape = ending(mail.pem, check=HTTPS)
    for real in shape["reals"].values():
        real.update(port=443, reencrypt="on", verify="ca", ca=f"{net.directory}/cert.pem", sni=NAME)
    lb.up(config({"web": shape}))
    assert curl(net, mail.certificate).stdout.strip() in MAIL
    body = curl(net, mail.certificate, "--output", "/dev/null", "--write-out", "%{size_download}",
                path="/3m").stdout
    assert int(body) == 3 << 20
    for real in shape["reals"].values():
        real["ca"] = mail.certificate  # not that of the reals
    lb.reload(config({"web": shape}))
    assert curl(net, mail.certificate, check=False).returncode
    assert re.search(r"real mail\d: its certificate is refused: ", lb.log())
    for real in shape["reals"].values():
        real["verify"] = "none"
        del real["ca"]
    lb.reload(config({"web": shape}))
    assert curl(net, mail.certificate).stdout.strip() in MAIL


@pytest.mark.parametrize("reencrypt", ["off", "on"])
def test_http_is_read_inside_tls(net, lb, mail, reencrypt):
    shape = ending(mail.pem, check=HTTPS if reencrypt == "on" else HTTP)
    shape["mode"] = "l7-http"
    for real in shape["reals"].values():
        real.update(port=443 if reencrypt == "on" else 80, reencrypt=reencrypt)
    lb.up(config({"web": shape}))
    url = f"https://{NAME}/name"
    said = curl(net, mail.certificate, "-v", url, url)  # three requests of one connection
    assert said.stderr.count("Re-using existing connection") == 2
    assert "server accepted http/1.1" in said.stderr
    assert {*said.stdout.split()} == {"mail1", "mail2"}
    size = curl(net, mail.certificate, "--output", "/dev/null", "--write-out", "%{size_download}",
                path="/3m").stdout
    assert int(size) == 3 << 20
    frontend = statistics(lb)["FRONTEND"]
    assert int(frontend["stot"]) == 2


def test_the_certificate_is_chosen_by_name(net, lb, mail, other):
    lb.up(config({"web": ending(mail.pem, other.pem)}))
    assert subject(net, OTHER) == OTHER
    assert subject(net, NAME) == NAME
    assert subject(net, "nobody.example.com") == NAME


def test_a_certificate_changes_on_disk_and_no_session_ends(net, lb, mail, other, tmp_path):  # R53
    pem = f"{tmp_path}/live.pem"
    mail.install(pem)
    lb.up(config({"web": ending(pem)}))
    before, download = proxies(lb), SafeDownload(net.client, VIP_7)
    with open(pem, "w") as f:  # half of one is none
        f.write(other.text[:len(other.text) // 2])
    wait_for("the half to be seen", lambda: f"{pem} changed and is not used" in lb.log())
    assert subject(net, NAME) == NAME
    other.install(pem)
    began = time.monotonic()
    wait_for("the new certificate", lambda: subject(net, NAME) == OTHER, 5)
    assert time.monotonic() - began < 3
    assert download.flows()
    assert proxies(lb) == before
    assert "PRIVATE KEY" not in lb.log()
    download.close()


def test_certificates_are_read_again_on_command(net, lb, mail, other, tmp_path):
    """lbxdp looks once a second by itself, so that what is new may be known already; after the
    command it is in use either way."""
    pem, second = f"{tmp_path}/live.pem", f"{tmp_path}/second.pem"
    ca = f"{net.directory}/cert.pem"
    mail.install(pem)
    other.install(second)
    check = dict(HTTPS, verify="ca", ca=ca, port=443, host=NAME)
    lb.up(config({"web": ending(pem, second, check=check)}))
    before, download = proxies(lb), SafeDownload(net.client, VIP_7)
    assert subject(net, NAME) == NAME
    assert lb.call("reload", "certificates").stdout.splitlines() == [
        f"{path}: unchanged" for path in sorted((pem, second, ca))]
    other.install(pem)
    assert re.search(f"^{pem}: (un)?changed$", lb.call("reload", "certificates").stdout, re.M)
    assert subject(net, NAME) == OTHER
    # One that cannot be used is named first, and the others are used all the same.
    with open(second, "w") as f:
        f.write(mail.text[:len(mail.text) // 2])
    mail.install(pem)
    said = lb.call("reload", "certificates", check=False)
    assert said.returncode == 1
    lines = (said.stdout + said.stderr).splitlines()
    assert lines[0].startswith(f"{second}: not used: "), lines
    assert {line.partition(": ")[0] for line in lines[1:]} == {ca, pem}
    assert subject(net, NAME) == NAME and subject(net, OTHER) == OTHER
    assert download.flows()
    assert proxies(lb) == before
    audit = re.findall(r"audit: uid 0 pid \d+: reload certificates: (.*)", lb.log())
    assert audit == ["done", "done", f"failed: {lines[0]}"]
    download.close()


def test_clients_show_a_certificate_where_one_is_asked_for(net, lb, mail, other):
    lb.up(config({"web": ending(mail.pem, client_ca=other.certificate)}))
    assert curl(net, mail.certificate, check=False).returncode
    assert curl(net, mail.certificate, "--cert", mail.pem, check=False).returncode
    assert curl(net, mail.certificate, "--cert", other.pem).stdout.strip() in MAIL


def test_old_versions_are_refused(net, lb, mail):
    weak = ("-cipher", "DEFAULT@SECLEVEL=0")
    lb.up(config({"web": ending(mail.pem)}))
    assert "Cipher is (NONE)" in s_client(net, "-tls1_1", *weak)
    assert "Cipher is ECDHE" in s_client(net, "-tls1_2", *weak)
    lb.reload(config({"web": ending(mail.pem, min_version="1.3")}))
    assert "Cipher is (NONE)" in s_client(net, "-tls1_2", *weak)
    assert "Cipher is TLS_" in s_client(net, "-tls1_3")


def test_a_scanner_finds_two_versions_and_nothing_weak(net, lb, mail):  # F19
    lb.up(config({"web": ending(mail.pem)}))
    said = net.client.run("sslscan", "--no-colour", f"--sni-name={NAME}", f"{VIP_7}:443",
                          timeout=60).stdout
    assert re.findall(r"^((?:SSL|TLS)v\S+)\s+enabled", said, re.M) == ["TLSv1.2", "TLSv1.3"]
    assert "renegotiation not supported" in said
    ciphers = re.findall(r"^(?:Preferred|Accepted)\s+(\S+)\s+\d+ bits\s+(\S+)", said, re.M)
    assert {version for version, _ in ciphers} == {"TLSv1.2", "TLSv1.3"}
    assert all(re.match(r"TLS_|ECDHE-.*(GCM|CHACHA20)", name) for _, name in ciphers)
    assert "vulnerable to heartbleed" in said
    assert not re.search(r"^TLSv\S+ vulnerable to heartbleed", said, re.M)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_is_resumed_by_every_process(net, lb, mail, tmp_path, version):
    file = f"{tmp_path}/session"
    lb.up(config({"web": ending(mail.pem)}))
    # With -sess_out s_client must wait for the ticket: it ends after the answer.
    request = "GET /name HTTP/1.0\r\n\r\n"
    first = net.client.run("openssl", "s_client", "-connect", f"{VIP_7}:443", version, "-ign_eof",
                           "-sess_out", file, input_text=request, timeout=15)
    assert "New, " in first.stdout
    for _ in range(16):
        again = net.client.run("openssl", "s_client", "-connect", f"{VIP_7}:443", version,
                               "-ign_eof", "-sess_in", file, input_text=request, timeout=15)
        assert "Reused, " in again.stdout
        assert "200 OK" in again.stdout


def test_a_new_process_has_the_certificates(net, lb, mail):
    lb.up(config({"web": ending(mail.pem)}))
    assert subject(net, NAME) == NAME
    before = proxies(lb)
    lb.kill_pids(before)
    wait_for("new proxies", lambda: proxies(lb) and 0 not in proxies(lb) and
             not set(proxies(lb)) & set(before))
    wait_for("an answer", lambda: curl(net, mail.certificate, check=False).returncode == 0)


def test_half_handshakes_stop_nobody_else(net, lb, mail):  # F19
    lb.up(config({"web": ending(mail.pem, timeouts={"request": "4s"})}))
    lb.wait_real("web/mail1", status="up")
    half = []
    for _ in range(1000):
        s = net.client.connect(VIP_7, 443)
        s.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        half.append(s)
    for _ in range(5):
        assert curl(net, mail.certificate).stdout.strip() in MAIL
    assert lb.real("web/mail1")["status"] == "up"
    for s in half:  # each meets the timeout
        s.settimeout(15)
        try:
            assert s.recv(1) == b""
        except ConnectionResetError:
            pass
        s.close()
    assert curl(net, mail.certificate).stdout.strip() in MAIL


def test_tls_that_passes_through_is_routed_by_its_name(net, lb):
    shape = l7(ports=[443], weights=(100, None), check=HTTPS)
    shape["routes"] = [{"host": OTHER, "reals": {"mail2": {"ip": MAIL["mail2"][0]}}}]
    lb.up(config({"web": shape}))

    def served(name):
        s = wrapped(net.client.connect(VIP_7, 443), name)
        s.sendall(b"GET /name HTTP/1.0\r\n\r\n")
        answer = b""
        while part := s.recv(4096):
            answer += part
        s.close()
        return answer.split()[-1].decode()

    assert served(OTHER) == "mail2"
    assert served(NAME) == "mail1"
    assert served(None) == "mail1"
    assert served(OTHER) == "mail2"


def test_a_certificate_that_goes_missing_is_named_and_stays_in_use(net, lb, mail, tmp_path):
    pem = f"{tmp_path}/late.pem"
    mail.install(pem)
    lb.up(config({"web": ending(pem)}))
    assert curl(net, mail.certificate).stdout.strip() in MAIL
    os.unlink(pem)
    wait_for("it to be missed", lambda: f"{pem} changed and is not used: No such" in lb.log())
    assert curl(net, mail.certificate).stdout.strip() in MAIL
