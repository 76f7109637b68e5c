#!/usr/bin/env python3
"""What we write as STIX 2.1 is valid by the schemas of OASIS (which live beside the sources, not in them): what the unit test makes up, and
every document of the corpus read and written again. Nothing is fetched."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

root = pathlib.Path(os.environ.get("SOURCE", "."))
sys.path.insert(0, str(root / "tests/support"))
import schemas

corpus = root / "../shared/corpus/stix21"
program = pathlib.Path(os.environ.get("BUILD", root / "build/dev")) / "tests/unit_codec_stix_write"
try:
    schemas.need(program)
    faults = schemas.stix()
except schemas.Missing as why:
    print(f"skipped: {why}")
    sys.exit(77)

problems = []


def check(name, bundle):
    return [f"{name}: {fault}" for fault in faults(bundle)]


with tempfile.TemporaryDirectory() as folder:
    sources = [path for path in sorted(corpus.rglob("*.json")) if "schemas" not in path.parts[-2] and "schemas" not in path.parts[-3]]
    sources += sorted((root / "tests/data/stix/good").glob("*.json"))
    sources = [str(path) for path in sources if not path.name.endswith(".expected.json")]
    subprocess.run([program, folder, *sources], check=True, stdout=subprocess.DEVNULL)
    written = sorted(pathlib.Path(folder).iterdir())
    for path in written:
        problems += check(path.name, json.loads(path.read_text()))
    if len(written) < 30:
        problems.append(f"only {len(written)} documents were written")
    # The schemas are really asked: without what they need a document is not valid.
    broken = json.loads(written[0].read_text())
    for thing in broken["objects"]:
        thing.pop("created", None)
        thing.pop("value", None)
    if not check("broken", broken):
        problems.append("a broken document is taken")

for problem in problems[:40]:
    print(problem, file=sys.stderr)
sys.exit(bool(problems))
