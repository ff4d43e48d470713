#!/usr/bin/env bash
# coverage.sh [BUILD]: the share of the library's lines that the fast tests run. Without BUILD, a folder configured with
# RN_COVERAGE whose tests have run, one is built and its tests are run. At least 90% of all lines, and 95% of those of the readers, of the checkpoint and of the
# evaluator, else exit 1.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-}

command -v gcovr >/dev/null || tools/deps.sh --ci
if [ -z "$build" ]; then
    build=build/coverage
    cmake -B $build -DRN_COVERAGE=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG='-O1 -g' >/dev/null
    cmake --build $build -j "$(nproc)" >/dev/null
    find $build -name '*.gcda' -delete
    # What is killed, or finds a disk full, leaves half-written counts, over which the next program would complain on stderr.
    GCOV_ERROR_FILE=/dev/null ctest --test-dir $build -j "$(nproc)" -LE slow -E 'bad_(disk|environment)|install' --output-on-failure | tail -n 4
fi

# What reads files that a user feeds, the checkpoint, the evaluator.
strict='src/data/(json|coco_|voc|yolo|layout|dataset|image_(check|decode)|exif|record|id_map).*\.c|src/model/(recognise|transfer|model_threshold|tensor_file|safetensors|torch_file|pickle|zip|weights|config|half|model_convert).*\.c|src/base/(file|number|field)\.c|src/train/checkpoint\.c|src/eval/.*\.c'
report() { gcovr -r . --object-directory "$build" --gcov-ignore-parse-errors "$@"; }
report --filter 'src/' --exclude 'src/data/stb.c' --sort-uncovered --fail-under-line 90
echo "readers, checkpoint, evaluator:"
report --filter "$strict" --fail-under-line 95 | tail -n 4
