#!/usr/bin/env python3
"""SIGHUP under load brings new certificates and drops nobody; SIGTERM under load drains: what was acknowledged is there, in-flight is answered."""
import os
import re
import shutil
import signal
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import BROKEN, CA, Client, Load, Lmtp, Site, check, digest, equal, mail, main, report, run, stored_once, until  # noqa: E402


def certificate(site, listener):
    """What a new connection is shown."""
    with site.context(None).wrap_socket(socket.create_connection(("127.0.0.1", site.ports[listener]), 30)) as connection:
        return connection.getpeercert(binary_form=True)


def patient(load, name, part, identity):
    """A client that never connects again: any closed connection is a fault."""
    number = 0
    with Client(load.site, identity) as client:
        client.get("/healthz")
        connection = client.connection.sock
        while not load.ending.is_set():
            number += 1
            body = report(f"{name} {number}", number)
            status, _, answer = client.post("/v1/reports", body)
            if status != 201 or client.connection.sock is not connection:
                load.faults.append(f"{name}: {status} {answer[:200]!r}, connection kept: {client.connection.sock is connection}")
                return
            part[(identity, digest(body))] = 1


def renew(site, keys, days):
    """A new certificate for the gates' key, which each gate has a copy of."""
    key = os.path.join(keys, "gate.key")
    shutil.copy(os.path.join(keys, "gate-feeds.key"), key)
    run(CA, "renew", os.path.join(site.dir, "ca"), "gate", "--days", str(days))
    os.remove(key)


def test_reload(site):
    roles = site.roles()
    load = Load(site)
    load.start(patient, 24, "feed")
    load.start(patient, 8, "lead")
    load.progresses(500)
    keys = os.path.join(site.dir, "keys")
    for round_ in range(3):
        shown = certificate(site, "feeds")
        renew(site, keys, 30 + round_)
        equal("before SIGHUP nothing changes", shown, certificate(site, "feeds"))
        site.hangup()
        for listener in site.ports:
            until(f"new connections to {listener} see the new certificate", lambda: certificate(site, listener) != shown)
        load.progresses(300)
    # A configuration or certificate that is wrong changes nothing, is said, and can be mended.
    path = os.path.join(keys, "gate.crt")
    with open(path) as file:
        good = file.read()
    for what, broken, text in ((path, "no certificate", good), (site.config, "site {", open(site.config).read())):
        before = len(site.log())
        write(what, broken)
        site.hangup()
        until(f"{what} broken is logged", lambda: "reload_failed" in site.log()[before:])
        load.progresses(200)
        write(what, text)
    site.hangup()
    load.progresses(200)
    acknowledged = load.finish()
    equal("no role was started anew", roles, site.roles())
    stored_once(site, acknowledged, load)
    return acknowledged


def write(path, text):
    """In place, so that owner and mode stay."""
    with open(path, "r+") as file:
        file.write(text)
        file.truncate()


def last_words(load, name, part, identity, unanswered):
    """Sends until the site stops. A request that was sent in time must have an answer, and no other connection is made."""
    number = 0
    with Client(load.site, identity) as client:
        while not load.ending.is_set():
            number += 1
            body = report(f"{name} {number}", number)
            sent = load.outstanding[name] = time.monotonic()
            try:
                status, headers, answer = client.post("/v1/reports", body)
            except BROKEN as problem:
                load.unsettled.append((identity, digest(body)))
                unanswered.append((sent, problem))
                return
            if status == 201:
                part[(identity, digest(body))] = 1
            elif status != 503:
                load.faults.append(f"{name}: {status} {answer[:200]!r}")
            if status != 201 or headers.get("Connection", "").lower() == "close":
                return


def slow_answers(site, answers, part, ready):
    """A body that is half sent when SIGTERM comes, and its rest after."""
    rows = [report(f"in flight {i}", i) for i in range(20)]
    body = b"\n".join(rows)
    connection = site.context("feed").wrap_socket(socket.create_connection(("127.0.0.1", site.ports["feeds"]), 60))
    with connection:
        connection.sendall(b"POST /v1/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:100])
        ready.wait(60)
        time.sleep(0.3)
        connection.sendall(body[100:])
        answer = connection.makefile("rb").read()
    answers.append(answer)
    if answer.startswith(b"HTTP/1.1 200"):
        part.update({("feed", digest(row)): 1 for row in rows})


def test_drain(site, acknowledged):
    load, unanswered = Load(site), []
    load.start(last_words, 32, "feed", unanswered)
    load.start(last_words, 16, "analyst", unanswered)
    load.progresses(300)
    answers, part, ready = [], {}, threading.Event()
    slow = threading.Thread(target=slow_answers, args=(site, answers, part, ready))
    slow.start()
    lmtp = Lmtp(site)
    message = mail("drain@sender.example", "in flight when the site stops")
    for words in ("MAIL FROM:<drain@sender.example>", f"RCPT TO:<{lmtp.recipient}>", "DATA"):
        check(words, lmtp.say(words)[0] in "23")
    time.sleep(0.5)
    supervisor, roles, before = site.supervisor(), site.roles(), len(site.log())
    # The gate sleeps until each client has a request on its way, so that the signal finds all of them unread.
    os.kill(roles["gate-feeds/1"], signal.SIGSTOP)
    until("every client waits", lambda: all(0 < sent < time.monotonic() - 0.3 for sent in list(load.outstanding.values())))
    stopped = time.monotonic()
    os.kill(supervisor, signal.SIGTERM)
    time.sleep(0.3)
    os.kill(roles["gate-feeds/1"], signal.SIGCONT)
    ready.set()
    lmtp.socket.sendall(message + b".\r\n")
    equal("a mail whose end comes during the stop", "250", lmtp._reply()[:3])
    lmtp.close()
    slow.join(60)
    check(f"a request begun before the stop was not answered: {answers}", answers and answers[0].startswith(b"HTTP/1.1 200"))
    until("the supervisor ends", lambda: not os.path.exists(f"/proc/{supervisor}"))
    acknowledged |= load.finish() | set(part) | {("drain@sender.example", digest(message))}
    in_time = [(sent - stopped, problem) for sent, problem in unanswered if sent < stopped]
    check(f"{len(in_time)} requests sent before the stop have no answer: {in_time[:3]}", not in_time)
    log = site.log()[before:]
    check("the stop was not clean:\n" + log, "stopped clean=1" in log and "role_killed" not in log)
    ends = re.findall(r" (\S+) role_stopped", log)
    equal("roles that said that they stopped", len(roles), len(ends))
    workers = [i for i, name in enumerate(ends) if name.startswith(("intake", "desk"))]
    gates = [i for i, name in enumerate(ends) if name.startswith("gate")]
    check(f"gates stop before workers: {ends}", max(gates) < min(workers))
    site.start()
    stored_once(site, acknowledged, load)


def test(scratch):
    site = Site(scratch)
    test_drain(site, test_reload(site))


main(test)
