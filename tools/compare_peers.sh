#!/usr/bin/env bash
# compare_peers.sh [--quick] [--turns N] [infer] [train] [memory] [post] [threads]: our speed and memory beside those of PyTorch
# (Debian's packages) and onnxruntime (npm), which it installs: all tables, or those named, as Markdown on stdout. The programs
# run in turn on the same network, weights and input, and beside each ratio stands how much the outputs differ. Takes about a
# quarter of an hour on a quiet machine; --quick takes two turns in place of ten.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$root/build}

"$root/tools/deps.sh" --peers
"$root/tools/peers/onnxruntime.sh"
cmake -S "$root" -B "$build" >/dev/null
cmake --build "$build" -j "$(nproc)" --target bench convert >/dev/null

export OMP_PROC_BIND=true
exec /usr/bin/python3 "$root/tools/peers/compare.py" --build "$build" "$@"
