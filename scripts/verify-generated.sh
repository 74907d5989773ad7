#!/usr/bin/env bash
# Generates everything anew and fails if any file changed, so that nobody edits a generated file or forgets to write it. Works in
# a tree with changes of its own, and without git.
set -euo pipefail
cd "$(dirname "$0")/.."

sums() {
	find . \( -path ./.git -o -path ./bin -o -path ./.tools -o -path ./.cache -o -path ./dist -o -name node_modules \) -prune \
		-o -type f -print0 | sort -z | xargs -0 sha256sum
}

before=$(sums)
go generate ./...
if ! changes=$(diff <(printf '%s\n' "$before") <(sums)); then
	echo "generated files were out of date (they are right now; commit them):" >&2
	printf '%s\n' "$changes" | awk '/^[<>]/ { print "  " $3 }' | sort -u >&2
	exit 1
fi
if ! go mod tidy -diff; then
	echo "go.mod or go.sum differ from what the code needs: run go mod tidy" >&2
	exit 1
fi
