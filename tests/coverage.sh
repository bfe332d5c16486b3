#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Which lines and branches of daemon/domain, daemon/store and workers/rules the tests run.
#   tests/coverage.sh BUILD_FOLDER            of the preset coverage: run its tests once, print a table
#   tests/coverage.sh BUILD_FOLDER --left     what the last run counted, and each branch of domain and rules that was not taken
# A branch of domain or rules that was not taken must stand in tests/coverage_left.txt, with its reason. Exit status 1: one does not, or
# one stands there that is taken; or a test failed.
#
# By rule these are no branches: what stands in a CHECK(), whose other way is a bug and ends the process; and the way past all cases of a
# switch over an enumeration, which no value takes (its line begins with "switch (").
set -euo pipefail

build=${1:?the build folder}
show=${2:-}
top=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$build" && pwd)
left=$top/tests/coverage_left.txt
folders=(daemon/domain daemon/store workers/rules)
held=(daemon/domain workers/rules)

if [ "$show" != --left ]; then
    find "$build" -name '*.gcda' -delete
    (cd "$build" && ctest -L '^coverage$' --parallel "$(nproc)" --output-on-failure >coverage.log 2>&1) || {
        tail -n 40 "$build/coverage.log" >&2
        exit 1
    }
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A line each: "L file line count" and "B file line function number count", of the sources themselves, not the headers.
for folder in "${folders[@]}"; do
    find "$build" -path "*/${folder%%/*}/*" -name "*.gcno" | sort | while IFS= read -r notes; do
        (cd "$work" && gcov --json-format --stdout --branch-probabilities "$notes" 2>/dev/null) |
            jq -r --arg top "$top/" --arg folder "$folder/" '
                .files[] | select(.file | startswith($top + $folder)) | (.file | ltrimstr($top)) as $file
                | .lines[] | . as $line
                | "L \($file) \($line.line_number) \($line.count)",
                  ($line.branches | to_entries[] | "B \($file) \($line.line_number) \($line.function_name) \(.key) \(.value.count)")'
    done
done >"$work/counts"
[ -s "$work/counts" ] || {
    echo 'coverage: nothing was counted' >&2
    exit 1
}

# A source may be compiled into several objects: its counts are added. Prints the branches not taken of @held folders, and the table.
cd "$top"
awk -v folders="${folders[*]}" -v held="${held[*]}" -v missed="$work/missed" '
    # Lines of @file that are part of a CHECK(...); or begin a switch.
    function read_source(file,    text, number, open) {
        while ((getline text < file) > 0) {
            number++
            if (text ~ /^[ \t]*CHECK\(/)
                open = 1
            if (open)
                without[file, number] = 1
            if (open && text ~ /;[ \t]*$/)
                open = 0
            if (text ~ /^[ \t]*switch \(/)
                switches[file, number] = 1
        }
        close(file)
        known[file] = 1
    }
    function folder_of(file) { sub(/\/[^\/]*$/, "", file); return file }
    { if (!($2 in known)) read_source($2) }
    $1 == "L" { lines[$2, $3] += $4; next }
    ($2, $3) in without { next }
    { key = $2 SUBSEP $3 SUBSEP $5; taken[key] += $6; function_of[key] = $4 }
    END {
        for (key in lines) {
            split(key, part, SUBSEP)
            folder = folder_of(part[1])
            all_lines[folder]++
            run_lines[folder] += lines[key] > 0
        }
        for (key in taken) {
            split(key, part, SUBSEP)
            folder = folder_of(part[1])
            if (taken[key] == 0 && (part[1], part[2]) in switches)
                continue
            all_branches[folder]++
            run_branches[folder] += taken[key] > 0
            if (taken[key] == 0 && index(" " held " ", " " folder " "))
                print part[1] ":" function_of[key] ":" part[2] ":" part[3] > missed
        }
        printf "%-16s %15s %17s\n", "folder", "lines", "branches"
        count = split(folders, name, " ")
        for (i = 1; i <= count; i++)
            printf "%-16s %5d/%-5d %3d%% %5d/%-5d %3d%%\n", name[i],
                run_lines[name[i]], all_lines[name[i]], 100 * run_lines[name[i]] / all_lines[name[i]],
                run_branches[name[i]], all_branches[name[i]], 100 * run_branches[name[i]] / all_branches[name[i]]
    }' "$work/counts"

# file:function:branches:why against file:function -> how many were not taken.
touch "$work/missed"
sort "$work/missed" >"$work/sorted"
[ "$show" != --left ] || cat "$work/sorted"
cut -d: -f1,2 "$work/sorted" | uniq -c | awk '{print $2 ":" $1}' | sort >"$work/is"
grep -v '^#' "$left" | cut -d: -f1-3 | sort >"$work/named" || true
comm -23 "$work/is" "$work/named" | sed 's/^/not taken, and not (so) in tests\/coverage_left.txt: /' >"$work/wrong"
comm -13 "$work/is" "$work/named" | sed 's/^/in tests\/coverage_left.txt, but not so: /' >>"$work/wrong"
if [ -s "$work/wrong" ]; then
    cat "$work/wrong" >&2
    [ "$show" = --left ] || echo "tests/coverage.sh $build --left shows the lines" >&2
    exit 1
fi
echo "each branch of ${held[*]} is taken, or one of $(wc -l <"$work/named") named in tests/coverage_left.txt"
