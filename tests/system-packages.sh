#!/usr/bin/env bash
# Installs what the tests need from the system: an MQTT broker, PostgreSQL's programs, systemd-analyze,
# openssl, unzip, an X server without a screen, a D-Bus daemon; what reads the files of a node's card:
# shellcheck, cloud-init, netplan; fonts with Chinese signs, which papers embed; for the Debian packages mmdebstrap and systemd-nspawn, where there
# is apt.
# Instant when all is there. Without the right to install it says what to install, and fails.
set -euo pipefail

missing=()
[ -x /usr/sbin/mosquitto ] || command -v mosquitto >/dev/null || missing+=(mosquitto)
command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null \
  || missing+=(postgresql)
command -v systemd-analyze >/dev/null || missing+=(systemd)
command -v openssl >/dev/null || missing+=(openssl)
command -v unzip >/dev/null || missing+=(unzip)  # docs/verify-by-hand.md is followed literally
command -v Xvfb >/dev/null || missing+=(xvfb)
command -v dbus-daemon >/dev/null || missing+=(dbus)  # the mock of bluetoothd has a bus of its own
command -v shellcheck >/dev/null || missing+=(shellcheck)
command -v cloud-init >/dev/null || missing+=(cloud-init)
[ -x /usr/sbin/netplan ] || command -v netplan >/dev/null || missing+=(netplan.io)
compgen -G '/usr/share/fonts/*/*/NotoSansCJK*' >/dev/null || missing+=(fonts-noto-cjk)
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then  # others skip what needs them
  command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
  command -v systemd-nspawn >/dev/null || missing+=(systemd-container)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
  echo "The tests need ${missing[*]} from the system (on Debian or Ubuntu:" \
    "sudo apt install ${missing[*]}); install that and run this again." >&2
  exit 1
fi
echo "installing ${missing[*]} with apt (once)"

# The tests start brokers and databases of their own, on free ports. Debian would start its own at
# once and at each boot: forbid the first while installing, disable the second afterwards. Services of
# packages that were here before are none of our business.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
# Only its schema is wanted: nothing may set this machine up anew at its next boot.
case " ${missing[*]} " in *" cloud-init "*)
  "${as_root[@]}" mkdir -p /etc/cloud
  "${as_root[@]}" touch /etc/cloud/cloud-init.disabled ;;
esac
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update -q \
  && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "apt could not install ${missing[*]}: see above; the whole log is $log" >&2
  exit 1
fi
rm -f "$log"
for package in mosquitto postgresql; do
  case " ${missing[*]} " in *" $package "*)
    "${as_root[@]}" systemctl disable --quiet "$package" >/dev/null 2>&1 || true ;;  # no systemd, no service
  esac
done
