#!/usr/bin/env python3
"""Feeds that are fetched: a document over HTTPS (ETag, gzip, the rest of what broke off, redirects, waits, credentials, client certificates) and TAXII 2.1 collections that page by
`next` and by date, each object stored once although the server and the role die in the middle."""
import http.server
import json
import os
import signal
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import CA, IS_ROOT, SOURCE, Site, check, equal, main, run, until  # noqa: E402
from feed_server import TAXII, serve, stix_object  # noqa: E402

SAMPLE = os.path.join(SOURCE, "packaging", "samples", "2026-11-20-event4_sinkhole_http-xx_cert.csv")


class Fetched:
    def __init__(self, site, server):
        self.site, self.server, self.feed = site, server, server.feed
        self.base = f"https://127.0.0.1:{server.server_port}"

    def add(self, name, *words):
        self.site.cirt("admin", "feed", "add", name, *words, "--ca", os.path.join(self.site.dir, "ca", "ca.crt"))

    def run(self, name, ok=True):
        return self.site.cirt("lead", "feed", "run", name, "--wait", ok=ok)

    def show(self, name):
        return self.site.cirt_json("lead", "feed", "show", name)

    def reports(self, name):
        """[[id, size], ...] of what a feed brought, in order."""
        return self.site.sql(f"SELECT r.id, r.size FROM report r JOIN sender s ON s.id = r.sender_id JOIN identity i ON i.id = s.identity_id WHERE i.login = '{name}' ORDER BY r.id")

    def raw(self, number):
        return run("bash", "-c", '. "$1/env"; cirt --profile lead report raw "r$2" | sha256sum', "-", self.site.dir, number).stdout.split()[0]

    def asked(self):
        with self.feed.lock:
            requests, self.feed.requests = self.feed.requests, []
        return requests

    def credentials(self, name, text, mode=0o600):
        path = os.path.join(self.site.dir, "credentials", name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        if IS_ROOT:
            run("chown", "cirt-fetch:", path)


def other_rows(sample):
    """Of the same columns, some 300 kB, and other ones each time."""
    header, *rows = sample.splitlines(keepends=True)
    size = 1 + 300000 // len(sample)
    return header + b"".join(row.replace(b"198.51.100.", b"100.%d.%d." % (64 + os.urandom(1)[0] % 64, os.urandom(1)[0])) for row in rows * size)


def https(f):
    with open(SAMPLE, "rb") as file:
        sample = file.read()
    f.feed.document = sample
    f.add("list", "--https", f"{f.base}/list.csv", "--every", "1d", "--format", "shadowserver", "--tlp", "green")
    until("a new feed is fetched at once", lambda: f.reports("list"))
    until("it was fetched", lambda: f.show("list")["fetched"])
    number = f.reports("list")[0][0]
    shown = f.site.cirt_json("lead", "report", "show", "r" + number)
    equal("its channel, assurance and label", ("poll", "certificate", "green"), (shown["channel"], shown["assurance"], shown["tlp"]))
    equal("its bytes", f.raw(number), __import__("hashlib").sha256(sample).hexdigest())
    until("its rows are counted", lambda: f.show("list")["rows"] == 214)
    check("the next time is a day away", f.show("list")["next"] > f.show("list")["fetched"])
    f.asked()
    # Nothing new: 304, and nothing is stored.
    check("and that is said", "nothing new" in f.run("list").stdout)
    equal("what we have is named", '"1"', f.asked()[0]["headers"].get("If-None-Match"))
    equal("and nothing was stored", 1, len(f.reports("list")))
    # New, and packed by the server: stored as it is.
    f.feed.document, f.feed.etag, f.feed.packed = sample.replace(b"198.51.100.", b"203.0.113."), '"2"', True
    check("what is new is said to be", "was fetched" in f.run("list").stdout)
    number = f.reports("list")[1][0]
    equal("unpacked", f.raw(number), __import__("hashlib").sha256(f.feed.document).hexdigest())
    # The same document without ETag is known by its digest.
    f.feed.etag = '"3"'
    f.run("list")
    equal("the same bytes once", 2, len(f.reports("list")))
    # Breaks in the middle: the rest is asked for, packed or not, and a document that changed meanwhile begins anew.
    for packed, etag, breaks in ((False, '"4"', 1), (True, '"5"', 2)):
        f.asked()
        f.feed.document, f.feed.etag, f.feed.packed = other_rows(sample), etag, packed
        f.feed.faults += ["break"] * breaks
        f.run("list")
        ranges = [r["headers"].get("Range") for r in f.asked()]
        equal("the whole, then the rest", (None, breaks), (ranges[0], sum(r is not None for r in ranges)))
        number = f.reports("list")[-1][0]
        equal("put together right", f.raw(number), __import__("hashlib").sha256(f.feed.document).hexdigest())
    equal("nothing is left of it", [], os.listdir(os.path.join(f.site.dir, "fetch")))
    # Told to wait: not before.
    f.feed.faults.append("wait")
    f.run("list", ok=False)
    shown = f.show("list")
    check("it says why", "asks to wait" in shown["error"])
    equal("it is heard, and counted", ("waiting", 1), (shown["state"], shown["failures"]))
    f.run("list")
    # Failures: told, counted, and a notice after the third.
    for i in range(3):
        f.feed.faults.append("error")
        f.run("list", ok=False)
    shown = f.show("list")
    equal("failing", ("failing", 3), (shown["state"], shown["failures"]))
    f.run("list")
    shown = f.show("list")
    equal("well again", (0, None), (shown["failures"], shown["error"]))
    check("what was failing is not any more", shown["state"] not in ("failing", "failed"))
    # Its quota of this hour is used up: said at once.
    f.site.cirt("admin", "feed", "set", "list", "--documents-per-hour", "2")
    said = f.run("list", ok=False)
    check(f"which limit it is: {said.stderr}", "used up its 2 documents an hour" in said.stderr and "--documents-per-hour N" in said.stderr)
    f.site.cirt("admin", "feed", "set", "list", "--documents-per-hour", "none")
    f.run("list")
    # Too long is not taken.
    f.site.cirt("admin", "feed", "set", "list", "--document-max", "1kB")
    f.feed.etag = '"6"'
    f.run("list", ok=False)
    check("its length is told", "longer than 1000 bytes" in f.show("list")["error"])
    f.site.cirt("lead", "feed", "pause", "list")  # what failed is tried again, in the middle of what follows on a slow machine
    # Redirects: on the same host only. Another CA is not believed.
    f.add("moved", "--https", f"{f.base}/moved", "--every", "1d")
    until("a redirect on the host", lambda: f.show("moved")["fetched"])
    f.add("away", "--https", f"{f.base}/away", "--every", "1d")
    until("none to another", lambda: "another place" in (f.show("away")["error"] or ""))
    f.site.cirt("admin", "feed", "add", "stranger", "--https", f"{f.base}/list.csv")
    until("its CA is not the system's", lambda: "--ca" in (f.show("stranger")["error"] or ""))
    plain = http.server.HTTPServer(("127.0.0.1", 0), type("Quiet", (http.server.BaseHTTPRequestHandler,), {"log_message": lambda *_: None}))
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    f.add("clear", "--https", f"https://127.0.0.1:{plain.server_port}/list.csv")
    until("what the port speaks", lambda: "does not speak TLS" in (f.show("clear")["error"] or ""))
    f.site.cirt("admin", "feed", "rm", "clear", "--yes")
    plain.shutdown()
    for name in ("away", "stranger", "moved"):
        f.site.cirt("admin", "feed", "rm", name, "--yes")


def credentials(f):
    f.feed.document, f.feed.wants = b'{"description":"behind a password"}', {"Authorization": "Basic Y2lydDpzM2NyZXQ=", "X-Key": "k1"}
    f.add("open", "--https", f"{f.base}/list.csv", "--every", "1d")
    until("none are named", lambda: "no credentials are set" in (f.show("open")["error"] or ""))
    equal("the first failure shows", "failed", f.show("open")["state"])
    f.site.cirt("admin", "feed", "rm", "open", "--yes")
    f.add("closed", "--https", f"{f.base}/list.csv", "--every", "1d", "--credentials", "partner")
    until("without the file", lambda: "cannot be read" in (f.show("closed")["error"] or ""))
    f.credentials("partner", "user = cirt\npassword = s3cret\nheader = X-Key: k1\n", 0o644)
    f.run("closed", ok=False)
    check("others may read it", "may be read by others" in f.show("closed")["error"])
    f.credentials("partner", "# theirs\nuser = cirt\npassword = wrong\n")
    f.run("closed", ok=False)
    check("refused", "401" in f.show("closed")["error"])
    f.credentials("partner", "# theirs\nuser = cirt\npassword = s3cret\nheader = X-Key: k1\n")
    f.run("closed")
    equal("let in", 1, len(f.reports("closed")))
    check("no secret in the log or in the database", "s3cret" not in f.site.log() and "s3cret" not in json.dumps(f.show("closed")))
    f.feed.wants = {"Authorization": "Bearer t0ken"}
    f.feed.document, f.feed.etag = b'{"description":"behind a token"}', '"7"'
    f.credentials("partner", "token = t0ken\n")
    f.run("closed")
    equal("by a token", 2, len(f.reports("closed")))
    f.feed.wants = {}


def slow(f):
    """A server that takes its time: since when is told, pausing ends it, and others go on."""
    f.feed.document, f.feed.etag = b'{"description":"slowly"}' * 1000, '"8"'
    f.feed.faults.append("drip")
    f.add("drips", "--https", f"{f.base}/list.csv", "--every", "1d")
    until("it is being fetched", lambda: f.show("drips")["fetching"])
    check("and people see it", "now, since" in f.site.cirt("lead", "feed", "show", "drips").stdout)
    f.site.cirt("lead", "feed", "pause", "drips")
    until("pausing ends it", lambda: not f.show("drips")["fetching"])
    shown = f.show("drips")
    equal("that is no failure of its server", ("paused", 0), (shown["state"], shown["failures"]))
    check("and is told", "paused meanwhile" in shown["error"])
    f.feed.document, f.feed.etag = b'{"description":"at once"}', '"9"'
    f.run("closed")
    f.site.cirt("admin", "feed", "rm", "drips", "--yes")
    equal("it never brought anything: its name is free", [], [x["name"] for x in f.site.cirt_json("lead", "feed", "ls")["items"] if x["name"] == "drips"])


def told(f, name, what, *words):
    error = f.show(name)["error"] or ""
    check(f"{what}: {error!r} tells {words}", all(w in error.lower() for w in words))


def long_header(f):
    """A header line without end: told as what it is."""
    f.add("long-header", "--https", f"{f.base}/long-header", "--every", "1d")
    f.run("long-header", ok=False)
    told(f, "long-header", "a header line beyond all measure", "header line", "longer than")
    f.site.cirt("admin", "feed", "rm", "long-header", "--yes")


def certificates(f, scratch):
    """A server that lets in only who shows a certificate of its own CA: a list and a collection."""
    theirs, ours = os.path.join(scratch, "theirs"), os.path.join(f.site.dir, "ca")
    run(CA, "make", theirs, "--name", "Partner")
    for ca, name in ((theirs, "client"), (ours, "wrong")):
        run(CA, "issue", ca, "feed", name, "--out", scratch)
        for end in ("crt", "key"):
            with open(os.path.join(scratch, f"{name}.{end}")) as file:
                f.credentials(f"{name}.{end}", file.read())
    server = serve(os.path.join(scratch, "feedserver.crt"), os.path.join(scratch, "feedserver.key"), os.path.join(theirs, "ca.crt"))
    server.feed.document, server.feed.objects, server.feed.page = b'{"description":"behind a certificate"}', [stix_object(i) for i in range(3)], 1
    g = Fetched(f.site, server)
    for name, words in (("certified", ("--https", f"{g.base}/list.csv", "--format", "json")), ("collected", ("--taxii", f"{g.base}/api/collections/c1/"))):
        g.add(name, *words, "--every", "1d")
        until("none is shown", lambda: g.show(name)["failures"] == 1)
        told(g, name, "without a certificate", "certificate required", "show no client certificate")
        g.credentials("badge", "certificate = wrong.crt\nkey = wrong.key\n")
        g.site.cirt("admin", "feed", "set", name, "--credentials", "badge")
        g.run(name, ok=False)
        told(g, name, "with another CA's", "unknown ca", "credentials badge")
        g.credentials("badge", "certificate = client.crt\n")
        g.run(name, ok=False)
        told(g, name, "without its key", "credentials badge", "certificate and key go together")
        notices = g.show(name)["notices"]
        equal("the third time is told", ["failing"], [n["kind"] for n in notices])
        check(f"with the reason: {notices}", "go together" in notices[0]["text"])
        g.credentials("badge", "certificate = client.crt\nkey = wrong.key\n")
        g.run(name, ok=False)
        told(g, name, "with another's key", "credentials badge", "do not belong together")
        equal("nothing came of it", [], g.reports(name))
        equal("and no request was heard", [], g.asked())
        g.credentials("badge", "certificate = client.crt\nkey = client.key\n")
        g.run(name)
        equal("let in", 1 if name == "certified" else 3, len(g.reports(name)))
        equal("and the notice has ended", [], g.show(name)["notices"])
        g.asked()
    once(g, "collected", 3)
    for name in ("certified", "collected"):
        f.site.cirt("admin", "feed", "rm", name, "--yes")


def stored_objects(f, name):
    """How often each object stands in what the feed brought."""
    found = {}
    for number, _ in f.reports(name):
        text = run("bash", "-c", '. "$1/env"; cirt --profile lead report raw "r$2"', "-", f.site.dir, number).stdout
        for item in json.loads(text).get("objects", []):
            found[item["id"]] = found.get(item["id"], 0) + 1
    return found


def once(f, name, count):
    equal(f"{name}: each object once", {stix_object(i)["object"]["id"]: 1 for i in range(count)}, stored_objects(f, name))


def taxii(f, name, by_next):
    f.feed.by_next, f.feed.page = by_next, 2
    f.feed.objects = [stix_object(i) for i in range(7)]
    f.feed.faults.append("die")  # the first page breaks off: nothing of it is kept
    f.add(name, "--taxii", f"{f.base}/api/collections/c1/", "--every", "1d")
    until("the first try broke off", lambda: f.show(name)["failures"] == 1)
    equal("and left nothing", [], f.reports(name))
    f.run(name)
    once(f, name, 7)
    stored = 4 if by_next else 6  # by date each page begins with the last object of the one before, which is left out
    equal("the pages", stored, len(f.reports(name)))
    equal("the cursor is behind the last", f.feed.objects[-1]["added"], f.show(name)["cursor"])
    # Nothing new, then three more.
    f.asked()
    f.run(name)
    equal("asked from there on", [f.feed.objects[-1]["added"]], [r["query"]["added_after"] for r in f.asked()])
    equal("and nothing was stored", stored, len(f.reports(name)))
    f.feed.objects += [stix_object(i) for i in range(7, 10)]
    # The server breaks the second page, and has forgotten where it was when it is asked again.
    f.feed.faults += ["forgot"] if by_next else []
    f.run(name)
    once(f, name, 10)
    # The role is killed again and again while it pages.
    f.feed.page = 1
    f.feed.objects += [stix_object(i) for i in range(10, 40)]
    f.site.cirt("lead", "feed", "run", name)
    deadline = time.monotonic() + 60
    kills = 0
    while f.show(name)["cursor"] != f.feed.objects[-1]["added"] and time.monotonic() < deadline:
        time.sleep(0.15)
        pid = f.site.roles().get("fetch/2")
        if pid and kills < 4:
            os.kill(pid, signal.SIGKILL)
            kills += 1
            time.sleep(1.2)
    until("all is there", lambda: f.show(name)["cursor"] == f.feed.objects[-1]["added"])
    once(f, name, 40)
    check("the right media type was asked for", all(r["headers"]["Accept"] == TAXII for r in f.asked() if "collections" in r["path"]))
    f.site.cirt("admin", "feed", "rm", name, "--yes")


def taxii_of_one_date(f):
    """Objects of one date that lie on both sides of the end of a page: none is left out, and none stored twice."""
    f.feed.by_next, f.feed.page = False, 4
    f.feed.objects = [{"added": f"2026-11-20T10:00:{date:02d}Z", "object": stix_object(i)["object"]} for i, date in enumerate((1, 1, 2, 2, 2, 3, 3, 4, 5))]
    f.add("same", "--taxii", f"{f.base}/api/collections/c1/", "--every", "1d")
    f.run("same")
    once(f, "same", 9)
    equal("nothing is amiss", None, f.show("same")["error"])
    # More of them than a usual page has: a longer one is asked for.
    f.feed.page = 1000000
    f.feed.objects += [{"added": "2026-11-20T10:00:06Z", "object": stix_object(i)["object"]} for i in range(9, 2509)]
    f.feed.objects += [{"added": "2026-11-20T10:00:07.5Z", "object": stix_object(2509)["object"]}]
    f.asked()
    f.run("same")
    once(f, "same", 2510)
    equal("how many were asked for", ["1000", "1000", "2000", "2000", "4000"], [r["query"]["limit"] for r in f.asked()])
    equal("the cursor is behind the last", "2026-11-20T10:00:07.5Z", f.show("same")["cursor"])
    # More than the server gives at once: the rest of that date is passed over, and told.
    f.feed.page = 2
    f.feed.objects += [{"added": f"2026-11-20T10:00:{8 if i < 4 else 9:02d}Z", "object": stix_object(2510 + i)["object"]} for i in range(6)]
    f.run("same")
    found = stored_objects(f, "same")
    check("what it gives is there once", max(found.values()) == 1 and len(found) == 2514)
    check("and the rest is told", "some of that may be missing" in f.show("same")["error"])
    # It comes to its end by `next`, and has forgotten where that was.
    f.feed.by_next = True
    f.feed.objects = [{"added": "2026-11-20T10:00:20Z", "object": stix_object(3000 + i)["object"]} for i in range(3)]
    f.feed.faults += ["forgot"]
    f.run("same")
    found = stored_objects(f, "same")
    check("all of that date are there once", max(found.values()) == 1 and len(found) == 2517)
    equal("nothing is amiss any more", None, f.show("same")["error"])
    f.site.cirt("admin", "feed", "rm", "same", "--yes")


def taxii_without_a_way_on(f):
    """A server that says that there is more, and not how to get at it: what it gave is there, and people are told."""
    f.feed.by_next, f.feed.page, f.feed.undated = False, 2, True
    f.feed.objects = [stix_object(i) for i in range(3)]
    f.add("stuck", "--taxii", f"{f.base}/api/collections/c1/", "--every", "1d")
    until("it was fetched", lambda: f.show("stuck")["fetched"])
    equal("the first page is there", 1, len(f.reports("stuck")))
    check("and it is told that there is more", "has more" in f.show("stuck")["error"])
    equal("at a glance", "incomplete", f.show("stuck")["state"])
    f.feed.undated = False
    f.run("stuck")
    once(f, "stuck", 3)
    equal("nothing is amiss", None, f.show("stuck")["error"])


def taxii_beyond_a_quota(f):
    """A collection that has more than may come in an hour: that it rests is seen, and it goes on where it stood."""
    f.feed.by_next, f.feed.page, f.feed.objects = True, 2, [stix_object(i) for i in range(7)]
    f.add("limited", "--taxii", f"{f.base}/api/collections/c1/", "--every", "1d", "--documents-per-hour", "2")
    until("its quota is used up", lambda: f.show("limited")["used_up"] == "2 documents an hour")
    equal("which shows", "waiting", f.show("limited")["state"])
    check("for people", "2 documents an hour" in f.site.cirt("lead", "feed", "show", "limited").stdout)
    check("and who waits for it is told", "used up its 2 documents an hour" in f.run("limited", ok=False).stderr)
    equal("no more came", 2, len(f.reports("limited")))
    f.site.cirt("admin", "feed", "set", "limited", "--documents-per-hour", "none")
    until("the rest came", lambda: f.show("limited")["fetched"])
    once(f, "limited", 7)
    f.site.cirt("admin", "feed", "rm", "limited", "--yes")


def taxii_that_leads_nowhere(f):
    """Pages in a circle, or on and on without anything new: the run ends, and that is told."""
    def objects(*numbers):
        return [stix_object(n)["object"] for n in numbers]

    def circle(query, _):
        page = query.get("next", "B")
        return {"objects": objects(1, 2) if page == "B" else objects(3, 4), "more": True, "next": "A" if page == "B" else "B"}, "2026-11-20T10:00:00Z"

    def same(_, n):
        return {"objects": objects(5, 6), "more": True, "next": f"n{n}"}, "2026-11-20T10:00:00Z"

    def empty(_, n):
        return {"more": True, "next": f"n{n}"}, None

    for name, pages, found, requests in (("circle", circle, 4, 6), ("again", same, 2, 12), ("nothing", empty, 0, 12)):
        f.feed.pages = pages
        f.asked()
        f.add(name, "--taxii", f"{f.base}/api/collections/c1/", "--every", "1d")
        until(f"{name}: it ends", lambda: f.show(name)["fetched"])
        shown = f.show(name)
        check(f"{name}: which is told: {shown['error']}", shown["state"] == "incomplete" and "it has more, but" in shown["error"])
        check(f"{name}: and it rests: {shown['next']}", shown["next"] > shown["fetched"])
        equal(f"{name}: each object once", [1] * found, list(stored_objects(f, name).values()))
        check(f"{name}: not many requests", len(f.asked()) <= requests)
        f.site.cirt("admin", "feed", "rm", name, "--yes")
    f.feed.pages = None


def taxii_with_a_wrong_clock(f):
    """A date that is none, one that goes back and one in the future do not become the cursor."""
    dates = ["2026-11-20T10:00:00Z", "yesterday at noon", "2026-11-19T10:00:00Z", "2100-01-01T00:00:00Z", "2026-11-20T13:00:00.2500+02:00"]
    f.feed.pages = lambda query, n: ({"objects": [stix_object(100 + len(dates))["object"]]}, dates.pop(0))
    f.add("clock", "--taxii", f"{f.base}/api/collections/c1/", "--every", "1d")
    until("it was fetched", lambda: f.show("clock")["fetched"])
    for kept in 3 * ["2026-11-20T10:00:00Z"] + ["2026-11-20T11:00:00.2500Z"]:  # UTC, with the digits that came
        equal("where it stands", "2026-11-20T10:00:00Z", f.show("clock")["cursor"])
        f.run("clock")
        equal("where it stands then", kept, f.show("clock")["cursor"])
    equal("all that came is there", 5, len(f.reports("clock")))
    check("and the log tells", f.site.log().count("taxii_date_not_taken") == 3)
    f.site.cirt("admin", "feed", "rm", "clock", "--yes")
    f.feed.pages = None


def test(scratch):
    site = Site(scratch, "home", new=("--name", "XX-CERT", "--prefix", "XX-CERT"))
    run(CA, "issue", os.path.join(site.dir, "ca"), "gate", "feedserver", "--san", "127.0.0.1,localhost", "--out", scratch)
    server = serve(os.path.join(scratch, "feedserver.crt"), os.path.join(scratch, "feedserver.key"))
    f = Fetched(site, server)
    https(f)
    credentials(f)
    slow(f)
    long_header(f)
    certificates(f, scratch)
    taxii(f, "pages", True)
    taxii(f, "dates", False)
    taxii_of_one_date(f)
    taxii_without_a_way_on(f)
    taxii_beyond_a_quota(f)
    taxii_that_leads_nowhere(f)
    taxii_with_a_wrong_clock(f)


main(test)
