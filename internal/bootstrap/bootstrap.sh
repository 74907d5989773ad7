
# Everything below is the same for every machine of a launch, and can be read by its jobs: it holds no secret.
# RUNS_FLEET_ROOT is empty but in tests.
root="${RUNS_FLEET_ROOT:-}"
folder="$root/opt/runs-fleet"
unit="$root/etc/systemd/system/runs-fleet-agent.service"
log="$root/var/log/runs-fleet-bootstrap.log"

# Each step has its time, in the log and on the console, which EC2 keeps when the machine is gone.
say() {
  local line
  line="runs-fleet bootstrap $(date --utc +%Y-%m-%dT%H:%M:%S.%3NZ) $*"
  printf '%s\n' "$line" >>"$log"
  printf '%s\n' "$line" >"${RUNS_FLEET_CONSOLE:-/dev/console}" 2>/dev/null || true
}

# A machine that cannot boot costs money and serves nobody: it powers off, and the control plane launches another.
give_up() {
  say "failed: $*"
  systemctl poweroff
  exit 1
}
trap 'give_up "line $LINENO: $BASH_COMMAND"' ERR

mkdir -p "${log%/*}" "${unit%/*}"
say "begins"

# The same holds for one that hangs. The agent's own timer takes its place once it runs.
systemd-run --unit=runs-fleet-boot --on-active="$boot_seconds" --timer-property=AccuracySec=1s systemctl poweroff

case "$(uname -m)" in
  x86_64) digest="$agent_amd64" ;;
  aarch64) digest="$agent_arm64" ;;
  *) give_up "no agent for the architecture $(uname -m)" ;;
esac
if [ -z "$digest" ]; then
  give_up "the control plane has no agent for the architecture $(uname -m)"
fi

install -d -m 0700 "$folder"
fetched="$folder/runs-fleet-agent.new"
curl --fail --silent --show-error --location --proto '=https,http' --connect-timeout 5 --max-time 60 \
  --retry 8 --retry-delay 1 --retry-max-time 180 --retry-all-errors \
  --output "$fetched" "$control_plane/agent/v1/programs/$digest" 2>>"$log"
say "fetched the agent"
if ! printf '%s  %s\n' "$digest" "$fetched" | sha256sum --check --status; then
  give_up "the agent that $control_plane sent is not the one with the digest $digest"
fi
chmod 0700 "$fetched"
mv "$fetched" "$folder/runs-fleet-agent"
say "checked the agent"

# The unit is enabled, since cloud-init runs this script at the first boot only, and a machine of a pool boots more often.
cat >"$unit" <<UNIT
[Unit]
Description=runs-fleet agent
Wants=network-online.target
After=network-online.target

[Service]
Environment=RUNS_FLEET_CONTROL_PLANE=$control_plane
Environment=RUNS_FLEET_FLEET=$fleet
ExecStart=/opt/runs-fleet/runs-fleet-agent ec2
Restart=on-failure
RestartSec=2
KillMode=control-group
TasksMax=infinity

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now runs-fleet-agent.service
systemctl stop runs-fleet-boot.timer
say "the agent is started"
