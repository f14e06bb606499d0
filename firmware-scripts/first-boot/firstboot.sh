#!/bin/bash
# The first boot of a board, after the seed of its system has made it a machine with a name and a network: sets it up for
# Bramble, joins it to the cluster, and writes to the boot partition how that went. Each step is marked when it is done:
# after a power cut at any point the next run goes on where this one stopped. Steps may therefore run twice, never half.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: firstboot.sh [--root DIR] [--only STEP]

Sets up a flashed board for Bramble; run by bramble-firstboot.service.
Exit codes: 0 done, 1 try again, 75 the board restarts, 78 a person must act (see status.txt on the boot partition).

  --root DIR   work below this folder instead of / (for tests)
  --only STEP  run one step only
TEXT
}

ROOT=''
ONLY=''
while [ $# -gt 0 ]; do
  case $1 in
    --root) ROOT=${2:?'--root takes a folder'}; shift 2 ;;
    --only) ONLY=${2:?'--only takes a step'}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 64 ;;
  esac
done

readonly TRY_AGAIN=1 RESTARTS=75 NEEDS_PERSON=78
readonly STATE=$ROOT/var/lib/bramble/firstboot
readonly OPT=$ROOT/opt/bramble
readonly ETC=$ROOT/etc

# How long the network may take before a person is told, and how often it is looked at; seconds.
readonly NETWORK_PATIENCE=${BRAMBLE_NETWORK_PATIENCE:-120}
readonly JOIN_PATIENCE=${BRAMBLE_JOIN_PATIENCE:-300}
# What an installation needs: the programs twice (updates), Docker, an image or two.
readonly NEEDED_MB=${BRAMBLE_NEEDED_MB:-700}

find_boot() {
  local dir
  for dir in "$ROOT/boot/firmware" "$ROOT/boot"; do
    if [ -f "$dir/bramble/board.conf" ]; then
      printf '%s' "$dir"
      return
    fi
  done
}
BOOT=$(find_boot)
if [ -z "$BOOT" ]; then
  printf 'bramble: no boot partition with bramble/board.conf is mounted\n' >&2
  exit "$TRY_AGAIN"
fi
readonly BOOT CARD=$BOOT/bramble

log() { printf 'bramble: %s\n' "$1" >&2; }

setting() { sed -n "s/^$1=//p" "$CARD/board.conf" | tr -d '\r' | head -n 1; }

# A file appears whole or not at all; one that says the same already is not written: cards wear out.
put() {
  local path=$1 mode=${2:-644} text
  text=$(cat; printf x)
  text=${text%x}
  if [ -f "$path" ] && [ "$(cat "$path"; printf x)" = "${text}x" ]; then return; fi
  mkdir -p "$(dirname "$path")"
  (umask 077 && printf '%s' "$text" >"$path.new")
  chmod "$mode" "$path.new" 2>/dev/null || true
  sync "$path.new"
  mv -f "$path.new" "$path"
  sync "$(dirname "$path")"
}

# For a person who puts the card into a PC: what happened, and what to do.
report() {
  local result=$1 sentence=$2
  put "$CARD/status.txt" <<TEXT
Bramble on $(setting hostname): $result
$sentence
TEXT
}

led() {
  local led
  for led in "$ROOT"/sys/class/leds/ACT "$ROOT"/sys/class/leds/led0; do
    [ -w "$led/trigger" ] || continue
    printf '%s' "$1" >"$led/trigger" 2>/dev/null || true
    [ -z "${2-}" ] || { printf '%s' "$2" >"$led/delay_on"; printf '%s' "$2" >"$led/delay_off"; } 2>/dev/null || true
    return 0
  done
}

# Trying again may help: systemd starts this script again.
later() {
  log "$1"
  report 'not ready yet, it tries again by itself' "$1"
  led timer 500
  exit "$TRY_AGAIN"
}

# Trying again cannot help.
give_up() {
  log "$1"
  report 'it needs you' "$1"
  led timer 100
  exit "$NEEDS_PERSON"
}

is_done() { [ -e "$STATE/$1" ]; }

mark_done() {
  mkdir -p "$STATE"
  : >"$STATE/$1"
  sync "$STATE"
}

# --- steps, in their order ---

step_platform() {
  local bits
  bits=$(getconf LONG_BIT)
  if [ "$bits" != 64 ]; then
    give_up "This board runs a 32-bit system ($(uname -m)), and Bramble needs 64 bits. A Pi 3, 4, 5 or Zero 2 W can: flash the 64-bit image. Older boards cannot."
  fi
}

