#!/usr/bin/env python3
"""usage: schemas.py FILE.FORMAT...   Whether documents are valid by the schema of their format (json ndjson iodef iodef-json rid stix misp xarf).
The standards' schemas live in a corpus beside the sources, not in them: a format whose schema, or what reads it, is not there is said to be
skipped. Nothing is fetched."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import warnings

warnings.simplefilter("ignore", DeprecationWarning)
try:
    import jsonschema
except ImportError:
    jsonschema = None

ROOT = pathlib.Path(os.environ.get("SOURCE", pathlib.Path(__file__).resolve().parents[2]))
CORPUS = ROOT / "../shared/corpus"


class Missing(Exception):
    """No schema, or nothing to read it with."""


def need(path):
    if not path.exists():
        raise Missing(f"no {path}")
    if not hasattr(jsonschema, "Draft202012Validator"):
        raise Missing("python3-jsonschema is missing, or does not know the draft of 2020-12")
    return path


def faults_of(validator, document, place=""):
    return [f"{place}/{'/'.join(map(str, error.path))}: {error.message[:300]}" for error in validator.iter_errors(document)]


# --- STIX 2.1 (OASIS) ---


def absolute(node, place):
    """The schema with each reference as an address in the store."""
    if isinstance(node, list):
        return [absolute(child, place) for child in node]
    if not isinstance(node, dict):
        return node
    return {key: urllib.parse.urljoin(place, value) if key == "$ref" and isinstance(value, str) else absolute(value, place)
            for key, value in node.items()}


def stix_validators():
    folder = CORPUS / "stix21/schemas"
    need(folder / "common/bundle.json")

    class Local(jsonschema.RefResolver):
        def resolve_remote(self, uri):
            raise RuntimeError(f"the schema wants {uri} from the network")

    store, by_type = {}, {}
    for path in sorted(folder.rglob("*.json")):
        place = f"file:///{path.parent.name}/{path.name}"
        schema = absolute(json.loads(path.read_text()), place)
        schema.pop("$id")  # for the network; and versions of the library differ in what they make of it
        store[place] = schema
        if path.parent.name in ("sdos", "sros", "observables") or path.stem in ("marking-definition", "extension-definition", "bundle"):
            by_type[path.stem] = schema
    by_type["x-cirt-observable"] = next(s for s in store.values() if s["title"] == "cyber-observable-core")
    return {name: jsonschema.Draft202012Validator(schema, resolver=Local("", schema, store=store)) for name, schema in by_type.items()}


def stix():
    """The bundle's own schema lets any type through; so each object is held against that of its type."""
    validators = stix_validators()

    def check(bundle):
        found = faults_of(validators["bundle"], {key: value for key, value in bundle.items() if key != "objects"})
        ids = [thing["id"] for thing in bundle["objects"]]
        found += [f"{name} is there twice" for name in set(ids) if ids.count(name) > 1]
        for number, thing in enumerate(bundle["objects"]):
            if thing["type"] not in validators:
                found.append(f"/objects/{number}: no schema for {thing['type']}")
                continue
            found += faults_of(validators[thing["type"]], thing, f"/objects/{number}")
            for key, value in thing.items():
                if key.endswith(("_ref", "_refs")):
                    found += [f"/objects/{number}/{key}: {target} is not in the bundle"
                              for target in (value if isinstance(value, list) else [value]) if target not in ids]
        return found

    return check


# --- MISP (PyMISP's strict schema), IODEF in JSON (RFC 8727), X-ARF 4 (xarf.org), our own ---


def misp():
    validator = jsonschema.Draft7Validator(json.loads(need(CORPUS / "misp/schema/schema.json").read_text())) if jsonschema else None
    if not validator:
        raise Missing("python3-jsonschema is missing")
    return lambda document: faults_of(validator, document)


