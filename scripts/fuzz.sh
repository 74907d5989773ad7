#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other: fuzz.sh DURATION
# `go test -fuzz` takes one target of one package at a time, so this finds them.
set -euo pipefail
cd "$(dirname "$0")/.."
duration=${1:?usage: fuzz.sh DURATION, such as 1m}

found=0
while read -r file; do
	package=$(dirname "$file")
	while read -r target; do
		found=$((found + 1))
		scripts/step.sh "fuzzing $target in $package for $duration" \
			go test -run '^$' -fuzz "^$target\$" -fuzztime "$duration" "$package"
	done < <(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$file")
done < <(grep -rlE --include='*_test.go' '^func Fuzz' --exclude-dir=".?*" . | sort)

if [ "$found" -eq 0 ]; then
	echo "no fuzz target found: has their naming changed?" >&2
	exit 1
fi
