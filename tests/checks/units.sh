#!/bin/bash
# Each role of cirtd/role.c has its units, its OS user and its place in the documentation; systemd finds nothing wrong with them.
set -euo pipefail
cd "${SOURCE:-$(dirname "$0")/../..}"
bad=0
complain() { echo "$*" >&2; bad=1; }
[[ -f cirtd/role.c ]] || exit 77
roles=$(sed -n 's/^    {"\([a-z-]*\)", .*CONFIG_.*/\1/p' cirtd/role.c)
[[ $(wc -w <<<"$roles") -ge 3 ]] || complain "cirtd/role.c: its table is not understood"
for role in $roles; do
    grep -lq "^ExecStart=/usr/sbin/cirtd $role " packaging/systemd/*.service || complain "role $role has no unit in packaging/systemd"
    grep -q "^u cirt-$role " packaging/systemd/cirt.sysusers.conf || complain "role $role has no user in packaging/systemd/cirt.sysusers.conf"
    grep -qE "^\| .*\b$role\b.* \|" docs/ARCHITECTURE.md || complain "role $role is not in the table of docs/ARCHITECTURE.md"
    grep -qw -- "$role" packaging/man/cirtd.8 || sed 's/\\-/-/g' packaging/man/cirtd.8 | grep -qw -- "$role" || complain "role $role is not in packaging/man/cirtd.8"
done
for unit in packaging/systemd/*.service; do
    role=$(sed -n 's|^ExecStart=/usr/sbin/cirtd \([a-z-]*\) .*|\1|p' "$unit")
    grep -qxF "User=cirt-$role" "$unit" || complain "$unit does not run as cirt-$role"
done
if command -v systemd-analyze >/dev/null; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cp -r packaging/systemd/. "$work"
    # The programs and users are not installed here; all else has to be right.
    sed -i 's|^ExecStart=.*|ExecStart=/bin/true|' "$work"/*.service
    said=$(systemd-analyze verify --man=no "$work"/*.service "$work/cirt.target" 2>&1 | grep -F "$work" || true)
    [[ -z $said ]] || complain "$said"
fi
exit $bad
