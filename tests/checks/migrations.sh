#!/bin/bash
# Migrations are numbered without a gap, and a released one never changes: sql/migrations.sha256 holds their checksums.
set -euo pipefail
cd "${SOURCE:-$(dirname "$0")/../..}/sql/migrations" || exit 77
bad=0
number=0
for file in *.sql; do
    [[ -e $file ]] || { echo "no migrations" >&2; exit 1; }
    number=$((number + 1))
    [[ $file =~ ^$(printf %04d $number)_[a-z0-9_]+\.sql$ ]] || { echo "$file: the next one is named $(printf %04d $number)_WORDS.sql" >&2; bad=1; }
done
if [[ -s ../migrations.sha256 ]]; then
    sha256sum --quiet --strict -c ../migrations.sha256 >&2 || { echo "A released migration was changed; write a new one instead." >&2; bad=1; }
fi
exit $bad
