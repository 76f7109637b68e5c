#!/bin/bash
# certs/ca: what it issues is what TLS and cirt expect, renewing keeps the pin, revoking ends the certificate.
set -euo pipefail
cd "${SOURCE:-$(dirname "$0")/../..}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ca=$work/ca
fail() { echo "ca.sh: $*" >&2; exit 1; }
refused() { # EXIT-STATUS command...
    local want=$1 got=0
    shift
    "$@" >/dev/null 2>&1 || got=$?
    [[ $got == "$want" ]] || fail "exit $got, not $want: $*"
}
certs/ca make "$ca" --name 'Test Team Ünïcode'
certs/ca issue "$ca" gate gate --san 'localhost,127.0.0.1' --out "$work/ids"
certs/ca issue "$ca" analyst mira --out "$work/ids"
certs/ca issue "$ca" feed scanner
certs/ca issue "$ca" peer push --san cirt.example
certs/ca issue "$ca" mail team --san incident@cert.example

[[ $(stat -c %a "$ca/ca.key" "$work/ids/gate.key" "$work/ids/mira.key" "$ca/issued/push.key" | sort -u) == 600 ]] || fail 'a key is open to others'
verify() { openssl verify -crl_check -CRLfile "$ca/crl.pem" -CAfile "$ca/ca.crt" "$@" >/dev/null 2>&1; }
verify -purpose sslserver "$work/ids/gate.crt" || fail 'gate is no server certificate'
! verify -purpose sslclient "$work/ids/gate.crt" || fail 'gate may be a client'
verify -purpose sslclient "$work/ids/mira.crt" || fail 'analyst is no client certificate'
! verify -purpose sslserver "$work/ids/mira.crt" || fail 'analyst may be a server'
verify -purpose sslclient "$ca/issued/push.crt" && verify -purpose sslserver "$ca/issued/push.crt" || fail 'peer is not both'
verify -purpose smimesign "$ca/issued/team.crt" && verify -purpose smimeencrypt "$ca/issued/team.crt" || fail 'mail is not for S/MIME'
! verify -purpose sslclient "$ca/issued/team.crt" || fail 'mail may be a client'
openssl x509 -noout -ext subjectAltName -in "$ca/issued/team.crt" | grep -q 'email:incident@cert.example' || fail 'SAN of mail'
openssl x509 -noout -ext subjectAltName -in "$work/ids/gate.crt" | grep -q 'DNS:localhost, IP Address:127.0.0.1' || fail 'SAN of gate'

pin=$(certs/ca fingerprint "$work/ids/mira.crt")
[[ $pin == "$(openssl pkey -in "$work/ids/mira.key" -pubout -outform DER | sha256sum | cut -d' ' -f1)" ]] || fail 'fingerprint is not that of the key'
certs/ca renew "$ca" mira
[[ $pin == "$(certs/ca fingerprint "$work/ids/mira.crt")" ]] || fail 'renew changed the key'
verify "$work/ids/mira.crt" || fail 'renewed certificate'
certs/ca renew "$ca" scanner --new-key
verify "$ca/issued/scanner.crt" || fail 'certificate with a new key'
certs/ca revoke "$ca" mira --reason keyCompromise
! verify "$work/ids/mira.crt" || fail 'revoked, yet good'
verify "$work/ids/gate.crt" || fail 'revoking one hurt another'

refused 1 certs/ca make "$ca" --name Again
refused 1 certs/ca issue "$ca" feed scanner
refused 2 certs/ca issue "$ca" gate second
refused 2 certs/ca issue "$ca" analyst ../../escape
refused 2 certs/ca issue "$ca" robot r2
refused 2 certs/ca issue "$ca" mail m2 --san cert.example
refused 2 certs/ca make "$work/other" --name 'X$ENV::HOME'
refused 1 certs/ca issue "$work/none" feed f
