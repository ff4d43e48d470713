#!/usr/bin/env bash
# test.sh [CTEST OPTIONS]: build the programs and tests, run all of them (-LE slow: without the slow ones), and end with a
# line "N passed, N failed, N skipped" that counts single checks, not programs.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$root/build}
jobs=$(nproc)

"$root/tools/deps.sh" || exit 1
cmake -S "$root" -B "$build" -DRN_TESTS=ON -DRN_WERROR=ON ${CMAKE_ARGS:-} >/dev/null || exit 1
cmake --build "$build" -j "$jobs" || exit 1

ctest --test-dir "$build" --output-on-failure "$@"
status=$?

# Check's own lines say how many checks a program made; one that died before that line counts as one failure.
awk -v status=$status '
    /^[0-9]+%: Checks: / { gsub(/[^0-9 ]/, " "); checks += $2; failed += $3 + $4 }
    /^skipped: / { skipped++ }
    /^[0-9]+ passed, [0-9]+ failed$/ { checks += $1 + $3; failed += $3 }
    END {
        if (status != 0 && failed == 0) { checks++; failed = 1 }
        printf "%d passed, %d failed, %d skipped\n", checks - failed, failed, skipped
    }' "$build/Testing/Temporary/LastTest.log"
exit $status
