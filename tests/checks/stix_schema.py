#!/usr/bin/env python3
"""What we write as STIX 2.1 is valid by the schemas of OASIS (which live beside the sources, not in them): what the unit test makes up, and
every document of the corpus read and written again. Nothing is fetched."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse
import warnings

warnings.simplefilter("ignore", DeprecationWarning)
try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is missing")
    sys.exit(77)

root = pathlib.Path(os.environ.get("SOURCE", "."))
corpus = root / "../shared/corpus/stix21"
program = pathlib.Path(os.environ.get("BUILD", root / "build/dev")) / "tests/unit_codec_stix"
for needed in (corpus / "schemas/common/bundle.json", program):
    if not needed.exists():
        print(f"skipped: no {needed}")
        sys.exit(77)



def absolute(node, place):
    """The schema with each reference as an address in the store."""
    if isinstance(node, list):
        return [absolute(child, place) for child in node]
    if not isinstance(node, dict):
        return node
    return {key: urllib.parse.urljoin(place, value) if key == "$ref" and isinstance(value, str) else absolute(value, place)
            for key, value in node.items()}


store = {}
by_type = {}
for path in sorted((corpus / "schemas").rglob("*.json")):
    place = f"file:///{path.parent.name}/{path.name}"
    schema = absolute(json.loads(path.read_text()), place)
    schema.pop("$id")  # for the network; and versions of the library differ in what they make of it
    store[place] = schema
    if path.parent.name in ("sdos", "sros", "observables") or path.stem in ("marking-definition", "extension-definition", "bundle"):
        by_type[path.stem] = schema
by_type["x-cirt-observable"] = next(s for s in store.values() if s["title"] == "cyber-observable-core")


class Local(jsonschema.RefResolver):
    def resolve_remote(self, uri):
        raise RuntimeError(f"the schema wants {uri} from the network")


def validator(schema):
    resolver = Local("", schema, store=store)
    return jsonschema.Draft202012Validator(schema, resolver=resolver)


validators = {name: validator(schema) for name, schema in by_type.items()}
problems = []


def check(name, bundle):
    """The bundle's own schema lets any type through; so each object is held against that of its type."""
    frame = {key: value for key, value in bundle.items() if key != "objects"}
    found = [f"{name}: bundle: {error.message[:200]}" for error in validators["bundle"].iter_errors(frame)]
    ids = set()
    for place, thing in enumerate(bundle["objects"]):
        if thing["type"] not in validators:
            found.append(f"{name}: /objects/{place}: no schema for {thing['type']}")
            continue
        for error in validators[thing["type"]].iter_errors(thing):
            found.append(f"{name}: /objects/{place}{error.json_path[1:]} ({thing['type']}): {error.message[:300]}")
        if thing["id"] in ids:
            found.append(f"{name}: /objects/{place}: {thing['id']} is there twice")
        ids.add(thing["id"])
    for place, thing in enumerate(bundle["objects"]):
        for key, value in thing.items():
            if key.endswith("_ref") or key.endswith("_refs"):
                for target in value if isinstance(value, list) else [value]:
                    if target not in ids:
                        found.append(f"{name}: /objects/{place}/{key}: {target} is not in the bundle")
    return found


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
