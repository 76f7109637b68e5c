#!/usr/bin/env python3
"""Who is let in and to what, one by one: certificates refused by TLS, keys refused by the registry, calls refused by role; each is logged."""
import errno
import os
import pwd
import re
import shutil
import socket
import ssl
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import CA, IS_ROOT, SOURCE, Client, Site, check, equal, main, report, run, until  # noqa: E402


def issue(site, scratch, profile, name, *words):
    run(CA, "issue", os.path.join(site.dir, "ca"), profile, name, "--out", os.path.join(scratch, "more"), *words)
    return pair(scratch, "more", name)


def pair(scratch, folder, name):
    return tuple(os.path.join(scratch, folder, name + end) for end in (".crt", ".key"))


def expired(site, scratch):
    """A certificate of the site's own CA whose time is over; its key is the registered feed's."""
    certificate = os.path.join(scratch, "expired.crt")
    request = os.path.join(scratch, "expired.csr")
    key = site.identity("feed")[1]
    config = os.path.join(scratch, "expired.conf")
    with open(config, "w") as file:
        file.write(f"[ca]\ndefault_ca=one\n[one]\ndatabase={scratch}/index\nserial={scratch}/serial\nnew_certs_dir={scratch}\n"
                   f"certificate={site.dir}/ca/ca.crt\nprivate_key={site.dir}/ca/ca.key\ndefault_md=sha256\npolicy=any\nx509_extensions=leaf\n"
                   "[any]\ncommonName=supplied\n[leaf]\nextendedKeyUsage=clientAuth\n")
    for name, text in (("index", ""), ("serial", "77\n")):
        with open(os.path.join(scratch, name), "w") as file:
            file.write(text)
    run("openssl", "req", "-new", "-key", key, "-subj", "/CN=feed", "-out", request)
    run("openssl", "ca", "-batch", "-notext", "-config", config, "-in", request, "-out", certificate,
        "-startdate", "20240101000000Z", "-enddate", "20240201000000Z")
    return certificate, key


def self_signed(scratch):
    files = pair(scratch, "more", "self")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=self", "-keyout", files[1], "-out", files[0])
    return files


def refused_by_tls(site, what, identity, alert, reason, listener="feeds"):
    """The client reads a TLS alert, nothing is stored, and the log has the reason."""
    before = len(site.log())
    try:
        with Client(site, identity, listener) as client:
            fail_with = f"was answered {client.post('/v1/reports', report(what, 1))[0]}"
    except ssl.SSLError as problem:
        fail_with = "" if alert in str(problem).lower() else f"got: {problem}"
    except OSError as problem:
        fail_with = f"got no alert but: {problem}"
    check(f"{what} {fail_with}", not fail_with)
    until(f"{what} is logged", lambda: re.search(f"tls_refused.*{reason}", site.log()[before:]))


def refused(site, what, identity, method, path, listener, reason, body=None):
    before = len(site.log())
    with Client(site, identity, listener) as client:
        status, headers, answer = client.request(method, path, body, "application/json" if body else None)
    equal(f"{what}: {method} {path} on {listener}: {answer[:200]}", 403, status)
    equal(f"{what}: type of the refusal", "application/problem+json", headers["Content-Type"])
    if reason:
        until(f"{what} is logged", lambda: re.search(reason, site.log()[before:]))


def endpoints():
    """(method, path, listeners) of every call, from the published description."""
    found, path, method = [], None, None
    with open(os.path.join(SOURCE, "docs", "openapi.yaml")) as file:
        for line in file:
            if match := re.match(r"  (/\S*):$", line):
                path = match[1]
            elif match := re.match(r"    (get|post|delete|head):$", line):
                method = match[1].upper()
            elif path and (match := re.match(r"      x-listeners: \[(.*)\]", line)):
                found.append((method, path, match[1].replace("analysts", "desk").split(", ")))
    check(f"only {len(found)} calls are described", len(found) > 40)
    return found


def may(role, method, path, listener):
    """The contract's sentence about permissions, said once more."""
    if path in ("/healthz", "/metrics"):
        return True
    if role == "peer":
        return path == "/rid" or (path == "/" and listener == "rid")
    if path in ("/rid", "/"):
        return False
    if role == "feed":
        return (method, path) == ("POST", "/v1/reports") or ((method, path) == ("GET", "/v1/reports/{report}") and listener == "feeds")
    if listener == "feeds":
        return (method, path) == ("POST", "/v1/reports") and role != "auditor"
    # An export is an act, and only who made it reads it.
    if method == "GET" and not path.startswith("/v1/exports"):
        return True
    if role == "auditor":
        return False
    if path.endswith("/waiver"):
        return role in ("lead", "admin")
    if re.match(r"/v1/(peers|agreements|constituents|imports|settings|analysts)\b", path) or re.match(r"/v1/feeds(/{name})?$", path):
        return role == "admin"
    if re.search(r"/shares$|^/v1/(incoming|rules|mappings|suppressions|classes|registries|aliases|warninglists)\b", path):
        return role in ("lead", "admin")
    return True


