#!/usr/bin/env python3
"""Mail that leaves is killed at every point: seal in the middle of sixty mails, push at each word of SMTP, PostgreSQL between the MTA's last word and
its record. Every mail arrives, none twice; but where the MTA had said yes and nobody was left to hear it, the copy has the same Message-ID."""
import collections
import email
import json
import os
import signal
import socketserver
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import Client, Site, check, equal, main, until  # noqa: E402

COUNT = 60


class Mta(socketserver.ThreadingTCPServer):
    """An MTA as push sees it. Stops before an answer where it is told to, until it is let go, or breaks off there; `kept` is what it has."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Talk)
        self.kept, self.stop_at, self.break_at, self.reached, self.go = [], None, None, threading.Event(), threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def at(self, word):
        if self.stop_at == word:
            self.stop_at = None
            self.reached.set()
            self.go.wait(60)
        if self.break_at == word:
            self.break_at = None
            raise OSError("broken off")

    def stop_before(self, word):
        self.reached.clear()
        self.go.clear()
        self.stop_at = word


class Talk(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        try:
            self.talk()
        except OSError:
            pass

    def talk(self):
        self.server.at("greeting")
        self.say("220 mta")
        while line := self.rfile.readline():
            word = line.split()[0].upper().decode() if line.split() else ""
            if word == "QUIT":
                return self.say("221 bye")
            self.server.at(word)
            if word != "DATA":
                self.say("250 ok")
                continue
            self.say("354 go on")
            data = b""
            while not data.endswith(b"\r\n.\r\n"):
                more = self.rfile.readline()
                if not more:
                    return None
                data += more
            self.server.at("end")
            self.server.kept.append(email.message_from_bytes(data)["Message-ID"])
            self.server.at("kept")
            self.say("250 2.0.0 kept")
        return None


def ids(site, where="true"):
    return [f"<{row[0]}>" for row in site.sql(f"SELECT message_id FROM mail WHERE message_id IS NOT NULL AND {where}")]


def post(client, path, body, wanted, revision=None):
    status, _, answer = client.post(path, json.dumps(body), headers={"If-Match": f'"{revision}"'} if revision else None)
    equal(f"{path} {answer!r}", wanted, status)
    return json.loads(answer)


def send(client, case, what):
    draft = post(client, f"/v1/cases/{case}/mails", {"occasion": "mail", "to": ["a@out.example", "b@out.example"], "tlp": "green", "text": f"mail {what}"}, 201)
    post(client, f"/v1/mails/{draft['id']}/send", {}, 200, draft["revision"])


def all_sent(site):
    return site.sql("SELECT count(*) FROM mail WHERE state <> 'sent'") == [["0"]]


def kill(site, role):
    pid = site.roles().get(role + "/1")
    if pid:
        os.kill(pid, signal.SIGKILL)
    until(f"{role} runs again", lambda: site.roles().get(role + "/1", pid) != pid)


def seal_is_killed(site, client, case, mta):
    frozen = site.roles()["seal/1"]
    os.kill(frozen, signal.SIGSTOP)
    for number in range(COUNT):
        send(client, case, number)
    os.kill(frozen, signal.SIGCONT)
    kills = 0
    while not all_sent(site):
        if kills < 8 and site.sql("SELECT count(*) FROM to_sign WHERE attempts > 0") != [["0"]]:
            kill(site, "seal")
            kills += 1
        time.sleep(0.02)
    check("seal was not killed at work", kills > 0)
    print("seal killed", kills, "times at work")
    equal("every mail once", collections.Counter(ids(site)), collections.Counter(mta.kept))


def push_is_killed(site, client, case, mta):
    for word in ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "end"):
        before = len(mta.kept)
        kill(site, "push")  # its connection is gone: the next begins with a greeting
        mta.stop_before(word)
        send(client, case, word)
        check(f"push never came to {word}", mta.reached.wait(60))
        kill(site, "push")
        mta.go.set()
        until(f"the mail arrives, killed before the answer to {word}", lambda: all_sent(site), 60)
        # At the end of the data it may be that this MTA keeps it though nobody hears its answer; else it has it once.
        copies = mta.kept[before:]
        equal(f"one mail, killed before the answer to {word}", 1, len(set(copies)))
        check(f"{len(copies)} copies, killed before the answer to {word}", len(copies) == 1 or word == "end")


def database_goes(site, client, case, mta):
    """The MTA said yes, the database is away: what push knows is recorded when it is back, and not said again."""
    before = len(mta.kept)
    mta.stop_before("kept")
    send(client, case, "away")
    check("push never came to the end", mta.reached.wait(60))
    site.pg_ctl("stop", "-m", "fast")
    mta.go.set()
    time.sleep(2)
    site.pg_ctl("start")
    until("the mail is sent", lambda: all_sent(site), 60)
    equal("the MTA has it once", 1, len(mta.kept) - before)
    check("recorded late", "mail_recorded_late" in site.log())


def the_mta_breaks_off(site, client, case, mta):
    """Before its last word, once without the mail and once with it: the same again, until it is heard."""
    for word, copies in (("end", 1), ("kept", 2)):
        before = len(mta.kept)
        mta.break_at = word
        send(client, case, "broken off")
        until("the mail is sent", lambda: all_sent(site), 60)
        equal("copies", copies, len(mta.kept) - before)
        equal("one mail", 1, len(set(mta.kept[before:])))


def test(scratch):
    mta = Mta()
    site = Site(scratch, start=False, new=("--smtp", f"smtp://127.0.0.1:{mta.server_address[1]}"))
    with open(site.config) as file:
        text = file.read()
    with open(site.config, "w") as file:
        file.write(text.replace("outgoing {", "outgoing {\n    recall_s = 0"))
    site.start()
    with Client(site, "lead", "desk") as client:
        case = post(client, "/v1/cases", {"summary": "to be told", "class": "phishing", "tlp": "green"}, 201)["number"]
        seal_is_killed(site, client, case, mta)
        push_is_killed(site, client, case, mta)
        the_mta_breaks_off(site, client, case, mta)
        database_goes(site, client, case, mta)
    check("a deadlock", "deadlock" not in site.log())


main(test)
