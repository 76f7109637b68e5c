#!/bin/bash
# Mail from the network's side: through a real Postfix into cirt. Plain, signed and encrypted; the database away and back; what is refused.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
. "$SOURCE/tests/support/postfix.sh"
make home --name XX-CERT --prefix XX-CERT
make peer --name YY-CERT --prefix YY-CERT
sandbox link "$SCRATCH/home" "$SCRATCH/peer"
lmtp=$(at home printenv CIRT_LMTP)
run_home=$(at home printenv CIRT_RUN)
run_peer=$(at peer printenv CIRT_RUN)
key_home=$(gpg --show-keys --with-colons "$SCRATCH/home/team.asc" 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }')
key_peer=$(gpg --show-keys --with-colons "$SCRATCH/peer/team.asc" 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }')
postfix_make "$lmtp" xx-cert.example

peer_gpg() { runuser -u cirt-seal -- gpg --homedir "$run_peer/gnupg-seal" --batch --quiet --trust-model always "$@"; }
mail_count() { as home lead --json report ls channel:mail --limit 200 | value 'len(d["items"])'; }
mail_count_is() { [[ $(mail_count) == "$1" ]]; }
# id_of MESSAGE-ID : the reports whose mail has it, on one line
id_of() {
    local id found=()
    for id in $(as home lead --json report ls channel:mail --limit 200 | value '" ".join(r["id"] for r in d["items"])'); do
        ! as home lead report raw "$id" | grep -qiF "Message-ID: <$1>" || found+=("$id")
    done
    printf '%s' "${found[*]}"
}
is_judged() { [[ $(as home lead --json report show "$1" | value '(d["signature"] or {}).get("summary") is not None') == true ]]; }
plain() { # MESSAGE-ID SUBJECT TEXT
    printf 'From: person@telecom-a.example\r\nTo: incident@xx-cert.example\r\nSubject: %s\r\nMessage-ID: <%s>\r\n\r\n%s\r\n' "$2" "$1" "$3"
}

# lmtp_send FROM TO FILE [no-size] : straight to cirtd; no-size does not say before how large it is
lmtp_send() {
    python3 -c '
import smtplib, sys
with smtplib.LMTP(sys.argv[1]) as mta:
    mta.ehlo()
    if sys.argv[5:]:
        mta.esmtp_features.pop("size")
    try:
        mta.sendmail(sys.argv[2], [sys.argv[3]], open(sys.argv[4], "rb").read())
    except smtplib.SMTPResponseException as refused:
        sys.exit(f"{type(refused).__name__} {refused.smtp_code} {refused.smtp_error.decode()}")' "$lmtp" "$@"
}

# --- the socket is for Postfix alone ---
equal 'mode of the socket' 'srw-rw---- postfix' "$(stat -c '%A %G' "$lmtp")"

# --- plain ---
plain 1@telecom-a.example 'a page' 'Phishing at https://198.51.100.70/x' >"$SCRATCH/plain.eml"
postfix_send person@telecom-a.example incident@xx-cert.example "$SCRATCH/plain.eml"
until_true 20 mail_count_is 1
until_true 20 postfix_queue_is 0
r=$(id_of 1@telecom-a.example)
until_true 20 is_judged "$r"
shown=$(as home lead report show "$r")
contains 'a plain mail' 'NOT VERIFIED: not signed' "$shown"
contains 'a plain mail' '198[.]51[.]100[.]70' "$shown"
contains 'sender of a plain mail' 'person@telecom-a.example' "$shown"
contains 'what Postfix wrote above it' 'by mta.xx-cert.example (Postfix)' "$(as home lead report raw "$r")"

# --- an answer to its case, by the case's address ---
case_of() { as home lead --json report show "$1" | value 'd["case"] or ""'; }
has_case() { [[ -n $(case_of "$1") ]]; }
until_true 20 has_case "$r"
number=$(as home lead --json show "$(case_of "$r")" | value 'd["number"]')
plain 2@telecom-a.example 'Re: a page' 'It is off the net now.' >"$SCRATCH/answer.eml"
postfix_send person@telecom-a.example "case+$number@xx-cert.example" "$SCRATCH/answer.eml"
until_true 20 mail_count_is 2
answer=$(id_of 2@telecom-a.example)
until_true 20 has_case "$answer"
equal 'the case of an answer' "$(case_of "$r")" "$(case_of "$answer")"

# --- signed by the peer's team ---
"$SOURCE/packaging/samples/send-signed-mail" --home "$run_peer/gnupg-seal" --key "$key_peer" --as cirt-seal --from incident@yy-cert.example \
    --to incident@xx-cert.example --subject 'signed' --lmtp - "$SOURCE/packaging/samples/signed-mail.txt" |
    sed 's/^Message-ID: .*/Message-ID: <signed@yy-cert.example>\r/' >"$SCRATCH/signed.eml"
