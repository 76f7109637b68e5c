#!/usr/bin/env python3
"""Documents of any length from a drop folder: read as streams, packed or not, with memory that does not grow with them; lines that are reports of their own;
what is too long to be read at once; the quota of broken documents."""
import gzip
import os
import shutil
import sys
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import Site, check, equal, main, run, until  # noqa: E402

LARGE = 200 * 1000 * 1000
BOUND_KB = 256 * 1000
HEADER = '"timestamp","severity","ip","protocol","port","hostname","asn","geo","http_agent"\n'


def write_csv(path, size, mark):
    """As long rows as no feed has: what is tried is bytes, not rows."""
    rows = written = 0
    padding = "x" * 4000
    with open(path, "w") as file:
        file.write(HEADER)
        while written < size:
            line = f'"2026-11-20 00:00:{rows % 60:02d}","high","198.51.{rows // 250 % 100}.{rows % 250}","tcp",{rows % 60000 + 1},"h{rows}.example",64500,"XX","{mark}{padding}"\n'
            file.write(line)
            written += len(line)
            rows += 1
    return rows


class Folder:
    def __init__(self, site, name):
        self.site, self.name = site, name
        site.cirt("admin", "feed", "add", name, "--drop")
        self.path = os.path.join(site.dir, "drop", name)
        until("the folder is there", lambda: os.path.isdir(self.path))

    def put(self, path, name=None):
        name = name or os.path.basename(path)
        shutil.move(path, os.path.join(self.path, "." + name))
        os.rename(os.path.join(self.path, "." + name), os.path.join(self.path, name))
        # What decode refuses moves on from done/ to failed/, before anybody looks.
        until(f"{name} is taken", lambda: any(os.path.exists(os.path.join(self.path, f, name)) for f in ("done", "failed")), 120)

    def content(self, name):
        found = self.site.sql("SELECT c.state, c.observations, c.format, c.error, o.state, r.id FROM report r JOIN report_content c ON c.report_id = r.id "
                              f"LEFT JOIN report_outcome o ON o.report_id = r.id WHERE r.name = '{name}' ORDER BY r.id LIMIT 1")
        return found[0] if found else None

    def decoded(self, name, seconds=180):
        until(f"{name} is decoded", lambda: (self.content(name) or ["decoding"])[0] != "decoding", seconds)
        return self.content(name)


def peak_kb(site, role):
    with open(f"/proc/{site.roles()[role]}/status") as file:
        return int(next(line.split()[1] for line in file if line.startswith("VmHWM:")))