# A board without a battery thinks it is the day its system was built, and takes every certificate for one of the future.
# Runs at each start: it is not a step that stays done.
set_clock() {
  local flashed now
  flashed=$(tr -cd 0-9 <"$CARD/flashed-at" 2>/dev/null || true)
  now=$(date +%s)
  if [ -n "$flashed" ] && [ "$now" -lt "$flashed" ]; then
    mark_done clock-was-wrong
    date -u -s "@$flashed" >/dev/null || log 'the clock cannot be set'
  fi
}

step_hostname() {
  local name
  name=$(setting hostname)
  [ -z "$name" ] || [ "$(cat "$ETC/hostname" 2>/dev/null || true)" = "$name" ] || {
    printf '%s\n' "$name" | put "$ETC/hostname"
    hostname "$name" || true
  }
}

memory_cgroup_is_on() {
  grep -qw memory "$ROOT/sys/fs/cgroup/cgroup.controllers" 2>/dev/null || [ -d "$ROOT/sys/fs/cgroup/memory" ]
}

# Kernels for Raspberry Pis come with it switched off. One restart at most: some kernels have no such switch.
step_cgroups() {
  if memory_cgroup_is_on; then return; fi
  local file=$BOOT/cmdline.txt line
  if [ ! -f "$file" ] || is_done cgroups-restart; then
    log 'the memory cgroup stays off: pods run without memory limits'
    return
  fi
  line=$(head -n 1 "$file" | tr -d '\r')
  case " $line " in
    *' cgroup_enable=memory '*) ;;
    *) printf '%s cgroup_enable=memory\n' "$line" | put "$file" ;;
  esac
  mark_done cgroups-restart
  log 'restarting with the memory cgroup on'
  systemctl reboot
  exit "$RESTARTS"
}

# Spares the card: logs in memory, swap in compressed memory, no access times, few commits.
step_tune() {
  put "$ETC/systemd/journald.conf.d/40-bramble.conf" <<'TEXT'
[Journal]
Storage=volatile
RuntimeMaxUse=32M
TEXT
  # More than 15 s is refused by older kernels, and then there is no watchdog at all.
  put "$ETC/systemd/system.conf.d/50-bramble.conf" <<'TEXT'
[Manager]
RuntimeWatchdogSec=14
RebootWatchdogSec=2min
TEXT
  if [ -f "$ETC/docker/daemon.json" ] && ! is_done docker-settings; then
    log "$ETC/docker/daemon.json is the user's: limits of container logs are not set"
  else
    # Marked first: after a power cut in between the file that is there is known to be ours.
    mark_done docker-settings
    put "$ETC/docker/daemon.json" <<'TEXT'
{
  "log-driver": "json-file",
  "log-opts": { "max-size": "5m", "max-file": "2" },
  "live-restore": true
}
TEXT
  fi
  tune_swap
  tune_mounts
  tune_wifi
  timedatectl set-ntp true 2>/dev/null || true
}

tune_swap() {
  if [ -d "$ETC/rpi" ]; then
    put "$ETC/rpi/swap.conf.d/50-bramble.conf" <<'TEXT'
[Main]
Mechanism=zram
TEXT
  elif [ -e "$ETC/dphys-swapfile" ]; then
    systemctl disable --now dphys-swapfile 2>/dev/null || true
    rm -f "$ROOT/var/swap"
  fi
  put "$ETC/modules-load.d/bramble-zram.conf" <<'TEXT'
zram
TEXT
  put "$ETC/udev/rules.d/60-bramble-zram.rules" <<'TEXT'
# Half of the memory, compressed, before any swap on the card.
ACTION=="add", KERNEL=="zram0", ATTR{initstate}=="0", PROGRAM="/bin/sh -c 'awk \"/^MemTotal/ { print int(\$2 / 2) \\\"K\\\" }\" /proc/meminfo'", ATTR{disksize}="%c", RUN+="/sbin/mkswap /dev/zram0", RUN+="/sbin/swapon -p 100 /dev/zram0"
TEXT
  [ ! -d "$ETC/rpi" ] || rm -f "$ETC/modules-load.d/bramble-zram.conf" "$ETC/udev/rules.d/60-bramble-zram.rules"
}

# The root file system's line gets noatime and commit=60; everything else in the table stays letter by letter.
tune_mounts() {
  [ -f "$ETC/fstab" ] || return 0
  awk '
    $1 !~ /^#/ && $2 == "/" && $3 == "ext4" {
      options = $4
      if (options !~ /(^|,)noatime(,|$)/) options = options ",noatime"
      if (options !~ /(^|,)commit=/) options = options ",commit=60"
      if (options != $4) { $4 = options }
    }
    { print }' "$ETC/fstab" | put "$ETC/fstab"
}

tune_wifi() {
  [ -d "$ETC/NetworkManager" ] || return 0
  put "$ETC/NetworkManager/conf.d/50-bramble.conf" <<'TEXT'
[connection]
wifi.powersave=2
TEXT
}

has_route() { [ -n "$(ip route show default 2>/dev/null)" ]; }

