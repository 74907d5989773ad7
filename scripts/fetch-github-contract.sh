#!/usr/bin/env bash
# Fetches GitHub's own description of its REST API and webhooks, and its example payloads, to .cache/github-contract.
# Tests hold the simulator and the client to them. It does nothing when this version is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

openapi=23.0.2
examples=7.6.1
folder=.cache/github-contract
version="openapi $openapi examples $examples"

if [ "$(cat "$folder/version" 2>/dev/null)" = "$version" ]; then
	exit 0
fi
scripts/need.sh npm
mkdir -p .cache
work=$(mktemp -d .cache/github-contract.XXXXXX)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "@octokit/openapi@$openapi" "@octokit/webhooks-examples@$examples" >/dev/null)
mkdir "$work/openapi" "$work/examples" "$work/done"
tar -xzf "$work/octokit-openapi-$openapi.tgz" -C "$work/openapi" package/generated/api.github.com.json
tar -xzf "$work/octokit-webhooks-examples-$examples.tgz" -C "$work/examples"
mv "$work/openapi/package/generated/api.github.com.json" "$work/done/api.github.com.json"
mv "$work/examples/package" "$work/done/webhooks-examples"
echo "$version" >"$work/done/version"
rm -rf "$folder"
mv "$work/done" "$folder"
echo "GitHub's contract: $version"
