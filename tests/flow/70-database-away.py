#!/usr/bin/env python3
"""PostgreSQL is stopped, and crashes, in the middle of a load, and comes back: what was acknowledged is there exactly once."""
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import Client, Load, Lmtp, Site, equal, mail, main, report, stored_once, triaged_once, until  # noqa: E402


def test(scratch):
    site = Site(scratch)
    roles = site.roles()
    load = Load(site)
    load.start(Load.single, 8, "feed")
    load.start(Load.single, 4, "analyst")
    load.start(Load.lines, 8, "feed", 100)
    load.start(Load.lines, 4, "lead", 100)
    load.start(Load.mails, 2)
    load.progresses(1000)

    for mode in ("fast", "immediate"):
        until("1,000 reports are outstanding", lambda: load.waiting() >= 1000)
        site.pg_ctl("stop", "-m", mode)
        with Client(site, "analyst2") as client:
            answer = client.post("/v1/reports", report(f"while away {mode}", 1))
            equal("a report while the database is away", 503, answer[0])
            equal("when to try again is said", True, int(answer[1]["Retry-After"]) > 0)
        lmtp = Lmtp(site)
        equal("a mail while the database is away", "451", lmtp.deliver("away@sender.example", mail("away@sender.example", "away"))[:3])
        lmtp.close()
        time.sleep(1)
        site.pg_ctl("start")
        load.progresses(2000)

    acknowledged = load.finish()
    equal("the roles outlived it", roles, site.roles())
    stored_once(site, acknowledged, load)
    triaged_once(site)


main(test)
