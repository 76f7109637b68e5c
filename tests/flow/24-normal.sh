#!/bin/bash
# What senders write in their own ways: hidden URLs, words for classes, known-good values, and where an address is.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home

# known-good lists and a registry's file, before anything comes
cat >"$SCRATCH/ours.json" <<'TEXT'
{"name": "Ours", "description": "our own servers", "version": 1, "type": "cidr", "matching_attributes": ["ip-src", "ip-dst"], "list": ["198.51.100.8/29", "x"]}
TEXT
contains 'imported' 'warninglist ours: 1 entry, 1 that say nothing to match' "$(as home lead warninglist import "$SCRATCH/ours.json")"
contains 'listed' 'our' "$(as home analyst warninglist ls)"
exits 3 as home analyst warninglist import "$SCRATCH/ours.json"
echo '[]' >"$SCRATCH/none.json"
exits 5 as home lead warninglist import "$SCRATCH/none.json"
# A whole collection: one that is no list is told by its name, the rest goes on.
sed 's/"cidr"/"fuzzy"/' "$SCRATCH/ours.json" >"$SCRATCH/fuzzy.json"
{ printf '\xef\xbb\xbf'; sed 's/"ip-src", "ip-dst"/"azure-application-id"/' "$SCRATCH/ours.json"; } >"$SCRATCH/apps.json"
exits 5 as home lead warninglist import "$SCRATCH"/{none,fuzzy,apps}.json
contains 'which is none' 'fuzzy is no warninglist: its type is none' "$said"
contains 'the rest' 'warninglist apps: 1 entry, of a kind of value that no report has' "$said"
as home lead warninglist rm apps --yes >/dev/null
# Other ways of writing one: several types, entries with comments; a type that is no text stops only itself.
sed 's/"cidr"/["cidr"]/' "$SCRATCH/ours.json" >"$SCRATCH/types.json"
sed 's/\["198.51.100.8\/29", "x"\]/{"192.0.2.0\/24": "lab", "198.51.100.7": "host"}/' "$SCRATCH/ours.json" >"$SCRATCH/comments.json"
sed 's/"cidr"/{"cidr": 1}/' "$SCRATCH/ours.json" >"$SCRATCH/odd.json"
exits 5 as home lead warninglist import "$SCRATCH"/{odd,types,comments}.json
contains 'which is odd' 'odd.json is no warninglist: its type is no text' "$said"
contains 'the first of its types' 'warninglist types: 1 entry' "$said"
contains 'entries with comments' 'warninglist comments: 2 entries' "$said"
for list in types comments; do as home lead warninglist rm "$list" --yes >/dev/null; done
cat >"$SCRATCH/delegated" <<'TEXT'
# comment
2|ripencc|1795168800|2|19830705|20261120|+0100
ripencc|*|ipv4|*|1|summary
ripencc|DE|ipv4|198.51.100.0|256|20200131|allocated|opaque
ripencc||ipv4|203.0.113.0|256||available|
TEXT
contains 'a registry' 'ripencc of 1795168800: 1 ranges, 1 that name no country' "$(as home lead rir import "$SCRATCH/delegated")"
contains 'listed' 'ripencc' "$(as home analyst rir ls)"
# A download that broke off takes nothing away.
head -n 4 "$SCRATCH/delegated" >"$SCRATCH/cut"
exits 5 as home lead rir import "$SCRATCH/cut"
contains 'how much it lacks' 'says that it has 2 records, and has 1' "$said"
contains 'what was there stays' 1 "$(as home analyst --json rir ls | value 'd["items"][0]["entries"]')"
exits 5 as home lead rir import "$SCRATCH/ours.json"
sed 's/198.51.100.0/198.51.100/' "$SCRATCH/delegated" >"$SCRATCH/damaged"
exits 5 as home lead rir import "$SCRATCH/damaged"
contains 'where it is damaged' 'line 4' "$said"
# As some editor saved it, with a mark and empty lines before the comment.
{ printf '\xef\xbb\xbf\r\n\n'; sed 's/$/\r/' "$SCRATCH/delegated"; } >"$SCRATCH/saved"
contains 'a file that was saved' 'ripencc of 1795168800: 1 ranges' "$(as home lead rir import "$SCRATCH/saved")"

# a mail's worth of prose: hidden forms lead to one value, the original stays
cat >"$SCRATCH/one.json" <<'TEXT'
{"observations":[{"class":"zombie machine","source":{"ip":"::ffff:198.51.100.9","url":"hxxp://0xC6.0x33.25609/%7ea/../b"}}]}
TEXT
report=$(as home feed --json submit "$SCRATCH/one.json" | value 'd["report"]')
triaged home
shown=$(as home lead --json report show "$report")
equal 'the value' 'http://198.51.100.9/b' "$(value '[o["value"] for o in d["observation_list"][0]["observables"] if o["type"] == "url"][0]' <<<"$shown")"
equal 'the original' 'hxxp://0xC6.0x33.25609/%7ea/../b' "$(value '[o["original"] for o in d["observation_list"][0]["observables"] if o["type"] == "url"][0]' <<<"$shown")"
said=$(as home lead report show "$report")
contains 'known good' 'known good   198.51.100.9' "$said"
equal 'its list is named once' 1 "$(grep -c ' ours ' <<<"$said")"
contains 'how it was written' '(written hxxp://' "$said"
contains 'its word' 'zombie machine' "$said"
found=$(as home analyst find 198.51.100.9)
contains 'the list' '198.51.100.8/29' "$found"
contains 'the country' 'DE' "$found"
contains 'the source' 'ripencc 1795168800' "$found"
case=$(as home lead --json ls is:any | value 'd["items"][0]["number"]')
contains 'in the case' '198.51.100.8/29' "$(as home lead show "$case")"
contains 'in the case' 'ripencc' "$(as home lead show "$case")"

# its word is unknown until somebody says what it means
contains 'unknown' 'zombie-machine' "$(as home analyst alias ls --unmapped)"
exits 1 as home lead alias add 'zombie machine' --class phising
contains 'near' 'phishing' "$said"
contains 'added' 'alias' "$(as home lead alias add 'Zombie Machine' --class infected-system)"
contains 'all known' 'Every word that came was known.' "$(as home analyst alias ls --unmapped)"
contains 'listed' 'malicious-code/infected-system' "$(as home analyst alias ls)"
sed 's/198.51.100.9/198.51.100.10/' "$SCRATCH/one.json" >"$SCRATCH/two.json"
as home feed submit "$SCRATCH/two.json" >/dev/null
triaged home
equal 'the class' 1 "$(as home lead --json ls 'is:any class:infected-system' | value 'len(d["items"])')"

as home lead alias rm 'zombie machine' --yes >/dev/null
as home lead warninglist rm ours --yes >/dev/null
as home lead rir rm ripencc --yes >/dev/null
lacks 'gone' '198.51.100.8/29' "$(as home analyst find 198.51.100.9)"
lacks 'gone' 'ripencc' "$(as home analyst find 198.51.100.9)"
