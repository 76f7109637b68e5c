#!/bin/bash
# Two sandboxes never touch each other; stop and start keep what is there; destroy takes its own only.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
sandbox new "$SCRATCH/one" --name ONE-CERT --prefix ONE
sandbox start "$SCRATCH/one"
make two --name 'TWO-CERT' --prefix TWO

for key in CIRT_CONFIG CIRT_URL CIRT_DESK_URL CIRT_RID_URL CIRT_CA CIRT_LMTP CIRT_RUN PGHOST; do
    [[ $(at one printenv $key) != "$(at two printenv $key)" ]] || fail "$key is the same in both"
done
[[ -S $(at one printenv CIRT_LMTP) ]] || fail 'no LMTP socket'
equal 'read-only login' 1 "$(sql one 'select 1')"
exits 1 at one psql -XAtq -v ON_ERROR_STOP=1 -c 'create table t (i int)'

printf '{"description":"only in one"}' >"$SCRATCH/only.json"
as one feed submit "$SCRATCH/only.json" >/dev/null
triaged one
equal 'a case in one' 1 "$(as one lead --json ls is:any | value 'len(d["items"])')"
equal 'none in two' 0 "$(as two lead --json ls is:any | value 'len(d["items"])')"
contains 'prefix' ONE- "$(as one lead --json ls is:any | value 'd["items"][0]["id"]')"
# a key of one is nothing to two
sed "s|$SCRATCH/two/ids/lead|$SCRATCH/one/ids/lead|" "$SCRATCH/two/cirt.conf" >"$SCRATCH/stranger.conf"
exits 3 at two env CIRT_CONFIG="$SCRATCH/stranger.conf" cirt ls

# a key that others may read is refused by cirt itself
install -m 0644 "$SCRATCH/one/ids/lead.key" "$SCRATCH/open.key"
sed "s|$SCRATCH/one/ids/lead.key|$SCRATCH/open.key|" "$SCRATCH/one/cirt.conf" >"$SCRATCH/open.conf"
exits 2 at one env CIRT_CONFIG="$SCRATCH/open.conf" cirt ls
contains 'what to do' chmod "$said"

sandbox stop "$SCRATCH/one"
exits 1 sandbox status "$SCRATCH/one"
exits 0 sandbox status "$SCRATCH/two"
exits 4 as one lead ls is:any
# a copy holds the same behind ports of its own; of what runs there is none
sandbox copy "$SCRATCH/one" "$SCRATCH/three"
sandbox start "$SCRATCH/one" "$SCRATCH/three"
exits 1 sandbox copy "$SCRATCH/one" "$SCRATCH/four"
contains 'what to do' 'sandbox stop' "$said"
[[ ! -e $SCRATCH/four ]] || fail 'a copy was begun'
equal 'the same case' 1 "$(as three lead --json ls is:any | value 'len(d["items"])')"
as three feed submit "$SCRATCH/only.json" >/dev/null
printf '{"description":"only in the copy"}' | as three feed submit - >/dev/null
triaged three
equal 'one more in the copy' 2 "$(as three lead --json report ls is:any | value 'len(d["items"])')"
equal 'which has a CA of its own folder' "$SCRATCH/three" "$(grep -ho "^# out $SCRATCH/[^/]*" "$SCRATCH"/three/ca/issued/lead.conf | cut -d' ' -f3)"
equal 'still there' 1 "$(as one lead --json ls is:any | value 'len(d["items"])')"
sandbox start "$SCRATCH/one"

run=$(at one printenv CIRT_RUN)
sandbox destroy "$SCRATCH/one"
[[ ! -e $SCRATCH/one && ! -e $run ]] || fail 'destroy left something'
exits 0 sandbox status "$SCRATCH/two"
mkdir "$SCRATCH/precious"
touch "$SCRATCH/precious/file"
exits 1 sandbox destroy "$SCRATCH/precious"
[[ -e $SCRATCH/precious/file ]] || fail 'destroyed what is no sandbox'
exits 1 sandbox new "$SCRATCH/precious"
exits 1 sandbox new "$SCRATCH/two"
exits 2 sandbox new
exits 2 sandbox copy "$SCRATCH/two"
exits 1 sandbox copy "$SCRATCH/two" "$SCRATCH/precious"
exits 1 sandbox copy "$SCRATCH/precious" "$SCRATCH/x"
exits 2 sandbox new "$SCRATCH/x" --prefix 'bad prefix'