postfix_send incident@yy-cert.example incident@xx-cert.example "$SCRATCH/signed.eml"
until_true 20 mail_count_is 3
r=$(id_of signed@yy-cert.example)
until_true 20 is_judged "$r"
shown=$(as home lead report show "$r")
contains 'a signed mail' "SIGNED by YY-CERT, key ${key_peer:0:4}…${key_peer: -4}" "$shown"
contains 'a signed mail' 'covers the whole message' "$shown"
lacks 'a signed mail' 'NOT VERIFIED' "$shown"
signature=$(as home lead --json report show "$r" | value 'd["signature"]')
equal 'summary' verified "$(value 'd["summary"]' <<<"$signature")"
equal 'signer' YY-CERT "$(value 'd["signer"]' <<<"$signature")"
equal 'fingerprint' "$key_peer" "$(value 'd["fingerprint"]' <<<"$signature")"
equal 'covers' whole "$(value 'd["covers"]' <<<"$signature")"
equal 'encryption' none "$(value 'd["encryption"]' <<<"$signature")"
equal 'found by its verdict' "$r" "$(as home lead --json report ls signed:verified | value '" ".join(r["id"] for r in d["items"])')"

# --- encrypted to us, and signed inside ---
peer_gpg --import <"$SCRATCH/home/team.asc" 2>/dev/null
encrypted() { # MESSAGE-ID FROM TEXT GPG-OPTION... : PGP/MIME, encrypted (RFC 3156 section 4)
    local id=$1 from=$2 text=$3
    shift 3
    printf 'From: %s\r\nTo: incident@xx-cert.example\r\nSubject: ...\r\nMessage-ID: <%s>\r\nMIME-Version: 1.0\r\n' "$from" "$id"
    printf 'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="e"\r\n\r\n--e\r\n'
    printf 'Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--e\r\nContent-Type: application/octet-stream\r\n\r\n'
    printf 'Content-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n' "$text" | peer_gpg --armor --recipient "$key_home" "$@" --encrypt | sed 's/$/\r/'
    printf '\r\n--e--\r\n'
}
encrypted sealed@yy-cert.example incident@yy-cert.example 'The controller is 203.0.113.9' --sign --local-user "$key_peer" >"$SCRATCH/sealed.eml"
postfix_send incident@yy-cert.example incident@xx-cert.example "$SCRATCH/sealed.eml"
encrypted secret@yy-cert.example incident@yy-cert.example 'The second is 203.0.113.10' >"$SCRATCH/secret.eml"
postfix_send incident@yy-cert.example incident@xx-cert.example "$SCRATCH/secret.eml"
until_true 20 mail_count_is 5
r=$(id_of sealed@yy-cert.example)
until_true 20 is_judged "$r"
shown=$(as home lead report show "$r")
contains 'signed inside the encryption' 'SIGNED by YY-CERT' "$shown"
contains 'encrypted' 'It was encrypted to us as a whole' "$shown"
contains 'what was encrypted' '203.0.113.9' "$shown"
equal 'encryption' whole "$(as home lead --json report show "$r" | value 'd["signature"]["encryption"]')"
r=$(id_of secret@yy-cert.example)
until_true 20 is_judged "$r"
shown=$(as home lead report show "$r")
contains 'encrypted, not signed' 'NOT VERIFIED: not signed' "$shown"
contains 'encrypted, not signed' '203.0.113.10' "$shown"
# to somebody else's key: kept, and said
key_home=$key_peer encrypted lost@yy-cert.example incident@yy-cert.example 'not for you' >"$SCRATCH/lost.eml"
postfix_send incident@yy-cert.example incident@xx-cert.example "$SCRATCH/lost.eml"
until_true 20 mail_count_is 6
r=$(id_of lost@yy-cert.example)
until_true 20 is_judged "$r"
contains 'not to be opened' 'cannot be opened' "$(as home lead report show "$r")"
equal 'not to be opened' undecryptable "$(as home lead --json report show "$r" | value 'd["signature"]["encryption"]')"

# --- results in the name of our own MTA, which did not write them, do not come in ---
{
    printf 'Authentication-Results: mx.xx-cert.example; dmarc=pass header.from=bank-b.example\r\nAuthentication-Results: mx.elsewhere.example; dmarc=pass header.from=bank-b.example\r\n'
    plain forged-results@bank-b.example 'forged results' 'The host 198.51.100.72 is infected'
} >"$SCRATCH/results.eml"
postfix_send person@bank-b.example incident@xx-cert.example "$SCRATCH/results.eml"
until_true 20 mail_count_is 7
r=$(id_of forged-results@bank-b.example)
until_true 20 is_judged "$r"
lacks 'forged results' 'mx.xx-cert.example' "$(as home lead report raw "$r")"
contains "somebody else's results" 'mx.elsewhere.example' "$(as home lead report raw "$r")"
equal 'forged results' unknown "$(as home lead --json report show "$r" | value 'd["assurance"]')"

