#!/usr/bin/env python3
"""What we write as IODEF in JSON is valid by the schema of RFC 8727 (which lives beside the sources, not in them)."""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.environ.get("SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SCHEMA = os.path.join(ROOT, "../shared/corpus/iodef2/rfc8727-json/rfc8727-03-schema.json")
PROGRAM = os.path.join(os.environ["BUILD"], "tests/unit_codec_iodef")


def skip(why):
    print("skipped:", why)
    sys.exit(77)


try:
    import jsonschema
except ImportError:
    skip("no python3-jsonschema")
for needed in (SCHEMA, PROGRAM):
    if not os.path.exists(needed):
        skip("no " + needed)

# Lines are broken inside strings in the text of the RFC, so that a strict parser refuses its schema.
with open(SCHEMA, encoding="utf-8") as file:
    validator = jsonschema.Draft4Validator(json.loads(file.read(), strict=False), format_checker=jsonschema.FormatChecker())


def faults(document):
    return ["/%s: %s" % ("/".join(map(str, e.path)), e.message[:200]) for e in validator.iter_errors(document)]


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
