#!/bin/bash
# A share to a peer that is reached by mail: the same items are decided, the document goes as a signed mail, encrypted where the label asks for it, to the
# address of the peer's record; a CIRT of another make opens it with gpg, another cirt reads it, and what may not go does not.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
. "$SOURCE/tests/support/postfix.sh"
postfix_free_port
make home --name XX-CERT --prefix XX-CERT --smtp "smtp://127.0.0.1:$postfix_port"
make peer --name YY-CERT --prefix YY-CERT --smtp "smtp://127.0.0.1:$postfix_port"
sandbox link "$SCRATCH/home" "$SCRATCH/peer" --tlp amber
postfix_boxes=(zz.example)
postfix_make "$(at home printenv CIRT_LMTP)" xx-cert.example "$(at peer printenv CIRT_LMTP)" yy-cert.example
key_home=$(gpg --show-keys --with-colons "$SCRATCH/home/team.asc" 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }')

cat >"$SCRATCH/report.json" <<'JSON'
{"description": "words of the reporter", "class": "phishing", "tlp": "green", "reporter": {"name": "Rita Reporter", "email": "rita@reporter.example"},
 "observations": [{"time": "2026-03-02T07:58:12Z", "class": "phishing", "count": 3, "observables": [
   {"type": "domain", "value": "kit.example.net", "role": "infrastructure", "indicator": true},
   {"type": "ipv4", "value": "192.0.2.17", "role": "source", "indicator": true}]},
  {"time": "2026-03-02T09:00:00Z", "observables": [
   {"type": "domain", "value": "inner.example.net", "role": "infrastructure", "tlp": "amber"},
   {"type": "email", "value": "victim@bank.example", "role": "victim"}]}]}
JSON
as home feed submit "$SCRATCH/report.json" --wait >/dev/null
case=$(as home lead --json ls domain:kit.example.net is:any | value 'd["items"][0]["number"]')
as home lead note "$case" --share -m 'hosting company told' >/dev/null
as home lead note "$case" -m 'our own affair' >/dev/null

# --- a peer with a mail address and nothing else, whose key is not known yet ---
as home admin peer add ZZ-CERT --title 'Team ZZ' --mail soc@zz.example >/dev/null
as home admin agreement add ZZ-CERT --ceiling amber --until 2099-12-31 >/dev/null
plan() { as home lead --json share "$case" --with ZZ-CERT --dry-run "$@"; }
reasons() { value '[i.get("reason") for i in d["items"][0]["items"] if i["text"] != "victim@bank.example" and i["text"] != "our own affair"]'; }
of_share() { as home lead --json shares "$case" | value "[s for s in d['items'] if s['peer'] == 'ZZ-CERT'][0]['$1']"; }
state() { of_share state; }
is_state() { [[ $(state) == "$1" ]]; }
shown=$(plan)
equal 'by mail' mail "$(value 'd["items"][0]["by"]' <<<"$shown")"
equal 'which carries no RID' iodef "$(value 'd["items"][0]["format"]' <<<"$shown")"
contains 'AMBER without a key' 'by mail: no usable key, and no leave to get it in clear' "$(reasons <<<"$shown")"
exits 1 as home lead share "$case" --with ZZ-CERT
contains 'said before' 'no usable key' "$said"
exits 1 as home lead share "$case" --with ZZ-CERT --by mail --format rid
exits 1 as home lead share "$case" --with ZZ-CERT --by pigeon
exits 1 as home lead share "$case" --with ZZ-CERT --by https
contains 'no address for that' 'no RID address' "$said"
equal 'nothing was ordered' 0 "$(as home lead --json shares "$case" | value 'len(d["items"])')"
equal 'and no mail begun' 0 "$(sql home "SELECT count(*) FROM cirt.mail WHERE occasion = 'share'")"

# --- what is GREEN goes in clear, and that is told ---
printf '{"description": "open", "class": "c2-server", "tlp": "green", "observations": [{"observables": [
    {"type": "domain", "value": "open.example.net", "role": "infrastructure"}, {"type": "email", "value": "x@open.example.net", "role": "victim"}]}]}' >"$SCRATCH/green.json"
as home feed submit "$SCRATCH/green.json" --wait >/dev/null
green=$(as home lead --json ls domain:open.example.net is:any | value 'd["items"][0]["number"]')
contains 'told before' 'ZZ-CERT: by mail to soc@zz.example, IN CLEAR.' "$(as home lead share "$green" --with ZZ-CERT --dry-run)"
as home lead share "$green" --with ZZ-CERT --wait >/dev/null
equal 'the MTA has it' sent "$(as home lead --json shares "$green" | value 'd["items"][0]["state"]')"
until_true 20 postfix_box_is soc@zz.example 1
zz=$SCRATCH/zz
mkdir -m 0700 "$zz"
stop_agent() { gpgconf --homedir "$zz" --kill gpg-agent; }
at_end stop_agent
gpg --homedir "$zz" --batch --quiet --import "$SCRATCH/home/team.asc" 2>/dev/null
arrived() { "$SOURCE/tests/support/mail-open.py" "$zz" "$(postfix_box soc@zz.example | sed -n "$1p")"; }
got=$(arrived 1)
equal 'signed' "[\"signed by $key_home\"]" "$(value 'd["layers"]' <<<"$got")"
contains 'which case' "$(as home lead --json show "$green" | value 'd["id"]')" "$(value 'd["inner"]["Subject"]' <<<"$got")"
contains 'the label' TLP:GREEN "$(value 'd["text"]' <<<"$got")"
equal 'one document' 1 "$(value 'len(d["files"])' <<<"$got")"
contains 'with the value' open.example.net "$(value 'list(d["files"].values())[0]' <<<"$got")"
lacks 'nobody hurt' x@open.example.net "$got"

