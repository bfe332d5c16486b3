#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy and cppcheck over our sources; what the target `lint` of the lint preset runs.
#   lint.sh BUILD_DIR [FILE...]
set -euo pipefail

[ $# -ge 1 ] || {
    sed -n '4p' "$0" >&2
    exit 2
}
build=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")/.."

if [ $# -gt 0 ]; then
    files=("$@")
else
    mapfile -t files < <(find proto daemon clients workers -name '*.c' | sort)
fi

# Not by the compile commands: they are gcc's, with warnings that clang does not know.
flags=(-std=c17 -D_GNU_SOURCE -I. -isystem "$build/generated" -DCOMMISSION_VERSION='"lint"'
    -DWORKER_NAME='"lint"' -DWORKER_STAGE=stage_rules_review)
status=0
if command -v clang-tidy >/dev/null; then
    for file in "${files[@]}"; do
        clang-tidy --quiet "$file" -- "${flags[@]}" 2>/dev/null || status=1
    done
fi
if command -v cppcheck >/dev/null; then
    cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
        --error-exitcode=1 --suppress=missingIncludeSystem -D_GNU_SOURCE -I. "${files[@]}" || status=1
fi
exit "$status"
