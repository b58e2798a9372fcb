#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The demo that `make demo` runs: a lab of network namespaces, lbxdp in the middle, and clients that
go through the VIP while servers come and go. Exits 1 as soon as a client fails."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab.balancer import TOP, Balancer, program  # noqa: E402
from lab.network import CLIENT, VIP, Network  # noqa: E402
from lab.servers import NAME, PASSWORD, USER, start_mail_servers  # noqa: E402
from lab.space import LabError, run, wait_for  # noqa: E402

PREFIX = INSTANCE = "lxdemo"
DIRECTORY = f"/var/lib/{PREFIX}-lab"
CONFIG = "configs/exchange-dr.yaml"
HTTPS = "CAS-HTTPS"
VIP_7 = "192.168.30.12"

# What a reload adds to it.
LAYER_7 = """
  HTTP-redirect: {mode: l7-http, vip: 192.168.30.10, ports: [80], redirect: {to: https}}
  OWA:
    mode: l7-http
    vip: 192.168.30.12
    ports: [443]
    tls: {certificates: LAB/mail.pem}
    redirect_root: /owa/healthcheck.htm
    check: {type: https, request: owa/healthcheck.htm, expect: 200 OK}
    reals:
      CAS1: {ip: 192.168.30.20, port: 443, reencrypt: on}
      CAS2: {ip: 192.168.30.21, port: 443, reencrypt: on}
"""

PICTURE = f"""
    client   {CLIENT} ---+
                              |
    balancer 192.168.30.2 ----+---- mail1 192.168.30.20 (CAS1)   nginx, OpenSMTPD, Dovecot
    VIP      {VIP}        |
                              +---- mail2 192.168.30.21 (CAS2)   nginx, OpenSMTPD, Dovecot

Each is a network namespace of this machine. Requests go through the balancer, answers go straight
from the mail server to the client: Direct Routing.
"""


def say(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)


def show(text):
    print("    " + text.rstrip().replace("\n", "\n    "), flush=True)


