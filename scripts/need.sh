#!/usr/bin/env bash
# Sees to it that this machine has the commands that a make target needs: need.sh COMMAND...
# Go has to be there already, in the version that go.mod asks for. Everything else is a Debian package, which root
# installs here and everybody else is told of.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=$(awk '$1 == "go" { print $2 }' go.mod)

need_go() {
	if ! command -v go >/dev/null; then
		echo "Go $wanted or newer is needed and not installed: see https://go.dev/doc/install" >&2
		exit 1
	fi
	local found
	# From 1.21 on, an older Go fetches the wanted toolchain by itself, unless GOTOOLCHAIN forbids it.
	if ! found=$(go env GOVERSION 2>&1) || [ "$(printf '%s\n' "go$wanted" "$found" | sort -V | head -n 1)" != "go$wanted" ]; then
		echo "Go $wanted or newer is needed, and this machine has: ${found:-nothing}" >&2
		echo "Install it as https://go.dev/doc/install says, or set GOTOOLCHAIN=auto." >&2
		exit 1
	fi
}

package_of() {
	case $1 in
	gcc) echo "gcc libc6-dev" ;; # the race detector links with C
	venv) echo "python3 python3-venv" ;;
	java) echo default-jre-headless ;;
	mvn) echo maven ;;
	*) echo "$1" ;;
	esac
}

# present says whether this machine has a command, under any name that serves.
present() {
	case $1 in
	chromium) command -v chromium || command -v chromium-browser || command -v google-chrome ;; # the tests take any of them
	venv) python3 -c 'import venv, ensurepip' 2>/dev/null ;; # Debian's python3 comes without
	*) command -v "$1" ;;
	esac >/dev/null
}

missing=()
for command in "$@"; do
	if [ "$command" = go ]; then
		need_go
	elif ! present "$command"; then
		read -ra packages <<<"$(package_of "$command")"
		missing+=("${packages[@]}")
	fi
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
	echo "==> installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends "${missing[@]}"
	exit 0
fi
echo "Something is missing on this machine. On Debian or Ubuntu: sudo apt-get install ${missing[*]}" >&2
exit 1
