#!/bin/bash
# Each header compiles alone, and has a guard.
set -euo pipefail
cd "${SOURCE:-$(dirname "$0")/../..}"
flags=$(pkg-config --cflags libpq libevent gpgme jansson libxml-2.0 gmime-3.0 libcurl libconfuse cmocka)
export flags
alone() {
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -Ilibcirt -I. -I"$BUILD/generated" -Itests $flags -x c - <<<"#include \"$PWD/$1\"
#include \"$PWD/$1\"" || { echo "$1 does not compile alone" >&2; return 1; }
}
export -f alone
find . \( -path ./build -o -path ./run -o -path ./tests/data \) -prune -o -name '*.h' -print0 | xargs -0 -r -P "$(nproc)" -I{} bash -c 'alone "$1"' - {}
