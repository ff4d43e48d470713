#!/usr/bin/env bash
# demo.sh [SEED]: from nothing to detections in a few minutes: generate a set, train nano on it for at most three minutes,
# print the twelve COCO numbers on scenes that it has not seen, and write annotated pictures to runs/demo/pictures.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$root/build}
seed=${1:-1}
out=$root/runs/demo
bin=$build/bin

"$root/tools/deps.sh"
cmake -S "$root" -B "$build" -DRN_TESTS=OFF >/dev/null
cmake --build "$build" -j "$(nproc)" >/dev/null

rm -rf "$out"
mkdir -p "$out"
echo "== scenes of seed $seed"
"$bin/scenes" -o "$out/scenes" --seed "$seed" --no-masks -q
echo "== train"
"$bin/train" "$out/scenes" -o "$out/run" --preset nano --epochs 7 --vflip 0.5 \
    --scale-min 1 --scale-max 1 --color 0 --seed "$seed" --time 3m
echo "== evaluate, on scenes that were neither trained on nor chosen by"
"$bin/scenes" -o "$out/unseen" --seed "$((seed + 1000))" --train 0 --val 200 --no-masks -q
"$bin/evaluate" "$out/unseen" -m "$out/run/best.safetensors"
echo "== detect"
mkdir "$out/pictures"
ls "$out"/unseen/images/val_00000[0-9].jpg | "$bin/detect" -m "$out/run/best.safetensors" -o "$out/pictures" -
echo "annotated pictures are in $out/pictures"
