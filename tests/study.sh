#!/usr/bin/env bash
# study.sh: what study/ and the README say of the experiments is what the tables give: the page and the verdicts are made again, and every
# figure of the form "+1.2 (+0.3 to +2.1)" in the texts must be one of the verdicts'.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
passed=0 failed=0

check() { # TEXT COMMAND...
    if "${@:2}"; then
        passed=$((passed + 1))
    else
        echo "$1"
        failed=$((failed + 1))
    fi
}

"$RN_BIN/losslab" report "$root/study" -o "$temp/report.html" >"$temp/verdicts.tsv"
check "study/verdicts.tsv is not what study/*.csv give" cmp "$temp/verdicts.tsv" "$root/study/verdicts.tsv"
# The plots' last digits may differ with the processor.
grep 'class="claim"' "$temp/report.html" >"$temp/now"
grep 'class="claim"' "$root/study/report.html" >"$temp/then"
check "the conclusions of study/report.html are not what study/*.csv give" cmp "$temp/now" "$temp/then"
for text in README.md study/README.md; do
    while read -r figure; do
        check "$text: $figure is no verdict's" grep -qF -- "$figure" "$temp/verdicts.tsv"
    done < <(grep -oE '[+-][0-9.]+ \([+-][0-9.]+ to [+-][0-9.]+\)' "$root/$text")
done
# A verdict in a table stands behind its figure: "| +1.2 (+0.3 to +2.1) | holds |".
while IFS='|' read -r figure verdict; do
    check "study/README.md: $figure is not \"$verdict\"" grep -qF -- "$verdict"$'\t'"$figure" "$temp/verdicts.tsv"
done < <(sed -nE 's/.*\| ([+-][0-9.]+ \(.*\)) \| (holds|does not hold|cannot tell) \|$/\1|\2/p' "$root/study/README.md")
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
