#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Run the fuzz targets of a build with the preset fuzz, one after the other.
#   tests/fuzz/run.sh BUILD_FOLDER SECONDS [TARGET...]
# What is learnt stays in BUILD_FOLDER/learnt/TARGET for the next run; a finding in BUILD_FOLDER/found/TARGET-*, to be kept as
# tests/fuzz/corpus/TARGET/NAME.hex (xxd -p). Prints a line a target. Exit status 1: something was found.
set -euo pipefail

build=${1:?the build folder}
seconds=${2:?seconds for each target}
shift 2
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(codec config json lmdb ocds record segment)

build=$(cd "$build" && pwd)
mkdir -p "$build/found" "$build/learnt"
status=0

# A slow input is no finding: the machine may have been busy.
findings() { find "$build/found" -name "$target-*" ! -name "$target-slow-unit-*" | wc -l; }

for target in "${targets[@]}"; do
    mkdir -p "$build/learnt/$target"
    log=$build/learnt/$target.log
    before=$(findings)
    options=(-max_total_time="$seconds" -print_final_stats=1 -timeout=20 -rss_limit_mb=4096
        -artifact_prefix="$build/found/$target-")
    case $target in
    ocds | codec | config | json) options+=(-max_len=16384) ;;
    record) options+=(-max_len=4096) ;;
    lmdb | segment) options+=(-max_len=400) ;;
    esac
    rc=0
    nice "$build/bin/fuzz_$target" "${options[@]}" "$build/learnt/$target" "$build/seeds/$target" >"$log" 2>&1 || rc=$?
    after=$(findings)
    count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    coverage=$(grep -oE 'cov: [0-9]+ ft: [0-9]+' "$log" | tail -n 1)
    died=$(grep -oE '[0-9]+ children, [0-9]+ died in liblmdb' "$log" | tail -n 1 || true)
    echo "$target: ${count:-?} executions in $seconds s, $coverage, $((after - before)) findings${died:+, $died}"
    if [ "$rc" -ne 0 ] || [ "$after" -gt "$before" ]; then
        status=1
        grep -E 'bug:|ERROR:|runtime error|SUMMARY' "$log" | head -n 5 || true
    fi
done
exit "$status"
