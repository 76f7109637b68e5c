#!/bin/bash
# What people write by hand: records and what is said of them, rules tried before use, and that no text is lost in an editor.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home
as home feed submit "$SOURCE/packaging/samples/phishing.iodef.xml" >/dev/null
triaged home
case=$(as home lead --json ls is:any | value 'd["items"][0]["number"]')

# a class that is none: the nearest only where it is near
exits 1 as home lead classify "$case" fraud/phising
contains 'near' 'did you mean "fraud/phishing"' "$said"
exits 1 as home lead classify "$case" nonsense
lacks 'far' 'did you mean' "$said"
contains 'nothing changed' already "$(as home lead classify "$case" phishing)"
contains 'who has it now' 'owner analyst2' "$(as home lead escalate "$case" --to duty -m 'spreads')"

# rules
printf 'rule "a": class:phishing => priority:low\nrule "b": clas:phishing => priority:low\n' >"$SCRATCH/bad.rules"
exits 1 as home admin rule test "$SCRATCH/bad.rules"
contains 'the line' 'line 2, character 11: unknown field "clas"' "$said"
printf 'rule "a": class:phishing => priority:low\n' >"$SCRATCH/good.rules"
contains 'read only' '1 line read' "$(as home admin rule test "$SCRATCH/good.rules")"
contains 'tried' 'would fare otherwise' "$(as home admin rule test "$SCRATCH/good.rules" --against 'last 7d')"

# records: a name that the daemon gives is told, one that is disabled is seen to be
as home admin peer add ZZ-CERT --url https://zz.example --key "$(printf 'ab%.0s' {1..32})" >/dev/null
contains 'the id' 'agreement a1 added' "$(as home admin agreement add ZZ-CERT --ceiling green --until 2099-12-31)"
as home admin constituent add shop --network 203.0.113.0/26 >/dev/null
exits 1 as home admin constituent set shop --network 203.0.113.7/26
contains 'which network' '"203.0.113.7/26"' "$said"
contains 'how it is written' '198.51.100.0/24' "$said"
as home admin constituent rm shop --yes >/dev/null
contains 'removed or disabled' ' no' "$(as home admin constituent ls | grep shop || echo ' no')"

# what there is none of: how it comes
for noun in rir warninglist mapping suppression; do
    words=$(as home lead "$noun" ls | sed -n 's/.* yet: cirt help //p')
    contains "$noun: how" "${words}: " "$(as home lead help $words)"
done

# compressed as it lies there
gzip -c "$SOURCE/packaging/samples/2026-11-20-event4_sinkhole_http-xx_cert.csv" >"$SCRATCH/2026-11-20-event4_sinkhole_http-xx_cert.csv.gz"
packed=$(as home feed --json submit "$SCRATCH/2026-11-20-event4_sinkhole_http-xx_cert.csv.gz" | value 'd["report"]')
equal 'the same bytes' "$packed" "$(as home feed --json submit "$SOURCE/packaging/samples/2026-11-20-event4_sinkhole_http-xx_cert.csv" | value 'd["report"]')"

# a mistake in the form loses nothing of what was typed
cat >"$SCRATCH/editor" <<'TEXT'
#!/bin/bash
sed -i '1i The caller says that a note is on the screen' "$1"
TEXT
chmod +x "$SCRATCH/editor"
export EDITOR="$SCRATCH/editor" TMPDIR=$SCRATCH
unset VISUAL
in_terminal() {
    python3 -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' "$@"
}
exits 5 at home in_terminal cirt report new --channel phone
contains 'what to do' 'what you wrote is kept' "$said"
contains 'kept' 'a note is on the screen' "$(cat "$SCRATCH"/cirt-kept-*)"
at home in_terminal cirt note "$case" >/dev/null
contains 'a note' 'a note is on the screen' "$(as home lead --json show "$case" | value 'd["note_list"]')"

# the journal, proven without our code; whatever is altered is found
as home lead --json journal "$case" --export >"$SCRATCH/journal.json"
verify() { python3 "$SOURCE/tests/support/verify-journal.py"; }
verify <"$SCRATCH/journal.json" >/dev/null || fail 'the journal is not whole'
for word in '"actor" : "lead"/"actor" : "auditor"' 'spreads/calms' '"seq" : 2/"seq" : 9'; do
    sed "s/$word/" "$SCRATCH/journal.json" >"$SCRATCH/altered.json"
    cmp -s "$SCRATCH/journal.json" "$SCRATCH/altered.json" && fail "nothing was altered: $word"
    exits 1 verify <"$SCRATCH/altered.json"
done

# nor is what is no format at all
printf '198.51.100.7\n198.51.100.8\n' >"$SCRATCH/list.txt"
exits 5 as home lead submit "$SCRATCH/list.txt"
contains 'a list' 'csv:NAME' "$said"
contains 'words' '--format mail' "$said"
until_true 20 eval '(echo "Subject: a list"; echo; cat "$SCRATCH/list.txt") | as home lead submit - --format mail --wait | grep -q "triaged, 1 observation"'

# a wrong --format is no dead end
exits 5 as home lead submit "$SOURCE/packaging/samples/phishing.json" --format iodef
report=$(as home lead --json report ls state:malformed | value 'd["items"][0]["id"]')
exits 5 as home lead submit "$SOURCE/packaging/samples/phishing.json"
contains 'how to go on' "cirt report replay $report" "$said"
exits 1 as home lead report replay "$report"
exits 1 as home lead report replay "$report" --format nonsense
contains 'the formats' 'docs/FORMATS.md' "$said"
as home lead report replay "$report" --format json >/dev/null
triaged home
equal 'its format' json "$(as home lead --json report show "$report" | value 'd["format"]')"
equal 'had already' "$report" "$(as home lead --json submit "$SOURCE/packaging/samples/phishing.json" | value 'd["report"]')"

# a tag that changes nothing is no entry
before=$(as home lead --json show "$case" | value 'd["revision"]')
as home lead tag "$case" -nothere >/dev/null
equal 'nothing changed' "$before" "$(as home lead --json show "$case" | value 'd["revision"]')"

# what is wrong is told with its place, in the words of the command line
exits 1 as home admin feed add both --push --drop
contains 'the option, not the member' '(--drop)' "$said"
exits 2 as home lead ls clas:phishing
contains 'where in the filter' '(character 1)' "$said"
printf '{"observations":[{"time":"yesterday","source":{"ip":"192.0.2.1"}}]}' >"$SCRATCH/wrong.json"
exits 5 as home feed submit "$SCRATCH/wrong.json"
contains 'where in the document' 'was not accepted: /observations/0/time: ' "$said"
printf '[1]' >"$SCRATCH/wrong.json"
exits 5 as home feed submit "$SCRATCH/wrong.json" --format json
contains 'the whole of it has no place' 'was not accepted: must be an object' "$said"
report=$(as home lead --json report ls state:malformed | value 'd["items"][0]["id"]')
contains 'nor when it is shown' 'not understood: must be an object' "$(as home lead report show "$report")"
exits 2 as home lead report sho r1
contains 'the nearest verb' 'did you mean: cirt report show' "$said"
exits 2 as home lead ls --limt 3
contains 'the nearest option' '--limit' "$said"
contains "and its command's help" 'cirt help ls' "$said"
exits 2 as home lead ls --count
lacks 'what is far is not offered' 'did you mean' "$said"
exits 2 as home nobody ls
contains 'the profiles there are' 'lead, analyst, analyst2' "$said"
