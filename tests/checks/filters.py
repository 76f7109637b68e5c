#!/usr/bin/env python3
"""Every filter field of docs/FILTERS.md (held to filter_fields[] by unit_model_filter) has its SQL in sql/filters, for each comparison its kind knows."""
import os
import pathlib
import re
import sys

root = pathlib.Path(os.environ.get("SOURCE", pathlib.Path(__file__).parents[2]))
NEEDED = {
    "text": {"equal", "prefix", "none"},
    "number": {"equal", "range", "none"},
    "time": {"range", "none"},
    "label": {"equal", "range", "none"},
    "level": {"equal", "range", "none"},
    "score": {"equal", "range", "none"},
    "address": {"equal", "none"},
    "domain": {"equal", "none"},
    "asn": {"equal", "none"},
    "class": {"equal", "prefix", "none"},
    "words": {"text"},
}
# The parser turns is:... into other fields.
EXPANDED = {"is"}
FILES = {"C": "case", "R": "report", "I": "indicator"}

fields = {}
for line in (root / "docs" / "FILTERS.md").read_text().splitlines():
    row = re.fullmatch(r"\| `([a-z.-]+)` \| ([CRTIS]+) \| (\w+) \| .* \|", line)
    if row:
        fields[row[1]] = (row[2], row[3])
if len(fields) < 30:
    sys.exit("filters.py: the table of fields in docs/FILTERS.md was not found")
if not list((root / "sql" / "filters").glob("*.sql")):
    print("skipped: there is no sql/filters")
    sys.exit(1 if os.environ.get("CIRT_TEST_REQUIRE") else 77)

bad = []
for letter, name in FILES.items():
    path = root / "sql" / "filters" / f"{name}.sql"
    blocks = {}
    for block in re.split(r"^-- filter: ", path.read_text() if path.exists() else "", flags=re.M)[1:]:
        title, _, text = block.partition("\n")
        if title in blocks:
            bad.append(f"{name}.sql: {title} stands twice")
        blocks[title] = re.sub(r"^--.*$", "", text, flags=re.M).strip()
    for field, (objects, kind) in fields.items():
        if letter not in objects or field in EXPANDED:
            continue
        for comparison in sorted(NEEDED[kind]):
            text = blocks.get(f"{field}.{comparison}")
            if not text:
                bad.append(f"{name}.sql: {field}.{comparison} is missing")
                continue
            used = set(re.findall(r"\$\d+", text))
            may = {"none": set(), "range": {"$1", "$2"}}.get(comparison, {"$1"})
            # What a % or _ in a value would mean to LIKE; a regular expression out of a value has no bound.
            if re.search(r"LIKE", re.sub(r"I?LIKE '%' \|\| regexp_replace\(\$1::text, '\(\[\\\\%_\]\)', '\\\\\\1', 'g'\) \|\| '%'", "", text)):
                bad.append(f"{name}.sql: {field}.{comparison} gives a value to LIKE without escaping it")
            if re.search(r"SIMILAR|~|regexp_(match|like|count|instr)", text):
                bad.append(f"{name}.sql: {field}.{comparison} gives a value to a regular expression")
            # They are bound, and PostgreSQL refuses to bind what nothing uses.
            if used != may:
                bad.append(f"{name}.sql: {field}.{comparison} uses {', '.join(sorted(used)) or 'nothing'}, not {', '.join(sorted(may)) or 'nothing'}")
    for title in blocks:
        field = title.rpartition(".")[0]
        if field != "found" and (field not in fields or letter not in fields[field][0]):
            bad.append(f"{name}.sql: {title} is of no field")
print("\n".join(bad), file=sys.stderr)
sys.exit(1 if bad else 0)