# --- with a key everything that may go goes, in each format, and a program that is not ours opens it ---
gpg --homedir "$zz" --batch --quiet --passphrase '' --quick-gen-key 'Team ZZ <soc@zz.example>' ed25519 sign,cert never 2>/dev/null
key_zz=$(gpg --homedir "$zz" --with-colons --list-keys soc@zz.example 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }')
gpg --homedir "$zz" --batch --quiet --passphrase '' --quick-add-key "$key_zz" cv25519 encrypt never 2>/dev/null
gpg --homedir "$zz" --armor --export "$key_zz" >"$SCRATCH/zz.asc"
as home admin key import "$SCRATCH/zz.asc" >/dev/null
as home analyst key pin "$key_zz" --peer ZZ-CERT --yes >/dev/null
as home lead key pin "$key_zz" --peer ZZ-CERT --yes >/dev/null
encrypts() { [[ $(plan | value 'd["items"][0].get("protection") or ""') == encrypted ]]; }
until_true 20 encrypts
contains 'told before' 'by mail to soc@zz.example, encrypted' "$(as home lead share "$case" --with ZZ-CERT --dry-run)"
count=1
for format in iodef iodef-json stix misp xarf json ndjson; do
    as home lead share "$case" --with ZZ-CERT --format $format --wait >/dev/null
    equal "sent ($format)" sent "$(state)"
    count=$((count + 1))
    until_true 20 postfix_box_is soc@zz.example $count
    got=$(arrived $count)
    equal "closed ($format)" "[\"encrypted\", \"signed by $key_home\"]" "$(value 'd["layers"]' <<<"$got")"
    printf '%s' "$(value 'list(d["files"].values())[0]' <<<"$got")" >"$SCRATCH/mailed.$format"
    for home in 'our own affair' victim@bank.example 'words of the reporter' Rita rita@; do
        lacks "stays home ($format)" "$home" "$got"
    done
    contains "the value ($format)" inner.example.net "$(<"$SCRATCH/mailed.$format")"
    lacks "not outside ($format)" example.net "$(value 'str(d["outer"])' <<<"$got")"
done
python3 "$SOURCE/tests/support/schemas.py" "$SCRATCH"/mailed.{iodef,iodef-json,stix,misp,xarf,json,ndjson} || fail 'a schema refuses a document'
contains 'in the history' ', misp by mail' "$(as home lead journal "$case")"
contains 'among the mails of the case' 'soc@zz.example' "$(as home lead mails "$case")"

# --- another cirt reads the document out of the mail; the label came with it ---
as home admin peer set YY-CERT --mail incident@yy-cert.example >/dev/null
as home lead share "$case" --with YY-CERT --by mail --format stix --wait >"$SCRATCH/said"
contains 'encrypted to the key of its record' 'by mail to incident@yy-cert.example, encrypted' "$(<"$SCRATCH/said")"
came() { [[ $(as peer lead --json report ls channel:mail | value 'len(d["items"])') == 1 ]]; }
until_true 30 came
report=$(as peer lead --json report ls channel:mail | value 'd["items"][0]["id"]')
opened() { [[ $(as peer lead --json report show "$report" | value 'd["signature"]["summary"]') == verified ]]; }
until_true 30 opened
read_in() { [[ $(as peer lead report show "$report" --all) == *inner*example*net* ]]; }
until_true 30 read_in
equal 'its label' amber "$(as peer lead --json report show "$report" | value 'd["tlp"]')"

# --- what may not go any more does not: while it waits for the MTA, and after another order ---
postfix_stop
as home lead share "$case" --with ZZ-CERT --format json >/dev/null
in_outbox() { [[ $(sql home 'SELECT count(*) FROM cirt.outbox_mail') == 1 ]]; }
until_true 30 in_outbox
as home admin agreement set "$(as home admin --json agreement ls | value '[a["id"] for a in d["items"] if a["peer"] == "ZZ-CERT"][0]')" --enabled no >/dev/null
postfix_start
until_true 90 is_state failed
contains 'why' 'no agreement in force' "$(of_share error)"
postfix_box_is soc@zz.example $count || fail 'it went without an agreement'
as home admin agreement set "$(as home admin --json agreement ls | value '[a["id"] for a in d["items"] if a["peer"] == "ZZ-CERT"][0]')" --enabled yes >/dev/null

# nor to where the peer is not reached any more, or to a key that was revoked meanwhile
stays_behind() { # WHY COMMAND... : what is changed while a mail waits
    local why=$1
    shift
    postfix_stop
    as home lead share "$case" --with ZZ-CERT --format json >/dev/null
    until_true 30 in_outbox
    "$@" >/dev/null
    postfix_start
    until_true 90 is_state failed
    contains 'why' "$why" "$(of_share error)"
    postfix_box_is soc@zz.example $count || fail "it went all the same: $why"
}
stays_behind 'ZZ-CERT is not reached at soc@zz.example any more' as home admin peer set ZZ-CERT --mail new@zz.example
as home admin peer set ZZ-CERT --mail soc@zz.example >/dev/null
stays_behind "the key $key_zz is not usable any more" as home lead key distrust "$key_zz" -m 'laptop stolen'
as home lead journal verify >/dev/null
