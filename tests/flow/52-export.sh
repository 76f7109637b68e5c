#!/bin/bash
# Indicators: marked and withdrawn by analysts; lists and documents that leave hold what may leave, and are what they say they are.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT --prefix XX-CERT
cat >"$SCRATCH/report.json" <<'JSON'
{"description": "Kit and its hosts", "class": "phishing", "tlp": "green", "reference": "K-1",
 "observations": [{"time": "2026-03-02T07:58:12Z", "class": "phishing", "observables": [
   {"type": "domain", "value": "kit.example.net", "role": "infrastructure", "indicator": true},
   {"type": "ipv4", "value": "192.0.2.17", "role": "source", "indicator": true},
   {"type": "cidr", "value": "198.51.100.0/25", "role": "infrastructure", "indicator": true},
   {"type": "ipv6", "value": "2001:db8:0:1::17", "role": "source", "indicator": true},
   {"type": "url", "value": "http://kit.example.net:8080/a?b=\"; sid:1;)", "role": "infrastructure", "indicator": true},
   {"type": "url", "value": "https://kit.example.net/x", "role": "infrastructure", "indicator": true},
   {"type": "sha256", "value": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "role": "other", "indicator": true},
   {"type": "filename", "value": "=cmd|calc.exe", "role": "other", "indicator": true},
   {"type": "email", "value": "alice@bank.example", "role": "other", "indicator": true},
   {"type": "domain", "value": "cdn.example.org", "role": "infrastructure", "indicator": true},
   {"type": "domain", "value": "secret.example.net", "role": "infrastructure", "indicator": true, "tlp": "amber"},
   {"type": "ipv4", "value": "203.0.113.9", "role": "victim", "indicator": true},
   {"type": "ipv4", "value": "203.0.113.10", "role": "source"}]}]}
JSON
as home feed submit "$SCRATCH/report.json" --wait >/dev/null
printf '%s' '{"class": "malware", "tlp": "red", "observables": [{"type": "domain", "value": "named.example.net", "indicator": true}]}' >"$SCRATCH/red.json"
as home feed submit "$SCRATCH/red.json" --wait >/dev/null
printf '%s' '{"name": "CDNs", "version": 1, "type": "hostname", "matching_attributes": ["domain", "hostname"], "list": ["cdn.example.org"]}' >"$SCRATCH/cdn.json"
as home lead warninglist import "$SCRATCH/cdn.json" --name cdn >/dev/null
export_as() { local who=$1; shift; as home "$who" indicator export "$@" 2>"$SCRATCH/said"; }

# --- block lists: what may leave, and why the rest does not ---
list=$(export_as analyst --format blocklist-ip)
equal 'addresses' $'192.0.2.17\n2001:db8:0:1::17\n198.51.100.0/25' "$(tail -n +2 <<<"$list")"
contains 'the label of the list' '# TLP:GREEN  XX-CERT  blocklist-ip' "$list"
said=$(<"$SCRATCH/said")
contains 'by label' '1 by their label' "$said"
contains 'known good' '1 known to be good' "$said"
contains 'persons' '1 that name persons' "$said"
contains 'no place' 'have no place in blocklist-ip (1 domain, 2 url, 1 sha256, 1 filename)' "$said"
equal 'domains' kit.example.net "$(export_as analyst --format blocklist-domain | tail -n +2)"
equal 'digests' 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 "$(export_as analyst type:sha256 --format blocklist-hash | tail -n +2)"
equal 'one of a filter' 1 "$(export_as analyst ip:192.0.2.0/24 --format blocklist-ip | tail -n +2 | wc -l)"
export_as lead --format blocklist-domain --tlp amber >"$SCRATCH/amber"
contains 'amber by a lead' secret.example.net "$(<"$SCRATCH/amber")"
lacks 'red never' named.example.net "$(<"$SCRATCH/amber")"
contains 'a lead sees the red one' named.example.net "$(as home lead indicator ls --raw)"
contains 'and is told' '1 by their label' "$(<"$SCRATCH/said")"
contains 'labelled by the strictest' 'TLP:AMBER' "$(<"$SCRATCH/amber")"
exits 3 as home analyst indicator export --format csv --tlp amber
exits 1 as home lead indicator export --format csv --tlp red
exits 3 as home auditor indicator export --format csv
exits 2 as home analyst indicator export --format rpx
exits 2 as home analyst indicator export
exits 2 as home analyst indicator export --format suricata --sid 1
entries=$(sql home "SELECT string_agg(payload::json ->> 'actor' || ' ' || (payload::json ->> 'text'), '; ' ORDER BY seq) FROM cirt.journal_payload WHERE case_id = 0 AND payload::json ->> 'action' = 'export'")
equal 'the journal has each that was made' 'analyst takes 8 indicators as blocklist-ip, up to TLP:GREEN; analyst takes 8 indicators as blocklist-domain, up to TLP:GREEN; analyst takes 1 indicators as blocklist-hash, up to TLP:GREEN; analyst takes 1 indicators as blocklist-ip, up to TLP:GREEN; lead takes 9 indicators as blocklist-domain, up to TLP:AMBER' "$entries"

