#!/usr/bin/env python3
"""What we write as IODEF in JSON is valid by the schema of RFC 8727 (which lives beside the sources, not in them)."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = os.environ.get("SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests/support"))
import schemas

PROGRAM = os.path.join(os.environ["BUILD"], "tests/unit_codec_iodef")
try:
    schemas.need(pathlib.Path(PROGRAM))
    faults = schemas.iodef_json()
except schemas.Missing as why:
    print("skipped:", why)
    sys.exit(77)

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "document.json")
    subprocess.run([PROGRAM, path, "iodef-json"], check=True)
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
found = faults(document)
if found:
    sys.exit("\n".join(found))
# The schema is really asked: without its GenerationTime the document is not valid.
del document["Incident"][0]["GenerationTime"]
if not faults(document):
    sys.exit("the schema takes an Incident without GenerationTime")
