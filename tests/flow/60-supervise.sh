#!/bin/bash
# Roles are separate processes without privileges, as root each under its own user; SIGHUP takes a good configuration over and refuses a bad one; SIGTERM leaves nobody behind.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home
supervisor=$(cat "$SCRATCH/home/cirtd.pid")
children() { pgrep -P "$supervisor"; }
count=$(children | wc -l)
((count >= 12)) || fail "only $count roles run"
if ((EUID == 0)); then
    equal 'no role is root' 0 "$(children | xargs -I{} stat -c %u /proc/{} | grep -cx 0 || true)"
    # A role may have several workers; no two roles have one user.
    roles=$(for pid in $(children); do tr '\0' '\n' <"/proc/$pid/cmdline" | sed -n 2p; done | sort -u | wc -l)
    equal 'users of the roles' "$roles" "$(children | xargs -I{} stat -c %u /proc/{} | sort -u | wc -l)"
fi

for pid in $(children); do
    equal "capabilities of $pid" 0000000000000000 "$(awk '/^CapEff/ { print $2 }' "/proc/$pid/status")"
    equal "new privileges of $pid" 1 "$(awk '/^NoNewPrivs/ { print $2 }' "/proc/$pid/status")"
    equal "core size of $pid" 0 "$(awk '/^Max core file size/ { print $6 }' "/proc/$pid/limits")"
done
# SIGHUP: a connection that stands stays; a broken configuration changes nothing and is told.
exits 0 as home lead ls is:any
cp "$SCRATCH/home/cirtd.conf" "$SCRATCH/good.conf"
echo 'nonsense = 1' >>"$SCRATCH/home/cirtd.conf"
exits 1 "$BUILD/cirtd" check-config -c "$SCRATCH/home/cirtd.conf"
contains 'says where' "cirtd.conf:" "$said"
before=$(children | sort | paste -sd' ')
kill -HUP "$supervisor"
told() { grep -q reload_failed "$SCRATCH/home/log/cirtd.log"; }
until_true 5 told
cp "$SCRATCH/good.conf" "$SCRATCH/home/cirtd.conf"
exits 0 "$BUILD/cirtd" check-config -c "$SCRATCH/home/cirtd.conf"
kill -HUP "$supervisor"
reloaded() { grep -q ' reloaded ' "$SCRATCH/home/log/cirtd.log"; }
until_true 5 reloaded
equal 'the same processes' "$before" "$(children | sort | paste -sd' ')"
exits 0 as home lead ls is:any

sandbox stop "$SCRATCH/home"
for pid in $supervisor $before; do
    # A zombie has no exe; its parent may be slow.
    ! readlink "/proc/$pid/exe" >/dev/null 2>&1 || fail "process $pid is left behind"
done
