#!/bin/bash
# Keys for mail: candidates, pins, four eyes for peers, distrust, revocation, a new key of ours, the end of a key; and what each means for mail that came before.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT --prefix XX-CERT
make peer --name YY-CERT --prefix YY-CERT
sandbox link "$SCRATCH/home" "$SCRATCH/peer"
lmtp=$(at home printenv CIRT_LMTP)
run_home=$(at home printenv CIRT_RUN)

# --- a GnuPG of others, and seal's own ---
others=$(mktemp -d /tmp/cirt-gpg-XXXXXX)
gpg_ends() { gpgconf --homedir "$others" --kill all; rm -rf "$others"; }
at_end gpg_ends
other_gpg() { gpg --homedir "$others" --batch --quiet --no-tty --yes --passphrase '' --pinentry-mode loopback --trust-model always "$@" 2>>"$SCRATCH/gpg.log"; }
as_seal() { if ((EUID == 0)); then (cd / && runuser -u cirt-seal -- "$@"); else "$@"; fi; }
seal_gpg() { as_seal gpg --homedir "$run_home/gnupg-seal" --batch --quiet --no-tty --yes --passphrase '' --pinentry-mode loopback "$@" 2>>"$SCRATCH/gpg.log"; }
fingerprint() { other_gpg --with-colons --list-keys "$1" | awk -F: '$1 == "fpr" { print $10; exit }'; }
other_gpg --quick-gen-key 'SOC of bank-b <soc@bank-b.example>' ed25519 sign,cert 2y
soc=$(fingerprint soc@bank-b.example)
other_gpg --quick-add-key "$soc" cv25519 encr 2y
other_gpg --export "$soc" >"$SCRATCH/soc.gpg"
other_gpg --armor --export "$soc" >"$SCRATCH/soc.asc"
other_gpg --armor --export-secret-keys "$soc" >"$SCRATCH/soc-secret.asc"

signed() { # SUBJECT FROM KEY: as bytes for LMTP
    python3 - "$1" "$2" "$3" "$others" <<'PYTHON'
import subprocess, sys
subject, sender, key, home = sys.argv[1:]
part = f"Content-Type: text/plain\r\n\r\nThe host 198.51.100.90 sends spam ({subject}).\r\n"
proof = subprocess.run(["gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback", "--local-user", key, "--armor", "--detach-sign"],
                       input=part.encode(), stdout=subprocess.PIPE, check=True).stdout.decode().replace("\n", "\r\n")
sys.stdout.write(f"From: {sender}\r\nTo: incident@xx-cert.example\r\nSubject: {subject}\r\nMessage-ID: <{subject}@bank-b.example>\r\nMIME-Version: 1.0\r\n"
                 'Content-Type: multipart/signed; micalg=pgp-sha512; protocol="application/pgp-signature"; boundary=s\r\n\r\n'
                 f"--s\r\n{part}\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\n{proof}\r\n--s--\r\n")
PYTHON
}
hand_over() { # FILE FROM
    python3 -c '
import smtplib, sys
with smtplib.LMTP(sys.argv[1]) as mta:
    mta.sendmail(sys.argv[3], ["incident@xx-cert.example"], open(sys.argv[2], "rb").read())' "$lmtp" "$1" "$2"
}
report_of() { # SUBJECT
    local id
    for id in $(as home lead --json report ls channel:mail --limit 50 | value '" ".join(r["id"] for r in d["items"])'); do
        if as home lead report raw "$id" | grep -q "^Subject: $1"; then echo "$id"; return; fi
    done
    return 1
}
summary() { as home lead --json report show "$1" | value 'd["signature"]["summary"] if d["signature"] else "none"'; }
is_now() { [[ $(summary "$1") == "$2" ]]; } # REPORT SUMMARY
key() { as home lead --json key show "$1" | value "d['$2']"; }

