#!/bin/bash
# Mails that would like to pass for the peer's: none is ever shown as verified, in text, in --json or by a filter. And the true one is.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT --prefix XX-CERT
lmtp=$(at home printenv CIRT_LMTP)
gpg_home=$(mktemp -d /tmp/cirt-gpg-XXXXXX)
gpg_end() {
    gpgconf --homedir "$gpg_home" --kill gpg-agent || true
    rm -rf "$gpg_home"
}
at_end gpg_end
export GPG_HOME=$gpg_home

own_gpg() { gpg --homedir "$gpg_home" --batch --quiet --no-tty --trust-model always --pinentry-mode loopback --passphrase '' "$@" 2>>"$SCRATCH/gpg.log"; }
declare -A keys
names=(team stranger person expired revoked distrusted disabled)
addresses=(incident@yy-cert.example incident@yy-cert.example person@bank-b.example old@bank-b.example lost@bank-b.example former@bank-b.example leaver@bank-b.example)
for i in "${!names[@]}"; do
    # Made some years ago, so that signatures of any year since are possible.
    own_gpg --faked-system-time 20240101T000000! --allow-freeform-uid --quick-gen-key "${names[i]} <${addresses[i]}>" ed25519 sign never
    keys[${names[i]}]=$(own_gpg --with-colons --list-secret-keys "${names[i]} <${addresses[i]}>" | awk -F: '$1 == "fpr" { print $10; exit }')
done
own_gpg --import "$SCRATCH/home/team.asc"
keys[ours]=$(gpg --show-keys --with-colons "$SCRATCH/home/team.asc" 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }')
export_key() { own_gpg --armor --export "${keys[$1]}" >"$SCRATCH/$1.asc"; }

cat >"$SCRATCH/mails.py" <<'PYTHON'
"""usage: mails.py FOLDER NAME=FINGERPRINT...   writes the mails of this test, each with its name as Message-ID."""
import os
import re
import subprocess
import sys

FOLDER = sys.argv[1]
KEYS = dict(pair.split("=") for pair in sys.argv[2:])
TEXT = "Content-Type: text/plain; charset=us-ascii\r\n\r\nDear colleagues, please block 198.51.100.99 at once.\r\nThe team\r\n"
PLAIN = "Content-Type: text/plain; charset=us-ascii\r\n\r\nPay to 192.0.2.9 instead. SIGNED by YY-CERT, key 0000...0000, covers the whole message\r\n"


