#!/bin/bash
# Any CSV by a mapping, plain, in a zip and gzipped; what cannot be read is kept and replayed after the mapping was mended.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT --prefix XX-CERT
good=$SOURCE/tests/data/csv/good
submit() { as home feed --json submit "$@" | value "${what:-d[\"observations\"]}"; }

contains 'registered' 'c2-list' "$(as home lead mapping add c2-list --file "$good/c2-list.csv.mapping")"
exits 1 as home lead mapping add c2-list --file "$good/c2-list.csv.mapping"
printf 'column a = source.address\n' >"$SCRATCH/wrong.mapping"
contains 'which line is wrong' 'line 1' "$(as home lead mapping add wrong --file "$SCRATCH/wrong.mapping" 2>&1 || true)"
# --- tried before it is used, without the daemon ---
tried=$(as home feed mapping try "$good/c2-list.csv" --file "$good/c2-list.csv.mapping")
contains 'what it makes' '3 observations, 2 rejected, 3 values for detection' "$tried"
contains 'and why not' 'column "dst_ip" holds no valid value' "$tried"
contains 'a value, its port and what is kept' 'infrastructure 198.51.100.7 (for detection)' "$tried"
contains 'kept' 'status=online' "$tried"
equal 'the same as JSON' 443 "$(as home feed --json mapping try "$good/c2-list.csv" --file "$good/c2-list.csv.mapping" --limit 1 | value 'd["observations"][0]["target_port"]')"
exits 5 as home feed mapping try "$good/c2-list.csv" --file "$SCRATCH/wrong.mapping"
exits 2 as home feed mapping try "$good/c2-list.csv"
equal 'nothing was stored' 0 "$(as home lead --json report ls | value 'len(d["items"])')"

exits 3 as home auditor mapping add theirs --file "$good/c2-list.csv.mapping"
contains 'listed' 'csv:c2-list' "$(as home auditor mapping ls)"

equal 'rows' 3 "$(submit "$good/c2-list.csv" --format csv:c2-list)"
as home lead report raw r1 | cmp - "$good/c2-list.csv" || fail 'what is kept of a CSV is not what was sent'
equal 'the report says how it was read' csv:c2-list "$(as home lead --json report show r1 | value 'd["format"]')"
exits 5 as home feed submit "$good/c2-list.csv" --format csv:no-such

# --- packed: what was sent is what is kept ---
(cd "$SCRATCH" && cp "$good/c2-list.csv" two.csv && echo '2026-03-03 00:00:00,198.51.100.9,443,online,,Heodo' >>two.csv && gzip -kn two.csv &&
    sed 's/198.51.100.7/198.51.100.70/' two.csv >three.csv && python3 -m zipfile -c three.zip three.csv && head -c 200 three.zip >cut.zip)
equal 'gzip' 4 "$(submit "$SCRATCH/two.csv.gz" --format csv:c2-list)"
answer=$(what=d submit "$SCRATCH/three.zip" --format csv:c2-list)
contains 'zip' '"observations": 4' "$answer"
contains 'tried packed' '4 observations' "$(as home feed mapping try "$SCRATCH/three.zip" --file "$good/c2-list.csv.mapping")"
contains 'tried packed' '4 observations' "$(as home feed mapping try "$SCRATCH/two.csv.gz" --file "$good/c2-list.csv.mapping")"
report=$(what='d["report"]' submit "$SCRATCH/three.zip" --format csv:c2-list)
as home lead report raw "$report" >"$SCRATCH/out"
cmp "$SCRATCH/three.zip" "$SCRATCH/out" || fail 'what is kept is not what was sent'
exits 5 as home feed submit "$SCRATCH/cut.zip" --format csv:c2-list
contains 'the cut archive is kept' 'broken' "$(as home lead report show "$(as home lead --json report ls state:malformed | value 'd["items"][0]["id"]')")"

# --- Shadowserver's own way: one CSV in a zip, known by the name in there ---
(cd "$SCRATCH" && cp "$SOURCE/tests/data/shadowserver/good/2026-03-01-scan_smb-example-asn.csv" . && python3 -m zipfile -c daily.zip 2026-03-01-scan_smb-example-asn.csv)
equal 'Shadowserver in a zip' shadowserver "$(report=$(what='d["report"]' submit "$SCRATCH/daily.zip"); as home lead --json report show "$report" | value 'd["format"]')"

# --- which rows were left out, and why ---
printf '2026-03-04 00:00:00,198.51.100.%s,443,online,,Heodo\n' 10 999 >"$SCRATCH/rows.csv"
report=$(what='d["report"]' submit "$SCRATCH/rows.csv" --format csv:c2-list)
contains 'how many' 'rejected: 1, ' "$(as home lead report show "$report")"
contains 'which and why' 'line 2: column "dst_ip" holds no valid value' "$(as home lead report show "$report")"