def all_calls(site, role, identity):
    context = site.context(identity)
    clients = {listener: Client(site, None, listener, context=context) for listener in site.ports}
    for method, path, served in endpoints():
        where = re.sub(r"\{(\w+)\}", lambda match: "r1" if match[1] == "report" else "nothing-there", path)
        for listener, client in clients.items():
            # Whether a RID system is there, its gate tells every certificate's owner (RFC 6546 section 3).
            if path == "/" and method != "POST":
                continue
            body = b"{}" if method == "POST" else None
            status, _, answer = client.request(method, where, body, "application/json" if body else None)
            what = f"{role}: {method} {where} on {listener}: {status} {answer[:200]}"
            if listener not in served:
                check(what, status in (403, 404, 405))
            elif may(role, method, path, listener):
                check(what, status != 403 and status < 500)
            else:
                check(what, status == 403)
    for client in clients.values():
        client.close()


def test_tls(site, scratch):
    run(CA, "make", os.path.join(scratch, "otherca"), "--name", "Another CA")
    run(CA, "issue", os.path.join(scratch, "otherca"), "feed", "feed", "--out", os.path.join(scratch, "other"))
    gate = issue(site, scratch, "gate", "server", "--san", "gate.example")
    for listener in site.ports:
        refused_by_tls(site, f"another CA on {listener}", pair(scratch, "other", "feed"), "unknown ca", "issuer|self.signed|unknown", listener)
        refused_by_tls(site, f"a certificate nobody signed on {listener}", self_signed(scratch), "unknown ca", "self.signed", listener)
        refused_by_tls(site, f"an expired certificate on {listener}", expired(site, scratch), "certificate expired", "expired", listener)
        refused_by_tls(site, f"a server's certificate on {listener}", gate, "alert", "purpose", listener)


def test_registry(site, scratch):
    stranger = issue(site, scratch, "feed", "stranger")
    for listener, path in (("feeds", "/v1/reports"), ("feeds", "/rid"), ("rid", "/"), ("desk", "/v1/reports")):
        refused(site, "an unregistered key", stranger, "POST", path, listener, "denied why=unregistered", b"{}")
        refused(site, "no certificate", None, "POST", path, listener, "client certificate is needed", b"{}")
    refused(site, "an unregistered key", stranger, "GET", "/v1/cases", "desk", "caller_refused|registered for nobody|unregistered")
    refused(site, "no certificate", None, "GET", "/v1/cases", "desk", "client certificate is needed")
    with Client(site, None) as client:
        equal("/healthz without a certificate", 200, client.get("/healthz")[0])

    # A key that is disabled is refused at the next request of an open connection, and taken back as soon.
    with Client(site, "feed") as client, Client(site, "analyst2", "desk") as analyst:
        equal("a registered key", 201, client.post("/v1/reports", report("registered", 1))[0])
        equal("an analyst", 200, analyst.get("/v1/cases")[0])
        for login in ("feed", "analyst2"):
            site.cirt("admin", "analyst", "set", login, "--enabled", "no")
        before = len(site.log())
        equal("a disabled feed", 403, client.post("/v1/reports", report("disabled", 1))[0])
        equal("a disabled analyst", 403, analyst.get("/v1/cases")[0])
        until("both are logged", lambda: len(re.findall("disabled", site.log()[before:])) >= 2)
        for login in ("feed", "analyst2"):
            site.cirt("admin", "analyst", "set", login, "--enabled", "yes")
        equal("a key enabled again", 201, client.post("/v1/reports", report("enabled again", 1))[0])
        equal("an analyst enabled again", 200, analyst.get("/v1/cases")[0])


