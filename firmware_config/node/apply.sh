#!/bin/sh
# sh apply.sh BOOT: adds these files to the boot partition of a card that was just written, mounted at
# BOOT (Linux: /media/you/bootfs, macOS: /Volumes/bootfs). What is there stays: config.txt and
# cmdline.txt get our lines added, other files that have to give way are kept as NAME.before-zaigang.
# Again with another folder: its lines take the place of the earlier ones.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
boot=${1:-}
if [ ! -f "$boot/config.txt" ] || [ ! -f "$boot/cmdline.txt" ]; then
  echo "usage: sh apply.sh BOOT, where BOOT holds config.txt and cmdline.txt: ${boot:-nothing} does not" >&2
  exit 2
fi

awk '{ sub(/\r$/, "") } /^# zaigang begin$/ { ours = 1 } !ours { print } /^# zaigang end$/ { ours = 0 }' \
  "$boot/config.txt" >"$boot/config.new"
cat "$here/config.add" >>"$boot/config.new"
mv -- "$boot/config.new" "$boot/config.txt"

awk -v add="$(cat "$here/cmdline.add")" 'NR == 1 {
  sub(/\r$/, "")
  for (i = 1; i <= NF; i++)
    if ($i !~ /^(ds=nocloud|cfg80211\.ieee80211_regdom=|systemd\.run|systemd\.unit=kernel-command-line\.target)/)
      line = line $i " "
  print line add
}' "$boot/cmdline.txt" >"$boot/cmdline.new"
mv -- "$boot/cmdline.new" "$boot/cmdline.txt"

for name in firstrun.sh user-data network-config meta-data; do
  if [ -e "$boot/zaigang" ]; then
    rm -f -- "$boot/$name" # ours, of an earlier folder
  elif [ -e "$here/$name" ] && [ -e "$boot/$name" ] && [ ! -e "$boot/$name.before-zaigang" ]; then
    mv -- "$boot/$name" "$boot/$name.before-zaigang"
  fi
  if [ -e "$here/$name" ]; then cp -- "$here/$name" "$boot/$name"; fi
done
rm -rf -- "$boot/zaigang"
cp -R -- "$here/zaigang" "$boot/zaigang"
sync
echo "done: unmount the card, put it into the node, plug it in"
