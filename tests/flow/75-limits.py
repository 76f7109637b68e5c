#!/usr/bin/env python3
"""Limits of the gate and of intake: connections before TLS, slow senders, huge heads and bodies, bombs; others are served all the while."""
import gzip
import hashlib
import json
import os
import re
import socket
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import BROKEN, BUILD, Client, Site, check, equal, main, report, until  # noqa: E402

PER_ADDRESS = 24


def configure(site):
    with open(site.config) as file:
        text = file.read()
    text = text.replace("gate-feeds {", f"gate-feeds {{\n    connections_per_address = {PER_ADDRESS}\n    body_max_mb = 3")
    text = text.replace("intake {", "intake {\n    document_max_mb = 1")
    with open(site.config, "r+") as file:
        file.write(text)


def tls(site, source="127.0.0.1", timeout=60):
    plain = socket.create_connection(("127.0.0.1", site.ports["feeds"]), timeout, (source, 0))
    return site.context("feed").wrap_socket(plain)


def answer_of(connection):
    """The status of the next answer, 0 where the connection ends first."""
    data = b""
    try:
        while b"\r\n" not in data:
            piece = connection.recv(4096)
            if not piece:
                return 0
            data += piece
    except BROKEN:
        return 0
    return int(data.split()[1])


def is_closed(plain):
    """Whether the other side has closed it, without having said a word."""
    plain.setblocking(False)
    try:
        return plain.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_connections(site):
    squatters = [socket.create_connection(("127.0.0.1", site.ports["feeds"]), 30) for _ in range(PER_ADDRESS * 2)]
    until("what is beyond the limit is closed before TLS", lambda: sum(map(is_closed, squatters)) == PER_ADDRESS)
    try:
        with tls(site):
            served = True
    except BROKEN:
        served = False
    check("one address has more connections than its limit", not served)
    # Somebody else is served meanwhile.
    with tls(site, "127.0.0.2") as other:
        other.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        equal("another address", 200, answer_of(other))
    check("logged", "too many connections from one address" in site.log())
    for plain in squatters:
        plain.close()
    until("the address is served again", lambda: site.health("feeds"))


HEAD = b"POST /v1/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def drip(connection, pieces):
    """Byte by byte until the other side has had enough; what it answers."""
    connection.settimeout(0.4)
    try:
        for piece in pieces:
            connection.sendall(piece)
            try:
                data = connection.recv(64)
                return int(data.split()[1]) if data else 0
            except TimeoutError:
                pass
    except BROKEN:
        return 0
    return -1


def slow(site, name, told):
    """One slow sender; told[name] is what became of it, -1 where it was never stopped."""
    endless = (b"x" for _ in range(400))
    if name == "silent before TLS":
        with socket.create_connection(("127.0.0.1", site.ports["feeds"]), 150, ("127.0.0.3", 0)) as plain:
            told[name] = 0 if plain.recv(1) == b"" else -1
        return
    with tls(site, "127.0.0.3") as connection:
        if name == "head":
            connection.sendall(HEAD + b"X: ")
            told[name] = drip(connection, endless)
        elif name == "body":
            connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
            told[name] = drip(connection, endless)
        elif name == "chunks":
            connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
            told[name] = drip(connection, (b"1\r\nx\r\n" for _ in range(400)))
        else:
            told[name] = drip(connection, (bytes([byte]) for byte in HEAD * 4))


def test_slow(site):
    """Runs beside the others: limits are 10 s."""
    told = {}
    names = ("silent before TLS", "head", "body", "chunks", "request line")
    threads = [threading.Thread(target=slow, args=(site, name, told), daemon=True) for name in names for _ in range(2)]
    for thread in threads:
        thread.start()

    def ended():
        for thread in threads:
            thread.join(150)
        equal("slow senders that were stopped", {"silent before TLS": 0, "head": 408, "body": 408, "chunks": 408, "request line": 408}, told)

    return ended


