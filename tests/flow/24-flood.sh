#!/bin/bash
# From flood to cases through the CLI: what a class's numbers make of few rows and of many, and what is suppressed for a time.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home

# rows NUMBER NETWORK CLASS [FIRST] : native reports, one a line, each about its own address
rows() {
    python3 - "$@" <<'TEXT'
import json, sys
count, network, name = int(sys.argv[1]), sys.argv[2], sys.argv[3]
first = int(sys.argv[4]) if len(sys.argv) > 4 else 1
for i in range(first, first + count):
    print(json.dumps({"class": name, "observations": [{"class": name, "source": {"ip": f"{network}.{i}"}}]}))
TEXT
}
cases() { as home lead --json ls "$1" --limit 100 | value 'len(d["items"])'; }
all_done() { [[ $(as home lead --json report ls is:any --limit 500 | value 'all(r["state"] in ("triaged", "dropped") for r in d["items"])') == true ]]; }
send() {
    rows "$@" >"$SCRATCH/rows.ndjson"
    as home feed submit "$SCRATCH/rows.ndjson" --format ndjson >/dev/null
    until_true 30 all_done
}

# numbers of a class
contains 'all classes' 'fraud/phishing' "$(as home analyst class ls)"
equal 'a default' '[7, 1, 1, false, 14, 30, "low"]' "$(as home analyst --json class show scanner | value '[d[n] for n in "window observations addresses immediate relapse age priority".split()]')"
exits 3 as home analyst class set scanner --addresses 3
exits 1 as home lead class set no-such-class --addresses 3
contains 'what there is' 'no class of the taxonomy' "$said"
exits 1 as home lead class set scanner --addresses 0
exits 2 as home lead class set scanner --addresses three
as home lead class set fraud/copyright --window 3 >/dev/null
equal 'one class alone' 3 "$(as home lead --json class show copyright | value 'd["window"]')"
as home lead class rm fraud/copyright --yes >/dev/null
as home lead class set information-gathering --addresses 3 --window 2 >/dev/null
equal 'from the type' '[2, 3, null]' "$(as home analyst --json class show scanner | value '[d["window"], d["addresses"], d["own"]]')"

# few wait, many are a case
send 2 198.51.100 information-gathering/scanner
equal 'none yet' 0 "$(cases class:scanner)"
equal 'they wait' '[2, 1, "telecom-a"]' "$(as home analyst --json class show scanner | value '[d["waiting"], len(d["waiting_list"]), d["waiting_list"][0]["constituent"]]')"
contains 'the report says so' ': 2 of 3 addresses within 2 days' "$(as home analyst report show r2)"
send 1 198.51.100 information-gathering/scanner 3
equal 'a case' 1 "$(cases class:scanner)"
case=$(as home lead --json ls class:scanner | value 'd["items"][0]["number"]')
equal 'with all of them' '[3, 3, 2, 0]' "$(as home lead --json show "$case" | value '[d[n] for n in "reports observations waited repeats".split()]')"
equal 'none waits' 0 "$(as home analyst --json class show scanner | value 'd["waiting"]')"

# the same again says nothing new
rows 1 198.51.100 information-gathering/scanner 3 | sed 's/}$/, "reference": "again"}/' >"$SCRATCH/again.ndjson"
as home feed submit "$SCRATCH/again.ndjson" --format ndjson >/dev/null
until_true 30 all_done
equal 'counted' '[4, 1]' "$(as home lead --json show "$case" | value '[d["observations"], d["repeats"]]')"
contains 'told' '1 say nothing new' "$(as home lead show "$case")"

# nobody's addresses: few have a case each, many share one
send 30 100.64.0 fraud/phishing
equal 'one /24' 1 "$(cases class:fraud/phishing)"
python3 -c '
import json
for i in range(60):
    print(json.dumps({"class": "fraud/phishing", "observations": [{"class": "fraud/phishing", "source": {"ip": f"100.65.{i}.1"}}]}))' >"$SCRATCH/flood.ndjson"
