#!/bin/sh
# Makes this machine a node of its collector: installs the agent, enrols, starts it. As root, by
# zaigang-provision.service, which tries again every minute until it has worked, for days if the
# network takes days. What it waits for is in zaigang/status.txt on the boot partition: any computer
# reads it from the card.
set -eu
umask 022

root=${ZAIGANG_ROOT:-} # a folder in the place of /, for tests
state=$root/var/lib/zaigang-provision
boot=$root/boot/firmware/zaigang
identity=$root/var/lib/zaigang/identity.json
led=$root/sys/class/leds/ACT/trigger
export DEBIAN_FRONTEND=noninteractive

# The card is written only when the sentence is another one.
say() {
  printf '%s\n' "$1"
  if [ "$(cat "$boot/status.txt" 2>/dev/null)" = "$1" ]; then return; fi
  printf '%s\n' "$1" 2>/dev/null >"$boot/status.txt" || :
  sync
}

fail() {
  say "$1"
  exit 1
}

# The green lamp: timer blinks evenly, heartbeat twice and a pause.
lamp() {
  printf '%s\n' "$1" 2>/dev/null >"$led" || :
}

hostname='' url=''
# shellcheck source=/dev/null
. "$state/node.conf" # sets these
lamp timer

if [ ! -e "$state/package-installed" ]; then
  dpkg --configure -a || : # what a power cut left half done
  said=$(apt-get install --yes --no-install-recommends -o Dpkg::Options::=--force-confold \
    "$state/zaigang-agent.deb" 2>&1) ||
    fail "the agent is not installed yet: $(printf '%s\n' "$said" | tail -n 1)"
  sync
  : >"$state/package-installed"
fi

if [ ! -e "$identity" ]; then
  [ -e "$state/token" ] ||
    fail "there is no token and no identity: make a new image with zaigang-collector nodes image"
  agent=$(command -v zaigang-agent || echo /opt/zaigang/bin/zaigang-agent)
  install -d -o zaigang -g zaigang -m 0700 "$root/var/lib/zaigang"
  # By the environment: command lines can be read by everybody.
  said=$(ZAIGANG_TOKEN=$(cat "$state/token") runuser -u zaigang -- "$agent" enrol \
    --state-dir "$root/var/lib/zaigang" --kind node --name "$hostname" "$url" 2>&1) ||
    fail "not enrolled yet: $(printf '%s\n' "$said" | tail -n 1)"
fi

# From here on the token is worth nothing, and the package is installed.
rm -f -- "$state/token" "$state/zaigang-agent.deb"
sync
# The package may have started the agent of a laptop.
systemctl disable --now zaigang-agent.service 2>/dev/null || :
systemctl enable --now zaigang-node.service
lamp heartbeat
say "enrolled as node $hostname"
systemctl disable zaigang-provision.service
