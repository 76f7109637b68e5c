#!/usr/bin/env python3
"""Malformed input for every format: 400 with the place, kept byte for byte and replayable; the neighbours in the same batch are stored."""
import glob
import gzip
import io
import json
import os
import subprocess
import sys
import threading
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import BUILD, CA, IS_ROOT, SOURCE, Client, Lmtp, Site, check, digest, equal, mail, main, report, run, until  # noqa: E402

DATA = os.path.join(SOURCE, "tests", "data")
CORPUS = os.path.join(SOURCE, "..", "shared", "corpus", "evil")


def bad_files(format_):
    found = [path for path in sorted(glob.glob(os.path.join(DATA, format_, "bad", "*"))) if not path.endswith(".error")]
    check(f"no bad samples of {format_}", found)
    return found


def read(path):
    with open(path, "rb") as file:
        return file.read()


def kept(site, id_):
    """State, digest of the kept bytes, and the place of the fault."""
    number = int(id_[1:])
    rows = site.sql(f"SELECT c.state, encode(sha256(coalesce(string_agg(w.bytes, '' ORDER BY w.no), '')), 'hex'), coalesce(c.error_at, ''), c.error "
                    f"FROM report_content c LEFT JOIN report_raw w USING (report_id) WHERE c.report_id = {number} GROUP BY 1, 3, 4")
    equal(f"rows of {id_}", 1, len(rows))
    return rows[0]


def test_documents(site, client, format_):
    for path in bad_files(format_):
        body, what = read(path), os.path.relpath(path, DATA)
        status, headers, answer = client.post(f"/v1/reports?format={format_}&name={os.path.basename(path)}", body, "application/octet-stream")
        equal(f"{what} {answer[:300]}", 400, status)
        if not body:
            continue  # nothing to keep
        problem = json.loads(answer)
        equal(f"{what}: type", "application/problem+json", headers["Content-Type"])
        check(f"{what}: no reason: {answer}", problem.get("detail"))
        state, sha256, at, error = kept(site, problem["report"])
        equal(f"{what}: state", "malformed", state)
        equal(f"{what}: bytes", digest(body), sha256)
        equal(f"{what}: reason", problem["detail"], error)
        equal(f"{what}: place", problem.get("at", ""), at)
        again = client.post(f"/v1/reports?format={format_}&name={os.path.basename(path)}", body, "application/octet-stream")
        equal(f"{what} again", (400, problem["report"]), (again[0], json.loads(again[2])["report"]))


def test_red(site, client):
    """What calls itself RED is kept as RED, though nobody can read it: its raw bytes are for those who may, replayed or not."""
    red = b'{"tlp":"red","description":"x'
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.json", red + b"z")
    for format_, body, wanted in (
            ("json", red, ["4", "t"]),
            ("json", b'{"tlp":"green","description":"x', None),
            ("json", gzip.compress(red + b"g"), ["4", "t"]),
            ("json", archive.getvalue(), ["4", "t"]),
            ("json", b'{"description":"' + b"x" * 100000 + b'","tlp":"red",', ["4", "t"]),
            ("shadowserver", gzip.compress(b'"timestamp","tlp"\n"x","TLP:RED"\n'), ["4", "t"]),
            ("iodef", b'<IODEF-Document version="2.00" xmlns="urn:ietf:params:xml:ns:iodef-2.0"><Incident purpose="reporting" restriction="red">', ["4", "t"]),
            ("iodef", b'<IODEF-Document version="2.00" xmlns="urn:ietf:params:xml:ns:iodef-2.0"><Incident purpose="reporting" restriction="private">', None),
            ("iodef-json", b'{"version":"2.0","Incident":[{"purpose":"reporting","restriction":"red"', ["4", "t"]),
            ("stix", b'{"type":"bundle","objects":[{"object_marking_refs":["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"]', ["4", "t"])):
        _, _, answer = client.post(f"/v1/reports?format={format_}", body, "application/octet-stream")
        id_ = json.loads(answer)["report"]
        label = f"SELECT tlp, tlp_assumed FROM report_content WHERE report_id = {id_[1:]}"
        first = site.sql(label)[0]
        equal("labelled", True, first == wanted if wanted else first[0] != "4")
        told = site.cirt("lead", "report", "replay", id_, ok=False)
        equal(f"a replay of what is still broken {told.stdout}{told.stderr}", 1, told.returncode)
        equal("labelled when it was read again", first, site.sql(label)[0])