def streams(site, folder, scratch):
    plain = os.path.join(scratch, "2026-11-20-event4_sinkhole_http-xx.csv")
    rows = write_csv(plain, LARGE, "a")
    folder.put(plain)
    equal("all rows of a large table", ["received", str(rows), "shadowserver"], folder.decoded(os.path.basename(plain))[:3])
    for name, pack in (("2026-11-21-event4_sinkhole_http-xx.csv.gz", "gzip"), ("2026-11-22-event4_sinkhole_http-xx.csv.zip", "zip")):
        inner = os.path.join(scratch, name.rsplit(".", 1)[0])
        rows = write_csv(inner, LARGE // 20, pack[0])
        packed = os.path.join(scratch, name)
        if pack == "gzip":
            # Padding packs too well to be honest.
            with open(inner, "rb") as source, gzip.open(packed, "wb", compresslevel=0) as file:
                shutil.copyfileobj(source, file)
        else:
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as file:
                file.write(inner, os.path.basename(inner))
        os.remove(inner)
        folder.put(packed)
        equal(f"all rows out of a {pack}", ["received", str(rows), "shadowserver"], folder.decoded(name)[:3])
    bounded(site)


def bombs(folder, scratch):
    bomb = os.path.join(scratch, "bomb.csv.gz")
    with gzip.open(bomb, "wb") as file:
        file.write(HEADER.encode())
        for _ in range(200):
            file.write(b"\n" * 1000000)  # blank lines are no rows, and pack a thousand to one
    folder.put(bomb)
    state, observations, _, error, _, _ = folder.decoded("bomb.csv.gz")
    equal("a bomb", ("malformed", "0"), (state, observations))
    check(error, "times as large" in error)
    cut = os.path.join(scratch, "2026-11-23-event4_sinkhole_http-xx.csv")
    write_csv(cut, 1000000, "c")
    with open(cut, "rb") as source, open(cut + ".gz", "wb") as file:
        file.write(gzip.compress(source.read(), 0)[:-100000])
    folder.put(cut + ".gz")
    equal("half an archive leaves nothing", ("malformed", "0"), tuple(folder.decoded(os.path.basename(cut) + ".gz")[:2]))
    number = folder.content(os.path.basename(cut) + ".gz")[5]
    equal("no rows of it", [["0"]], folder.site.sql(f"SELECT count(*) FROM observation WHERE report_id = {number}"))


def lines(site, folder, scratch):
    path = os.path.join(scratch, "reports.ndjson")
    with open(path, "w") as file:
        for i in range(2500):
            file.write('{"description":"line %d","observations":[{"source":{"ip":"203.0.113.%d"}}]}\n' % (i, i % 250))
        file.write('{"description":\n')
        file.write('{"description":"line 0","observations":[{"source":{"ip":"203.0.113.0"}}]}\n')
    folder.put(path)
    state, _, _, _, outcome, number = folder.decoded("reports.ndjson")
    equal("the file itself has nothing for triage", ("received", "dropped"), (state, outcome))
    came = site.sql("SELECT c.state, count(*) FROM report r JOIN report_content c ON c.report_id = r.id JOIN sender s ON s.id = r.sender_id JOIN identity i ON i.id = s.identity_id "
                    f"WHERE i.login = 'large' AND r.id > {number} AND r.channel = 'drop' AND c.format = 'ndjson' GROUP BY 1 ORDER BY 1")
    equal("each line a report, a broken one too, one that came before not", [["malformed", "1"], ["received", "2500"]], came)


def too_long(site, folder, scratch):
    path = os.path.join(scratch, "long.json")
    with open(path, "w") as file:
        file.write('{"description":"' + "y" * 17 * 1024 * 1024 + '"}')
    folder.put(path)
    state, _, _, error, _, number = folder.decoded("long.json")
    equal("a whole document has a longest length", "malformed", state)
    check(error, "at most" in error)
    # The quota of broken documents: 64 MB a day; what is beyond keeps its head, hash and error.
    for i in range(4):
        path = os.path.join(scratch, f"broken-{i}.json")
        with open(path, "w") as file:
            file.write('{"description":' + str(i) * 15 * 1024 * 1024)
        folder.put(path)
        folder.decoded(f"broken-{i}.json")
    kept = site.sql("SELECT r.name, r.size, (SELECT sum(length(w.bytes)) FROM report_raw w WHERE w.report_id = r.id) FROM report r WHERE r.name ~ '^(long|broken)' ORDER BY r.id")
    equal("the first is whole", kept[0][1], kept[0][2])
    equal("the last is its head", "4096", kept[-1][2])
    said = site.cirt("lead", "report", "replay", "r" + site.sql("SELECT max(id) FROM report WHERE name ~ '^broken'")[0][0], ok=False)
    check("and cannot be read again", "only the first 4096" in said.stderr)
    said = site.cirt("lead", "report", "raw", "r" + site.sql("SELECT max(id) FROM report WHERE name ~ '^broken'")[0][0])
    check("its head is called one", len(said.stdout) == 4096 and "only the first 4096 were kept" in said.stderr)


def many_values(site, folder, scratch):
    """Documents that are no longer than a whole one may be, and hold as many values as fit."""
    def addresses(count):
        return ",".join(f'"{10 + i // 16777216}.{i // 65536 % 256}.{i // 256 % 256}.{i % 256}"' for i in range(count))

    def put(name, text):
        """By the drop folder, and a little other to the gate."""
        path = os.path.join(scratch, name)
        with open(path, "w") as file:
            file.write(text)
        check(f"{name} is {os.path.getsize(path)} bytes", os.path.getsize(path) < 16 * 1024 * 1024)
        sent = os.path.join(scratch, "sent-" + name)
        with open(sent, "w") as file:
            file.write(text + "\n")
        site.cirt("feed", "submit", sent, ok=False)
        os.remove(sent)
        folder.put(path)
        return folder.decoded(name)

    idea = '{"Format":"IDEA0","ID":"e-%d","DetectTime":"2026-11-20T10:00:00Z","Category":["Recon.Scanning"],"Source":[{"IP4":[%s]}]}'
    for count, words in ((1000000, "too many values to be read at once"), (400000, "more than 300000 values")):
        state, observations, _, error, _, _ = put(f"{count}.idea", idea % (count, addresses(count)))
        equal(f"{count} values in one document", ("malformed", "0"), (state, observations))
        check(error, words in error)
    equal("as many as it may have", ["received", "1"], put("most.idea", idea % (2, addresses(300000)))[:2])
    pattern = " OR ".join(f"domain-name:value='{i:x}.example'" for i in range(300000))
    equal("in a pattern", ["received", "1"], put("pattern.json", '{"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000001","objects":[{"type":"indicator","spec_version":"2.1",'
          '"id":"indicator--00000000-0000-4000-8000-000000000002","created":"2026-11-20T09:00:00Z","modified":"2026-11-20T09:00:00Z","indicator_types":["malicious-activity"],"pattern_type":"stix",'
          f'"pattern":"[{pattern}]","valid_from":"2026-11-20T09:00:00Z"}}]}}')[:2])
    equal("many observations", ["received", "56000"], put("observations.json", '{"observations":[%s]}' % ",".join(
        '{"source":{"ip":"203.0.%d.%d"},"target":{"domain":"h%d.example"},"observables":[{"type":"domain","value":"o%d.example"}]}' % (i // 256 % 256, i % 256, i, i) for i in range(56000)))[:2])
    equal("many indicators", ["received", "58000"], put("indicators.json", '{"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000003","objects":[%s]}' % ",".join(
        '{"type":"indicator","spec_version":"2.1","id":"indicator--%08x-0000-4000-8000-000000000004","created":"2026-11-20T09:00:00Z","modified":"2026-11-20T09:00:00Z","pattern":'
        "\"[ipv4-addr:value = '10.%d.%d.%d']\",\"pattern_type\":\"stix\",\"valid_from\":\"2026-11-20T09:00:00Z\"}" % (i, i // 65536, i // 256 % 256, i % 256) for i in range(58000)))[:2])
    equal("many events", ["received", "62000"], put("events.json", '{"version":"2.0","lang":"en","Incident":[{"purpose":"reporting","IncidentID":{"id":"1","name":"x.example"},'
          '"GenerationTime":"2026-11-20T09:00:00Z","Contact":[{"type":"organization","role":"creator","Email":[{"EmailTo":"a@x.example"}]}],"EventData":[%s]}]}' % ",".join(
        '{"System":[{"category":"source","Node":{"Address":[{"value":"10.%d.%d.%d","category":"ipv4-addr"}]}}]}' % (i // 65536, i // 256 % 256, i % 256) for i in range(62000)))[:2])
    iodef = ('<IODEF-Document version="2.00" lang="en" xmlns="urn:ietf:params:xml:ns:iodef-2.0"><Incident purpose="reporting"><IncidentID name="x.example">%d</IncidentID>'
             '<AdditionalData dtype="xml">%s</AdditionalData><GenerationTime>2026-11-20T09:00:00Z</GenerationTime><Contact role="creator" type="organization"/></Incident></IODEF-Document>')
    equal("much that is unknown", "received", put("unknown.xml", iodef % (1, '<q a="1">t</q>' * 130000))[0])
    state, _, _, error, _, _ = put("more.xml", iodef % (2, '<q a="1">t</q>' * 400000))
    check(f"more than is kept: {state}, {error}", state == "malformed" and "more that is unknown" in error)
    for name, text in (("objects.json", '{"description":"x","x":[' + ",".join(['{"a":{}}'] * 1600000) + "]}"), ("arrays.json", '{"description":"x","x":[' + ",".join(["[]"] * 5000000) + "]}")):
        state, _, _, error, _, _ = put(name, text)
        check(f"{name}: {state}, {error}", state == "malformed" and "too many values" in error)
    attributes = " ".join(f'a{i}=""' for i in range(60))
    state, _, _, error, _, _ = put("attributes.xml", '<IODEF-Document xmlns="urn:ietf:params:xml:ns:iodef-2.0">' + f"<x {attributes}/>" * 36000 + "</IODEF-Document>")
    check(f"attributes: {state}, {error}", state == "malformed" and "too many" in error)
    bounded(site)


def bounded(site):
    for role in ("fetch/1", "decode/1", "intake/1", "intake/2"):
        peak = peak_kb(site, role)
        print(f"{role}: at most {peak} kB")
        check(f"{role} took {peak} kB", peak < BOUND_KB)


def columns(site, folder, scratch):
    def send(number, header, row):
        path = os.path.join(scratch, f"2026-11-2{number}-scan_ftp-xx.csv")
        with open(path, "w") as file:
            file.write(header + "\n" + row + "\n")
        folder.put(path)
        folder.decoded(os.path.basename(path))

    def notices():
        return [n for n in site.cirt_json("lead", "feed", "show", "large")["notices"] if n["kind"] == "columns"]

    send(4, '"timestamp","ip","port"', '"2026-11-24 00:00:00","198.51.100.1",21')
    send(5, '"timestamp","ip","port"', '"2026-11-25 00:00:00","198.51.100.1",21')
    equal("the same columns", [], notices())
    send(6, '"timestamp","ip","naics","port"', '"2026-11-26 00:00:00","198.51.100.1",1,21')
    equal("another column is told of", ("scan_ftp", True), (notices()[0]["subject"], "new: naics" in notices()[0]["text"]))
    site.cirt("lead", "feed", "seen", "large")
    equal("till somebody has seen it", [], notices())


def test(scratch):
    site = Site(scratch, "home", new=("--name", "XX-CERT", "--prefix", "XX-CERT"))
    folder = Folder(site, "large")
    streams(site, folder, scratch)
    bombs(folder, scratch)
    lines(site, folder, scratch)
    columns(site, folder, scratch)
    too_long(site, folder, scratch)
    many_values(site, folder, scratch)
    # How sure a feed is goes to what says nothing itself.
    site.cirt("admin", "feed", "set", "large", "--confidence", "35")
    path = os.path.join(scratch, "sure.json")
    with open(path, "w") as file:
        file.write('{"description":"sure","observations":[{"source":{"ip":"203.0.113.77"}}]}')
    folder.put(path)
    folder.decoded("sure.json")
    equal("its confidence", [["35"]], site.sql("SELECT DISTINCT s.confidence FROM sighting s JOIN report r ON r.id = s.report_id WHERE r.name = 'sure.json'"))


main(test)