def test_roles(site, scratch):
    peer = issue(site, scratch, "peer", "partner", "--san", "partner.example")
    fingerprint = run(CA, "fingerprint", peer[0]).stdout.strip()
    site.cirt("admin", "peer", "add", "YY-CERT", "--title", "YY-CERT", "--url", "https://127.0.0.1:1", "--rid-url", "https://127.0.0.1:1/",
              "--issuer-name", "YY-CERT", "--ca", os.path.join(site.dir, "ids", "ca.crt"), "--key", fingerprint, "--mail", "incident@yy-cert.example")
    refused(site, "a feed", "feed", "GET", "/v1/cases", "desk", "role=feed")
    refused(site, "a feed", "feed", "GET", "/v1/cases", "feeds", "http_refused.*status=403")
    refused(site, "a feed as a peer", "feed", "POST", "/rid", "feeds", "denied why=role caller=feed", b"<x/>")
    refused(site, "a peer as a feed", peer, "POST", "/v1/reports", "feeds", "denied why=role caller=YY-CERT", b"{}")
    refused(site, "an analyst at an admin's call", "analyst", "POST", "/v1/analysts", "desk", "role=analyst", b"{}")
    for role, identity in (("feed", "feed"), ("peer", peer), ("auditor", "auditor"), ("analyst", "analyst"), ("lead", "lead"), ("admin", "admin")):
        all_calls(site, role, identity)


def test_revoked(site):
    run(CA, "revoke", os.path.join(site.dir, "ca"), "feed", "--reason", "keyCompromise")
    run("install", "-m", "0644", os.path.join(site.dir, "ca", "crl.pem"), os.path.join(site.dir, "keys", "crl.pem"))
    with Client(site, "feed") as client:
        equal("before the list is read", 200, client.post("/v1/reports", report("registered", 1))[0])
    site.hangup()
    until("both gates have read the list", lambda: len(re.findall(r"gate-\w+ reloaded", site.log())) >= 2)
    for listener in site.ports:
        refused_by_tls(site, f"a revoked certificate on {listener}", "feed", "revoked", "revoked", listener)
    with Client(site, "lead", "desk") as client:
        equal("others are let in", 200, client.get("/v1/cases")[0])


def test_open_key(site):
    """A private key that others may read is refused at start, with the remedy."""
    for role in ("gate-feeds", "gate-desk"):
        key = os.path.join(site.dir, "keys", f"{role}.key")
        os.chmod(key, 0o644)
        before, killed = len(site.log()), site.roles()[f"{role}/1"]
        os.kill(killed, 9)
        until(f"{role} refuses", lambda: re.search(f"{role} role_refuses .*may be read by others.*chmod 600", site.log()[before:]))
        os.chmod(key, 0o600)
        until(f"{role} is back", lambda: site.health("feeds" if role == "gate-feeds" else "desk"))
        # On reload the same, and the gate goes on with what it has.
        os.chmod(key, 0o640)
        before = len(site.log())
        os.kill(site.roles()[f"{role}/1"], 1)
        until(f"{role} refuses the reload", lambda: re.search(f"{role} reload_failed .*may be read by others", site.log()[before:]))
        check("the gate goes on", site.health("feeds" if role == "gate-feeds" else "desk"))
        os.chmod(key, 0o600)


def test_apart(site):
    """The feeds' gate has no way to desk's sockets: none in its configuration, none open, none it may connect to."""
    pid = site.roles()["gate-feeds/1"]
    with open(f"/proc/{pid}/fd/3") as file:
        handed = file.read()
    check("the feeds' gate was handed something of desk: " + handed, "gate-feeds" in handed and not re.search(r"^\s*(gate-)?desk\b", handed, re.M))
    sockets = os.path.join(site.run_dir, "desk")
    inodes = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    if shutil.which("ss"):
        mine = {inode[8:-1] for inode in inodes if inode.startswith("socket:")}
        shown = run("ss", "-xnH", "-f", "unix").stdout
        for line in shown.splitlines():
            words = line.split()
            # netid state recv-q send-q local-path local-inode peer-path peer-inode
            check(f"the feeds' gate is connected to desk: {line}", not (len(words) >= 8 and words[4].startswith(sockets) and words[7] in mine))
    if IS_ROOT:
        for name in sorted(os.listdir(sockets)):
            path = os.path.join(sockets, name)
            equal(f"gate-feeds' user at {path}", errno.EACCES, connect_as("cirt-gate-feeds", path))
            equal(f"gate-desk's user at {path}", 0, connect_as("cirt-gate-desk", path))


def connect_as(user, path):
    """The errno of connecting to a worker's socket as that OS user."""
    pid = os.fork()
    if pid == 0:
        try:
            entry = pwd.getpwnam(user)
            os.initgroups(user, entry.pw_gid)
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
            os._exit(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect_ex(path))
        finally:
            os._exit(255)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test(scratch):
    site = Site(scratch)
    os.mkdir(os.path.join(scratch, "more"))
    test_tls(site, scratch)
    equal("reports of those who were refused", [["0"]], site.sql("SELECT count(*) FROM report"))
    test_registry(site, scratch)
    test_roles(site, scratch)
    test_apart(site)
    test_open_key(site)
    test_revoked(site)


main(test)