def test_rid(site, scratch):
    folder = os.path.join(scratch, "more")
    run(CA, "issue", os.path.join(site.dir, "ca"), "peer", "partner", "--san", "partner.example", "--out", folder)
    identity = tuple(os.path.join(folder, "partner" + end) for end in (".crt", ".key"))
    site.cirt("admin", "peer", "add", "YY-CERT", "--title", "YY-CERT", "--issuer-name", "YY-CERT", "--key",
              run(CA, "fingerprint", identity[0]).stdout.strip(), "--mail", "incident@yy-cert.example")
    with Client(site, identity) as client, Client(site, identity, "rid") as root:
        for path in bad_files("rid"):
            for where, connection in (("/rid", client), ("/", root)):
                status, _, answer = connection.post(where, read(path), "text/xml")
                check(f"{os.path.basename(path)} at {where}: {status} {answer[:300]}", status == 400 or (status == 200 and b"enied" in answer))
    equal("nothing of it is incoming", [["0"]], site.sql("SELECT count(*) FROM incoming"))


def test_lines(site, client):
    """Every bad document as a line between two good ones, and what only the database might trip over."""
    rows, wanted = [], []
    evil = [read(path).replace(b"\n", b" ").replace(b"\r", b" ") for path in bad_files("json")]
    evil += [b"[" * 100000, b'{"a":' * 100000 + b"1" + b"}" * 100000, b'{"description":"a\\u0000b"}', b'{"description":"\xff\xfe"}', b"\x00" * 100,
             b'{"observations":[{"count":99999999999999999999999999}]}', b'{"observations":[{"source":{"port":99999}}]}',
             b'{"observations":[{"source":{"asn":99999999999}}]}', b'{"observations":[{"source":{"ip":"1.2.3.4/99"}}]}', b"{", b"null", b'"text"']
    for number, line in enumerate(evil):
        if not line.strip():
            continue
        rows += [report(f"neighbour {number}", number), line]
        wanted += [201, 400]
    # At the edges of what a field can hold: accepted or refused, but never the others' trouble.
    edges = [{"description": "far", "time": "9999-12-31T23:59:59Z"}, {"description": "early", "time": "0001-01-01T00:00:00Z"},
             {"description": "leap", "time": "2026-12-31T23:59:60Z"}, {"description": "x" * 900000}, {"description": "\U0001f4a3\u202e\x1b[2J"},
             {"observations": [{"count": 2**63 - 1}]}, {"observations": [{"count": 2**31}]}, {"observations": [{"source": {"asn": 2**32 - 1, "port": 65535}}]},
             {"description": "x", "class": "c" * 5000}, {"description": "x", "reference": "r" * 100000}, {"description": "d", "a": {"b": [1e308, -1e308, 1e-400]}},
             {"observations": [{"source": {"url": "http://" + "a" * 60000 + ".example/"}}]}, {"observations": [{"source": {"domain": "a" * 64 + ".example"}}]},
             {"observations": [{"source": {"ip": "::ffff:192.0.2.1"}}]}, {"observations": [{"source": {"cidr": "0.0.0.0/0"}}]},
             {"observations": [{"source": {"cidr": "192.0.2.1/24"}}]}, {"observations": [{"source": {"mac": "00:00:00:00:00:00", "user-agent": "u" * 70000}}]},
             {"observations": [{"observables": [{"value": "v" * 300000}]}]}, {"description": "e", "reporter": {"name": "n" * 9000, "email": "a@b.example"}},
             {"observations": [{"source": {"url": "https://user:pass@[fe80::1%25eth0]/?q=\u0430"}}]}, {"observations": [{"time": "2026-02-30T00:00:00Z"}]}]
    for number, edge in enumerate(edges):
        rows += [json.dumps(edge).encode(), report(f"beside an edge {number}", number)]
        wanted += [None, 201]
    status, _, answer = client.post("/v1/reports", b"\n".join(rows), "application/x-ndjson")
    equal(f"status of the lines {answer[:300]}", 200, status)
    results = [json.loads(line) for line in answer.splitlines()]
    equal("a result a line", list(range(1, len(rows) + 1)), [result["line"] for result in results])
    for row, result, status in zip(rows, results, wanted):
        check(f"{result} for {row[:100]}", result["status"] == status or (status is None and result["status"] in (201, 400)))
        if result["status"] == 400:
            check(f"no place or reason: {result}", result.get("error") and result.get("at", "").startswith("line"))
        state, sha256, _, _ = kept(site, result["report"])
        equal(f"{result}: bytes", digest(row), sha256)
        equal(f"{result}: malformed", result["status"] == 400, state == "malformed")


