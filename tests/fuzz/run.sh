#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh PROGRAM CORPUS SECONDS [FOLDER]: a fuzzer with the limits that all of them keep. What it finds goes to FOLDER,
# where further runs go on from; without one to a temporary folder, and an input that breaks a promise is printed.
set -euo pipefail

program=$1 corpus=$2 seconds=$3 folder=${4:-}
[ -x "$program" ] || { echo "$program was not built"; exit 77; }
if [ -z "$folder" ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder/corpus"
dictionary=${corpus%/corpus/*}/dictionaries/${corpus##*/}
options=(-max_total_time="$seconds" -max_len=4096 -timeout=60 -rss_limit_mb=1024 -malloc_limit_mb=64
    -artifact_prefix="$folder/" -print_final_stats=1)
[ ! -f "$dictionary" ] || options+=(-dict="$dictionary")

# The quarantine of AddressSanitizer is most of what it would need.
status=0
export ASAN_OPTIONS=quarantine_size_mb=32
"$program" "${options[@]}" "$folder/corpus" "$corpus" >"$folder/log" 2>&1 || status=$?
if [ "$status" -eq 0 ]; then
    tail -n 8 "$folder/log"
else
    grep --text --after-context 40 --max-count 1 -E 'BROKEN PROMISE|ERROR|runtime error' "$folder/log" |
        cut -c 1-300 || true
    tail -n 12 "$folder/log" | cut -c 1-1000  # the input, in base64
    # libFuzzer's own status for what it finds is 77, which ctest would take for a test that was skipped.
    exit 1
fi
