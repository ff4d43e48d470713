#!/usr/bin/env bash
# install.sh BUILD: what `cmake --install` gives is whole: the libraries show the functions of the headers alone, the program in
# the header's first comment and the examples build against them through pkg-config and CMake, and the programs find the model.
set -euo pipefail
build=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

check() { # check WHAT COMMAND...
    local what=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
        cat "$work/log"
    fi
}

same() { diff -u "$1" "$2"; }
is_c() { "$cc" -std=c17 -Wall -Wextra -pedantic -Werror "$@"; }

cmake --install "$build" --prefix "$work/prefix" >/dev/null
prefix=$work/prefix
lib=$(dirname "$(find "$prefix" -name libretinanet.a)")
header=$prefix/include/retinanet.h
losses=$prefix/include/retinanet_loss.h
lab=$prefix/include/retinanet_lab.h
export PKG_CONFIG_PATH=$lib/pkgconfig LD_LIBRARY_PATH=$lib

# ---- what the libraries show
grep -hv '^ *[/*]' "$header" "$losses" "$lab" | grep -oE '\brn_[a-z_]+\(' | tr -d '(' | sort -u >"$work/functions"
nm -D --defined-only "$lib/libretinanet.so" | awk '{ print $NF }' | sort >"$work/shared"
nm -g --defined-only "$lib/libretinanet.a" | awk 'NF == 3 { print $NF }' | sort >"$work/static"
check "the shared library shows the header's functions alone" same "$work/functions" "$work/shared"
check "so does the archive" same "$work/functions" "$work/static"
version=$(sed -n 's/^#define RN_VERSION *"\([0-9.]*\)"/\1/p' "$header")
check "the SONAME holds the version" grep -q "libretinanet.so.${version%.*}\]" <(readelf -d "$lib/libretinanet.so")
check "pkg-config has the version" test "$(pkg-config --modversion retinanet)" = "$version"

# ---- the header
printf '#include <retinanet_lab.h>\n#include <retinanet_loss.h>\nint main() {\n rn_lab_options l = RN_LAB_OPTIONS_DEFAULT;\n rn_detector_options d = RN_DETECTOR_OPTIONS_DEFAULT;\n rn_scenes_options s = %s;\n %s\n}\n' \
    RN_SCENES_OPTIONS_DEFAULT 'rn_bench_options b = RN_BENCH_OPTIONS_DEFAULT; return d.threads + s.val + b.runs + l.threads < 0;' >"$work/defaults.cc"
cp "$work/defaults.cc" "$work/defaults.c"
check "C++ compiles it" "${CXX:-c++}" -std=c++20 -Wall -Wextra -pedantic -Werror -I "$prefix/include" -fsyntax-only "$work/defaults.cc"
check "C compiles it" is_c -Wno-strict-prototypes -I "$prefix/include" -fsyntax-only "$work/defaults.c"
sed -n 's/^ \*     //p; s/^ \*$//p; /\*\//q' "$header" >"$work/tour.c"
# shellcheck disable=SC2046
check "the program in its first comment builds" is_c "$work/tour.c" -o "$work/tour" $(pkg-config --cflags --libs retinanet)
# shellcheck disable=SC2046
check "and without the shared library" is_c "$work/tour.c" -o "$work/tour_static" $(pkg-config --cflags retinanet) "$lib/libretinanet.a" \
    $(pkg-config --libs --static retinanet | sed 's/-lretinanet//')

# ---- they run
cd "$work"
"$prefix/bin/scenes" -o set --train 8 --val 4 --size 96 -q
picture=set/images/val_000000.jpg
"$prefix/bin/detect" --no-image -t 0.05 "$picture" | cut -f 2 >detect.txt
check "detect finds the default model and objects" test -s detect.txt
model=$prefix/share/retinanet/default.safetensors
./tour "$model" "$picture" | cut -d ' ' -f 1 >tour.txt || true
LD_LIBRARY_PATH='' ./tour_static "$model" "$picture" | cut -d ' ' -f 1 >tour_static.txt || true
check "the header's program finds what detect finds" same detect.txt tour.txt
check "so does the one linked to the archive" same detect.txt tour_static.txt
cmake -S "$root/examples" -B examples -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" >/dev/null
check "the examples build by find_package" cmake --build examples
check "the train example trains" ./examples/train set run "$picture"
check "the segment example trains by both losses" test "$(./examples/segment 20 | grep -c IoU)" = 2
check "so does the one with the archive" ./examples/train_static set run_static "$picture"
check "to the same bits" cmp run/best.safetensors run_static/best.safetensors

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
