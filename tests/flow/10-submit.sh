#!/bin/bash
# Reports in by CLI and curl; the answers of contracts section 3; what ls and show say of them.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT
samples=$SOURCE/packaging/samples

# native JSON by curl: 201, then 200 with the same id for the same bytes
answer=$(post home feed /v1/reports application/json "$samples/phishing.json")
equal 'first time' 201 "$(tail -n 1 <<<"$answer")"
report=$(head -n 1 <<<"$answer" | value 'd["report"]')
equal 'rows' 1 "$(head -n 1 <<<"$answer" | value 'd["observations"]')"
answer=$(post home feed /v1/reports application/json "$samples/phishing.json")
equal 'again' 200 "$(tail -n 1 <<<"$answer")"
equal 'the same report' "$report" "$(head -n 1 <<<"$answer" | value 'd["report"]')"
# with a stricter label they are told what holds; lines, too
answer=$(post home feed '/v1/reports?tlp=red' application/json "$samples/phishing.json")
equal 'a stricter label' "200 $(as home lead --json report show "$report" | value 'd["tlp"]')" "$(tail -n 1 <<<"$answer") $(head -n 1 <<<"$answer" | value 'd["tlp"]')"
contains 'and cirt says so' 'that stays' "$(as home feed submit "$samples/phishing.json" --tlp red)"
lacks 'but not for the same' 'that stays' "$(as home feed submit "$samples/phishing.json" --tlp clear)"
python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)))' <"$samples/phishing.json" >"$SCRATCH/line.ndjson"
as home feed submit "$SCRATCH/line.ndjson" >/dev/null
contains 'of lines' '1 of those had already keep a wider label' "$(as home feed submit "$SCRATCH/line.ndjson" --tlp red)"
# another sender's is another report
equal 'by an analyst' 201 "$(at home curl_as analyst -H 'Content-Type: application/json' --data-binary "@$samples/phishing.json" "$(at home printenv CIRT_DESK_URL)/v1/reports" | tail -n 1)"

# IODEF and CSV by cirt
iodef=$(as home feed --json submit "$samples/phishing.iodef.xml" | value 'd["report"]')
equal 'CSV rows' 214 "$(as home feed --json submit "$samples"/*.csv | value 'd["observations"]')"

# a broken one: 400 with the place, kept; its bytes come back as they went in
sed 's/<GenerationTime>.*<.GenerationTime>//' "$samples/phishing.iodef.xml" >"$SCRATCH/broken.xml"
answer=$(post home feed /v1/reports application/xml "$SCRATCH/broken.xml")
equal 'broken' 400 "$(tail -n 1 <<<"$answer")"
malformed=$(head -n 1 <<<"$answer" | value 'd["report"]')
contains 'the place' Incident "$(head -n 1 <<<"$answer" | value 'd["at"]')"
exits 5 as home feed submit "$SCRATCH/broken.xml"
as home lead report raw "$malformed" >"$SCRATCH/back.xml"
cmp "$SCRATCH/broken.xml" "$SCRATCH/back.xml" || fail 'raw bytes changed'

# of no format we read: 415, kept like any that is malformed, and read when somebody says what it is
printf 'when;ip\n2026-11-20;192.0.2.1\n' >"$SCRATCH/form.csv"
for time in first again; do
    answer=$(post home feed /v1/reports application/octet-stream "$SCRATCH/form.csv")
    equal "no format, $time" 415 "$(tail -n 1 <<<"$answer")"
    equal 'what is at fault' Content-Type "$(head -n 1 <<<"$answer" | value 'd["at"]')"
    unknown=${unknown:-$(head -n 1 <<<"$answer" | value 'd["report"]')}
    equal 'the same report' "$unknown" "$(head -n 1 <<<"$answer" | value 'd["report"]')"
done
equal 'kept' malformed "$(as home lead --json report show "$unknown" | value 'd["state"]')"
as home lead report raw "$unknown" | cmp - "$SCRATCH/form.csv" || fail 'raw bytes of what nothing reads'
printf 'delimiter: ;\ncolumn ip = source.ip needed\ncolumn when = time\n' >"$SCRATCH/form.mapping"
as home lead mapping add form --file "$SCRATCH/form.mapping" >/dev/null
as home lead report replay "$unknown" --format csv:form >/dev/null
replayed() { [[ $(as home lead --json report show "$unknown" | value 'd["observations"]') == 1 ]]; }
until_true 20 replayed
equal 'and again' 200 "$(post home feed /v1/reports application/octet-stream "$SCRATCH/form.csv" | tail -n 1)"

# NDJSON: a line, a report, a verdict; the bad line's neighbours are stored
{ printf '%s\n' '{"description":"one","observations":[{"source":{"ip":"198.51.100.61"},"class":"information-gathering/scanner"}]}' '{"description":' \
    '{"description":"three","observations":[{"source":{"ip":"198.51.100.62"},"class":"information-gathering/scanner"}]}'; } >"$SCRATCH/three.ndjson"