def test_rows(client):
    header = b"timestamp,ip,port,asn,geo,tag\n"
    good = [b"2026-03-01 00:00:%02d,203.0.113.%d,23,64500,ZZ,telnet" % (i, i + 1) for i in range(40)]
    bad = [b"yesterday,203.0.113.1,23,64500,ZZ,a", b"2026-03-01 00:00:00,999.1.1.1,23,64500,ZZ,b", b'2026-03-01 00:00:00,"203.0.113.2,23']
    rows = good[:20] + bad[:2] + good[20:] + [bad[2]]
    status, _, answer = client.post("/v1/reports?name=2026-03-01-scan_telnet-evil.csv", header + b"\n".join(rows), "text/csv")
    equal(f"a table with bad rows {answer[:300]}", 201, status)
    told = json.loads(answer)
    equal("good rows", 40, told["observations"])
    equal("bad rows", (3, 3), (told["rejected_total"], len(told["rejected"])))
    equal("their places", ["line 22", "line 23"], [row["at"].split(":")[0] for row in told["rejected"][:2]])


def test_together(site):
    """Single documents that wait in one batch: good ones are stored beside bad ones."""
    bodies = [report(f"together {i}", i) if i % 2 else b'{"together":%d}' % i for i in range(64)]
    told = {}

    def send(body):
        with Client(site, "feed") as client:
            told[body] = client.post("/v1/reports", body)[0]

    threads = [threading.Thread(target=send, args=(body,)) for body in bodies]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    equal("answers", {body: 201 if b"description" in body else 400 for body in bodies}, told)


def test_mail(site):
    lmtp = Lmtp(site)
    bad = [b"", b"\r\n", b"no header at all\r\n", b"From: a\r\nContent-Type: multipart/mixed; boundary=\"x\"\r\n\r\n--x\r\n", b"\xff\xfe\x00bin\r\n\r\n\x00\r\n",
           b"From: a@b.example\r\nSubject: " + b"x" * 20000 + b"\r\n\r\nlong\r\n", b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(200))]
    for message in bad + [read(path).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for path in bad_files("mail")]:
        message = message if message.endswith(b"\r\n") or not message else message + b"\r\n"
        reply = lmtp.deliver("evil@sender.example", message)
        check(f"{reply} for {message[:60]}", reply[:3] in ("250", "550", "554"))
    equal("a good mail behind them", "250", lmtp.deliver("good@sender.example", mail("good@sender.example", "behind the bad"))[:3])
    lmtp.close()
    count = "SELECT count(*) FROM report_content c JOIN report r ON r.id = c.report_id WHERE r.channel = 'mail' AND c.state = 'decoding'"
    until("all mails are decoded or set aside", lambda: site.sql(count) == [["0"]])
    state = site.sql("SELECT c.state, c.summary FROM report_content c JOIN report r ON r.id = c.report_id JOIN sender s ON s.id = r.sender_id "
                     "WHERE s.address = 'good@sender.example'")
    equal("the good mail", [["received", "behind the bad"]], state)


def test_replay(site):
    listed = site.cirt_json("lead", "report", "ls", "state:malformed", "--limit", "5")["items"]
    check("malformed reports are listed", len(listed) == 5 and all(item["state"] == "malformed" for item in listed))
    for item in listed[:2]:
        raw = subprocess.run([os.path.join(BUILD, "cirt"), "report", "raw", item["id"]], capture_output=True, env=site.env, check=True).stdout
        equal("its bytes", item["sha256"], digest(raw))
        told = site.cirt("lead", "report", "replay", item["id"], ok=False)
        equal(f"a replay of what is still broken {told.stdout}{told.stderr}", 1, told.returncode)
        equal("its state", "malformed", site.cirt_json("lead", "report", "show", item["id"])["state"])


