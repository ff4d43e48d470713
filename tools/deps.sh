#!/usr/bin/env bash
# deps.sh [--ci|--peers]: install the Debian packages that are missing: to build, to run and to test. --ci adds what .ci/run
# needs besides: clang, its sanitizers and clang-format; --peers what tools/compare_peers.sh does: PyTorch.
set -euo pipefail

packages=(gcc g++ libc6-dev make cmake pkg-config libstb-dev libcjson-dev libexpat1-dev libyaml-dev
          fonts-dejavu-core check python3 curl unzip)
[ "${1:-}" = --ci ] && packages+=(clang libclang-rt-14-dev clang-format gcovr)
[ "${1:-}" = --peers ] && packages+=(python3-torch python3-torchvision)

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "deps.sh: error: must be root to install: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
echo "installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
