#!/usr/bin/env python3
"""The disk fills up: feeds are refused first, then mail, analysts' reports last, their work never; with room again all goes on by itself."""
import json
import os
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import SOURCE, Client, Lmtp, Site, check, equal, mail, main, report, until  # noqa: E402

SAMPLE = os.path.join(SOURCE, "packaging", "samples", "2026-11-20-event4_sinkhole_http-xx_cert.csv")
NO_ROOM = "/proc"  # a file system without a free block


class Disk:
    """What the site takes for PostgreSQL's disk: a link, to a place with room or to one without."""

    def __init__(self, site, scratch):
        self.site, self.link, self.room = site, os.path.join(scratch, "disk"), os.path.join(site.dir, "db")
        self.point(self.room)
        with open(site.config) as file:
            self.text = file.read().replace(f'data = "{self.room}"', f'data = "{self.link}"')

    def point(self, place):
        os.symlink(place, self.link + ".new")
        os.rename(self.link + ".new", self.link)

    def reserve(self, megabytes):
        with open(self.site.config, "r+") as file:
            file.truncate()
            file.write(self.text.replace("reserve_mb = 200", f"reserve_mb = {megabytes}"))

    def free(self):
        status = os.statvfs(self.room)
        return status.f_bavail * status.f_frsize // 1024 // 1024


def sent(site, mark):
    """What a feed, a mail and an analyst are told who come with something."""
    with Client(site, "feed") as client:
        feed = client.post("/v1/reports", report(f"{mark} feed", 1))
    lmtp = Lmtp(site)
    letter = lmtp.deliver("a@sender.example", mail("a@sender.example", f"{mark} mail"))
    lmtp.close()
    with Client(site, "analyst") as client:
        analyst = client.post("/v1/reports", report(f"{mark} analyst", 2))
    for what, answer in (("feed", feed), ("analyst", analyst)):
        if answer[0] == 503:
            check(f"{what}: when to try again", int(answer[1]["Retry-After"]) > 0)
            check(f"{what}: why", b"no space" in answer[2])
    return feed[0], letter[:9], analyst[0]


def works(site):
    """Whoever is there to make room, and to go on, can."""
    site.cirt("analyst", "take", "1")
    site.cirt("analyst", "note", "1", "-m", "a note while the disk is full")
    site.cirt("analyst", "unassign", "1")
    check("the case is shown", "a note while the disk is full" in site.cirt("analyst", "show", "1").stdout)


def doctor(site):
    with Client(site, "lead", "desk") as client:
        return next(line for line in json.loads(client.get("/v1/doctor")[2])["checks"] if line["name"] == "disk")


def test(scratch):
    site = Site(scratch, start=False)
    disk = Disk(site, scratch)
    disk.reserve(8)
    site.start()
    equal("with room", (201, "250 2.0.0", 201), sent(site, "before"))
    until("there is a case", lambda: site.cirt_json("lead", "ls")["items"])
    equal("all is well", True, doctor(site)["ok"])
    for level, (share, wanted, who) in enumerate((
            (1.5, (503, "250 2.0.0", 201), "feeds are refused"), (3, (503, "452 4.3.1", 201), "feeds and mail are refused"),
            (8, (503, "452 4.3.1", 503), "analysts' reports are refused"))):
        site.stop()
        disk.reserve(int(disk.free() * share) + 2)
        site.start()
        equal(f"level {level}", wanted, sent(site, f"level {level}"))
        works(site)
        check(f"level {level}: the doctor tells who", not doctor(site)["ok"] and who in doctor(site)["hint"])
    # Full, and room again, without anybody doing anything here.
    site.stop()
    disk.reserve(8)
    site.start()
    site.cirt("admin", "feed", "add", "dropper", "--drop", "--format", "shadowserver")
    folder = os.path.join(site.dir, "drop", "dropper")
    until("the folder is there", lambda: os.path.isdir(folder))
    disk.point(NO_ROOM)
    equal("full", (503, "452 4.3.1", 503), sent(site, "full"))
    shutil.copy(SAMPLE, folder)
    told = site.log().count("disk_nearly_full")
    for i in range(50):
        with Client(site, "feed") as client:
            equal("still full", 503, client.post("/v1/reports", report(f"again {i}", 1))[0])
    works(site)
    check("not a line in the log each", site.log().count("disk_nearly_full") - told < 10)
    equal("the file waits", [os.path.basename(SAMPLE)], os.listdir(folder))
    until("the feed says so", lambda: "its files wait" in site.cirt("lead", "feed", "show", "dropper").stdout)
    os.remove(os.path.join(folder, os.path.basename(SAMPLE)))
    until("nothing waits when it was taken out of the folder", lambda: "its files wait" not in site.cirt("lead", "feed", "show", "dropper").stdout)
    shutil.copy(SAMPLE, folder)
    until("it says so again", lambda: "its files wait" in site.cirt("lead", "feed", "show", "dropper").stdout)
    disk.point(disk.room)
    equal("room again", (201, "250 2.0.0", 201), sent(site, "full"))
    until("the file is taken", lambda: os.path.exists(os.path.join(folder, "done", os.path.basename(SAMPLE))))
    check("it no longer says so", "its files wait" not in site.cirt("lead", "feed", "show", "dropper").stdout)
    # What cannot be looked at refuses nobody, and is told.
    disk.point(os.path.join(scratch, "nowhere"))
    equal("nobody is refused", (201, "250 2.0.0", 201), sent(site, "nowhere"))
    check("the doctor tells", not doctor(site)["ok"] and "cannot be looked at" in doctor(site)["text"])


main(test)