answer=$(post home feed /v1/reports application/x-ndjson "$SCRATCH/three.ndjson")
equal 'ndjson' 200 "$(tail -n 1 <<<"$answer")"
equal 'lines' '201 400 201' "$(head -n -1 <<<"$answer" | python3 -c 'import json, sys; print(*[json.loads(line)["status"] for line in sys.stdin if line.strip()])')"
# A line that is an event of another format is read as that, and says so.
python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)))' <"$SOURCE/tests/data/intelmq/good/hierarchical.json" >"$SCRATCH/event.ndjson"
equal 'event' 200 "$(post home feed /v1/reports application/x-ndjson "$SCRATCH/event.ndjson" | tail -n 1)"
equal 'its format' 1 "$(as home lead --json report ls format:intelmq | value 'len(d["items"])')"

triaged home
# a feed sees its own report, without case
equal 'own report' 200 "$(at home curl_as feed "$(at home printenv CIRT_URL)/v1/reports/$report" | tail -n 1)"
lacks 'from nobody' ' from -' "$(as home feed report show "$report")"
# the list and a case
cases=$(as home lead --json ls is:any)
[[ $(value 'len(d["items"])' <<<"$cases") -ge 4 ]] || fail "too few cases: $cases"
case=$(as home lead --json report show "$iodef" | value 'd["case"]')
contains 'all its cases' "2 cases: $case, XX-CERT-" "$(as home lead report show "$iodef")"
contains 'and in the list' ' +1 ' "$(as home lead report ls | grep "^$iodef ")"
equal 'as a number' 2 "$(as home lead --json report show "$iodef" | value 'd["case_count"]')"
shown=$(as home lead --json show "$case")
equal 'class' fraud/phishing "$(value 'd["class"]' <<<"$shown")"
contains 'observables' 198.51.100.7 "$(value 'd["observable_list"]' <<<"$shown")"
text=$(as home lead show "$case")
contains 'show' fraud/phishing "$text"
lacks 'defanged' 'https://login.bank-b' "$text"
contains 'find' "$(value 'd["id"]' <<<"$shown")" "$(as home lead --json find 198.51.100.7)"
contains 'cirt NUMBER' "$(value 'd["id"]' <<<"$shown")" "$(as home lead "$(value 'd["number"]' <<<"$shown")")"

# a mail is read after the answer: nothing is said of its observations before
printf 'From: a@b.example\r\nTo: incident@xx-cert.example\r\nSubject: See hxxp://login.bank-z.example/x\r\nMessage-ID: <q1@b.example>\r\n\r\nhxxp://login.bank-z.example/x\r\n' >"$SCRATCH/one.eml"
said=$(as home lead submit "$SCRATCH/one.eml" --wait)
contains 'at first' 'taken, and read now' "$said"
contains 'then' 'triaged, 1 observation, case XX-CERT-' "$said"
lacks 'not before' '0 observations' "$said"

# a document about nobody of ours is one matter: one case, with its title and all its values
python3 - >"$SCRATCH/threat.json" <<'PY'
import json, uuid
when = {"spec_version": "2.1", "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z"}
patterns = ["[domain-name:value = 'c2-%d.example']" % i for i in range(9)] + ["[ipv4-addr:value = '100.64.%d.7']" % i for i in (3, 4)]
patterns.append("[file:hashes.'SHA-256' = '%s']" % ("ab" * 32))
objects = [{"type": "indicator", "id": "indicator--%s" % uuid.UUID(int=4 << 76 | 2 << 62 | i), "pattern": pattern, "pattern_type": "stix", "valid_from": "2026-11-01T00:00:00Z", **when}
           for i, pattern in enumerate(patterns)]
objects.append({"type": "report", "id": "report--f431f809-377b-45e0-aa1c-6a4751cae5ff", "name": "Campaign of the season", "published": "2026-11-01T00:00:00Z",
                "object_refs": [o["id"] for o in objects], **when})
print(json.dumps({"type": "bundle", "id": "bundle--5d0092c5-5f74-4287-9642-33f4c354e56d", "objects": objects}))
PY
before=$(as home lead --json ls is:any --limit 500 | value 'len(d["items"])')
said=$(as home lead submit "$SCRATCH/threat.json" --wait)
contains 'all of it' '12 observations' "$said"
equal 'one case' "$((before + 1))" "$(as home lead --json ls is:any --limit 500 | value 'len(d["items"])')"
shown=$(as home lead --json show "$(sed -n 's/.*, case //p' <<<"$said")")
equal 'its title, and all' '["Campaign of the season", 12]' "$(value '[d["summary"], len(d["observable_list"])]' <<<"$shown")"
