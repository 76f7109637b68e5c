#!/bin/bash
# Mail through LMTP: plain, signed well, with a broken signature, by an unknown key, and by one in the name of another. Only the second is verified.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT --prefix XX-CERT
make peer --name YY-CERT --prefix YY-CERT
sandbox link "$SCRATCH/home" "$SCRATCH/peer"
lmtp=$(at home printenv CIRT_LMTP)
run_peer=$(at peer printenv CIRT_RUN)
user=()
((EUID != 0)) || user=(--as cirt-seal)
key=$(gpg --show-keys --with-colons "$SCRATCH/peer/team.asc" 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }')

signed() { # SUBJECT FROM: a mail signed by the peer's team, on stdout
    "$SOURCE/packaging/samples/send-signed-mail" --home "$run_peer/gnupg-seal" --key "$key" "${user[@]}" --from "$2" --to incident@xx-cert.example \
        --subject "$1" --lmtp - "$SOURCE/packaging/samples/signed-mail.txt"
}
hand_over() { # FILE FROM
    python3 -c '
import smtplib, sys
with smtplib.LMTP(sys.argv[1]) as mta:
    mta.sendmail(sys.argv[3], ["incident@xx-cert.example"], open(sys.argv[2], "rb").read())' "$lmtp" "$1" "$2"
}
summary_of() { # SUBJECT -> the signature summary of the report whose text has it
    as home lead --json report ls channel:mail --limit 50 | value '[r["id"] for r in d["items"]]' | tr -d '[]," ' >/dev/null
    local id
    for id in $(as home lead --json report ls channel:mail --limit 50 | value '" ".join(r["id"] for r in d["items"])'); do
        if as home lead report raw "$id" | grep -q "^Subject: $1"; then
            as home lead --json report show "$id" | value 'd["signature"]["summary"]'
            return
        fi
    done
    echo none
}

printf 'From: person@telecom-a.example\r\nTo: incident@xx-cert.example\r\nSubject: plain\r\nMessage-ID: <1@telecom-a.example>\r\n\r\nPhishing at https://198.51.100.70/x\r\n' >"$SCRATCH/plain.eml"
hand_over "$SCRATCH/plain.eml" person@telecom-a.example
signed good incident@yy-cert.example >"$SCRATCH/good.eml"
hand_over "$SCRATCH/good.eml" incident@yy-cert.example
signed broken incident@yy-cert.example | sed 's/198.51.100.44/198.51.100.45/' >"$SCRATCH/broken.eml"
hand_over "$SCRATCH/broken.eml" incident@yy-cert.example
signed impostor director@bank-b.example >"$SCRATCH/impostor.eml"
hand_over "$SCRATCH/impostor.eml" director@bank-b.example

stranger=$(mktemp -d /tmp/cirt-gpg-XXXXXX)
gpg --homedir "$stranger" --batch --quiet --passphrase '' --quick-gen-key 'YY-CERT <incident@yy-cert.example>' ed25519 sign 1d 2>/dev/null
other=$(gpg --homedir "$stranger" --with-colons --list-secret-keys 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }')
"$SOURCE/packaging/samples/send-signed-mail" --home "$stranger" --key "$other" --from incident@yy-cert.example --to incident@xx-cert.example \
    --subject stranger --lmtp "$lmtp" "$SOURCE/packaging/samples/signed-mail.txt"
gpgconf --homedir "$stranger" --kill gpg-agent
rm -rf "$stranger"

five() { [[ $(as home lead --json report ls channel:mail --limit 50 | value 'sum(r["state"] in ("triaged", "held") for r in d["items"])') == 5 ]]; }
until_true 30 five
# Whom we know opens a case whatever their signature is worth; of others it waits.
equal 'what waits' not-sender "$(as home lead --json report ls state:held | value '",".join(r["signature"]["summary"] for r in d["items"])')"
equal 'plain' unprotected "$(summary_of plain)"
equal 'good' verified "$(summary_of good)"
equal 'broken' bad "$(summary_of broken)"
equal 'in the name of another' not-sender "$(summary_of impostor)"
equal 'by an unknown key' unknown-key "$(summary_of stranger)"

# the same message twice is one report
hand_over "$SCRATCH/good.eml" incident@yy-cert.example
sleep 1
equal 'a repeated message' 5 "$(as home lead --json report ls channel:mail --limit 50 | value 'len(d["items"])')"
# an answer with the subject's tag goes to its case
case=$(as home lead --json report ls channel:mail --limit 50 | value '[r["case"] for r in d["items"] if r["sender"] == "person@telecom-a.example"][0]')
printf 'From: person@telecom-a.example\r\nTo: incident@xx-cert.example\r\nSubject: Re: [%s] more\r\nMessage-ID: <2@telecom-a.example>\r\n\r\nThe host is off.\r\n' "$case" >"$SCRATCH/reply.eml"
hand_over "$SCRATCH/reply.eml" person@telecom-a.example
joined() { [[ $(as home lead --json report ls channel:mail --limit 50 | value "sum(r['case'] == '$case' for r in d['items'])") -ge 2 ]]; }
until_true 20 joined
