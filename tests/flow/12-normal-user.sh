#!/bin/bash
# What root can, a normal user can: the same sandbox under one OS user, the roles with a password each. Root runs it as another user.
if ((EUID == 0)); then
    source=$(cd "${SOURCE:-$(dirname "$0")/../..}" && pwd)
    user=nobody
    for folder in "$source" "${BUILD:-$source/build/release}"; do
        (cd / && runuser -u $user -- test -x "$folder") || { echo "skipped: $folder is closed to other users"; exit 77; }
    done
    cd / && exec runuser -u $user -- env SOURCE="$source" BUILD="${BUILD:-$source/build/release}" CIRT_TEST_REQUIRE="${CIRT_TEST_REQUIRE:-}" "$source/tests/flow/$(basename "$0")"
fi
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make 'with space' --name XX-CERT
as 'with space' feed submit "$SOURCE/packaging/samples/phishing.iodef.xml" >/dev/null
triaged 'with space'
contains 'a case' fraud/phishing "$(as 'with space' lead --json ls is:any | value '[c["class"] for c in d["items"]]')"
equal 'read-only login' 1 "$(sql 'with space' 'select count(*) from report')"
equal 'secrets are closed' 600 "$(stat -c %a "$SCRATCH/with space/secrets"/* | sort -u)"
# A role's password opens that role only, and nobody gets in without one.
at 'with space' env PGUSER=cirt_desk psql -w -XAtqc 'select 1' >/dev/null 2>&1 && fail 'cirt_desk without a password'
exits 2 at 'with space' env PGUSER=cirt_desk PGPASSWORD="$(cat "$SCRATCH/with space/secrets/intake")" psql -w -XAtqc 'select 1'
# No secret on a command line or in the environment of any process.
for pid in $(pgrep -u "$(id -u)" cirtd); do
    for secret in "$SCRATCH/with space/secrets"/*; do
        ! grep -aqF -f "$secret" "/proc/$pid/cmdline" "/proc/$pid/environ" 2>/dev/null || fail "a password is in the command line or environment of $pid"
    done
done
! grep -aqF -f <(cat "$SCRATCH/with space/secrets"/*) "$SCRATCH/with space/log/cirtd.log" || fail 'a password is in the log'
