# SPDX-License-Identifier: GPL-2.0-only
"""What runs on the lab's mail servers: nginx with TLS, OpenSMTPD, Dovecot. Each has its own files
under the lab's directory and runs in its server's namespace."""

import contextlib
import os
import shutil

from .network import MAIL, VIP, VIP6
from .space import LabError, run, wait_for

USER, PASSWORD, NAME = "ada", "lab-password", "mail.example.com"
WEB_PORTS = (80, 8080, "8001-8005")
PORTS = {"nginx": (443, *WEB_PORTS), "smtpd": (25,), "dovecot": (143, 993, 110, 995)}
# Those of a lab; LBXDP_SERVERS="nginx" is one for tests that need no other on a slow machine.
WANTED = os.environ.get("LBXDP_SERVERS", " ".join(PORTS)).split()

NGINX = """
daemon off; worker_processes 1; pid {home}/nginx.pid; error_log {home}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; default_type text/html; server_tokens off;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    ssl_certificate {lab}/cert.pem; ssl_certificate_key {lab}/key.pem;
    keepalive_timeout 15; client_header_timeout 15; send_timeout 15; keepalive_requests 100000;
    lingering_close off; tcp_nodelay on;
    client_max_body_size 0;
    server {{ listen 127.0.0.1:8099; location / {{ return 200 "$http_content_length"; }} }}
    server {{
        listen 443 ssl backlog=4096; listen [::]:443 ssl backlog=4096;
        {listen}
        root {lab}/www;
        location = /owa/healthcheck.htm {{
            if (-f {home}/out-of-service) {{ return 503; }}
            return 200 "200 OK<br/>{name}";
        }}
        location = /name {{ return 200 "{name}\\n"; }}
        location = /whoami {{ return 200 "{name} $remote_addr\\n"; }}
        location = /upload {{ proxy_pass http://127.0.0.1:8099; }}
        location /slow/ {{ alias {lab}/www/; limit_rate 512k; }}
    }}
}}
"""

SMTPD = """
table users {{ "{user}" = "65534:65534:{home}/box" }}
listen on 0.0.0.0 hostname {name}.example.com
listen on :: hostname {name}.example.com
action "box" maildir "{home}/box/Maildir" userbase <users>
match from any for any action "box"
"""

