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
done < <(find . \( -path ./build -o -path ./run -o -path ./.git -o -path ./tests/data -o -path ./packaging/samples -o -path ./packaging/man \) -prune -o -type f \
    \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.sql' -o -path './packaging/*' -o -path './certs/*' \) -print)
exit $bad
