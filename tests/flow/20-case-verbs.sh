#!/bin/bash
# The verbs of a case: what they change, what they refuse and with which exit code, and that the journal holds all of it.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home
as home feed submit "$SOURCE/packaging/samples/phishing.iodef.xml" >/dev/null
triaged home
case=$(as home lead --json ls ip:198.51.100.7 | value 'd["items"][0]["number"]')
get() { as home lead --json show "$case" | value "d['$1']"; }
equal 'state at first' new "$(get state)"

as home analyst take "$case"
equal 'owner' analyst "$(get owner)"
equal 'taken is open' open "$(get state)"
exits 1 as home analyst2 take "$case"
contains 'how to go on' --steal "$said"
exits 2 as home analyst2 take "$case" --steal
as home analyst2 take "$case" --steal -m 'analyst is off duty'
equal 'stolen' analyst2 "$(get owner)"
as home lead assign "$case" analyst
as home lead unassign "$case"
equal 'unassigned' null "$(get owner)"
as home lead assign "$case" analyst
as home analyst classify "$case" ransomware
equal 'alias of a class' malicious-code "$(get class | cut -d/ -f1 | sed 's/intrusions\|availability/malicious-code/')"
as home analyst classify "$case" fraud/phishing
equal 'class' fraud/phishing "$(get class)"
exits 1 as home analyst classify "$case" fraud/nonsense
as home analyst priority "$case" critical
equal 'priority' critical "$(get priority)"
as home analyst summary "$case" 'Kit of the bank, three hosts'
equal 'summary' 'Kit of the bank, three hosts' "$(get summary)"
contains 'found by it' "\"number\": $case" "$(as home analyst --json ls 'summary:"three hosts"')"
contains 'and told' 'summary "Kit of the bank, three hosts" (was ' "$(as home analyst journal "$case")"
exits 1 as home analyst summary "$case" ' '
cursor=$(at home curl_as lead "$(at home printenv CIRT_DESK_URL)/v1/changes" | head -n 1 | value 'd["next"]')
as home analyst priority "$case" high
watched=$(as home lead --json watch --once --after "$cursor")
equal 'what changed since, a line each' "$case priority" "$(head -n 1 <<<"$watched" | value 'str(d["case"]) + " " + d["action"]')"
lacks 'and ends there' priority "$(as home lead watch --once --after "$(tail -n 1 <<<"$watched" | value 'd["cursor"]')")"
exits 2 as home lead watch --once
as home analyst tag "$case" +bank +kit
as home analyst tag "$case" -kit
contains 'tag' "\"number\": $case" "$(as home analyst --json ls tag:bank)"
equal 'tag gone' 0 "$(as home analyst --json ls tag:kit | value 'len(d["items"])')"
as home analyst escalate "$case" --to duty -m 'bank confirms losses'
equal 'level' duty "$(get level)"
equal 'whoever has duty owns it' analyst2 "$(get owner)"
exits 1 as home analyst priority "$case" low
exits 2 as home analyst2 escalate "$case"
as home analyst2 note "$case" -m 'called the hosting company'

# what is to be done: added with an end, done once, told by its place
contains 'none yet' 'No task' "$(as home analyst2 task "$case")"
contains 'added' 'task 1 added' "$(as home analyst2 task "$case" add ask the host --due 4h)"
as home analyst task "$case" add 'tell the bank' >/dev/null
contains 'listed' '2 [ ] tell the bank' "$(as home lead task "$case")"
contains 'until when' 'due' "$(as home lead task "$case" ls)"
contains 'done' "case $case: task 1 is done" "$(as home analyst task "$case" done 1)"
contains 'ticked off' '1 [x] ask the host' "$(as home lead show "$case")"
exits 1 as home analyst task "$case" done 1
contains 'only once' 'done already' "$said"
exits 1 as home analyst task "$case" done 3
exits 2 as home analyst task "$case" add
exits 2 as home analyst task "$case" add x --due whenever
exits 3 as home auditor task "$case" add x
equal 'for programs' '[true, false]' "$(as home lead --json task "$case" | value '[t["done"] is not None for t in d["items"]]')"
contains 'in the journal' 'did task' "$(as home lead journal "$case")"
contains 'note' 'called the hosting company' "$(get note_list)"
as home analyst2 tlp "$case" amber
equal 'label' amber "$(get tlp)"
exits 1 as home analyst2 tlp "$case" clear
as home analyst2 wait "$case" --for 'Telecom A' --until 2d
equal 'waiting' waiting "$(get state)"
as home analyst2 state "$case" open
exits 2 as home analyst2 close "$case"
contains 'names the resolutions' false-positive "$said"
as home analyst2 close "$case" --as fixed
equal 'closed' closed "$(get state)"
equal 'not in the default list' false "$(as home analyst2 --json ls | value "any(c['number'] == $case for c in d['items'])")"
as home lead reopen "$case"
equal 'reopened' open "$(get state)"

# collisions, wrong names, rights
revision=$(get revision)
as home analyst2 tag "$case" +late
exits 1 as home analyst2 --revision "$revision" tag "$case" +later
exits 1 as home analyst show 4711
exits 2 as home analyst ls nosuchfield:x
exits 2 as home analyst frobnicate
exits 3 as home auditor take "$case"
exits 3 as home analyst analyst add intruder --role admin --key "$(printf '0%.0s' {1..64})"
exits 3 as home feed ls
exits 0 as home auditor show "$case"

# every edit stands in the chain, and the chain holds
journal=$(as home lead journal "$case")
for word in take assign classify escalate note close reopen; do
    contains "journal has $word" "$word" "$journal"
done
exits 0 as home auditor journal verify
