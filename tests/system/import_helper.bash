# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A private instance for the tests of imports, and where the public data is.

# Find the folder of public data: COMMISSION_DATA, or beside the project. What is not there, `need` skips, visibly.
find_data() {
    local source=${COMMISSION_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}
    DATA=${COMMISSION_DATA:-$source/../shared/data}
    [ ! -d "$DATA" ] || DATA=$(cd "$DATA" && pwd)
    export DATA
}

need() {
    [ -e "$DATA/$1" ] || skip "no $1 in $DATA (COMMISSION_DATA names another folder)"
}

find_programs() {
    local bin=${BIN_DIR:-${COMMISSION_BINARY_DIR:-$BATS_TEST_DIRNAME/../../build}/bin}
    export commission=$bin/commission
    [ -x "$commission" ]
}

# Start an instance in $BATS_FILE_TMPDIR/dev and wait until it says that it runs.
start_instance() {
    local line said=
    dev=$BATS_FILE_TMPDIR/dev
    mkfifo "$BATS_FILE_TMPDIR/said"
    "$commission" dev "$dev" >"$BATS_FILE_TMPDIR/said" 2>"$BATS_FILE_TMPDIR/dev.log" 3>&- &
    echo $! >"$BATS_FILE_TMPDIR/dev.pid"
    exec {instance_fd}<"$BATS_FILE_TMPDIR/said"
    while [ -z "$said" ] && IFS= read -r -t 60 line <&"$instance_fd"; do
        case $line in *"runs in $dev"*) said=yes ;; esac
    done
    [ -n "$said" ] || { cat "$BATS_FILE_TMPDIR/dev.log" >&2; return 1; }
    # Its later lines go to nobody's pipe but this one; keep it open.
    cat <&"$instance_fd" >"$BATS_FILE_TMPDIR/dev.out" 3>&- &
    exec {instance_fd}<&-
    export dev
}

stop_instance() {
    local pid
    [ -f "$BATS_FILE_TMPDIR/dev.pid" ] || return 0
    pid=$(cat "$BATS_FILE_TMPDIR/dev.pid")
    kill -TERM "$pid" 2>/dev/null || return 0
    tail -f /dev/null --pid="$pid" -s 0.05 # it may not be this shell's child: until it is gone
}

# The rows of a report as "file release tag outcome verdict reasons", with tabs, "-" for nothing.
report_rows() {
    jq -r 'def dash: if . == "" then "-" else . end;
           [(.file | sub(".*/"; "")), .release, .tag, .outcome, (.verdict | dash),
            (.reasons | dash)] | @tsv'
}
