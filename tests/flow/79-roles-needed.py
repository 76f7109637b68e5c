#!/usr/bin/env python3
"""Each role does something that stops with it: with the role asleep its flow stands still, and goes on when it wakes."""
import datetime
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import IS_ROOT, SANDBOX, SOURCE, Client, Lmtp, Site, check, equal, mail, main, report, run, until  # noqa: E402

ASLEEP = 2  # seconds: longer than any poll, so that what moves in them moves without the role


class Flows:
    """Each method begins something and returns a function that says whether it has come to its end."""

    def __init__(self, site, other, scratch):
        self.site, self.other, self.scratch, self.number = site, other, scratch, 0

    def text(self):
        self.number += 1
        return f"needed {self.number}"

    @staticmethod
    def in_background(work):
        told = []
        threading.Thread(target=lambda: told.append(work()), daemon=True).start()
        return lambda: bool(told) and told[0]

    def call(self, identity, listener, method, path, body, wanted):
        def work():
            with Client(self.site, identity, listener) as client:
                return client.request(method, path, body, "application/json")[0] == wanted
        return self.in_background(work)

    def gate_feeds(self):
        return self.call(None, "feeds", "GET", "/healthz", None, 200)

    def gate_desk(self):
        return self.call(None, "desk", "GET", "/healthz", None, 200)

    def intake(self):
        return self.call("feed", "feeds", "POST", "/v1/reports", report(self.text(), 1), 201)

    def desk(self):
        return self.call("analyst", "desk", "GET", "/v1/cases", None, 200)

    def deliver(self, sender, message):
        lmtp = Lmtp(self.site)
        reply = lmtp.deliver(sender, message)
        lmtp.close()
        return reply.startswith("250")

    def mail(self):
        return self.in_background(lambda: self.deliver("a@sender.example", mail("a@sender.example", self.text())))

    def fetch(self):
        self.site.cirt("admin", "feed", "add", "needed", "--drop")
        with open(os.path.join(self.scratch, "needed.json"), "wb") as file:
            file.write(report(self.text(), 9))
        # The folder is made by the role itself.
        def work():
            folder = os.path.join(self.site.dir, "drop", "needed")
            until("the folder is there", lambda: os.path.isdir(folder), 60)
            os.rename(os.path.join(self.scratch, "needed.json"), os.path.join(folder, "needed.json"))
            return True
        self.in_background(work)
        return lambda: self.site.sql("SELECT count(*) FROM report r WHERE r.channel = 'drop'") == [["1"]]

    def of_report(self, column, sender, wanted):
        statement = (f"SELECT {column} FROM report r JOIN sender s ON s.id = r.sender_id JOIN report_content c ON c.report_id = r.id "
                     f"LEFT JOIN report_verdict v ON v.report_id = r.id LEFT JOIN report_outcome o ON o.report_id = r.id WHERE s.address = '{sender}' ORDER BY r.id DESC, v.checked DESC LIMIT 1")
        return lambda: self.site.sql(statement) == [[wanted]]

    def decode(self):
        check("mail is taken", self.deliver("decode@sender.example", mail("decode@sender.example", self.text())))
        return self.of_report("c.state", "decode@sender.example", "received")

    def verify(self):
        shown = run("gpg", "--show-keys", "--with-colons", os.path.join(self.other.dir, "team.asc")).stdout
        key = next(line.split(":")[9] for line in shown.splitlines() if line.startswith("fpr"))
        signed = subprocess.run([os.path.join(SOURCE, "packaging", "samples", "send-signed-mail"), "--home", os.path.join(self.other.run_dir, "gnupg-seal"), "--key", key,
                                 "--from", "incident@yy-cert.example", "--to", "incident@xx-cert.example", "--subject", self.text(), "--lmtp", "-",
                                 *(("--as", "cirt-seal") if IS_ROOT else ()), os.path.join(SOURCE, "packaging", "samples", "signed-mail.txt")],
                                stdout=subprocess.PIPE, check=True).stdout
        check("a signed mail is taken", self.deliver("incident@yy-cert.example", signed))
        return self.of_report("v.summary", "incident@yy-cert.example", "verified")

    def seal(self):
        with tempfile.TemporaryDirectory(prefix="cirt-gpg-", dir="/tmp") as home:
            gpg = ("gpg", "--homedir", home, "--batch", "--quiet", "--no-autostart")
            run(*gpg, "--import", os.path.join(self.site.dir, "team.asc"))
            inner = f"Content-Type: text/plain\r\n\r\nHost 203.0.113.9 was seen: {self.text()}\r\n"
            sealed = run(*gpg, "--trust-model", "always", "--armor", "--encrypt", "--recipient", "incident@xx-cert.example", input=inner).stdout
        message = ("From: sealed@sender.example\r\nTo: incident@xx-cert.example\r\nSubject: ...\r\nMessage-ID: <sealed@sender.example>\r\nMIME-Version: 1.0\r\n"
                   'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"\r\n\r\n'
                   "--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n"
                   + sealed.replace("\n", "\r\n") + "\r\n--b--\r\n").encode()
        check("an encrypted mail is taken", self.deliver("sealed@sender.example", message))
        return self.of_report("c.observations > 0", "sealed@sender.example", "t")

    def triage(self):
        text = self.text()
        with Client(self.site, "feed") as client:
            equal("a report is taken", 201, client.post("/v1/reports", report(text, 2))[0])
        statement = f"SELECT o.state FROM report_content c JOIN report_outcome o ON o.report_id = c.report_id WHERE c.description = '{text}'"
        return lambda: self.site.sql(statement) == [["triaged"]]

    def case(self):
        number = until("there is a case", lambda: self.site.cirt_json("lead", "ls", "is:open")["items"])[0]["number"]
        return str(number)

    def share_case(self):
        case = self.case()
        self.site.cirt("lead", "take", case, "--steal", "-m", "to share it", ok=False)
        self.site.cirt("lead", "note", case, "--share", "-m", self.text())
        self.site.cirt("lead", "share", case, "--with", "YY-CERT")
        return case

    def share(self):
        case = self.share_case()
        return lambda: all(share["state"] not in ("planned", "held") for share in self.site.cirt_json("lead", "shares", case)["items"])

    def push(self):
        case = self.share_case()
        return lambda: all(share["state"] in ("acknowledged", "accepted") for share in self.site.cirt_json("lead", "shares", case)["items"])

    def clock(self):
        case = self.case()
        until_ = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.site.cirt("lead", "wait", case, "--for", "the owner", "--until", until_)
        return lambda: self.site.cirt_json("lead", "show", case)["state"] != "waiting"


def test(scratch):
    site, other = Site(scratch, "home", new=("--name", "XX-CERT", "--prefix", "XX-CERT")), Site(scratch, "other", new=("--name", "YY-CERT", "--prefix", "YY-CERT"))
    run(SANDBOX, "link", site.dir, other.dir)
    flows = Flows(site, other, scratch)
    with Client(site, "feed") as client:
        client.post("/v1/reports", report("a case to begin with", 7))
    running = site.roles()
    roles = sorted({name.partition("/")[0] for name in running})
    for role in roles:
        begin = getattr(flows, role.replace("-", "_"), None)
        check(f"nothing shows that {role} is needed", begin)
        asleep = [pid for name, pid in running.items() if name.partition("/")[0] == role]
        for pid in asleep:
            os.kill(pid, signal.SIGSTOP)
        try:
            ended = begin()
            deadline = time.monotonic() + ASLEEP
            while time.monotonic() < deadline:
                check(f"{role} sleeps, and yet its work is done", not ended())
                time.sleep(0.3)
        finally:
            for pid in asleep:
                os.kill(pid, signal.SIGCONT)
        until(f"{role} goes on when it wakes", ended)
        print(f"{role}: needed")
    equal("no role was started anew", running, site.roles())


main(test)
