#!/bin/bash
# clang-format has nothing to change.
set -euo pipefail
cd "${SOURCE:-$(dirname "$0")/../..}"
command -v clang-format >/dev/null || { echo 'skipped: no clang-format'; [[ -z ${CIRT_TEST_REQUIRE:-} ]] || exit 1; exit 77; }
said=$(find . \( -path ./build -o -path ./run -o -path ./tests/data \) -prune -o -name '*.[ch]' -print0 | xargs -0 -r clang-format --dry-run -Werror 2>&1 | grep error || true)
[[ -z $said ]] || { head -n 40 <<<"$said" >&2; echo 'clang-format -i mends it' >&2; exit 1; }
