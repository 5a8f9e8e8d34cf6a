#!/bin/sh
# Bookworm: the kernel's command line names this file, systemd runs it once and starts again. The
# command line is put back only when all is in its place, so a power cut in the middle costs a restart.
set -eu

boot=${ZAIGANG_ROOT:-}/boot/firmware # a folder in the place of /, for tests
sh "$boot/zaigang/install.sh"
sed -e 's/ *systemd\.run[^ ]*//g' -e 's/ *systemd\.unit=kernel-command-line\.target//g' \
  "$boot/cmdline.txt" >"$boot/cmdline.new"
sync
mv -- "$boot/cmdline.new" "$boot/cmdline.txt"
sync
rm -f -- "$boot/firstrun.sh"
sync
