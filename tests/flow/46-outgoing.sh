#!/bin/bash
# Mail that leaves, from the network's side: two CIRTs and people elsewhere exchange mail through a real Postfix; what arrives is opened and
# verified with gpg. Bounces, acknowledgements, recall, the MTA away and back.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
. "$SOURCE/tests/support/postfix.sh"
postfix_free_port
make home --name XX-CERT --prefix XX-CERT --smtp "smtp://127.0.0.1:$postfix_port"
make peer --name YY-CERT --prefix YY-CERT --smtp "smtp://127.0.0.1:$postfix_port"
sandbox link "$SCRATCH/home" "$SCRATCH/peer"
# What a person has a minute for, a test has a second.
for site in home peer; do
    sed -i 's/^outgoing {/&\n    recall_s = 1/' "$SCRATCH/$site/cirtd.conf"
    sandbox stop "$SCRATCH/$site"
    sandbox start "$SCRATCH/$site"
done
postfix_boxes=(out.example) postfix_nobody=(gone.example)
postfix_make "$(at home printenv CIRT_LMTP)" xx-cert.example "$(at peer printenv CIRT_LMTP)" yy-cert.example
key_home=$(gpg --show-keys --with-colons "$SCRATCH/home/team.asc" 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }')
key_peer=$(gpg --show-keys --with-colons "$SCRATCH/peer/team.asc" 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }')

# alice, elsewhere: a GnuPG home of her own
alice=$SCRATCH/alice
mkdir -m 0700 "$alice"
stop_agent() { gpgconf --homedir "$alice" --kill gpg-agent; }
at_end stop_agent
gpg --homedir "$alice" --batch --quiet --passphrase '' --quick-gen-key 'Alice <alice@out.example>' ed25519 sign,cert never 2>/dev/null
key_alice=$(gpg --homedir "$alice" --with-colons --list-keys 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }')
gpg --homedir "$alice" --batch --quiet --passphrase '' --quick-add-key "$key_alice" cv25519 encrypt never 2>/dev/null
gpg --homedir "$alice" --batch --quiet --import "$SCRATCH/home/team.asc" 2>/dev/null
gpg --homedir "$alice" --armor --export "$key_alice" >"$SCRATCH/alice.asc"

send() { # SITE-DOMAIN FROM MESSAGE-ID SUBJECT TEXT
    printf 'From: %s\r\nTo: incident@%s\r\nSubject: %s\r\nMessage-ID: <%s>\r\nDate: Wed, 25 Nov 2026 10:00:00 +0000\r\n\r\n%s\r\n' "$2" "$1" "$4" "$3" "$5" >"$SCRATCH/out.eml"
    postfix_send "$2" "incident@$1" "$SCRATCH/out.eml"
}
arrived() { "$SOURCE/tests/support/mail-open.py" "$alice" "$(postfix_box "$1" | sed -n "${2:-1}p")"; }
mail_state() { as home lead --json draft show "$1" | value 'd["state"]'; }
mail_state_is() { [[ $(mail_state "$1") == "$2" ]]; }
last_mail() { as home lead --json draft ls --all | value 'd["items"][0]["id"]'; }
case_of() { as home lead --json report ls "$1" | value 'd["items"][0]["case"] or ""'; }

# --- a stranger reports; the answer goes in clear, signed ---
send xx-cert.example bob@out.example 1@out.example 'a page' 'The kit is at https://198.51.100.70/x'
has_case() { [[ -n $(case_of "$1") ]]; }
until_true 20 has_case 'author:bob@out.example'
case=$(case_of 'author:bob@out.example')
exits 1 as home lead reply "$case" -m 'Thank you, we look at it.' --yes
contains 'AMBER in clear' 'bob@out.example: no key, and no waiver for TLP:AMBER in clear' "$said"
contains 'what would help' 'cirt contact waiver bob@out.example --up-to amber' "$said"
as home lead reply "$case" --tlp green -m 'Thank you, we look at it.' --yes >"$SCRATCH/said"
contains 'named before it goes' 'IN CLEAR  bob@out.example' "$(<"$SCRATCH/said")"
until_true 20 postfix_box_is bob@out.example 1
got=$(arrived bob@out.example)
equal 'what protects it' "[\"signed by $key_home\"]" "$(value 'd["layers"]' <<<"$got")"
equal 'its subject' "[$case] TLP:GREEN Re: a page" "$(value 'd["inner"]["Subject"]' <<<"$got")"
equal 'what it answers' '<1@out.example>' "$(value 'd["outer"]["In-Reply-To"]' <<<"$got")"
contains 'its text' 'we look at it.' "$(value 'd["text"]' <<<"$got")"
equal 'envelope' '<incident@xx-cert.example>' "$(value 'd["outer"]["Return-Path"]' <<<"$got")"
until_true 20 mail_state_is "$(last_mail)" sent
lacks 'nobody acknowledges a stranger' 'We have received' "$got"

