#!/bin/bash
# A share in another format than RID: the same items are decided, what the format cannot say is told before, and another CIRT takes it in as what
# it is: a peer's document, no case. Each document is one by its own schema.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT --prefix XX-CERT
make peer --name YY-CERT --prefix YY-CERT
sandbox link "$SCRATCH/home" "$SCRATCH/peer" --tlp amber
cat >"$SCRATCH/report.json" <<'JSON'
{"description": "words of the reporter", "class": "phishing", "tlp": "green", "reference": "K-1",
 "reporter": {"name": "Rita Reporter", "email": "rita@reporter.example"},
 "unknown_member": "kept, but nobody labelled it",
 "observations": [{"time": "2026-03-02T07:58:12Z", "class": "phishing", "count": 3, "private": "kept too", "observables": [
   {"type": "domain", "value": "kit.example.net", "role": "infrastructure", "indicator": true},
   {"type": "url", "value": "http://kit.example.net/login", "role": "infrastructure", "indicator": true},
   {"type": "ipv4", "value": "192.0.2.17", "role": "source", "indicator": true}]},
  {"time": "2026-03-02T08:00:00Z", "observables": [
   {"type": "ipv4", "value": "192.0.2.18", "role": "target"},
   {"type": "filename", "value": "evil \"quoted\".exe", "role": "other"}]},
  {"time": "2026-03-02T08:30:00Z", "observables": [
   {"type": "ipv4", "value": "192.0.2.17", "role": "source"},
   {"type": "filename", "value": "lonely.exe", "role": "other"}]},
  {"time": "2026-03-02T09:00:00Z", "observables": [
   {"type": "domain", "value": "inner.example.net", "role": "infrastructure", "tlp": "amber"},
   {"type": "email", "value": "victim@bank.example", "role": "victim"}]}]}
JSON
as home feed submit "$SCRATCH/report.json" --wait >/dev/null
case=$(as home lead --json ls domain:kit.example.net is:any | value 'd["items"][0]["number"]')
as home lead note "$case" --share -m 'hosting company told' >/dev/null
as home lead note "$case" -m 'our own affair' >/dev/null

plan() { as home lead --json share "$case" --with YY-CERT --dry-run "$@"; }
goes() { value 'sorted(i["text"] for i in d["items"][0]["items"] if i["kind"] == "sighting" and i["goes"])'; }
state() { as home lead --json shares "$case" | value 'd["items"][0]["state"]'; }
arrived() { [[ $(as peer lead --json incoming ls | value 'len(d["items"])') == "$1" ]]; }
acknowledged() { [[ $(state) == acknowledged ]]; }

# --- the same items, whatever the format ---
rid=$(plan)
equal 'RID where nothing is said' rid "$(value 'd["items"][0]["format"]' <<<"$rid")"
for format in json ndjson iodef iodef-json stix misp; do
    shown=$(plan --format $format)
    equal "the same goes as $format" "$(goes <<<"$rid")" "$(goes <<<"$shown")"
    equal "and the same stays ($format)" "$(value '[i.get("reason") for i in d["items"][0]["items"]]' <<<"$rid")" "$(value '[i.get("reason") for i in d["items"][0]["items"]]' <<<"$shown")"
done
equal 'nothing is lost in our own' '{}' "$(plan --format json | value 'd["items"][0]["not_carried"]')"
contains 'MISP has one label' labels "$(plan --format misp | value 'd["items"][0]["not_carried"]')"
contains 'told to people' 'misp does not carry' "$(as home lead share "$case" --with YY-CERT --dry-run --format misp)"
only=$(plan --format xarf --only text:lonely)
contains 'X-ARF needs a source' 'nothing goes as xarf: X-ARF needs' "$(value '[i["reason"] for i in d["items"][0]["items"]][0]' <<<"$only")"
exits 1 as home lead share "$case" --with YY-CERT --format xarf --only text:lonely
contains 'and says so' 'X-ARF needs' "$said"
some=$(plan --format xarf)
contains 'what X-ARF has no place for stays' 'xarf has no place for it' "$(value '[i["reason"] for i in d["items"][0]["items"]]' <<<"$some")"
contains 'the rest goes' kit.example.net "$(goes <<<"$some")"
exits 1 as home lead share "$case" --with YY-CERT --format csv
contains 'no list is a share' 'indicator export' "$said"
exits 1 as home lead share "$case" --with YY-CERT --format nonsense
equal 'nothing was sent' 0 "$(as home lead --json shares "$case" | value 'len(d["items"])')"

