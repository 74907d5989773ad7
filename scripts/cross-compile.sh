#!/usr/bin/env bash
# Compiles the programs for the platforms that they are promised for. The agent runs on machines of either processor and on
# Windows; the control plane runs on Linux, and its command line everywhere.
set -euo pipefail
cd "$(dirname "$0")/.."

build() {
	echo "    $1/$2 $3"
	CGO_ENABLED=0 GOOS=$1 GOARCH=$2 go build -o /dev/null "./cmd/$3"
}
build linux arm64 runs-fleet-agent
build windows amd64 runs-fleet-agent
build darwin arm64 runs-fleet
build windows amd64 runs-fleet
