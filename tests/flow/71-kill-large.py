#!/usr/bin/env python3
"""intake, decode and triage are killed -9 in the middle of large documents, pushed and from a drop folder: with its sender's retries each row is there once."""
import os
import signal
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import BROKEN, IS_ROOT, Client, Site, check, digest, equal, main, stored_once, triaged_once, until  # noqa: E402

ROWS = 12000
KILLS = 2 if IS_ROOT else 1  # what a killed stage had taken comes back when its lease ends, which only root can bring forward


def document(number):
    lines = ['"timestamp","severity","ip","protocol","port"']
    lines += [f'"2026-11-20 00:00:00","high","10.{number}.{row // 250}.{row % 250}","tcp",{row % 60000 + 1}' for row in range(ROWS)]
    return "\n".join(lines).encode() + b"\n"


def name(number):
    return f"2026-11-20-scan_smb-asn{number}.csv"


class Sender:
    """Pushes documents one after the other, each until it is acknowledged."""

    def __init__(self, site):
        self.site, self.retries, self.acknowledged, self.faults = site, 0, {}, []
        self.is_sending, self.ending = False, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        for number in range(100):
            if self.ending.is_set():
                return
            body = document(number)
            self.is_sending = True
            while (status := self.push(number, body)) not in (200, 201):
                if status not in (0, 429, 500, 502, 503):
                    self.faults.append(f"document {number}: {status}")
                    return
                self.retries += 1
                time.sleep(0.1)
            self.is_sending = False
            self.acknowledged[("feed", digest(body))] = 1

    def push(self, number, body):
        try:
            with Client(self.site, "feed") as client:
                return client.post(f"/v1/reports?name={name(number)}", body, "text/csv")[0]
        except BROKEN:
            return 0


class Folder:
    """Gets a file whenever the one before is taken."""

    def __init__(self, site):
        site.cirt("admin", "feed", "add", "box", "--drop")
        self.path, self.names, self.acknowledged = os.path.join(site.dir, "drop", "box"), [], {}
        until("the folder is there", lambda: os.path.isdir(self.path))

    def is_taken(self):
        done = os.path.join(self.path, "done")
        return sorted(os.listdir(done) if os.path.isdir(done) else []) == sorted(self.names)

    def put(self):
        number = 100 + len(self.names)
        body, part = document(number), os.path.join(self.path, ".part")
        with open(part, "wb") as file:
            file.write(body)
        self.names.append(name(number))
        os.rename(part, os.path.join(self.path, self.names[-1]))
        self.acknowledged[("box", digest(body))] = 1


class Killer:
    def __init__(self, site, sender):
        self.site = site
        # When a role is in the middle of a document.
        self.is_busy = {"decode": lambda: site.sql("SELECT count(*) FROM inbox WHERE attempts > 0 AND failed IS NULL") != [["0"]],
                        "triage": lambda: site.sql("SELECT count(*) FROM to_triage WHERE attempts > 0 AND failed IS NULL") != [["0"]],
                        "intake": lambda: sender.is_sending}
        self.left = dict.fromkeys(self.is_busy, KILLS)

    def kill(self, role):
        killed = {name: pid for name, pid in self.site.roles().items() if name.startswith(role + "/")}
        for pid in killed.values():
            os.kill(pid, signal.SIGKILL)
        self.left[role] -= 1
        until(f"{role} runs again", lambda: len([n for n, pid in self.site.roles().items() if n.startswith(role + "/") and killed.get(n) != pid]) == len(killed))
        for queue in ("inbox", "to_triage") if IS_ROOT else ():
            self.site.super_sql(f"UPDATE cirt.{queue} SET not_before = now() WHERE not_before > now() AND failed IS NULL")

    def step(self):
        for role, left in self.left.items():
            if left and self.is_busy[role]():
                time.sleep(0.1)
                self.kill(role)
        return not any(self.left.values())


def test(scratch):
    site = Site(scratch)
    count = len(site.roles())
    folder, sender = Folder(site), Sender(site)
    killer = Killer(site, sender)

    def step():
        if killer.left["decode"] and folder.is_taken() and not killer.is_busy["decode"]():
            folder.put()
        return killer.step()

    until(f"each role is killed {KILLS} times at work", step)
    sender.ending.set()
    sender.thread.join()
    check(f"faults: {sender.faults}", not sender.faults)
    check("no push was broken off", sender.retries)
    site.settled(count)

    until("the files are put away", folder.is_taken)
    until("they are decoded", lambda: site.sql("SELECT count(*) FROM inbox") == [["0"]])
    acknowledged = {**sender.acknowledged, **folder.acknowledged}
    stored_once(site, acknowledged)
    triaged_once(site)
    total = str(len(acknowledged) * ROWS)
    equal("rows, and their addresses", [[total, total]], site.sql("SELECT count(*), count(DISTINCT addr) FROM sighting WHERE type = 1"))
    equal("rows in cases", [[total]], site.sql("SELECT sum(observations) FROM case_tally"))
    print(f"{len(sender.acknowledged)} pushed, {len(folder.names)} dropped, {total} rows, {sender.retries} retries")


main(test)