# --- each arrives, says what was decided, and nothing else ---
count=0
for format in rid json ndjson iodef iodef-json stix misp xarf; do
    as home lead share "$case" --with YY-CERT --format $format >"$SCRATCH/said"
    until_true 30 acknowledged
    count=$((count + 1))
    until_true 30 arrived $count
    share=$(as home lead --json shares "$case" | value 'd["items"][0]["id"]')
    equal "the share says as what ($format)" $format "$(as home lead --json shares "$case" | value 'd["items"][0]["format"]')"
    incoming=$(as peer lead --json incoming ls | value 'd["items"][0]["id"]')
    shown=$(as peer lead --json incoming show "$incoming")
    equal "from whom ($format)" XX-CERT "$(value 'd["peer"]' <<<"$shown")"
    equal "whose case ($format)" "$(as home lead --json show "$case" | value 'd["id"]')" "$(value 'd["theirs"]' <<<"$shown")"
    equal "the label ($format)" amber "$(value 'd["tlp"]' <<<"$shown")"
    report=$(value 'd["report"]' <<<"$shown")
    equal "read as ($format)" "$format" "$(as peer lead --json report show "$report" | value 'd["format"]')"
    as peer lead report raw "$report" >"$SCRATCH/shared.$format"
    decided=$(as home lead --json share "$case" --with YY-CERT --dry-run --format $format | goes)
    equal "the values ($format)" "$decided" "$(value 'sorted(o["value"] for o in d["observable_list"])' <<<"$shown")"
    for home in 'our own affair' victim@bank.example 'words of the reporter' Rita rita@ 'nobody labelled' 'kept too'; do
        lacks "stays home ($format)" "$home" "$(<"$SCRATCH/shared.$format")"
    done
    [[ $format == xarf ]] || contains "the note ($format)" 'hosting company told' "$(<"$SCRATCH/shared.$format")"
    equal "the same document again is the same ($format)" 1 "$(as home lead --json shares "$case" | value 'len(d["items"])')"
done
together() { value 'sorted([sorted(v["value"] for v in o["observables"]) for o in d["observations"]])' <"$1"; }
equal 'what stood together' '[["192.0.2.17", "http://kit.example.net/login", "kit.example.net"], ["192.0.2.17", "lonely.exe"], ["192.0.2.18", "evil \"quoted\".exe"], ["inner.example.net"]]' \
    "$(together "$SCRATCH/shared.json")"
as home lead show "$case" --format json >"$SCRATCH/own.json" 2>/dev/null
contains 'also in what is shown' '["inner.example.net", "victim@bank.example"]' "$(together "$SCRATCH/own.json")"
equal 'no case of it' 0 "$(as peer lead --json ls is:any | value 'len(d["items"])')"
contains 'in the history' ', stix' "$(as home lead journal "$case")"
python3 "$SOURCE/tests/support/schemas.py" "$SCRATCH"/shared.{json,ndjson,iodef,iodef-json,stix,misp,xarf} || fail 'a schema refuses a document'

# --- accepted as any other ---
theirs=$(as peer lead --json incoming accept "$incoming" | value 'd["case"]')
contains 'a number of its own' YY-CERT- "$theirs"
equal 'never wider than it came' amber "$(as peer lead --json show "$theirs" | value 'd["tlp"]')"

# --- what the peer's record says ---
exits 1 as home admin peer set YY-CERT --format rpz
as home admin peer set YY-CERT --format stix >/dev/null
equal 'the peer reads STIX' stix "$(plan | value 'd["items"][0]["format"]')"
equal 'unless something else is said' misp "$(plan --format misp | value 'd["items"][0]["format"]')"
as home lead note "$case" --share -m 'second hint' >/dev/null
as home lead share "$case" --with YY-CERT --wait >/dev/null
until_true 30 arrived 9
as home admin peer set YY-CERT --document-url 'https://127.0.0.1:9/' >/dev/null
as home lead note "$case" --share -m 'third hint' >/dev/null
as home lead share "$case" --with YY-CERT >/dev/null
waits() { [[ $(as home lead --json shares "$case" | value 'd["items"][0]["error"]') == *YY-CERT* ]]; }
until_true 30 waits
as home admin peer set YY-CERT --document-url "$(at peer printenv CIRT_URL)/rid" >/dev/null
until_true 60 arrived 10

# --- one value that XML cannot hold keeps no other at home ---
printf '%s' '{"description": "loader", "class": "malware", "tlp": "green", "observations": [{"observables": [
  {"type": "domain", "value": "loader.example.net", "role": "infrastructure"}, {"type": "filename", "value": "ctl\u0001x.exe", "role": "other"}]}]}' >"$SCRATCH/control.json"
