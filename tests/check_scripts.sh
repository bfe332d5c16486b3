#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Nothing is found in any shell script by shellcheck, nor in any man page by mandoc; and no test
# waits by the clock.
#   check_scripts.sh shell|man|wait
# Exit status 77: the tool is not installed.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"

need() {
    command -v "$1" >/dev/null || {
        echo "skipped: $1 is not installed"
        exit 77
    }
}

all_files() {
    find . -path ./build -prune -o -path ./.git -prune -o -type f -print | sed 's|^\./||' | sort
}

shell_scripts() {
    local file first
    all_files | while IFS= read -r file; do
        case $file in
        *.sh | *.bash | *.bats) echo "$file" ;;
        *)
            [ -x "$file" ] || continue
            IFS= read -r first <"$file" || true
            case $first in
            '#!'*sh | '#!'*sh\ *) echo "$file" ;;
            esac
            ;;
        esac
    done
}

case ${1:-} in
shell)
    need shellcheck
    mapfile -t files < <(shell_scripts)
    shellcheck --external-sources "${files[@]}"
    echo "${#files[@]} scripts are clean"
    ;;
man)
    need scdoc
    need mandoc
    count=0
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    while IFS= read -r page; do
        # mandoc compares the name with the title.
        made=$folder/$(basename "$page" .scd)
        scdoc <"$page" >"$made"
        # What mandoc says about scdoc's own preamble is not ours to change.
        said=$(mandoc -T lint -W warning "$made" | grep -v 'skipping paragraph macro' || true)
        [ -z "$said" ] || {
            printf '%s:\n%s\n' "$page" "$said" >&2
            exit 1
        }
        count=$((count + 1))
    done < <(all_files | grep '\.scd$')
    echo "$count man pages are clean"
    ;;
wait)
    # tests/bench measures; it may wait for the clock.
    if grep -nEr --include='*.[ch]' --include='*.bats' --include='*.sh' --include='*.bash' \
        --exclude-dir=bench '(^|[^[:alnum:]_."])(s[l]eep +[0-9$]|(u|nano)?s[l]eep *\(|clock_nanos[l]eep)' \
        tests; then
        echo 'a test waits for a condition with a deadline, not for the clock' >&2
        exit 1
    fi
    ;;
*)
    sed -n '5p' "$0" >&2
    exit 2
    ;;
esac
