#!/bin/bash
# A case with more values than a document has: it goes as several, each complete, one after another, also where roles are killed meanwhile; nothing
# leaves before all of it is ordered, nothing comes twice, and the other CIRT makes one case of them.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT --prefix XX-CERT
make peer --name YY-CERT --prefix YY-CERT
sandbox link "$SCRATCH/home" "$SCRATCH/peer" --tlp amber
python3 - "$SCRATCH/many.json" <<'PY'
import json, sys
values = [{"type": "domain", "value": f"h{n}.many.example", "role": "infrastructure"} for n in range(20400)]
values += [{"type": "ipv4", "value": "203.0.113.200", "role": "source"}, {"type": "email", "value": "who@many.example", "role": "victim"}]
json.dump({"description": "many", "class": "malware", "tlp": "green", "observations": [{"class": "malware", "observables": values}]}, open(sys.argv[1], "w"))
PY
as home feed submit "$SCRATCH/many.json" --wait >/dev/null
case=$(as home lead --json ls ip:203.0.113.200 is:any | value 'd["items"][0]["number"]')
as home lead note "$case" --share -m 'hosting company told' >/dev/null
arrived() { [[ $(as peer lead --json incoming ls | value 'len(d["items"])') == "$1" ]]; }
of_share() { as home lead --json shares "$case" | value "d['items'][0]['$1']"; }
is_state() { [[ $(of_share state) == "$1" ]]; }

as home lead share "$case" --with YY-CERT --format misp --dry-run >"$SCRATCH/dry"
contains 'how many documents' 'YY-CERT: 20,403 of 20,404 items go, in 2 documents.' "$(tail -n 3 "$SCRATCH/dry")"
equal 'each value once' 20400 "$(grep -c 'many\[.\]example .*goes' "$SCRATCH/dry")"
equal 'a dry run orders nothing' 0 "$(as home lead --json shares "$case" | value 'len(d["items"])')"

# an order that breaks off is none
order() { # BODY
    at home curl -sS --noproxy '*' --max-time 60 --cacert "$SCRATCH/home/ids/ca.crt" --cert "$SCRATCH/home/ids/lead.crt" --key "$SCRATCH/home/ids/lead.key" \
        -H 'Content-Type: application/json' --data-binary "$1" "$(at home printenv CIRT_DESK_URL)/v1/cases/$case/shares"
}
order '{"with": ["YY-CERT"], "format": "misp"}' >"$SCRATCH/first"
next=$(value 'd["items"][0]["next"]' <"$SCRATCH/first")
contains 'where it goes on' 'domain infrastructure h' "$next"
sleep 2
equal 'nothing leaves' planned "$(of_share state)"
contains 'and it says why' 'not ordered as a whole' "$(of_share error)"
equal 'no document' 0 "$(sql home 'SELECT count(*) FROM cirt.outbox')"

# the whole, while both roles that carry it are killed again and again
stop_file=$SCRATCH/enough
killing() {
    while [[ ! -e $stop_file ]]; do
        for role in share push; do
            pid=$(pgrep -P "$(pgrep -f "cirtd run -c $SCRATCH/home/")" -f "cirtd $role " || true)
            [[ -z $pid ]] || kill -9 $pid 2>/dev/null || true
        done
        sleep 0.7
    done
}
killing &
killer=$!
said=$(as home lead share "$case" --with YY-CERT --format misp)
contains 'as two documents' '20403 items in 2 documents' "$said"
sleep 4
touch "$stop_file"
wait "$killer"
until_true 120 is_state acknowledged
equal 'both' '2 2' "$(of_share parts) $(of_share parts_acknowledged)"
arrived 2 || fail 'not two documents'
as peer lead --json incoming ls >"$SCRATCH/incoming"
equal 'all values' 20401 "$(value 'sum(i["items"] for i in d["items"])' <"$SCRATCH/incoming")"
first=$(value 'd["items"][1]["id"]' <"$SCRATCH/incoming")
second=$(value 'd["items"][0]["id"]' <"$SCRATCH/incoming")
for incoming in "$first" "$second"; do
    as peer lead report raw "$(as peer lead --json incoming show "$incoming" | value 'd["report"]')" >"$SCRATCH/$incoming.misp"
done
contains 'the notes in the first' 'hosting company told' "$(<"$SCRATCH/$first.misp")"
lacks 'only' 'hosting company told' "$(<"$SCRATCH/$second.misp")"
python3 - "$SCRATCH/$first.misp" "$SCRATCH/$second.misp" <<'PY' || fail 'the documents are not apart'
import json, sys
one, two = (json.load(open(name))["Event"] for name in sys.argv[1:])
ids = [[a["uuid"] for a in e.get("Attribute", [])] + [a["uuid"] for o in e.get("Object", []) for a in o["Attribute"]] for e in (one, two)]
assert one["uuid"] != two["uuid"] and not set(ids[0]) & set(ids[1]) and one["info"] == two["info"]
PY
theirs=$(as peer lead --json incoming accept "$first" | value 'd["case"]')
equal 'the same case' "$theirs" "$(as peer lead --json incoming accept "$second" | value 'd["case"]')"
equal 'one case' 1 "$(as peer lead --json ls is:any | value 'len(d["items"])')"
contains 'the history names the parts' 'part 2 of 2' "$(as home lead journal "$case")"
as home lead journal verify >/dev/null

# what may not go any more stops what is left of it
sandbox stop "$SCRATCH/peer"
as home lead share "$case" --with YY-CERT --format json >/dev/null
until_true 30 is_state queued
as home admin agreement set "$(as home admin --json agreement ls | value 'd["items"][0]["id"]')" --enabled no >/dev/null
sandbox start "$SCRATCH/peer"
until_true 60 is_state failed
contains 'which part' 'part 1 of 2: there is no agreement in force' "$(of_share error)"
arrived 2 || fail 'something went without an agreement'