# --- a waiver ---
as home lead contact waiver bob@out.example --up-to amber --until "$(date -u -d '+30 days' +%F)" -m 'has no key, asked by phone' >/dev/null
as home lead mail "$case" --to bob@out.example --subject 'more' -m 'It was taken down.' --tlp amber --yes >/dev/null
until_true 20 postfix_box_is bob@out.example 2
contains 'in the journal' 'bob[@]out[.]example in clear' "$(as home lead journal "$case")"

# --- his answer finds the case by what it answers ---
id=$(value 'd["outer"]["Message-ID"]' <<<"$got")
printf 'From: bob@out.example\r\nTo: incident@xx-cert.example\r\nSubject: thanks\r\nMessage-ID: <2@out.example>\r\nIn-Reply-To: %s\r\n\r\nGood to hear.\r\n' "$id" >"$SCRATCH/out.eml"
postfix_send bob@out.example incident@xx-cert.example "$SCRATCH/out.eml"
wrote() { [[ $(as home lead --json mails "$case" | value 'sum(i["direction"] == "in" for i in d["threads"][0]["items"])') == "$1" ]]; }
until_true 20 wrote 2

# --- encrypted to who has a key; hidden ones alone ---
as home lead key import "$SCRATCH/alice.asc" --contact alice@out.example --yes >/dev/null 2>&1 || as home lead key import "$SCRATCH/alice.asc" >/dev/null
as home lead key pin "$key_alice" --contact alice@out.example --yes >/dev/null 2>&1 || true
as home lead mail "$case" --to alice@out.example --bcc incident@yy-cert.example --subject 'the source' -m 'It is 203.0.113.9, TLP stays.' --tlp amber --yes >"$SCRATCH/said"
until_true 20 postfix_box_is alice@out.example 1
got=$(arrived alice@out.example)
equal 'encrypted and signed' "[\"encrypted\", \"signed by $key_home\"]" "$(value 'd["layers"]' <<<"$got")"
equal 'only the reference outside' "[$case]" "$(value 'd["outer"]["Subject"]' <<<"$got")"
equal 'the subject inside' "[$case] TLP:AMBER the source" "$(value 'd["inner"]["Subject"]' <<<"$got")"
contains 'the text' '203.0.113.9' "$(value 'd["text"]' <<<"$got")"
lacks 'nothing of it outside' '203.0.113.9' "$(<"$(postfix_box alice@out.example)")"
lacks 'nobody sees the hidden one' 'yy-cert' "$got"
lacks 'nor by a key id' "${key_peer: -16}" "$(gpg --homedir "$alice" --batch --list-packets <(sed -n '/BEGIN PGP MESSAGE/,/END PGP MESSAGE/p' "$(postfix_box alice@out.example)" | tr -d '\r') 2>&1)"
# at the peer: opened, verified, a report of its own
peer_report() { as peer lead --json report ls channel:mail | value 'd["items"][0]["id"]'; }
until_true 20 peer_report
r=$(peer_report)
until_true 20 eval '[[ $(as peer lead --json report show "$r" | value "(d[\"signature\"] or {}).get(\"summary\")") == verified ]]'
equal 'encrypted to the peer' whole "$(as peer lead --json report show "$r" | value 'd["signature"]["encryption"]')"
equal 'signed by us' XX-CERT "$(as peer lead --json report show "$r" | value 'd["signature"]["signer"]')"

# --- the peer answers from its own case: encrypted back, and it finds ours ---
until_true 20 eval '[[ $(as peer lead --json report show "$r" | value "d[\"case\"] or \"\"") == YY-* ]]'
their_case=$(as peer lead --json report show "$r" | value 'd["case"]')
as peer lead reply "$their_case" -m 'We see it too: 203.0.113.10' --yes >/dev/null
joined() { as home lead --json mails "$case" | value 'sum(1 for t in d["threads"] for i in t["items"] if i["direction"] == "in" and "yy-cert" in (i["report"]["sender"] or "").lower())' | grep -qx 1; }
until_true 20 joined
contains 'both ways' 'verified' "$(as home lead --json mails "$case")"

