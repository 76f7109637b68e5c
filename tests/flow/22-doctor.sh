#!/bin/bash
# What a person is told when something is wrong: what, where and what to do, the exit code of contracts, and doctor finds it.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home
home=$SCRATCH/home
said=$(as home lead doctor) || fail 'doctor finds something in a new CIRT'
contains 'what it has not yet' 'cirt warninglist import' "$said"

# told WHAT STATUS WORD HINT command... : the exit code, and the message says what and how to go on.
told() {
    local what=$1 status=$2 word=$3 hint=$4
    shift 4
    exits "$status" "$@"
    contains "$what" "$word" "$said"
    contains "$what: what to do" "$hint" "$said"
}

# the key
chmod 0644 "$home/ids/analyst.key"
told 'key that others read' 2 'may be read by others' 'chmod 600' as home analyst ls
told 'doctor on that key' 1 'WRONG key' 'chmod 600' as home analyst doctor
chmod 0600 "$home/ids/analyst.key"

# the pin
sed "s/pin = .*/pin = \"$(printf '0%.0s' {1..64})\"/" "$home/cirt.conf" >"$home/pin.conf"
wrong_pin() { CIRT_CONFIG=$home/pin.conf "$@"; }
told 'another pin' 3 'pinned' 'cirt doctor' at home wrong_pin cirt ls
told 'doctor on the pin' 3 'WRONG reach' 'not the gate this profile pins' at home wrong_pin cirt doctor

# the certificate
certificate() {
    openssl req -x509 -new -key "$home/ids/analyst.key" -subj /CN=analyst -days "$1" -out "$home/ids/mine.crt" 2>/dev/null
    sed 's/analyst\.crt/mine.crt/' "$home/cirt.conf" >"$home/mine.conf"
}
mine() { CIRT_CONFIG=$home/mine.conf cirt --profile analyst "$@"; }
certificate 5
told 'of no CA' 3 'refused by TLS' 'cirt doctor' at home mine ls
exits 3 at home mine doctor
contains 'near its end' 'WRONG certificate' "$said"
contains 'how to renew' 'certs/ca renew' "$said"

# nobody there
nobody() { CIRT_DESK_URL=https://127.0.0.1:1 cirt "$@"; }
told 'nobody there' 4 'does not answer' 'cirt doctor' at home nobody ls
exits 4 at home nobody --json ls
python3 -c 'import json, sys; assert json.loads(sys.argv[1])["hint"]' "$said" || fail "no problem document: $said"

# the database
kill -INT "$(head -n 1 "$home/db/postmaster.pid")"
gone() { [[ ! -e $home/db/postmaster.pid ]]; }
until_true 20 gone
told 'no database' 4 'the database is away' 'cirt doctor' as home lead ls
contains 'where' "$(at home printenv CIRT_DESK_URL)" "$said"
told 'no database, a report' 4 'the database is away' 'cirt doctor' as home feed submit "$SOURCE/packaging/samples/phishing.json"
told 'doctor on it' 1 'WRONG daemon' 'does PostgreSQL run' as home lead doctor
sandbox start "$home"
well() { as home lead doctor; }
until_true 20 well
as home feed submit "$SOURCE/packaging/samples/phishing.json" >/dev/null

# a map of places that cannot be read
sandbox stop "$home"
sed -i "s|^desk {|&\n    mmdb = {\"$SCRATCH/map.mmdb\"}|" "$home/cirtd.conf"
echo 'no map' >"$SCRATCH/map.mmdb"
sandbox start "$home"
told 'doctor on a map' 1 "$SCRATCH/map.mmdb: The MaxMind DB file contains invalid" 'fetch it again' as home lead doctor
contains 'found without it' 'university-c' "$(as home lead find 203.0.113.9)"