# --- the database away: Postfix keeps it, and hands it over once ---
. "$SOURCE/packaging/postgres.sh"
su_postgres() { runuser -u cirt-postgres -- "$(postgres_bin)/pg_ctl" -D "$SCRATCH/home/db" "$@" >/dev/null; }
su_postgres stop -m fast -w
plain away@telecom-a.example 'while the database was away' 'The host 198.51.100.71 is infected' >"$SCRATCH/away.eml"
postfix_send person@telecom-a.example incident@xx-cert.example "$SCRATCH/away.eml"
until_true 20 postfix_log_has 'status=deferred .*451 4\.3\.0'
equal 'kept by Postfix' 1 "$(postfix_queue_size)"
sleep 1
postfix_flush
sleep 1
equal 'still kept' 1 "$(postfix_queue_size)"
su_postgres start -w -l "$SCRATCH/home/log/postgresql/log"
until_true 30 as home lead --json report ls
delivered() { postfix_flush; sleep 1; postfix_queue_is 0; }
until_true 30 delivered
until_true 20 mail_count_is 8
equal 'once' 1 "$(id_of away@telecom-a.example | wc -w)"

# --- refusals ---
exits 1 postfix_send person@telecom-a.example nobody@xx-cert.example "$SCRATCH/plain.eml"
contains 'an unknown recipient' 'RCPT 550 5.1.1' "$said"
# What passes smtpd (here: a program on the MTA's machine) meets the same answer from cirtd, and bounces.
postfix_inject person@telecom-a.example nobody@xx-cert.example <"$SCRATCH/plain.eml"
until_true 20 postfix_log_has 'to=<nobody@xx-cert\.example>.*dsn=5\.1\.1, status=bounced .*said: 550 5\.1\.1'
# too large: told by Postfix before the data, where its limit is ours; by cirtd, where it is not
python3 -c '
print("From: person@telecom-a.example\r\nMessage-ID: <large@telecom-a.example>\r\nSubject: large\r\n\r", flush=True)
for i in range(33 * 1024): print(("x" * 72 + "\r\n") * 14)' >"$SCRATCH/large.eml"
exits 1 postfix_send person@telecom-a.example incident@xx-cert.example "$SCRATCH/large.eml"
contains 'too large' '552 5.3.4' "$said"
exits 1 lmtp_send person@telecom-a.example incident@xx-cert.example "$SCRATCH/large.eml"
equal 'too large, said at MAIL' 'SMTPSenderRefused 552 5.3.4 message too large' "$said"
exits 1 lmtp_send person@telecom-a.example incident@xx-cert.example "$SCRATCH/large.eml" no-size
equal 'too large, said after the data' 'SMTPDataError 552 5.3.4 message too large' "$said"
postconf -c "$postfix_dir/etc" -e message_size_limit=0
postfix -c "$postfix_dir/etc" reload 2>/dev/null
postfix_inject person@telecom-a.example incident@xx-cert.example <"$SCRATCH/large.eml"
until_true 30 postfix_log_has 'to=<incident@xx-cert\.example>.*dsn=5\.3\.4, status=bounced'
until_true 20 postfix_queue_is 0

# --- an MTA's other user may not ---
exits 1 runuser -u nobody -- python3 -c 'import smtplib, sys; smtplib.LMTP(sys.argv[1])' "$lmtp"
contains 'a user who is no MTA' 'Permission' "$said"

# --- cirtd mail stopped: as with the database ---
equal 'all are there' 8 "$(mail_count)"
pid=$(pgrep -f "^cirtd mail .*" -P "$(<"$SCRATCH/home/cirtd.pid")")
kill -STOP "$pid"
plain stopped@telecom-a.example 'while cirtd mail stood' 'The host 198.51.100.72 is infected' >"$SCRATCH/stopped.eml"
postfix_send person@telecom-a.example incident@xx-cert.example "$SCRATCH/stopped.eml"
sleep 1
kill -KILL "$pid"
until_true 20 postfix_log_has 'status=deferred .*lost connection'
until_true 40 delivered
until_true 20 mail_count_is 9
equal 'once' 1 "$(id_of stopped@telecom-a.example | wc -w)"
! grep -qiE 'fatal|panic|warning: (unix|connect)' "$postfix_dir/log" || fail "$(grep -iE 'fatal|panic|warning' "$postfix_dir/log")"