wait_for_network() {
  local waited=0 pause=1 ssid
  until has_route; do
    if [ "$waited" -ge "$NETWORK_PATIENCE" ]; then
      ssid=$(setting wifi_ssid)
      if [ -n "$ssid" ]; then
        later "No network after $waited s. Is the Wi-Fi network '$ssid' in reach (2.4 GHz for older boards) and its password right? Flash the card again to change them."
      fi
      later "No network after $waited s. Is the cable in, and does the router give out addresses?"
    fi
    sleep "$pause"
    waited=$((waited + pause))
    pause=$((pause < 15 ? pause * 2 : 15))
  done
}

check_room() {
  local free
  free=$(df -Pm "$ROOT/var" | awk 'NR == 2 { print $4 }')
  if [ "$free" -lt "$NEEDED_MB" ]; then
    give_up "The card is full: $free MB are free and $NEEDED_MB MB are needed. Use a larger card, or remove what fills it."
  fi
}

# Where the kernel has AppArmor switched on, Docker starts no container without the program that loads its profile; Debian's
# package of Docker only recommends that.
docker_is_whole() {
  command -v dockerd >/dev/null && command -v nft >/dev/null || return 1
  [ "$(cat "$ROOT/sys/module/apparmor/parameters/enabled" 2>/dev/null)" != Y ] || command -v apparmor_parser >/dev/null
}

