#!/bin/bash
# A case from one CIRT to another: what goes, what stays and why; it arrives once, is kept and accepted; its number does not wander.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT --prefix XX-CERT
make peer --name YY-CERT --prefix YY-CERT
as home feed submit "$SOURCE/packaging/samples/phishing.iodef.xml" >/dev/null
triaged home
case=$(as home lead --json ls ip:198.51.100.7 | value 'd["items"][0]["number"]')
as home lead take "$case"
as home lead note "$case" --share -m 'hosting company told'
exits 1 as home lead note "$case" --share --tlp red -m 'do not name the customer'
as home lead note "$case" --tlp red -m 'do not name the customer'

exits 1 as home lead share "$case" --with YY-CERT
sandbox link "$SCRATCH/home" "$SCRATCH/peer" --tlp amber
sandbox link "$SCRATCH/home" "$SCRATCH/peer" --tlp amber
equal 'linked once' 1 "$(as home admin --json agreement ls | value 'len(d["items"])')"
contains 'no other way in' YY-CERT "$(as home lead --json peer ls)"

dry=$(as home lead --json share "$case" --with YY-CERT --dry-run)
equal 'the red note stays' false "$(value '[i["goes"] for i in d["items"][0]["items"] if i["kind"] == "note" and i["tlp"] == "red"][0]' <<<"$dry")"
contains 'and says why' RED "$(value '[i["reason"] for i in d["items"][0]["items"] if i["kind"] == "note" and i["tlp"] == "red"][0].upper()' <<<"$dry")"
equal 'dry run sends nothing' 0 "$(as home lead --json shares "$case" | value 'len(d["items"])')"
exits 3 as home analyst share "$case" --with YY-CERT
contains 'the command that sends just this' "--with YY-CERT --only 'type:ipv4 OR type:url' --tlp green --format stix" \
    "$(as home lead share "$case" --with YY-CERT --only 'type:ipv4 OR type:url' --tlp green --format stix --dry-run)"

equal 'a peer that is named twice is one' 1 "$(as home lead --json share "$case" --with YY-CERT,yy-cert YY-CERT --dry-run | value 'len(d["items"])')"

as home lead share "$case" --with YY-CERT >/dev/null
acknowledged() { [[ $(as home lead --json shares "$case" | value 'd["items"][0]["state"]') =~ ^(acknowledged|accepted)$ ]]; }
until_true 20 acknowledged
arrived() { [[ $(as peer lead --json incoming ls | value 'len(d["items"])') == 1 ]]; }
until_true 20 arrived
incoming=$(as peer lead --json incoming ls | value 'd["items"][0]["id"]')
shown=$(as peer lead --json incoming show "$incoming")
equal 'from whom' XX-CERT "$(value 'd["peer"]' <<<"$shown")"
lacks 'the red note' 'do not name the customer' "$shown"
equal 'not a case yet' 0 "$(as peer lead --json ls is:any | value 'len(d["items"])')"
report=$(value 'd["report"]' <<<"$shown")
raw=$(as peer lead report raw "$report")
contains 'the document as it came' 'RID' "$raw"
lacks 'in no form' 'do not name the customer' "$raw"

seen=$(as peer lead incoming show "$incoming")
contains 'what they say' 'hosting company told' "$seen"
lacks 'whose update' 'an update of' "$seen"
contains 'the report names it' "cirt incoming show $incoming" "$(as peer lead report show "$report")"
exits 1 as peer lead report accept "$report"
contains 'where it waits' 'cirt incoming ls' "$said"
theirs=$(as peer lead --json incoming accept "$incoming" | value 'd["case"]')
contains 'a number of its own' YY-CERT- "$theirs"
shown=$(as peer lead --json show "$theirs")
contains 'observables' 198.51.100.7 "$(value 'd["observable_list"]' <<<"$shown")"
[[ $(value 'd["tlp"]' <<<"$shown") =~ ^(green|amber|amber\+strict|red)$ ]] || fail "wider than it came: $shown"
exits 1 as peer lead incoming accept "$incoming"
exits 3 as peer analyst incoming decline "$incoming" -m 'not for us'

# the other is away: the delivery waits and goes out once it is back, once
sandbox stop "$SCRATCH/peer"
as home lead note "$case" --share -m 'second hint'
as home lead share "$case" --with YY-CERT >/dev/null
sleep 1
[[ $(as home lead --json shares "$case" | value 'd["items"][-1]["state"]') =~ ^(queued|sent|planned)$ ]] || fail 'a delivery to nobody is not waiting'
sandbox start "$SCRATCH/peer"
all_acknowledged() { [[ $(as home lead --json shares "$case" | value 'all(s["state"] in ("acknowledged", "accepted") for s in d["items"])') == true ]]; }
until_true 60 all_acknowledged
contains 'the case that it updates' "an update of what is $theirs here" "$(as peer lead incoming show "$(as peer lead --json incoming ls | value 'd["items"][0]["id"]')")"
equal 'once' 2 "$(as peer lead --json incoming ls | value 'len(d["items"])')"

# thousands of values: all go, and arrive; a terminal gets them in short, a pipe one by one
python3 - "$SCRATCH/many.json" <<'PY'
import json, sys
values = [{"type": "domain", "value": f"h{n}.many.example", "role": "infrastructure"} for n in range(5998)]
values += [{"type": "ipv4", "value": "203.0.113.200", "role": "source"}, {"type": "email", "value": "who@many.example", "role": "victim"}]
json.dump({"description": "many", "class": "malware", "tlp": "green", "observations": [{"class": "malware", "observables": values}]}, open(sys.argv[1], "w"))
PY
as home feed submit "$SCRATCH/many.json" --wait >/dev/null
many=$(as home lead --json ls ip:203.0.113.200 is:any | value 'd["items"][0]["number"]')
on_terminal() {
    python3 - "$@" <<'PY'
import os, pty, sys
text = b""
def read(terminal):
    global text
    part = os.read(terminal, 65536)
    text += part
    return b""
pty.spawn(sys.argv[1:], read)
sys.stdout.write(text.decode().replace("\r\n", "\n"))
PY
}
as home lead share "$many" --with YY-CERT --dry-run >"$SCRATCH/piped"
equal 'each in a pipe' 5998 "$(grep -c '\[.\]many\[.\]example .*goes' "$SCRATCH/piped")"
short=$(at home on_terminal cirt --profile lead share "$many" --with YY-CERT --dry-run)
(($(wc -l <<<"$short") < 40)) || fail "a terminal gets $(wc -l <<<"$short") lines"
contains 'how many more' 'domain   and 5,988 more' "$short"
contains 'the exception is shown' 'personal' "$short"
contains 'how many go' 'YY-CERT: 6,000 of 6,001 items go.' "$short"
as home lead share "$many" --with YY-CERT --wait >/dev/null
until_true 30 eval '[[ $(as peer lead --json incoming ls | value "d[\"items\"][0][\"items\"]") == 5999 ]]'
