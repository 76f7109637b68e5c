#!/usr/bin/env python3
"""Beside an IntelMQ: its REST API output posts each event with a client certificate (docs/OPERATIONS.md has the configuration). The corpus' real events are
posted here the same way: the same body, header and TLS."""
import glob
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import SOURCE, Client, Site, check, equal, main, skip, until  # noqa: E402

CORPUS = os.path.join(SOURCE, "..", "shared", "corpus", "feeds", "intelmq-expected")


def events(value):
    """Every event in what the parsers' tests expect; their templates, which name nothing, are none."""
    if isinstance(value, dict) and value.get("__type") == "Event" and "classification.type" in value:
        yield {name: item for name, item in value.items() if name != "__type"}
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from events(item)


def test(scratch):
    files = sorted(glob.glob(os.path.join(CORPUS, "*.json")))
    if not files:
        skip("the corpus is not here")
    found, sources = [], set()
    for path in files:
        with open(path) as file:
            some = list(events(json.load(file)))[:20]
        found += some
        sources.add(os.path.basename(path))
    check("there are events of many parsers", len(found) > 50 and len(sources) > 15)
    site = Site(scratch, "home", new=("--name", "XX-CERT", "--prefix", "XX-CERT"))
    refused = {}
    taken = {}
    with Client(site, "feed") as client:
        for event in found:
            # As requests writes json=..., with the header that the bot sets.
            status, _, body = client.request("POST", "/v1/reports?format=intelmq", json.dumps(event).encode(), "application/json; charset=utf-8")
            answer = json.loads(body)
            if status in (200, 201):
                taken[answer["report"]] = event
            else:
                refused[json.dumps(event)[:200]] = (status, answer.get("detail"))
    equal("none is refused", {}, refused)
    until("all are triaged", lambda: site.sql("SELECT count(*) FROM report r LEFT JOIN report_outcome o ON o.report_id = r.id WHERE o.state IS NULL") == [["0"]])
    seen = 0
    for report, event in taken.items():
        address = event.get("source.ip")
        if not address:
            continue
        seen += 1
        rows = site.sql(f"SELECT count(*) FROM sighting WHERE report_id = {report[1:]} AND addr = '{address}'")
        check(f"{report}: {address} stands in it", rows != [["0"]])
    check("many have an address", seen > 25)
    print(f"{len(found)} events of {len(sources)} parsers, {len(taken)} different ones")


main(test)
