#!/bin/bash
# Runs as a service in a booted Debian, with both packages in /packages. Each line `ok NAME` is a
# promise that held; `test_packages.py` compares the list. The first that does not hold ends it.
set -euo pipefail
exec >/result 2>&1
ended() {
  code=$?
  if [ $code -ne 0 ]; then journalctl --no-pager -n 80 -u 'zaigang*' || true; fi
  echo "ended with $code"
  systemctl poweroff --no-block
}
trap ended EXIT
data=/var/lib/zaigang-collector
promise() {
  echo "ok $*"
  echo "   ($SECONDS s)"
}
as() { runuser -u "$1" -- "${@:2}"; }
state() { systemctl show -P "$2" "zaigang-$1"; }
until_true() {  # until_true SECONDS COMMAND...
  for _ in $(seq "$(($1 * 5))"); do
    if "${@:2}"; then return 0; fi
    sleep 0.2
  done
  echo "not within $1 s: ${*:2}"
  return 1
}

dpkg -i /packages/*.deb
[ "$(state agent ActiveState) $(state agent UnitFileState)" = "inactive disabled" ]
[ "$(state collector ActiveState) $(state collector UnitFileState)" = "inactive disabled" ]
[ "$(stat -c '%U %a' /var/lib/zaigang $data | tr '\n' ' ')" = "zaigang 700 zaigang-collector 700 " ]
promise installed and nothing started

systemctl start --no-block zaigang-agent
until_true 20 bash -c '[ "$(systemctl show -P ExecMainStatus zaigang-agent)" = 4 ]'
sleep 6  # longer than RestartSec
[ "$(state agent NRestarts)" = 0 ]
systemctl reset-failed zaigang-agent
promise an agent without identity is not started again and again

as zaigang-collector zaigang-collector init --data $data --public-host 127.0.0.1
sed -i '/^seal_s/d' $data/collector.toml
echo 'seal_s = 2' >>$data/collector.toml
printf 'id,name,time_zone,latitude,longitude,datum,radius_m\nhq,HQ,UTC,31.2,121.5,WGS-84,150\n' >/tmp/sites.csv
printf 'id,name,time_zone,shift\nE1,Somebody,UTC,Mon-Sun 00:00-24:00\n' >/tmp/people.csv
for room in sites people; do
  as zaigang-collector zaigang-collector $room import /tmp/$room.csv --data $data
done
mkdir -p /run/systemd/system/zaigang-collector.service.d
printf '[Service]\nWatchdogSec=6\n' >/run/systemd/system/zaigang-collector.service.d/watchdog.conf
systemctl daemon-reload
systemctl start zaigang-collector  # Type=notify: returns when it says that it serves
[ "$(state collector ActiveState)" = active ]
pid=$(state collector MainPID)
[ -e "/proc/$pid/root/usr/bin/python3" ] && [ ! -e "/proc/$pid/root/packages" ]
promise the collector serves from a root of its own

as zaigang-collector zaigang-collector token enrol --employee E1 --data $data >/tmp/token
install -o zaigang -m 600 /tmp/token /tmp/agent.token
as zaigang zaigang-agent enrol https://127.0.0.1:8471 --token-file /tmp/agent.token
systemctl enable --now zaigang-agent
[ "$(state agent ActiveState)" = active ]
receipted() { [ "$(as zaigang zaigang-agent status --json | sed 's/.*"receipted": \([0-9]*\).*/\1/')" -ge 1 ]; }
until_true 90 receipted
promise what the agent signs gets its receipt

dpkg -i /packages/zaigang-agent_*.deb
[ "$(state agent ActiveState)" = active ]
[ "$(state agent MainPID)" != 0 ]
promise an upgrade goes on under the same identity

as zaigang-collector zaigang-collector token enrol --site hq --data $data >/tmp/token
install -o zaigang -m 600 /tmp/token /tmp/node.token
systemctl stop zaigang-agent
as zaigang zaigang-agent enrol --again https://127.0.0.1:8471 --token-file /tmp/node.token --kind node
systemctl start zaigang-node
[ "$(state node ActiveState)" = active ]
until_true 90 receipted
promise a node runs under its own unit

# Two periods of the watchdog, however fast the machine came here.
began=$(date -d "$(state collector ActiveEnterTimestamp)" +%s)
until_true 20 bash -c "[ \$((\$(date +%s) - $began)) -ge 12 ]"
[ "$(state collector NRestarts) $(state collector ActiveState)" = "0 active" ]
promise the watchdog of six seconds was fed throughout

kill -STOP "$pid"
until_true 40 bash -c '[ "$(systemctl show -P NRestarts zaigang-collector)" = 1 ]'
until_true 40 bash -c '[ "$(systemctl is-active zaigang-collector)" = active ]'
promise a collector that hangs is started anew

dpkg --remove zaigang-agent
[ "$(systemctl is-active zaigang-node || true)" != active ]
[ ! -e /opt/zaigang/lib/agent ] && [ -e /var/lib/zaigang/identity.json ] && [ -e /etc/zaigang/agent.toml ]
promise removing leaves the identity
dpkg --purge zaigang-agent
[ ! -e /var/lib/zaigang ] && [ ! -e /etc/zaigang/agent.toml ]
promise purging does not
dpkg --purge zaigang-collector
[ ! -e /opt/zaigang/lib ] && [ -e $data/ca.key ] && [ -e $data/zaigang.db ]
promise no purge deletes evidence