def test_heads(site):
    for what, head, wanted in (
            ("a long target", b"GET /v1/reports/" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (414,)),
            ("a long field", HEAD + b"X: " + b"a" * 70000 + b"\r\n\r\n", (431,)),
            ("many fields", HEAD + b"X: y\r\n" * 2000 + b"\r\n", (431,)),
            ("a head without end", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000, (431,)),
            ("length and chunks", HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
            ("two lengths", HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", (400,)),
            ("a negative length", HEAD + b"Content-Length: -5\r\n\r\n", (400,)),
            ("no HTTP", b"\x00\x01\x02\x03\r\n\r\n", (400,)),
            ("a folded field", HEAD + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}", (400,)),
            ("a bare LF in a chunk size", HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", (400,)),
            ("another coding", HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", (400, 501))):
        with tls(site) as connection:
            try:
                connection.sendall(head)
            except BROKEN:
                pass  # the answer may come before all of it is sent
            status = answer_of(connection)
            check(f"{what}: {status}, not {wanted}", status in wanted)


def post(site, body, content_type="application/json", path="", **headers):
    with Client(site, "feed") as client:
        return client.post("/v1/reports" + path, body, content_type, {key.replace("_", "-"): value for key, value in headers.items()})


def test_bodies(site):
    with tls(site) as connection:  # refused before a byte of it is sent
        connection.sendall(HEAD + b"Content-Length: 4000000\r\nExpect: 100-continue\r\n\r\n")
        equal("an announced body beyond the maximum", 413, answer_of(connection))
    with tls(site) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
        try:
            for _ in range(60):
                connection.sendall(piece)
        except BROKEN:
            pass
        equal("a chunked body beyond the maximum", 413, answer_of(connection))
    big = json.dumps({"description": "x" * 1200000}).encode()
    status, _, answer = post(site, big)
    equal(f"a document beyond the maximum {answer[:200]}", 413, status)
    lines = [report("x" * 50000, i) for i in range(50)]
    status, _, answer = post(site, b"\n".join(lines), "application/x-ndjson")
    equal("lines have no common maximum", (200, 50), (status, answer.count(b'"status":201')))
    status, _, answer = post(site, b"\n".join((report("before", 1), big, report("behind", 1))), "application/x-ndjson")
    results = [json.loads(line)["status"] for line in answer.splitlines()] if status == 200 else answer
    equal("a line beyond the maximum", (200, [201, 400, 201]), (status, results))


def test_bombs(site):
    zeros = gzip.compress(b" " * 200_000_000, 9)
    check("the bomb is small", len(zeros) < 1_000_000)
    for content_type in ("application/json", "application/x-ndjson", "text/csv", "application/xml", "application/octet-stream"):
        status, _, answer = post(site, zeros, content_type, Content_Encoding="gzip")
        check(f"a gzip bomb as {content_type}: {status} {answer[:200]}", status in (400, 413, 415))
    # Once by the coding, once as the document that it is; what is in there is not unpacked again.
    equal("a packed document, sent packed", 201, post(site, gzip.compress(gzip.compress(report("twice packed", 1))), Content_Encoding="gzip")[0])
    status, _, answer = post(site, gzip.compress(gzip.compress(gzip.compress(report("thrice packed", 1)))), Content_Encoding="gzip")
    check(f"thrice packed: {status} {answer[:200]}", status in (400, 415))
    for what, body in (("no gzip", b"abc"), ("a cut gzip", gzip.compress(report("cut", 1))[:-12]), ("trailing bytes", gzip.compress(report("t", 1)) + b"xyz")):
        status, _, answer = post(site, body, Content_Encoding="gzip")
        check(f"{what}: {status} {answer[:200]}", status == 400)
        kept = site.cirt_json("lead", "report", "show", json.loads(answer)["report"])
        equal(f"{what} is kept as it came", ("malformed", hashlib.sha256(body).hexdigest()), (kept["state"], kept["sha256"]))
    # One bit, which only the checksum shows: as JSON, lines and rows, by the coding and as the document that it is.
    csv = b"timestamp,ip,port\n2026-11-20 00:00:00,203.0.113.1,80\n2026-11-20 00:00:01,198.51.100.3,80\n"
    for what, plain, path in (("json", report("bit", 1), ""), ("rows", csv, "?name=2026-11-20-scan_telnet-xx.csv"), ("ndjson", report("bit", 2) + b"\n", "?format=ndjson")):
        packed = bytearray(gzip.compress(plain, mtime=0))
        packed[-6] ^= 1  # of the checksum: what is unpacked is whole, and not what it says
        for coding in ({"Content_Encoding": "gzip"}, {}):
            status, _, answer = post(site, bytes(packed), path=path, **coding)
            check(f"a damaged gzip of {what}, {coding}: {status} {answer[:200]}", status == 400 and json.loads(answer).get("report"))
    equal("an unknown coding", 415, post(site, b"{}", Content_Encoding="br")[0])
    equal("packed", 201, post(site, gzip.compress(report("packed", 1)), Content_Encoding="gzip")[0])


def peak_memory(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) // 1024


def test(scratch):
    site = Site(scratch, start=False)
    configure(site)
    site.start()
    roles = site.roles()
    ended = test_slow(site)
    test_connections(site)
    test_heads(site)
    test_bodies(site)
    test_bombs(site)
    ended()
    equal("a report after all that", 201, post(site, report("after all that", 1))[0])
    equal("no role was started anew", roles, site.roles())
    for name in ("gate-feeds/1", "intake/1", "intake/2"):
        print(f"{name}: {peak_memory(roles[name])} MB at most")
        check(f"{name} took {peak_memory(roles[name])} MB", "asan" in BUILD or peak_memory(roles[name]) < 200)


main(test)