# --- who is known is told the number, by nobody (null sender), once ---
as home lead contact add carol@out.example >/dev/null
send xx-cert.example carol@out.example 3@out.example 'another' 'See https://198.51.100.71/y'
until_true 20 postfix_box_is carol@out.example 1
got=$(arrived carol@out.example)
equal 'null sender' '<>' "$(value 'd["outer"]["Return-Path"]' <<<"$got")"
equal 'said to be automatic' 'auto-replied' "$(value 'd["outer"]["Auto-Submitted"]' <<<"$got")"
contains 'the number' "$(case_of author:carol@out.example)" "$(value 'd["text"]' <<<"$got")"
equal 'signed too' "[\"signed by $key_home\"]" "$(value 'd["layers"]' <<<"$got")"
lacks 'no content' '198.51.100.71' "$got"
carols=$(case_of author:carol@out.example)
send xx-cert.example carol@out.example 4@out.example "[$carols] more" 'And https://198.51.100.72/y'
until_true 20 eval '[[ $(as home lead --json show "$carols" | value "d[\"reports\"]") == 2 ]]'
sleep 3
equal 'once a case' 1 "$(postfix_box carol@out.example | wc -l)"

# --- a mail that nobody takes comes back ---
as home lead mail "$case" --to somebody@gone.example --subject x -m 'hello' --tlp green --yes >/dev/null
refused=$(last_mail)
until_true 30 mail_state_is "$refused" failed
contains 'refused at once' '550 5.1.1' "$(as home lead --json draft show "$refused" | value 'd["error"]')"
contains 'that contact is flagged' '5.1.1' "$(as home lead --json contact show somebody@gone.example | value 'd["bounce"]')"
as home lead mail "$case" --to nobody@out.example --subject x -m 'hello' --tlp green --yes >/dev/null
gone=$(last_mail)
until_true 30 mail_state_is "$gone" bounced
contains 'why' '5.1.1' "$(as home lead --json draft show "$gone" | value 'd["error"]')"
contains 'the contact is flagged' '5.1.1' "$(as home lead --json contact show nobody@out.example | value 'd["bounce"]')"
contains 'in the history' 'came back from nobody[@]out[.]example' "$(as home lead journal "$case")"
equal 'a bounce opens no case' 2 "$(as home lead --json ls is:any | value 'len(d["items"])')"

# --- recall ---
sed -i 's/recall_s = 1$/recall_s = 60/' "$SCRATCH/home/cirtd.conf"
sandbox stop "$SCRATCH/home"
sandbox start "$SCRATCH/home"
as home lead mail "$case" --to bob@out.example --subject oops -m 'wrong one' --tlp green --yes >/dev/null
oops=$(last_mail)
as home lead recall "$oops" >/dev/null
equal 'taken back' recalled "$(mail_state "$oops")"
as home lead draft edit "$oops" -m 'the right one' >/dev/null
sed -i 's/recall_s = 60$/recall_s = 0/' "$SCRATCH/home/cirtd.conf"
sandbox stop "$SCRATCH/home"
sandbox start "$SCRATCH/home"

# --- the MTA away: it waits, doctor says so, and it goes once when the MTA is back ---
postfix_stop
as home lead draft send "$oops" --yes >/dev/null
doctor_says() { [[ $(as home lead doctor 2>&1 || true) == *"$1"* ]]; }
until_true 20 doctor_says 'Connection refused'
equal 'it waits' queued "$(mail_state "$oops")"
postfix_start
until_true 40 mail_state_is "$oops" sent
until_true 20 postfix_box_is bob@out.example 3
contains 'the right one' 'the right one' "$(arrived bob@out.example 3)"
lacks 'not the other' 'wrong one' "$(arrived bob@out.example 3)"

# --- at the end everybody who reported is told, once ---
as home lead take "$carols" >/dev/null
exits 1 as home lead close "$carols" --as fixed --tell-reporters --tell 'It is gone.' --yes
contains 'not in clear without a waiver' 'carol@out.example  stays: no key, and no waiver' "$said"
as home lead contact waiver carol@out.example --up-to amber --until "$(date -u -d '+30 days' +%F)" -m 'by phone' >/dev/null
as home lead reopen "$carols" >/dev/null
as home lead close "$carols" --as fixed --tell-reporters --tell 'It is gone.' --yes >/dev/null
until_true 20 postfix_box_is carol@out.example 2
contains 'closed' 'It is gone.' "$(arrived carol@out.example 2)"
