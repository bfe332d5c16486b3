#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The layout holds: who includes whom (layers.txt), an SPDX line on every source and script, no
# generated code and no large file in the tree.
#   check_layers.sh [TREE]         judge a source tree (default: this one)
#   check_layers.sh --self-test    see that it finds what it is there to find
# Exit status: 0 clean, 1 something was found (a line each on stderr), 2 usage.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
layers=$here/layers.txt
file_bytes_max=1000000

# Every file of the tree at $1 that is, or is about to be, kept under version control.
list_files() {
    (
        cd "$1"
        if [ -e .git ] && git rev-parse --git-dir >/dev/null 2>&1; then
            git ls-files --cached --others --exclude-standard
        else
            find . -path ./build -prune -o -path ./.git -prune -o -type f -print | sed 's|^\./||'
        fi
    ) | sort -u | while IFS= read -r file; do
        [ ! -f "$1/$file" ] || printf '%s\n' "$file"
    done
}

judge_tree() {
    local tree=$1 files found=0
    files=$(list_files "$tree")

    local sources
    sources=$(grep -E '\.[ch]$' <<<"$files" | grep -E '^(proto|daemon|clients|workers|tests)/' || true)
    if [ -n "$sources" ]; then
        (cd "$tree" && printf '%s\n' "$sources" | awk -v layers="$layers" -f "$here/layers.awk") >&2 || found=1
    fi

    local file first
    while IFS= read -r file; do
        case $file in
        *.pb-c.[ch])
            echo "$file: generated code does not belong in the tree" >&2
            found=1
            ;;
        esac
        if [ "$(stat -c %s "$tree/$file")" -gt "$file_bytes_max" ]; then
            echo "$file: over $file_bytes_max bytes" >&2
            found=1
        fi
        case $file in
        *.[ch] | *.proto | *.sh | *.bats | *.bash | *.awk | *.py | *CMakeLists.txt | *.service.in) ;;
        *)
            # A script without an ending is known by its first two characters.
            first=$(head -c 2 "$tree/$file" | tr -d '\0')
            [ "$first" = '#!' ] || continue
            ;;
        esac
        head -n 3 "$tree/$file" | grep -q 'SPDX-License-Identifier: Apache-2\.0' || {
            echo "$file: no SPDX-License-Identifier in the first three lines" >&2
            found=1
        }
    done <<<"$files"
    return "$found"
}

# ---- self-test ----

tree=
trap '[ -z "$tree" ] || rm -rf "$tree"' EXIT

spdx='/* SPDX-License-Identifier: Apache-2.0 */'

# A small tree that is clean.
make_tree() {
    rm -rf "$tree"
    mkdir -p "$tree"/{proto,daemon/domain,daemon/store,daemon/broker,clients/lib,workers/rules}
    printf '%s\n#include <stdint.h>\n' "$spdx" >"$tree/proto/base.h"
    printf '%s\n#include "proto/base.h"\n' "$spdx" >"$tree/daemon/domain/decide.h"
    printf '%s\n#include "daemon/domain/decide.h"\n' "$spdx" >"$tree/daemon/store/store.h"
    printf '%s\n#include "proto/base.h"\n' "$spdx" >"$tree/daemon/store/kv.h"
    printf '%s\n#include "daemon/store/kv.h"\n\n#include <lmdb.h>\n' "$spdx" >"$tree/daemon/store/kv.c"
    printf '%s\n#include "daemon/store/store.h"\n' "$spdx" >"$tree/daemon/broker/broker.c"
    printf '%s\n' "$spdx" >"$tree/workers/rules/area.h"
    printf '%s\n#include "workers/rules/area.h"\n' "$spdx" >"$tree/workers/rules/area.c"
}

cases=0
broken=0

# expect clean|found SENTENCE: judge the tree as it is now.
expect() {
    local verdict=found output
    cases=$((cases + 1))
    if output=$(judge_tree "$tree" 2>&1); then verdict=clean; fi
    if [ "$verdict" = "$1" ]; then
        echo "ok: $2"
    else
        broken=$((broken + 1))
        printf 'NOT ok: %s: expected %s, got %s\n%s\n' "$2" "$1" "$verdict" "$output"
    fi
}

# forbid FILE LINE SENTENCE: a clean tree with LINE added to FILE is found fault with.
forbid() {
    make_tree
    [ -e "$tree/$1" ] || printf '%s\n' "$spdx" >"$tree/$1"
    printf '%s\n' "$2" >>"$tree/$1"
    expect found "$3"
}

self_test() {
    tree=$(mktemp -d)
    make_tree
    expect clean 'a clean tree passes'
    forbid daemon/domain/decide.h '#include "daemon/store/store.h"' 'the domain may not include the store'
    forbid daemon/broker/broker.c '#include "daemon/store/kv.h"' 'the broker sees nothing of the store but store.h'
    forbid clients/lib/client.c '#include "daemon/domain/decide.h"' 'clients never see the daemon'
    forbid workers/rules/duties.c '#include "workers/rules/area.h"' 'a rule file sees no other rule file'
    forbid daemon/store/store.c '#include <lmdb.h>' 'lmdb.h is kv.c'\''s alone'
    forbid daemon/domain/decide.h '  #  include <lmdb.h>' 'spaces do not hide an include'
    forbid daemon/domain/decide.h '#include <time.h>' 'the domain has no clock'
    forbid daemon/domain/decide.h '#include "base.h"' 'a path is from the root'
    forbid daemon/domain/decide.h '#include "../store/kv.h"' 'a path does not climb'
    forbid daemon/surprise.c '#include "proto/base.h"' 'every file is in a layer'

    make_tree
    printf '#include "proto/base.h"\n' >"$tree/daemon/domain/route.h"
    expect found 'a source has an SPDX line'
    make_tree
    printf '#!/bin/sh\ntrue\n' >"$tree/run"
    expect found 'a script has an SPDX line'
    make_tree
    printf '%s\n' "$spdx" >"$tree/proto/commission.pb-c.h"
    expect found 'generated code is not kept'
    make_tree
    head -c $((file_bytes_max + 1)) /dev/zero >"$tree/large"
    expect found 'no file is large'

    echo "$((cases - broken)) of $cases as expected"
    [ "$broken" -eq 0 ]
}

case ${1:-} in
--self-test) self_test ;;
-*)
    sed -n '5,7p' "$0" >&2
    exit 2
    ;;
*) judge_tree "$(cd "${1:-$here/..}" && pwd)" && echo 'the layout holds' ;;
esac