step_docker() {
  if docker_is_whole; then return; fi
  check_room
  local debs=("$CARD"/debs/*.deb)
  if [ -e "${debs[0]}" ]; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${debs[@]}" >&2 ||
      later 'The packages on the card cannot be installed; see: journalctl -u bramble-firstboot'
    return
  fi
  wait_for_network
  apt-get -q -o Acquire::Check-Date=false update >&2 || later "The system's package sources cannot be reached."
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends docker.io nftables conntrack apparmor \
    iputils-arping >&2 ||
    later 'Docker cannot be installed from the package sources; see: journalctl -u bramble-firstboot'
}

step_bramble() {
  local bundle=$CARD/bundle.tar.gz
  if [ -f "$bundle" ]; then
    check_room
    check_hash "$bundle" "$CARD/bundle.sha256"
    install_bundle "$bundle"
    return
  fi
  if [ -x "$OPT/current/bin/bramble" ]; then return; fi
  wait_for_network
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q bramble >&2 ||
    give_up 'There is no Bramble on this card and none in the package sources. Flash it again with --bundle FILE.'
}

check_hash() {
  local file=$1 expected actual
  expected=$(tr -cd 0-9a-f <"$2" 2>/dev/null | head -c 64)
  actual=$(sha256sum "$file" | cut -c 1-64)
  [ "$expected" = "$actual" ] || give_up 'The bundle on the card is damaged: flash the card again, or try another card.'
}

# Unpacked beside, then renamed: the link leads to a whole version or to none.
install_bundle() {
  local version partial=$OPT/versions/.partial
  rm -rf "$partial"
  mkdir -p "$partial"
  tar -xzf "$1" -C "$partial" --strip-components=1 --no-same-owner --warning=no-timestamp ||
    give_up 'The bundle on the card cannot be unpacked: flash the card again, or try another card.'
  version=$(cat "$partial/VERSION")
  sync -f "$partial" 2>/dev/null || sync
  rm -rf "${OPT:?}/versions/$version"
  mv "$partial" "$OPT/versions/$version"
  ln -sfn "versions/$version" "$OPT/next"
  mv -Tf "$OPT/next" "$OPT/current"
  mkdir -p "$ROOT/usr/local/bin"
  ln -sfn /opt/bramble/current/bin/bramble "$ROOT/usr/local/bin/bramble"
  # Beside the versions: it takes back those that do not work.
  put "$OPT/update.sh" 755 <"$OPT/current/update.sh"
  install -m 644 "$OPT/current/systemd/"*.service "$ETC/systemd/system/"
  systemctl daemon-reload
}

# Container images that the card brings along, for boards that cannot reach a registry.
step_images() {
  local archives=("$CARD"/images/*.tar) archive
  [ -e "${archives[0]}" ] || return 0
  check_room
  systemctl start docker.service || later 'Docker does not start; see: journalctl -u docker'
  for archive in "${archives[@]}"; do
    docker load -q -i "$archive" >&2 || later 'The container images on the card cannot be loaded; see: journalctl -u bramble-firstboot'
  done
}

step_master() {
  [ "$(setting role)" = master ] || return 0
  systemctl enable --now bramble-master.service || later 'The master does not start; see: journalctl -u bramble-master'
  local waited=0
  until [ -s "$ROOT/var/lib/bramble/admin.kubeconfig" ]; do
    [ "$waited" -lt "$JOIN_PATIENCE" ] || later "The master is not ready after $waited s; see: journalctl -u bramble-master"
    sleep 2
    waited=$((waited + 2))
  done
}

# The token is in a file of its own, readable by nobody else: command lines and environments are read by everybody.
step_join() {
  local data=$ROOT/var/lib/bramble/node token=$ROOT/var/lib/bramble/join-token waited=0
  mkdir -p "$data"
  if [ ! -f "$data/identity/node.pem" ]; then
    if [ "$(setting role)" = master ]; then
      (umask 077 && "$OPT/current/bin/bramble" token create --data-dir "$ROOT/var/lib/bramble" >"$token.new") ||
        later 'The master does not hand out join tokens yet.'
      mv -f "$token.new" "$token"
    elif [ -f "$CARD/token" ]; then
      put "$token" 600 <"$CARD/token"
    fi
    wait_for_network
  fi
  put "$ETC/bramble/agent.env" <<TEXT
# Flags of the agent; see: bramble agent --help
BRAMBLE_AGENT_FLAGS=$(agent_flags)
TEXT
  systemctl enable docker.service 2>/dev/null || true
  systemctl enable bramble-agent.service
  systemctl restart --no-block bramble-agent.service
  until [ -f "$data/identity/node.pem" ]; do
    explain_refusal "$data/identity/join-problem"
    [ "$waited" -lt "$JOIN_PATIENCE" ] || explain_waiting "$data/identity/join-waiting" ||
      later "The master $(setting master) was not reached for $waited s. Is it on, and is this its address?"
    sleep 2
    waited=$((waited + 2))
  done
}

# The agent writes what keeps it from joining where trying again cannot help.
explain_refusal() {
  if [ -s "$1" ]; then
    give_up "The board could not join: $(head -n 1 "$1"). Then write the new token into the file bramble/token on this card, and start the board again."
  fi
}

# The board was known under this name with another card: a person has to say that this one takes its place.
explain_waiting() {
  [ -s "$1" ] || return 1
  later "The master waits until you approve this board. On the master, run: $(head -n 1 "$1")"
}

agent_flags() {
  local master port=''
  master=$(setting master)
  if [ "$(setting role)" = master ]; then master=127.0.0.1; fi
  # More than one colon is an IPv6 address.
  case $master in
    *:*:*) ;;
    *:*) port=${master##*:} master=${master%:*} ;;
  esac
  printf '%s' "--data-dir /var/lib/bramble/node --join-file /var/lib/bramble/join-token"
  if [ -n "$master" ]; then printf '%s' " --master $master"; fi
  if [ -n "$port" ]; then printf '%s' " --mqtt-port $port"; fi
}

# The boot partition is readable by everybody who holds the card.
step_secrets() {
  rm -f "$CARD/token" "$CARD/wifi.nmconnection" "$ROOT/var/lib/bramble/join-token"
  local file
  for file in "$BOOT/network-config" "$BOOT/dietpi-wifi.txt"; do
    [ ! -f "$file" ] || blank_secrets "$file"
  done
  rm -f "$CARD/bundle.tar.gz" "$CARD/bundle.sha256"
  rm -rf "$CARD/images"
  sync
}

# Lines with a password or a key lose their value; the rest stays for whoever looks what was set.
blank_secrets() {
  sed -E "s/^([[:space:]]*\"?(password|psk)\"?:[[:space:]]*).*/\1\"removed after the first boot\"/; s/^(aWIFI_KEY\[[0-9]+\]=).*/\1''/" "$1" | put "$1" 600
}

# What is not as it should be, and does not keep the board from working.
notes() {
  if is_done clock-was-wrong; then
    printf '\n%s' 'Its clock was behind the day of the flash and was set to that; the network and the master tell it the time from here.'
  fi
  if ! memory_cgroup_is_on; then
    printf '\n%s' 'Its kernel has no memory cgroup: pods run without memory limits. Put cgroup_enable=memory into cmdline.txt, or use the kernel of Raspberry Pi OS.'
  fi
}

main() {
  set_clock
  if [ -n "$ONLY" ]; then
    "step_$ONLY"
    return
  fi
  local step
  for step in platform hostname cgroups tune docker bramble images master join secrets; do
    if is_done "$step"; then continue; fi
    log "step $step"
    "step_$step"
    mark_done "$step"
  done
  if [ "$(setting role)" = master ]; then
    report 'ready' "The master runs. On it, 'sudo bramble token create' prints the token for other boards, and 'sudo bramble kubeconfig --host $(setting hostname).local' what kubectl needs. Status page: http://$(setting hostname).local:8080$(notes)"
  else
    report 'ready' "The board has joined the cluster $(date -u +'at %Y-%m-%d %H:%M UTC').$(notes)"
  fi
  led mmc0
  mark_done all
}

main