def gpg(data, *options):
    command = ["gpg", "--homedir", os.environ["GPG_HOME"], "--batch", "--quiet", "--no-tty", "--trust-model", "always", *options]
    return subprocess.run(command, input=data.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode()


def multipart(kind, boundary, parts, parameters=""):
    inner = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"{parameters}\r\n\r\n{inner}--{boundary}--\r\n'


def signed(key, part=TEXT, boundary="signed", options=()):
    """A multipart/signed entity (RFC 3156)."""
    proof = gpg(part, "--local-user", KEYS[key] + "!", "--digest-algo", "SHA256", "--armor", "--detach-sign", *options).replace("\n", "\r\n")
    parameters = '; micalg=pgp-sha256; protocol="application/pgp-signature"'
    return multipart("signed", boundary, [part, f"Content-Type: application/pgp-signature\r\n\r\n{proof}"], parameters)


def head(name, sender="incident@yy-cert.example", more=""):
    return f"From: {sender}\r\n{more}To: incident@xx-cert.example\r\nSubject: {name}\r\nMessage-ID: <{name}>\r\nMIME-Version: 1.0\r\n"


def encrypted(inner):
    armour = gpg(inner, "--armor", "--recipient", KEYS["ours"], "--encrypt").replace("\n", "\r\n")
    parts = ["Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n", f"Content-Type: application/octet-stream\r\n\r\n{armour}"]
    return multipart("encrypted", "sealed", parts, '; protocol="application/pgp-encrypted"')


TEAM = "incident@yy-cert.example"
MAILS = {
    "true": head("true") + signed("team"),
    "true-named": head("true-named", f'"YY-CERT, on duty" <{TEAM}>') + signed("team"),
    "true-sealed": head("true-sealed") + encrypted(signed("team")),
    "unprotected": head("unprotected") + PLAIN,
    "unknown-key": head("unknown-key") + signed("stranger"),
    "unknown-key-sealed": head("unknown-key-sealed") + encrypted(signed("stranger")),
    "bad": head("bad") + signed("team").replace("198.51.100.99", "198.51.100.98"),
    "bad-signature-of-other-text": head("bad-signature-of-other-text") + signed("team", PLAIN).replace(PLAIN, TEXT),
    "bad-empty": head("bad-empty") + re.sub("-----BEGIN.*-----END PGP SIGNATURE-----", "", signed("team"), flags=re.S),
    "not-sender": head("not-sender", "director@bank-b.example") + signed("team"),
    "not-sender-person": head("not-sender-person") + signed("person"),
    "not-sender-named": head("not-sender-named", f'"{TEAM}" <person@bank-b.example.evil.example>') + signed("person"),
    "not-sender-two": head("not-sender-two", f"{TEAM}, director@bank-b.example") + signed("team"),
    "not-sender-twice": head("not-sender-twice", "director@bank-b.example", f"From: {TEAM}\r\n") + signed("team"),
    "not-sender-twice-after": head("not-sender-twice-after", TEAM, "from : director@bank-b.example\r\n") + signed("team"),
    "not-sender-two-ways": head("not-sender-two-ways", f"{TEAM} <director@bank-b.example>") + signed("team"),
    "not-sender-group": head("not-sender-group", f"{TEAM}: director@bank-b.example;") + signed("team"),
    "not-sender-none": head("not-sender-none").replace(f"From: {TEAM}\r\n", f"Sender: {TEAM}\r\nReply-To: {TEAM}\r\n") + signed("team"),
    "not-sender-sender": head("not-sender-sender", "director@bank-b.example", f"Sender: {TEAM}\r\nReply-To: {TEAM}\r\n") + signed("team"),
    "not-sender-inside": head("not-sender-inside", "director@bank-b.example") + signed("team", f"From: {TEAM}\r\n" + TEXT),
    "not-sender-subdomain": head("not-sender-subdomain", "incident@mail.yy-cert.example") + signed("team"),
    "not-sender-suffix": head("not-sender-suffix", f"{TEAM}.evil.example") + signed("team"),
    "not-sender-sealed": head("not-sender-sealed", "director@bank-b.example") + encrypted(signed("team")),
    "mixed-nested": head("mixed-nested") + multipart("mixed", "m", [signed("team"), PLAIN]),
    "mixed-alone": head("mixed-alone") + multipart("mixed", "m", [signed("team")]),
    "mixed-before": head("mixed-before") + multipart("mixed", "m", [PLAIN, signed("team")]),
    "mixed-related": head("mixed-related") + multipart("related", "m", [PLAIN, signed("team")]),
    "mixed-alternative": head("mixed-alternative") + multipart("alternative", "m", [PLAIN, signed("team")]),
    "mixed-sealed": head("mixed-sealed") + encrypted(multipart("mixed", "m", [PLAIN, signed("team")])),
    "forwarded": head("forwarded", "director@bank-b.example") + "Content-Type: message/rfc822\r\n\r\n" + head("inner") + signed("team"),
    "forwarded-as": head("forwarded-as") + "Content-Type: message/rfc822\r\n\r\n" + head("inner") + signed("team"),
    "forwarded-attached": head("forwarded-attached")
    + multipart("mixed", "m", [PLAIN, "Content-Type: message/rfc822\r\n\r\n" + head("inner") + signed("team")]),
    "third-part": head("third-part") + signed("team").replace("--signed--", f"--signed\r\n{PLAIN}\r\n--signed--"),
    "first-part": head("first-part") + signed("team").replace("--signed\r\n", f"--signed\r\n{PLAIN}\r\n--signed\r\n", 1),
    "same-boundary": head("same-boundary") + multipart("mixed", "signed", [PLAIN, signed("team")]),
    "two-types": head("two-types") + "Content-Type: text/plain\r\n" + signed("team"),
    "wrapped-cipher": head("wrapped-cipher") + multipart("mixed", "m", [PLAIN, encrypted(signed("team"))]),
    "inline": head("inline") + "Content-Type: text/plain\r\n\r\n" + PLAIN.split("\r\n\r\n")[1]
    + gpg("please block 198.51.100.99", "--local-user", KEYS["team"], "--clear-sign").replace("\n", "\r\n"),
    "before": head("before", "lost@bank-b.example") + signed("revoked", PLAIN),
    "expired": head("expired", "old@bank-b.example") + signed("expired"),
    "revoked": head("revoked", "lost@bank-b.example") + signed("revoked"),
    "distrusted": head("distrusted", "former@bank-b.example") + signed("distrusted"),
    "disabled": head("disabled", "leaver@bank-b.example") + signed("disabled"),
    "sha1": head("sha1") + signed("team", options=("--digest-algo", "SHA1", "--allow-weak-digest-algos")),
    "expired-signature": head("expired-signature")
    + signed("team", options=("--faked-system-time", "20250101T000000!", "--default-sig-expire", "1d")),
    "expired-since": head("expired-since", "old@bank-b.example") + signed("expired", options=("--faked-system-time", "20240201T000000!")),
}
for name, mail in MAILS.items():
    with open(os.path.join(FOLDER, name + ".eml"), "wb") as file:
        file.write(mail.encode())
PYTHON
mkdir "$SCRATCH/mails"
python3 "$SCRATCH/mails.py" "$SCRATCH/mails" $(for name in "${!keys[@]}"; do echo "$name=${keys[$name]}"; done) || { cat "$SCRATCH/gpg.log" >&2; fail "the mails were not made"; }

# --- who is who here ---
own_gpg --faked-system-time 20240101T000100! --quick-set-expire "${keys[expired]}" 90d
for name in "${names[@]}"; do export_key "$name"; done
as home admin peer add YY-CERT --title 'YY-CERT' --url https://127.0.0.1:9 --rid-url https://127.0.0.1:9/ --issuer-name YY-CERT \
    --ca "$SCRATCH/home/ids/ca.crt" --key "$(printf %064d 1)" --mail incident@yy-cert.example --openpgp "$SCRATCH/team.asc" >/dev/null
as home lead key pin "${keys[team]}" --peer YY-CERT --yes >/dev/null
for i in "${!names[@]}"; do
    case ${names[i]} in
    team | stranger) ;;
    *) as home admin analyst add "${names[i]}" --role analyst --name "The ${names[i]}" --mail "${addresses[i]}" --openpgp "$SCRATCH/${names[i]}.asc" >/dev/null ;;
    esac
