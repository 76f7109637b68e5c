#!/bin/bash
# Who is let in: certificates of another CA, expired, revoked; keys unregistered or disabled; a feed at analysts' calls, an analyst at admins'.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home
ca=$SOURCE/certs/ca
feeds=$(at home printenv CIRT_URL)
desk=$(at home printenv CIRT_DESK_URL)
body=$SOURCE/packaging/samples/phishing.json
try() { # CERTIFICATE URL [curl options] -> the status, 000 where TLS refused
    local certificate=$1 url=$2
    shift 2
    at home curl -s -o "$SCRATCH/answer" --noproxy '*' --max-time 10 --cacert "$SCRATCH/home/ids/ca.crt" --cert "$certificate" --key "${certificate%.crt}.key" \
        -w '%{http_code}' "$url" "$@" || true
}
send() { try "$1" "$feeds/v1/reports" -H 'Content-Type: application/json' --data-binary "@$body"; }
before() { sql home 'select count(*) from report'; }

"$ca" make "$SCRATCH/otherca" --name 'Another CA'
"$ca" issue "$SCRATCH/otherca" feed feed --out "$SCRATCH/other"
equal 'another CA' 000 "$(send "$SCRATCH/other/feed.crt")"
contains 'logged' 'certificate refused' "$(grep tls_refused "$SCRATCH/home/log/cirtd.log")"

# a registered key whose certificate has expired
mkdir "$SCRATCH/expired"
cp "$SCRATCH/home/ids/feed.key" "$SCRATCH/expired/"
: >"$SCRATCH/expired/index.txt"
openssl req -new -key "$SCRATCH/home/ids/feed.key" -subj '/O=XX-CERT/CN=feed' -out "$SCRATCH/expired/feed.csr"
printf '[ca]\ndefault_ca=x\n[x]\ndatabase=%s/index.txt\nnew_certs_dir=%s\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\nextendedKeyUsage=clientAuth\n' \
    "$SCRATCH/expired" "$SCRATCH/expired" >"$SCRATCH/expired/ca.conf"
openssl ca -batch -config "$SCRATCH/expired/ca.conf" -cert "$SCRATCH/home/ca/ca.crt" -keyfile "$SCRATCH/home/ca/ca.key" -in "$SCRATCH/expired/feed.csr" \
    -startdate 20200101000000Z -enddate 20200201000000Z -out "$SCRATCH/expired/feed.crt" 2>/dev/null
equal 'expired' 000 "$(send "$SCRATCH/expired/feed.crt")"
contains 'logged' expired "$(grep tls_refused "$SCRATCH/home/log/cirtd.log")"

"$ca" issue "$SCRATCH/home/ca" feed unregistered --out "$SCRATCH/more"
equal 'unregistered key' 403 "$(send "$SCRATCH/more/unregistered.crt")"
contains 'logged' 'why=unregistered' "$(grep denied "$SCRATCH/home/log/cirtd.log")"

equal 'registered' 201 "$(send "$SCRATCH/home/ids/feed.crt")"
as home admin analyst set feed --enabled no
equal 'disabled' 403 "$(send "$SCRATCH/home/ids/feed.crt")"
as home admin analyst set feed --enabled yes
equal 'enabled again' 200 "$(send "$SCRATCH/home/ids/feed.crt")"

equal 'a feed at the desk' 403 "$(try "$SCRATCH/home/ids/feed.crt" "$desk/v1/cases")"
equal 'analysts have no calls at the feeds listener' 403 "$(try "$SCRATCH/home/ids/lead.crt" "$feeds/v1/cases")"
equal 'an analyst at an admin call' 403 "$(try "$SCRATCH/home/ids/analyst.crt" "$desk/v1/analysts" -H 'Content-Type: application/json' -d '{"login":"x","role":"admin","keys":[]}')"
equal 'an auditor may not work' 403 "$(try "$SCRATCH/home/ids/auditor.crt" "$desk/v1/cases/1/take" -H 'Content-Type: application/json' -H 'If-Match: "1"' -d '{}')"
equal 'healthz needs no certificate' 200 "$(at home curl -s -o /dev/null --noproxy '*' --cacert "$SCRATCH/home/ids/ca.crt" -w '%{http_code}' "$feeds/healthz")"
equal 'anything else does' 000 "$(at home curl -s -o /dev/null --noproxy '*' --cacert "$SCRATCH/home/ids/ca.crt" -w '%{http_code}' "$desk/v1/me" | sed 's/40[13]/000/' || true)"

# revoked: after the list is in place and SIGHUP
"$ca" revoke "$SCRATCH/home/ca" feed
install -m 0644 "$SCRATCH/home/ca/crl.pem" "$SCRATCH/home/keys/crl.pem"
kill -HUP "$(cat "$SCRATCH/home/cirtd.pid")"
revoked() { [[ $(send "$SCRATCH/home/ids/feed.crt") == 000 ]]; }
until_true 10 revoked
exits 0 as home lead ls

# a key that others may read is refused by cirt itself
cp "$SCRATCH/home/ids/lead.key" "$SCRATCH/open.key"
chmod 0644 "$SCRATCH/open.key"
sed "s|ids/lead.key|../open.key|" "$SCRATCH/home/cirt.conf" >"$SCRATCH/open.conf"
exits 2 at home env CIRT_CONFIG="$SCRATCH/open.conf" cirt ls
