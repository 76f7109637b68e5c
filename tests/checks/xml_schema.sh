#!/bin/bash
# What we write as IODEF v2 and RID is valid by the schemas of RFC 7970 and RFC 6545 (which live beside the sources, not in them).
set -euo pipefail
cd "${SOURCE:-$(dirname "$0")/../..}"
corpus=../shared/corpus
for needed in "$corpus/iodef2/rfc7970/rfc7970-03-schema.xsd" "$corpus/rid/rfc6545/rfc6545-08-schema.xsd"; do
    [[ -f $needed ]] || { echo "skipped: no $needed"; exit 77; }
done
command -v xmllint >/dev/null || { echo 'skipped: no xmllint'; exit 77; }
[[ -x ${BUILD:?}/tests/unit_codec_rid ]] || { echo 'skipped: not built'; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# localise FILE: the schema with each import's place replaced by a local file.
localise() {
    python3 - "$1" <<'PY'
import re, sys
places = {
    "http://www.w3.org/2000/09/xmldsig#": "xmldsig.xsd",
    "urn:ietf:params:xml:ns:iodef-enum-1.0": "enum.xsd",
    "urn:ietf:params:xml:ns:iodef-sci-1.0": "sci.xsd",
    "urn:ietf:params:xml:ns:iodef-1.0": "iodef1.xsd",
    "http://www.w3.org/XML/1998/namespace": "xml.xsd",
}
text = open(sys.argv[1], encoding="utf-8").read()
def local(match):
    space = re.search(r'namespace\s*=\s*"([^"]*)"', match.group(0)).group(1)
    return '<xs:import namespace="%s" schemaLocation="%s"/>' % (space, places[space])
sys.stdout.write(re.sub(r'<xs:import\b[^>]*/>', local, text))
PY
}
cp tests/data/schemas/*.xsd "$dir"
cp "$corpus/iodef2/rfc7495-ref/rfc7495-01-schema.xsd" "$dir/enum.xsd"
localise "$corpus/iodef2/rfc7970/rfc7970-03-schema.xsd" >"$dir/iodef2.xsd"
localise "$corpus/iodef2/rfc5070-v1/rfc5070-05-schema.xsd" >"$dir/iodef1.xsd"
localise "$corpus/rid/rfc6545/rfc6545-08-schema.xsd" >"$dir/rid.xsd"

"$BUILD/tests/unit_codec_iodef" "$dir/document.xml"
"$BUILD/tests/unit_codec_rid" "$dir/report.xml" "$dir/acknowledgement.xml"
xmllint --nonet --noout --schema "$dir/iodef2.xsd" "$dir/document.xml"
xmllint --nonet --noout --schema "$dir/rid.xsd" "$dir/report.xml" "$dir/acknowledgement.xml"
# The schema is really asked: without its GenerationTime the document is not valid.
sed '/<GenerationTime>/d' "$dir/document.xml" >"$dir/broken.xml"
! xmllint --nonet --noout --schema "$dir/iodef2.xsd" "$dir/broken.xml" 2>/dev/null
