#!/bin/bash
# Brings another version of Bramble to this board, on trial, and takes the old one back where the new one does not come up.
# It lies beside the versions, so that no version is needed to get rid of one. Each step leaves a state from which the next
# start goes on: what runs is changed by the replacement of one link.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: update.sh COMMAND

Brings another version of Bramble to the board that this script is installed on, below the folder that it lies in.

  install BUNDLE  unpack a bundle, see that it runs here, and switch to it on trial; its signature was checked before
  start           before each start of the agent (ExecStartPre): gives a version on trial its time, or takes it back
  expire          the time of a trial is over: take it back, unless it was confirmed
  confirm         the version on trial works: it stays
  status          print how the last update went, as lines of key=value

Exit codes: 0 done, 1 not done, and the version that ran runs on, 2 nothing to do, 64 wrong usage.
TEXT
}

OPT=$(dirname "$(readlink -f "$0")")
readonly OPT TRIAL=$OPT/trial RESULT=$OPT/last-update UNITS=${BRAMBLE_UNITS:-/etc/systemd/system}

# How long a version may take until the board is ready, and how many starts it has for that.
readonly TRIAL_SECONDS=${BRAMBLE_TRIAL_SECONDS:-300} STARTS_LIMIT=3
# What a version takes, unpacked beside the one that runs.
readonly NEEDED_MB=${BRAMBLE_UPDATE_MB:-300}

say() { printf '%s\n' "$1"; }

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

# A file appears whole or not at all.
put() {
  cat >"$1.new"
  sync "$1.new"
  mv -f "$1.new" "$1"
  sync "$OPT"
}

field() { sed -n "s/^$2=//p" "$1" 2>/dev/null | head -n 1; }

current() { readlink "$OPT/current" || true; }

switch_to() {
  ln -sfn "$1" "$OPT/next"
  mv -Tf "$OPT/next" "$OPT/current"
  sync "$OPT"
}

# --- install ---

install_bundle() {
  local bundle=$1 partial=$OPT/versions/.partial hash version target
  [ ! -e "$TRIAL" ] || fail 'an update is on trial already: wait until it is through'
  hash=$(sha256sum "$bundle" | cut -c 1-64)
  clean_versions
  check_room
  say 'unpacking'
  mkdir -p "$partial"
  tar -xzf "$bundle" -C "$partial" --strip-components=1 --no-same-owner --warning=no-timestamp ||
    fail 'the bundle cannot be unpacked: is it whole, and is the card full?'
  say 'checking that it is whole and runs on this board'
  (cd "$partial" && sha256sum --check --quiet --strict SHA256SUMS) >&2 || fail 'the bundle is damaged inside'
  version=$("$partial/bin/bramble" version --client) || fail 'the version does not run on this board: is the bundle one for its architecture?'
  target=versions/$(cat "$partial/VERSION")-${hash:0:12}
  if [ "$(current)" = "$target" ]; then
    rm -rf "$partial"
    say "$version runs already"
    exit 2
  fi
  sync -f "$partial"
  rm -rf "${OPT:?}/$target"
  mv "$partial" "$OPT/$target"
  sync "$OPT/versions"
  printf 'from=%s\nto=%s\nsha256=%s\n' "$(current)" "$target" "$hash" | put "$TRIAL"
  switch_to "$target"
  say "$version is on trial"
}

# A and B: the version that runs, and room for one beside it.
clean_versions() {
  local dir
  for dir in "$OPT"/versions/* "$OPT/versions/.partial"; do
    if [ "versions/${dir##*/}" != "$(current)" ]; then rm -rf "$dir"; fi
  done
}