# --- ours and the peer's ---
own_keys() { [[ $(as home lead --json key ls own | value 'sorted(k["protocol"] for k in d["items"])') == '["openpgp", "smime"]' ]]; }
until_true 20 own_keys
contains 'our keys' 'BEGIN PGP PUBLIC KEY BLOCK' "$(as home analyst key export)"
contains 'our certificate' 'BEGIN CERTIFICATE' "$(as home analyst key export)"
equal 'the key of the peer' pinned "$(as home lead --json key ls YY-CERT | value 'd["items"][0]["state"]')"
equal 'asked by' admin "$(as home lead --json key ls YY-CERT | value 'd["items"][0]["asked_by"]')"
equal 'pinned by' lead "$(as home lead --json key ls YY-CERT | value 'd["items"][0]["pinned_by"]')"
ids=$(as home lead --json key ls YY-CERT | value 'd["items"][0]["fingerprint"]')
confirmed() { [[ $(sql home "SELECT count(*) FROM cirt.mail_key WHERE fingerprint = '$1' AND confirmed IS NOT NULL AND unusable IS NULL AND cardinality(key_ids) = 2") == 1 ]]; }
until_true 20 confirmed "$ids"

# --- a stranger's key: unknown, then a candidate, then pinned ---
signed first soc@bank-b.example "$soc" >"$SCRATCH/first.eml"
hand_over "$SCRATCH/first.eml" soc@bank-b.example
until_true 20 report_of first
first=$(report_of first)
until_true 20 is_now "$first" unknown-key
exits 2 as home analyst key import "$SCRATCH/soc-secret.asc"
contains 'a private key' 'private key' "$said"
exits 3 as home auditor key import "$SCRATCH/soc.asc"
contains 'import' 'new candidate' "$(as home analyst key import "$SCRATCH/soc.gpg")"
contains 'import again' 'nothing new' "$(as home analyst key import "$SCRATCH/soc.asc")"
equal 'a candidate' candidate "$(key "${soc:24}" state)"
equal 'a candidate counts for nothing' unknown-key "$(summary "$first")"
exits 2 as home analyst key pin "${soc:24}" --contact soc@bank-b.example --yes
contains 'a short id' "$soc" "$said"
exits 2 as home analyst key pin "$soc" --yes
exits 1 as home analyst key pin "$soc" --contact incident@yy-cert.example --yes
contains 'the address of a peer' '--peer YY-CERT' "$said"
as home analyst key pin "$soc" --contact soc@bank-b.example --yes >/dev/null
until_true 20 is_now "$first" verified
equal 'signer' Security "$(as home lead --json report show "$first" | value 'd["signature"]["signer"]')"
equal 'the key to write with' "$soc" "$(as home lead --json contact show soc@bank-b.example | value 'd["key"]')"

# --- distrusted, and trusted again ---
exits 2 as home analyst key distrust "$soc"
as home analyst key distrust "$soc" -m 'laptop stolen' >/dev/null
not_verified() { [[ $(summary "$1") != verified ]]; }
until_true 20 not_verified "$first"
as home analyst key pin "$soc" --contact soc@bank-b.example --yes >/dev/null
until_true 20 is_now "$first" verified

# --- four eyes ---
other_gpg --quick-gen-key 'New key <incident@yy-cert.example>' ed25519 sign,cert 20d
new=$(fingerprint incident@yy-cert.example)
other_gpg --armor --export "$new" >"$SCRATCH/new.asc"
as home analyst key import "$SCRATCH/new.asc" >/dev/null
contains 'asked' 'second person' "$(as home analyst key pin "$new" --peer YY-CERT --yes)"
equal 'still' asked "$(key "$new" state)"
exits 3 as home analyst2 key pin "$new" --peer YY-CERT --yes
as home lead key pin "$new" --peer YY-CERT --yes >/dev/null
equal 'granted' pinned "$(key "$new" state)"

