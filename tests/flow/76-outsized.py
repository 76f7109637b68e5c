#!/usr/bin/env python3
"""Texts beyond what an index row or a word list of PostgreSQL takes, in every place where a stranger may put them: stored, triaged, found, and no
other report waits for them."""
import json
import os
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import Client, Lmtp, Site, check, equal, main, report, until  # noqa: E402

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
RANDOM = random.Random(1)


def noise(size):
    """Nothing that compresses."""
    return "".join(RANDOM.choice(LETTERS) for _ in range(size))


def words():
    """Hyphenated words of four-byte letters: PostgreSQL keeps the whole and each part."""
    return " ".join(chr(0x20000 + x % 42000) + "-" + chr(0x2A700 + x % 4000) + chr(0x20000 + x * 7 % 42000) for x in range(60000))


def sight(type_, value):
    return {"description": "x", "observations": [{"observables": [{"type": type_, "value": value, "indicator": True}]}]}


DOCUMENTS = {
    "words": {"description": words()},
    "words in the summary": {"summary": words()[:100000], "description": "x"},
    "words of an observation": {"observations": [{"description": words(), "source": {"ip": "203.0.113.9"}}]},
    "a long word": {"description": noise(100000)},
    "reference": {"description": "x", "reference": noise(5000), "reference_issuer": noise(5000)},
    "summary": {"summary": noise(100000), "description": "x"},
    "reporter": {"description": "x", "reporter": {"name": noise(5000), "email": noise(3000) + "@" + noise(3000) + ".example"}},
    "class": {"description": "x", "class": noise(5000)},
    "language": {"description": "x", "lang": noise(5000)},
    "member": {"description": "x", noise(5000): noise(5000)},
    "url": sight("url", "http://a.example/" + noise(100000)),
    "filename": sight("filename", noise(100000)),
    "user-agent": sight("user-agent", noise(100000)),
    "crypto": sight("crypto", noise(5000)),
    "own type": sight(noise(5000), noise(5000)),
    "protocol": {"observations": [{"source": {"ip": "203.0.113.9"}, "protocol": noise(5000)}]},
}

MAILS = {
    "Message-ID": f"Message-ID: <{noise(5000)}@x.example>",
    "Message-ID of 900": f"Message-ID: <{noise(900)}@x.example>",
    "References": "References: " + " ".join(f"<{noise(900)}@x.example>" for _ in range(150)),
    "tag": f"Subject: [{noise(5000)}] #{noise(5000)}",
    "subject": f"Subject: {noise(100000)}",
    "subject of words": f"Subject: {words()[:50000]}",
    "From": f"From: {noise(3000)}@{noise(3000)}.example",
    "From of 300": f"From: {noise(300)}@{noise(60)}.example",
    "Reply-To": f"Reply-To: {noise(5000)} <{noise(3000)}@x.example>",
    "List-Id": f"List-Id: <{noise(5000)}>",
    "Content-Type": f"Content-Type: text/{noise(5000)}; charset={noise(5000)}",
    "file name": f"Content-Type: application/octet-stream; name={noise(5000)}",
    "text": "",
}


def send_mails(site):
    lmtp = Lmtp(site)
    for name, line in MAILS.items():
        head = ["Date: Mon, 02 Nov 2026 10:00:00 +0000", line or "Content-Type: text/plain; charset=utf-8"]
        head += [] if line.startswith("From") else ["From: a@sender.example"]
        head += [] if line.startswith("Subject") else ["Subject: x"]
        message = "\r\n".join(head) + "\r\n\r\n" + (words() if name == "text" else "x") + "\r\n"
        reply = lmtp.deliver("a@sender.example", message.encode())
        check(f"mail with {name}: {reply}", reply.startswith("250"))
    lmtp.close()


def test(scratch):
    site = Site(scratch)
    roles = site.roles()
    with Client(site, site.identity("feed")) as client:
        for name, document in DOCUMENTS.items():
            status, _, answer = client.post("/v1/reports", json.dumps(document).encode())
            answer = json.loads(answer)
            check(f"{name}: {status} {answer}", status == 201 or (status == 400 and answer.get("at")))
        send_mails(site)
        equal("one that is as others are", 201, client.post("/v1/reports", report("after them", 1))[0])
    waiting = ("SELECT r.id, r.name, c.state FROM report r JOIN report_content c ON c.report_id = r.id LEFT JOIN report_outcome o ON o.report_id = r.id "
               "WHERE c.state <> 'malformed' AND o.state IS NULL")
    until("all are triaged", lambda: not site.sql(waiting))
    equal("mails that could not be read", [["0"]], site.sql("SELECT count(*) FROM report_content WHERE state = 'malformed' AND format = 'mail'"))
    equal("no role was started anew", roles, site.roles())
    for line in site.log().splitlines():
        check(line, "work_failed" not in line and "work_divided" not in line)


main(test)
