#!/usr/bin/env python3
"""Proves an exported journal without any code of cirt: verify-journal.py < export.json   (cirt --json journal CASE --export)

A chain begins with SHA-256("cirt journal, case CHAIN" or "cirt journal, site" for 0), CHAIN being the number in the export. Each entry carries
    commitment = SHA-256(salt, payload)                            what was written, sealed; salt and payload may have been erased by law
    hash       = SHA-256(previous, seq as 8 bytes big-endian, commitment)
so whoever kept one hash can tell whether anything before it was changed, left out or put in.
Exit 0: whole; 1: not, with the entry; 2: not an export."""
import hashlib
import json
import sys


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def verify(case, entries):
    text = "site" if case == 0 else f"case {case}"
    previous = sha256(f"cirt journal, {text}".encode())
    for expected, entry in enumerate(entries, 1):
        commitment = bytes.fromhex(entry["commitment"])
        if entry["seq"] != expected:
            return f"entry {expected} is missing"
        if bytes.fromhex(entry["previous"]) != previous:
            return f"entry {expected} does not follow the one before it"
        if bytes.fromhex(entry["hash"]) != sha256(previous, expected.to_bytes(8, "big"), commitment):
            return f"entry {expected}: its hash is not that of its content"
        if entry.get("payload") is not None:
            if commitment != sha256(bytes.fromhex(entry["salt"]), entry["payload"].encode()):
                return f"entry {expected}: its text is not the text that was committed"
            committed = json.loads(entry["payload"])
            for name in ("time", "actor", "action", "text"):
                if entry[name] != committed.get(name):
                    return f"entry {expected}: {name} is not what was committed"
        previous = bytes.fromhex(entry["hash"])
    return None


try:
    export = json.load(sys.stdin)
    fault = verify(int(export["chain"]), sorted(export["items"], key=lambda entry: entry["seq"]))
except (ValueError, KeyError, IndexError, TypeError) as error:
    print(f"verify-journal: not an export: {error!r}", file=sys.stderr)
    sys.exit(2)
if fault:
    print(f"verify-journal: {fault}", file=sys.stderr)
    sys.exit(1)
print(f"{len(export['items'])} entries, {export['items'][-1]['hash'] if export['items'] else 'none'}")
