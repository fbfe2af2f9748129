#!/bin/sh
# Runs each target for the given time: run.sh SECONDS TARGET…
set -u
cd "$(dirname "$0")"
seconds=$1
shift
for target in "$@"; do
    echo "== $target"
    mkdir -p "corpus/$target"
    cargo +nightly fuzz run -s none "$target" -- -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 2>&1 |
        grep -aE "panicked|ERROR|SUMMARY|artifact|DONE|stat::|assertion" || true
done
