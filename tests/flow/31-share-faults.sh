#!/bin/bash
# What goes wrong between two CIRTs: a lost answer, a key or a name that is not the peer's, an update by another peer, an agreement that ends on the way.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT --prefix XX-CERT
make peer --name YY-CERT --prefix YY-CERT
sandbox link "$SCRATCH/home" "$SCRATCH/peer" --tlp amber
as home feed submit "$SOURCE/packaging/samples/phishing.iodef.xml" >/dev/null
triaged home
case=$(as home lead --json ls is:any | value 'd["items"][0]["number"]')
as home lead take "$case" >/dev/null

share() { # NOTE: orders the case again with one more thing to say
    as home lead note "$case" --share -m "$1" >/dev/null
    as home lead share "$case" --with YY-CERT >/dev/null
}
of_share() { as home lead --json shares "$case" | value "d['items'][0]['$1']"; }
is_state() { [[ $(of_share state) == "$1" ]]; }
has_error() { [[ $(of_share error) == *"$1"* ]]; }
incoming() { as peer lead --json incoming ls | value 'len(d["items"])'; }
try_soon() { until_true 30 is_state "$1"; } # a delivery that failed once rests 5 seconds

# the answer is lost after the peer stored the document: the second delivery is the same bytes, is no second document, and is acknowledged
rid=$(at peer printenv CIRT_RID_URL)
coproc FORWARD { exec "$SOURCE/tests/support/lossy-forward.py" "${rid##*:}" "$SCRATCH/lost"; }
read -r port <&"${FORWARD[0]}"
as home admin peer set YY-CERT --rid-url "https://127.0.0.1:$port/" >/dev/null
share "$(printf 'a long note %.0s' {1..1000})"
try_soon acknowledged
[[ -e $SCRATCH/lost ]] || fail 'no answer was lost'
equal 'one document' 1 "$(incoming)"
equal 'two deliveries' 2 "$(sql home 'SELECT count(*) FROM cirt.delivery')"
equal 'the same bytes' "$(sql home 'SELECT count(*) FROM cirt.outbox')" 0
kill "$FORWARD_PID"
as home admin peer set YY-CERT --rid-url "$rid/" >/dev/null

# a server with another key than the peer's gets nothing, whatever its certificate; with the right one among several it goes on
gate=$("$SOURCE/certs/ca" fingerprint "$SCRATCH/peer/keys/gate.crt")
push=$("$SOURCE/certs/ca" fingerprint "$SCRATCH/peer/keys/push.crt")
as home admin peer set YY-CERT --key "$push" >/dev/null
share 'for the right key only'
until_true 20 has_error pinned
equal 'waits' queued "$(of_share state)"
equal 'nothing arrived' 1 "$(incoming)"
as home admin peer set YY-CERT --key "$push" --key "$gate" >/dev/null
try_soon acknowledged
equal 'arrived' 2 "$(incoming)"

# a peer may issue its own names only
as peer admin peer set XX-CERT --issuer-name OTHER-CERT >/dev/null
share 'under a name that is not ours'
try_soon failed
has_error AuthenticationOrigin || fail "no reason: $(of_share error)"
equal 'not taken' 2 "$(incoming)"

# and update its own cases only: the name moves to another peer, which sends the case that XX-CERT delivered
other=$SCRATCH/home/ids/analyst2
as peer admin peer add ZZ-CERT --title ZZ-CERT --issuer-name XX-CERT --key "$("$SOURCE/certs/ca" fingerprint "$other.crt")" >/dev/null
report=$(as peer lead --json incoming show "$(as peer lead --json incoming ls | value 'd["items"][0]["id"]')" | value 'd["report"]')
as peer lead report raw "$report" >"$SCRATCH/update.xml"
answer=$(curl -sS --noproxy '*' --max-time 20 --cacert "$SCRATCH/peer/ids/ca.crt" --cert "$other.crt" --key "$other.key" -H 'Content-Type: text/xml' \
    --data-binary "@$SCRATCH/update.xml" "$rid/")
contains 'denied' 'AuthorizationStatus="Denied"' "$answer"
contains 'and why' AuthenticationOrigin "$answer"
equal 'not taken either' 2 "$(incoming)"
as peer admin peer set ZZ-CERT --issuer-name ZZ-CERT >/dev/null
as peer admin peer set XX-CERT --issuer-name XX-CERT >/dev/null
share 'under our own name again'
try_soon acknowledged
equal 'taken again' 3 "$(incoming)"

# a number that no index holds is refused at once, and kept
number=$(openssl rand -hex 20000 | tr -d '\n')
NUMBER=$number perl -pe 's/(<(?:iodef:)?IncidentID [^>]*>)[^<]*/$1$ENV{NUMBER}/' "$SCRATCH/update.xml" >"$SCRATCH/long.xml"
answer=$(curl -sS --noproxy '*' --max-time 20 --cacert "$SCRATCH/peer/ids/ca.crt" --cert "$SCRATCH/home/keys/push.crt" --key "$SCRATCH/home/keys/push.key" \
    -H 'Content-Type: text/xml' --data-binary "@$SCRATCH/long.xml" "$rid/")
contains 'refused at once' 'AuthorizationStatus="Denied"' "$answer"
equal 'and kept' "$(wc -c <"$SCRATCH/long.xml")" "$(as peer lead --json report ls state:malformed sender:XX-CERT | value 'd["items"][0]["size"]')"
as peer lead report show "$(as peer lead --json report ls state:malformed sender:XX-CERT | value 'd["items"][0]["id"]')" >"$SCRATCH/long.txt"
contains 'with the reason' '500 bytes' "$(cat "$SCRATCH/long.txt")"