# --- a zone ---
export_as analyst --format rpz -o "$SCRATCH/rpz.zone"
contains 'a name' $'kit.example.net CNAME .\n*.kit.example.net CNAME .' "$(<"$SCRATCH/rpz.zone")"
contains 'an address' '32.17.2.0.192.rpz-ip CNAME .' "$(<"$SCRATCH/rpz.zone")"
contains 'a network' '25.0.100.51.198.rpz-ip CNAME .' "$(<"$SCRATCH/rpz.zone")"
contains 'IPv6' '128.17.zz.1.0.db8.2001.rpz-ip CNAME .' "$(<"$SCRATCH/rpz.zone")"
lacks 'what is known good' cdn.example "$(<"$SCRATCH/rpz.zone")"
if command -v named-checkzone >/dev/null; then
    named-checkzone -i none rpz.xx-cert.example "$SCRATCH/rpz.zone" >"$SCRATCH/check" || fail "named-checkzone: $(<"$SCRATCH/check")"
    lacks 'nothing is ignored' ignoring "$(<"$SCRATCH/check")"
fi

# --- rules: a strict reader of our own ---
export_as analyst --format suricata >"$SCRATCH/rules"
python3 - "$SCRATCH/rules" <<'PY' || fail "rules: $(<"$SCRATCH/rules")"
import re, sys
rule = re.compile(r'''alert\ (?:(?:dns|tls|http)\ any\ any\ ->\ any\ (?:any|\d{1,5})|ip\ any\ any\ <>\ \[[0-9a-f.:/]+\]\ any)\ \(
    msg:"[A-Za-z0-9./ _-]+";\ (?:(?:dns\.query|tls\.sni|http\.host|http\.uri\.raw|dotprefix|nocase|endswith|bsize:\d+|content:"\|[0-9a-f]{2}(?:\ [0-9a-f]{2})*\|");\ )*
    metadata:(?:tlp\ [a-z+]+,\ )?(?:confidence\ \d+,\ )?role\ [a-z]+;\ sid:(\d+);\ rev:1;\)''', re.X)
lines = open(sys.argv[1]).read().splitlines()
sids = [int(rule.fullmatch(line).group(1)) for line in lines[1:]]
assert sids == list(range(1000000, 1000006)), sids
url = [line for line in lines if "http.uri.raw" in line][0]
content = bytes.fromhex(re.findall(r'content:"\|([^|]*)\|"', url)[1]).decode()
assert content == "/a?b=%22;%20sid:1;)", content
assert " 8080 (" in url
PY

# --- CSV ---
export_as analyst --format csv -o "$SCRATCH/list.csv"
python3 - "$SCRATCH/list.csv" <<'PY' || fail "csv: $(<"$SCRATCH/list.csv")"
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
assert len(rows) == 8, rows
assert {r["value"] for r in rows if r["type"] == "filename"} == {"'=cmd|calc.exe"}, rows
assert all(r["indicator"] == "true" and r["tlp"] == "green" for r in rows)
assert all(r["class"] == "fraud/phishing" and r["time"].startswith("2026-03-02T07:58:12") for r in rows), rows
PY