done

# --- delivering and looking ---
deliver() { # FILE...
    python3 -c '
import smtplib, sys
with smtplib.LMTP(sys.argv[1]) as mta:
    for file in sys.argv[2:]:
        mta.sendmail("somebody@elsewhere.example", ["incident@xx-cert.example"], open(file, "rb").read())' "$lmtp" "$@"
}
all_judged() {
    [[ $(as home lead --json report ls channel:mail --limit 500 | value 'all((r["signature"] or {}).get("summary") or r["state"] == "malformed" for r in d["items"])') == true ]]
}
declare -A report_of
find_reports() { # which report is which mail, by the Message-ID of its head
    local id
    for id in $(as home lead --json report ls channel:mail --limit 500 | value '" ".join(r["id"] for r in d["items"])'); do
        [[ " ${report_of[*]} " == *" $id "* ]] || report_of[$(as home lead report raw "$id" | sed -n 's/^Message-ID: <\(.*\)>\r*$/\1/p;/^\r*$/q')]=$id
    done
}
summary_of() { as home lead --json report show "${report_of[$1]}" | value 'd["signature"]["summary"]'; }
not_verified() { # NAME
    local id=${report_of[$1]} shown
    shown=$(as home lead report show "$id")
    contains "$1" 'NOT VERIFIED: ' "$shown"
    ! grep -qiE '^(SIGNED|VERIFIED)' <<<"$shown" || fail "$1 is shown as signed: $shown"
    [[ $(as home lead --json report show "$id") != *'"verified"'* ]] || fail "$1 says verified in --json"
}
verified_list() { as home lead --json report ls "$@" --limit 500 | value '" ".join(sorted(r["id"] for r in d["items"]))'; }

deliver "$SCRATCH/mails/before.eml"
until_true 20 all_judged
find_reports
equal 'a key before it was revoked' verified "$(summary_of before)"

# Revoked: the owner's own certificate comes with the key, registered anew. Distrusted: the key leaves the record. Disabled: the person.
sed 's/^:-----/-----/' "$gpg_home/openpgp-revocs.d/${keys[revoked]}.rev" >"$SCRATCH/revocation.asc"
own_gpg --import "$SCRATCH/revocation.asc"
export_key revoked
as home admin analyst set revoked --openpgp "$SCRATCH/revoked.asc" >/dev/null
own_gpg --quick-gen-key 'next <next@bank-b.example>' ed25519 sign never
own_gpg --armor --export next@bank-b.example >"$SCRATCH/next.asc"
as home admin analyst set distrusted --openpgp "$SCRATCH/next.asc" >/dev/null
as home admin analyst set disabled --enabled no >/dev/null

