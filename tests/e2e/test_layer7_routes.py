# SPDX-License-Identifier: GPL-2.0-only
"""Layer 7 by lbxdp.yaml: routes with health and orders of their own, the redirect, files that are
judged when the configuration is read."""

from lab.config import config
from lab.layer7 import VIP_7, l7
from lab.network import MAIL
from lab.space import wait_for

FAILING = {"type": "http", "request": "none/healthcheck.htm", "expect": "200 OK"}


def http(**more):
    return l7(port=80, **more) | {"mode": "l7-http"}


def redirect():
    return {"mode": "l7-http", "vip": VIP_7, "ports": [8080],
            "redirect": {"to": "https", "code": 308}}


def curl(net, path, *words, port=80):
    """Status and body of one request."""
    done = net.client.run("curl", "-sS", "--max-time", "10", "-w", "\n%{http_code}", *words,
                          f"http://{VIP_7}:{port}{path}", check=False)
    body, _, status = done.stdout.rpartition("\n")
    return status, body.strip()


def both(net, path, count=8):
    return {curl(net, path) for _ in range(count)}


def test_what_fails_in_a_route_serves_everywhere_else(net, lb):  # R19, R20
    routes = [{"path": "/name", "reals": {"only": {"ip": MAIL["mail2"][0], "port": 80}}},
              {"path": "/upload", "check": FAILING},
              {"path": "/whoami", "name": "who"}]
    lb.up(config({"web": http(routes=routes)}))
    assert both(net, "/name") == {("200", "mail2")}
    assert curl(net, "/upload")[0] == "503"
    assert {body.split()[0] for _, body in both(net, "/whoami")} == {"mail1", "mail2"}
    assert [lb.service(s)["status"] for s in ("web", "web:name", "web:upload")] == [
        "healthy", "healthy", "down"]
    assert lb.service("web:name")["parent"] == "web"
    lb.call("drain", "web:name/only")
    assert curl(net, "/name")[0] == "503"
    assert curl(net, "/whoami")[0] == "200"
    lb.call("online", "web:name/only")
    assert curl(net, "/name") == ("200", "mail2")


def test_a_service_without_reals_is_as_well_as_its_routes(net, lb):
    only = {"only": {"ip": MAIL["mail2"][0], "port": 80}}
    routes = [{"path": "/name", "reals": only}, {"path": "/whoami", "reals": only}]
    lb.up(config({"web": http(routes=routes) | {"reals": {}}}))
    assert lb.service("web")["status"] == "healthy"
    assert curl(net, "/name") == ("200", "mail2")
    assert curl(net, "/upload")[0] == "503"
    lb.call("drain", "web:name/only")
    assert lb.service("web")["status"] == "degraded"
    lb.call("drain", "web:whoami/only")
    assert lb.service("web")["status"] == "down"
    lb.call("online", "*/only")
    assert lb.service("web")["status"] == "healthy"


def test_a_route_comes_and_goes_with_a_reload(net, lb):
    lb.up(config({"web": http(weights=(100, None))}))
    assert both(net, "/name") == {("200", "mail1")}
    routes = [{"path": "/name", "reals": {"b": {"ip": MAIL["mail2"][0], "port": 80}}}]
    said = lb.reload(config({"web": http(weights=(100, None), routes=routes)})).stdout
    assert "web: routes changed" in said and "web:name: added, 1 real" in said
    lb.wait_real("web:name/b", status="up")
    assert both(net, "/name") == {("200", "mail2")}
    assert "web:name: removed" in lb.reload(config({"web": http(weights=(100, None))})).stdout
    assert both(net, "/name") == {("200", "mail1")}


def test_http_is_sent_to_https_and_has_a_status_of_its_own(net, lb):  # R67, R90
    lb.up(config({"to-https": redirect()}))
    done = net.client.run("curl", "-sS", "-D", "-", "-o", "/dev/null", "-H",
                          "Host: mail.example.com", f"http://{VIP_7}:8080/owa?a=b")
    assert done.stdout.startswith("HTTP/1.1 308 ")
    assert "location: https://mail.example.com/owa?a=b" in done.stdout.lower()
    service = lb.service("to-https")
    assert service["status"] == "redirect" and service["reals"] == []
    assert "to-https" in lb.call("status").stdout
    assert 'lbxdp_service_status{service="to-https",state="redirect"} 1' in lb.call("metrics").stdout


def test_a_broken_certificate_is_refused_at_reload_and_nothing_changes(net, lb, tmp_path):
    lb.up(config({"web": http(weights=(100, None))}))
    pem = tmp_path / "mail.pem"
    pem.write_text("no certificate\n")
    broken = http(weights=(None, 100), tls={"certificates": [str(pem)]})
    said = lb.reload(config({"web": broken}), check=False)
    assert said.returncode == 1
    assert f"error: services.web.tls: {pem}: " in said.stdout + said.stderr
    assert both(net, "/name") == {("200", "mail1")}


def test_an_error_page_that_is_written_anew_is_used(net, lb, tmp_path):
    page = tmp_path / "503.html"
    page.write_text("sorry\n")
    lb.up(config({"web": http(check=FAILING, error_pages={"503": str(page)})}))
    assert curl(net, "/name") == ("503", "sorry")
    page.write_text("very sorry\n")
    wait_for("the new page", lambda: curl(net, "/name") == ("503", "very sorry"))