def iodef_json():
    # Lines are broken inside strings in the text of the RFC, so that a strict parser refuses its schema.
    text = need(CORPUS / "iodef2/rfc8727-json/rfc8727-03-schema.json").read_text()
    validator = jsonschema.Draft4Validator(json.loads(text, strict=False), format_checker=jsonschema.FormatChecker())
    return lambda document: faults_of(validator, document)


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
        out["$ref"] = f"#/$defs/{os.path.basename(path) or name}{inside}"
    return out


def xarf():
    folder = need(CORPUS / "xarf/xarf-spec/schemas/v4")
    parts = {path.name: localise(json.loads(path.read_text()), path.name) for path in folder.rglob("*.json")}
    schema = {"$ref": "#/$defs/xarf-v4-master.json", "$defs": parts}
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())

    def check(document):
        several = document if isinstance(document, list) else [document]
        return [fault for number, report in enumerate(several) for fault in faults_of(validator, report, f"/{number}")]

    return check


def native():
    validator = jsonschema.Draft202012Validator(json.loads(need(ROOT / "docs/report.schema.json").read_text()))
    return lambda document: faults_of(validator, document)


# --- XML (xmllint): IODEF v2 (RFC 7970), RID (RFC 6545) ---

PLACES = {
    "http://www.w3.org/2000/09/xmldsig#": "xmldsig.xsd",
    "urn:ietf:params:xml:ns:iodef-enum-1.0": "enum.xsd",
    "urn:ietf:params:xml:ns:iodef-sci-1.0": "sci.xsd",
    "urn:ietf:params:xml:ns:iodef-1.0": "iodef1.xsd",
    "http://www.w3.org/XML/1998/namespace": "xml.xsd",
}
SCHEMAS = {
    "iodef": ("iodef2.xsd", "iodef2/rfc7970/rfc7970-03-schema.xsd"),
    "iodef1": ("iodef1.xsd", "iodef2/rfc5070-v1/rfc5070-05-schema.xsd"),
    "enum": ("enum.xsd", "iodef2/rfc7495-ref/rfc7495-01-schema.xsd"),
    "rid": ("rid.xsd", "rid/rfc6545/rfc6545-08-schema.xsd"),
}


def xml(path, which):
    """Faults of the file. Each import's place in the schemas is replaced by a local file."""
    if not shutil.which("xmllint"):
        raise Missing("no xmllint")

    def local(match):
        space = re.search(r'namespace\s*=\s*"([^"]*)"', match.group(0)).group(1)
        return f'<xs:import namespace="{space}" schemaLocation="{PLACES[space]}"/>'

    with tempfile.TemporaryDirectory() as folder:
        for source in (ROOT / "tests/data/schemas").glob("*.xsd"):
            shutil.copy(source, folder)
        for name, source in SCHEMAS.values():
            if not (CORPUS / source).exists():
                raise Missing(f"no {CORPUS / source}")
            text = (CORPUS / source).read_text(encoding="utf-8")
            pathlib.Path(folder, name).write_text(re.sub(r"<xs:import\b[^>]*/>", local, text), encoding="utf-8")
        done = subprocess.run(["xmllint", "--nonet", "--noout", "--schema", f"{folder}/{SCHEMAS[which][0]}", path], capture_output=True, text=True)
        return done.stderr.splitlines() if done.returncode else []


# --- the program ---

JSON = {"json": native, "ndjson": native, "iodef-json": iodef_json, "stix": stix, "misp": misp, "xarf": xarf}


def faults_in(path, checks={}):
    name = path.suffix[1:]
    if name in SCHEMAS:
        return xml(path, name)
    if name not in checks:
        checks[name] = JSON[name]()
    documents = path.read_text(encoding="utf-8").splitlines() if name == "ndjson" else [path.read_text(encoding="utf-8")]
    return [fault for document in documents for fault in checks[name](json.loads(document))]


def main(paths):
    bad = False
    for path in map(pathlib.Path, paths):
        try:
            found = faults_in(path)
        except Missing as why:
            print(f"{path.name} is not checked: {why}")
            continue
        for fault in found[:20]:
            print(f"{path.name}: {fault}", file=sys.stderr)
        bad = bad or bool(found)
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
