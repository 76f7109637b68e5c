#!/bin/bash
# Every command has help that starts with an example of itself; commands that README and docs show exist; the man page is troff.
set -euo pipefail
cd "${SOURCE:-$(dirname "$0")/../..}"
: "${BUILD:?the build directory}"
cirt=$BUILD/cirt
bad=0
complain() { echo "help.sh: $*" >&2; bad=1; }
words=$("$cirt" help | sed -n '/^  ls /,/^$/s/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p')
# Nouns kept as records stand there in a line each; their verbs in their own help.
for noun in $("$cirt" help | sed -n '/^Each with /,/^$/s/^  \([a-z]\+\)  .*/\1/p'); do
    words+=$'\n'$("$cirt" help "$noun" | sed -n 's/^  \([a-z]\+ [a-z]\+\)  .*/\1/p')
done
words=$(sort -u <<<"$words")
(($(wc -l <<<"$words") > 60)) || complain "help lists $(wc -l <<<"$words") commands only"
while read -r command; do
    text=$("$cirt" help $command) || { complain "no help for '$command'"; continue; }
    [[ $(head -1 <<<"$text") == "$command: "?* ]] || complain "$command: no summary"
    example=$(sed -n 3p <<<"$text")
    [[ $example == *cirt* ]] || complain "$command: help does not start with an example"
    [[ $text == *"cirt $command"* ]] || complain "$command: no usage line"
    (($(wc -l <<<"$text") <= 24)) || complain "$command: help does not fit one screen"
    (($(wc -L <<<"$text") <= 140)) || complain "$command: help is too wide"
done <<<"$words"
# What docs show after a prompt or in a code block: "cirt WORD"; a number, a filter or an option stands for a command too.
while IFS=: read -r file command; do
    first=${command%% *}
    [[ $first =~ ^[0-9]+$ || $first == [A-Z-]* || $first == *:* ]] && continue
    "$cirt" help "$first" >/dev/null 2>&1 || complain "$file shows 'cirt $command', which is no command"
done < <(grep -hoHE '(^|\$ |`|    )cirt [a-z0-9][a-z0-9:-]*( [a-z]+)?' README.md docs/*.md 2>/dev/null | sed 's/:.*cirt /:/' | sort -u)
cmp -s packaging/man/cirt.1 <("$cirt" help --man) || complain 'packaging/man/cirt.1 is not what cirt help --man prints'
# Usage errors: exit 2, with the nearest right one.
status=0
text=$("$cirt" tkae 2>&1) || status=$?
[[ $status == 2 && $text == *'cirt take'* ]] || complain "a mistyped command: exit $status, $text"
status=0
text=$("$cirt" --json ls --limt 2>&1 >/dev/null) || status=$?
[[ $status == 2 && $text == '{'*'--limit'* ]] || complain "a mistyped option with --json: exit $status, $text"
exit $bad
