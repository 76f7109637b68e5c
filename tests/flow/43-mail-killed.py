#!/usr/bin/env python3
"""decode, verify and seal are killed -9 again and again in the middle of a hundred mails: each is judged rightly and triaged once, and soon."""
import collections
import hashlib
import os
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import Site, check, equal, main, run, stored_once, triaged_once, until  # noqa: E402

COUNT = 100
SENDER = "incident@yy-cert.example"
# The lease of a claimed row, the wait of the supervisor, and a slow machine.
SOON = 45
QUEUES = {"decode": "inbox", "verify": "to_verify", "seal": "to_open"}


class Keys:
    """The peer's GnuPG home."""

    def __init__(self, site):
        self.home = tempfile.mkdtemp(prefix="cirt-gpg-", dir="/tmp")
        self.gpg(None, "--quick-gen-key", f"YY-CERT <{SENDER}>", "ed25519", "sign", "never")
        self.ours = site.env["openpgp"]
        with open(os.path.join(site.dir, "team.asc"), "rb") as file:
            self.gpg(file.read(), "--import")

    def gpg(self, data, *options):
        command = ["gpg", "--homedir", self.home, "--batch", "--quiet", "--no-tty", "--passphrase", "", "--pinentry-mode", "loopback",
                   "--trust-model", "always", *options]
        return subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout

    def close(self):
        run("gpgconf", "--homedir", self.home, "--kill", "gpg-agent", ok=False)
        shutil.rmtree(self.home)


def mail(keys, number):
    """(Message-ID, bytes, the summary it must get): in turn plain, signed, signed and encrypted."""
    name = f"m{number}@yy-cert.example"
    head = f"From: {SENDER}\r\nTo: incident@xx-cert.example\r\nSubject: mail {number}\r\nMessage-ID: <{name}>\r\nMIME-Version: 1.0\r\n"
    text = f"Content-Type: text/plain\r\n\r\nThe host 198.51.100.{number} sends spam.\r\n"
    if number % 3 == 0:
        return name, (head + text).encode(), "unprotected"
    if number % 3 == 1:
        proof = keys.gpg(text.encode(), "--armor", "--detach-sign").decode().replace("\n", "\r\n")
        body = ('Content-Type: multipart/signed; micalg=pgp-sha512; protocol="application/pgp-signature"; boundary=s\r\n\r\n'
                f"--s\r\n{text}\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\n{proof}\r\n--s--\r\n")
        return name, (head + body).encode(), "verified"
    sealed = keys.gpg(text.encode(), "--armor", "--sign", "--recipient", keys.ours, "--encrypt").decode().replace("\n", "\r\n")
    body = ('Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=e\r\n\r\n--e\r\n'
            "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--e\r\n"
            f"Content-Type: application/octet-stream\r\n\r\n{sealed}\r\n--e--\r\n")
    return name, (head + body).encode(), "verified"


def deliver(site, mails):
    with smtplib.LMTP(site.env["CIRT_LMTP"]) as mta:
        for _, bytes_, _ in mails:
            mta.sendmail(SENDER, ["incident@xx-cert.example"], bytes_)


def kill_at_work(site, role):
    """Kills it while rows are claimed; false where there is nothing left for it to do."""
    while True:
        waiting, claimed = map(int, site.sql(f"SELECT count(*), count(*) FILTER (WHERE attempts > 0) FROM {QUEUES[role]} WHERE failed IS NULL")[0])
        if waiting == 0:
            return False
        process = site.roles().get(role + "/1")
        if claimed and process:
            os.kill(process, signal.SIGKILL)
            return True
        time.sleep(0.01)


def lots(site, keys, mails):
    """All mails wait before one stage at a time, so that it is killed with work in hand; then the next has them."""
    kills = collections.Counter()
    frozen = {role: site.roles()[role + "/1"] for role in QUEUES}
    for process in frozen.values():
        os.kill(process, signal.SIGSTOP)
    deliver(site, mails)
    for role, process in frozen.items():
        # What the stage before it had in hand when it was killed comes when the lease ends.
        until(f"{role} has work", lambda: site.sql(f"SELECT count(*) > 0 FROM {QUEUES[role]}")[0][0] == "t", SOON)
        os.kill(process, signal.SIGCONT)
        while kills[role] < 3 and kill_at_work(site, role):
            kills[role] += 1
            until(f"{role} runs again", lambda: site.roles().get(role + "/1"))
    return kills


def test(scratch):
    site = Site(scratch)
    keys = Keys(site)
    try:
        armoured = os.path.join(scratch, "peer.asc")
        with open(armoured, "wb") as file:
            file.write(keys.gpg(None, "--armor", "--export", SENDER))
        site.cirt("admin", "peer", "add", "YY-CERT", "--title", "YY-CERT", "--url", "https://127.0.0.1:9", "--rid-url", "https://127.0.0.1:9/",
                  "--issuer-name", "YY-CERT", "--ca", os.path.join(site.dir, "ids", "ca.crt"), "--key", "0" * 63 + "1", "--mail", SENDER,
                  "--openpgp", armoured)
        asked = site.cirt_json("lead", "key", "ls", "asked")["items"][0]["fingerprint"]
        site.cirt("lead", "key", "pin", asked, "--peer", "YY-CERT", "--yes")
        mails = [mail(keys, number) for number in range(COUNT)]
    finally:
        keys.close()

    kills = lots(site, keys, mails)
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
    equal("what was opened", [[str(sum(number % 3 == 2 for number in range(COUNT)))]], site.sql("SELECT count(*) FROM report_clear WHERE bytes IS NOT NULL"))
    equal("set aside", [["0"]], site.sql("SELECT " + " + ".join(f"(SELECT count(*) FROM {queue} WHERE failed IS NOT NULL)" for queue in QUEUES.values())))
    equal("cases by mail", COUNT, len({item["case"] for item in site.cirt_json("lead", "report", "ls", "channel:mail", "--limit", "500")["items"]}))


main(test)
