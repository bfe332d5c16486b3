#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Does the simulator bite? Each patch of bugs/ is a bug; the simulator must find it.
#   bugs.sh check SOURCE                 each patch still applies
#   bugs.sh find SOURCE FOLDER [NAME]... build each bug in a copy of SOURCE under FOLDER, and run up to 2,000 seeds
# Exit status: 0 all well, 1 a patch does not apply or a bug is not found, 2 usage.
set -euo pipefail

seeds=2000
timeout_s=1200

usage() {
    echo "usage: bugs.sh check SOURCE | find SOURCE FOLDER [NAME]..." >&2
    exit 2
}

[ $# -ge 2 ] || usage
command -v patch >/dev/null || { echo "bugs.sh: patch is not installed" >&2; exit 77; }
verb=$1
source=$(cd "$2" && pwd)
bugs=$source/tests/sim/bugs

# patch_tree TREE PATCH [OPTION]...
patch_tree() {
    patch --directory "$1" --strip 1 --quiet --force --fuzz 3 --no-backup-if-mismatch --reject-file - "${@:3}" <"$2"
}

check() {
    local patch failed=0 count=0
    for patch in "$bugs"/*.patch; do
        count=$((count + 1))
        if ! patch_tree "$source" "$patch" --dry-run >/dev/null; then
            echo "$(basename "$patch"): does not apply any more; make it anew for the code as it is" >&2
            failed=1
        fi
    done
    echo "$count bugs"
    return "$failed"
}

# What bug $1 does to a run: "seed N, reason", or nothing when all seeds hold.
run_bug() {
    local output
    if output=$(timeout "$timeout_s" "$folder/build/test-programs/simtest" --seeds "1..$seeds" 2>&1); then
        return 0
    fi
    output=$(grep -E '^(seed|<2>bug|[^ ])' <<<"$output" | tail -n 4 | tr '\n' ' ')
    printf '%s' "${output:-no word, or over $timeout_s s}"
}

find_bugs() {
    local patch name found failed=0
    rm -rf "$folder/tree"
    mkdir -p "$folder/tree"
    (cd "$source" && cp -r --parents CMakeLists.txt LICENSE README.md proto daemon clients workers tests systemd "$folder/tree" 2>/dev/null) || true
    cmake -S "$folder/tree" -B "$folder/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo >/dev/null
    ninja -C "$folder/build" simtest >/dev/null
    for patch in "$bugs"/*.patch; do
        name=$(basename "$patch" .patch)
        [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
        patch_tree "$folder/tree" "$patch"
        if ninja -C "$folder/build" simtest >"$folder/build.log" 2>&1; then
            found=$(run_bug)
        else
            found=
            echo "$name: does not build" >&2
        fi
        printf '%-24s %s\n' "$name" "${found:-NOT FOUND in $seeds seeds}"
        [ -n "$found" ] || failed=1
        patch_tree "$folder/tree" "$patch" --reverse
    done
    return "$failed"
}

case $verb in
check) check ;;
find)
    [ $# -ge 3 ] || usage
    mkdir -p "$3"
    folder=$(cd "$3" && pwd)
    find_bugs "${@:4}"
    ;;
*) usage ;;
esac