check_room() {
  local free
  free=$(df -Pm "$OPT" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$NEEDED_MB" ] || fail "the card is too full for an update: $free MB are free, $NEEDED_MB MB are needed"
}

# --- trial ---

start_trial() {
  [ -e "$TRIAL" ] || return 0
  if [ -n "$(field "$TRIAL" failed)" ]; then
    finish_going_back
  elif [ "$(current)" != "$(field "$TRIAL" to)" ]; then
    go_back 'the power failed before the switch'
  else
    count_start
  fi
}

count_start() {
  local starts
  starts=$(($(cat "$OPT/trial-starts" 2>/dev/null || printf 0) + 1))
  if [ "$starts" -gt "$STARTS_LIMIT" ]; then
    go_back "it ended $STARTS_LIMIT times before it was ready"
    return
  fi
  printf '%s\n' "$starts" | put "$OPT/trial-starts"
  # After a power cut the clock of the trial starts anew; when the agent has only ended, it runs on, and this fails.
  systemd-run --quiet --collect --unit=bramble-trial --on-active="$TRIAL_SECONDS" "$OPT/update.sh" expire 2>/dev/null || true
  # On the master's own board the master is tried too: the agent must get through to it.
  if [ "$starts" -eq 1 ]; then systemctl --no-block try-restart bramble-master.service || true; fi
}

expire_trial() {
  [ -e "$TRIAL" ] || return 0
  go_back "the board was not ready within $TRIAL_SECONDS s"
  restart_programs
}

# The verdict is written first: whatever happens after it, the old version comes back.
go_back() {
  { cat "$TRIAL"; printf 'failed=%s\n' "$1"; } | put "$TRIAL"
  finish_going_back
}

finish_going_back() {
  switch_to "$(field "$TRIAL" from)"
  { printf 'outcome=failed\n'; cat "$TRIAL"; } | put "$RESULT"
  stop_timer
  rm -f "$TRIAL" "$OPT/trial-starts"
  sync "$OPT"
  systemctl --no-block try-restart bramble-master.service || true
}

# The next trial has a time of its own.
stop_timer() { systemctl stop bramble-trial.timer 2>/dev/null || true; }

restart_programs() { systemctl --no-block restart bramble-agent.service || true; }

# Units and this script come with a version; they are put in place when it is known to work.
confirm_trial() {
  [ -e "$TRIAL" ] || return 0
  [ "$(current)" = "$(field "$TRIAL" to)" ] || fail 'what runs is not the version on trial'
  local unit
  for unit in "$OPT"/current/systemd/*.service; do
    cmp -s "$unit" "$UNITS/${unit##*/}" || { install -m 644 "$unit" "$UNITS/${unit##*/}.new" && mv -f "$UNITS/${unit##*/}.new" "$UNITS/${unit##*/}"; }
  done
  systemctl daemon-reload || true
  cmp -s "$OPT/current/update.sh" "$OPT/update.sh" || {
    install -m 755 "$OPT/current/update.sh" "$OPT/update.sh.new"
    sync "$OPT/update.sh.new"
    mv -f "$OPT/update.sh.new" "$OPT/update.sh"
  }
  { printf 'outcome=done\n'; cat "$TRIAL"; } | put "$RESULT"
  stop_timer
  rm -f "$TRIAL" "$OPT/trial-starts"
  sync "$OPT"
}

print_status() {
  printf 'current=%s\nversion=%s\n' "$(current)" "$(cat "$OPT/current/VERSION")"
  if [ -e "$TRIAL" ]; then
    printf 'outcome=trial\n'
    cat "$TRIAL"
  elif [ -e "$RESULT" ]; then
    cat "$RESULT"
  fi
}

main() {
  case ${1-} in
    -h | --help) usage; exit 0 ;;
    install) [ $# -eq 2 ] || { usage >&2; exit 64; } ;;
    start | expire | confirm | status) [ $# -eq 1 ] || { usage >&2; exit 64; } ;;
    *) usage >&2; exit 64 ;;
  esac
  # One at a time: a trial must not expire while it is confirmed.
  exec 9>"$OPT/.update.lock"
  flock 9
  case $1 in
    install) install_bundle "$2" ;;
    start) start_trial ;;
    expire) expire_trial ;;
    confirm) confirm_trial ;;
    status) print_status ;;
  esac
}

main "$@"
