#!/usr/bin/env python3
"""Each role is killed -9 in turn under load, then the supervisor: all is mended, and what was acknowledged is there exactly once."""
import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import Load, Site, check, main, stored_once, triaged_once, until  # noqa: E402


def test(scratch):
    site = Site(scratch)
    names = sorted(site.roles())
    print("roles:", *names)
    load = Load(site)
    load.start(Load.single, 12, "feed")
    load.start(Load.single, 4, "analyst")
    load.start(Load.lines, 10, "feed", 100)
    load.start(Load.lines, 4, "lead", 100)
    load.start(Load.mails, 3)
    load.progresses(1000)

    for name in names:
        until("1,000 reports are outstanding", lambda: load.waiting() >= 1000)
        killed = site.roles().get(name)
        check(f"{name} does not run", killed)
        os.kill(killed, signal.SIGKILL)
        until(f"{name} runs again", lambda: site.roles().get(name, killed) != killed)
        load.progresses(500)
    site.settled(len(names))

    # The supervisor: its roles must not outlive it, and the next start finds everything free.
    roles = site.roles()
    until("1,000 reports are outstanding", lambda: load.waiting() >= 1000)
    os.kill(site.supervisor(), signal.SIGKILL)
    for name, pid in roles.items():
        until(f"{name} ends with the supervisor", lambda: not os.path.exists(f"/proc/{pid}"))
    site.start()
    load.progresses(1000)

    acknowledged = load.finish()
    stored_once(site, acknowledged, load)
    triaged_once(site)


main(test)