# --- documents: each is one that we read, and its schema's ---
for format in json ndjson iodef iodef-json stix misp; do
    export_as analyst --format $format -o "$SCRATCH/list.$format"
    contains "how many as $format" "8 indicators as $format, TLP:GREEN" "$(<"$SCRATCH/said")"
done
equal 'a line each' 8 "$(wc -l <"$SCRATCH/list.ndjson")"
equal 'STIX' bundle "$(value 'd["type"]' <"$SCRATCH/list.stix")"
equal 'STIX: an indicator each' 8 "$(value 'sum(o["type"] == "indicator" for o in d["objects"])' <"$SCRATCH/list.stix")"
equal 'MISP: all for detection' true "$(value 'all(a["to_ids"] for a in d["Event"].get("Attribute", []))' <"$SCRATCH/list.misp")"
export_as analyst --format xarf -o "$SCRATCH/list.xarf"
contains 'X-ARF, what it has a place for' '6 indicators as xarf, TLP:GREEN' "$(<"$SCRATCH/said")"
contains 'and how much it has not' 'xarf does not carry 2 values' "$(<"$SCRATCH/said")"
"$SOURCE/tests/support/schemas.py" "$SCRATCH"/list.{json,ndjson,iodef,iodef-json,stix,misp,xarf} || fail 'a schema refuses a list'
# The schemas are really asked.
for format in json ndjson iodef-json stix misp xarf; do
    python3 -c 'import json, sys
d = json.loads(sys.stdin.readline() if sys.argv[1] == "ndjson" else sys.stdin.read())
where = d[0] if isinstance(d, list) else d["objects"][0] if "objects" in d else d.get("Event", d)
for name in list(where): where[name] = 1 if name not in ("type", "id") else where[name]
json.dump(d, sys.stdout)' $format <"$SCRATCH/list.$format" >"$SCRATCH/broken.$format"
    if "$SOURCE/tests/support/schemas.py" "$SCRATCH/broken.$format" >"$SCRATCH/checked" 2>/dev/null && [[ ! -s $SCRATCH/checked ]]; then
        fail "the schema of $format takes anything"
    fi
done
# And each is one that a CIRT reads: the values come back as indicators.
make other --name YY-CERT --prefix YY-CERT
for format in json iodef iodef-json stix misp xarf; do
    report=$(as other feed --json submit "$SCRATCH/list.$format" --format $format | value 'd["report"]')
    until_true 20 all_triaged other
    count=8
    [[ $format != xarf ]] || count=6
    equal "read again as $format" "$count" "$(as other lead --json report show "$report" | value 'len({o["value"] for x in d["observation_list"] for o in x["observables"]})')"
done
equal 'all of them for detection' 8 "$(as other lead --json indicator ls --limit 100 | value 'len(d["items"])')"
sandbox destroy "$SCRATCH/other"

# --- a case ---
number=$(as home lead --json ls domain:kit.example.net is:any | value 'd["items"][0]["number"]')
as home analyst note "$number" -m 'for others' --share --tlp green >/dev/null
as home analyst note "$number" -m 'our own affair' >/dev/null
for format in json ndjson csv iodef iodef-json stix misp xarf; do
    as home lead show "$number" --format $format -o "$SCRATCH/case.$format" 2>"$SCRATCH/said.$format"
    lacks "notes stay home ($format)" 'our own affair' "$(<"$SCRATCH/case.$format")"
    contains "the kit ($format)" kit.example.net "$(<"$SCRATCH/case.$format")"
