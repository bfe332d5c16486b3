#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Run the simulator for long: long.sh SIMTEST [SEEDS] [PROCESSES] [FIRST] [STEPS]
#   SEEDS seeds (200000) from FIRST (1) on, of STEPS steps each (150), in PROCESSES processes (1), each taking a chunk
#   after the other. A failing seed ends its chunk and is written down; the others go on. The last line is the sum.
# Exit status: 0 all hold, 1 some seeds fail, 2 usage.
set -euo pipefail

simtest=${1:?"usage: long.sh SIMTEST [SEEDS] [PROCESSES] [FIRST] [STEPS]"}
seeds=${2:-200000}
processes=${3:-1}
first=${4:-1}
steps=${5:-150}
chunk=1000
[ -x "$simtest" ] || { echo "long.sh: no program $simtest" >&2; exit 2; }

# Seeds $1..$2; after a failing one, go on with the next. Prints a line a chunk, and one for each failing seed.
run_chunk() {
    local from=$1 to=$2 output seed
    while [ "$from" -le "$to" ]; do
        if output=$("$simtest" --seeds "$from..$to" --steps "$steps" 2>&1); then
            echo "$output"
            return 0
        fi
        seed=$(sed -n 's/^seed \([0-9]*\) fails.*/\1/p' <<<"$output" | tail -n 1)
        echo "FAILED $(tr '\n' ' ' <<<"$output")"
        [ -n "$seed" ] || return 0
        from=$((seed + 1))
    done
}
export -f run_chunk
export simtest steps

log=$(mktemp)
trap 'rm -f "$log"' EXIT
started=$(date +%s)
# shellcheck disable=SC2016 # expanded by the inner shell
for ((from = first; from < first + seeds; from += chunk)); do
    to=$((from + chunk - 1))
    last=$((first + seeds - 1))
    echo "$from $((to < last ? to : last))"
done | xargs -P "$processes" -L 1 bash -c 'run_chunk "$0" "$1"' | tee "$log"
failed=$(grep -c '^FAILED' "$log" || true)
echo "$seeds seeds from $first, $steps steps each, $processes processes: $failed failed, $(($(date +%s) - started)) s"
[ "$failed" -eq 0 ]