# what was refused under the wrong name was kept; read again now, it becomes incoming and no case
cases=$(as peer lead --json ls is:any | value 'len(d["items"])')
refused=$(as peer lead --json report ls state:malformed sender:XX-CERT | value 'd["items"][1]["id"]')
as peer lead report replay "$refused" >/dev/null
until_true 20 eval '[[ $(incoming) == 4 ]]'
equal 'no case of it' "$cases" "$(as peer lead --json ls is:any | value 'len(d["items"])')"

# disabled over there: refused for good, and said
as peer admin peer set XX-CERT --enabled no >/dev/null
share 'to somebody who no longer knows us'
try_soon failed
has_error 'answered 403' || fail "no reason: $(of_share error)"
as peer admin peer set XX-CERT --enabled yes >/dev/null

# disabled here: held, and goes on
sandbox stop "$SCRATCH/peer"
share 'while the peer is away'
until_true 20 has_error YY-CERT
as home admin peer set YY-CERT --enabled no >/dev/null
until_true 20 is_state held
sandbox start "$SCRATCH/peer"
as home admin peer set YY-CERT --enabled yes >/dev/null
try_soon acknowledged
equal 'arrived in the end' 5 "$(incoming)"

# the agreement ends while the document waits: it does not go any more
sandbox stop "$SCRATCH/peer"
share 'too late'
until_true 20 has_error YY-CERT
as home admin agreement set "$(as home admin --json agreement ls | value 'd["items"][0]["id"]')" --enabled no >/dev/null
sandbox start "$SCRATCH/peer"
try_soon failed
has_error 'no agreement in force' || fail "no reason: $(of_share error)"
equal 'stayed' 5 "$(incoming)"
exits 1 as home lead share "$case" --with YY-CERT
contains 'the history says so' 'share failed' "$(as home lead journal "$case")"
as home lead journal verify >/dev/null

# what a peer asks for is denied, and kept where people find it; they may take what it tells
as peer admin peer set XX-CERT --issuer-name XX-CERT --enabled yes >/dev/null
sed 's/MsgType="Report"/MsgType="InvestigationRequest"/' "$SCRATCH/update.xml" >"$SCRATCH/request.xml"
before=$(incoming)
answer=$(curl -sS --noproxy '*' --max-time 20 --cacert "$SCRATCH/peer/ids/ca.crt" --cert "$SCRATCH/home/keys/push.crt" --key "$SCRATCH/home/keys/push.key" \
    -H 'Content-Type: text/xml' --data-binary "@$SCRATCH/request.xml" "$rid/")
contains 'denied' 'AuthorizationStatus="Denied"' "$answer"
asked=$(as peer lead --json report ls state:malformed sender:XX-CERT | value 'd["items"][0]["id"]')
contains 'what it is' 'InvestigationRequest' "$(as peer lead report show "$asked")"
as peer lead report raw "$asked" | cmp - "$SCRATCH/request.xml"
as peer lead report replay "$asked" >/dev/null
until_true 20 eval '[[ $(incoming) == $((before + 1)) ]]'

# whom it is for holds for what was not taken, too; and beyond the quota of broken documents the beginning is kept
posted() { # FILE
    curl -sS --noproxy '*' --max-time 20 --cacert "$SCRATCH/peer/ids/ca.crt" --cert "$SCRATCH/home/keys/push.crt" --key "$SCRATCH/home/keys/push.key" \
        -H 'Content-Type: text/xml' --data-binary "@$1" "$rid/"
}
newest() { as peer lead --json report ls state:malformed sender:XX-CERT | value "d['items'][0]['$1']"; }
perl -pe 's/(<(?:iodef:)?Incident )/$1restriction="red" /; s/(?<=red" )(.*?) restriction="[^"]*"/$1/' "$SCRATCH/request.xml" >"$SCRATCH/red.xml"
contains 'denied' 'AuthorizationStatus="Denied"' "$(posted "$SCRATCH/red.xml")"
equal 'the label of a request' red "$(newest tlp)"
exits 1 as peer analyst report show "$(newest id)"
sed 's/MsgType="InvestigationRequest"/MsgType="Report"/; s/\(<[a-z:]*IncidentID [^>]*name="\)[^"]*/\1NOT-OURS/' "$SCRATCH/red.xml" >"$SCRATCH/refused.xml"
contains 'whose name is not theirs' AuthenticationOrigin "$(posted "$SCRATCH/refused.xml")"
equal 'the label of a refused report' red "$(newest tlp)"
sandbox stop "$SCRATCH/peer"
sed -i 's/^intake {/&\n    malformed_quota_mb = 0/' "$SCRATCH/peer/cirtd.conf"
sandbox start "$SCRATCH/peer"
sed 's/MsgType="InvestigationRequest"/MsgType="TraceRequest"/' "$SCRATCH/request.xml" >"$SCRATCH/trace.xml"
contains 'denied' 'AuthorizationStatus="Denied"' "$(posted "$SCRATCH/trace.xml")"
asked=$(newest id)
equal 'the beginning' 4096 "$(sql peer "SELECT sum(length(bytes)) FROM cirt.report_raw WHERE report_id = ${asked#r}")"
equal 'of all' "$(wc -c <"$SCRATCH/trace.xml")" "$(newest size)"
contains 'which is told' 'only its first 4096 bytes were kept' "$(as peer lead report show "$asked")"
head -c 8000 /dev/zero | tr '\0' x >"$SCRATCH/long.json"
exits 5 as peer feed submit - <<<'the first of today'
exits 5 as peer feed submit "$SCRATCH/long.json"
contains 'at once, too' 'only its first 4096 bytes were kept, as malformed report' "$said"
lacks 'what would be refused' 'report replay' "$said"
