#!/bin/bash
# foo.c exports foo and foo_* only (foo_part.c, a second file of foo, too), so that a name tells its file. Reads the objects of the build.
set -euo pipefail
: "${BUILD:?the build directory}"
bad=0
count=0
while IFS=: read -r object symbol; do
    stem=${object##*/}
    stem=${stem%.c.o}
    symbol=${symbol##* }
    count=$((count + 1))
    case $symbol in
    "$stem" | "$stem"_* | "${stem%%_*}"_* | main) ;;
    # What the sanitizers and coverage put in.
    __* | LLVMFuzzer*) ;;
    *) echo "${object#"$BUILD"/}: exports $symbol, which is not ${stem}_*" >&2; bad=1 ;;
    esac
done < <(find "$BUILD/CMakeFiles" -path '*.dir/*' \( -path '*/libcirt/*' -o -path '*/cirtd/*' -o -path '*/cli/*' \) -name '*.c.o' -print0 |
    xargs -0 -r nm -A -g --defined-only)
((count)) || { echo "names.sh: no objects under $BUILD" >&2; exit 1; }
exit $bad
