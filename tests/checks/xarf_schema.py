#!/usr/bin/env python3
"""What we write as X-ARF is valid by the schemas of xarf.org (which live beside the sources, not in them)."""
import glob
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = os.environ.get("SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests/support"))
import schemas

SPEC = os.path.join(ROOT, "../shared/corpus/xarf/xarf-spec")
PROGRAM = os.path.join(os.environ["BUILD"], "tests/unit_codec_xarf")
try:
    schemas.need(pathlib.Path(PROGRAM))
    faults = schemas.xarf()
except schemas.Missing as why:
    print("skipped:", why)
    sys.exit(77)

bad = 0
with tempfile.TemporaryDirectory() as folder:
    # Reports of our own making, and each sample that is valid itself, read and written again.
    subprocess.run([PROGRAM, folder], check=True)
    written = sorted(glob.glob(folder + "/*.json"))
    if len(written) < 30:
        sys.exit("only %d documents were written" % len(written))
    for path in written:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        source = os.path.join(SPEC, "samples/v4", os.path.basename(path))
        if os.path.exists(source):
            with open(source, encoding="utf-8") as file:
                if faults(json.load(file)):
                    continue
        for report in document if isinstance(document, list) else [document]:
            for fault in faults(report):
                print("%s: %s" % (os.path.basename(path), fault))
                bad = 1
            # The schema is really asked.
            if not faults({k: v for k, v in report.items() if k != "timestamp"}):
                sys.exit("the schema takes a report without timestamp")
sys.exit(bad)
