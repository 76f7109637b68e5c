#!/bin/bash
# A site's rules: faults of a text, what would change before it is switched on, the second person for what drops, what rules did to each case, what they swallowed.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home
rules() { cat >"$SCRATCH/$1.rules"; }
samples=$SOURCE/packaging/samples
as home feed submit "$samples/phishing.iodef.xml" >/dev/null
as home feed submit "$samples/2026-11-20-event4_sinkhole_http-xx_cert.csv" >/dev/null
triaged home

# every fault with its line, and exit 1
rules site <<'RULES'
# ours
rule "phish": clas:phishing => priority:high
rule "b": class:phishing => template:none
rule "c": summary:/(x/ => hold
rule "good": class:phishing => tag:x
RULES
exits 1 as home lead rule test "$SCRATCH/site.rules"
for line in 2 3 4; do contains "the fault of line $line" "line $line, character " "$said"; done
contains 'how many' '3 of 4 lines are wrong' "$said"
lacks 'only what is wrong' 'line 5' "$said"
exits 1 as home lead rule add site --file "$SCRATCH/site.rules"
contains 'with its place' 'line 2, character 15' "$said"

# tried before it is in force
rules site <<'RULES'
template phishing: task "ask the host to take it down" due:4h, note "the bank's desk knows us"
rule "phish": class:phishing => priority:critical, severity:high, pap:amber, queue:banks, tag:+bank, template:phishing, owner:analyst
rule "sinkhole": channel:https format:shadowserver => drop "our own sinkhole"
rule "never": format:misp author:cert@yy.example => hold
RULES
exits 0 as home lead rule test "$SCRATCH/site.rules"
said=$(as home lead rule test "$SCRATCH/site.rules" --against 'last 1d')
contains 'what changes' 'queue national > banks' "$said"
contains 'what is thrown away' 'kept - > drop: our own sinkhole' "$said"
contains 'what matched nothing' 'line 4 matched nothing' "$said"
equal 'how much changes' 216 "$(as home lead --json rule test "$SCRATCH/site.rules" --against 'last 1d' | value 'd["changed"]')"

# what drops needs a second person
said=$(as home lead rule add site --file "$SCRATCH/site.rules")
contains 'it waits' 'cirt rule approve site' "$said"
contains 'the list says so' 'second person' "$(as home analyst rule ls)"
said=$(as home analyst rule show site)
contains 'who asked' 'asked by lead' "$said"
contains 'the text as it is' '    rule "never": format:misp author:cert@yy.example => hold' "$said"
contains 'who approves may try it' 'kept - > drop: our own sinkhole' "$(as home admin rule test --waiting site --against 'last 1d')"
exits 3 as home lead rule approve site --yes
exits 3 as home analyst rule approve site --yes
contains 'whose it is' 'analyst is an analyst, and this is for leads and admins' "$said"
exits 1 as home lead rule add site --file "$SCRATCH/site.rules"
contains 'a set of rules' 'the rule set "site" is there already' "$said"
# who is asked has the text above the question
asked=$(at home python3 -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' cirt --profile admin rule approve site <<<n || true)
contains 'the text' 'lead asks for this text of site' "${asked%%\[y/N\]*}"
contains 'as it was written' 'author:cert@yy.example => hold' "${asked%%\[y/N\]*}"
contains 'the question' '[y/N]' "$asked"
as home feed submit "$samples/2026-11-20-event4_sinkhole_http-xx_cert.csv" >/dev/null
contains 'the second person' 'in force as version 1' "$(as home admin rule approve site --yes)"
exits 1 as home admin rule approve site --yes
contains 'who asked and who approved' 'site version 1, asked by lead' "$(sql home "SELECT string_agg(payload, ' ') FROM cirt.journal_payload WHERE case_id = 0")"

# in force: a case tells what rules did, and nothing is swallowed unseen
sed 's/198\.51\.100\.7\b/203.0.113.207/; s/BB-2026-0417/BB-2026-0418/; s/secure-check/other-check/' "$samples/phishing.iodef.xml" >"$SCRATCH/second.iodef.xml"
sed 's/^"2026/"2025/; s/198\.51\.100\./198.51.99./g' "$samples/2026-11-20-event4_sinkhole_http-xx_cert.csv" >"$SCRATCH/2026-11-21-event4_sinkhole_http-xx_cert.csv"
as home feed submit "$SCRATCH/second.iodef.xml" >/dev/null
as home feed submit "$SCRATCH/2026-11-21-event4_sinkhole_http-xx_cert.csv" >/dev/null
triaged home
number=$(as home lead --json ls 'class:phishing is:open queue:banks' | value 'd["items"][0]["number"]')
shown=$(as home lead show "$number")
contains 'which rule did what' '"phish" of site, when it was opened: priority:critical, severity:high, pap:amber, queue:banks' "$shown"
contains 'the tasks' 'ask the host to take it down' "$shown"
contains 'the note' "the bank's desk knows us" "$shown"
contains 'the history' 'rule "phish" of site: priority:critical' "$(as home lead journal "$number")"
swallowed=$(as home analyst rule swallowed sinkhole --since 1d)
contains 'what was thrown away' 'dropped' "$swallowed"
equal 'all of it' 214 "$(as home analyst --json rule swallowed sinkhole | value 'd["items"][0]["observations"]')"
report=$(as home analyst --json rule swallowed site | value 'd["items"][0]["report"]')
said=$(as home lead report show "$report")
contains 'which rule, and why' 'dropped by rule "sinkhole": our own sinkhole' "$said"
contains 'what would help' "cirt report accept $report" "$said"
as home lead report accept "$report" >/dev/null
triaged home
equal 'let go' triaged "$(as home lead --json report show "$report" | value 'd["state"]')"
equal 'counted once' 214 "$(as home lead --json rule show site | value 'd["hits"]["sinkhole"]')"

# until a day is over: suppressed, then nothing
rules audit <<RULES
rule "audit": ip:203.0.113.0/24 => suppress "yearly audit" until:$(date -u -d '+9 days' +%F)
RULES
contains 'it waits' 'cirt rule approve audit' "$(as home lead rule add audit --file "$SCRATCH/audit.rules")"
contains 'the doctor says so' 'wait for a second person since' "$(as home analyst doctor || true)"
as home admin rule approve audit --yes >/dev/null
sed 's/203\.0\.113\.207/203.0.113.208/; s/BB-2026-0418/BB-2026-0419/; s/other-check/third-check/' "$SCRATCH/second.iodef.xml" >"$SCRATCH/third.iodef.xml"
as home feed submit "$SCRATCH/third.iodef.xml" >/dev/null
triaged home
equal 'suppressed' '["suppress", 1]' "$(as home analyst --json rule swallowed audit | value '[d["items"][0]["did"], d["items"][0]["observations"]]')"
as home lead rule rm audit --yes >/dev/null

# whose text goes with a set
rules going <<'RULES'
rule "going": port:9999 => drop "nobody asks"
RULES
as home lead rule add going --file "$SCRATCH/going.rules" >/dev/null
contains 'whose text went' 'what lead asked for, which waited for a second person, is gone' "$(as home admin rule rm going --yes)"

# the old text stays in force while a wider one waits; a refusal keeps it
sed -i 's/format:shadowserver => drop/=> drop/' "$SCRATCH/site.rules"
as home lead rule set site --file "$SCRATCH/site.rules" >/dev/null
equal 'in force' 1 "$(as home lead --json rule show site | value 'd["version"]')"
as home admin rule refuse site -m 'all of HTTPS' >/dev/null
equal 'nothing waits' null "$(as home lead --json rule show site | value 'd["waiting"]')"
rules site <<'RULES'
rule "phish": class:phishing => priority:high
RULES
as home lead rule set site --file "$SCRATCH/site.rules" >/dev/null
equal 'without a drop at once' 2 "$(as home lead --json rule show site | value 'd["version"]')"
