#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# planted_test.sh PROGRAM CORPUS SECONDS: that the fuzzers find what is wrong. Three faults of planted.cpp, each to be
# found, for the right reason, before the time is over; and without a fault nothing is found.
set -euo pipefail

here=$(dirname "$0") program=$1 corpus=$2 seconds=$3
[ -x "$program" ] || { echo "$program was not built"; exit 77; }

finds() { # FAULT WHAT
    local said status=0
    said=$(FAULT=$1 "$here/run.sh" "$program" "$corpus" "$seconds" 2>&1) || status=$?
    if [ "$status" -ne 1 ] || ! grep -qF "$2" <<<"$said"; then
        printf 'the fault "%s" was not found (status %s):\n%s\n' "$1" "$status" "$said"
        exit 1
    fi
    printf 'found: %s\n' "$1"
}

finds held "BROKEN PROMISE: only what bears a release mark is free"
finds bytes "heap-buffer-overflow"
finds memory "out-of-memory (malloc("
"$here/run.sh" "$program" "$corpus" 1
