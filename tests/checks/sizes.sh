#!/bin/bash
# A function has at most 100 lines, a source or script file at most 800. An exception stands here, with its reason.
set -euo pipefail
cd "${SOURCE:-$(dirname "$0")/../..}"
exceptions=''
# The style (.clang-format) puts a function's braces, and only those, alone into the first column.
xargs -0 -r awk -v exceptions=" $exceptions " '
    function is_long() { if (lines > 800 && !index(exceptions, " " file " ")) { print file ": " lines " lines, at most 800"; bad = 1 } }
    FNR == 1 { is_long(); file = FILENAME; start = 0 }
    { lines = FNR }
    FILENAME !~ /\.c$/ { next }
    /^[A-Za-z].*\(/ { head = $0 }
    /^\{/ { start = FNR }
    /^\}$/ && start { if (FNR - start > 101) { print file ":" start ": " FNR - start - 1 " lines, at most 100: " head; bad = 1 } start = 0 }
    END { is_long(); exit bad }' >&2 < <(find . \( -path ./build -o -path ./run -o -path ./.git -o -path ./tests/data -o -path ./packaging/samples -o -path ./packaging/man \) -prune -o -type f \
    \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.sql' -o -path './packaging/*' -o -path './certs/*' \) -print0)
