#!/bin/bash
# Run by DietPi at the end of its own first boot: makes the user and hands over to the one first-boot unit.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: Automation_Custom_Script.sh [--root DIR]

Hands a DietPi system over to Bramble's first boot; run by DietPi itself.

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
readonly ROOT

card=/boot/firmware/bramble
[ -f "$ROOT$card/board.conf" ] || card=/boot/bramble
user=$(sed -n 's/^user=//p' "$ROOT$card/board.conf" | tr -d '\r' | head -n 1)

if ! getent passwd "$user" >/dev/null; then useradd -m -s /bin/bash -G sudo "$user"; fi
home=$(getent passwd "$user" | cut -d : -f 6)
if [ -f "$ROOT$card/authorized_keys" ]; then
  install -d -m 700 -o "$user" -g "$user" "$home/.ssh"
  install -m 600 -o "$user" -g "$user" "$ROOT$card/authorized_keys" "$home/.ssh/authorized_keys"
fi
printf '%s ALL=(ALL) NOPASSWD:ALL\n' "$user" >"$ROOT/etc/sudoers.d/010-bramble"
chmod 440 "$ROOT/etc/sudoers.d/010-bramble"

sed "s|/boot/firmware/bramble|$card|g; s|RequiresMountsFor=/boot/firmware|RequiresMountsFor=${card%/bramble}|" \
  "$ROOT$card/bramble-firstboot.service" >"$ROOT/etc/systemd/system/bramble-firstboot.service"
systemctl daemon-reload
systemctl enable bramble-firstboot.service
systemctl start --no-block bramble-firstboot.service
