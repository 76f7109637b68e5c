#!/usr/bin/env python3
"""decode, verify and seal are killed -9 again and again in the middle of a hundred mails of every depth: each is judged rightly and triaged once, and soon."""
import collections
import hashlib
import os
import signal
import smtplib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
import protected_mail as pm  # noqa: E402
from testsite import CA, Site, check, equal, main, stored_once, triaged_once, until  # noqa: E402

COUNT = 102
SENDER = "incident@yy-cert.example"
# The lease of a claimed row, the wait of the supervisor, and a slow machine.
SOON = 45
QUEUES = {"decode": "inbox", "verify": "to_verify", "seal": "to_open"}
# How often a mail of each form goes round: layers that somebody opens.
LAYERS = {"plain": 0, "signed": 0, "combined": 1, "triple": 1, "opaque": 1, "enveloped": 1, "opaque in enveloped in opaque": 3}


class Sender:
    """The peer's keys, and what it sends with them."""

    def __init__(self, site, scratch):
        self.gpg = pm.Gpg()
        self.gpg.make("YY-CERT", SENDER, encrypts=None)
        self.team = self.gpg.take(os.path.join(site.dir, "team.asc"))
        self.certificate = os.path.join(site.dir, "team.crt")
        self.smime = pm.Smime(CA, os.path.join(site.dir, "smime-ca"), os.path.join(scratch, "smime"))
        self.smime.issue("yy", SENDER)

    def entity(self, form, text):
        gpg, smime = self.gpg, self.smime
        if form == "plain":
            return text
        if form == "signed":
            return gpg.signed("YY-CERT", text)
        if form == "combined":
            return gpg.sealed(self.team, text, "YY-CERT")
        if form == "triple":
            return gpg.signed("YY-CERT", gpg.sealed(self.team, gpg.signed("YY-CERT", text, "s2")))
        if form == "opaque":
            return smime.opaque("yy", text)
        if form == "enveloped":
            return smime.sealed(self.certificate, smime.signed("yy", text))
        return smime.opaque("yy", smime.sealed(self.certificate, smime.opaque("yy", text)))

    def mail(self, number):
        """(Message-ID, bytes, the summary it must get)"""
        form = list(LAYERS)[number % len(LAYERS)]
        name = f"m{number}@yy-cert.example"
        text = f"Content-Type: text/plain\r\n\r\nThe host 198.51.100.{number} sends spam.\r\n".encode()
        return name, pm.head(SENDER, name) + self.entity(form, text), "unprotected" if form == "plain" else "verified"


def deliver(site, mails):
    with smtplib.LMTP(site.env["CIRT_LMTP"]) as mta:
        for _, bytes_, _ in mails:
            mta.sendmail(SENDER, ["incident@xx-cert.example"], bytes_)


def processes(site, role):
    return [process for name, process in site.roles().items() if name.partition("/")[0] == role]


class Barrier:
    """Holds the lock that each writer of a report takes, for all that wait before a role: it claims and works, and cannot write."""

    def __init__(self, site, role):
        self.session = subprocess.Popen(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], env=site.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.session.stdin.write(f"SELECT count(pg_advisory_lock(20260104, report_id::int)) FROM {QUEUES[role]} WHERE failed IS NULL;\n")
        self.session.stdin.flush()
        check("nothing waits that could be locked", int(self.session.stdout.readline()))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.session.communicate()


def kill_at_work(site, role, count):
    """Kills all of it while rows are claimed; false where there is nothing left for it to do."""
    while True:
        waiting, claimed = map(int, site.sql(f"SELECT count(*), count(*) FILTER (WHERE attempts > 0) FROM {QUEUES[role]} WHERE failed IS NULL")[0])
        if waiting == 0:
            return False
        running = processes(site, role)
        if claimed and len(running) == count:
            for process in running:
                os.kill(process, signal.SIGKILL)
            return True
        time.sleep(0.01)


def lots(site, mails):
    """All mails wait before one stage at a time, so that it is killed with work in hand; then the next has them."""
    kills = collections.Counter()
    frozen = {role: processes(site, role) for role in QUEUES}
    for running in frozen.values():
        for process in running:
            os.kill(process, signal.SIGSTOP)
    deliver(site, mails)
    for role, running in frozen.items():
        # What the stage before it had in hand when it was killed comes when the lease ends.
        until(f"{role} has work", lambda: site.sql(f"SELECT count(*) > 0 FROM {QUEUES[role]}")[0][0] == "t", SOON)
        # Once for certain with all its work in hand; then wherever it happens to be.
        with Barrier(site, role):
            for process in running:
                os.kill(process, signal.SIGCONT)
            kills[role] += kill_at_work(site, role, len(running))
        while kills[role] < 3:
            until(f"{role} runs again", lambda: len(processes(site, role)) == len(running))
            if not kill_at_work(site, role, len(running)):
                break
            kills[role] += 1
    return kills


def test(scratch):
    site = Site(scratch)
    sender = Sender(site, scratch)
    try:
        armoured = os.path.join(scratch, "peer.asc")
        with open(armoured, "wb") as file:
            file.write(sender.gpg.export("YY-CERT"))
        site.cirt("admin", "peer", "add", "YY-CERT", "--title", "YY-CERT", "--url", "https://127.0.0.1:9", "--rid-url", "https://127.0.0.1:9/",
                  "--issuer-name", "YY-CERT", "--ca", os.path.join(site.dir, "ids", "ca.crt"), "--key", "0" * 63 + "1", "--mail", SENDER,
                  "--openpgp", armoured)
        asked = site.cirt_json("lead", "key", "ls", "asked")["items"][0]["fingerprint"]
        site.cirt("lead", "key", "pin", asked, "--peer", "YY-CERT", "--yes")
        mails = [sender.mail(number) for number in range(COUNT)]
    finally:
        sender.gpg.close()

    kills = lots(site, mails)
    last = time.monotonic()
    print("killed at work:", dict(kills))
    for role in QUEUES:
        check(f"{role} was never killed at work", kills[role])
    until("every mail is judged and triaged", lambda: int(site.sql("SELECT count(*) FROM report_outcome")[0][0]) == COUNT, SOON)
    print(f"all judged and triaged {time.monotonic() - last:.1f} s after the last kill")

    stored_once(site, {(SENDER, hashlib.sha256(bytes_).hexdigest()) for _, bytes_, _ in mails})
    triaged_once(site)
    summaries = {row[0]: row[1] for row in site.sql(
        "SELECT c.reference, v.summary FROM report_content c JOIN report_verdict v USING (report_id)")}
    equal("verdicts", {name: summary for name, _, summary in mails}, summaries)
    equal("verdicts, one a mail", [[str(COUNT)]], site.sql("SELECT count(*) FROM report_verdict"))
    layers = list(LAYERS.values())
    equal("what was opened", [[str(sum(layers[number % len(layers)] for number in range(COUNT)))]], site.sql("SELECT count(*) FROM report_clear WHERE bytes IS NOT NULL"))
    equal("set aside", [["0"]], site.sql("SELECT " + " + ".join(f"(SELECT count(*) FROM {queue} WHERE failed IS NOT NULL)" for queue in QUEUES.values())))
    equal("cases by mail", COUNT, len({item["case"] for item in site.cirt_json("lead", "report", "ls", "channel:mail", "--limit", "500")["items"]}))


main(test)
