#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The systemd units are well formed, name programs that install puts there, and have a tight sandbox.
#   check_units.sh verify|security|users UNIT_DIR SOURCE_DIR
# Exit status 77: a tool of systemd is not installed.
set -euo pipefail

[ $# -eq 3 ] || {
    sed -n '3,5p' "$0" >&2
    exit 2
}
verb=$1
units=$(cd "$2" && pwd)
source=$(cd "$3" && pwd)

need() {
    command -v "$1" >/dev/null || {
        echo "skipped: $1 is not installed"
        exit 77
    }
}

# stages/needs_assessed.c is the program commission-worker-needs-assessed.
stage_of() { basename "$1" .c | tr _ -; }

need systemd-analyze
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

# A root as `install` would leave it, with the system's own units and an empty program for each
# that a unit starts. Which programs these may be is said here, not taken from the units.
make_root() {
    mkdir -p "$stage/etc/systemd/system" "$stage/usr/lib/systemd/system" "$stage/bin"
    cp -a /lib/systemd/system/. "$stage/usr/lib/systemd/system/"
    cp "$units"/*.service "$units"/*.target "$stage/etc/systemd/system/"

    local program bindir sbindir name
    sbindir=$(dirname "$(program_of commissiond.service)")
    bindir=$(dirname "$(program_of commission-worker@.service)")
    mkdir -p "$stage$sbindir" "$stage$bindir"
    cp /bin/true "$stage/bin/kill"
    cp /bin/true "$stage$sbindir/commissiond"
    for program in "$source"/workers/stages/*.c; do
        [ -e "$program" ] || continue
        name=$(stage_of "$program")
        cp /bin/true "$stage$bindir/commission-worker-$name"
    done
}

program_of() {
    sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$units/$1"
}

case $verb in
verify)
    make_root
    SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no --recursive-errors=yes --root="$stage" \
        commissiond.service commission.target commission-worker@procurement.service
    # Each stage with a program is wanted by the target, and no other is.
    wanted=$(sed -n 's/^Wants=commission-worker@\(.*\)\.service$/\1/p' "$units/commission.target" | sort)
    there=$(cd "$source/workers/stages" && for file in *.c; do stage_of "$file"; done | sort)
    [ "$wanted" = "$there" ] || {
        printf 'commission.target wants:\n%s\nbut there are:\n%s\n' "$wanted" "$there" >&2
        exit 1
    }
    ;;
security)
    cp "$units"/*.service "$stage/"
    cd "$stage"
    mv commission-worker@.service commission-worker@procurement.service
    for unit in *.service; do
        systemd-analyze security --offline=yes --threshold=20 --no-pager "./$unit" | tail -n 1
    done
    ;;
users)
    need systemd-sysusers
    need systemd-tmpfiles
    mkdir -p "$stage/etc" "$stage/usr/lib/sysusers.d"
    cp "$source/systemd/commissiond.sysusers" "$stage/usr/lib/sysusers.d/commissiond.conf"
    systemd-sysusers --root="$stage" commissiond.conf
    grep -q '^commissiond:' "$stage/etc/passwd"
    grep -q '^commission-worker:' "$stage/etc/passwd"
    grep -q '^commissiond:.*:commission-worker$' "$stage/etc/group"
    mkdir -p "$stage/usr/lib/tmpfiles.d"
    cp "$source/systemd/commissiond.tmpfiles" "$stage/usr/lib/tmpfiles.d/commissiond.conf"
    systemd-tmpfiles --root="$stage" --create commissiond.conf
    mode=$(stat -c %a "$stage/etc/commissiond")
    [ "$mode" = 750 ] || {
        echo "/etc/commissiond has mode $mode, 750 wanted" >&2
        exit 1
    }
    ;;
*)
    sed -n '3,5p' "$0" >&2
    exit 2
    ;;
esac
