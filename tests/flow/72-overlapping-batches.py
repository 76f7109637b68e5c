#!/usr/bin/env python3
"""Overlapping batches from four connections, with the same and with different reports: no deadlock, no loss, nothing twice."""
import json
import os
import random
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import Client, Failed, Site, check, digest, equal, main, report, stored_once  # noqa: E402

ROUNDS, SIZE = 12, 800


def lines_of(round_, who):
    """Half of each batch is everybody's, in an order of its own; a tenth stands in it twice."""
    shared = [report(f"round {round_} shared {i}", i) for i in range(SIZE // 2)]
    shared[:5] = [b'{"observations":[{"count":"round %d bad %d"}]}' % (round_, i) for i in range(5)]
    own = [report(f"round {round_} of {who} {i}", i) for i in range(SIZE // 2)]
    rows = shared + own + shared[: SIZE // 10]
    random.Random(f"{round_} {who}").shuffle(rows)
    return rows


def send(site, who, identity, barrier, answers, faults):
    try:
        with Client(site, identity) as client:
            for round_ in range(ROUNDS):
                rows = lines_of(round_, who)
                barrier.wait(60)
                status, _, answer = client.post("/v1/reports", b"\n".join(rows), "application/x-ndjson")
                equal(f"status of {who} in round {round_}", 200, status)
                results = [json.loads(line) for line in answer.splitlines()]
                equal("a result a line", len(rows), len(results))
                answers.append((identity, rows, results))
    except (Failed, OSError, threading.BrokenBarrierError) as problem:
        faults.append(f"{who}: {problem}")
        barrier.abort()


def same_single(site, number):
    """The same report over eight connections at once: one 201, seven 200, one id."""
    body = report(f"at once {number}", number)
    barrier, seen = threading.Barrier(8), []

    def post():
        with Client(site, "feed") as client:
            client.get("/healthz")
            barrier.wait(60)
            status, _, answer = client.post("/v1/reports", body)
            seen.append((status, json.loads(answer)["report"]))

    threads = [threading.Thread(target=post) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    equal("answers to the same report sent at once", [200] * 7 + [201], sorted(status for status, _ in seen))
    equal("ids of the same report", 1, len({id_ for _, id_ in seen}))
    return "feed", digest(body)


def test(scratch):
    site = Site(scratch)
    barrier, answers, faults = threading.Barrier(4), [], []
    # Two connections of one sender (the same bytes are the same report), two of others (they are not).
    threads = [threading.Thread(target=send, args=(site, who, identity, barrier, answers, faults))
               for who, identity in (("a", "feed"), ("b", "feed"), ("c", "lead"), ("d", "analyst"))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    check(f"faults: {faults}", not faults)

    ids, created = {}, {}
    for identity, rows, results in answers:
        for row, result in zip(rows, results):
            key = (identity, digest(row))
            is_bad = b"bad" in row
            check(f"status {result} of {row}", result["status"] == 400 if is_bad else result["status"] in (200, 201))
            equal("the id of the same report", ids.setdefault(key, result["report"]), result["report"])
            if not is_bad:
                created[key] = created.get(key, 0) + (result["status"] == 201)
    wrong = [key for key, count in created.items() if count != 1]
    check(f"{len(wrong)} of {len(created)} reports were not said to be new exactly once", not wrong)

    acknowledged = set(ids) | {same_single(site, number) for number in range(10)}
    stored_once(site, acknowledged)
    for log in (site.log(), site.database_log()):
        check("a deadlock in the log", "deadlock" not in log)


main(test)