# --- revoked by its owner: at once, whatever was pinned ---
sed 's/^:-----/-----/' "$others/openpgp-revocs.d/$soc.rev" >"$SCRATCH/revocation.asc"
other_gpg --import "$SCRATCH/revocation.asc"
other_gpg --armor --export "$soc" >"$SCRATCH/revoked.asc"
exits 2 as home analyst key refresh "$SCRATCH/soc-secret.asc"
contains 'refresh' REVOKED "$(as home analyst key refresh "$SCRATCH/revoked.asc")"
equal 'revoked' revoked "$(key "$soc" state)"
until_true 20 is_now "$first" revoked
# An older copy does not take it back.
as home analyst key import "$SCRATCH/soc.asc" >/dev/null
equal 'still revoked' revoked "$(key "$soc" state)"
contains 'why not encrypted' revoked "$(as home lead --json contact show soc@bank-b.example | value 'd["key_reason"]')"

# --- keys that come with mails: a candidate; and of a pinned one what its owner signed since ---
other_gpg --quick-gen-key 'Abuse desk <abuse@telecom-a.example>' ed25519 sign,cert 2y
abuse=$(fingerprint abuse@telecom-a.example)
other_gpg --quick-add-key "$abuse" cv25519 encr 2y
{
    printf 'From: abuse@telecom-a.example\r\nTo: incident@xx-cert.example\r\nSubject: autocrypt\r\nMessage-ID: <autocrypt@telecom-a.example>\r\n'
    printf 'Autocrypt: addr=abuse@telecom-a.example; keydata=\r\n'
    other_gpg --export --export-options export-minimal "$abuse" | base64 -w 70 | sed 's/^/ /; s/$/\r/'
    printf '\r\nThe host 198.51.100.93 scans.\r\n'
} >"$SCRATCH/autocrypt.eml"
hand_over "$SCRATCH/autocrypt.eml" abuse@telecom-a.example
came() { [[ $(key "$abuse" source) == autocrypt ]]; }
until_true 30 came
equal 'from a header' candidate "$(key "$abuse" state)"
equal 'with which mail' "$(report_of autocrypt)" "$(key "$abuse" report)"
as home analyst key pin "$abuse" --contact abuse@telecom-a.example --yes >/dev/null
until_true 20 confirmed "$abuse"
sed 's/^:-----/-----/' "$others/openpgp-revocs.d/$abuse.rev" >"$SCRATCH/revocation.asc"
other_gpg --import "$SCRATCH/revocation.asc"
{
    printf 'From: someone@else.example\r\nTo: incident@xx-cert.example\r\nSubject: attached\r\nMessage-ID: <attached@else.example>\r\nMIME-Version: 1.0\r\n'
    printf 'Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: text/plain\r\n\r\nTheir key is no good any more.\r\n--m\r\n'
    printf 'Content-Type: application/pgp-keys; name=key.asc\r\nContent-Disposition: attachment; filename=key.asc\r\n\r\n'
    other_gpg --armor --export "$abuse" | sed 's/$/\r/'
    printf '\r\n--m--\r\n'
} >"$SCRATCH/attached.eml"
hand_over "$SCRATCH/attached.eml" someone@else.example
revoked() { [[ $(key "$1" state) == revoked ]]; }
until_true 30 revoked "$abuse"

# --- a second key of ours: what nobody could open is opened when it comes; the old one still decrypts ---
other_gpg --quick-gen-key 'XX-CERT next <incident@xx-cert.example>' ed25519 sign,cert 2y
next=$(fingerprint incident@xx-cert.example)
other_gpg --quick-add-key "$next" cv25519 encr 2y
{
    printf 'From: soc@bank-b.example\r\nTo: incident@xx-cert.example\r\nSubject: closed\r\nMessage-ID: <closed@bank-b.example>\r\nMIME-Version: 1.0\r\n'
    printf 'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=e\r\n\r\n--e\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--e\r\n'
    printf 'Content-Type: application/octet-stream\r\n\r\n'
    printf 'Content-Type: text/plain\r\n\r\nHosts 198.51.100.91 and 198.51.100.92 are in it.\r\n' | other_gpg --armor --recipient "$next" --encrypt | sed 's/$/\r/'
    printf '\r\n--e--\r\n'
} >"$SCRATCH/closed.eml"
hand_over "$SCRATCH/closed.eml" soc@bank-b.example
until_true 20 report_of closed
closed=$(report_of closed)
encryption() { [[ $(as home lead --json report show "$closed" | value 'd["signature"]["encryption"] if d["signature"] else "none"') == "$1" ]]; }
until_true 20 encryption undecryptable
other_gpg --armor --export-secret-keys "$next" | seal_gpg --import
kill -HUP "$(cat "$SCRATCH/home/cirtd.pid")"
until_true 30 encryption whole
contains 'opened' 198.51.100.92 "$(as home lead --json report show "$closed" | value 'd["description"]')"
equal 'which one signs' 1 "$(as home lead --json key ls own | value 'sum(k["signs"] for k in d["items"] if k["protocol"] == "openpgp")')"
equal 'both are ours' 2 "$(as home lead --json key ls own | value 'sum(k["protocol"] == "openpgp" for k in d["items"])')"

