#!/bin/bash
# What README.md and docs/ name exists: files, tests, and commands of cirt (where it is built).
set -euo pipefail
cd "${SOURCE:-$(dirname "$0")/../..}"
bad=0
complain() { echo "$*" >&2; bad=1; }
pages=()
for page in README.md certs/README.md docs/*.md; do
    [[ -f $page ]] && pages+=("$page")
done

for page in "${pages[@]}"; do
    # `folder/file` in backquotes or in a code block; <x>, NAME, * and ... stand for something.
    while IFS= read -r path; do
        case $path in
        *[\<\>\*]* | *...* | *NAME* | *PRESET*) continue ;;
        esac
        path=${path%%:*}
        path=${path%[.,]}
        [[ -e $path || -e libcirt/$path || -e libcirt/$path.h || -e $path.h ]] || complain "$page: there is no $path"
    done < <(grep -oE '(^|[ `(|])(packaging|certs|docs|tests|libcirt|cirtd|cli|sql|cmake|model|codec|rules|store|crypto|wire|base)/[][A-Za-z0-9_./<>*{}-]+' "$page" | sed 's/^[ `(|]//' | sort -u)
    # [text](target)
    while IFS= read -r target; do
        case $target in
        http* | \#*) continue ;;
        esac
        [[ -e $(dirname "$page")/${target%%#*} ]] || complain "$page: the link to $target goes nowhere"
    done < <(grep -oE '\]\([^)]+\)' "$page" | sed 's/^](//; s/)$//' | sort -u)
done

# Each format that is read has its row.
mapfile -t formats < <(sed -n 's/^extern const struct codec \([a-z0-9_]*\)_codec;$/\1/p' libcirt/codec/codec.c | tr _ -)
((${#formats[@]} > 10)) || complain "libcirt/codec/codec.c: no list of codecs"
for format in "${formats[@]}"; do
    grep -qE "^\| $format(:NAME)? \|" docs/FORMATS.md || complain "docs/FORMATS.md: $format has no row in the first table"
done

cirt=${BUILD:-build/release}/cirt
if [[ -x $cirt ]]; then
    while IFS= read -r command; do
        "$cirt" help "$command" >/dev/null 2>&1 || complain "the documentation names 'cirt $command', which cirt does not know"
    done < <(grep -hoE '^(\$ |  +)?cirt( --(json|profile [a-z]+))* [a-z]+' "${pages[@]}" | awk '{ print $NF }' | sort -u)
    for format in "${formats[@]}"; do
        grep -qE "[ ;]$format[ ;:]" <<<"$("$cirt" help submit | tr '\n' ' ') " || complain "cirt help submit does not name the format $format"
    done
fi
exit $bad
