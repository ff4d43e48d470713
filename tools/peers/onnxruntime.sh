#!/usr/bin/env bash
# onnxruntime.sh: install onnxruntime for node (npm's package onnxruntime-node) in build/peers, where the tests look for it. Its
# script, left out, would fetch what is for GPUs.
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v npm >/dev/null || { echo "onnxruntime.sh: no npm: install node 18 or later" >&2; exit 1; }
[ -d build/peers/node_modules/onnxruntime-node ] ||
    npm install --prefix build/peers --ignore-scripts --no-audit --no-fund --silent onnxruntime-node
