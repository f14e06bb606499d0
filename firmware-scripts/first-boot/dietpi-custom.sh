#!/bin/bash
# Run by DietPi at the end of its own first boot: makes the user and hands over to the one first-boot unit.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: Automation_Custom_Script.sh

Hands a DietPi system over to Bramble's first boot; run by DietPi itself.
TEXT
}

case ${1-} in
  '') ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 64 ;;
esac

card=/boot/firmware/bramble
[ -f "$card/board.conf" ] || card=/boot/bramble
user=$(sed -n 's/^user=//p' "$card/board.conf" | tr -d '\r' | head -n 1)

if ! getent passwd "$user" >/dev/null; then useradd -m -s /bin/bash -G sudo "$user"; fi
if [ -f "$card/authorized_keys" ]; then
  install -d -m 700 -o "$user" -g "$user" "/home/$user/.ssh"
  install -m 600 -o "$user" -g "$user" "$card/authorized_keys" "/home/$user/.ssh/authorized_keys"
fi
printf '%s ALL=(ALL) NOPASSWD:ALL\n' "$user" >/etc/sudoers.d/010-bramble
chmod 440 /etc/sudoers.d/010-bramble

sed "s|/boot/firmware/bramble|$card|g; s|RequiresMountsFor=/boot/firmware|RequiresMountsFor=${card%/bramble}|" \
  "$card/bramble-firstboot.service" >/etc/systemd/system/bramble-firstboot.service
systemctl daemon-reload
systemctl enable bramble-firstboot.service
systemctl start --no-block bramble-firstboot.service