def test_fixed(site, client):
    """What a decoder once misread (here: it was told the wrong format) is read by a replay, and the same bytes are 200 from then on."""
    bodies = [report("misread document", 1), report("misread line", 2)]
    status, _, answer = client.post("/v1/reports?format=iodef", bodies[0])
    ids = [json.loads(answer)["report"]]
    equal("misread", 400, status)
    status, _, answer = client.post("/v1/reports?format=iodef", bodies[1])
    ids.append(json.loads(answer)["report"])
    for id_, format_ in zip(ids, ("json", "ndjson")):
        site.super_sql(f"UPDATE cirt.report_content SET format = '{format_}' WHERE report_id = {id_[1:]}")
        site.cirt("lead", "report", "replay", id_)
        shown = site.cirt_json("lead", "report", "show", id_)
        equal("observations after the replay", 1, shown["observations"])
    status, _, answer = client.post("/v1/reports", bodies[0])
    equal("the same bytes after the replay", (200, ids[0]), (status, json.loads(answer)["report"]))
    status, _, answer = client.post("/v1/reports", bodies[1], "application/x-ndjson")
    line = json.loads(answer)
    equal("the same line after the replay", (200, ids[1]), (line["status"], line["report"]))


def test_evil_corpus(site, client):
    if not os.path.isdir(CORPUS):
        print("no corpus: left out")
        return
    seen = {}
    for folder, _, names in os.walk(CORPUS):
        for name in sorted(names):
            body = read(os.path.join(folder, name))
            if not body or len(body) > 8_000_000:
                continue
            status, _, answer = client.post(f"/v1/reports?name={name.encode().hex()}", body, "application/json" if name.endswith(".json") else "application/xml")
            seen[status] = seen.get(status, 0) + 1
            check(f"{name}: {status} {answer[:300]}", status in (200, 201, 400, 413, 415))
            check(f"{name} was taken: {answer[:200]}", status >= 400 or b"<!ENTITY" not in body)
    print("corpus:", seen)


BOMBS = {
    "billion laughs": b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
        b'<!ENTITY a%d "%s">' % (i, b"&a%s;" % (str(i - 1).encode() if i else b"") * 10) for i in range(10)) + b"]><IODEF-Document>&a9;</IODEF-Document>",
    "a file": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><IODEF-Document version="2.00" xmlns="urn:ietf:params:xml:ns:iodef-2.0">&e;</IODEF-Document>',
    "an outer DTD": b'<!DOCTYPE IODEF-Document SYSTEM "http://127.0.0.1:1/x.dtd"><IODEF-Document/>',
    "deep elements": b"<IODEF-Document>" + b"<a>" * 100000,
    "many attributes": b"<IODEF-Document " + b" ".join(b"a%d='1'" % i for i in range(100000)) + b"/>",
    "a long name": b"<" + b"a" * 5_000_000 + b"/>",
    "XInclude": b'<IODEF-Document xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd" parse="text"/></IODEF-Document>',
}


def test_bombs(client):
    for what, body in BOMBS.items():
        for query in ("?format=iodef", "?format=rid", ""):
            status, _, answer = client.post("/v1/reports" + query, body, "application/xml")
            equal(f"{what}{query} {answer[:200]}", 400, status)
            check(f"{what}: an answer with what is on this disk", b"root:" not in answer)
    for what, body in (("arrays", b"[" * 100000), ("objects", b'{"a":' * 100000), ("closed objects", b'{"a":' * 100000 + b"1" + b"}" * 100000)):
        status, _, answer = client.post("/v1/reports?format=json", body, "application/json")
        equal(f"deep {what}: {answer[:200]}", 400, status)
        check(f"deep {what}: the place", json.loads(answer).get("at"))


def test(scratch):
    site = Site(scratch)
    roles = site.roles()
    with Client(site, "feed") as client:
        for format_ in ("json", "iodef", "shadowserver", "csaf", "idea", "intelmq", "misp", "n6"):
            test_documents(site, client, format_)
        test_lines(site, client)
        test_red(site, client)
        test_rows(client)
        test_bombs(client)
        test_evil_corpus(site, client)
    test_together(site)
    test_rid(site, scratch)
    test_mail(site)
    test_replay(site)
    if IS_ROOT:
        with Client(site, "feed") as client:
            test_fixed(site, client)
    equal("no role was started anew", roles, site.roles())


main(test)
