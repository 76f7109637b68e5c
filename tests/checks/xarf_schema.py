#!/usr/bin/env python3
"""What we write as X-ARF is valid by the schemas of xarf.org (which live beside the sources, not in them)."""
import glob
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.environ.get("SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SPEC = os.path.join(ROOT, "../shared/corpus/xarf/xarf-spec")
SCHEMAS = os.path.join(SPEC, "schemas/v4")
PROGRAM = os.path.join(os.environ["BUILD"], "tests/unit_codec_xarf")


def skip(why):
    print("skipped:", why)
    sys.exit(77)


try:
    import jsonschema
except ImportError:
    skip("no python3-jsonschema")
for needed in (SCHEMAS, PROGRAM):
    if not os.path.exists(needed):
        skip("no " + needed)
if not hasattr(jsonschema, "Draft202012Validator"):
    skip("python3-jsonschema does not know the draft of 2020-12")


def localise(value, name):
    """The schemas name each other by paths that do not all hold; here they become parts of one."""
    if isinstance(value, list):
        return [localise(item, name) for item in value]
    if not isinstance(value, dict):
        return value
    out = {k: localise(v, name) for k, v in value.items() if k not in ("$id", "$schema")}
    reference = value.get("$ref")
    if isinstance(reference, str):
        path, _, inside = reference.partition("#")
        out["$ref"] = "#/$defs/%s%s" % (os.path.basename(path) or name, inside)
    return out


parts = {}
for path in glob.glob(SCHEMAS + "/**/*.json", recursive=True):
    with open(path, encoding="utf-8") as file:
        parts[os.path.basename(path)] = localise(json.load(file), os.path.basename(path))
schema = {"$ref": "#/$defs/xarf-v4-master.json", "$defs": parts}
validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def faults(document):
    return ["/%s: %s" % ("/".join(map(str, e.path)), e.message[:200]) for e in validator.iter_errors(document)]


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
