#!/usr/bin/env bash
# Runs one step of a make target, saying what it is and how long it took: step.sh TITLE COMMAND...
set -uo pipefail
title=$1
shift
printf '\n==> %s\n' "$title"
start=$SECONDS
"$@"
status=$?
if [ "$status" -eq 0 ]; then
	printf '    %s: done in %d s\n' "$title" $((SECONDS - start))
else
	printf '    %s: FAILED with status %d after %d s\n' "$title" "$status" $((SECONDS - start)) >&2
fi
exit "$status"