as home feed submit "$SCRATCH/control.json" --wait >/dev/null
control=$(as home lead --json ls domain:loader.example.net is:any | value 'd["items"][0]["number"]')
as home lead note "$control" --share -m $'hoster told\xef\xbf\xbe, in person ' >/dev/null
plan=$(as home lead --json share "$control" --with YY-CERT --format rid --dry-run)
equal 'which stays' 'rid has no place for it' "$(value '[i["reason"] for i in d["items"][0]["items"] if i.get("type") == "filename"][0]' <<<"$plan")"
equal 'the rest goes' true "$(value 'all(i["goes"] for i in d["items"][0]["items"] if i.get("type") != "filename")' <<<"$plan")"
as home lead share "$control" --with YY-CERT --format rid --wait >/dev/null
until_true 30 arrived 11
equal 'and is there' '["loader.example.net"]' "$(as peer lead --json incoming show "$(as peer lead --json incoming ls | value 'd["items"][0]["id"]')" | value '[o["value"] for o in d["observable_list"]]')"
for format in iodef iodef-json; do
    shown=$(as home lead show "$control" --format $format 2>"$SCRATCH/said")
    equal "told ($format)" "$format does not carry 1 value" "$(<"$SCRATCH/said")"
    lacks "and nothing in its place ($format)" x.exe "$shown"
done

# --- the other side holds to its own rules ---
as peer admin peer set XX-CERT --issuer-name OTHER-CERT >/dev/null
as home lead note "$case" --share -m 'under a name that is not ours' >/dev/null
as home lead share "$case" --with YY-CERT --wait >/dev/null || true
equal 'under a name that is not ours' failed "$(state)"
says_why() { [[ $(as home lead --json shares "$case" | value 'd["items"][0]["error"]') == *'answered 403: XX-CERT may not issue case names of XX-CERT'* ]]; }
until_true 20 says_why
arrived 11 || fail 'taken under a foreign name'
as peer admin peer set XX-CERT --issuer-name XX-CERT >/dev/null

# --- whatever a peer posts there ---
rid=$(at peer printenv CIRT_URL)/rid
send() { # CONTENT-TYPE FILE: the answer, then the status
    curl -sS --noproxy '*' --max-time 20 --cacert "$SCRATCH/peer/ids/ca.crt" --cert "$SCRATCH/home/keys/push.crt" --key "$SCRATCH/home/keys/push.key" \
        -w '\n%{http_code}' -H "Content-Type: $1" --data-binary "@$2" "$rid"
}
malformed() { as peer lead --json report ls state:malformed sender:XX-CERT | value 'len(d["items"])'; }
before=$(malformed)
printf '{"type": "bundle", "id": "bundle--1", "objects": 5}' >"$SCRATCH/bad.stix"
printf '{"description": "no number", "class": "phishing"}' >"$SCRATCH/nameless.json"
printf '{"description": "another team'"'"'s", "class": "phishing", "reference": "42", "reference_issuer": "ZZ-CERT"}' >"$SCRATCH/foreign.json"
printf 'From: a@b.example\nSubject: x\n\ny\n' >"$SCRATCH/mail.eml"
printf 'garbage' >"$SCRATCH/garbage"
answer=$(send application/stix+json "$SCRATCH/bad.stix")
contains 'not readable: its place' '"at"' "$answer"
equal 'and the status' 400 "${answer##*$'\n'}"
answer=$(send application/json "$SCRATCH/nameless.json")
contains 'no case is named' 'does not name the case' "$answer"
equal 'of a nameless one' 400 "${answer##*$'\n'}"
answer=$(send application/json "$SCRATCH/foreign.json")
contains 'whose number it is not' 'may not issue case names of ZZ-CERT' "$answer"
equal 'of a foreign one' 403 "${answer##*$'\n'}"
equal 'all three are kept' $((before + 3)) "$(malformed)"
equal 'mail has another door' 415 "$(send message/rfc822 "$SCRATCH/mail.eml" | tail -n 1)"
equal 'garbage' 400 "$(send application/json "$SCRATCH/garbage" | tail -n 1)"
cp "$SCRATCH/shared.stix" "$SCRATCH/again.stix"
equal 'the same bytes again are known' 200 "$(send application/stix+json "$SCRATCH/again.stix" | tail -n 1)"
arrived 11 || fail 'something of that became incoming'
equal 'or a case' 1 "$(as peer lead --json ls is:any | value 'len(d["items"])')"
equal 'a feed may not post there' 403 "$(post peer feed /rid application/json "$SCRATCH/foreign.json" | tail -n 1)"