as home feed submit "$SCRATCH/flood.ndjson" --format ndjson >/dev/null
until_true 30 all_done
(($(cases class:fraud/phishing) <= 26)) || fail "60 stray addresses opened $(cases class:fraud/phishing) cases"
contains 'one for the rest' "nobody's, from feed" "$(as home lead ls class:fraud/phishing --limit 100)"

# a suppression has an end, a reason, and keeps what it held
exits 1 as home lead suppression add audit --value 192.0.2.0/26 --reason 'yearly audit'
contains 'an end' 'within a year' "$said"
exits 1 as home lead suppression add audit --value 192.0.2.0/26 --until 30d
contains 'a reason' 'needs a reason' "$said"
exits 1 as home lead suppression add audit --until 30d --reason x
exits 3 as home analyst suppression add audit --value 192.0.2.0/26 --until 30d --reason x
as home lead suppression add audit --value 192.0.2.0/26 --class brute-force --until 30d --reason 'yearly audit' >"$SCRATCH/added"
contains 'it waits' 'cirt suppression approve audit' "$(cat "$SCRATCH/added")"
contains 'the list says so' 'second person' "$(as home analyst suppression ls)"
contains 'the doctor says so' 'waits for a second person since' "$(as home analyst doctor || true)"
exits 3 as home lead suppression approve audit --yes
exits 3 as home analyst suppression approve audit --yes
contains 'the second person' 'suppression audit is in force' "$(as home admin suppression approve audit --yes)"
exits 1 as home admin suppression approve audit --yes
send 2 192.0.2 intrusion-attempts/brute-force
equal 'no case' 0 "$(cases class:brute-force)"
contains 'counted' 'yearly audit' "$(as home analyst suppression ls)"
equal 'listed' '[2, 2, "active"]' "$(as home analyst --json suppression show audit | value '[d["observations"], len(d["report_list"]), d["state"]]')"
held=$(as home analyst --json suppression show audit | value 'd["report_list"][0]["report"]')
equal 'dropped, and why' '["dropped", true]' "$(as home analyst --json report show "$held" | value '[d["state"], d["reason"].startswith("suppressed until ")]')"
as home lead report accept "$held" --yes >/dev/null
is_one() { [[ $(cases class:brute-force) == 1 ]]; }
until_true 30 is_one
as home lead suppression rm audit --yes >/dev/null
equal 'it stays listed' ended "$(as home analyst --json suppression show audit | value 'd["state"]')"
send 1 192.0.2 intrusion-attempts/brute-force 60
equal 'no more' 1 "$(cases class:brute-force)"
until_true 30 all_done

# a feed's document without a row opens no case, an advisory does
open_cases=$(cases is:open)
printf '{"type":"bundle","id":"bundle--5d0092c5-5f74-4287-9642-33f4c354e56d","objects":[{"type":"identity","spec_version":"2.1","id":"identity--f431f809-377b-45e0-aa1c-6a4751cae5ff","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"Somebody","identity_class":"organization"}]}' >"$SCRATCH/names.json"
as home feed submit "$SCRATCH/names.json" --format stix >/dev/null
until_true 30 all_done
equal 'no case' "$open_cases" "$(cases is:open)"
contains 'it says why' 'without any observation' "$(as home analyst report show "$(as home analyst --json report ls is:any --limit 1 | value 'd["items"][0]["id"]')")"
as home analyst submit "$SCRATCH/names.json" --format stix >/dev/null
until_true 30 all_done
equal "an analyst's" "$((open_cases + 1))" "$(cases is:open)"
for advisory in ex-2026-050 informational; do
    as home feed submit "$SOURCE/tests/data/csaf/good/$advisory.json" >/dev/null
done
until_true 30 all_done
equal 'advisories' 2 "$(cases kind:vulnerability)"

# back to what it was
as home lead class rm information-gathering --yes >/dev/null
equal 'as before' 1 "$(as home analyst --json class show scanner | value 'd["addresses"]')"
equal 'the journal tells' 0 "$(as home lead journal verify >/dev/null; echo $?)"
