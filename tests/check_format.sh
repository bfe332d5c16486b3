#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every C file is formatted by .clang-format, with clang-format 14.
#   check_format.sh [--fix] [FILE...]
# Exit status 77: clang-format 14 is not installed.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"

tool=
for name in clang-format-14 clang-format; do
    if command -v "$name" >/dev/null && "$name" --version | grep -q 'version 14\.'; then
        tool=$name
        break
    fi
done
[ -n "$tool" ] || {
    echo 'skipped: clang-format 14 is not installed'
    exit 77
}

mode=(--dry-run -Werror)
if [ "${1:-}" = --fix ]; then
    mode=(-i)
    shift
fi
if [ $# -gt 0 ]; then
    files=("$@")
else
    mapfile -t files < <(find proto daemon clients workers tests -name '*.[ch]' | sort)
fi
[ ${#files[@]} -gt 0 ] || exit 0

if output=$("$tool" "${mode[@]}" "${files[@]}" 2>&1); then
    echo "${#files[@]} files are formatted"
else
    grep -oE '^[^:]+:[0-9]+' <<<"$output" | sort -u -t: -k1,1 -k2,2n >&2
    echo 'run tests/check_format.sh --fix' >&2
    exit 1
fi