# --- keys end ---
seal_gpg --quick-set-expire "$next" 6d
kill -HUP "$(cat "$SCRATCH/home/cirtd.pid")"
warned() { [[ $(sql home "SELECT string_agg(fingerprint || ' ' || days, ',' ORDER BY days) FROM cirt.key_warning") == "$next 7,$new 30" ]]; }
until_true 60 warned
contains 'expiring' "${next:24}" "$(as home analyst key expiring)"
contains 'expiring' "${new:24}" "$(as home analyst key expiring --within 30d)"
lacks 'not soon' "${new:24}" "$(as home analyst key expiring --within 10d)"
exits 1 as home lead doctor
contains 'doctor' "our key ${next:32}" "$said"
contains 'the journal' 'key ends' "$(sql home "SELECT string_agg(payload, ' ') FROM cirt.journal_payload WHERE case_id = 0")"
# No MTA here: no mail that would wait for ever.
equal 'no mail' 0 "$(sql home "SELECT count(*) FROM cirt.mail")"

# --- certificates: pinned, and in a revocation list ---
"$SOURCE/certs/ca" issue "$SCRATCH/home/smime-ca" mail cert --san cert@university-c.example --out "$SCRATCH/cert" >/dev/null
exits 2 as home analyst key import "$SCRATCH/cert/cert.key"
as home analyst key import "$SCRATCH/cert/cert.crt" >/dev/null
certificate=$(openssl x509 -in "$SCRATCH/cert/cert.crt" -outform DER | sha256sum | cut -c1-64 | tr a-f A-F)
as home analyst key pin "$certificate" --contact cert@university-c.example --yes >/dev/null
equal 'a certificate' "$certificate" "$(as home lead --json contact show cert@university-c.example | value 'd["key"]')"
"$SOURCE/certs/ca" revoke "$SCRATCH/home/smime-ca" cert >/dev/null
cp "$SCRATCH/home/smime-ca/crl.pem" "$SCRATCH/home/keys/smime-crl.pem"
until_true 20 revoked "$certificate"

# --- contacts and waivers ---
as home analyst contact add reporter@example.net --name 'A. Reporter' --lang fr >/dev/null
contains 'contact' 'A. Reporter' "$(as home analyst contact ls reporter)"
exits 3 as home analyst contact waiver reporter@example.net --up-to amber --until 30d -m 'agreed'
as home lead contact waiver reporter@example.net --up-to amber --until 30d -m 'agreed by phone' >/dev/null
contains 'waiver' 'AMBER to' "$(as home analyst contact ls reporter)"
as home lead contact waiver reporter@example.net --end >/dev/null
lacks 'ended' 'AMBER to' "$(as home analyst contact ls reporter)"
as home lead peer waiver YY-CERT --up-to amber --until 30d -m 'MoU section 4' >/dev/null
equal 'peer' lead "$(as home lead --json peer show YY-CERT | value 'd["waivers"][0]["granted_by"]')"
exits 1 as home analyst contact rm soc@bank-b.example --yes
as home analyst contact rm reporter@example.net --yes >/dev/null
# It had a waiver once: what was used stays, and is not written to.
equal 'disabled' false "$(as home analyst --json contact show reporter@example.net | value 'd["enabled"]')"
as home analyst contact add other@example.net >/dev/null
as home analyst contact rm other@example.net --yes >/dev/null
exits 1 as home analyst contact show other@example.net
