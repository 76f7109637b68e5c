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

"$BUILD/tests/unit_codec_iodef" "$dir/document.iodef"
"$BUILD/tests/unit_codec_rid" "$dir/report.rid" "$dir/acknowledgement.rid"
tests/support/schemas.py "$dir/document.iodef" "$dir/report.rid" "$dir/acknowledgement.rid"
# The schema is really asked: without its GenerationTime the document is not valid.
sed '/<GenerationTime>/d' "$dir/document.iodef" >"$dir/broken.iodef"
! tests/support/schemas.py "$dir/broken.iodef" 2>/dev/null