class Demo:
    def __init__(self):
        self.net = Network(PREFIX, DIRECTORY)
        self.balancer = self.servers = None

    def lay_out(self):
        say("A lab: one client, one balancer, two mail servers")
        print(PICTURE, end="")
        os.makedirs(DIRECTORY)
        self.net.build()
        self.servers = start_mail_servers(self.net)
        self.balancer = Balancer(self.net.balancer, INSTANCE, DIRECTORY)
        self.balancer.config = os.path.join(DIRECTORY, "lbxdp.yaml")
        shutil.copy(os.path.join(TOP, CONFIG), self.balancer.config)

    def lbxdp(self, *words):
        """Runs lbxdp in the balancer as a user would see it."""
        print(f"  $ lbxdp {' '.join(words)}", flush=True)
        done = self.balancer.call(*words)
        show(done.stderr + done.stdout) if done.stderr + done.stdout else None

    def client(self, what, *words, expect="", quietly=False):
        """One client through the VIP; its failure ends the demo."""
        done = self.net.client.run(*words, check=False, timeout=30)
        if done.returncode or expect not in done.stdout:
            raise LabError(f"client: {what}: failed ({' '.join(words)})\n{done.stdout}{done.stderr}")
        if not quietly:
            said = done.stdout.strip() if not expect else ""
            show(f"client: {what}: ok{' - ' + said if said else ''}")
        return done.stdout.strip()

    def curl(self, *words):
        return ("curl", "-sS", "--max-time", "10", "--cacert", f"{DIRECTORY}/cert.pem",
                "--resolve", f"{NAME}:443:{VIP}", "--resolve", f"{NAME}:993:{VIP}",
                "--resolve", f"{NAME}:995:{VIP}", *words)

    def https(self, times=4, **more):
        return [self.client("HTTPS, answered by", *self.curl(f"https://{NAME}/whoami"), **more)
                for _ in range(times)]

    def all_clients(self):
        who = self.https()
        if any(CLIENT not in w for w in who):
            raise LabError("a server did not see the client's own address")
        if len(set(who)) != 2:
            raise LabError(f"four connections did not reach both servers: {who}")
        login = ("-u", f"{USER}:{PASSWORD}")
        self.client("SMTP, a whole mail by swaks", "swaks", "--server", VIP, "--to",
                    f"{USER}@example.com", "--from", "demo@example.org", "--body",
                    "Hello through the VIP.", expect="221")
        wait_for("the mail to be delivered", lambda: any(s.mails() for s in self.servers.values()))
        self.client("IMAP over TLS, login and a look into the inbox", *self.curl(
            *login, f"imaps://{NAME}/", "-X", "STATUS INBOX (MESSAGES)"), expect="INBOX")
        self.client("POP3 over TLS, login and list", *self.curl(*login, f"pop3s://{NAME}/", "-I",
                                                                "-X", "STAT"))

    def only(self, server):
        for who in self.https(times=4):
            if not who.startswith(server):
                raise LabError(f"answered by {who}, expected {server}")

    def play(self):
        say("One command, and the VIP is served")
        self.lbxdp("up", "eth0", "-c", self.balancer.config)
        self.lbxdp("status")
        say("Clients go through the VIP; the servers see the clients' own address")
        self.all_clients()
        self.lbxdp("status")

        say("CAS1 goes out of service, as Set-ServerComponentState does it: its page says 503")
        self.servers["mail1"].in_service(False)
        self.balancer.wait_real(f"{HTTPS}/CAS1", 30, status="down")
        self.lbxdp("status")
        show("CAS1 is down for HTTPS, so every request goes to CAS2:")
        self.only("mail2")

        say("CAS1 comes back (Active)")
        self.servers["mail1"].in_service(True)
        self.balancer.wait_real(f"{HTTPS}/CAS1", 30, status="up")
        self.lbxdp("status")
        self.https()

        say("The administrator drains CAS2: new connections go elsewhere, running ones go on")
        self.lbxdp("drain", f"{HTTPS}/CAS2")
        self.lbxdp("status")
        self.only("mail1")
        self.lbxdp("online", f"{HTTPS}/CAS2")

        say("A reload adds layer 7: HTTP to HTTPS on the same VIP, and TLS that ends here")
        self.add_layer_7()
        self.layer_7()

        say("kill -9 of every lbxdp process: XDP goes on forwarding, the next `up` takes over")
        show(f"killed: {self.balancer.kill()}")
        self.https()
        self.lbxdp("up", "eth0", "-c", self.balancer.config)
        self.lbxdp("status")

    def add_layer_7(self):
        with open(f"{DIRECTORY}/mail.pem", "w") as pem:
            for part in ("cert.pem", "key.pem"):
                with open(f"{DIRECTORY}/{part}") as f:
                    pem.write(f.read())
        os.chmod(pem.name, 0o600)
        with open(self.balancer.config, "a") as f:
            f.write(LAYER_7.replace("LAB", DIRECTORY))
        self.lbxdp("reload")
        self.balancer.wait_real("OWA/CAS1", 30, status="up")
        self.balancer.wait_real("OWA/CAS2", 30, status="up")

    def layer_7(self):
        here = ("--resolve", f"{NAME}:443:{VIP_7}")
        self.client("http:// is sent to https://, and answered there", *self.curl(
            "-L", "--resolve", f"{NAME}:80:{VIP}", f"http://{NAME}/owa/healthcheck.htm"),
                    expect="200 OK")
        with_tls = ("curl", "-sS", "--max-time", "10", "--cacert", f"{DIRECTORY}/cert.pem", *here)
        self.client("HTTP mode, TLS ends here; / is /owa/healthcheck.htm", *with_tls, "-L",
                    f"https://{NAME}/", expect="200 OK")
        for _ in range(2):
            self.client("HTTP mode, answered by (and sees)", *with_tls, f"https://{NAME}/whoami")
        self.lbxdp("report", "l7")

    def keep(self):
        say("The lab stays up (KEEP=1). Some things to try:")
        show(f"""nsenter --net={self.net.balancer.path} {program()} status --instance {INSTANCE}
nsenter --net={self.net.balancer.path} {program()} halt {HTTPS}/CAS1 --instance {INSTANCE}
nsenter --net={self.net.client.path} curl -k https://{VIP}/whoami
bpftool map dump pinned {self.balancer.pins}/lbx_services
nsenter --net={self.net.balancer.path} curl -s http://127.0.0.1:9443/metrics
touch {self.servers['mail1'].home}/out-of-service      (mail1 answers 503; rm: it is back)
make demo-down                                        (removes the lab)""")


def clear():
    """Removes a lab, also one of which only parts are there."""
    spaces = [line.split()[0] for line in run("ip", "netns", "list").stdout.splitlines()
              if line.startswith(f"{PREFIX}-")]
    if f"{PREFIX}-balancer" in spaces:
        run("nsenter", f"--net=/run/netns/{PREFIX}-balancer", program(), "down", "--instance",
            INSTANCE, check=False)
    for name in spaces:
        for sig in (signal.SIGTERM, signal.SIGKILL):
            pids = [int(p) for p in run("ip", "netns", "pids", name).stdout.split()]
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sig)
            with contextlib.suppress(LabError):
                wait_for("servers to end", lambda n=name: not run(
                    "ip", "netns", "pids", n).stdout, 3)
                break
        run("ip", "netns", "del", name, check=False)
    for path in (DIRECTORY, f"/var/lib/lbxdp-{INSTANCE}", f"/run/lbxdp-{INSTANCE}",
                 f"/sys/fs/bpf/lbxdp-{INSTANCE}"):
        shutil.rmtree(path, ignore_errors=True)


def up():
    clear()
    demo = Demo()
    kept = False
    try:
        demo.lay_out()
        demo.play()
        kept = os.environ.get("KEEP") == "1"
        if kept:
            demo.keep()
        else:
            say("lbxdp down, and the lab is cleared away")
            demo.lbxdp("down")
    except (LabError, subprocess.TimeoutExpired) as e:
        print(f"demo: {e}\n{demo.balancer.log() if demo.balancer else ''}", file=sys.stderr)
        return 1
    finally:
        if not kept:
            clear()
    say("Done: every client was served.")
    return 0


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with open(f"/run/{PREFIX}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("demo: another demo is running", file=sys.stderr)
            return 1
        if sys.argv[1:] == ["down"]:
            clear()
            return 0
        try:
            return up()
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main())
