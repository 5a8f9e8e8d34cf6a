#!/bin/sh
# Puts what `zaigang-collector nodes image` wrote on the boot partition into its place. As root, at the
# first boot, without network. It may be cut off anywhere and simply runs again: what is done is done
# once more in the same way, and the token leaves the boot partition only when it is safe elsewhere.
# With --start (cloud-init, where the boot goes on) it starts enrolment as well.
set -eu
umask 022

root=${ZAIGANG_ROOT:-} # a folder in the place of /, for tests
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
state=$root/var/lib/zaigang-provision

# put SOURCE TARGET MODE: whole or not at all.
put() {
  mkdir -p "$(dirname -- "$2")"
  cp -- "$here/$1" "$2.new"
  chmod "$3" "$2.new"
  mv -- "$2.new" "$2"
}

# The boot partition can be read by every user, and by whoever finds the card.
forget_secrets() {
  rm -f -- "$here/token" "$here/wifi.nmconnection"
  sync
}

instance='' package_sha256='' hostname='' timezone=''
# shellcheck source=/dev/null
. "$here/node.conf" # sets these
if [ "$(cat "$state/installed" 2>/dev/null)" = "$instance" ]; then
  forget_secrets
  exit 0
fi
if ! printf '%s  %s\n' "$package_sha256" "$here/zaigang-agent.deb" | sha256sum --check --status; then
  echo "the agent package on the boot partition is damaged: write the card again" >"$here/status.txt"
  sync
  exit 1
fi

mkdir -p "$state"
chmod 0700 "$state"
put node.conf "$state/node.conf" 0600
put zaigang-agent.deb "$state/zaigang-agent.deb" 0644
if [ -e "$here/token" ]; then put token "$state/token" 0600; fi
put agent.toml "$root/etc/zaigang/agent.toml" 0644

put 60-zaigang-i2c.rules "$root/etc/udev/rules.d/60-zaigang-i2c.rules" 0644
put modules-load.conf "$root/etc/modules-load.d/zaigang.conf" 0644
put sysctl.conf "$root/etc/sysctl.d/60-zaigang.conf" 0644
put journald.conf "$root/etc/systemd/journald.conf.d/60-zaigang.conf" 0644
put system.conf "$root/etc/systemd/system.conf.d/90-zaigang.conf" 0644
put timesyncd.conf "$root/etc/systemd/timesyncd.conf.d/60-zaigang.conf" 0644

printf '%s\n' "$hostname" >"$root/etc/hostname"
if grep -q '^127\.0\.1\.1' "$root/etc/hosts" 2>/dev/null; then
  sed -i "s/^127\.0\.1\.1.*/127.0.1.1 $hostname/" "$root/etc/hosts"
else
  printf '127.0.1.1 %s\n' "$hostname" >>"$root/etc/hosts"
fi
ln -sf "/usr/share/zoneinfo/$timezone" "$root/etc/localtime"
printf '%s\n' "$timezone" >"$root/etc/timezone"

if [ -e "$here/wifi.nmconnection" ]; then
  put wifi.nmconnection "$root/etc/NetworkManager/system-connections/zaigang.nmconnection" 0600
fi
for switch in "$root"/var/lib/systemd/rfkill/*:wlan; do
  if [ -e "$switch" ]; then echo 0 >"$switch"; fi
done

if [ -e "$here/authorized_keys" ]; then
  id zaigang-admin >/dev/null 2>&1 ||
    useradd --create-home --shell /bin/bash --groups sudo zaigang-admin
  put authorized_keys "$root/home/zaigang-admin/.ssh/authorized_keys" 0600
  chmod 0700 "$root/home/zaigang-admin/.ssh"
  chown -R zaigang-admin:zaigang-admin "$root/home/zaigang-admin/.ssh"
  mkdir -p "$root/etc/sudoers.d" "$root/etc/ssh/sshd_config.d"
  printf 'zaigang-admin ALL=(ALL) NOPASSWD: ALL\n' >"$root/etc/sudoers.d/zaigang-admin"
  chmod 0440 "$root/etc/sudoers.d/zaigang-admin"
  printf 'PasswordAuthentication no\n' >"$root/etc/ssh/sshd_config.d/zaigang.conf"
  systemctl enable ssh.service
fi
# A node has no screen: nobody answers the wizard for a first user. A swap file wears the card.
systemctl disable userconfig.service 2>/dev/null || :
systemctl disable dphys-swapfile.service 2>/dev/null || :

put provision.sh "$root/usr/local/lib/zaigang/provision.sh" 0755
put zaigang-provision.service "$root/etc/systemd/system/zaigang-provision.service" 0644
systemctl enable zaigang-provision.service

sync
printf '%s\n' "$instance" >"$state/installed.new"
mv -- "$state/installed.new" "$state/installed"
sync
forget_secrets

if [ "${1:-}" = --start ]; then
  modprobe i2c-dev || :
  systemctl daemon-reload
  systemctl --no-block start zaigang-provision.service
fi