done
"$SOURCE/tests/support/schemas.py" "$SCRATCH"/case.{json,ndjson,iodef,iodef-json,stix,misp,xarf} || fail 'a schema refuses a case'
contains 'notes that may go' 'for others' "$(<"$SCRATCH/case.json")"
equal 'nothing is lost in our own' '' "$(<"$SCRATCH/said.json")"
equal 'nor in X-ARF, where all stands with a source' '' "$(<"$SCRATCH/said.xarf")"
contains 'what CSV lacks' 'csv does not carry' "$(<"$SCRATCH/said.csv")"
contains 'the label in the case' kit.example.net "$(as home analyst show "$number" --format csv)"
lacks 'a viewer sees what he sees' named.example.net "$(as home analyst show "$number" --format json 2>/dev/null)"
exits 2 as home lead show "$number" --format rpz
as home lead note "$number" --share --tlp amber+strict -m 'stricter than its case' >/dev/null
for format in json ndjson iodef iodef-json stix misp xarf; do
    # The label as the format says it of all of the document; the note has it too, in capitals.
    contains "no wider than its strictest note ($format)" + "$(as home lead show "$number" --format $format 2>/dev/null | grep -oE 'amber\+strict|ext-restriction"?[=:] ?"TLP:AMBER\+STRICT|939a9414-2ddd-4d32-a0cd-375ea402b003' | sed 's/^939.*/STIX: amber+strict/' | head -1)"
done

# --- how it was seen goes with it ---
printf '%s' '{"class": "c2-server", "tlp": "green", "observations": [{"time": "2026-03-02T07:58:12Z", "count": 3, "protocol": "tcp", "source": {"ip": "198.51.100.244", "port": 4444}}]}' >"$SCRATCH/seen.json"
as home feed submit "$SCRATCH/seen.json" --wait >/dev/null
seen=$(as home lead --json ls ip:198.51.100.244 is:any | value 'd["items"][0]["number"]')
contains 'in the case as csv' ',3,tcp,4444,,' "$(as home lead show "$seen" --format csv 2>/dev/null)"
for format in json ndjson iodef iodef-json stix misp; do
    contains "in the case as $format" 4444 "$(as home lead show "$seen" --format $format 2>/dev/null)"
done

# --- what may be done with it goes with it ---
printf '%s' '{"class": "malware", "tlp": "green", "pap": "red", "time": "2026-03-02T07:58:12Z", "observables": [{"type": "domain", "value": "careful.example.net", "role": "infrastructure", "indicator": true}]}' >"$SCRATCH/careful.json"
as home feed submit "$SCRATCH/careful.json" --wait >/dev/null
careful=$(as home lead --json ls domain:careful.example.net is:any | value 'd["items"][0]["number"]')
for format in json ndjson iodef iodef-json stix misp xarf; do
    contains "in the case as $format" red "$(as home lead show "$careful" --format $format 2>/dev/null | tr A-Z a-z | grep -oE 'pap.{0,60}[^a-z]red|[^a-z]red[^a-z].{0,80}pap' | head -1)"
    contains "in the list as $format" red "$(export_as analyst domain:careful.example.net --format $format | tr A-Z a-z | grep -oE 'pap.{0,60}[^a-z]red|[^a-z]red[^a-z].{0,80}pap' | head -1)"
done
lacks 'and into no block list' careful "$(export_as analyst --format blocklist-domain)"

# --- marked by an analyst ---
exits 2 as home analyst indicator add bad.example.net -m why
exits 2 as home analyst indicator add bad.example.net --case "$number"
exits 1 as home analyst indicator add 203.0.113.9 --case "$number" -m 'it is a victim'
contains 'a victim' "a victim's or target's" "$said"
exits 1 as home analyst indicator add secret.example.net --case "$number" --tlp clear -m 'wider than its sender said'
exits 1 as home analyst indicator add 'no value' --case "$number" -m why
exits 3 as home auditor indicator add bad.example.net --case "$number" -m why
as home analyst indicator add bad.example.net 'hxxp://bad[.]example[.]net/y' --case "$number" --tlp green --confidence 80 --until 30d -m 'seen in the mail' >/dev/null
as home analyst indicator add evil.exe --type filename --case "$number" --tlp clear -m 'what it brings' >/dev/null
listed=$(as home analyst --json indicator ls domain:bad.example.net type:domain)
equal 'listed with its confidence' 80 "$(value 'd["items"][0]["confidence"]' <<<"$listed")"
equal 'and its case' "[$number]" "$(value 'd["items"][0]["cases"]' <<<"$listed")"
contains 'shown' 'marked by an analyst' "$(as home analyst show "$number")"
contains 'the journal' 'marks bad[.]example[.]net' "$(as home lead journal "$number")"
equal 'exported' $'bad.example.net\nkit.example.net' "$(export_as analyst --format blocklist-domain | tail -n +2)"
equal 'by confidence' bad.example.net "$(export_as analyst confidence:70.. --format blocklist-domain | tail -n +2)"