DOVECOT = """
base_dir = {home}/dovecot
log_path = {home}/dovecot.log
protocols = imap pop3
listen = *, ::
ssl = yes
ssl_cert = <{lab}/cert.pem
ssl_key = <{lab}/key.pem
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain
mail_location = maildir:{home}/box/Maildir
passdb {{
  driver = static
  args = user={user} password={password}
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={home}/box
}}
first_valid_uid = 1
login_trusted_networks = 0.0.0.0/0 ::/0
service imap-login {{
  process_min_avail = 1
  service_count = 0
  client_limit = 1000
}}
service pop3-login {{
  process_min_avail = 1
  service_count = 0
  client_limit = 1000
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

# smtpd's socket and queue have fixed places: each server gets its own /run and /var/spool. There is
# no name server in the lab, so its resolver is told to look in files only.
SMTPD_START = """set -e
mount -t tmpfs lab /run; mount -t tmpfs lab /var/spool
mkdir -m 711 /var/spool/smtpd
echo lookup file >/run/resolv.conf; mount --bind /run/resolv.conf "$(realpath /etc/resolv.conf)"
exec smtpd -d -f "$1"
"""


@contextlib.contextmanager
def daemon(space, home, words, port, text):
    """A server by its configuration file, until the with block ends."""
    os.makedirs(home, exist_ok=True)
    with open(f"{home}/conf", "w") as f:
        f.write(text)
    with open(f"{home}/out", "ab") as out:
        child = space.spawn(*words, f"{home}/conf", stdout=out, stderr=out)
    try:
        wait_for(f"{words[0]} to listen", lambda: child.poll() is None and space.listens(port))
        yield child
    finally:
        child.terminate()
        child.wait(10)


class MailServer:
    """The servers of one namespace."""

    def __init__(self, net, name):
        self.net, self.name, self.space = net, name, net.spaces[name]
        self.ip, self.ip6 = MAIL[name]
        self.home = os.path.join(net.directory, name)
        self.children = {}

    def start(self):
        os.makedirs(f"{self.home}/box/Maildir")
        os.makedirs(f"{self.home}/dovecot")
        for path in (f"{self.home}/box", f"{self.home}/box/Maildir"):
            os.chown(path, 65534, 65534)
        self.write("nginx.conf", NGINX, listen=listen_lines())
        self.write("smtpd.conf", SMTPD)
        self.write("dovecot.conf", DOVECOT)
        for what in WANTED:
            self.launch(what)

    def write(self, file, template, **more):
        with open(f"{self.home}/{file}", "w") as f:
            f.write(template.format(home=self.home, lab=self.net.directory, name=self.name,
                                    user=USER, password=PASSWORD, **more))
        os.chmod(f"{self.home}/{file}", 0o600)

    def launch(self, what):
        words = {
            "nginx": ["nginx", "-p", self.home, "-e", f"{self.home}/nginx.log",
                      "-c", f"{self.home}/nginx.conf"],
            "smtpd": ["unshare", "--mount", "--propagation", "private", "sh", "-c", SMTPD_START,
                      "smtpd", f"{self.home}/smtpd.conf"],
            "dovecot": ["dovecot", "-F", "-c", f"{self.home}/dovecot.conf"],
        }[what]
        with open(f"{self.home}/{what}.out", "ab") as out:
            self.children[what] = self.space.spawn(*words, stdout=out, stderr=out)

    def wait(self):
        for port in (p for what in WANTED for p in all_ports(PORTS[what])):
            try:
                wait_for(f"{self.name} to listen on port {port}", lambda p=port: self.serves(p), 20)
            except LabError as e:
                raise LabError(f"{e}\n{self.said()}") from None

    def serves(self, port):
        for what, child in self.children.items():
            if child.poll() is not None:
                raise LabError(f"{self.name}: {what} ended with {child.returncode}")
        return self.space.listens(port)

    def said(self):
        text = ""
        for what in ("nginx.out", "nginx.log", "smtpd.out", "dovecot.out", "dovecot.log"):
            with contextlib.suppress(FileNotFoundError), open(f"{self.home}/{what}") as f:
                text += f"--- {self.name} {what}\n{f.read()[-2000:]}"
        return text

    def stop(self, what):
        """Ends one server; its port then refuses connections."""
        child = self.children.pop(what)
        child.terminate()
        child.wait(10)

    def in_service(self, yes):
        """Set-ServerComponentState OwaProxy Active or Inactive (R59): the page answers 200 or 503."""
        switch = f"{self.home}/out-of-service"
        if yes:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(switch)
        else:
            with open(switch, "w"):
                pass

    def mails(self):
        """The mails that arrived here, as text."""
        box = f"{self.home}/box/Maildir/new"
        seen = f"{self.home}/box/Maildir/cur"
        found = []
        for folder in (box, seen):
            with contextlib.suppress(FileNotFoundError):
                for name in sorted(os.listdir(folder)):
                    with open(f"{folder}/{name}", errors="replace") as f:
                        found.append(f.read())
        return found

    def forget_mails(self):
        for folder in ("new", "cur"):
            shutil.rmtree(f"{self.home}/box/Maildir/{folder}", ignore_errors=True)


def all_ports(ports):
    for port in ports:
        first, _, last = str(port).partition("-")
        yield from range(int(first), int(last or first) + 1)


def listen_lines():
    return " ".join(f"listen {p} backlog=4096; listen [::]:{p} backlog=4096;"
                    for p in all_ports(WEB_PORTS))


def certificate(directory):
    """One certificate for all servers, as the guide asks (R25)."""
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "90", "-subj", f"/CN={NAME}", "-keyout", f"{directory}/key.pem",
        "-out", f"{directory}/cert.pem", "-addext",
        f"subjectAltName=DNS:{NAME},DNS:autodiscover.example.com,IP:{VIP},IP:{VIP6}")


def pages(directory):
    os.makedirs(f"{directory}/www")
    with open(f"{directory}/www/big", "wb") as f:
        f.truncate(512 << 20)
    with open(f"{directory}/www/3m", "wb") as f:
        f.write(os.urandom(3 << 20))


def start_mail_servers(net):
    """Starts all of them side by side and waits until every port answers."""
    certificate(net.directory)
    pages(net.directory)
    servers = {name: MailServer(net, name) for name in MAIL}
    for server in servers.values():
        server.start()
    for server in servers.values():
        server.wait()
    return servers