# --- a mapping is mended, and the document read again ---
printf 'column address = source.ip\n' >"$SCRATCH/sensor.mapping"
printf 'when,addr\n05.03.2026,192.0.2.9\n' >"$SCRATCH/sensor.csv"
as home lead mapping add sensor --file "$SCRATCH/sensor.mapping" >/dev/null
exits 5 as home feed submit "$SCRATCH/sensor.csv" --format csv:sensor
report=$(as home lead --json report ls state:malformed | value '[i["id"] for i in d["items"] if i["format"] == "csv:sensor"][0]')
printf 'column addr = source.ip\ncolumn when = time format "%%d.%%m.%%Y"\nzone: +02:00\nclass: scanner\n' >"$SCRATCH/sensor.mapping"
as home lead mapping set sensor --file "$SCRATCH/sensor.mapping" >/dev/null
as home lead report replay "$report" >/dev/null
is_read() { [[ $(as home lead --json report show "$report" | value 'd["observations"]') == 1 ]]; }
until_true 20 is_read
equal 'its time' 2026-03-04T22:00:00Z "$(as home lead --json report show "$report" | value 'd["observation_list"][0]["time"]')"
as home lead mapping rm sensor --yes >/dev/null
exits 1 as home lead mapping show sensor

# --- a mapping that fits no row: nothing is lost, and nothing passes as fine ---
printf 'column ip = source.ip\ncolumn seen = time format "%%d/%%m/%%Y %%H:%%M"\ncolumn share = tlp\n' >"$SCRATCH/times.mapping"
as home lead mapping add times --file "$SCRATCH/times.mapping" >/dev/null
printf 'seen,ip,share\n2026-03-01T10:00:00Z,192.0.2.7,clear\n2026-03-01T10:05:00Z,192.0.2.8,company red\n' >"$SCRATCH/times.csv"
exits 5 as home feed submit "$SCRATCH/times.csv" --format csv:times
contains 'how many, and why the first' 'none of 2 rows could be read; the first: column "seen" holds no valid value' "$said"
report=$(as home lead --json report ls state:malformed | value '[i["id"] for i in d["items"] if i["format"] == "csv:times"][0]')
equal 'a label that only the decoder understands' red "$(as home lead --json report show "$report" | value 'd["tlp"]')"
sed -i 's/ format.*//' "$SCRATCH/times.mapping"
as home lead mapping set times --file "$SCRATCH/times.mapping" >/dev/null
as home lead report replay "$report" >/dev/null
is_read() { [[ $(as home lead --json report show "$report" | value 'd["observations"]') == 1 ]]; } # no label is no valid value
until_true 20 is_read
printf 'seen,ip,share\n' >"$SCRATCH/times.csv"
equal 'one without rows is fine' 0 "$(submit "$SCRATCH/times.csv" --format csv:times)"
# by a drop folder: in pieces, and packed
as home admin feed add times --drop --format csv:times >/dev/null
until_true 20 test -d "$SCRATCH/home/drop/times"
printf 'seen,ip,share\nLog in,192.0.2.9,our company red\n' | gzip >"$SCRATCH/home/drop/times/packed.csv.gz"
printf 'seen,ip,share\nx,192.0.2.9,company red\n' >"$SCRATCH/home/drop/times/none.csv"
until_true 30 test -f "$SCRATCH/home/drop/times/failed/none.csv.reason"
until_true 30 test -f "$SCRATCH/home/drop/times/failed/packed.csv.gz.reason"
contains 'why' 'its only row could not be read' "$(cat "$SCRATCH/home/drop/times/failed/none.csv.reason")"
equal 'their label' '["red", "red"]' "$(as home lead --json report ls state:malformed sender:times | value '[i["tlp"] for i in d["items"]]')"

# --- a feed that is read by a mapping ---
contains 'a feed that nothing would read' 'there is no mapping "c3-list"' "$(as home admin feed add c2 --drop --format csv:c3-list 2>&1 || true)"
as home admin feed add c2 --drop --format csv:C2-list >/dev/null
exits 1 as home lead mapping rm c2-list --yes
until_true 20 test -d "$SCRATCH/home/drop/c2"
cp "$good/c2-list.csv" "$SCRATCH/home/drop/c2/"
is_read() { [[ $(as home lead --json feed show c2 2>/dev/null | value 'd["rows"]') == 3 ]]; }
until_true 20 is_read

# --- a feed that sends: what its record says of its documents counts, whatever the program that posts them calls them ---
send() { post home feed "/v1/reports${2:-}" "$1" "$SCRATCH/sent" | head -n 1; }
row() { printf '2026-03-04 00:00:%02d,198.51.100.%d,443,online,,Heodo\n' "$1" "$1" >"$SCRATCH/sent"; }
row 10
sed -i '1i a,b,c,d,e,f' "$SCRATCH/sent"
contains 'who sends some CSV is told what it lacks' 'csv:NAME' "$(send text/csv)"
as home admin feed set feed --format csv:c2-list >/dev/null
for type in text/csv application/octet-stream text/plain ''; do
    row $((20 + ${#type}))
    equal "by its record: '$type'" 1 "$(send "$type" | value 'd["observations"]')"
done
row 11
contains 'the request may say otherwise' '"at":' "$(send text/csv '?format=json')"
printf '{"description":"a line"}\n' >"$SCRATCH/sent"
contains 'lines are lines' '"status":201' "$(send application/x-ndjson)"