# A revocation counts for what came before it, too.
until_true 20 eval '[[ $(summary_of before) == revoked ]]'

rm "$SCRATCH/mails/before.eml"
deliver "$SCRATCH"/mails/*.eml
until_true 60 all_judged
find_reports

for name in true true-named true-sealed; do
    equal "$name" verified "$(summary_of $name)"
    contains "$name" "SIGNED by YY-CERT, key ${keys[team]:0:4}…${keys[team]: -4}, covers the whole message" "$(as home lead report show "${report_of[$name]}")"
done
# Signed while the key was good; that it is over since is said.
equal expired-since verified "$(summary_of expired-since)"
contains expired-since 'the key is no longer valid: expired' "$(as home lead report show "${report_of[expired-since]}")"

while read -r name wanted; do
    equal "$name" "$wanted" "$(summary_of "$name")"
    not_verified "$name"
done <<'TABLE'
unprotected unprotected
unknown-key unknown-key
unknown-key-sealed unknown-key
bad bad
bad-signature-of-other-text bad
bad-empty bad
not-sender not-sender
not-sender-person not-sender
not-sender-named not-sender
not-sender-two not-sender
not-sender-twice not-sender
not-sender-twice-after not-sender
not-sender-two-ways not-sender
not-sender-group not-sender
not-sender-none not-sender
not-sender-sender not-sender
not-sender-inside not-sender
not-sender-subdomain not-sender
not-sender-suffix not-sender
not-sender-sealed not-sender
mixed-nested mixed
mixed-alone mixed
mixed-before mixed
mixed-related mixed
mixed-alternative mixed
mixed-sealed mixed
forwarded mixed
forwarded-as mixed
forwarded-attached mixed
third-part bad
first-part bad
same-boundary bad
two-types unprotected
wrapped-cipher unprotected
inline mixed
expired expired
revoked revoked
distrusted unknown-key
disabled unknown-key
sha1 bad
expired-signature expired
TABLE
equal 'mails in all' "$(ls "$SCRATCH/mails" | wc -l)" "$((${#report_of[@]} - 1))"

# --- by the filters ---
good=$(printf '%s\n' "${report_of[true]}" "${report_of[true-named]}" "${report_of[true-sealed]}" | sort | paste -sd ' ')
equal 'signer:yy-cert' "$good" "$(verified_list signer:yy-cert)"
equal 'signed:verified' "$(printf '%s\n' $good "${report_of[expired-since]}" | sort | paste -sd ' ')" "$(verified_list signed:verified)"
# An envelope's sender must not read as a peer.
exits 1 python3 -c 'import smtplib, sys
smtplib.LMTP(sys.argv[1]).sendmail("YY-CERT", ["incident@xx-cert.example"], "Subject: x\n\nx")' "$lmtp"
contains 'a sender without a domain' '5.1.7' "$said"

# --- the attacks of others ("Johnny, you are fired"): Eve, whom we know, would like to be the manager ---
corpus=${TEST_CORPUS:-$SOURCE/../shared/corpus}/mail/spoof-johnny
if [[ ! -d $corpus ]]; then
    echo "no corpus of attacks at $corpus: that part is left out"
    exit 0
fi
for name in eve manager; do
    as home admin analyst add "$name" --role analyst --name "$name" --mail "$name@bigcorporation.de" --openpgp "$corpus/assets/public-keys/$name@bigcorporation.asc" >/dev/null
done
before=$(as home lead --json report ls channel:mail --limit 500 | value 'len(d["items"])')
mapfile -d '' attacks < <(find "$corpus"/0* -name '*.eml' -print0)
deliver "${attacks[@]}"
until_true 60 all_judged
((${#attacks[@]} > 20)) || fail "only ${#attacks[@]} attacks"
equal 'attacks that pass as the manager' '' "$(verified_list signer:manager)"
# Her own mails, however her name is dressed up, are hers: the only From address is hers, and the line says Eve.
for id in $(verified_list signer:eve); do
    contains "$id" 'SIGNED by eve' "$(as home lead report show "$id")"
    equal "$id" eve@bigcorporation.de "$(as home lead --json report show "$id" | value '",".join(a["address"].lower() for a in d["from"])')"
done
echo "${#attacks[@]} attacks after $before mails"
