#!/usr/bin/env bash
# fuzz.sh [SECONDS [READER...]]: fuzz what reads the user's files: every reader, or those named (jpeg png bmp coco
# coco_results voc yolo yolo_data presets safetensors torch donor), for SECONDS each (default 60), one behind the other, on one core.
#
# Builds the preset fuzz (clang's libFuzzer with the address and undefined behaviour sanitizers) in build/fuzz. An input
# that crashes, leaks, runs longer than 2 s, takes more than 512 MB or breaks a promise that its target checks ends that
# reader's turn: it is kept as build/fuzz/found/READER-* and the script ends with exit code 1. Look at it with
#
#     build/fuzz/tests/fuzz_READER build/fuzz/found/READER-...
#
# write a test of the module that fails with it, then mend the module.
#
# What libFuzzer learnt stays in build/fuzz/corpus/READER and is where the next run begins; at first that is what
# tests/fuzz/seeds.c makes. These seeds, and the least part of the rest that reaches the same code (40 files in all, of at
# most 4 KB each), go to tests/fuzz/corpus/READER, which is committed: the tests test_fuzz_READER replay and mutate it in
# every build.
#
# A new reader: its target tests/fuzz/fuzz_READER.c, its name in tests/fuzz/CMakeLists.txt, its seeds in seeds.c.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build/fuzz
seconds=${1:-60}
max_files=40
max_bytes=4096

"$root/tools/deps.sh" --ci
(cd "$root" && cmake --preset fuzz -DRN_WERROR=ON >/dev/null)
cmake --build "$build" -j "$(nproc)" --target fuzz >/dev/null

readers=("${@:2}")
[ ${#readers[@]} -gt 0 ] || for program in "$build"/tests/fuzz_*; do readers+=("${program##*/fuzz_}"); done

seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
"$build/tests/seeds" "$seeds" >/dev/null
mkdir -p "$build/found"

# Quarantined blocks count as memory taken.
export ASAN_OPTIONS=quarantine_size_mb=16
limits=(-timeout=2 -rss_limit_mb=512 -max_len=$max_bytes)

# The seeds, and of the smallest inputs that reach every edge beyond them the longest ones: mutations of the seeds reach again
# what the short ones do.
minimise() {
    local reader=$1 committed=$root/tests/fuzz/corpus/$1 least=$seeds/$1-least file
    cp -r "$seeds/$reader" "$least"
    "$build/tests/fuzz_$reader" "${limits[@]}" -merge=1 -use_counters=0 "$least" "$build/corpus/$reader" 2>"$build/found/$reader.merge"
    rm -rf "$committed"
    cp -r "$seeds/$reader" "$committed"
    for file in $(ls -S "$least"); do
        [ "$(ls "$committed" | wc -l)" -lt $max_files ] || break
        cp "$least/$file" "$committed/"
    done
}

code=0
for reader in "${readers[@]}"; do
    printf '== %s\n' "$reader"
    log=$build/found/$reader.log
    mkdir -p "$build/corpus/$reader" "$root/tests/fuzz/corpus/$reader" "$seeds/$reader"
    "$build/tests/fuzz_$reader" "${limits[@]}" -max_total_time="$seconds" -artifact_prefix="$build/found/$reader-" \
        "$build/corpus/$reader" "$root/tests/fuzz/corpus/$reader" "$seeds/$reader" 2>"$log" || code=1
    grep -E '^Done|ERROR|not so|runtime error|written to' "$log" || true
    minimise "$reader"
done
exit $code
