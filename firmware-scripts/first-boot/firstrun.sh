#!/bin/bash
# Run once by systemd before anything else, on Raspberry Pi OS without cloud-init: makes the user, the network's settings and
# the first-boot unit out of the files in bramble/, takes itself out of the kernel's command line, and lets the board restart.
# There is no network yet and nothing can be installed: it only writes files. Safe to run again after a power cut.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: firstrun.sh [--root DIR]

Sets up Raspberry Pi OS before its first real start; run by systemd.run= in cmdline.txt.

  --root DIR   work below this folder instead of / (for tests)
TEXT
}

ROOT=''
case ${1-} in
  '') ;;
  --root) ROOT=${2:?'--root takes a folder'} ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 64 ;;
esac

BOOT=$ROOT/boot/firmware
[ -f "$BOOT/bramble/board.conf" ] || BOOT=$ROOT/boot
readonly BOOT CARD=$BOOT/bramble ATTEMPTS_LIMIT=5

setting() { sed -n "s/^$1=//p" "$CARD/board.conf" | tr -d '\r' | head -n 1; }

# Whatever goes wrong, the board must come up in the end: then a person can log in and look.
leave_cmdline() {
  sed -i 's| systemd\.run[^ ]*||g; s| systemd\.unit=kernel-command-line\.target||g' "$BOOT/cmdline.txt"
  sync
}

count_attempt() {
  local attempt
  attempt=$(($(cat "$CARD/attempts" 2>/dev/null || printf 0) + 1))
  printf '%s\n' "$attempt" >"$CARD/attempts"
  sync
  if [ "$attempt" -gt "$ATTEMPTS_LIMIT" ]; then
    printf 'Bramble: the first start failed %s times; the board starts without its settings.\n' "$ATTEMPTS_LIMIT" >"$CARD/status.txt"
    leave_cmdline
    exit 0
  fi
}

set_hostname() {
  local name
  name=$(setting hostname)
  printf '%s\n' "$name" >"$ROOT/etc/hostname"
  if grep -q '^127\.0\.1\.1' "$ROOT/etc/hosts" 2>/dev/null; then
    sed -i "s/^127\.0\.1\.1.*/127.0.1.1\t$name/" "$ROOT/etc/hosts"
  else
    printf '127.0.1.1\t%s\n' "$name" >>"$ROOT/etc/hosts"
  fi
}

# The image's first user (1000) is renamed, so that it keeps its groups: gpio, i2c, video and others.
make_user() {
  local user first home
  user=$(setting user)
  first=$(getent passwd 1000 | cut -d : -f 1 || true)
  if [ -z "$first" ]; then
    useradd -m -u 1000 -s /bin/bash -G sudo "$user"
  elif [ "$first" != "$user" ]; then
    usermod -l "$user" -d "/home/$user" -m "$first"
    groupmod -n "$user" "$first"
  fi
  home=$(getent passwd "$user" | cut -d : -f 6)
  if [ -f "$CARD/authorized_keys" ]; then
    install -d -m 700 -o "$user" -g "$user" "$home/.ssh"
    install -m 600 -o "$user" -g "$user" "$CARD/authorized_keys" "$home/.ssh/authorized_keys"
    systemctl enable ssh
    install -d "$ROOT/etc/ssh/sshd_config.d"
    printf 'PasswordAuthentication no\n' >"$ROOT/etc/ssh/sshd_config.d/50-bramble.conf"
  fi
  printf '%s ALL=(ALL) NOPASSWD:ALL\n' "$user" >"$ROOT/etc/sudoers.d/010-bramble"
  chmod 440 "$ROOT/etc/sudoers.d/010-bramble"
  # The question for a first user would wait on a screen that nobody has.
  systemctl disable userconfig 2>/dev/null || true
}

set_network() {
  local name target=$ROOT/etc/NetworkManager/system-connections state
  install -d -m 700 "$target"
  for name in wired wifi; do
    [ ! -f "$CARD/$name.nmconnection" ] || install -m 600 "$CARD/$name.nmconnection" "$target/bramble-$name.nmconnection"
  done
  if [ -n "$(setting wifi_country)" ]; then
    # Images ship with the radio blocked until a country is known.
    for state in "$ROOT"/var/lib/systemd/rfkill/*:wlan; do
      [ ! -e "$state" ] || printf '0\n' >"$state"
    done
    install -d "$ROOT/var/lib/NetworkManager"
    printf '[main]\nNetworkingEnabled=true\nWirelessEnabled=true\nWWANEnabled=true\n' >"$ROOT/var/lib/NetworkManager/NetworkManager.state"
  fi
}

set_timezone() {
  local zone
  zone=$(setting timezone)
  [ -f "$ROOT/usr/share/zoneinfo/$zone" ] || return 0
  ln -sfn "/usr/share/zoneinfo/$zone" "$ROOT/etc/localtime"
  printf '%s\n' "$zone" >"$ROOT/etc/timezone"
}

enable_firstboot() {
  install -m 644 "$CARD/bramble-firstboot.service" "$ROOT/etc/systemd/system/bramble-firstboot.service"
  install -d "$ROOT/etc/systemd/system/multi-user.target.wants"
  ln -sfn ../bramble-firstboot.service "$ROOT/etc/systemd/system/multi-user.target.wants/bramble-firstboot.service"
}

count_attempt
set_hostname
make_user
set_network
set_timezone
enable_firstboot
sync
leave_cmdline
rm -f "$BOOT/firstrun.sh" "$CARD/attempts"
sync
