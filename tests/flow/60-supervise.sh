#!/bin/bash
# Roles are separate processes with their own users; kill -9 of any is mended; PostgreSQL stopped and started again loses nothing acknowledged.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home
supervisor=$(cat "$SCRATCH/home/cirtd.pid")
children() { pgrep -P "$supervisor"; }
count=$(children | wc -l)
((count >= 12)) || fail "only $count roles run"
if ((EUID == 0)); then
    equal 'no role is root' 0 "$(children | xargs -I{} stat -c %u /proc/{} | grep -cx 0 || true)"
    ((count - 2 <= $(children | xargs -I{} stat -c %u /proc/{} | sort -u | wc -l))) || fail 'roles share users'
fi

number=0
send() { # one report of its own; remembers it when acknowledged
    number=$((number + 1))
    printf '{"description":"load %d","observations":[{"class":"information-gathering/scanner","source":{"ip":"203.0.113.%d"}}]}' $number $((number % 250 + 1)) >"$SCRATCH/load.json"
    local status
    status=$(post home feed /v1/reports application/json "$SCRATCH/load.json" 2>/dev/null | tail -n 1) || status=000
    [[ $status != 20? ]] || echo "load $number" >>"$SCRATCH/acknowledged"
}
send
for pid in $(children); do
    kill -9 "$pid" 2>/dev/null || continue
    send
    send
done
works() { send && [[ $(children | wc -l) == "$count" ]] && [[ $(tail -n 1 "$SCRATCH/acknowledged") == "load $number" ]]; }
until_true 30 works
[[ -e /proc/$supervisor ]] || fail 'the supervisor is gone'

# PostgreSQL goes and comes back
pg() {
    local as=()
    ((EUID != 0)) || as=(runuser -u cirt-postgres --)
    (cd / && "${as[@]}" "$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)/pg_ctl" "$1" -s -w -m fast -D "$SCRATCH/home/db" -l "$SCRATCH/home/log/postgresql/log")
}
(cd / && : )
pg stop
printf '{"description":"while away"}' >"$SCRATCH/away.json"
equal 'database away' 503 "$(post home feed /v1/reports application/json "$SCRATCH/away.json" | tail -n 1)"
pg start
until_true 30 works
triaged home
while read -r line; do
    equal "$line stored once" 1 "$(sql home "select count(*) from report_content where description = '$line'" 2>/dev/null || echo 1)"
done < <(head -n 5 "$SCRATCH/acknowledged")
equal 'every acknowledged report is there, once' "$(sort -u "$SCRATCH/acknowledged" | wc -l)" \
    "$(as home lead --json report ls is:any --limit 1000 | value 'len(d["items"])')"
sandbox stop "$SCRATCH/home"
for pid in $supervisor; do [[ ! -e /proc/$pid/exe ]] || fail 'the supervisor did not stop'; done
equal 'no role is left' '' "$(pgrep -P "$supervisor" || true)"
