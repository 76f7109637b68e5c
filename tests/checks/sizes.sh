#!/bin/bash
# A function has at most 100 lines, a source or script file at most 800. An exception stands here, with its reason.
set -euo pipefail
cd "${SOURCE:-$(dirname "$0")/../..}"
bad=0
exceptions=' '
while IFS= read -r file; do
    [[ $exceptions != *" $file "* ]] || continue
    lines=$(wc -l <"$file")
    ((lines <= 800)) || { echo "$file: $lines lines, at most 800" >&2; bad=1; }
    case $file in
    *.c)
        # The style (.clang-format) puts a function's braces, and only those, alone into the first column.
        awk -v file="$file" '
            /^[A-Za-z].*\(/ { head = $0 }
            /^\{/ { start = NR }
            /^\}$/ && start { if (NR - start > 101) { print file ":" start ": " NR - start - 1 " lines, at most 100: " head; bad = 1 } start = 0 }
            END { exit bad }' "$file" >&2 || bad=1
        ;;
    esac
done < <(find libcirt cirtd cli tests packaging certs sql cmake \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.sql' -o -path 'packaging/*' -o -path 'certs/*' \) \
    -not -path 'packaging/samples/*' -not -path 'tests/data/*' -type f)
exit $bad
