#!/usr/bin/env python3
"""docs/report.schema.json takes every good native sample and refuses the bad ones whose fault a schema can see."""
import json
import os
import pathlib
import re
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is missing")
    sys.exit(77)

root = pathlib.Path(os.environ.get("SOURCE", "."))
schema = json.loads((root / "docs/report.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
bad = 0


def complain(text):
    global bad
    bad += 1
    print(text, file=sys.stderr)


def documents(folder, pattern):
    for path in sorted((root / "tests/data" / folder).glob(pattern)):
        if path.name.endswith((".expected.json", ".error")):
            continue
        lines = path.read_bytes().splitlines() if path.suffix == ".ndjson" else [path.read_bytes()]
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield f"{path.name}:{number}", line


# Every type of observable that we know; the SQL names are held to C's by a db test.
names = re.search(r"FUNCTION observable_type_name.*?ARRAY\[(.*?)\]", (root / "sql/functions/005_names.sql").read_text(), re.S)[1]
for name in re.findall(r"'([^']+)'", names):
    if not validator.is_valid({"observables": [{"type": name, "value": "x"}]}):
        complain(f"the schema does not know the type {name}")

good = 0
for name, text in documents("json/good", "*"):
    good += 1
    for error in validator.iter_errors(json.loads(text.decode("utf-8-sig"))):
        complain(f"{name}: a good sample is refused: {error.json_path}: {error.message}")
if not good:
    complain("no good samples")

# A schema sees shapes; what is no JSON at all, given twice, or wrong only in its value, it cannot see.
unseen = ("duplicate", "trailing", "cut", "empty", "nul", "lone", "wrong-utf8", "utf-16", "too-deep", "bad-ip", "ip-is-name", "all-absent", "bad-domain",
          "no-such-day", "huge-count", "bad-email", "observable-value", "observable-unknown")
for name, text in documents("json/bad", "*"):
    if not name.startswith(unseen) and validator.is_valid(json.loads(text)):
        complain(f"{name}: a bad sample is accepted")
sys.exit(bool(bad))