# --- withdrawn ---
exits 2 as home analyst indicator rm bad.example.net
exits 1 as home analyst indicator rm nothing.example.net -m why
as home analyst indicator rm bad.example.net -m 'a mistake' >/dev/null
as home analyst indicator rm kit.example.net 192.0.2.17 -m 'taken down' >/dev/null
equal 'gone' '' "$(export_as analyst --format blocklist-domain | tail -n +2)"
sed -i 's/K-1/K-2/' "$SCRATCH/report.json"
as home feed submit "$SCRATCH/report.json" --wait >/dev/null
equal 'a new report does not bring it back' '' "$(export_as analyst --format blocklist-domain | tail -n +2)"
as home analyst indicator add kit.example.net --case "$number" --tlp green -m 'up again' >/dev/null
equal 'an analyst does' kit.example.net "$(export_as analyst --format blocklist-domain | tail -n +2)"
contains 'who withdrew' 'a mistake' "$(as home lead journal "$number")"

# --- what people call a false positive is for detection no more, unless another case has it too ---
urls() { export_as analyst 'domain:shop.example,wrong.example' --format blocklist-domain | tail -n +2; }
refute() { # NAME VALUE... : a feed's report of a case of its own, with these as indicators; prints the case
    local name=$1 report
    shift
    printf '{"description": "%s", "class": "c2-server", "tlp": "green", "observations": [{"class": "c2-server", "observables": [' "$name" >"$SCRATCH/$name.json"
    printf '{"type": "domain", "value": "%s", "role": "infrastructure", "indicator": true},' "$@" | sed '$s/,$//' >>"$SCRATCH/$name.json"
    printf ']}]}' >>"$SCRATCH/$name.json"
    report=$(as home feed --json submit "$SCRATCH/$name.json" --wait | value 'd["report"]')
    as home lead --json report show "$report" | value 'd["case"].split("-")[-1].lstrip("0")'
}
first=$(refute first wrong.example shop.example)
equal 'both' $'shop.example\nwrong.example' "$(urls)"
as home analyst indicator add mine.wrong.example --case "$first" --tlp green -m 'on the same host' >/dev/null
as home analyst close "$first" --as false-positive >/dev/null
equal 'neither, and not what was marked in it' '' "$(urls)"
lacks 'nor in its own document' '"indicator": true' "$(as home analyst show "$first" --format json)"
second=$(refute second shop.example)
equal 'another case' shop.example "$(urls)"
as home analyst state "$second" rejected >/dev/null
equal 'rejected as well' '' "$(urls)"
as home analyst indicator add wrong.example --case "$first" --tlp green -m 'it was one after all' >/dev/null
equal 'marked behind its end' wrong.example "$(urls)"
as home analyst reopen "$first" -m 'it was one after all' >/dev/null
equal 'opened again' $'mine.wrong.example\nshop.example\nwrong.example' "$(urls)"

# --- in the next list an indicator is the same object, whatever else is in it ---
named() { export_as analyst "$1" --format stix | value '" ".join(sorted(o["id"] + o["created"] for o in d["objects"] if o["type"] == "indicator" and o["pattern"].find("shop.example") > 0))'; }
one=$(named domain:shop.example)
[[ $one == indicator--* ]] || fail "an indicator: $one"
equal 'the same' "$one" "$(named 'domain:shop.example,wrong.example')"
exits 1 as home analyst indicator export --format csv -o /nowhere/list.csv
[[ ! -e /nowhere ]] || fail 'written in spite of it'
